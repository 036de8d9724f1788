/* SPDX-License-Identifier: MIT */
/* test_proxies.c - the proxy variables and their exceptions. */
#include "tests/test.h"

#include <errno.h>
#include <stdlib.h>

#include "core/sys.h"
#include "http/proxies.h"

/* The proxy's text for a URL, "" for none. */
static void check_found(const struct mr_proxies *p, const char *url,
                        const char *want)
{
    const struct mr_uri *proxy;
    struct mr_arena a;
    struct mr_uri u;

    mr_arena_init(&a, 256);
    CHECK_EQ_INT(mr_uri_parse(&a, mr_str(url), &u, NULL), 0);
    proxy = mr_proxies_find(p, &u);
    if (!proxy)
        CHECK_EQ_STR("", want);
    else
        CHECK_EQ_MEM(proxy->text.p, proxy->text.n, want, strlen(want));
    mr_arena_fini(&a);
}

static const struct {
    struct mr_proxies_from from;
    const char *http, *https; /* for http://x/ and https://x/ */
} variables[] = {
    {{NULL, NULL, NULL, NULL}, "", ""},
    {{"", "", "", ""}, "", ""},
    {{"http://p:1", NULL, NULL, NULL}, "http://p:1/", ""},
    {{NULL, "http://p:1", NULL, NULL}, "", "http://p:1/"},
    {{NULL, NULL, "http://p:1", NULL}, "http://p:1/", "http://p:1/"},
    {{"http://p:1", NULL, "http://q:2", NULL}, "http://p:1/", "http://q:2/"},
    {{"p:1", "q:2", "socks5://r", NULL}, "http://p:1/", "http://q:2/"},
    {{"p", NULL, NULL, NULL}, "http://p/", ""},
    {{"u:pw@p:3128", NULL, NULL, NULL}, "http://p:3128/", ""},
    {{"[::1]:3128", NULL, NULL, NULL}, "http://[::1]:3128/", ""},
    {{"p:1", "q:2", NULL, "x"}, "", ""},
    {{"p:1", "q:2", NULL, "*"}, "", ""},
    {{"p:1", "q:2", NULL, "x:443"}, "http://p:1/", ""},
};

TEST(proxies_variables)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(variables); i++) {
        char why[MR_PROXIES_WHY] = "?";
        struct mr_proxies *p;

        CASE("%zu", i);
        EQ_INT(mr_proxies_new(&p, &variables[i].from, why), 0);
        EQ_STR(why, "");
        check_found(p, "http://x/", variables[i].http);
        check_found(p, "https://x/", variables[i].https);
        mr_proxies_free(p);
    }
    check_found(NULL, "http://x/", "");
    mr_proxies_free(NULL);
}

static const struct {
    struct mr_proxies_from from;
    int rc;
    const char *why;
} refused[] = {
    {{"https://p:1", NULL, NULL, NULL},
     -EPROTONOSUPPORT,
     "http_proxy: \"https://p:1\": only http:// proxies can be used"},
    {{NULL, "socks5://u:secret@p:1", NULL, NULL},
     -EPROTONOSUPPORT,
     "https_proxy: \"p:1\": only http:// proxies can be used"},
    {{"p:1", NULL, "socks5h://p", NULL},
     -EPROTONOSUPPORT,
     "all_proxy: \"socks5h://p\": only http:// proxies can be used"},
    {{"p:x", NULL, NULL, NULL}, -EINVAL, "http_proxy: \"p:x\": the port"},
    {{"http://", NULL, NULL, NULL}, -EINVAL, "the host is missing"},
    {{"http:/p", NULL, NULL, NULL}, -EINVAL, "no path"},
    {{"http://p:1/x", NULL, NULL, NULL}, -EINVAL, "no path"},
    {{"p:1?x", NULL, NULL, NULL}, -EINVAL, "no path"},
};

TEST(proxies_refused)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(refused); i++) {
        char why[MR_PROXIES_WHY] = "";
        struct mr_proxies *p;

        CASE("%s", refused[i].why);
        EQ_INT(mr_proxies_new(&p, &refused[i].from, why), refused[i].rc);
        OK(p == NULL);
        if (!strstr(why, refused[i].why))
            FAIL("it says: %s", why);
        OK(!strstr(why, "secret"));
    }
}

