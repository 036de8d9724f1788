/* SPDX-License-Identifier: MIT */
/* test_app.c - finding and loading apps. Those refused are compiled here, with
 * $CC; one that is taken needs a server to be loaded into: $MILLRACE. */
#include "http/app.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/sys.h"
#include "tests/test.h"

static char dir[] = "/tmp/test_app.XXXXXX";

static int drop(const char *path, const struct stat *st, int flag,
                struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static void drop_dir(void)
{
    nftw(dir, drop, 8, FTW_DEPTH | FTW_PHYS);
}

static bool have_dir(void)
{
    if (!mkdtemp(dir))
        return false;
    atexit(drop_dir);
    return true;
}

/* NAME.so in our directory, of this source. */
static bool compile(const char *name, const char *source)
{
    const char *cc = getenv("CC");
    char path[256], command[1024];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s.c", dir, name);
    f = fopen(path, "w");
    if (!f)
        return false;
    fputs(source, f);
    fclose(f);
    snprintf(command, sizeof command,
             "%s -std=gnu11 -D_GNU_SOURCE -I. -fPIC -shared -o %s/%s.so %s",
             cc && *cc ? cc : "gcc", dir, name, path);
    return system(command) == 0;
}

#define TEXT(n) TEXT_(n)
#define TEXT_(n) #n
#define HANDLER                                                           \
    "#include \"http/app.h\"\n"                                           \
    "static int h(struct mr_request *a, struct mr_response *b, void *c) " \
    "{ (void)a; (void)b; (void)c; return 0; }\n"

static const struct {
    const char *name, *source, *why;
} refused[] = {
    {"old",
     HANDLER "MR_API const struct mr_app mr_app_old = {.abi = MR_APP_ABI + 1, "
             ".struct_size = sizeof(struct mr_app), .name = \"old\", "
             ".handle = h};\n",
     "this server has " TEXT(MR_APP_ABI) ": rebuild it"},
    {"small",
     HANDLER "MR_API const struct mr_app mr_app_small = {.abi = MR_APP_ABI, "
             ".struct_size = 8, .name = \"small\", .handle = h};\n",
     "does not define a usable app"},
    {"idle", HANDLER "int x = sizeof h; MR_APP(idle, .size = 1)\n",
     "does not define a usable app: define it with MR_APP and a handle"},
    {"renamed", HANDLER "MR_APP(other, .handle = h)\n",
     "defines no app named renamed: MR_APP(renamed, ...)"},
    {"libprefix", HANDLER "MR_APP(libprefix, .handle = h)\n",
     "defines no app named prefix"},
    {"double",
     HANDLER "struct mr_coro *mr_spawn_with(mr_coro_fn *f, void *a, "
             "const struct mr_spawn_options *o) "
             "{ (void)f; (void)a; (void)o; return 0; }\n"
             "MR_API const struct mr_app mr_app_double = {.abi = MR_APP_ABI, "
             ".struct_size = sizeof(struct mr_app), .name = \"double\", "
             ".handle = h};\n",
     "brings a second copy of the runtime: link it without libmillrace"},
    {"lacking",
     HANDLER "int mr_there_is_no_such_function(void);\n"
             "int x(void) { return mr_there_is_no_such_function(); }\n"
             "MR_APP(lacking, .handle = h)\n",
     "undefined symbol: mr_there_is_no_such_function"},
};

TEST(app_refused)
{
    struct mr_apps apps;

    OK(have_dir());
    EQ_INT(mr_apps_init(&apps, NULL, 0), 0);
    for (size_t i = 0; i < MR_ARRAY_LEN(refused); i++) {
        char path[256], why[512] = "";

        CASE("%s", refused[i].name);
        OK(compile(refused[i].name, refused[i].source));
        snprintf(path, sizeof path, "%s/%s.so", dir, refused[i].name);
        EQ_INT(mr_apps_load(&apps, path, why, sizeof why), -EINVAL);
        if (!strstr(why, refused[i].why) || !strstr(why, refused[i].name))
            EQ_STR(why, refused[i].why);
        OK(!strchr(why, '\n'));
        EQ_INT(apps.n, 0);
    }
    mr_apps_fini(&apps);
}

static const struct {
    const char *path, *why;
} no_files[] = {
    {"/none/hello.so", "cannot load /none/hello.so"},
    {"hello", "hello: an app is a file NAME.so"},
    {".so", ".so: an app is a file NAME.so"},
    {"/tmp/.so", "an app is a file NAME.so"},
    {"", ": an app is a file NAME.so"},
    /* one of the system's libraries is not looked for, even if it is there */
    {"libz.so", "cannot load ./libz.so"},
    {"Makefile.so", "cannot load ./Makefile.so"},
    {"/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     ".so",
     "an app is a file NAME.so"},
};

TEST(app_without_a_file)
{
    struct mr_apps apps;

    EQ_INT(mr_apps_init(&apps, NULL, 0), 0);
    for (size_t i = 0; i < MR_ARRAY_LEN(no_files); i++) {
        char why[512] = "";

        CASE("%s", no_files[i].path);
        EQ_INT(mr_apps_load(&apps, no_files[i].path, why, sizeof why), -EINVAL);
        if (!strstr(why, no_files[i].why))
            EQ_STR(why, no_files[i].why);
    }
    mr_apps_fini(&apps);
}

static int handle(struct mr_request *req, struct mr_response *res, void *self)
{
    (void)req;
    (void)res;
    (void)self;
    return 0;
}

MR_APP(one, .handle = handle)
MR_APP(two, .handle = handle)

TEST(app_loaded_comes_first)
{
    const struct mr_app *const built_in[] = {&mr_app_one, &mr_app_two};
    struct mr_apps apps;
    char path[256], why[512] = "";

    OK(have_dir());
    OK(compile("two", HANDLER "MR_APP(two, .size = 7, .handle = h)\n"));
    snprintf(path, sizeof path, "%s/two.so", dir);
    EQ_INT(mr_apps_init(&apps, built_in, 2), 0);
    EQ_PTR(mr_apps_find(&apps, "one"), &mr_app_one);
    EQ_PTR(mr_apps_find(&apps, "two"), &mr_app_two);
    EQ_PTR(mr_apps_find(&apps, "three"), NULL);
    EQ_PTR(mr_apps_find(&apps, ""), NULL);
    for (unsigned n = 1; n < 3; n++) {
        mr_sys_fault(MR_SYS_ALLOC, n, -ENOMEM);
        EQ_INT(mr_apps_load(&apps, path, why, sizeof why), -ENOMEM);
        mr_sys_fault_clear();
        OK(strstr(why, "out of memory") != NULL);
        EQ_INT(apps.n, 2);
    }
    EQ_INT(mr_apps_load(&apps, path, why, sizeof why), 0);
    EQ_INT(apps.n, 3);
    EQ_INT(mr_apps_find(&apps, "two")->size, 7);
    EQ_PTR(mr_apps_find(&apps, "one"), &mr_app_one);
    mr_apps_fini(&apps);
}

/* One that calls the runtime, into a real server; it was refused as one that
 * brings a copy of its own. */
TEST(app_loaded_by_the_server)
{
    static const char source[] =
        "#include \"core/hub.h\"\n#include \"http/app.h\"\n"
        "static int h(struct mr_request *a, struct mr_response *b, void *c)\n"
        "{ (void)a; (void)b; (void)c; return mr_spawn(0, 0) ? 0 : -1; }\n"
        "MR_APP(guest, .handle = h)\n";
    const char *server = getenv("MILLRACE");
    char path[256], command[1024], line[1024] = "";
    FILE *f;

    if (!server || access(server, X_OK) == -1)
        SKIP("no server in $MILLRACE");
    OK(have_dir());
    OK(compile("guest", source));
    snprintf(path, sizeof path, "%s/conf", dir);
    f = fopen(path, "w");
    OK(f != NULL);
    fprintf(f,
            "load = \"%s/guest.so\"\nlisten \"127.0.0.1:1\" {}\n"
            "route \"/\" { app = guest }\n",
            dir);
    fclose(f);
    snprintf(command, sizeof command, "%s -t -c %s 2>&1", server, path);
    f = popen(command, "r");
    OK(f != NULL);
    OK(fgets(line, sizeof line, f) != NULL);
    if (!strstr(line, ": fine\n"))
        EQ_STR(line, "fine");
    EQ_INT(pclose(f), 0);
}

SUITE("apps", app_refused, app_without_a_file, app_loaded_comes_first,
      app_loaded_by_the_server)
TEST_MAIN()
