/* SPDX-License-Identifier: MIT */

/*
 * test_config.c - both passes, every error's line, and libconfuse's traps.
 *
 * The tables are those of a small server: top level, listen, route, and the
 * options of two apps that share a name.
 *
 * over budget: half of it is tables, and the cases belong beside each other.
 */
#include "core/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/sys.h"
#include "tests/test.h"

struct top {
    int64_t workers;
    bool pin;
    int64_t grace;
    int level;
    const char *user;
    struct mr_config_list load;
};

struct route {
    const char *app;
    int64_t body_max;
};

struct files {
    const char *root;
    struct mr_config_list index;
};

static const char *const levels[] = {"error", "warn", "info", NULL};

static const struct mr_config_option top_options[] = {
    {.name = "workers",
     .type = MR_CONFIG_INT,
     .offset = offsetof(struct top, workers),
     .def = "auto",
     .min = 1,
     .max = 1024,
     .word = "auto",
     .word_value = -1,
     .doc = "worker processes"},
    {.name = "pin",
     .type = MR_CONFIG_BOOL,
     .offset = offsetof(struct top, pin),
     .def = "yes"},
    {.name = "grace",
     .type = MR_CONFIG_DURATION,
     .offset = offsetof(struct top, grace),
     .def = "30s",
     .min = 1000000,
     .max = 3600000000000,
     .doc = "time for running requests"},
    {.name = "level",
     .type = MR_CONFIG_ENUM,
     .offset = offsetof(struct top, level),
     .def = "info",
     .choices = levels},
    {.name = "user",
     .type = MR_CONFIG_STRING,
     .offset = offsetof(struct top, user),
     .min = 1,
     .max = 32},
    {.name = "load",
     .type = MR_CONFIG_LIST,
     .offset = offsetof(struct top, load),
     .repeat = true},
};

static const struct mr_config_option listen_options[] = {
    {.name = "backlog", .type = MR_CONFIG_INT, .def = "511", .min = 1},
};

static const struct mr_config_option host_options[] = {
    {.name = "quiet", .type = MR_CONFIG_BOOL, .def = "off"},
};

static const struct mr_config_option route_options[] = {
    {.name = "app",
     .type = MR_CONFIG_STRING,
     .offset = offsetof(struct route, app),
     .required = true},
    {.name = "body_max",
     .type = MR_CONFIG_SIZE,
     .offset = offsetof(struct route, body_max),
     .def = "1M",
     .max = 1 << 30,
     .word = "unlimited",
     .word_value = INT64_MAX},
};

static const struct mr_config_option files_options[] = {
    {.name = "root",
     .type = MR_CONFIG_STRING,
     .offset = offsetof(struct files, root),
     .required = true},
    {.name = "index",
     .type = MR_CONFIG_LIST,
     .offset = offsetof(struct files, index),
     .def = "index.html, index.htm"},
};

static const struct mr_config_option echo_options[] = {
    {.name = "index", .type = MR_CONFIG_BOOL, .def = "off"},
    {.name = "upper", .type = MR_CONFIG_BOOL, .def = "off"},
};

#define OPTIONS(o) .options = o, .n = MR_ARRAY_LEN(o)
static const struct mr_config_table tables[] = {
    {OPTIONS(top_options)},
    {.section = "listen", OPTIONS(listen_options)},
    {.section = "route", .inside = "host", OPTIONS(route_options)},
    {.section = "route", .owner = "files", OPTIONS(files_options)},
    {.section = "route", .owner = "echo", OPTIONS(echo_options)},
    {.section = "host", OPTIONS(host_options)},
};

/* Both passes over a text that errors call t. */
static int parse(struct mr_config *cfg, const char *text)
{
    int err = mr_config_read_text(cfg, "t", mr_str(text));

    return err ? err : mr_config_parse(cfg, tables, MR_ARRAY_LEN(tables));
}