static const struct {
    const char *no, *url;
    bool direct;
} exceptions[] = {
    {"example.com", "http://example.com/", true},
    {"example.com", "http://EXAMPLE.com:81/", true},
    {"example.com", "http://a.b.example.com/", true},
    {"example.com", "http://example.com./", true},
    {"example.com.", "http://example.com/", true},
    {"Example.COM", "http://example.com/", true},
    {"example.com", "http://anexample.com/", false},
    {"example.com", "http://example.com.evil.example/", false},
    {"example.com", "http://com/", false},
    {".example.com", "http://a.example.com/", true},
    {".example.com", "http://example.com/", true},
    {"*.example.com", "http://a.example.com/", true},
    {"a,b c\t d ,,e", "http://a/", true},
    {"a,b c\t d ,,e", "http://b/", true},
    {"a,b c\t d ,,e", "http://c/", true},
    {"a,b c\t d ,,e", "http://d/", true},
    {"a,b c\t d ,,e", "http://e/", true},
    {"a,b c\t d ,,e", "http://f/", false},
    {"a,*", "http://f/", true},
    {"*.B\xc3\xbc"
     "cher.example",
     "http://a.b\xc3\xbc"
     "cher.example/",
     true},
    {"xn--bcher-kva.example",
     "http://b\xc3\xbc"
     "cher.example/",
     true},
    {"b\xc3\xbc"
     "cher.example\xe3\x80\x82", /* its final dot is U+3002 */
     "http://b\xc3\xbc"
     "cher.example/",
     true},
    {"b\xfc"
     "cher.example,f",
     "http://f/", true},
    {"", "http://f/", false},
    {".", "http://f/", false},
    {",", "http://f/", false},
    {"a:81", "http://a:81/", true},
    {"a:81", "http://a/", false},
    {"a:443", "https://a/", true},
    {"a:0", "http://a/", false},
    {"a:x", "http://a/", false},
    {":80", "http://a/", false},
    {"127.0.0.1", "http://127.0.0.1/", true},
    {"127.0.0.1", "http://127.0.0.2/", false},
    {"127.0.0.1:80", "http://127.0.0.1/", true},
    {"127.0.0.1:80", "http://127.0.0.1:81/", false},
    {"0.0.1", "http://127.0.0.1/", false},
    {"10.0.0.0/8", "http://10.255.3.4/", true},
    {"10.0.0.0/8", "http://11.0.0.0/", false},
    {"10.0.0.0/8", "http://10.example/", false},
    {"192.168.16.0/20", "http://192.168.31.255/", true},
    {"192.168.16.0/20", "http://192.168.32.0/", false},
    {"192.168.16.77/20", "http://192.168.17.1/", true},
    {"1.2.3.4/32", "http://1.2.3.4/", true},
    {"1.2.3.4/0", "http://9.9.9.9/", true},
    {"1.2.3.4/0", "http://[::1]/", false},
    {"1.2.3.4/33", "http://1.2.3.4/", false},
    {"1.2.3.4/", "http://1.2.3.4/", false},
    {"1.2.3.4/x", "http://1.2.3.4/", false},
    {"10.0.0.0/8:81", "http://10.1.1.1:81/", true},
    {"10.0.0.0/8:81", "http://10.1.1.1/", false},
    {"10.0.0.0/8", "http://[::ffff:10.1.1.1]/", true},
    {"::1", "http://[::1]/", true},
    {"[::1]", "http://[0::1]/", true},
    {"[::1]:81", "http://[::1]:81/", true},
    {"[::1]:81", "http://[::1]/", false},
    {"::1", "http://[::2]/", false},
    {"fd00::/8", "http://[fdff::1]/", true},
    {"fd00::/8", "http://[fe00::1]/", false},
    {"2001:db8::/33", "http://[2001:db8:7fff::]/", true},
    {"2001:db8::/33", "http://[2001:db8:8000::]/", false},
    {"::/0", "http://1.2.3.4/", true},
    {"::1/129", "http://[::1]/", false},
};

TEST(proxies_exceptions)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(exceptions); i++) {
        const struct mr_proxies_from from = {"p", "p", NULL, exceptions[i].no};
        char why[MR_PROXIES_WHY];
        struct mr_proxies *p;

        CASE("%s: %s", exceptions[i].no, exceptions[i].url);
        EQ_INT(mr_proxies_new(&p, &from, why), 0);
        check_found(p, exceptions[i].url,
                    exceptions[i].direct ? "" : "http://p/");
        mr_proxies_free(p);
    }
}

/* Each test is a process of its own: its environment is nobody else's. */
TEST(proxies_from_env)
{
    static const char *const names[] = {
        "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
        "all_proxy",  "ALL_PROXY",  "no_proxy",    "NO_PROXY"};
    char why[MR_PROXIES_WHY];
    struct mr_proxies *p;

    for (size_t i = 0; i < MR_ARRAY_LEN(names); i++)
        unsetenv(names[i]);
    setenv("HTTP_PROXY", "evil:1", 1);
    EQ_INT(mr_proxies_from_env(&p, why), 0);
    check_found(p, "http://x/", "");
    mr_proxies_free(p);

    setenv("http_proxy", "p:1", 1);
    setenv("https_proxy", "", 1); /* as none: the other spelling counts */
    setenv("HTTPS_PROXY", "q:2", 1);
    setenv("NO_PROXY", "y", 1);
    EQ_INT(mr_proxies_from_env(&p, why), 0);
    check_found(p, "http://x/", "http://p:1/");
    check_found(p, "https://x/", "http://q:2/");
    check_found(p, "http://y/", "");
    mr_proxies_free(p);

    setenv("https_proxy", "r:3", 1);
    setenv("no_proxy", "z", 1);
    EQ_INT(mr_proxies_from_env(&p, why), 0);
    check_found(p, "https://x/", "http://r:3/");
    check_found(p, "http://y/", "http://p:1/");
    check_found(p, "http://z/", "");
    mr_proxies_free(p);

    unsetenv("http_proxy");
    setenv("ALL_PROXY", "s:4", 1);
    EQ_INT(mr_proxies_from_env(&p, why), 0);
    check_found(p, "http://x/", "http://s:4/");
    mr_proxies_free(p);
}

TEST(proxies_no_memory)
{
    const struct mr_proxies_from from = {"u:p@p:1", "q:2", NULL, "a,1.2.3.4/8"};

    for (unsigned nth = 1;; nth++) {
        char why[MR_PROXIES_WHY];
        struct mr_proxies *p;
        int rc;

        CASE("allocation %u", nth);
        mr_sys_fault(MR_SYS_ALLOC, nth, -ENOMEM);
        rc = mr_proxies_new(&p, &from, why);
        mr_sys_fault_clear();
        mr_proxies_free(p);
        if (rc == 0) {
            OK(nth > 2);
            return;
        }
        EQ_INT(rc, -ENOMEM);
        OK(strstr(why, "out of memory"));
    }
}

SUITE("proxies", proxies_variables, proxies_refused, proxies_exceptions,
      proxies_from_env, proxies_no_memory)
TEST_MAIN()
