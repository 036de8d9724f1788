/* SPDX-License-Identifier: MIT */
/* test_uri.c - URIs parsed, made clean, resolved.
 * over budget: most of it is tables of cases. */
#include "tests/test.h"

#include <errno.h>

#include "core/sys.h"
#include "http/uri.h"

/* In both forms that a failure needs: p, n of a view. */
#define VIEW(s) (s).p, (s).n

/* The case's input, ending where memory ends. */
static struct mr_str at_end(const char *z)
{
    return mr_str_n(test_at_page_end(z, strlen(z)), strlen(z));
}

static void give_back(struct mr_str s)
{
    test_page_free((void *)s.p, s.n);
}

/* want NULL: absent. */
static void check_part(const char *name, struct mr_str got, const char *want)
{
    if (!want) {
        if (got.p)
            CHECK_FAIL("%s is \"%.*s\", and should be absent", name,
                       MR_STR(got));
        return;
    }
    if (!got.p)
        CHECK_FAIL("%s is absent", name);
    CHECK_EQ_MEM(got.p, got.n, want, strlen(want));
}

static const struct {
    const char *text;
    const char *want; /* u.text */
    const char *authority, *target, *query, *fragment;
} good[] = {
    {"http://example.com", "http://example.com/", "example.com", "/", NULL,
     NULL},
    {"HTTP://Example.COM/A", "http://example.com/A", "example.com", "/A", NULL,
     NULL},
    {"https://a:443/?q", "https://a/?q", "a", "/?q", "q", NULL},
    {"https://a:80/", "https://a:80/", "a:80", "/", NULL, NULL},
    {"http://a:80", "http://a/", "a", "/", NULL, NULL},
    {"http://a:443/x", "http://a:443/x", "a:443", "/x", NULL, NULL},
    {"http://a:/", "http://a/", "a", "/", NULL, NULL},
    {"http://a:00080/", "http://a/", "a", "/", NULL, NULL},
    {"http://a:65535/", "http://a:65535/", "a:65535", "/", NULL, NULL},
    {"http://a?", "http://a/?", "a", "/?", "", NULL},
    {"http://a?b/../c", "http://a/?b/../c", "a", "/?b/../c", "b/../c", NULL},
    {"http://a#", "http://a/", "a", "/", NULL, ""},
    {"http://a/b?c#d?e#f", "http://a/b?c", "a", "/b?c", "c", "d?e#f"},
    {"  http://a/b\t", "http://a/b", "a", "/b", NULL, NULL},
    {"http://a/b c", "http://a/b%20c", "a", "/b%20c", NULL, NULL},
    {"http://a/\xc3\xa4?\xc3\xb6#\xc3\xbc", "http://a/%C3%A4?%C3%B6", "a",
     "/%C3%A4?%C3%B6", "%C3%B6", "%C3%BC"},
    {"http://a/\"<>\\^`{|}", "http://a/%22%3C%3E%5C%5E%60%7B%7C%7D", "a",
     "/%22%3C%3E%5C%5E%60%7B%7C%7D", NULL, NULL},
    {"http://a/100%", "http://a/100%", "a", "/100%", NULL, NULL},
    {"http://a/%41%2f%zz", "http://a/%41%2f%zz", "a", "/%41%2f%zz", NULL, NULL},
    {"http://a/[1]", "http://a/[1]", "a", "/[1]", NULL, NULL},
    {"http://a//b//", "http://a//b//", "a", "//b//", NULL, NULL},
    {"http://a/./b/../c/.", "http://a/c/", "a", "/c/", NULL, NULL},
    {"http://a/%2e%2E/b/.%2e/%2e", "http://a/", "a", "/", NULL, NULL},
    {"http://a/...", "http://a/...", "a", "/...", NULL, NULL},
    {"http://a/b;x=1/..;/", "http://a/b;x=1/..;/", "a", "/b;x=1/..;/", NULL,
     NULL},
    {"http://a./", "http://a./", "a.", "/", NULL, NULL},
    {"http://a_b-c~d/", "http://a_b-c~d/", "a_b-c~d", "/", NULL, NULL},
    {"http://xn--bcher-kva.example/", "http://xn--bcher-kva.example/",
     "xn--bcher-kva.example", "/", NULL, NULL},
    {"http://b\xc3\xbc"
     "cher.example/",
     "http://xn--bcher-kva.example/", "xn--bcher-kva.example", "/", NULL, NULL},
    {"http://B\xc3\x9c"
     "CHER.Example/",
     "http://xn--bcher-kva.example/", "xn--bcher-kva.example", "/", NULL, NULL},
    {"http://bu\xcc\x88" /* u and two dots */
     "cher.example/",
     "http://xn--bcher-kva.example/", "xn--bcher-kva.example", "/", NULL, NULL},
    {"http://fu\xc3\x9f.example/", "http://xn--fu-hia.example/",
     "xn--fu-hia.example", "/", NULL, NULL},
    {"http://\xe4\xbe\x8b\xe3\x80\x82\xe6\xb5\x8b\xe8\xaf\x95/",
     "http://xn--fsq.xn--0zwm56d/", "xn--fsq.xn--0zwm56d", "/", NULL, NULL},
    {"http://\xef\xbc\x91\xef\xbc\x90.0.0.1/", "http://10.0.0.1/", "10.0.0.1",
     "/", NULL, NULL}, /* wide digits */
    {"http://127.0.0.1:8080/", "http://127.0.0.1:8080/", "127.0.0.1:8080", "/",
     NULL, NULL},
    {"http://1.2.3.4.example/", "http://1.2.3.4.example/", "1.2.3.4.example",
     "/", NULL, NULL},
    {"http://[::1]/", "http://[::1]/", "[::1]", "/", NULL, NULL},
    {"http://[0:0:00::1]:81/", "http://[::1]:81/", "[::1]:81", "/", NULL, NULL},
    {"https://[2001:DB8::A]", "https://[2001:db8::a]/", "[2001:db8::a]", "/",
     NULL, NULL},
    {"http://u:p@a/", "http://a/", "a", "/", NULL, NULL},
};