TEST(config_values)
{
    MR_AUTO(config) cfg = mr_config_new();
    struct mr_config_section *s;
    struct files files;
    struct route route;
    struct top top;

    EQ_INT(parse(cfg, "workers = 4 pin=off\n"
                      "grace = 500ms # half a second\n"
                      "level = \"warn\"\n"
                      "user = 'a\\'b\\\\c'\n"
                      "load = a.so\n"
                      "listen 127.0.0.1:80 {}\n"
                      "load = {\"b.so\", c.so}\n"
                      "route \"/\" { root = /srv/www app = files }\n"
                      "route \"POST /\" { app = echo body_max = unlimited }\n"),
           0);
    EQ_STR(mr_config_message(cfg), "");
    EQ_INT(mr_config_fill(mr_config_root(cfg), &tables[0], &top), 0);
    EQ_INT(top.workers, 4);
    EQ_INT(top.pin, false);
    EQ_INT(top.grace, 500000000);
    EQ_INT(top.level, 1);
    EQ_STR(top.user, "a'b\\c");
    EQ_INT(top.load.n, 3);
    EQ_STR(top.load.v[0], "a.so");
    EQ_STR(top.load.v[2], "c.so");
    s = mr_config_next(mr_config_root(cfg), NULL, "route");
    EQ_STR(mr_config_title(s), "/");
    EQ_INT(mr_config_fill(s, &tables[2], &route), 0);
    EQ_STR(route.app, "files");
    EQ_INT(route.body_max, 1 << 20);
    EQ_INT(mr_config_fill(s, &tables[3], &files), 0);
    EQ_STR(files.root, "/srv/www");
    EQ_INT(files.index.n, 2);
    EQ_STR(files.index.v[1], "index.htm");
    s = mr_config_next(mr_config_root(cfg), s, "route");
    EQ_STR(mr_config_title(s), "POST /");
    EQ_INT(mr_config_fill(s, &tables[2], &route), 0);
    EQ_INT(route.body_max, INT64_MAX);
    EQ_PTR(mr_config_next(mr_config_root(cfg), s, "route"), NULL);
}

/* Sections of one title in several others, values before, between and behind
 * them: each belongs where it stands. */
TEST(config_sections_in_sections)
{
    MR_AUTO(config) cfg = mr_config_new();
    struct mr_config_section *root = mr_config_root(cfg), *a, *b, *s;

    EQ_INT(parse(cfg, "host a { route / { app = echo }\n quiet = on\n"
                      "route /x { app = files root = /a\n} }\n"
                      "route / { app = echo body_max = 5 }\n"
                      "host b {} workers = 2\n"
                      "host 'c d' { route / { app = echo\nbody_max = 7 } }"),
           0);
    a = mr_config_next(root, NULL, "host");
    b = mr_config_next(root, a, "host");
    EQ_STR(mr_config_title(a), "a");
    EQ_STR(mr_config_title(b), "b");
    EQ_STR(mr_config_get(a, "quiet"), "on");
    EQ_STR(mr_config_where(a, "quiet"), "t:2");
    EQ_STR(mr_config_get(root, "workers"), "2");
    s = mr_config_next(a, NULL, "route");
    EQ_STR(mr_config_title(s), "/");
    EQ_PTR(mr_config_get(s, "body_max"), NULL);
    s = mr_config_next(a, s, "route");
    EQ_STR(mr_config_title(s), "/x");
    EQ_STR(mr_config_get(s, "root"), "/a");
    EQ_PTR(mr_config_next(a, s, "route"), NULL);
    EQ_PTR(mr_config_next(b, NULL, "route"), NULL);
    s = mr_config_next(root, NULL, "route");
    EQ_STR(mr_config_get(s, "body_max"), "5");
    EQ_PTR(mr_config_next(root, s, "route"), NULL);
    b = mr_config_next(root, b, "host");
    EQ_STR(mr_config_title(b), "c d");
    s = mr_config_next(b, NULL, "route");
    EQ_STR(mr_config_get(s, "body_max"), "7");
    EQ_STR(mr_config_where(s, "body_max"), "t:8");
}

