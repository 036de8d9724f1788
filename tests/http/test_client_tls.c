/* SPDX-License-Identifier: MIT */
/*
 * test_client_tls.c - calls over TLS: kept, resumed, refused; and by a proxy.
 */
#include "http/proxies.h"
#include "tests/http/client_util.h"
#include "tests/io/certs.h"

/* A client that trusts our authority, by that proxy (NULL: none). */
static void https_open(struct theatre *t, const struct mr_proxies *p)
{
    struct mr_client_options o = {
        .tls = {.ca_file = certs_path("ca.pem")},
        .proxies = p,
    };
    struct mr_tls_cert cert = {certs_path("a.pem"), certs_path("a.key"), NULL};
    char why[MR_TLS_WHY];

    mr_client_free(t->client);
    CHECK_EQ_INT(mr_client_new(&t->client, &o, t->why), 0);
    CHECK_EQ_INT(
        mr_tls_server_new(
            &t->tls,
            &(struct mr_tls_server_options){.certs = &cert, .n_certs = 1}, why),
        0);
}

static const char *https(struct theatre *t, const char *host)
{
    snprintf(t->url, sizeof t->url, "https://%s:%u/", host,
             mr_addr_port(&t->at));
    return call(t, &(struct mr_client_request){.url = mr_str(t->url)});
}

static void https_close(struct theatre *t)
{
    mr_call_close(t->call);
    t->call = NULL;
    mr_client_close_idle(t->client);
    while (t->closed < t->opened && mr_yield() == 0)
        ;
    mr_tls_context_unref(t->tls);
}

#define HTTPS(id)                                                            \
    static void https_##id(struct theatre *t);                               \
    CLIENT(id)                                                               \
    {                                                                        \
        certs_make();                                                        \
        certs_add(&(struct cert_spec){.file = "a",                           \
                                      .san = "IP:127.0.0.1,DNS:a.example"}); \
        https_##id(t);                                                       \
        https_close(t);                                                      \
        certs_remove();                                                      \
    }                                                                        \
    static void https_##id(struct theatre *t)

HTTPS(keeps_an_encrypted_one)
{
    https_open(t, NULL);
    PLAY({.answers = {OK_HELLO, OK_HELLO}, .tls = true});
    CHECK_EQ_STR(https(t, "127.0.0.1"), "200 hello");
    CHECK_EQ_STR(https(t, "127.0.0.1"), "200 hello");
    CHECK_EQ_INT(mr_client_stats(t->client).opened, 1);
    CHECK_EQ_INT(mr_client_stats(t->client).tls.full, 1);
}

HTTPS(resumes_a_session)
{
    https_open(t, NULL);
    PLAY({.answers = {OK_HELLO}, .tls = true, .leaves = true},
         {.answers = {OK_HELLO}, .tls = true});
    CHECK_EQ_STR(https(t, "127.0.0.1"), "200 hello");
    mr_client_close_idle(t->client);
    CHECK_EQ_STR(https(t, "127.0.0.1"), "200 hello");
    CHECK_EQ_INT(mr_client_stats(t->client).tls.resumed, 1);
}

HTTPS(says_which_check_failed)
{
    https_open(t, NULL);
    PLAY({.answers = {OK_HELLO}, .tls = true});
    CHECK_EQ_STR(https(t, "localhost"), "!ENOKEY");
    CHECK_OK(strstr(t->why, "certificate of localhost: "));
    CHECK_OK(strstr(t->why, "a.example"));
    CHECK_EQ_INT(mr_client_stats(t->client).open, 0);
}

HTTPS(is_no_tls_at_all)
{
    https_open(t, NULL);
    PLAY({.answers = {OK_HELLO}, .at_once = true, .leaves = true});
    CHECK_EQ_STR(https(t, "127.0.0.1"), "!EPROTO");
    CHECK_OK(strstr(t->why, "is that TLS at all?"));
}

/* Until the close: without a goodbye it may have been cut. */
HTTPS(a_close_needs_a_goodbye)
{
    https_open(t, NULL);
    PLAY({.answers = {"HTTP/1.1 200 OK\r\n\r\nhello"},
          .tls = true,
          .leaves = true},
         {.answers = {"HTTP/1.1 200 OK\r\n\r\nhello"},
          .tls = true,
          .cuts = true});
    CHECK_EQ_STR(https(t, "127.0.0.1"), "200 hello");
    CHECK_EQ_STR(https(t, "127.0.0.1"), "200 hello!ECONNABORTED");
}

