/* SPDX-License-Identifier: MIT */
/* fuzz_set_cookie.c - any bytes as Set-Cookie fields, line by line: what is
 * taken goes to nobody but the host's own family, in a field that is whole. */
#include "http/cookie_jar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW INT64_C(1700000000)

static struct mr_uri uri(struct mr_arena *a, const char *text)
{
    struct mr_uri u;

    MR_BUG_ON(mr_uri_parse(a, mr_str(text), &u, NULL));
    return u;
}

static struct mr_str get(struct mr_cookie_jar *jar, struct mr_arena *a,
                         const char *text)
{
    struct mr_uri u = uri(a, text);
    struct mr_str got;

    MR_BUG_ON(mr_cookie_jar_get(jar, &u, NOW, a, &got));
    MR_BUG_ON(got.n > MR_COOKIE_FIELD_MAX);
    for (size_t i = 0; i < got.n; i++)
        MR_BUG_ON((unsigned char)got.p[i] < ' ' || got.p[i] == 0x7f);
    return got;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mr_cookie_jar *jar;
    struct mr_str rest = {(const char *)data, size}, line;
    struct mr_uri plain, secure;
    struct mr_arena a;
    int64_t t;

    mr_arena_init(&a, 4096);
    MR_BUG_ON(!jar && mr_cookie_jar_new(&jar));
    plain = uri(&a, "http://w.example.com/a/b");
    secure = uri(&a, "https://w.example.com/a/b");
    while (mr_str_split(&rest, '\n', &line)) {
        (void)!mr_cookie_date(line, &t); /* a date or none, no crash */
        (void)!mr_cookie_jar_set(jar, &plain, line, NOW);  /* or refused */
        (void)!mr_cookie_jar_set(jar, &secure, line, NOW); /* or refused */
    }
    MR_BUG_ON(mr_cookie_jar_count(jar) > 2 * MR_COOKIES_PER_DOMAIN);
    MR_BUG_ON(get(jar, &a, "https://com/a/b").n > 0);
    MR_BUG_ON(get(jar, &a, "https://other.com/a/b").n > 0);
    MR_BUG_ON(get(jar, &a, "https://xexample.com/a/b").n > 0);
    MR_BUG_ON(get(jar, &a, "https://com.example/a/b").n > 0);
    MR_BUG_ON(get(jar, &a, "http://example.com/a/b").n >
              get(jar, &a, "https://example.com/a/b").n);
    mr_arena_fini(&a);
    return 0;
}
