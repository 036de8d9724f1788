/* SPDX-License-Identifier: MIT */
/* test_access_log.c - one line per answer. */
#include "http/access_log.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/http/http_util.h"

static char path[64], old[80];

static void name_files(void)
{
    snprintf(path, sizeof path, "/tmp/test_access_log.%d", (int)getpid());
    snprintf(old, sizeof old, "%s.1", path);
    unlink(path);
}

/* All of the file, in a buffer of the process's. */
static const char *content(const char *name)
{
    static char text[256 * 1024];
    int fd = open(name, O_RDONLY);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;

    CHECK_OK(fd >= 0 && n >= 0);
    text[n > 0 ? n : 0] = '\0';
    close(fd);
    return text;
}

static struct mr_access_log *log_open(enum mr_access_format format)
{
    struct mr_access_log *log = NULL;

    name_files();
    CHECK_EQ_INT(mr_access_log_open(&log, path, format), 0);
    return log;
}

#define S(z)             \
    {                    \
        z, sizeof(z) - 1 \
    }

static const struct {
    const char *peer;
    struct mr_access_entry e;
    const char *before, *after; /* around the time */
} lines[] = {
    {"1.2.3.4:5",
     {.method = S("GET"),
      .target = S("/a?b"),
      .minor = 1,
      .status = 200,
      .bytes = 5,
      .referer = S("http://x/"),
      .user_agent = S("curl")},
     "1.2.3.4 - - [",
     " +0000] \"GET /a?b HTTP/1.1\" 200 5 \"http://x/\" \"curl\"\n"},
    {"[::1]:5",
     {.method = S("HEAD"), .target = S("/"), .status = 304},
     "[::1] - - [",
     " +0000] \"HEAD / HTTP/1.0\" 304 0 \"-\" \"-\"\n"},
    /* who it was: one field, whatever is in the name */
    {"1.2.3.4:5",
     {.method = S("GET"), .target = S("/"), .status = 200, .user = S("eve")},
     "1.2.3.4 - eve [",
     " +0000] \"GET / HTTP/1.0\" 200 0 \"-\" \"-\"\n"},
    {"1.2.3.4:5",
     {.method = S("GET"),
      .target = S("/"),
      .status = 200,
      .user = S(" a b  [\"\n\xc3\xa9 ")},
     "1.2.3.4 - \\x20a\\x20b\\x20\\x20[\\x22\\x0a\\xc3\\xa9\\x20 [",
     " +0000] \"GET / HTTP/1.0\" 200 0 \"-\" \"-\"\n"},
    /* a request that was not understood */
    {"1.2.3.4:5",
     {.status = 400, .bytes = 9},
     "1.2.3.4 - - [",
     " +0000] \"-\" 400 9 \"-\" \"-\"\n"},
    /* no line can be forged */
    {"1.2.3.4:5",
     {.method = S("GET"),
      .target = S("/\"\n1.1.1.1"),
      .minor = 1,
      .status = 200,
      .user_agent = S("a\" 200 \\ \x1b[31m\r\nx\x7f")},
     "1.2.3.4 - - [",
     " +0000] \"GET /\\x22\\x0a1.1.1.1 HTTP/1.1\" 200 0 \"-\" \"a\\x22 200 "
     "\\x5c \\x1b[31m\\x0d\\x0ax\\x7f\"\n"},
};

IN_HUB(access_log_lines)
{
    struct mr_access_log *log = log_open(MR_ACCESS_COMBINED);

    for (size_t i = 0; i < MR_ARRAY_LEN(lines); i++) {
        struct mr_access_entry e = lines[i].e;
        struct mr_addr peer;
        const char *text;

        CASE("%zu", i);
        CHECK_EQ_INT(mr_addr_parse(&peer, mr_str(lines[i].peer)), 0);
        e.peer = &peer;
        CHECK_EQ_INT(truncate(path, 0), 0);
        mr_access_log_add(log, &e);
        CHECK_EQ_STR(content(path), "");
        mr_access_log_flush(log);
        text = content(path);
        CHECK_EQ_MEM(text, strlen(lines[i].before), lines[i].before,
                     strlen(lines[i].before));
        text += strlen(lines[i].before);
        CHECK_OK(text[2] == '/' && text[6] == '/' && text[11] == ':');
        CHECK_EQ_STR(text + 20, lines[i].after);
    }
    mr_access_log_close(log);
    unlink(path);
    return 0;
}

