/* SPDX-License-Identifier: MIT */
/* test_hosts.c - which host takes which name. */
#include "http/hosts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/sys.h"
#include "tests/test.h"

static const char *const names[] = {
    "a.example",
    "*.a.example",
    "b.a.example",
    "*.b.a.example",
    "*.example",
    "LOCALhost",
    "127.0.0.1",
    "[::1]",
    "[2001:DB8:0::7]",
    "x_y.z.",
    "xn--bcher-kva.example",
};

static const struct {
    const char *asked, *want; /* NULL: none */
} asked[] = {
    {"a.example", "a.example"},
    {"A.EXAMPLE", "a.example"},
    {"a.example:8080", "a.example"},
    {"a.example:", "a.example"},
    {"a.example.", "a.example"},
    {"a.example.:80", "a.example"},
    {"a.example..", NULL}, /* no name: its last part is empty */
    {"www.a.example", "*.a.example"},
    {"x.y.a.example", "*.a.example"},
    {"b.a.example", "b.a.example"},
    {"c.b.a.example", "*.b.a.example"},
    {"d.c.B.a.example.", "*.b.a.example"},
    {"xa.example", "*.example"},
    {"example", NULL},
    {".example", NULL}, /* nothing before the dot */
    {"example.", NULL},
    {"localhost:1", "LOCALhost"},
    {"127.0.0.1", "127.0.0.1"},
    {"127.0.0.1:80", "127.0.0.1"},
    {"127.0.0.2", NULL},
    {"[::1]", "[::1]"},
    {"[::1]:443", "[::1]"},
    {"[0:0:0:0:0:0:0:1]", "[::1]"},
    {"[::0001]:1", "[::1]"},
    {"[::2]", NULL},
    {"[2001:db8::7]", "[2001:DB8:0::7]"},
    {"[v1.x]", NULL}, /* an address of the future */
    {"::1", NULL},
    {"x_y.z", "x_y.z."},
    {"xn--bcher-kva.example", "xn--bcher-kva.example"},
    {"", NULL},
    {".", NULL},
    {":80", NULL},
};

static int add_all(struct mr_hosts *h)
{
    const char *why;
    int err = 0;

    for (size_t i = 0; i < MR_ARRAY_LEN(names) && !err; i++)
        err = mr_hosts_add(h, mr_str(names[i]), (void *)names[i], &why);
    return err;
}

TEST(hosts_asked_for)
{
    struct mr_hosts h;

    mr_hosts_init(&h);
    EQ_PTR(mr_hosts_find(&h, mr_str("a.example")), NULL);
    EQ_INT(add_all(&h), 0);
    for (size_t i = 0; i < MR_ARRAY_LEN(asked); i++) {
        const char *got;
        size_t n = strlen(asked[i].asked);
        char *p = test_at_page_end(asked[i].asked, n);

        CASE("%s", asked[i].asked);
        got = mr_hosts_find(&h, mr_str_n(p, n));
        test_page_free(p, n);
        if (asked[i].want)
            EQ_STR(got ? got : "none", asked[i].want);
        else
            EQ_PTR(got, NULL);
    }
    mr_hosts_fini(&h);
    EQ_INT(h.n, 0);
}

TEST(hosts_long_names)
{
    char name[300];
    struct mr_hosts h;
    const char *why;

    mr_hosts_init(&h);
    memset(name, 'a', sizeof name);
    EQ_INT(mr_hosts_add(&h, mr_str_n(name, 255), name, &why), 0);
    EQ_INT(mr_hosts_add(&h, mr_str_n(name, 256), name, &why), -EINVAL);
    EQ_INT(mr_hosts_add(&h, mr_str("*.z"), h.v, &why), 0);
    EQ_PTR(mr_hosts_find(&h, mr_str_n(name, 255)), name);
    EQ_PTR(mr_hosts_find(&h, mr_str_n(name, 256)), NULL);
    memcpy(name + 253, ".z", 2);
    OK(mr_hosts_find(&h, mr_str_n(name, 255)) != NULL);
    memcpy(name + 254, ".z", 2);
    EQ_PTR(mr_hosts_find(&h, mr_str_n(name, 256)), NULL);
    mr_hosts_fini(&h);
}