TEST(config_defaults)
{
    MR_AUTO(config) cfg = mr_config_new();
    struct top top;

    memset(&top, 0xff, sizeof top);
    EQ_INT(parse(cfg, ""), 0);
    EQ_INT(mr_config_fill(mr_config_root(cfg), &tables[0], &top), 0);
    EQ_INT(top.workers, -1);
    EQ_INT(top.pin, true);
    EQ_INT(top.grace, 30000000000);
    EQ_INT(top.level, 2);
    EQ_PTR(top.user, NULL);
    EQ_INT(top.load.n, 0);
    EQ_PTR(mr_config_get(mr_config_root(cfg), "workers"), NULL);
    EQ_PTR(mr_config_next(mr_config_root(cfg), NULL, "route"), NULL);
}

TEST(config_pass_one_needs_no_tables)
{
    MR_AUTO(config) cfg = mr_config_new();
    const struct mr_config_need *v;

    EQ_INT(mr_config_read_text(
               cfg, "t",
               mr_str("load = \"a.so\" app = no\nunknown = {load, app}\n"
                      "load = {b.so, 'c.so'}\n"
                      "route / { app = x load = no }\nlisten l { app = y }\n"
                      "route /2 { app = x }\n")),
           0);
    EQ_INT(mr_config_loads(cfg, &v), 3);
    EQ_STR(v[0].text, "a.so");
    EQ_INT(v[0].line, 1);
    EQ_STR(v[2].text, "c.so");
    EQ_INT(v[2].line, 3);
    EQ_INT(mr_config_apps(cfg, &v), 2);
    EQ_STR(v[0].text, "x");
    EQ_INT(v[0].line, 4);
    EQ_STR(v[1].text, "y");
    EQ_INT(v[1].line, 5);
}

/* Comments count as three lines in libconfuse, and are errors within lists. */
TEST(config_lines)
{
    MR_AUTO(config) cfg = mr_config_new();
    struct mr_config_section *s;

    EQ_INT(parse(cfg, "# one\n// two\n/* three\nfour */ workers = # five\n"
                      "\t3\r\n"
                      "load = { a.so, # six\n b.so // seven\n}\n"
                      "route /x # nine\n{\n app = echo\n\n upper = on }\n"
                      "level = info"),
           0);
    s = mr_config_next(mr_config_root(cfg), NULL, "route");
    EQ_STR(mr_config_where(mr_config_root(cfg), "workers"), "t:5");
    EQ_STR(mr_config_where(mr_config_root(cfg), "load"), "t:6");
    EQ_STR(mr_config_where(mr_config_root(cfg), "level"), "t:14");
    EQ_STR(mr_config_where(mr_config_root(cfg), "grace"), "t");
    EQ_STR(mr_config_where(s, NULL), "t:10");
    EQ_STR(mr_config_where(s, "app"), "t:11");
    EQ_STR(mr_config_where(s, "upper"), "t:13");
    EQ_STR(mr_config_where(s, "body_max"), "t:10");
    EQ_INT(mr_config_error(s, "upper", "no %s", "way"), -EINVAL);
    EQ_INT(mr_config_error_at(cfg, 99, "the first counts"), -EINVAL);
    EQ_STR(mr_config_message(cfg), "t:13: no way");
}

