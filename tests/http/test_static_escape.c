/* SPDX-License-Identifier: MIT */
/*
 * test_static_escape.c - nothing outside of the root is served, however it is
 * asked for: spellings of traversal, symbolic links in each mode, and a
 * directory that becomes a link while it is asked for.
 *
 *     tree/secret         must not be seen
 *     tree/root/in.txt    may be
 */
#include <errno.h>
#include <linux/openat2.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "http/static.h"
#include "tests/http/http_util.h"
#include "tests/http/tree.h"

#define SECRET "outside of the root"
#define INSIDE "inside of the root"

static int serve(struct mr_request *req, struct mr_response *res, void *self)
{
    return mr_static_serve(self, req, res);
}

static void make_trees(void)
{
    char path[512];

    tree_make();
    tree_put("secret", SECRET);
    tree_put("in.txt", SECRET);
    tree_dir("root");
    tree_put("root/in.txt", INSIDE);
    tree_dir("root/sub");
    tree_put("root/sub/in.txt", INSIDE);
    tree_link("in.txt", "root/in");
    tree_link("../in.txt", "root/sub/up");
    tree_link("sub", "root/dirin");
    tree_link("../secret", "root/out");
    tree_link("..", "root/dirout");
    tree_link("../../secret", "root/sub/out");
    tree_link("loop", "root/loop");
    tree_link("nowhere", "root/dangling");
    tree_link("out", "root/twice");
    tree_link("/proc/self/root", "root/magic");
    snprintf(path, sizeof path, "%s", tree_path("secret"));
    tree_link(path, "root/absolute");
    snprintf(path, sizeof path, "%s", tree_path("root/in.txt"));
    tree_link(path, "root/absolute-in");
}

static struct mr_static *open_root(struct web *w, const char *route,
                                   enum mr_links links)
{
    struct mr_static *s = NULL;

    CHECK_EQ_INT(mr_static_open(
                     &s, &(struct mr_static_options){.root = tree_path("root"),
                                                     .links = links,
                                                     .hidden = true,
                                                     .listing = true}),
                 0);
    web_route(w, route, serve, s);
    return s;
}

/* --- spellings --- */

/* What comes out as a path inside is served from there: RFC 3986 5.2.4 has
 * ".." end at the top. */
static const struct {
    const char *target;
    int status;
} spellings[] = {
    /* dot segments */
    {"/../secret", 404},
    {"/../../secret", 404},
    {"/../../../../../../../../etc/passwd", 404},
    {"/sub/../../secret", 404},
    {"/sub/../../../secret", 404},
    {"/./../secret", 404},
    {"/.././secret", 404},
    {"/sub/./.././../secret", 404},
    {"/..", 200},
    {"/../", 200},
    {"/../in.txt", 200},
    {"/sub/../../in.txt", 200},
    {"/../root/in.txt", 404},
    {"//../secret", 404},
    {"//../../secret", 404},
    {"/sub//..//..//secret", 404},
    {"/in.txt/../../secret", 404},
    {"/none/../../secret", 404},
    {"/.../secret", 404},
    {"/..../secret", 404},
    {"/..secret", 404},
    {"/..;/secret", 404},
    {"/..;x=y/secret", 404},
    {"/.. /secret", 400},
    /* encoded once */
    {"/%2e%2e/secret", 404},
    {"/%2E%2E/secret", 404},
    {"/.%2e/secret", 404},
    {"/%2e./secret", 404},
    {"/%2e%2e/%2e%2e/etc/passwd", 404},
    {"/sub/%2e%2e/%2e%2e/secret", 404},
    {"/%2e%2e%2fsecret", 400},
    {"/..%2fsecret", 400},
    {"/..%2Fsecret", 400},
    {"/%2e%2e%2f%2e%2e%2fetc%2fpasswd", 400},
    {"/sub%2f..%2f..%2fsecret", 400},
    {"/%2fetc/passwd", 400},
    {"/%2Fetc%2Fpasswd", 400},
    {"/%2e%2e%00/secret", 400},
    {"/%20../secret", 404},
    {"/..%20/secret", 404},
    {"/..%09/secret", 404},
    {"/..%0a/secret", 404},
    {"/..%0d%0a/secret", 404},
    /* encoded twice: a name with a '%' in it */
    {"/%252e%252e/secret", 404},
    {"/%252e%252e%252fsecret", 404},
    {"/..%252fsecret", 404},
    {"/..%252f..%252fetc%252fpasswd", 404},
    {"/%25252e%25252e/secret", 404},
    {"/..%25c0%25afsecret", 404},
    {"/%%32%65%%32%65/secret", 400},
    /* overlong and other UTF-8: bytes of a name */
    {"/%c0%ae%c0%ae/secret", 404},
    {"/%c0%ae%c0%ae%c0%afsecret", 404},
    {"/..%c0%afsecret", 404},
    {"/..%c1%9csecret", 404},
    {"/..%e0%80%afsecret", 404},
    {"/..%f0%80%80%afsecret", 404},
    {"/..%fc%80%80%80%80%afsecret", 404},
    {"/%e0%80%ae%e0%80%ae/secret", 404},
    {"/%ef%bc%8e%ef%bc%8e/secret", 404}, /* full-width dots */
    {"/..%ef%bc%8fsecret", 404},         /* full-width slash */
    {"/%e2%80%a5/secret", 404},          /* two dot leader */
    {"/..%e2%88%95secret", 404},         /* division slash */
    {"/%u002e%u002e/secret", 400},
    {"/..%u2215secret", 400},
    {"/\xc0\xae\xc0\xae/secret", 400},
    {"/..\xc0\xafsecret", 400},
    /* backslashes */
    {"/..\\secret", 400},
    {"/..\\..\\secret", 400},
    {"\\..\\secret", 400},
    {"/..%5csecret", 404},
    {"/..%5C..%5Csecret", 404},
    {"/%2e%2e%5csecret", 404},
    {"/..%255csecret", 404},
    {"/sub\\..\\..\\secret", 400},
    {"/.%5c../secret", 404},
    /* NUL, and broken escapes */
    {"/%00/../secret", 400},
    {"/in.txt%00", 400},
    {"/../secret%00.html", 400},
    {"/..%00/secret", 400},
    {"/%", 400},
    {"/%2", 400},
    {"/..%2", 400},
    {"/%2e%2", 400},
    {"/%zz", 400},
    {"/%+2e%+2e/secret", 400},
    /* absolute */
    {"//etc/passwd", 404},
    {"///etc/passwd", 404},
    {"/etc/passwd", 404},
    {"/root/in.txt", 404},
    {"/C:/secret", 404},
    {"/C:%5csecret", 404},
    {"/file:///etc/passwd", 404},
    {"/~root/secret", 404},
    {"/proc/self/cwd/secret", 404},
    {"file:///etc/passwd", 400},
    {"etc/passwd", 400},
    {"../secret", 400},
    {"..", 400},
    {"", 400},
    {"http://a/../secret", 404},
    {"http://a/%2e%2e/secret", 404},
    {"http://a//etc/passwd", 404},
    {"http://a/..%2fsecret", 400},
    {"http://a\\..\\secret", 400},
    /* where the query or a fragment begins */
    {"/?/../../secret", 200},
    {"/in.txt?/../../secret", 200},
    {"/..?/secret", 200},
    {"/..%3f/secret", 404},
    {"/..%23/secret", 404},
    {"/#/../secret", 400},
};

