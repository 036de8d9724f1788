/* SPDX-License-Identifier: MIT */
/* test_mime.c - extensions to types. */
#include "tests/test.h"

#include <errno.h>
#include <stdio.h>

#include "core/sys.h"
#include "http/mime.h"

static const struct {
    const char *name;
    const char *type;
} names[] = {
    {"index.html", "text/html; charset=utf-8"},
    {"a/b/INDEX.HTM", "text/html; charset=utf-8"},
    {"x.tar.gz", "application/gzip"},
    {"app.js", "text/javascript; charset=utf-8"},
    {"i.svg", "image/svg+xml"},
    {"d.json", "application/json"},
    {"noext", MR_MIME_DEFAULT},
    {"a.html/noext", MR_MIME_DEFAULT},
    {"dot.", MR_MIME_DEFAULT},
    {"x.unheard-of", MR_MIME_DEFAULT},
    {"x.averyveryverylongextension", MR_MIME_DEFAULT},
    {"", MR_MIME_DEFAULT},
};

TEST(mime_builtin)
{
    MR_AUTO(mime) m = NULL;

    EQ_INT(mr_mime_new(&m), 0);
    for (size_t i = 0; i < MR_ARRAY_LEN(names); i++) {
        struct mr_str got = mr_mime_find(m, mr_str(names[i].name));

        CASE("%s", names[i].name);
        EQ_MEM(got.p, got.n, names[i].type, strlen(names[i].type));
    }
}

TEST(mime_parse)
{
    static const char text[] = "# a comment\n"
                               "\n"
                               "  application/x-new\tNEW newer # more\r\n"
                               "text/plain;charset=x log\n"
                               "application/alone\n"
                               "text/other html";
    MR_AUTO(mime) m = NULL;
    unsigned line = 0;

    EQ_INT(mr_mime_new(&m), 0);
    EQ_INT(mr_mime_parse(m, mr_str(text), &line), 0);
    OK(mr_str_is(mr_mime_find(m, mr_str("a.new")), "application/x-new"));
    OK(mr_str_is(mr_mime_find(m, mr_str("a.newer")), "application/x-new"));
    OK(mr_str_is(mr_mime_find(m, mr_str("a.more")), MR_MIME_DEFAULT));
    OK(mr_str_is(mr_mime_find(m, mr_str("a.log")), "text/plain;charset=x"));
    OK(mr_str_is(mr_mime_find(m, mr_str("a.html")),
                 "text/other; charset=utf-8"));
    OK(mr_str_is(mr_mime_find(m, mr_str("a.htm")), "text/html; charset=utf-8"));
}

static const struct {
    const char *text;
    unsigned line;
} broken[] = {
    {"html text/html", 1},
    {"text/a b\n/b c", 2},
    {"text/a b\n\na/ c", 3},
    {"a/b/c d", 1},
    {"a/b extension-too-long", 1},
    {"a/b\x01 c", 1},
    {"a/b;x\x01 c", 1},
    {"a;b/c d", 1},
};

TEST(mime_errors)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(broken); i++) {
        MR_AUTO(mime) m = NULL;
        unsigned line = 0;

        CASE("%s", broken[i].text);
        EQ_INT(mr_mime_new(&m), 0);
        EQ_INT(mr_mime_parse(m, mr_str(broken[i].text), &line), -EINVAL);
        EQ_INT(line, broken[i].line);
    }
}

TEST(mime_charsets)
{
    static const struct {
        const char *charset, *html, *own, *json; /* html NULL: refused */
    } cases[] = {
        {"utf-8", "text/html; charset=utf-8", "text/own;charset=x",
         "application/json"},
        {"iso-8859-1", "text/html; charset=iso-8859-1", "text/own;charset=x",
         "application/json"},
        {"", "text/html", "text/own;charset=x", "application/json"},
        {"a b", NULL, NULL, NULL},
        {"a\r\n", NULL, NULL, NULL},
        {"a-very-long-name-of-a-charset-that-there-is-none-of-that-name", NULL,
         NULL, NULL},
    };

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        MR_AUTO(mime) m = NULL;
        unsigned line;

        CASE("%s", cases[i].charset);
        EQ_INT(mr_mime_new_charset(&m, cases[i].charset),
               cases[i].html ? 0 : -EINVAL);
        if (!m)
            continue;
        EQ_INT(mr_mime_parse(m, mr_str("text/own;charset=x own\n"), &line), 0);
        EQ_STR(mr_mime_find(m, mr_str("a.html")).p, cases[i].html);
        EQ_STR(mr_mime_find(m, mr_str("a.own")).p, cases[i].own);
        EQ_STR(mr_mime_find(m, mr_str("a.json")).p, cases[i].json);
    }
}

TEST(mime_grows)
{
    MR_AUTO(mime) m = NULL;
    char text[64];
    unsigned line;

    EQ_INT(mr_mime_new(&m), 0);
    for (int i = 0; i < 2000; i++) {
        snprintf(text, sizeof text, "a/b%d e%d", i, i);
        EQ_INT(mr_mime_parse(m, mr_str(text), &line), 0);
    }
    for (int i = 0; i < 2000; i++) {
        char want[16];

        snprintf(text, sizeof text, "x.e%d", i);
        snprintf(want, sizeof want, "a/b%d", i);
        OK(mr_str_is(mr_mime_find(m, mr_str(text)), want));
    }
}

static int try_all(void)
{
    MR_AUTO(mime) m = NULL;
    unsigned line;
    int err = mr_mime_new(&m);

    for (int i = 0; !err && i < 200; i++) {
        char text[64];

        snprintf(text, sizeof text, "a/b%d e%d", i, i);
        err = mr_mime_parse(m, mr_str(text), &line);
    }
    return err;
}

TEST(mime_no_memory)
{
    unsigned nth = 1;

    for (;; nth++) {
        int err;

        mr_sys_fault(MR_SYS_ALLOC, nth, -ENOMEM);
        err = try_all();
        mr_sys_fault_clear();
        if (err == 0)
            break;
        EQ_INT(err, -ENOMEM);
    }
    OK(nth > 4);
}

TEST(mime_shipped_file)
{
    MR_AUTO(mime) m = NULL;
    static char text[32768];
    FILE *f = fopen("conf/mime.types", "r");
    unsigned line = 0;
    size_t n;

    if (!f)
        SKIP("not run from the root of the tree");
    n = fread(text, 1, sizeof text, f);
    fclose(f);
    EQ_INT(mr_mime_new(&m), 0);
    EQ_INT(mr_mime_parse(m, mr_str_n(text, n), &line), 0);
    OK(mr_str_is(mr_mime_find(m, mr_str("a.woff2")), "font/woff2"));
    OK(mr_str_is(mr_mime_find(m, mr_str("a.docx")),
                 "application/vnd.openxmlformats-officedocument."
                 "wordprocessingml.document"));
}

SUITE("mime", mime_builtin, mime_parse, mime_errors, mime_charsets, mime_grows,
      mime_no_memory, mime_shipped_file)
TEST_MAIN()