TEST(uri_good)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(good); i++) {
        struct mr_str text = at_end(good[i].text), path;
        struct mr_arena a, b;
        struct mr_uri u, again;
        const char *why = "";

        CASE("%s", good[i].text);
        mr_arena_init(&a, 256);
        mr_arena_init(&b, 256);
        EQ_INT(mr_uri_parse(&a, text, &u, &why), 0);
        give_back(text); /* it need not stay */
        check_part("text", u.text, good[i].want);
        check_part("authority", u.authority, good[i].authority);
        check_part("target", u.target, good[i].target);
        check_part("query", u.query, good[i].query);
        check_part("fragment", u.fragment, good[i].fragment);
        path = u.target;
        path.n -= u.query.p ? u.query.n + 1 : 0;
        EQ_MEM(u.path.p, u.path.n, path.p, path.n);
        EQ_STR(u.scheme.p, u.https ? "https" : "http");
        OK(mr_url_authority_is_valid(u.authority));
        EQ_INT(mr_uri_parse(&b, u.text, &again, NULL), 0);
        EQ_MEM(again.text.p, again.text.n, u.text.p, u.text.n);
        OK(mr_uri_same_origin(&u, &again));
        mr_arena_fini(&a);
        mr_arena_fini(&b);
    }
}

static const struct {
    const char *text;
    const char *host;
    int port;
    bool is_address;
    const char *user, *password;
} whose[] = {
    {"http://a", "a", 80, false, NULL, NULL},
    {"https://A.b:1", "a.b", 1, false, NULL, NULL},
    {"https://[::1]", "::1", 443, true, NULL, NULL},
    {"http://[::ffff:1.2.3.4]", "::ffff:1.2.3.4", 80, true, NULL, NULL},
    {"http://10.0.0.1", "10.0.0.1", 80, true, NULL, NULL},
    {"http://u@a", "a", 80, false, "u", NULL},
    {"http://u:@a", "a", 80, false, "u", ""},
    {"http://:p@a", "a", 80, false, "", "p"},
    {"http://@a", "a", 80, false, "", NULL},
    {"http://u%40x:p%3a:%2f@a:8", "a", 8, false, "u@x", "p::/"},
    {"http://\xc3\xa4 b:%C3%A4@a", "a", 80, false, "\xc3\xa4 b", "\xc3\xa4"},
};

