/* SPDX-License-Identifier: MIT */
/*
 * test_client_redirect.c - calls that end elsewhere than they began: redirects,
 * proxies; and bodies that came coded.
 */
#include "http/proxies.h"
#include "io/tls_tickets.h"
#include "tests/http/client_util.h"

#define TO(status, place)                                                    \
    "HTTP/1.1 " status " Go\r\nLocation: " place "\r\nContent-Length: 4\r\n" \
    "\r\ngone"

CLIENT(follows, .max_redirects = 3)
{
    PLAY({.answers = {TO("301", "/b?x"), TO("302", "c"), OK_HELLO}});
    CHECK_EQ_STR(get(t, "/a/#f"), "200 hello");
    CHECK_EQ_INT(strncmp(t->got[1], "GET /b?x HTTP/1.1\r\n", 19), 0);
    CHECK_EQ_INT(strncmp(t->got[2], "GET /c HTTP/1.1\r\n", 17), 0);
    CHECK_EQ_INT(mr_call_redirects(t->call), 2);
    CHECK_OK(mr_str_ends(mr_call_url(t->call), "/c"));
    /* The connection lived through it. */
    CHECK_EQ_INT(mr_client_stats(t->client).opened, 1);
}

CLIENT(follows_none_unless_told)
{
    PLAY({.answers = {TO("301", "/b")}});
    CHECK_EQ_STR(get(t, "/"), "301 gone");
}

CLIENT(follows_none_of_connect, .max_redirects = 3)
{
    struct mr_client_request r = {.url = mr_str(url_of(t, "/")),
                                  .method = mr_str("CONNECT"),
                                  .target = mr_str("a.example:1")};

    PLAY({.answers = {TO("307", "/b")}});
    CHECK_EQ_STR(call(t, &r), "307 gone");
}

CLIENT(one_call_follows_none, .max_redirects = 3)
{
    PLAY({.answers = {TO("301", "/b")}});
    CHECK_EQ_STR(
        call(t, &(struct mr_client_request){.url = mr_str(url_of(t, "/")),
                                            .max_redirects = -1}),
        "301 gone");
}

CLIENT(follows_so_many, .max_redirects = 3)
{
    PLAY({.answers = {TO("301", "/b"), TO("301", "/b"), TO("301", "/b"),
                      TO("301", "/b")}});
    CHECK_EQ_STR(get(t, "/"), "!ELOOP");
    CHECK_OK(strstr(t->why, "redirected more than 3 times"));
}

CLIENT(does_not_follow_anywhere, .max_redirects = 3)
{
    static const struct {
        const char *answer, *want;
    } cases[] = {
        {TO("302", "ftp://a/"), "!EBADMSG"},
        {TO("302", "http://u:p@a/"), "!EBADMSG"},
        {TO("302", "http://a b/"), "!EBADMSG"},
        {"HTTP/1.1 302 x\r\nContent-Length: 0\r\n\r\n", "302 "},
        {TO("300", "/b"), "300 gone"},
    };

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct scene one = {.answers = {cases[i].answer}, .leaves = true};

        CASE("%s", cases[i].answer);
        play(t, &one, 1);
        CHECK_EQ_STR(get(t, "/"), cases[i].want);
        mr_call_close(t->call);
        t->call = NULL;
        mr_client_close_idle(t->client);
    }
    t->n = t->opened;
}

/* Method and body by status. */
CLIENT(sends_the_body_again_or_not, .max_redirects = 3)
{
    struct mr_client_request r = {.method = mr_str("POST"),
                                  .url = mr_str(url_of(t, "/")),
                                  .body = mr_str("data")};

    PLAY({.answers = {TO("307", "/b"), TO("303", "/c"), OK_HELLO}});
    CHECK_EQ_STR(call(t, &r), "200 hello");
    CHECK_EQ_INT(strncmp(t->got[1], "POST /b ", 8), 0);
    CHECK_OK(strstr(t->got[1], "\r\nContent-Length: 4\r\n"));
    CHECK_OK(mr_str_ends(mr_str(t->got[1]), "\r\n\r\ndata"));
    CHECK_EQ_INT(strncmp(t->got[2], "GET /c ", 7), 0);
    CHECK_OK(!strstr(t->got[2], "ontent-"));
}

