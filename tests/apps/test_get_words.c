/* SPDX-License-Identifier: MIT */

/*
 * test_get_words.c - mrget's names, globs, input lines and rates.
 *
 * over budget: tables, of four small modules.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "apps/get/glob.h"
#include "apps/get/list.h"
#include "apps/get/name.h"
#include "apps/get/rate.h"
#include "core/sys.h"
#include "core/timer.h"
#include "tests/core/in_hub.h"

/* --- names --- */

static const struct {
    const char *raw;
    const char *want; /* "": nothing is left */
} cleans[] = {
    {"a.txt", "a.txt"},
    {"/etc/passwd", "passwd"},
    {"../../x", "x"},
    {"C:\\dir\\x.exe", "x.exe"},
    {"dir/", ""},
    {"..", ""},
    {".", ""},
    {"", ""},
    {"   ", ""},
    {" a b ", "a b"},
    {".bashrc", "_bashrc"},
    {"...x", "_..x"},
    {"-rf", "_rf"},
    {"a\nb\x1b[2J", "a_b_[2J"},
    {"x\x7f", "x_"},
    {"a:b*c?d\"e<f>g|h", "a_b_c_d_e_f_g_h"},
    {"caf\xc3\xa9", "caf\xc3\xa9"},
    {"caf\xe9", "caf_"},
    {"\xc2\x85x", "_x"},                   /* U+0085 */
    {"a\xe2\x80\xaetxt.exe", "a_txt.exe"}, /* U+202E: right to left */
    {"\xed\xa0\x80", "___"},               /* a surrogate */
    {"\xf0\x9f\x98\x80.png", "\xf0\x9f\x98\x80.png"},
    {"\xf0\x9f\x98", "___"},
    {"CON", "_CON"},
    {"nul.txt", "_nul.txt"},
    {"com1", "_com1"},
    {"com", "com"},
    {"console", "console"},
    {"x.part", "x.part_"},
    {"x.part.journal", "x.part.journal_"},
    {"x.", "x"},
};

TEST(names_clean)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(cleans); i++) {
        char out[GET_NAME_SIZE], again[GET_NAME_SIZE];

        CASE("%zu: %s", i, cleans[i].raw);
        EQ_INT(get_name_clean(out, mr_str(cleans[i].raw)),
               strlen(cleans[i].want));
        EQ_STR(out, cleans[i].want);
        get_name_clean(again, mr_str(out));
        EQ_STR(again, out);
    }
}

TEST(names_long)
{
    static const char *const ends[] = {"", ".txt", ".tar.gz", ".journal.part"};
    char raw[1200], out[GET_NAME_SIZE];

    for (size_t i = 0; i < MR_ARRAY_LEN(ends); i++)
        for (size_t n = 200; n < 1100; n += 7) {
            struct mr_str s;

            CASE("%zu of %s", n, ends[i]);
            for (size_t at = 0; at < n; at++)
                raw[at] = "\xc3\xa9"[at % 2];
            snprintf(raw + n - n % 2, 20, "%s", ends[i]);
            s = mr_str_n(out, get_name_clean(out, mr_str(raw)));
            OK(s.n > 0 && s.n <= GET_NAME_MAX);
            OK(mr_str_is_utf8(s));
            if (i < 3)
                OK(mr_str_ends(s, ends[i]));
        }
}

static const struct {
    const char *url;
    const char *want;
} urls[] = {
    {"http://h/a/b.txt", "b.txt"},
    {"http://h/a/b.txt?x=/y#z/w", "b.txt"},
    {"http://h", "index.html"},
    {"http://h/", "index.html"},
    {"http://h/dir/", "index.html"},
    {"http://h/?q=a/b", "index.html"},
    {"http://h/a%20b", "a b"},
    {"http://h/%2e%2e", "index.html"},
    {"http://h/a%2Fb", "b"},
    {"http://h/%00x", "_x"},
    {"http://h/100%", "100%"},
    {"http://h/x%zz", "x%zz"},
    {"http://h/%C3%A9", "\xc3\xa9"},
    {"/just/a/path", "path"},
    {"", "index.html"},
};

TEST(names_of_urls)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(urls); i++) {
        char out[GET_NAME_SIZE];

        CASE("%s", urls[i].url);
        EQ_INT(get_name_of_url(out, mr_str(urls[i].url)), strlen(urls[i].want));
        EQ_STR(out, urls[i].want);
    }
}