static const struct {
    const char *peer;
    struct mr_access_entry e;
    const char *after; /* the time */
} objects[] = {
    {"1.2.3.4:5",
     {.method = S("GET"),
      .host = S("a.example"),
      .target = S("/a?b"),
      .minor = 1,
      .status = 200,
      .bytes = 5,
      .referer = S("http://x/"),
      .user_agent = S("curl")},
     "Z\",\"remote\":\"1.2.3.4\",\"status\":200,\"bytes\":5,"
     "\"protocol\":\"HTTP/1.1\",\"method\":\"GET\",\"host\":\"a.example\","
     "\"target\":\"/a?b\",\"referer\":\"http://x/\",\"user_agent\":\"curl\"}"
     "\n"},
    {"1.2.3.4:5",
     {.method = S("GET"), .target = S("/"), .status = 200, .user = S("e v\"")},
     "Z\",\"remote\":\"1.2.3.4\",\"status\":200,\"bytes\":0,"
     "\"protocol\":\"HTTP/1.0\",\"user\":\"e v\\u0022\",\"method\":\"GET\","
     "\"target\":\"/\"}\n"},
    /* a request that was not understood */
    {"[::1]:5",
     {.status = 400, .bytes = 9},
     "Z\",\"remote\":\"[::1]\",\"status\":400,\"bytes\":9}\n"},
    /* no member, no line can be forged; what comes out is UTF-8 */
    {"1.2.3.4:5",
     {.method = S("GET"),
      .target = S("/\",\"status\":1}\n\\\xff\x7f"),
      .status = 200},
     "Z\",\"remote\":\"1.2.3.4\",\"status\":200,\"bytes\":0,"
     "\"protocol\":\"HTTP/1.0\",\"method\":\"GET\","
     "\"target\":\"/\\u0022,\\u0022status\\u0022:1}\\u000a\\u005c\\u00ff"
     "\\u007f\"}\n"},
};

IN_HUB(access_log_json)
{
    struct mr_access_log *log = log_open(MR_ACCESS_JSON);

    for (size_t i = 0; i < MR_ARRAY_LEN(objects); i++) {
        struct mr_access_entry e = objects[i].e;
        struct mr_addr peer;
        const char *text;

        CASE("%zu", i);
        CHECK_EQ_INT(mr_addr_parse(&peer, mr_str(objects[i].peer)), 0);
        e.peer = &peer;
        CHECK_EQ_INT(truncate(path, 0), 0);
        mr_access_log_add(log, &e);
        mr_access_log_flush(log);
        text = content(path);
        CHECK_EQ_MEM(text, 9, "{\"time\":\"", 9); /* "2026-11-22T12:47:51Z" */
        CHECK_OK(text[13] == '-' && text[16] == '-' && text[19] == 'T');
        CHECK_EQ_STR(text + 28, objects[i].after);
    }
    mr_access_log_close(log);
    unlink(path);
    return 0;
}

static const struct {
    struct mr_str host;
    const char *begins;
} named[] = {
    {S("a.example"), "a.example:80 1.2.3.4 - - ["},
    {S("A.example:8080"), "A.example:8080 1.2.3.4 - - ["},
    {S("a:"), "a:80 1.2.3.4 - - ["},
    {S("[::1]"), "[::1]:80 1.2.3.4 - - ["},
    {S("[::1]:5"), "[::1]:5 1.2.3.4 - - ["},
    {S(""), "-:80 1.2.3.4 - - ["},
};

IN_HUB(access_log_with_hosts)
{
    struct mr_access_log *log = log_open(MR_ACCESS_VCOMBINED);
    struct mr_addr peer;

    CHECK_EQ_INT(mr_addr_parse(&peer, mr_str("1.2.3.4:5")), 0);
    for (size_t i = 0; i < MR_ARRAY_LEN(named); i++) {
        struct mr_access_entry e = {.peer = &peer,
                                    .method = S("GET"),
                                    .target = S("/"),
                                    .status = 200,
                                    .host = named[i].host};
        const char *text;

        CASE("%s", named[i].begins);
        CHECK_EQ_INT(truncate(path, 0), 0);
        mr_access_log_add(log, &e);
        mr_access_log_flush(log);
        text = content(path);
        CHECK_EQ_MEM(text, strlen(named[i].begins), named[i].begins,
                     strlen(named[i].begins));
        CHECK_EQ_STR(strchr(strchr(text, '+'), ']'),
                     "] \"GET / HTTP/1.0\" 200 0 \"-\" \"-\"\n");
    }
    mr_access_log_close(log);
    unlink(path);
    return 0;
}