HTTPS(is_aborted_by_another)
{
    https_open(t, NULL);
    PLAY({.answers = {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"},
          .tls = true});
    CHECK_OK(mr_group_spawn(&t->group, abort_after_hello, t));
    CHECK_EQ_STR(https(t, "127.0.0.1"), "200 hello!ECONNABORTED");
}

HTTPS(goes_through_a_tunnel)
{
    struct mr_proxies *p = NULL;
    char url[64];
    struct mr_proxies_from from = {.https = url};

    snprintf(url, sizeof url, "http://u:p@127.0.0.1:%u", mr_addr_port(&t->at));
    CHECK_EQ_INT(mr_proxies_new(&p, &from, t->why), 0);
    https_open(t, p);
    PLAY({.answers = {"HTTP/1.1 200 Up\r\n\r\n", OK_HELLO, OK_HELLO},
          .tls = true,
          .tunnels = true});
    CHECK_EQ_STR(https(t, "a.example"), "200 hello");
    CHECK_EQ_STR(https(t, "a.example"), "200 hello");
    CHECK_EQ_INT(strncmp(t->got[0], "CONNECT a.example:", 18), 0);
    CHECK_OK(strstr(t->got[0], "\r\nProxy-Authorization: Basic dTpw\r\n"));
    CHECK_EQ_INT(strncmp(t->got[1], "GET / HTTP/1.1\r\n", 16), 0);
    CHECK_OK(!strstr(t->got[1], "Proxy-"));
    CHECK_EQ_INT(mr_client_stats(t->client).opened, 1);
    mr_call_close(t->call);
    t->call = NULL;
    mr_client_free(t->client);
    mr_proxies_free(p);
    CHECK_EQ_INT(mr_client_new(&t->client, NULL, t->why), 0);
}

/* Session tickets come while the body is sent: that is no answer. */
HTTPS(sends_on_when_tls_speaks)
{
    struct mr_client_request r = {.method = mr_str("POST"),
                                  .url = mr_str(t->url),
                                  .streams = true,
                                  .length = 3000};
    static char piece[1000];

    memset(piece, 'x', sizeof piece);
    https_open(t, NULL);
    PLAY({.answers = {OK_HELLO}, .tls = true});
    snprintf(t->url, sizeof t->url, "https://127.0.0.1:%u/",
             mr_addr_port(&t->at));
    r.url = mr_str(t->url);
    CHECK_EQ_INT(mr_call_begin(t->client, &r, &t->call, t->why, PATIENCE), 0);
    if (!t->call)
        return;
    for (int i = 0; i < 3; i++) {
        CHECK_EQ_INT(mr_call_write(t->call, piece, sizeof piece, PATIENCE), 0);
        for (int j = 0; j < 50; j++)
            (void)!mr_idle(mr_after_ms(1)); /* or a millisecond */
    }
    CHECK_EQ_INT(mr_call_end(t->call, PATIENCE), 0);
    CHECK_EQ_INT(mr_call_answer(t->call, PATIENCE), 0);
    t->text[0] = '\0';
    CHECK_EQ_STR(rest_of(t), "hello");
    CHECK_EQ_INT(mr_client_stats(t->client).idle, 1);
}

struct writing {
    struct mr_call *call;
    size_t pieces;
};

static intptr_t keeps_writing(void *arg)
{
    static char piece[65536];
    struct writing *w = arg;
    int rc;

    while ((rc = mr_call_write(w->call, piece, sizeof piece, PATIENCE)) == 0)
        w->pieces++;
    return rc;
}

/* Who reads finds the coding broken while another is within a send. */
HTTPS(a_writer_keeps_its_connection)
{
    struct mr_client_request r = {.method = mr_str("POST"),
                                  .streams = true,
                                  .duplex = true,
                                  .length = -1};
    struct writing w = {0};
    struct mr_group g;
    size_t before;

    mr_group_init(&g);
    https_open(t, NULL);
    PLAY({.answers = {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
                      "Content-Length: 8\r\n\r\nnot gzip"},
          .tls = true,
          .head_only = true,
          .deaf = true});
    snprintf(t->url, sizeof t->url, "https://127.0.0.1:%u/",
             mr_addr_port(&t->at));
    r.url = mr_str(t->url);
    CHECK_EQ_INT(mr_call_begin(t->client, &r, &t->call, t->why, PATIENCE), 0);
    if (!t->call)
        return;
    w.call = t->call;
    CHECK_OK(mr_group_spawn(&g, keeps_writing, &w));
    CHECK_EQ_INT(mr_call_answer(t->call, PATIENCE), 0);
    do { /* until nobody takes any more */
        before = w.pieces;
        for (int i = 0; i < 50; i++)
            (void)!mr_idle(mr_after_ms(1)); /* or a millisecond */
    } while (w.pieces != before);
    t->text[0] = '\0';
    CHECK_EQ_STR(rest_of(t), "!EBADMSG");
    CHECK_EQ_INT(mr_client_stats(t->client).open, 1);
    mr_group_close(&g);
}

SUITE("https", keeps_an_encrypted_one, resumes_a_session,
      says_which_check_failed, is_no_tls_at_all, a_close_needs_a_goodbye,
      is_aborted_by_another, goes_through_a_tunnel, sends_on_when_tls_speaks,
      a_writer_keeps_its_connection)
TEST_MAIN()