/* Some from RFC 6266 5, some from what servers send. */
static const struct {
    const char *field;
    const char *want; /* NULL: none */
} dispositions[] = {
    {"Attachment; filename=example.html", "example.html"},
    {"INLINE; FILENAME= \"an example.html\"", "an example.html"},
    {"attachment; filename*= UTF-8''%e2%82%ac%20rates", "\xe2\x82\xac rates"},
    {"attachment; filename=\"EURO rates\"; filename*=utf-8''%e2%82%ac%20rates",
     "\xe2\x82\xac rates"},
    {"attachment; filename*=utf-8''a; filename=b", "a"},
    {"attachment; filename*=iso-8859-1'en'%A3%20rates", "\xc2\xa3 rates"},
    {"attachment; filename*=utf-8''%ff; filename=b", "b"},
    {"attachment; filename*=utf-8''%zz; filename=b", "b"},
    {"attachment; filename*=utf-16''x; filename=b", "b"},
    {"attachment; filename*=utf-8'x; filename=b", "b"},
    {"attachment; filename*=utf-8''%2e%2e%2f; filename=b", "b"},
    {"attachment; filename=\"../../etc/passwd\"", "passwd"},
    {"attachment; filename=\"C:\\dir\\x.exe\"", "x.exe"},
    {"attachment; filename=\"a\\\"b;c.txt\"; size=3", "a_b;c.txt"},
    {"attachment; filename=\"no end", "no end"},
    {"attachment; filename=caf\xe9.txt", "caf\xc3\xa9.txt"},
    {"attachment; filename=a; filename=b", "a"},
    {"filename=bare", "bare"},
    {"attachment; filename=", NULL},
    {"attachment; filename=\"..\"", NULL},
    {"attachment; xfilename=a", NULL},
    {"attachment", NULL},
    {"", NULL},
    {";;=;=\"", NULL},
};

TEST(names_of_dispositions)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(dispositions); i++) {
        char out[GET_NAME_SIZE] = "";
        struct mr_str field = mr_str(dispositions[i].field);
        char *at = test_at_page_end(field.p, field.n);
        ssize_t n = get_name_of_disposition(out, mr_str_n(at, field.n));

        test_page_free(at, field.n);
        CASE("%s", dispositions[i].field);
        if (!dispositions[i].want) {
            EQ_INT(n, -ENOENT);
            continue;
        }
        EQ_STR(out, dispositions[i].want);
        EQ_INT(n, strlen(out));
    }
}

TEST(names_numbered)
{
    static const struct {
        const char *name, *want;
    } cases[] = {
        {"a.txt", "a.7.txt"},
        {"a", "a.7"},
        {"a.tar.gz", "a.7.tar.gz"},
        {"a.b.c", "a.b.7.c"},
        {"x.averyveryverylongending", "x.averyveryverylongending.7"},
    };
    char out[GET_NAME_SIZE];

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        CASE("%s", cases[i].name);
        EQ_INT(get_name_number(out, mr_str(cases[i].name), 7),
               strlen(cases[i].want));
        EQ_STR(out, cases[i].want);
    }
}

TEST(names_claimed)
{
    struct get_names *s = NULL;
    char out[GET_NAME_SIZE];

    EQ_INT(get_names_new(&s), 0);
    EQ_INT(get_names_claim(s, mr_str("a.txt")), 0);
    EQ_INT(get_names_claim(s, mr_str("a.txt")), -EEXIST);
    EQ_INT(get_names_claim(s, mr_str("b.txt")), 0);
    /* Each name's numbers are its own, and kept while the table grows. */
    EQ_INT(get_names_next(s, mr_str("a.txt")), 1);
    EQ_INT(get_names_next(s, mr_str("a.txt")), 2);
    EQ_INT(get_names_next(s, mr_str("b.txt")), 1);
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(out, sizeof out, "n%u", i);
        EQ_INT(get_names_claim(s, mr_str(out)), 0);
    }
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(out, sizeof out, "n%u", i);
        EQ_INT(get_names_claim(s, mr_str(out)), -EEXIST);
    }
    for (unsigned i = 3; i <= 100000; i++)
        if (get_names_next(s, mr_str("a.txt")) != i)
            FAIL("number %u is not given", i);
    EQ_INT(get_names_next(s, mr_str("a.txt")), 0);
    EQ_INT(get_names_next(s, mr_str("b.txt")), 2);
    get_names_free(s);
    get_names_free(NULL);
}

/* --- globs --- */