TEST(uri_whose)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(whose); i++) {
        struct mr_arena a;
        struct mr_uri u;

        CASE("%s", whose[i].text);
        mr_arena_init(&a, 256);
        EQ_INT(mr_uri_parse(&a, mr_str(whose[i].text), &u, NULL), 0);
        check_part("host", u.host, whose[i].host);
        EQ_INT(u.port, whose[i].port);
        EQ_INT(u.is_address, whose[i].is_address);
        check_part("user", u.user, whose[i].user);
        check_part("password", u.password, whose[i].password);
        mr_arena_fini(&a);
    }
}

#define N63 "a23456789012345678901234567890123456789012345678901234567890123"

static const struct {
    const char *text;
    const char *why; /* a part of it */
} bad[] = {
    {"", "empty"},
    {" \t ", "empty"},
    {"example.com/x", "say http"},
    {"localhost:8080", "say http"},
    {"localhost:8080/x", "say http"},
    {"//example.com/", "say http"},
    {"/x", "say http"},
    {"?x", "say http"},
    {"1http://a/", "say http"},
    {"://a/", "say http"},
    {"http:", "two slashes"},
    {"http:/x", "two slashes"},
    {"https:a", "two slashes"},
    {"http:\\\\a\\b", "two slashes"},
    {"http://", "host is missing"},
    {"http:///x", "host is missing"},
    {"http://?x", "host is missing"},
    {"http://:80/", "host is missing"},
    {"http://u@/", "host is missing"},
    {"http://./", "host is missing"},
    {"http://a..b/", "two dots"},
    {"http://.a/", "two dots"},
    {"http://a../", "two dots"},
    {"http://" N63 "4/", "a part of the host's name is too long"},
    {"http://" N63 "." N63 "." N63 "." N63 "/", "name is too long"},
    {"http://a b/", "a byte that no name has"},
    {"http://a%62/", "a byte that no name has"},
    {"http://a,b/", "a byte that no name has"},
    {"http://a\"/", "a byte that no name has"},
    {"http://b\xc3"
     "cher.example/",
     "no name in UTF-8"},
    {"http://\xef\xbf\xbd.example/", "no name in UTF-8"},
    {"http://a\xef\xbc\xa0"
     "b.example/", /* a wide '@' */
     "a byte that no name has"},
    {"http://a\xef\xbc\x8f"
     "b.example/", /* and '/' */
     "a byte that no name has"},
    {"http://\xef\xbc\x91.2.3/", "an IPv4 address is"}, /* a wide 1 */
    {"http://good.example\\@evil.example/", "'\\'"},
    {"http://a\\b", "'\\'"},
    {"http://a@b@c/", "two '@'"},
    {"http://a%zz@c/", "%25"},
    {"http://a:%4@c/", "%25"},
    {"http://a%00@c/", "control byte"},
    {"http://a:b%0d%0ax@c/", "control byte"},
    {"http://a%3ab:c@d/", "a ':'"},
    {"http://a:0/", "the port"},
    {"http://a:65536/", "the port"},
    {"http://a:18446744073709551696/", "the port"},
    {"http://a:-1/", "the port"},
    {"http://a:+80/", "the port"},
    {"http://a:8x/", "the port"},
    {"http://a:80:80/", "the port"},
    {"http://::1/", "host is missing"},
    {"http://1::1/", "the port"},
    {"http://[::1/", "no ]"},
    {"http://[::1]x/", "]"},
    {"http://[", "]"},
    {"http://[]/", "no IPv6"},
    {"http://[:::]/", "no IPv6"},
    {"http://[1:2:3:4:5:6:7:8:9]/", "no IPv6"},
    {"http://[1.2.3.4]/", "no IPv6"},
    {"http://[v1.a]/", "no IPv6"},
    {"http://[fe80::1%25eth0]/", "zone"},
    {"http://[fe80::1%eth0]/", "zone"},
    {"http://127.1/", "four decimal"},
    {"http://2130706433/", "four decimal"},
    {"http://0x7f.0.0.1/", "four decimal"},
    {"http://0X7F000001/", "four decimal"},
    {"http://1.2.3.0x/", "four decimal"},
    {"http://0177.0.0.1/", "four decimal"},
    {"http://1.2.3.256/", "four decimal"},
    {"http://1.2.3.4.5/", "four decimal"},
    {"http://1.2.3.4./", "four decimal"},
    {"http://a.99999999999999999999999/", "four decimal"},
    {"http://a/\x01", "control byte"},
    {"http://a/\x7f", "control byte"},
    {"http://a/b\r\nc", "control byte"},
    {"http://a/b\tc", "control byte"},
    {"http://a/\n", "control byte"},
};

