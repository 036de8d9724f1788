/* SPDX-License-Identifier: MIT */

/* test_get_options.c - options of mrget that change what a server sees: each
 * of these runs ends otherwise without its option. */
#include "io/socket.h"
#include "tests/apps/get_util.h"

static bool write_there(const char *name, const char *text, char path[128])
{
    FILE *f;

    snprintf(path, 128, "%s/%s", dir, name);
    f = fopen(path, "w");
    if (!f)
        return false;
    CHECK_EQ_INT(fchmod(fileno(f), 0600), 0);
    CHECK_OK(fputs(text, f) >= 0);
    return fclose(f) == 0;
}

/* A file of several connections, when it takes its time; and when told to. */
IN_HUB(lanes)
{
    static const struct {
        const char *url;
        const char *options[2];
        unsigned least, most;
    } cases[] = {
        {"/one", {"-x1", "-J9"}, 1, 1},  {"/four", {"-x4", "-J9"}, 4, 4},
        {"/host", {"-x4", "-J2"}, 2, 2}, {"/all", {"-x6", "-j3"}, 3, 3},
        {"/slow", {"-J9", "-j9"}, 2, 4},
    };

    if (!begin(NULL))
        return 0;
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        const struct bad_path *p;
        char url[128];

        CASE("%s", cases[i].url);
        snprintf(url, sizeof url, "@%s?size=12M&piece=64K&every=%s",
                 cases[i].url, i == 4 ? "30ms" : "5ms");
        CHECK_EQ_INT(RUN(url, cases[i].options[0], cases[i].options[1]), 0);
        CHECK_OK(has_file(cases[i].url + 1, 12 << 20, 1));
        p = bad_path(bad, cases[i].url);
        CHECK_OK(p && p->most >= cases[i].least && p->most <= cases[i].most);
        CHECK_OK(p && (p->ranges > 0) == (cases[i].most > 1));
    }
    end();
    return 0;
}

/* A changed source is one more request with If-Range, and two without. */
IN_HUB(if_range)
{
    if (!begin(NULL))
        return 0;
    CHECK_EQ_INT(RUN("@/f?size=4M&changes=1&do=cut&at=3M&times=1", "-x1"), 0);
    CHECK_OK(has_file("f", 4 << 20, 2));
    CHECK_EQ_INT(bad_path(bad, "/f")->requests, 2);
    end();
    return 0;
}

IN_HUB(retry_after)
{
    if (!begin(NULL))
        return 0;
    CHECK_EQ_INT(RUN("@/f?size=1K&status=503&times=1&retry=1", "--json"), 0);
    CHECK_OK(says(&out, "\"wait_ms\":1000,"));
    end();
    return 0;
}

IN_HUB(who_asks)
{
    char path[128], option[160];

    if (!begin(NULL))
        return 0;
    CHECK_EQ_INT(RUN("@/a?size=1K&needs=User-Agent:%20me", "-A", "me"), 0);
    CHECK_EQ_INT(RUN("@/b?size=1K&needs=User-Agent:%20me"), 8);
    CHECK_OK(
        write_there("netrc", "machine 127.0.0.1 login u password p\n", path));
    snprintf(option, sizeof option, "--netrc=%s", path);
    CHECK_EQ_INT(RUN("@/c?size=1K&login=dTpw", option), 0);
    CHECK_EQ_INT(RUN("@/d?size=1K&login=dTpw"), 6);
    end();
    return 0;
}

/* From one answer to the next request, and from one run to the next. */
IN_HUB(cookies)
{
    static const char set[] =
        "@/a?size=1K&field=Set-Cookie:%20k%3Dv%3B%20Max-Age%3D900";
    static const char needs[] = "size=1K&needs=Cookie:%20k%3Dv";
    char path[128], url[160];

    if (!begin(NULL))
        return 0;
    snprintf(path, sizeof path, "%s/jar", dir);
    snprintf(url, sizeof url, "@/b?%s", needs);
    CHECK_EQ_INT(RUN("-j1", set, url, "--cookie-jar", path), 0);
    snprintf(url, sizeof url, "@/c?%s", needs);
    CHECK_EQ_INT(RUN(url), 8);
    CHECK_EQ_INT(RUN(url, "--load-cookies", path), 0);
    end();
    return 0;
}

IN_HUB(families)
{
    char url[64];

    if (!begin(NULL))
        return 0;
    /* Of the two that the name has, only one has a server. */
    snprintf(url, sizeof url, "http://localhost:%u/f?size=1K", bad_port(bad));
    CHECK_EQ_INT(RUN(url, "-6", "--retry=0"), 4);
    CHECK_EQ_INT(RUN(url, "-4"), 0);
    end();
    return 0;
}

IN_HUB(globs)
{
    if (!begin(NULL))
        return 0;
    CHECK_EQ_INT(RUN("@/f{1,2}?size=1K&seed=1"), 0);
    CHECK_OK(has_file("f1", 1024, 1));
    CHECK_OK(has_file("f2", 1024, 1));
    CHECK_EQ_INT(RUN("@/g?size=1K#{a,b}", "-g"), 0);
    CHECK_OK(has_file("g", 1024, 1));
    CHECK_EQ_INT(RUN("@/h?size=1K#{a,b}"), 3); /* one name, two URLs */
    end();
    return 0;
}

/* What would be there at once is not when it may not be. */
IN_HUB(rates)
{
    if (!begin(NULL))
        return 0;
    CHECK_EQ_INT(RUN("@/f?size=8M", "--max-time=500ms", "--limit-rate=1M"), 4);
    CHECK_OK(says(&err, "--max-time"));
    end();
    return 0;
}

/* A listener that takes nobody, once its queue is full. */
IN_HUB(connecting)
{
    char text[MR_ADDR_TEXT], url[MR_ADDR_TEXT + 16];
    int fds[9] = {-1}, n = 0;
    struct mr_addr at;

    if (!begin(NULL))
        return 0;
    CHECK_EQ_INT(mr_addr_parse(&at, mr_str("127.0.0.1:0")), 0);
    fds[n++] = mr_socket_listen(&at, NULL);
    CHECK_EQ_INT(mr_socket_local(fds[0], &at), 0);
    CHECK_EQ_INT(listen(fds[0], 0), 0);
    while (n < 9) {
        fds[n] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(fds[n++], &at.sa, at.len);
    }
    mr_addr_format(&at, text, sizeof text);
    snprintf(url, sizeof url, "http://%s/f", text);
    CHECK_EQ_INT(RUN(url, "--connect-timeout=100ms", "--retry=0"), 4);
    while (n > 0)
        close(fds[--n]);
    end();
    return 0;
}

SUITE("mrget: options", lanes, if_range, retry_after, who_asks, cookies,
      families, globs, rates, connecting)
TEST_MAIN()