static const struct {
    const char *text;
    unsigned count;   /* 0: refused */
    const char *want; /* the first ones, or what is said */
} globs[] = {
    {"http://h/a", 1, "http://h/a"},
    {"", 1, ""},
    {"x{a,b}y", 2, "xay xby"},
    {"{a}", 1, "a"},
    {"{a,,b}", 3, "a  b"},
    {"[1-3]", 3, "1 2 3"},
    {"[08-11]", 4, "08 09 10 11"},
    {"[000-2]", 3, "000 001 002"},
    {"[0-10:5]", 3, "0 5 10"},
    {"[0-9:4]", 3, "0 4 8"},
    {"[a-c]", 3, "a b c"},
    {"[A-E:2]", 3, "A C E"},
    {"[5-5]", 1, "5"},
    {"{a,b}[1-2]", 4, "a1 a2 b1 b2"},
    {"[1-1000][1-1000]", 1000000, "11 12"},
    {"http://[::1]:8/[1-2]", 2, "http://[::1]:8/1 http://[::1]:8/2"},
    {"http://[fe80::1%25eth0]/x", 1, "http://[fe80::1%25eth0]/x"},
    {"a\\{b\\}", 1, "a{b}"},
    {"a\\[1-2\\]", 1, "a[1-2]"},
    {"{a\\,b,c\\}}", 2, "a,b c}"},
    {"{a\\\\,b}", 2, "a\\ b"},
    {"a\\b", 1, "a\\b"},
    {"{a", 0, "column 1: this '{' has no '}'"},
    {"x[1-2", 0, "column 2: this '[' has no ']'"},
    {"x}", 0, "column 2: '}' without"},
    {"x]", 0, "column 2: ']' without"},
    {"{}", 0, "column 1: nothing between"},
    {"{a,{b}}", 0, "column 4: '{' inside braces"},
    {"{a,[1-2]}", 0, "column 4: '[' inside braces"},
    {"[]", 0, "column 1: a range is"},
    {"[a]", 0, "column 1: a range is"},
    {"[3-1]", 0, "column 1: the range runs backwards"},
    {"[a-C]", 0, "column 1: a range is from"},
    {"[1-z]", 0, "column 1: a range is from"},
    {"[-1]", 0, "column 1: a range is from"},
    {"[1-3:0]", 0, "column 1: the step"},
    {"[1-3:]", 0, "column 1: the step"},
    {"[1-3:x]", 0, "column 1: the step"},
    {"[1-99999999999999999999]", 0, "column 1: a range is from"},
    {"[1-1000][1-1001]", 0, "more than 1000000"},
    {"[0-999999999999999999][0-999999999999999999]", 0, "more than 1000000"},
    {"{a}{b}{c}{d}{e}{f}{g}{h}{i}{j}{k}{l}{m}{n}{o}{p}", 1, "abcdefghijklmnop"},
    {"{a}{b}{c}{d}{e}{f}{g}{h}{i}{j}{k}{l}{m}{n}{o}{p}{q}", 0,
     "column 49: more than 16"},
};

TEST(globs_expand)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(globs); i++) {
        char why[GET_GLOB_WHY] = "", all[256] = "";
        struct mr_iter *it = NULL;
        size_t n = 0, used = 0;
        int rc = get_glob_new(&it, globs[i].text, why);

        CASE("%s: %s", globs[i].text, why);
        if (globs[i].count == 0) {
            OK(rc == -EINVAL || rc == -E2BIG);
            OK(strstr(why, globs[i].want) == why ||
               strstr(why, "more than 1000000"));
            continue;
        }
        EQ_INT(rc, 0);
        EQ_INT(get_glob_count(it), globs[i].count);
        MR_FOR (struct get_glob_item, item, MR_TEMP(it)) {
            EQ_INT(strlen(item.url.p), item.url.n);
            OK(item.url.n <= strlen(globs[i].text));
            if (n++ < 4 && used < strlen(globs[i].want))
                used += (size_t)snprintf(all + used, sizeof all - used, "%s%s",
                                         n > 1 ? " " : "", item.url.p);
        }
        EQ_STR(all, globs[i].want);
        EQ_INT(n, globs[i].count);
    }
}