TEST(uri_bad)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(bad); i++) {
        struct mr_str text = at_end(bad[i].text);
        struct mr_uri u = {.port = 7};
        const char *why = "";
        struct mr_arena a;

        CASE("%s", bad[i].text);
        mr_arena_init(&a, 256);
        EQ_INT(mr_uri_parse(&a, text, &u, &why), -EINVAL);
        if (!strstr(why, bad[i].why))
            FAIL("\"%s\" should tell: %s", why, bad[i].why);
        EQ_INT(u.port, 7); /* not written */
        mr_arena_fini(&a);
        give_back(text);
    }
}

TEST(uri_nul)
{
    struct mr_arena a;
    struct mr_uri u;

    mr_arena_init(&a, 256);
    EQ_INT(mr_uri_parse(&a, mr_str_n("http://a\0b/", 11), &u, NULL), -EINVAL);
    EQ_INT(mr_uri_parse(&a, mr_str_n("http://a/\0", 10), &u, NULL), -EINVAL);
    EQ_INT(mr_uri_parse(&a, (struct mr_str){0}, &u, NULL), -EINVAL);
    mr_arena_fini(&a);
}

TEST(uri_other_schemes)
{
    static const char *const texts[] = {"ftp://a/",     "file:///etc/passwd",
                                        "mailto:a@b.c", "javascript:alert(1)",
                                        "httpss://a",   "data:,x",
                                        "h:t",          "ws://a/",
                                        "a+b-c.d://x"};

    for (size_t i = 0; i < MR_ARRAY_LEN(texts); i++) {
        const char *why = "";
        struct mr_arena a;
        struct mr_uri u;

        CASE("%s", texts[i]);
        mr_arena_init(&a, 256);
        EQ_INT(mr_uri_parse(&a, mr_str(texts[i]), &u, &why), -EPROTONOSUPPORT);
        EQ_INT(mr_uri_guess(&a, mr_str(texts[i]), &u, &why), -EPROTONOSUPPORT);
        OK(strstr(why, "https://"));
        mr_arena_fini(&a);
    }
}

static const struct {
    const char *text;
    const char *want; /* NULL: -EINVAL */
} guesses[] = {
    {"example.com", "http://example.com/"},
    {"example.com/x?y", "http://example.com/x?y"},
    {"localhost:8080", "http://localhost:8080/"},
    {"localhost:8080?a:b", "http://localhost:8080/?a:b"},
    {"[::1]:8080/x", "http://[::1]:8080/x"},
    {"127.0.0.1", "http://127.0.0.1/"},
    {"//a/b", "http://a/b"},
    {"u@a", "http://a/"},
    {"https://a", "https://a/"},
    {"/x", NULL},
    {"", NULL},
    {"http:/x", NULL},
    {"a b", NULL},
};