static const struct {
    const char *text;
    const char *message;
} errors[] = {
    /* names */
    {"\nwokers = 1", "t:2: unknown directive 'wokers'; did you mean "
                     "'workers'?"},
    {"rotue / {}", "t:1: unknown directive 'rotue'; did you mean 'route'?"},
    {"xyz = 1", "t:1: unknown directive 'xyz'"},
    {"route / { app = echo\nuper = on }",
     "t:2: unknown directive 'uper'; did you mean 'upper'?"},
    {"route / { workers = 3 }",
     "t:1: 'workers' does not stand here, but at the top level"},
    {"backlog = 3", "t:1: 'backlog' does not stand here, but in listen "
                    "sections"},
    {"include(\"x\")", "t:1: '(' has no meaning here: put the word in quotes"},
    /* whose option */
    {"route / {\n root = /x\n app = echo }",
     "t:2: 'root' is an option of app 'files', but this route's app is "
     "'echo'"},
    {"route / {\n root = /x }",
     "t:2: 'root' is an option of app 'files', but this route names no app: "
     "add 'app = files'"},
    {"\nroute / { app = files }", "t:2: 'root' is missing: app 'files' needs "
                                  "it"},
    {"route / {}", "t:1: 'app' is missing"},
    /* values */
    {"workers = 0", "t:1: 'workers' must be a number from 1 to 1024, or auto; "
                    "it is '0'"},
    {"workers = 1025", "t:1: 'workers' must be a number from 1 to 1024, or "
                       "auto; it is '1025'"},
    {"workers = ''", "t:1: 'workers' must be a number from 1 to 1024, or "
                     "auto; it is ''"},
    {"workers = 99999999999999999999999",
     "t:1: 'workers' must be a number from 1 to 1024, or auto; it is "
     "'99999999999999999999999'"},
    {"workers = -1", "t:1: 'workers' must be a number from 1 to 1024, or "
                     "auto; it is '-1'"},
    {"workers =\n1s", "t:2: 'workers' must be a number from 1 to 1024, or "
                      "auto; it is '1s'"},
    {"pin = maybe", "t:1: 'pin' must be on or off; it is 'maybe'"},
    {"grace = 2h", "t:1: 'grace' must be a duration from 1ms to 1h; it is "
                   "'2h'"},
    {"level = loud", "t:1: 'level' must be one of error, warn, info; it is "
                     "'loud'"},
    {"user = ''", "t:1: 'user' must be a text of 1 to 32 bytes; it is ''"},
    {"route / { app = echo body_max = 2G }",
     "t:1: 'body_max' must be a size from 0 to 1G, or unlimited; it is '2G'"},
    {"listen l { backlog = none }",
     "t:1: 'backlog' must be a number of at least 1; it is 'none'"},
    {"pin = {on, off}", "t:1: 'pin' takes one value, not a list of 2"},
    /* twice */
    {"workers = 1\n\nworkers = 1", "t:3: 'workers' is set on line 1 already: "
                                   "keep one of the two"},
    {"listen a {}\nlisten b {}\nlisten \"a\" {}",
     "t:3: listen \"a\" stands on line 1 already: make them one"},
    /* the order of words */
    {"workers 3", "t:1: 'workers' needs a '=' and a value"},
    {"route {}", "t:1: 'route' is a section: it needs a title, and then { ... "
                 "}"},
    {"route / app = echo", "t:1: 'route' is a section: after its title comes "
                           "a '{'"},
    {"route = /", "t:1: 'route' is a section: it needs a title, and then { "
                  "... }"},
    {"workers =", "t:1: 'workers' has no value"},
    {"workers = 3 4", "t:1: unknown directive '4'"},
    {"= 3", "t:1: a name is missing before '=', or the value of the directive "
            "before it"},
    {"'' = 3", "t:1: a name or a title that is empty"},
    {"load = {a.so b.so}", "t:1: unexpected 'b.so': is a name, a comma or a "
                           "'}' missing before it?"},
    {"load = {}", "t:1: an empty list: name something, or leave the directive "
                  "out"},
    {"load += a.so", "t:1: '+' has no meaning here: put the word in quotes"},
    {"pin = off;", "t:1: ';' has no meaning here: put the word in quotes"},
    {"\n}", "t:2: this '}' closes nothing"},
    {"route / {\n app = echo\n", "t:1: the '{' of this line is never closed: "
                                 "a '}' is missing"},
    {"load = {\na.so", "t:1: the '{' of this line is never closed: a '}' is "
                       "missing"},
    /* sections inside sections */
    {"route / {\nlisten x {}\n}",
     "t:2: a listen section inside the route of line 1: is a '}' missing?"},
    {"route / {\nroute /x {}\n}",
     "t:2: a route section inside the route of line 1: is a '}' missing?"},
    {"host h {\nlisten x {}\n}",
     "t:2: a listen section inside the host of line 1: is a '}' missing?"},
    {"host h { route / {\nroute /x {}\n} }",
     "t:2: a section inside that of line 1, which is inside another: is a '}' "
     "missing?"},
    {"host h {\nroute / {\n app = echo\n", "t:2: the '{' of this line is never "
                                           "closed: a '}' is missing"},
    {"host h {\nroute / {\n app = echo\n}",
     "t:1: the '{' of this line is never "
     "closed: a '}' is missing"},
    {"host h {\nruote / {} }", "t:2: unknown directive 'ruote'; did you mean "
                               "'route'?"},
    {"host h {\nroute / { app = echo }\nroute / { app = echo } }",
     "t:3: route \"/\" stands on line 2 already: make them one"},
    {"host h { route / { app = echo }\n upper = on }",
     "t:2: 'upper' does not stand here, but in route sections"},
    {"host h {\nroute / { app = echo root = / } }",
     "t:2: 'root' is an option of app 'files', but this route's app is 'echo'"},
    {"host h { } }", "t:1: this '}' closes nothing"},
    {"host h { route }",
     "t:1: 'route' is a section: it needs a title, and then "
     "{ ... }"},
    /* strings */
    {"\nuser = \"abc\npin = on", "t:2: this string is not closed on its line: "
                                 "\" is missing"},
    {"user = 'abc", "t:1: this string is not closed on its line: ' is "
                    "missing"},
    {"user = \"a\\nb\"", "t:1: a backslash in a string stands before \\ or \" "
                         "only: write it twice"},
    {"/* \n", "t:1: this comment is never closed: '*/' is missing"},
    {"user = \x01", "t:1: control byte 0x01: this is no text"},
    /* what libconfuse does on the quiet */
    {"user = ${HOME}", "t:1: '${' has no meaning here, as no variables are "
                       "expanded: write the value, or put it in single "
                       "quotes"},
    {"user = \"x${HOME}\"", "t:1: '${' has no meaning here, as no variables "
                            "are expanded: write the value, or put it in "
                            "single quotes"},
    {"user = a*b", "t:1: '*' has no meaning here: put the word in quotes"},
    {"route x {app=echo}\nroute|upper = on",
     "t:2: unknown directive 'route|upper'"},
    {"route x {app=echo}\nroute=x|upper = on",
     "t:2: a name is missing before '=', or the value of the directive before "
     "it"},
    {"'route=x|upper' = on", "t:1: unknown directive 'route=x|upper'"},
};