TEST(globs_name)
{
    static const struct {
        const char *name, *want;
    } cases[] = {
        {"plain", "plain"},
        {"#1-#2.jpg", "a_b-07.jpg"},
        {"#2#2", "0707"},
        {"#3", "#3"},
        {"#0", "#0"},
        {"#", "#"},
        {"d/#1", "d/a_b"},
        {"#12", "#12"},
        {"#99999999999999999999", "#99999999999999999999"},
    };
    struct mr_iter *it = NULL;
    struct get_glob_item item;
    char why[GET_GLOB_WHY], out[64];

    EQ_INT(get_glob_new(&it, "http://h/{a/b}/[07-08]", why), 0);
    EQ_INT(mr_iter_next(it, &item), 1);
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        CASE("%s", cases[i].name);
        EQ_INT(get_glob_name(out, sizeof out, cases[i].name, &item),
               strlen(cases[i].want));
        EQ_STR(out, cases[i].want);
        EQ_INT(get_glob_name(out, strlen(cases[i].want), cases[i].name, &item),
               -ENAMETOOLONG);
    }
    mr_iter_free(it);
}

TEST(globs_without_memory)
{
    struct mr_iter *it = NULL;
    char why[GET_GLOB_WHY];
    int rc = -ENOMEM;

    for (unsigned n = 1; rc == -ENOMEM; n++) {
        CASE("allocation %u", n);
        mr_sys_fault(MR_SYS_ALLOC, n, -ENOMEM);
        rc = get_glob_new(&it, "{a,b}[1-2]", why);
        OK(n < 20);
    }
    EQ_INT(rc, 0);
    mr_sys_fault_clear();
    mr_iter_free(it);
}

/* --- input lines --- */

static const struct {
    const char *line;
    int rc;
    const char *url, *name;
} lines[] = {
    {"http://h/a", 1, "http://h/a", NULL},
    {"  HTTPS://h/a\t\r", 1, "HTTPS://h/a", NULL},
    {"http://h/a b.txt", 1, "http://h/a", "b.txt"},
    {"http://h/a \t first film.mp4 ", 1, "http://h/a", "first film.mp4"},
    {"1.mp4 http://h/a", 1, "http://h/a", "1.mp4"},
    {"my film.mp4\thttp://h/a", 1, "http://h/a", "my film.mp4"},
    {"http://h/a http://h/b", 1, "http://h/a", "http://h/b"},
    {"", 0, NULL, NULL},
    {"\r", 0, NULL, NULL},
    {" \t ", 0, NULL, NULL},
    {"# http://h/a", 0, NULL, NULL},
    {"  # x", 0, NULL, NULL},
    {"ftp://h/a", -EINVAL, NULL, NULL},
    {"a b", -EINVAL, NULL, NULL},
    {"http://", -EINVAL, NULL, NULL},
};

TEST(list_lines)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(lines); i++) {
        struct get_list_entry e = {0};
        const char *reason = "";

        CASE("%s", lines[i].line);
        EQ_INT(get_list_parse(mr_str(lines[i].line), &e, &reason), lines[i].rc);
        if (lines[i].rc < 0)
            OK(reason[0]);
        if (lines[i].rc <= 0)
            continue;
        OK(mr_str_is(e.url, lines[i].url));
        EQ_INT(e.name.p != NULL, lines[i].name != NULL);
        OK(mr_str_is(e.name, lines[i].name));
    }
}

static void list_text(const char *path, const char *text, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

    CHECK_EQ_INT(write(fd, text, n), (ssize_t)n);
    close(fd);
}

IN_HUB(list_file)
{
    static char text[200000];
    char path[] = "/tmp/test-get-list-XXXXXX", why[GET_LIST_WHY] = "";
    struct get_list_entry e;
    struct get_list *l = NULL;
    char want[GET_LIST_WHY];
    int n;

    close(mkstemp(path));
    unlink(path);
    n = snprintf(text, sizeof text, "# c\n\nhttp://h/1\r\nbad\n2 http://h/2\n");
    memset(text + n, 'x', 100000);
    n += 100000;
    n += snprintf(text + n, sizeof text - (size_t)n, "\nhttp://h/3");
    list_text(path, text, (size_t)n);
    CHECK_EQ_INT(get_list_open(&l, path, why), 0);
    CHECK_EQ_INT(get_list_next(l, &e, why), 1);
    CHECK_OK(mr_str_is(e.url, "http://h/1") && e.line == 3);
    CHECK_EQ_INT(get_list_next(l, &e, why), -EINVAL);
    snprintf(want, sizeof want, "%s:4: not used: ", path);
    CHECK_OK(strncmp(why, want, strlen(want)) == 0);
    CHECK_EQ_INT(get_list_next(l, &e, why), 1);
    CHECK_OK(mr_str_is(e.url, "http://h/2") && mr_str_is(e.name, "2"));
    CHECK_EQ_INT(get_list_next(l, &e, why), -EINVAL);
    CHECK_OK(strstr(why, ":6: not used: it is longer"));
    CHECK_EQ_INT(get_list_next(l, &e, why), 1);
    CHECK_OK(mr_str_is(e.url, "http://h/3") && e.line == 7);
    CHECK_EQ_INT(get_list_next(l, &e, why), 0);
    CHECK_EQ_INT(get_list_next(l, &e, why), 0);
    get_list_close(l);
    unlink(path);
    CHECK_EQ_INT(get_list_open(&l, path, why), -ENOENT);
    CHECK_OK(strstr(why, "no such file"));
    CHECK_EQ_INT(get_list_open(&l, "/tmp", why), -EISDIR);
    get_list_close(NULL);
    return 0;
}