/* Another port is another origin. */
CLIENT(takes_no_credentials_along, .max_redirects = 3)
{
    static char answer[256];
    struct mr_field f[] = {{mr_str("Cookie"), mr_str("a=b")},
                           {mr_str("X-Key"), mr_str("k")}};
    struct mr_client_request r = {.url = mr_str(url_of(t, "/")),
                                  .fields = f,
                                  .n_fields = 2,
                                  .user = mr_str("u"),
                                  .password = mr_str("p")};
    struct scene scenes[] = {{.answers = {answer}, .leaves = true},
                             {.answers = {OK_HELLO}}};

    snprintf(answer, sizeof answer,
             "HTTP/1.1 302 x\r\nLocation: http://localhost:%u/\r\n"
             "Content-Length: 0\r\n\r\n",
             mr_addr_port(&t->at));
    play(t, scenes, 2);
    CHECK_EQ_STR(call(t, &r), "200 hello");
    CHECK_OK(strstr(t->got[0], "\r\nAuthorization: Basic dTpw\r\n"));
    CHECK_OK(strstr(t->got[0], "\r\nCookie: a=b\r\n"));
    CHECK_OK(!strstr(t->got[1], "Authorization"));
    CHECK_OK(!strstr(t->got[1], "Cookie"));
    CHECK_OK(strstr(t->got[1], "\r\nX-Key: k\r\n"));
}

/* One that is long, or has no length, is not waited for. */
CLIENT(does_not_read_a_long_redirect, .max_redirects = 3)
{
    PLAY({.answers = {"HTTP/1.1 302 x\r\nLocation: /b\r\n"
                      "Content-Length: 99999999\r\n\r\nx"}},
         {.answers = {"HTTP/1.1 302 x\r\nLocation: /c\r\n\r\nx"}},
         {.answers = {OK_HELLO}});
    CHECK_EQ_STR(get(t, "/"), "200 hello");
    CHECK_EQ_INT(mr_client_stats(t->client).opened, 3);
}

/* --- proxies --- */

static struct mr_proxies *proxies_at(struct theatre *t, const char *user)
{
    struct mr_proxies *p = NULL;
    char url[128];
    struct mr_proxies_from from = {.http = url, .https = url};

    snprintf(url, sizeof url, "http://%s127.0.0.1:%u", user,
             mr_addr_port(&t->at));
    CHECK_EQ_INT(mr_proxies_new(&p, &from, t->why), 0);
    return p;
}

static struct mr_client *client_by(const struct mr_proxies *p)
{
    struct mr_client *c = NULL;
    char why[MR_CLIENT_WHY];

    CHECK_EQ_INT(
        mr_client_new(&c, &(struct mr_client_options){.proxies = p}, why), 0);
    return c;
}

/* In place of the theatre's client. */
static void use_client(struct theatre *t, struct mr_client *c)
{
    mr_call_close(t->call);
    t->call = NULL;
    mr_client_free(t->client);
    t->client = c;
}

CLIENT(asks_a_proxy_for_all_of_it)
{
    struct mr_proxies *p = proxies_at(t, "me:pw@");
    struct mr_client_request r = {.url = mr_str("http://a.example/x?y#z")};

    use_client(t, client_by(p));
    PLAY({.answers = {OK_HELLO}});
    CHECK_EQ_STR(call(t, &r), "200 hello");
    CHECK_EQ_INT(strncmp(t->got[0],
                         "GET http://a.example/x?y HTTP/1.1\r\n"
                         "Host: a.example\r\n",
                         52),
                 0);
    CHECK_OK(strstr(t->got[0], "\r\nProxy-Authorization: Basic bWU6cHc=\r\n"));
    use_client(t, NULL);
    CHECK_EQ_INT(mr_client_new(&t->client, NULL, t->why), 0);
    mr_proxies_free(p);
}

static const struct {
    const char *answer, *want, *why;
} tunnels[] = {
    {"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n", "!ENOTCONN",
     "a user and password are wanted"},
    {"HTTP/1.1 502 Bad Gateway\r\n\r\nno", "!ENOTCONN",
     "does not connect: 502 Bad Gateway"},
    {"HTTP/1.1 200 Up\r\n\r\nnow", "!EPROTO", "spoke into its tunnel"},
    {"HTTP/1.1 200\nUp\r\n\r\n", "!EPROTO", "malformed answer of proxy"},
    {"HTTP/1.1 200 Up\r\n", "!ENODATA", "closed the connection"},
    /* The last: TLS in the tunnel, where there is TLS. */
    {"HTTP/1.1 200 Up\r\nContent-Length: 9\r\n\r\n", "!ECONNABORTED",
     "TLS with a.example"},
};