TEST(config_errors)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(errors); i++) {
        MR_AUTO(config) cfg = mr_config_new();

        CASE("%s", errors[i].text);
        EQ_INT(parse(cfg, errors[i].text), -EINVAL);
        EQ_STR(mr_config_message(cfg), errors[i].message);
    }
}

/* An error leaves nothing behind in libconfuse's lexer. */
TEST(config_parse_after_each_error)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(errors); i++) {
        MR_AUTO(config) bad = mr_config_new();
        MR_AUTO(config) good = mr_config_new();

        CASE("%s", errors[i].text);
        EQ_INT(parse(bad, errors[i].text), -EINVAL);
        EQ_INT(parse(good, "\nworkers = 2"), 0);
        EQ_STR(mr_config_where(mr_config_root(good), "workers"), "t:2");
    }
}

TEST(config_nothing_is_expanded)
{
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
        {"user = '${HOME}'", "${HOME}"}, {"user = ~", "~"},
        {"user = \"~/x\"", "~/x"},       {"user = $HOME", "$HOME"},
        {"# ${HOME}\nuser = x", "x"},    {"user = a//b", "a//b"},
        {"user = \"#/*\"", "#/*"},       {"user = http://h/", "http://h/"},
        {"user = \"a\tb\"", "a\tb"},     {"user = a#b", "a"},
        {"user = \"'\"", "'"},           {"user = '\"'", "\""},
        {"user = \xc3\xa9", "\xc3\xa9"}, {"user = '*()+;|'", "*()+;|"},
    };

    setenv("HOME", "/surprise", 1);
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        MR_AUTO(config) cfg = mr_config_new();

        CASE("%s", cases[i].text);
        EQ_INT(parse(cfg, cases[i].text), 0);
        EQ_STR(mr_config_get(mr_config_root(cfg), "user"), cases[i].want);
    }
}