static const struct {
    const char *name;
    int want;
    const char *why; /* how it begins */
} refused[] = {
    {"", -EINVAL, "a host needs a name"},
    {"*.", -EINVAL, "a host needs a name"},
    {"*", -EINVAL, "a wildcard is"},
    {"a.*", -EINVAL, "a wildcard is"},
    {"*a.example", -EINVAL, "a wildcard is"},
    {"*.*.example", -EINVAL, "a wildcard is"},
    {"a.example:80", -EINVAL, "a host's name has no port"},
    {"[::1]:80", -EINVAL, "an IPv6 address stands in [ ]"},
    {"[::1", -EINVAL, "an IPv6 address stands in [ ]"},
    {"[::g]", -EINVAL, "no IPv6 address"},
    {"[]", -EINVAL, "no IPv6 address"},
    {"::1", -EINVAL, "a host's name has no port"},
    {"*.[::1]", -EINVAL, "an address has no parts"},
    {".a", -EINVAL, "a name has no empty parts"},
    {"a..b", -EINVAL, "a name has no empty parts"},
    {"a/b", -EINVAL, "a name has letters"},
    {"b\xc3\xbc"
     "cher.example",
     -EINVAL, "a name has letters"},
    /* there already */
    {"A.example.", -EEXIST, ""},
    {"*.A.example", -EEXIST, ""},
    {"[0::1]", -EEXIST, ""},
    {"localhost", -EEXIST, ""},
};

TEST(hosts_refused)
{
    struct mr_hosts h;

    mr_hosts_init(&h);
    EQ_INT(add_all(&h), 0);
    for (size_t i = 0; i < MR_ARRAY_LEN(refused); i++) {
        const char *why = "";

        CASE("%s", refused[i].name);
        EQ_INT(mr_hosts_add(&h, mr_str(refused[i].name), &h, &why),
               refused[i].want);
        if (refused[i].want == -EINVAL &&
            strncmp(why, refused[i].why, strlen(refused[i].why)) != 0)
            CHECK_EQ_STR(why, refused[i].why);
    }
    EQ_INT(h.n, MR_ARRAY_LEN(names));
    mr_hosts_fini(&h);
}

/* Against the plainest way there is: every name compared with every other. */
TEST(hosts_model)
{
    static const char *const parts[] = {"a", "b", "aa", "x-y", "ab", "example"};
    const char *fixed = getenv("MODEL_SEED");
    unsigned seed =
        fixed ? (unsigned)strtoul(fixed, NULL, 0) : (unsigned)mr_sys_realtime();
    char pool[64][64];

    CASE("MODEL_SEED=%u", seed);
    for (int round = 0; round < 200; round++) {
        struct mr_hosts h;
        const char *why;
        int taken[64];

        mr_hosts_init(&h);
        for (int i = 0; i < 64; i++) {
            size_t n = (size_t)snprintf(pool[i], 64, "%s",
                                        rand_r(&seed) % 3 ? "" : "*.");

            for (int k = rand_r(&seed) % 4; k >= 0; k--)
                n += (size_t)snprintf(pool[i] + n, 64 - n, "%s%s",
                                      parts[rand_r(&seed) % 6], k ? "." : "");
        }
        for (int i = 0; i < 32; i++)
            taken[i] = mr_hosts_add(&h, mr_str(pool[i]), pool[i], &why);
        for (int i = 32; i < 64; i++) {
            const char *host = pool[i] + (pool[i][0] == '*' ? 2 : 0);
            size_t best = 0;
            const char *want = NULL;

            for (int k = 0; k < 32; k++) {
                const char *p = pool[k];
                bool wild = p[0] == '*';
                size_t n = strlen(p) - wild;
                bool fits =
                    wild ? strlen(host) > n && mr_str_ends(mr_str(host), p + 1)
                         : strcmp(host, p) == 0;

                if (!fits || taken[k])
                    continue;
                if (!wild)
                    n = 1000;
                if (n > best) {
                    best = n;
                    want = p;
                }
            }
            OK(mr_hosts_find(&h, mr_str(host)) == want);
        }
        mr_hosts_fini(&h);
    }
}

TEST(hosts_out_of_memory)
{
    int err = -ENOMEM;

    for (unsigned n = 1; err; n++) {
        struct mr_hosts h;

        CASE("allocation %u", n);
        mr_hosts_init(&h);
        mr_sys_fault(MR_SYS_ALLOC, n, -ENOMEM);
        err = add_all(&h);
        mr_sys_fault_clear();
        OK(err == 0 || err == -ENOMEM);
        mr_hosts_fini(&h);
    }
}

SUITE("hosts", hosts_asked_for, hosts_long_names, hosts_refused, hosts_model,
      hosts_out_of_memory)
TEST_MAIN()