static intptr_t write_slowly(void *arg)
{
    static const char text[] = "http://h/1\nhttp://h/2\n";
    int fd = *(int *)arg;

    for (size_t i = 0; i < sizeof text - 1; i++) {
        CHECK_EQ_INT(write(fd, text + i, 1), 1);
        (void)!mr_yield();
    }
    close(fd);
    return 0;
}

/* Standard input that comes a byte at a time, and a reader that is cancelled
 * while it waits. */
IN_HUB(list_pipe)
{
    char why[GET_LIST_WHY];
    struct get_list_entry e;
    struct get_list *l = NULL;
    struct mr_scope s;
    int fds[2];

    CHECK_EQ_INT(pipe(fds), 0);
    dup2(fds[0], 0);
    close(fds[0]);
    CHECK_EQ_INT(get_list_open(&l, "-", why), 0);
    mr_scope_enter(&s, mr_after_ms(1));
    CHECK_EQ_INT(get_list_next(l, &e, why), -ETIMEDOUT);
    mr_scope_leave(&s);
    CHECK_OK(mr_spawn(write_slowly, &fds[1]));
    CHECK_EQ_INT(get_list_next(l, &e, why), 1);
    CHECK_OK(mr_str_is(e.url, "http://h/1"));
    CHECK_EQ_INT(get_list_next(l, &e, why), 1);
    CHECK_EQ_INT(get_list_next(l, &e, why), 0);
    get_list_close(l);
    return 0;
}

/* --- rates --- */

#define SECOND INT64_C(1000000000)

TEST(rate_books)
{
    struct get_rate r;

    get_rate_init(&r, 1000);
    EQ_INT(get_rate_piece(&r), 512);
    EQ_INT(get_rate_book(&r, 100, 10 * SECOND), 10 * SECOND); /* the burst */
    EQ_INT(get_rate_book(&r, 1000, 10 * SECOND), 11 * SECOND);
    EQ_INT(get_rate_book(&r, 500, 10 * SECOND), 11 * SECOND + SECOND / 2);
    EQ_INT(get_rate_book(&r, 1000, 60 * SECOND), 61 * SECOND - SECOND / 10);
    get_rate_init(&r, UINT64_C(10) << 30);
    EQ_INT(get_rate_book(&r, 0, 5), 5 - SECOND / 10);
    get_rate_init(&r, 1);
    OK(get_rate_book(&r, SIZE_MAX, INT64_MAX / 4) > INT64_MAX / 4);
    OK(get_rate_book(&r, SIZE_MAX, INT64_MAX / 4) > INT64_MAX / 4);
    OK(get_rate_book(&r, SIZE_MAX, INT64_MAX / 4) > INT64_MAX / 4);
    OK(get_rate_book(&r, SIZE_MAX, INT64_MAX / 4) == INT64_MAX);
    get_rate_init(&r, 0);
    EQ_INT(get_rate_book(&r, SIZE_MAX, 7), 7);
    EQ_INT(get_rate_piece(&r), SIZE_MAX);
}

IN_HUB(rate_sleeps)
{
    struct get_rate r;
    int64_t begin = mr_now();

    get_rate_init(&r, 100000);
    CHECK_EQ_INT(get_rate_take(&r, 12000, MR_NEVER), 0);
    CHECK_OK(mr_now() >= begin + SECOND / 50);
    CHECK_EQ_INT(get_rate_take(&r, 1000000, mr_after_ms(1)), -ETIMEDOUT);
    return 0;
}

SUITE("names", names_clean, names_long, names_of_urls, names_of_dispositions,
      names_numbered, names_claimed)
SUITE("globs", globs_expand, globs_name, globs_without_memory)
SUITE("lists", list_lines, list_file, list_pipe)
SUITE("rates", rate_books, rate_sleeps)
TEST_MAIN()