/* A NUL, which would end the text for libconfuse. */
TEST(config_nul_byte)
{
    MR_AUTO(config) cfg = mr_config_new();

    EQ_INT(mr_config_read_text(cfg, "t", mr_str_n("pin = on\n\0wokers", 16)),
           -EINVAL);
    EQ_STR(mr_config_message(cfg), "t:2: control byte 0x00: this is no text");
}

TEST(config_every_prefix_is_answered)
{
    static const char text[] =
        "workers = 4 # a\nload = {'a', \"b\"}\n/* c */ route \"/\" {\n"
        " app = files root = '/'\n}\nhost a { quiet = on route / { app = echo }"
        " }\n";

    for (size_t n = 0; n < sizeof text; n++) {
        MR_AUTO(config) cfg = mr_config_new();
        char *p = test_at_page_end(text, n);
        int err = mr_config_read_text(cfg, "t", mr_str_n(p, n));

        CASE("%zu bytes", n);
        test_page_free(p, n);
        if (!err)
            err = mr_config_parse(cfg, tables, MR_ARRAY_LEN(tables));
        OK(err == 0 || err == -EINVAL);
        EQ_INT(mr_config_message(cfg)[0] != '\0', err != 0);
    }
}

TEST(config_limits)
{
    static char text[(1 << 20) + 2];
    struct mr_str all = mr_str_n(text, sizeof text - 1);

    for (int i = 0; i < 5; i++) {
        MR_AUTO(config) cfg = mr_config_new();
        size_t n = 0;

        CASE("%d", i);
        memset(text, i == 1 ? 'x' : ' ', sizeof text);
        if (i == 2)
            for (int k = 0; k <= 1024; k++)
                n += (size_t)snprintf(text + n, 32, "listen l%d {}\n", k);
        if (i == 3)
            for (int k = 0; k <= 1024; k++)
                n += (size_t)snprintf(text + n, 32, "load = x\n");
        if (n > 0)
            text[n] = ' ';
        all.n = i == 0 ? sizeof text - 1 : sizeof text - 2;
        if (i == 0) {
            EQ_INT(mr_config_read_text(cfg, "t", all), -EFBIG);
        } else {
            int err = mr_config_read_text(cfg, "t", all);

            if (!err)
                err = mr_config_parse(cfg, tables, MR_ARRAY_LEN(tables));
            EQ_INT(err, i == 4 ? 0 : -EINVAL);
        }
        OK(i != 1 || strstr(mr_config_message(cfg), "4096"));
        OK(i != 2 || strstr(mr_config_message(cfg), "t:1025: more than 1024"));
        OK(i != 3 || strstr(mr_config_message(cfg), "t:1025: more than 1024"));
    }
}

TEST(config_read_file)
{
    char path[] = "/tmp/mr-test-config.XXXXXX", want[128];
    int fd = mkstemp(path);
    MR_AUTO(config) cfg = mr_config_new();
    MR_AUTO(config) gone = mr_config_new();
    MR_AUTO(config) isdir = mr_config_new();

    OK(fd >= 0);
    EQ_INT(mr_sys_write(fd, "\npin = x\n", 9), 9);
    mr_sys_close(fd);
    EQ_INT(mr_config_read(cfg, path), 0);
    EQ_INT(mr_config_parse(cfg, tables, MR_ARRAY_LEN(tables)), -EINVAL);
    snprintf(want, sizeof want, "%s:2: 'pin' must be on or off; it is 'x'",
             path);
    EQ_STR(mr_config_message(cfg), want);
    remove(path);
    EQ_INT(mr_config_read(gone, path), -ENOENT);
    snprintf(want, sizeof want, "%s: no such file or directory", path);
    EQ_STR(mr_config_message(gone), want);
    EQ_INT(mr_config_read(isdir, "/tmp"), -EISDIR);
    EQ_STR(mr_config_message(isdir), "/tmp: is a directory");
}