static void ask_all(struct web *w, const char *prefix)
{
    struct client *c = client_new(w);
    char text[512];

    for (size_t i = 0; i < MR_ARRAY_LEN(spellings); i++) {
        const char *target = spellings[i].target;

        CASE("%s %s", prefix, target);
        snprintf(text, sizeof text, GET("%s%s"), *target == '/' ? prefix : "",
                 target);
        CHECK_EQ_INT(ask(c, text), spellings[i].status);
        CHECK_OK(!strstr(c->body, SECRET) && !strstr(c->body, "root:") &&
                 !strstr(c->body, "secret"));
        /* After 400 the connection is gone. */
        client_free(c);
        c = client_new(w);
    }
    client_free(c);
}

static void ask_spellings(struct web *w, enum mr_links links)
{
    struct mr_static *s;

    make_trees();
    remove(tree_path("root/out")); /* its name is in listings */
    s = open_root(w, "/", links);
    ask_all(w, "");
    mr_static_close(s);
}

WEB(escape_by_spelling)
{
    ask_spellings(w, MR_LINKS_INSIDE);
}

WEB(escape_by_spelling_without_links)
{
    ask_spellings(w, MR_LINKS_OFF);
}

/* Links may lead out, the path may not. */
WEB(escape_by_spelling_with_links)
{
    ask_spellings(w, MR_LINKS_FOLLOW);
}

WEB(escape_by_spelling_without_openat2)
{
    mr_sys_fault_always(MR_SYS_OPENAT2, -ENOSYS);
    ask_spellings(w, MR_LINKS_INSIDE);
}

WEB(escape_by_spelling_with_links_without_openat2)
{
    mr_sys_fault_always(MR_SYS_OPENAT2, -EPERM);
    ask_spellings(w, MR_LINKS_FOLLOW);
}

/* --- links --- */

static const struct {
    const char *target;
    int inside, off, follow;
} links[] = {
    {"/in.txt", 200, 200, 200},
    {"/in", 200, 404, 200},
    {"/in/", 404, 404, 404},
    {"/dirin", 301, 404, 301},
    {"/dirin/", 200, 404, 200},
    {"/dirin/in.txt", 200, 404, 200},
    {"/sub/up", 200, 404, 200}, /* out of its directory, not of the root */
    {"/dirin/up", 200, 404, 200},
    {"/out", 404, 404, 200},
    {"/twice", 404, 404, 200},
    {"/sub/out", 404, 404, 200},
    {"/dirin/out", 404, 404, 200},
    {"/dirout", 404, 404, 301},
    {"/dirout/", 404, 404, 200},
    {"/dirout/secret", 404, 404, 200},
    {"/dirout/root/in.txt", 404, 404, 200},
    {"/absolute", 404, 404, 200},
    {"/absolute-in", 404, 404, 200}, /* by its text it leads out */
    {"/loop", 404, 404, 404},
    {"/loop/x", 404, 404, 404},
    {"/dangling", 404, 404, 404},
    /* The path itself is cleaned before links are followed. */
    {"/dirout/../secret", 404, 404, 404},
    {"/dirin/../../secret", 404, 404, 404},
};