TEST(uri_guess)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(guesses); i++) {
        struct mr_arena a;
        struct mr_uri u;

        CASE("%s", guesses[i].text);
        mr_arena_init(&a, 256);
        EQ_INT(mr_uri_guess(&a, mr_str(guesses[i].text), &u, NULL),
               guesses[i].want ? 0 : -EINVAL);
        if (guesses[i].want)
            check_part("text", u.text, guesses[i].want);
        mr_arena_fini(&a);
    }
}

/* --- references --- */

#define BASE "http://u:p@a/b/c/d;p?q#x"

static const struct {
    const char *reference;
    const char *want; /* text and #fragment; NULL: refused */
} resolved[] = {
    /* RFC 3986 5.4.1; "g:h" and "http:g" are no URIs of ours */
    {"g:h", NULL},
    {"g", "http://a/b/c/g"},
    {"./g", "http://a/b/c/g"},
    {"g/", "http://a/b/c/g/"},
    {"/g", "http://a/g"},
    {"//g", "http://g/"},
    {"?y", "http://a/b/c/d;p?y"},
    {"g?y", "http://a/b/c/g?y"},
    {"#s", "http://a/b/c/d;p?q#s"},
    {"g#s", "http://a/b/c/g#s"},
    {"g?y#s", "http://a/b/c/g?y#s"},
    {";x", "http://a/b/c/;x"},
    {"g;x", "http://a/b/c/g;x"},
    {"g;x?y#s", "http://a/b/c/g;x?y#s"},
    {"", "http://a/b/c/d;p?q"},
    {".", "http://a/b/c/"},
    {"./", "http://a/b/c/"},
    {"..", "http://a/b/"},
    {"../", "http://a/b/"},
    {"../g", "http://a/b/g"},
    {"../..", "http://a/"},
    {"../../", "http://a/"},
    {"../../g", "http://a/g"},
    /* 5.4.2 */
    {"../../../g", "http://a/g"},
    {"../../../../g", "http://a/g"},
    {"/./g", "http://a/g"},
    {"/../g", "http://a/g"},
    {"g.", "http://a/b/c/g."},
    {".g", "http://a/b/c/.g"},
    {"g..", "http://a/b/c/g.."},
    {"..g", "http://a/b/c/..g"},
    {"./../g", "http://a/b/g"},
    {"./g/.", "http://a/b/c/g/"},
    {"g/./h", "http://a/b/c/g/h"},
    {"g/../h", "http://a/b/c/h"},
    {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
    {"g;x=1/../y", "http://a/b/c/y"},
    {"g?y/./x", "http://a/b/c/g?y/./x"},
    {"g?y/../x", "http://a/b/c/g?y/../x"},
    {"g#s/./x", "http://a/b/c/g#s/./x"},
    {"g#s/../x", "http://a/b/c/g#s/../x"},
    {"http:g", NULL},
    /* what servers send */
    {"https://b/x", "https://b/x"},
    {"http://b:81", "http://b:81/"},
    {"?", "http://a/b/c/d;p?"},
    {"g h\xc3\xa4", "http://a/b/c/g%20h%C3%A4"},
    {" /g ", "http://a/g"},
    {"//g:82/x?y", "http://g:82/x?y"},
    {"///x", NULL},
    {"http:///x", NULL},
    {"/x\r\ny: z", NULL},
    {"a:b", NULL},
    {"./a:b", "http://a/b/c/a:b"},
    {"javascript:alert(1)", NULL},
};

TEST(uri_resolve)
{
    struct mr_arena b;
    struct mr_uri base;

    mr_arena_init(&b, 256);
    EQ_INT(mr_uri_parse(&b, mr_str(BASE), &base, NULL), 0);
    for (size_t i = 0; i < MR_ARRAY_LEN(resolved); i++) {
        struct mr_str reference = at_end(resolved[i].reference);
        struct mr_uri u = {0};
        struct mr_arena a;
        const char *shown;
        int rc;

        CASE("%s", resolved[i].reference);
        mr_arena_init(&a, 256);
        rc = mr_uri_resolve(&a, &base, reference, &u, NULL);
        give_back(reference);
        if (!resolved[i].want) {
            OK(rc == -EINVAL || rc == -EPROTONOSUPPORT);
        } else {
            EQ_INT(rc, 0);
            shown =
                mr_arena_printf(&a, "%.*s%s%.*s", MR_STR(u.text),
                                u.fragment.p ? "#" : "", MR_STR(u.fragment));
            EQ_STR(shown, resolved[i].want);
        }
        mr_arena_fini(&a);
    }
    mr_arena_fini(&b);
}

TEST(uri_resolve_user)
{
    struct mr_arena a, b;
    struct mr_uri u;

    mr_arena_init(&a, 256);
    mr_arena_init(&b, 256);
    EQ_INT(mr_uri_parse(&b, mr_str("https://u:p@a:8443/b?q"), &u, NULL), 0);
    EQ_INT(mr_uri_resolve(&a, &u, mr_str("c"), &u, NULL), 0);
    mr_arena_fini(&b); /* nothing is left there */
    check_part("text", u.text, "https://a:8443/c");
    check_part("user", u.user, "u");
    check_part("password", u.password, "p");
    EQ_INT(mr_uri_resolve(&a, &u, mr_str("//a:8443/"), &u, NULL), 0);
    check_part("user", u.user, NULL);
    check_part("password", u.password, NULL);
    mr_arena_fini(&a);
}

static const struct {
    const char *a, *b;
    bool same;
} origins[] = {
    {"http://a/", "http://A:80/x?y", true},
    {"http://a/", "http://u:p@a/", true},
    {"https://a/", "https://a:443/", true},
    {"http://[::1]/", "http://[0:0::1]:80/", true},
    {"http://a/", "https://a/", false},
    {"http://a:443/", "https://a/", false},
    {"http://a/", "http://a:81/", false},
    {"http://a/", "http://b.a/", false},
    {"http://a/", "http://a./", false},
};

TEST(uri_same_origin)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(origins); i++) {
        struct mr_uri u, v;
        struct mr_arena a;

        CASE("%s %s", origins[i].a, origins[i].b);
        mr_arena_init(&a, 256);
        EQ_INT(mr_uri_parse(&a, mr_str(origins[i].a), &u, NULL), 0);
        EQ_INT(mr_uri_parse(&a, mr_str(origins[i].b), &v, NULL), 0);
        EQ_INT(mr_uri_same_origin(&u, &v), origins[i].same);
        EQ_INT(mr_uri_same_origin(&v, &u), origins[i].same);
        mr_arena_fini(&a);
    }
}