static bool has_tls(void)
{
    struct mr_tls_tickets *t;

    if (mr_tls_tickets_new(&t) != 0)
        return false;
    mr_tls_tickets_free(t);
    return true;
}

CLIENT(asks_a_proxy_for_a_tunnel)
{
    struct mr_proxies *p = proxies_at(t, "");
    struct mr_client_request r = {.url = mr_str("https://a.example:444/x")};

    use_client(t, client_by(p));
    for (size_t i = 0; i < MR_ARRAY_LEN(tunnels) - !has_tls(); i++) {
        struct scene one = {.answers = {tunnels[i].answer}, .leaves = true};

        CASE("%s", tunnels[i].answer);
        play(t, &one, 1);
        CHECK_EQ_STR(call(t, &r), tunnels[i].want);
        if (!strstr(t->why, tunnels[i].why))
            CHECK_EQ_STR(t->why, tunnels[i].why);
        CHECK_EQ_STR(t->got[i], "CONNECT a.example:444 HTTP/1.1\r\n"
                                "Host: a.example:444\r\n\r\n");
        CHECK_EQ_INT(mr_client_stats(t->client).open, 0);
    }
    t->n = t->opened;
    use_client(t, NULL);
    CHECK_EQ_INT(mr_client_new(&t->client, NULL, t->why), 0);
    mr_proxies_free(p);
}

/* --- coded bodies --- */

/* "hello" */
static const char gzip_hello[] =
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\x07\x00\x86"
    "\xa6\x10\x36\x05\x00\x00\x00";

static size_t coded(char *to, size_t size, const char *fields, size_t n)
{
    int head = snprintf(to, size,
                        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
                        "Content-Length: %zu\r\n%s\r\n",
                        n, fields);

    memcpy(to + head, gzip_hello, n);
    return (size_t)head + n;
}

CLIENT(decodes)
{
    static char answer[256];
    struct scene one = {.answers = {answer}, .leaves = true};

    one.n = coded(answer, sizeof answer, "", sizeof gzip_hello - 1);
    play(t, &one, 1);
    CHECK_EQ_STR(get(t, "/"), "200 hello");
    CHECK_OK(mr_call_is_decoded(t->call));
    CHECK_EQ_INT(mr_client_stats(t->client).idle, 1);
}

CLIENT(decodes_no_part_of_a_whole)
{
    static char answer[256];
    struct scene one = {.answers = {answer}, .leaves = true};

    one.n = coded(answer, sizeof answer, "", sizeof gzip_hello - 4);
    play(t, &one, 1);
    CHECK_OK(mr_str_ends(mr_str(get(t, "/")), "!ENODATA"));
}

CLIENT(does_not_decode_unasked, .no_decode = true)
{
    static char answer[256];
    struct scene one = {.answers = {answer}, .leaves = true};

    one.n = coded(answer, sizeof answer, "", sizeof gzip_hello - 1);
    play(t, &one, 1);
    (void)get(t, "/");
    CHECK_OK(!mr_call_is_decoded(t->call));
    CHECK_EQ_INT((unsigned char)t->text[4], 0x1f);
    CHECK_OK(!strstr(t->got[0], "Accept-Encoding"));
}

CLIENT(knows_no_such_coding)
{
    PLAY({.answers = {"HTTP/1.1 200 OK\r\nContent-Encoding: pack200\r\n"
                      "Content-Length: 1\r\n\r\nx"},
          .leaves = true});
    CHECK_EQ_STR(get(t, "/"), "!EOPNOTSUPP");
    CHECK_OK(strstr(t->why, "coded as nobody asked for: pack200"));
}

/* What a redirect says is passed over, however it is coded. */
CLIENT(follows_what_it_cannot_read, .max_redirects = 1)
{
    PLAY({.answers = {"HTTP/1.1 302 F\r\nLocation: /b\r\n"
                      "Content-Encoding: none\r\nContent-Length: 1\r\n\r\nx",
                      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\ny"},
          .leaves = true});
    CHECK_EQ_STR(get(t, "/"), "200 y");
}

SUITE("redirects", follows_what_it_cannot_read, follows,
      follows_none_unless_told, follows_none_of_connect, one_call_follows_none,
      follows_so_many, does_not_follow_anywhere, sends_the_body_again_or_not,
      takes_no_credentials_along, does_not_read_a_long_redirect)
SUITE("proxies", asks_a_proxy_for_all_of_it, asks_a_proxy_for_a_tunnel)
SUITE("codings", decodes, decodes_no_part_of_a_whole, does_not_decode_unasked,
      knows_no_such_coding)
TEST_MAIN()