static const struct mr_addr local = {.len = sizeof(sa_family_t),
                                     .un.sun_family = AF_UNIX};

IN_HUB(access_log_common_and_mode)
{
    struct mr_access_log *log = log_open(MR_ACCESS_COMMON);
    struct mr_access_entry e = lines[0].e;
    struct stat st;

    e.peer = &local;
    mr_access_log_add(log, &e);
    mr_access_log_close(log);
    CHECK_EQ_STR(strchr(content(path), ']'), "] \"GET /a?b HTTP/1.1\" 200 5\n");
    CHECK_EQ_INT(stat(path, &st), 0);
    CHECK_EQ_INT(st.st_mode & 0137, 0);
    unlink(path);
    mr_access_log_close(NULL);
    return 0;
}

/* Lines of any length fit, are cut at the target's bound, and stay lines. */
static void long_lines(enum mr_access_format format, const char *end)
{
    struct mr_access_log *log = log_open(format);
    static char much[32 * 1024];
    struct mr_access_entry e = {
        .peer = &local, .method = S("GET"), .status = 200};
    size_t newlines = 0;

    memset(much, '\n', sizeof much);
    e.target = e.referer = e.user_agent = e.host = mr_str_n(much, sizeof much);
    for (int i = 0; i < 20; i++)
        mr_access_log_add(log, &e);
    mr_access_log_close(log);
    for (const char *p = content(path); (p = strchr(p, '\n')); p++) {
        newlines++;
        CHECK_EQ_MEM(p - strlen(end), strlen(end), end, strlen(end));
    }
    CHECK_EQ_INT(newlines, 20);
    unlink(path);
}

IN_HUB(access_log_long_lines)
{
    long_lines(MR_ACCESS_COMBINED, "\\x0a\"");
    long_lines(MR_ACCESS_JSON, "\\u000a\"}");
    return 0;
}

IN_HUB(access_log_reopens)
{
    struct mr_access_log *log = log_open(MR_ACCESS_COMMON);
    struct mr_access_entry e = {.peer = &local, .status = 200};

    mr_access_log_add(log, &e);
    CHECK_EQ_INT(rename(path, old), 0);
    CHECK_EQ_INT(mr_access_log_reopen(log), 0);
    mr_access_log_add(log, &e);
    mr_access_log_add(log, &e);
    mr_sys_fault(MR_SYS_OPENAT, 1, -ENOSPC);
    CHECK_EQ_INT(mr_access_log_reopen(log), -ENOSPC);
    mr_sys_fault_clear();
    CHECK_EQ_INT(strlen(content(path)), 2 * strlen(content(old)));
    mr_access_log_add(log, &e); /* the old file is kept */
    mr_access_log_close(log);
    CHECK_EQ_INT(strlen(content(path)), 3 * strlen(content(old)));
    unlink(path);
    unlink(old);
    return 0;
}

/* A full disk loses lines, counts them, and stops nothing. */
IN_HUB(access_log_on_a_full_disk)
{
    struct mr_access_log *log = log_open(MR_ACCESS_COMMON);
    struct mr_access_entry e = {.peer = &local, .status = 200};

    mr_sys_fault_always(MR_SYS_WRITE, -ENOSPC);
    for (int i = 0; i < 3; i++)
        mr_access_log_add(log, &e);
    mr_access_log_flush(log);
    CHECK_EQ_INT(mr_access_log_lost(log), 3);
    mr_sys_fault_clear();
    mr_access_log_add(log, &e);
    mr_access_log_close(log);
    CHECK_OK(*content(path) != '\0');
    unlink(path);
    return 0;
}

/* The disk has room for a line and a half, and again when it was cleared: the
 * half line is lost, and no other with it. */