static void ask_links(struct web *w, bool has_openat2)
{
    struct mr_static *of[3];
    struct client *c = client_new(w);
    char text[256];

    make_trees();
    of[0] = open_root(w, "/inside", MR_LINKS_INSIDE);
    of[1] = open_root(w, "/off", MR_LINKS_OFF);
    of[2] = open_root(w, "/follow", MR_LINKS_FOLLOW);
    for (size_t i = 0; i < MR_ARRAY_LEN(links); i++) {
        const char *target = links[i].target;

        CASE("%s", target);
        snprintf(text, sizeof text, GET("/inside%s"), target);
        CHECK_EQ_INT(ask(c, text),
                     has_openat2 ? links[i].inside : links[i].off);
        CHECK_OK(!strstr(c->body, SECRET));
        snprintf(text, sizeof text, GET("/off%s"), target);
        CHECK_EQ_INT(ask(c, text), links[i].off);
        CHECK_OK(!strstr(c->body, SECRET));
        snprintf(text, sizeof text, GET("/follow%s"), target);
        CHECK_EQ_INT(ask(c, text), links[i].follow);
    }
    /* What is no link of the file system is not followed by anyone. */
    CHECK_EQ_INT(ask(c, GET("/inside/magic/etc/passwd")), 404);
    CHECK_EQ_INT(ask(c, GET("/off/magic/etc/passwd")), 404);
    if (has_openat2)
        CHECK_EQ_INT(ask(c, GET("/follow/magic/etc/passwd")), 404);
    /* A listing names links where they may be asked for. */
    CHECK_EQ_INT(ask(c, GET("/follow/")), 200);
    CHECK_OK(strstr(c->body, "dirin"));
    CHECK_EQ_INT(ask(c, GET("/off/")), 200);
    CHECK_OK(!strstr(c->body, "dirin"));
    for (size_t i = 0; i < MR_ARRAY_LEN(of); i++)
        mr_static_close(of[i]);
    client_free(c);
}

static bool kernel_has_openat2(void)
{
    struct open_how how = {.flags = O_PATH};
    int fd = mr_sys_openat2(AT_FDCWD, "/", &how);

    if (fd >= 0)
        mr_fd_close(fd);
    return fd >= 0;
}

WEB(escape_by_link)
{
    ask_links(w, kernel_has_openat2());
}

WEB(escape_by_link_without_openat2)
{
    mr_sys_fault_always(MR_SYS_OPENAT2, -ENOSYS);
    ask_links(w, false);
}

/* --- races --- */

/* Until it is killed, or its parent is gone. */
static void swap_for_ever(const char *a, const char *b)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;)
        renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
}

static void race(struct web *w, enum mr_links mode)
{
    struct client *c = client_new(w);
    char a[512], b[512];
    struct mr_static *s;
    int found = 0, not_found = 0, busy = 0;
    pid_t swapper;

    make_trees();
    tree_dir("root/swap");
    tree_put("root/swap/in.txt", INSIDE);
    tree_link("..", "root/sub/swap"); /* there, its in.txt is outside */
    snprintf(a, sizeof a, "%s", tree_path("root/swap"));
    snprintf(b, sizeof b, "%s", tree_path("root/sub/swap"));
    s = open_root(w, "/", mode);
    swapper = fork();
    if (swapper == 0)
        swap_for_ever(a, b);
    while (found + not_found < 300 || found == 0 || not_found == 0) {
        int status = ask(c, GET("/swap/in.txt"));

        CHECK_OK(!strstr(c->body, SECRET));
        found += status == 200;
        not_found += status == 404;
        busy += status == 503 || status == 500; /* renamed all the time */
        CHECK_EQ_INT(status == 200 || status == 404 || status == 503 ||
                         status == 500,
                     true);
        if (status < 0 || busy > 10000)
            break;
    }
    kill(swapper, SIGKILL);
    CHECK_EQ_INT(waitpid(swapper, NULL, 0), swapper);
    mr_static_close(s);
    client_free(c);
}

WEB(escape_by_race)
{
    race(w, MR_LINKS_INSIDE);
}

WEB(escape_by_race_without_links)
{
    race(w, MR_LINKS_OFF);
}

WEB(escape_by_race_without_openat2)
{
    mr_sys_fault_always(MR_SYS_OPENAT2, -ENOSYS);
    race(w, MR_LINKS_INSIDE);
}

SUITE("ways out of the root", escape_by_spelling,
      escape_by_spelling_without_links, escape_by_spelling_with_links,
      escape_by_spelling_without_openat2,
      escape_by_spelling_with_links_without_openat2, escape_by_link,
      escape_by_link_without_openat2, escape_by_race,
      escape_by_race_without_links, escape_by_race_without_openat2)
TEST_MAIN()