TEST(config_tables_that_clash)
{
    static const struct mr_config_option taken[] = {
        {.name = "app", .type = MR_CONFIG_BOOL}};
    static const struct mr_config_option wrong[] = {
        {.name = "x", .type = MR_CONFIG_INT, .def = "0", .min = 1}};
    static const struct {
        struct mr_config_table table;
        const char *message;
    } cases[] = {
        {{.section = "route", .owner = "bad", OPTIONS(taken)},
         "t: option 'app' of bad is taken already: name it otherwise"},
        {{.section = "route", .owner = "bad", OPTIONS(wrong)},
         "t: option 'x' of bad has a bad default, '0'"},
        {{.owner = "bad", OPTIONS(wrong)},
         "t: app 'bad' has options outside of sections"},
    };

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct mr_config_table two[] = {tables[2], cases[i].table};
        MR_AUTO(config) cfg = mr_config_new();

        EQ_INT(mr_config_read_text(cfg, "t", mr_str("")), 0);
        EQ_INT(mr_config_parse(cfg, two, 2), -EINVAL);
        EQ_STR(mr_config_message(cfg), cases[i].message);
    }
}

TEST(config_print_tables)
{
    struct mr_buf b;

    mr_buf_init(&b);
    EQ_INT(mr_config_print(&tables[0], &b), 0);
    EQ_INT(mr_config_print(&tables[3], &b), 0);
    EQ_INT(mr_buf_append(&b, "", 1), 0);
    EQ_STR(mr_buf_head(&b),
           "# worker processes (a number from 1 to 1024, or auto)\n"
           "workers = auto\n"
           "# pin (on or off)\npin = yes\n"
           "# time for running requests (a duration from 1ms to 1h)\n"
           "grace = 30s\n"
           "# level (one of error, warn, info)\nlevel = info\n"
           "# user (a text of 1 to 32 bytes)\n# user =\n"
           "# load (a list of texts)\n# load =\n"
           "# root (a text; required)\n# root =\n"
           "# index (a list of texts)\nindex = {index.html, index.htm}\n");
    mr_buf_fini(&b);
}

/* Every allocation of ours fails once, in turn: an answer each time, no leak.
 * (libconfuse's own are not behind the seam.) */
TEST(config_out_of_memory)
{
    static const char text[] = "load = {a, b, c, d, e, f}\nload = g\n"
                               "host a { route / { app = echo } }\n"
                               "route / { app = files root = / }\n";
    int err = -ENOMEM;
    unsigned nth = 1;

    for (; err; nth++) {
        MR_AUTO(config) cfg = NULL;
        struct top top;

        CASE("allocation %u", nth);
        mr_sys_fault(MR_SYS_ALLOC, nth, -ENOMEM);
        cfg = mr_config_new();
        err = cfg ? parse(cfg, text) : -ENOMEM;
        if (!err)
            err = mr_config_fill(mr_config_root(cfg), &tables[0], &top);
        mr_sys_fault_clear();
        OK(err == 0 || err == -ENOMEM);
        if (err && cfg)
            OK(strstr(mr_config_message(cfg), "cannot allocate memory"));
    }
    OK(nth > 8);
}

SUITE("meaning", config_values, config_sections_in_sections, config_defaults,
      config_lines, config_nothing_is_expanded, config_print_tables)
SUITE("passes", config_pass_one_needs_no_tables, config_tables_that_clash,
      config_read_file)
SUITE("errors", config_errors, config_parse_after_each_error, config_nul_byte,
      config_every_prefix_is_answered, config_limits, config_out_of_memory)
TEST_MAIN()