/* Every allocation fails in turn; an arena of 32 bytes needs many. */
TEST(uri_no_memory)
{
    static const char text[] = "http://us%41er:pass@Example.COM/a b?c#d";

    for (unsigned nth = 1;; nth++) {
        struct mr_arena a, b;
        struct mr_uri u, v;
        const char *why = "";
        int rc;

        CASE("allocation %u", nth);
        mr_arena_init(&a, 32);
        mr_arena_init(&b, 4096);
        OK(mr_arena_alloc(&b, 1) != NULL);
        EQ_INT(mr_uri_parse(&b, mr_str(text), &v, NULL), 0);
        mr_sys_fault(MR_SYS_ALLOC, nth, -ENOMEM);
        rc = mr_uri_guess(&a, mr_str(text + 7), &u, &why);
        if (!rc)
            rc = mr_uri_resolve(&a, &v, mr_str("../x y"), &u, &why);
        mr_sys_fault_clear();
        mr_arena_fini(&a);
        mr_arena_fini(&b);
        if (rc == 0) {
            OK(nth > 6);
            return;
        }
        EQ_INT(rc, -ENOMEM);
        EQ_STR(why, "out of memory");
    }
}

SUITE("parse", uri_good, uri_whose, uri_bad, uri_nul, uri_other_schemes,
      uri_guess)
SUITE("resolve", uri_resolve, uri_resolve_user, uri_same_origin, uri_no_memory)
TEST_MAIN()