IN_HUB(access_log_short_write)
{
    struct mr_access_log *log = log_open(MR_ACCESS_COMMON);
    struct mr_access_entry e = {.peer = &local, .status = 200};
    struct rlimit old_limit, limit;
    size_t line, ends = 0;

    mr_access_log_add(log, &e);
    mr_access_log_flush(log);
    line = strlen(content(path));
    signal(SIGXFSZ, SIG_IGN);
    CHECK_EQ_INT(getrlimit(RLIMIT_FSIZE, &old_limit), 0);
    limit = old_limit;
    limit.rlim_cur = 2 * line + line / 2;
    CHECK_EQ_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
    mr_access_log_add(log, &e);
    mr_access_log_add(log, &e);
    mr_access_log_add(log, &e);
    mr_access_log_flush(log);
    CHECK_EQ_INT(mr_access_log_lost(log), 2);
    mr_access_log_add(log, &e);
    mr_access_log_flush(log); /* not even the end of the half line */
    CHECK_EQ_INT(mr_access_log_lost(log), 3);
    CHECK_EQ_INT(setrlimit(RLIMIT_FSIZE, &old_limit), 0);
    mr_access_log_add(log, &e);
    mr_access_log_close(log);
    for (const char *at = content(path); *at; at++)
        ends += *at == '\n';
    CHECK_EQ_INT(ends, 4);
    CHECK_EQ_INT(strlen(content(path)), 3 * line + line / 2 + 1);
    unlink(path);
    return 0;
}

/* A device that takes nothing, as the kernel has it. */
IN_HUB(access_log_on_dev_full)
{
    struct mr_access_log *log = NULL;
    struct mr_access_entry e = {.peer = &local, .status = 200};

    CHECK_EQ_INT(mr_access_log_open(&log, "/dev/full", MR_ACCESS_JSON), 0);
    mr_access_log_add(log, &e);
    mr_access_log_add(log, &e);
    mr_access_log_flush(log);
    CHECK_EQ_INT(mr_access_log_lost(log), 2);
    mr_access_log_close(log);
    return 0;
}

TEST(access_log_cannot_be_opened)
{
    struct mr_access_log *log;

    EQ_INT(mr_access_log_open(&log, "/none/x", MR_ACCESS_COMMON), -ENOENT);
    for (unsigned n = 1; n < 3; n++) {
        mr_sys_fault(MR_SYS_ALLOC, n, -ENOMEM);
        EQ_INT(mr_access_log_open(&log, "/dev/null", MR_ACCESS_COMMON),
               -ENOMEM);
        mr_sys_fault_clear();
    }
}

static int hello(struct mr_request *req, struct mr_response *res, void *self)
{
    (void)req;
    (void)self;
    return mr_reply(res, 200, NULL, mr_str("hello"));
}

/* As a step that knows who it is (http/auth.h). */
static int hello_eve(struct mr_request *req, struct mr_response *res,
                     void *self)
{
    (void)self;
    req->user = mr_str("eve");
    return mr_reply(res, 200, NULL, mr_str("eve"));
}

static struct mr_access_log *log_of_server(void)
{
    static struct mr_access_log *log;

    if (!log)
        log = log_open(MR_ACCESS_COMMON);
    return log;
}

/* What the server says: answers, also to what it did not understand. */
WEB(access_log_of_a_server, .access_log = log_of_server())
{
    struct client *c = client_new(w);
    const char *text;

    web_route(w, "/", hello, NULL);
    web_route(w, "/eve", hello_eve, NULL);
    CHECK_EQ_INT(ask(c, GET("/eve")), 200);
    CHECK_EQ_INT(ask(c, GET("/x")), 200);
    client_send(c, REQUEST("HEAD /y", ""));
    CHECK_EQ_INT(client_head(c), 200);
    CHECK_EQ_INT(ask(c, "rubbish\r\n\r\n"), 400);
    client_free(c);
    mr_access_log_flush(log_of_server());
    text = content(path);
    CHECK_EQ_MEM(text, 9, "127.0.0.1", 9);
    CHECK_OK(strstr(text, " - eve ["));
    CHECK_OK(strstr(text, "\"GET /eve HTTP/1.1\" 200 3\n127.0.0.1 - - ["));
    CHECK_OK(strstr(text, "\"GET /x HTTP/1.1\" 200 5\n"));
    CHECK_OK(strstr(text, "\"HEAD /y HTTP/1.1\" 200 0\n"));
    CHECK_OK(strstr(text, "\"-\" 400 "));
    mr_access_log_close(log_of_server());
    w->http->home.access_log = NULL;
    unlink(path);
}

SUITE("access log", access_log_lines, access_log_json, access_log_with_hosts,
      access_log_common_and_mode, access_log_long_lines, access_log_reopens,
      access_log_on_a_full_disk, access_log_short_write, access_log_on_dev_full,
      access_log_cannot_be_opened, access_log_of_a_server)
TEST_MAIN()
