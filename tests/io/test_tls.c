/* SPDX-License-Identifier: MIT */

/*
 * test_tls.c - our client and our server, with each other and with nonsense.
 *
 * over budget: all of it stands on the same pair of ends.
 */
#include "io/tls.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>

#include "core/sys.h"
#include "core/timer.h"
#include "io/addr.h"
#include "io/fd.h"
#include "io/socket.h"
#include "io/tls_tickets.h"
#include "tests/core/in_hub.h"
#include "tests/io/certs.h"

static char why[MR_TLS_WHY];

static void set_up(void)
{
    certs_make();
    certs_add(&(struct cert_spec){
        .file = "a",
        .san = "DNS:a.example,DNS:*.w.example,IP:127.0.0.1,IP:::1"});
}

static struct mr_tls_context *server_of(struct mr_tls_server_options o,
                                        const char *file)
{
    struct mr_tls_cert c = {certs_path2(file, ".pem"),
                            certs_path2(file, ".key"), NULL};
    struct mr_tls_context *ctx = NULL;

    if (!o.certs) {
        o.certs = &c;
        o.n_certs = 1;
    }
    if (mr_tls_server_new(&ctx, &o, why))
        CHECK_FAIL("%s", why);
    return ctx;
}

static struct mr_tls_context *client_of(struct mr_tls_client_options o)
{
    struct mr_tls_context *ctx = NULL;

    if (!o.ca_file && !o.insecure)
        o.ca_file = certs_path("ca.pem");
    if (mr_tls_client_new(&ctx, &o, why))
        CHECK_FAIL("%s", why);
    return ctx;
}

struct end {
    struct mr_tls_context *ctx;
    int fd;
    struct mr_tls *t;
    struct mr_stream *s; /* of t */
    int rc;
    int64_t deadline;
    char why[MR_TLS_WHY];
};

static intptr_t accepts(void *arg)
{
    struct end *e = arg;

    e->rc = mr_tls_accept(&e->t, e->ctx, e->fd, e->why, e->deadline);
    e->s = e->t ? mr_tls_stream(e->t) : NULL;
    return e->rc;
}

static void connect_end(struct end *e, const struct mr_tls_peer *peer)
{
    e->rc = mr_tls_connect(&e->t, e->ctx, e->fd, peer, e->why, e->deadline);
    e->s = e->t ? mr_tls_stream(e->t) : NULL;
}

static void sockets(int fds[2])
{
    CHECK_EQ_INT(mr_sys_socketpair(AF_UNIX,
                                   SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                                   0, fds),
                 0);
}

/* Both ends of a connection, whatever came of it. */
struct pair {
    struct end server, client;
};

/* Takes both descriptors. */
static void shake_over(struct pair *p, struct mr_tls_context *server,
                       struct mr_tls_context *client,
                       const struct mr_tls_peer *peer, const int fds[2])
{
    struct mr_coro *co;

    p->server = (struct end){.ctx = server, .fd = fds[0], .deadline = MR_NEVER};
    p->client = (struct end){.ctx = client, .fd = fds[1], .deadline = MR_NEVER};
    co = mr_spawn(accepts, &p->server);
    connect_end(&p->client, peer);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
}

static void shake_with(struct pair *p, struct mr_tls_context *server,
                       struct mr_tls_context *client,
                       const struct mr_tls_peer *peer)
{
    int fds[2];

    sockets(fds);
    shake_over(p, server, client, peer, fds);
}

static void shake(struct pair *p, struct mr_tls_context *server,
                  struct mr_tls_context *client, const char *host)
{
    shake_with(p, server, client, &(struct mr_tls_peer){.host = host});
}

static void part(struct pair *p)
{
    if (p->client.s)
        mr_stream_close(p->client.s);
    if (p->server.s)
        mr_stream_close(p->server.s);
    p->client.s = p->server.s = NULL;
}

/* Client and server with the usual certificate, shaken. */
static void usual(struct pair *p)
{
    struct mr_tls_context *server, *client;

    set_up();
    server = server_of((struct mr_tls_server_options){0}, "a");
    client = client_of((struct mr_tls_client_options){0});
    shake(p, server, client, "a.example");
    CHECK_EQ_INT(p->client.rc, 0);
    CHECK_EQ_INT(p->server.rc, 0);
    mr_tls_context_unref(server); /* who is connected keeps his */
    mr_tls_context_unref(client);
}

static void unusual(struct pair *p)
{
    part(p);
    certs_remove();
}

/* --- bytes --- */

struct flow {
    struct mr_stream *s;
    size_t n;
    unsigned seed;
};

static unsigned char byte_at(size_t i)
{
    return (unsigned char)(i * 31 + i / 251);
}

static intptr_t sends(void *arg)
{
    struct flow *f = arg;
    unsigned char *buf = malloc(100000);
    size_t done = 0;

    while (done < f->n) {
        size_t n = 1 + (size_t)rand_r(&f->seed) % 50000;
        size_t cut;
        struct iovec v[3];

        n = MR_MIN(n, f->n - done);
        for (size_t i = 0; i < n; i++)
            buf[i] = byte_at(done + i);
        cut = (size_t)rand_r(&f->seed) % (n + 1);
        v[0] = (struct iovec){buf, cut};
        v[1] = (struct iovec){buf + cut, 0};
        v[2] = (struct iovec){buf + cut, n - cut};
        CHECK_EQ_INT(mr_stream_writev(f->s, v, 3, MR_NEVER), 0);
        CHECK_EQ_INT(v[2].iov_len, 0);
        done += n;
    }
    free(buf);
    CHECK_EQ_INT(mr_stream_shutdown(f->s, MR_NEVER), 0);
    return 0;
}

static intptr_t receives(void *arg)
{
    struct flow *f = arg;
    unsigned char *buf = malloc(40000);
    size_t done = 0;
    ssize_t got;

    while (
        (got = mr_stream_read(f->s, buf, 1 + (size_t)rand_r(&f->seed) % 40000,
                              MR_NEVER)) > 0) {
        for (ssize_t i = 0; i < got; i++)
            if (buf[i] != byte_at(done + (size_t)i)) {
                CHECK_FAIL("byte %zu is wrong", done + (size_t)i);
                return 0;
            }
        done += (size_t)got;
    }
    CHECK_EQ_INT(got, 0); /* it said goodbye */
    CHECK_EQ_INT(done, f->n);
    free(buf);
    return 0;
}

/* A MiB each way at once, in odd pieces: a reader and a writer on each end. */
IN_HUB(tls_both_ways_at_once)
{
    static const struct {
        enum mr_tls_version max;
        const char *version;
    } cases[] = {{MR_TLS_1_2, "TLSv1.2"}, {MR_TLS_1_3, "TLSv1.3"}};
    size_t n = (size_t)TEST_SCALE(1 << 20);

    set_up();
    for (unsigned i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct mr_tls_context *server =
            server_of((struct mr_tls_server_options){0}, "a");
        struct mr_tls_context *client =
            client_of((struct mr_tls_client_options){.max = cases[i].max});
        unsigned seed = (unsigned)mr_now();
        struct mr_tls_info info;
        struct mr_coro *co[4];
        struct flow f[4];
        struct pair p;

        CASE("%s, seed %u", cases[i].version, seed);
        shake(&p, server, client, "a.example");
        CHECK_EQ_INT(p.client.rc, 0);
        mr_tls_info(p.server.t, &info);
        CHECK_EQ_STR(info.version, cases[i].version);
        CHECK_EQ_STR(info.server_name, "a.example");
        CHECK_OK(!info.resumed && mr_str_is_empty(info.alpn));
        for (unsigned k = 0; k < 4; k++) {
            f[k] = (struct flow){k % 2 ? p.server.s : p.client.s, n, seed + k};
            co[k] = mr_spawn(k < 2 ? sends : receives, &f[k]);
            CHECK_OK(co[k] != NULL);
        }
        for (unsigned k = 0; k < 4; k++)
            CHECK_EQ_INT(mr_join(co[k], NULL, MR_NEVER), 0);
        part(&p);
        CHECK_EQ_INT(mr_tls_counts(server).full, 1);
        CHECK_EQ_INT(mr_tls_counts(client).full, 1);
        mr_tls_context_unref(server);
        mr_tls_context_unref(client);
    }
    certs_remove();
    return 0;
}

IN_HUB(tls_pieces_are_one_send)
{
    struct iovec v[] = {{"head ", 5}, {"and ", 4}, {"body", 4}};
    struct pair p;
    char buf[32];

    usual(&p);
    mr_sys_fault(MR_SYS_SEND, 0, 0);
    CHECK_EQ_INT(mr_stream_writev(p.client.s, v, 3, MR_NEVER), 0);
    CHECK_EQ_INT(mr_sys_calls(MR_SYS_SEND), 1);
    mr_sys_fault_clear();
    CHECK_EQ_INT(mr_stream_read(p.server.s, buf, 5, MR_NEVER), 5);
    CHECK_EQ_INT(mr_stream_pending(p.server.s), 8);
    CHECK_EQ_INT(mr_stream_fd(p.server.s), -1);
    CHECK_EQ_INT(mr_stream_read(p.server.s, buf, sizeof buf, MR_NEVER), 8);
    CHECK_EQ_MEM(buf, 8, "and body", 8);
    CHECK_EQ_INT(mr_stream_pending(p.server.s), 0);
    unusual(&p);
    return 0;
}

IN_HUB(tls_read_may_time_out)
{
    struct pair p;
    char buf[8];

    usual(&p);
    CHECK_EQ_INT(mr_stream_read(p.server.s, buf, 8, mr_after_ms(1)),
                 -ETIMEDOUT);
    CHECK_EQ_INT(mr_stream_write_all(p.client.s, "late", 4, MR_NEVER), 0);
    CHECK_EQ_INT(mr_stream_read(p.server.s, buf, 8, MR_NEVER), 4);
    unusual(&p);
    return 0;
}

IN_HUB(tls_half_closed)
{
    struct pair p;
    char buf[8];

    usual(&p);
    CHECK_EQ_INT(mr_stream_shutdown(p.client.s, MR_NEVER), 0);
    CHECK_EQ_INT(mr_stream_write_all(p.client.s, "x", 1, MR_NEVER), -EPIPE);
    CHECK_EQ_INT(mr_stream_read(p.server.s, buf, 8, MR_NEVER), 0);
    CHECK_EQ_INT(mr_stream_read(p.server.s, buf, 8, MR_NEVER), 0);
    CHECK_EQ_INT(mr_stream_write_all(p.server.s, "still", 5, MR_NEVER), 0);
    CHECK_EQ_INT(mr_stream_read(p.client.s, buf, 8, MR_NEVER), 5);
    unusual(&p);
    return 0;
}

/* The peer says goodbye, and leaves TCP open: that is the end all the same, as
 * often as one asks. */
IN_HUB(tls_goodbye_without_an_end)
{
    struct pair p;
    char buf[8];

    usual(&p);
    mr_sys_fault(MR_SYS_SHUTDOWN, 1, -ENOTCONN);
    (void)mr_stream_shutdown(p.client.s, MR_NEVER);
    mr_sys_fault_clear();
    CHECK_EQ_INT(mr_stream_read(p.server.s, buf, 8, MR_NEVER), 0);
    CHECK_EQ_INT(mr_stream_read(p.server.s, buf, 8, 0), 0);
    unusual(&p);
    return 0;
}

/* A close says goodbye; a cut does not. */
IN_HUB(tls_end_or_cut)
{
    for (int cut = 0; cut < 2; cut++) {
        struct pair p;
        char buf[8];

        CASE("cut %d", cut);
        usual(&p);
        CHECK_EQ_INT(mr_stream_write_all(p.client.s, "last", 4, MR_NEVER), 0);
        if (cut)
            CHECK_EQ_INT(mr_sys_shutdown(mr_tls_fd(p.client.t), SHUT_WR), 0);
        else
            mr_stream_close(p.client.s);
        p.client.s = cut ? p.client.s : NULL;
        CHECK_EQ_INT(mr_stream_read(p.server.s, buf, 8, MR_NEVER), 4);
        CHECK_EQ_INT(mr_stream_read(p.server.s, buf, 8, MR_NEVER),
                     cut ? -ECONNABORTED : 0);
        CHECK_EQ_STR(mr_tls_why(p.server.t),
                     cut ? "the connection was cut" : "");
        unusual(&p);
    }
    return 0;
}

static intptr_t writes_much(void *arg)
{
    static char much[4 << 20];

    return mr_stream_write_all(arg, much, sizeof much, MR_NEVER);
}

/* Nobody reads; the writer is cancelled in the middle of a record. */
IN_HUB(tls_cancelled_write)
{
    struct pair p;
    struct mr_coro *co;
    intptr_t v;
    char buf[64];
    ssize_t got;

    usual(&p);
    co = mr_spawn(writes_much, p.client.s);
    CHECK_EQ_INT(mr_idle(MR_NEVER), 0);
    mr_cancel(co);
    CHECK_EQ_INT(mr_join(co, &v, MR_NEVER), 0);
    CHECK_EQ_INT(v, -ECANCELED);
    CHECK_EQ_INT(mr_stream_write_all(p.client.s, "x", 1, MR_NEVER), -EPIPE);
    CHECK_EQ_INT(mr_stream_shutdown(p.client.s, MR_NEVER), -EPIPE);
    mr_stream_close(p.client.s);
    p.client.s = NULL;
    while ((got = mr_stream_read(p.server.s, buf, sizeof buf, MR_NEVER)) > 0)
        continue;
    /* And not an end; reset, as it had not read our tickets. */
    CHECK_OK(got == -ECONNABORTED || got == -ECONNRESET);
    unusual(&p);
    return 0;
}

/* What the peer sends is not ours. */
IN_HUB(tls_garbage_in_a_stream)
{
    struct pair p;
    char buf[8];

    usual(&p);
    CHECK_EQ_INT(
        mr_send(mr_tls_fd(p.client.t), "GARBAGE GARBAGE", 15, 0, MR_NEVER), 15);
    CHECK_EQ_INT(mr_stream_read(p.server.s, buf, 8, MR_NEVER), -EPROTO);
    CHECK_OK(mr_tls_why(p.server.t)[0] != '\0');
    CHECK_EQ_INT(mr_stream_write_all(p.server.s, "x", 1, MR_NEVER), -EPIPE);
    unusual(&p);
    return 0;
}
SUITE("bytes", tls_both_ways_at_once, tls_pieces_are_one_send,
      tls_read_may_time_out, tls_half_closed, tls_goodbye_without_an_end,
      tls_end_or_cut, tls_cancelled_write, tls_garbage_in_a_stream)

/* --- whom to believe --- */

static const struct {
    const char *file;
    const char *host;
    int want;
    const char *why;
} trust[] = {
    {"a", "a.example", 0, NULL},
    {"a", "A.Example.", 0, NULL},
    {"a", "x.w.example", 0, NULL},
    {"a", "127.0.0.1", 0, NULL},
    {"a", "[::1]", 0, NULL},
    {"a", "b.example", -ENOKEY,
     "certificate of b.example: hostname mismatch (it is for a.example, "
     "*.w.example)"},
    {"a", "x.y.w.example", -ENOKEY, NULL},
    {"a", "127.0.0.2", -ENOKEY,
     "certificate of 127.0.0.2: IP address mismatch"},
    {"old", "a.example", -EKEYEXPIRED,
     "certificate of a.example: certificate has expired"},
    {"early", "a.example", -EKEYEXPIRED,
     "certificate of a.example: certificate is not yet valid"},
    {"self", "a.example", -EKEYREJECTED,
     "certificate of a.example: self-signed certificate"},
    {"a", "127.1", -EINVAL, "TLS with 127.1: this is no host name"},
    {"a", "", -EINVAL, "TLS with : this is no host name"},
};

IN_HUB(tls_trust)
{
    struct mr_tls_context *client, *anyone;

    set_up();
    certs_add(&(struct cert_spec){
        .file = "old", .san = "DNS:a.example", .from = -7200, .to = -3600});
    certs_add(&(struct cert_spec){
        .file = "early", .san = "DNS:a.example", .from = 3600});
    certs_add(&(struct cert_spec){
        .file = "self", .san = "DNS:a.example", .self = true});
    client = client_of((struct mr_tls_client_options){0});
    anyone = client_of((struct mr_tls_client_options){.insecure = true});
    for (size_t i = 0; i < MR_ARRAY_LEN(trust); i++) {
        struct mr_tls_context *server =
            server_of((struct mr_tls_server_options){0}, trust[i].file);
        struct pair p;

        CASE("%s as %s", trust[i].file, trust[i].host);
        shake(&p, server, client, trust[i].host);
        CHECK_EQ_INT(p.client.rc, trust[i].want);
        if (trust[i].why)
            CHECK_EQ_STR(p.client.why, trust[i].why);
        CHECK_EQ_INT(p.client.t == NULL, trust[i].want != 0);
        part(&p);
        if (trust[i].want != -EINVAL) {
            shake(&p, server, anyone, trust[i].host);
            CHECK_EQ_INT(p.client.rc, 0);
            part(&p);
        }
        mr_tls_context_unref(server);
    }
    CHECK_OK(mr_tls_counts(client).failed >= 6);
    mr_tls_context_unref(client);
    mr_tls_context_unref(anyone);
    certs_remove();
    return 0;
}

/* Whoever is named in the file is trusted, also one without an authority. */
IN_HUB(tls_trusts_what_it_is_given)
{
    struct mr_tls_context *server, *client;
    struct pair p;

    set_up();
    certs_add(&(struct cert_spec){
        .file = "self", .san = "DNS:a.example", .self = true});
    server = server_of((struct mr_tls_server_options){0}, "self");
    client = client_of(
        (struct mr_tls_client_options){.ca_file = certs_path("self.pem")});
    shake(&p, server, client, "a.example");
    CHECK_EQ_INT(p.client.rc, 0);
    part(&p);
    mr_tls_context_unref(client);
    CHECK_EQ_INT(mr_tls_client_new(&client, NULL, why), 0); /* the system's */
    shake(&p, server, client, "a.example");
    CHECK_EQ_INT(p.client.rc, -EKEYREJECTED);
    part(&p);
    mr_tls_context_unref(client);
    mr_tls_context_unref(server);
    certs_remove();
    return 0;
}

IN_HUB(tls_no_version_in_common)
{
    struct mr_tls_context *server, *client;
    struct pair p;

    set_up();
    server = server_of((struct mr_tls_server_options){.min = MR_TLS_1_3}, "a");
    client = client_of((struct mr_tls_client_options){.max = MR_TLS_1_2});
    shake(&p, server, client, "a.example");
    CHECK_EQ_INT(p.server.rc, -EPROTO);
    CHECK_EQ_STR(p.server.why, "TLS handshake: unsupported protocol");
    CHECK_EQ_INT(p.client.rc, -EPROTO);
    CHECK_EQ_STR(p.client.why,
                 "TLS with a.example: tlsv1 alert protocol version");
    CHECK_EQ_INT(mr_tls_counts(server).failed, 1);
    mr_tls_context_unref(server);
    mr_tls_context_unref(client);
    certs_remove();
    return 0;
}

IN_HUB(tls_certificate_by_name)
{
    static const struct {
        const char *host;
        bool ok;
    } cases[] = {{"a.example", true},
                 {"b.example", true},
                 {"deep.b.example", true},
                 {"c.example", false}}; /* gets the first, which is not its */
    struct mr_tls_context *server, *client;

    set_up();
    certs_add(&(struct cert_spec){.file = "b",
                                  .san = "DNS:b.example,DNS:*.b.example"});
    {
        struct mr_tls_cert c[2] = {
            {certs_path("a.pem"), certs_path("a.key"), NULL},
            {certs_path("b.pem"), certs_path("b.key"), NULL}};

        server = server_of(
            (struct mr_tls_server_options){.certs = c, .n_certs = 2}, "");
    }
    client = client_of((struct mr_tls_client_options){0});
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct pair p;

        CASE("%s", cases[i].host);
        shake(&p, server, client, cases[i].host);
        CHECK_EQ_INT(p.client.rc, cases[i].ok ? 0 : -ENOKEY);
        part(&p);
    }
    mr_tls_context_unref(server);
    mr_tls_context_unref(client);
    certs_remove();
    return 0;
}

IN_HUB(tls_alpn)
{
    static const struct {
        const char *server, *client, *want; /* NULL: refused */
    } cases[] = {
        {"http/1.1", "h2,http/1.1", "http/1.1"},
        {"h2, http/1.1", "http/1.1,h2", "h2"}, /* as the server likes */
        {"http/1.1", NULL, ""},
        {NULL, "http/1.1", ""},
        {"http/1.1", "h2,spdy/3", NULL},
    };

    set_up();
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct mr_tls_context *server = server_of(
            (struct mr_tls_server_options){.alpn = cases[i].server}, "a");
        struct mr_tls_context *client =
            client_of((struct mr_tls_client_options){.alpn = cases[i].client});
        struct mr_tls_info info;
        struct pair p;

        CASE("case %zu", i);
        shake(&p, server, client, "a.example");
        CHECK_EQ_INT(p.client.rc, cases[i].want ? 0 : -EPROTO);
        if (cases[i].want) {
            mr_tls_info(p.server.t, &info);
            CHECK_OK(mr_str_is(info.alpn, cases[i].want));
            mr_tls_info(p.client.t, &info);
            CHECK_OK(mr_str_is(info.alpn, cases[i].want));
        }
        part(&p);
        mr_tls_context_unref(server);
        mr_tls_context_unref(client);
    }
    certs_remove();
    return 0;
}
SUITE("whom to believe", tls_trust, tls_trusts_what_it_is_given,
      tls_no_version_in_common, tls_certificate_by_name, tls_alpn)

/* --- peers that are no peers --- */

/* What a server says to these bytes; hang_up: and then they end. */
static void server_hears(const void *bytes, size_t n, bool hang_up, int want,
                         const char *text)
{
    struct end e = {.deadline = hang_up ? MR_NEVER : mr_after_ms(20)};
    int fds[2];

    sockets(fds);
    e.fd = fds[0];
    e.ctx = server_of((struct mr_tls_server_options){0}, "a");
    CHECK_EQ_INT(mr_send(fds[1], bytes, n, 0, MR_NEVER), n);
    if (hang_up)
        CHECK_EQ_INT(mr_sys_shutdown(fds[1], SHUT_WR), 0);
    CHECK_EQ_INT(accepts(&e), want);
    CHECK_EQ_STR(e.why, text);
    mr_fd_close(fds[1]);
    mr_tls_context_unref(e.ctx);
}

/* The beginning of a ClientHello: its record is said to be 512 bytes. */
#define HALF "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"

IN_HUB(tls_server_hears_nonsense)
{
    set_up();
    server_hears("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27, false, -EPROTO,
                 "TLS handshake: http request");
    server_hears("\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17", 16, false, -EPROTO,
                 "TLS handshake: wrong version number (is that TLS at all?)");
    server_hears(HALF, sizeof HALF - 1, false, -ETIMEDOUT,
                 "TLS handshake: the handshake was not finished in time");
    server_hears("", 0, false, -ETIMEDOUT,
                 "TLS handshake: the handshake was not finished in time");
    server_hears(HALF, sizeof HALF - 1, true, -ECONNABORTED,
                 "TLS handshake: the connection was cut");
    server_hears("", 0, true, -ECONNABORTED,
                 "TLS handshake: the connection was cut");
    certs_remove();
    return 0;
}

IN_HUB(tls_client_hears_nonsense)
{
    struct mr_tls_peer peer = {.host = "a.example"};
    struct end e = {.deadline = MR_NEVER};
    int fds[2];

    set_up();
    e.ctx = client_of((struct mr_tls_client_options){0});
    sockets(fds);
    e.fd = fds[0];
    CHECK_EQ_INT(mr_send(fds[1], "220 mail ready\r\n", 16, 0, MR_NEVER), 16);
    connect_end(&e, &peer);
    CHECK_EQ_INT(e.rc, -EPROTO);
    CHECK_EQ_STR(e.why, "TLS with a.example: wrong version number (is that "
                        "TLS at all?)");
    mr_fd_close(fds[1]);
    sockets(fds); /* it takes the hello and says nothing */
    e.fd = fds[0];
    e.deadline = mr_after_ms(10);
    connect_end(&e, &peer);
    CHECK_EQ_INT(e.rc, -ETIMEDOUT);
    CHECK_EQ_STR(e.why, "TLS with a.example: the handshake was not finished "
                        "in time");
    mr_fd_close(fds[1]);
    mr_tls_context_unref(e.ctx);
    certs_remove();
    return 0;
}
SUITE("no peers", tls_server_hears_nonsense, tls_client_hears_nonsense)

/* --- sessions --- */

/* One connection; its first bytes bring the tickets of TLS 1.3. */
static bool resumes(struct mr_tls_context *server,
                    struct mr_tls_context *client,
                    struct mr_tls_sessions *sessions, const char *origin)
{
    struct mr_tls_info info = {0};
    struct pair p;
    char c;

    shake_with(&p, server, client,
               &(struct mr_tls_peer){"a.example", sessions, origin});
    CHECK_EQ_INT(p.client.rc, 0);
    CHECK_EQ_INT(p.server.rc, 0);
    CHECK_EQ_INT(mr_stream_write_all(p.server.s, "x", 1, MR_NEVER), 0);
    CHECK_EQ_INT(mr_stream_read(p.client.s, &c, 1, MR_NEVER), 1);
    mr_tls_info(p.client.t, &info);
    part(&p);
    return info.resumed;
}

IN_HUB(tls_resumes_sessions)
{
    static const enum mr_tls_version versions[] = {MR_TLS_1_2, MR_TLS_1_3};

    set_up();
    for (size_t i = 0; i < MR_ARRAY_LEN(versions); i++) {
        struct mr_tls_sessions *sessions = mr_tls_sessions_new(10);
        struct mr_tls_tickets *keys;
        struct mr_tls_context *server, *next, *stranger, *client, *other;

        CASE("version %zu", i);
        CHECK_EQ_INT(mr_tls_tickets_new(&keys), 0);
        server =
            server_of((struct mr_tls_server_options){.tickets = keys}, "a");
        next = server_of((struct mr_tls_server_options){.tickets = keys}, "a");
        stranger = server_of((struct mr_tls_server_options){0}, "a");
        client = client_of((struct mr_tls_client_options){.max = versions[i]});
        other = client_of((struct mr_tls_client_options){.max = versions[i]});
        CHECK_OK(!resumes(server, client, NULL, NULL));
        CHECK_OK(!resumes(server, client, sessions, NULL));
        CHECK_OK(resumes(server, client, sessions, NULL));
        CHECK_OK(resumes(server, client, sessions, "a.example"));
        CHECK_OK(!resumes(server, client, sessions, "a.example:444"));
        CHECK_OK(!resumes(server, other, sessions, NULL));
        CHECK_OK(resumes(next, client, sessions, NULL)); /* after a reload */
        CHECK_OK(!resumes(stranger, client, sessions, NULL));
        CHECK_EQ_INT(mr_tls_counts(server).resumed, 2);
        CHECK_EQ_INT(mr_tls_counts(server).full, 4);
        CHECK_EQ_INT(mr_tls_counts(client).resumed, 3);
        mr_tls_context_unref(server);
        mr_tls_context_unref(next);
        mr_tls_context_unref(stranger);
        mr_tls_context_unref(client);
        mr_tls_context_unref(other);
        mr_tls_sessions_free(sessions);
    }
    certs_remove();
    return 0;
}

/* One origin's many push out their own; the oldest goes when all is full. */
IN_HUB(tls_sessions_are_bounded)
{
    struct mr_tls_sessions *sessions = mr_tls_sessions_new(9);
    struct mr_tls_context *server, *client;

    set_up();
    server = server_of((struct mr_tls_server_options){0}, "a");
    client = client_of((struct mr_tls_client_options){.max = MR_TLS_1_2});
    CHECK_OK(!resumes(server, client, sessions, "quiet"));
    for (int i = 0; i < 20; i++) /* each resumes, and gets no new ticket */
        CHECK_EQ_INT(resumes(server, client, sessions, "busy"), i > 0);
    CHECK_OK(resumes(server, client, sessions, "quiet"));
    for (int i = 0; i < 9; i++) {
        char origin[16];

        snprintf(origin, sizeof origin, "o%d", i);
        CHECK_OK(!resumes(server, client, sessions, origin));
    }
    CHECK_OK(!resumes(server, client, sessions, "quiet"));
    mr_tls_sessions_free(sessions);
    mr_tls_context_unref(server);
    mr_tls_context_unref(client);
    certs_remove();
    return 0;
}
SUITE("sessions", tls_resumes_sessions, tls_sessions_are_bounded)

/* --- files --- */

static void write_file(const char *file, const char *text)
{
    FILE *f = fopen(certs_path(file), "w");

    CHECK_OK(f && fputs(text, f) >= 0);
    fclose(f);
}

static void encrypt_key(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    FILE *f = fopen(certs_path("locked.key"), "w");

    CHECK_OK(PEM_write_PrivateKey(f, key, EVP_aes_256_cbc(),
                                  (const unsigned char *)"secret", 6, NULL,
                                  NULL));
    fclose(f);
    CHECK_EQ_INT(chmod(certs_path("locked.key"), 0600), 0);
    EVP_PKEY_free(key);
}

static const struct {
    const char *cert, *key, *ocsp;
    int want;
    const char *why; /* behind the directory */
} files[] = {
    {"a.pem", "a.key", NULL, 0, NULL},
    {"a.pem", "a.key", "a.ocsp", 0, NULL},
    {"none.pem", "a.key", NULL, -ENOENT, "none.pem: no such file or directory"},
    {"a.pem", "none.key", NULL, -ENOENT, "none.key: no such file or directory"},
    {"junk", "a.key", NULL, -EINVAL, "junk: holds no certificate"},
    {"a.pem", "junk.key", NULL, -EINVAL, "junk.key: holds no private key"},
    {"a.pem", "open.key", NULL, -EPERM,
     "open.key: others may use this key (mode 0644): chmod o= it"},
    {"a.pem", "group.key", NULL, -EPERM,
     "group.key: its group may replace this key (mode 0660): chmod g-w it"},
    {"a.pem", "ca.key", NULL, -EKEYREJECTED, "ca.key: is not the key of "},
    {"a.pem", "locked.key", NULL, -EINVAL,
     "locked.key: is encrypted: store it without"},
    {"a.pem", "a.key", "junk", -EINVAL,
     "junk: not an OCSP response that says \"good\" of this certificate"},
    {"a.pem", "a.key", "b.ocsp", -EINVAL,
     "b.ocsp: not an OCSP response that says \"good\" of this certificate"},
    {".", "a.key", NULL, -EINVAL, ".: not a file"},
};

TEST(tls_server_files)
{
    certs_make();
    certs_add(
        &(struct cert_spec){.file = "a", .san = "DNS:a.example", .ocsp = true});
    certs_add(
        &(struct cert_spec){.file = "b", .san = "DNS:b.example", .ocsp = true});
    write_file("junk", "no certificate\n");
    write_file("junk.key", "no key\n");
    EQ_INT(chmod(certs_path("junk.key"), 0600), 0);
    write_file("open.key", "no key\n");
    EQ_INT(chmod(certs_path("open.key"), 0644), 0);
    write_file("group.key", "no key\n");
    EQ_INT(chmod(certs_path("group.key"), 0660), 0);
    encrypt_key();
    for (size_t i = 0; i < MR_ARRAY_LEN(files); i++) {
        struct mr_tls_cert c = {
            certs_path(files[i].cert), certs_path(files[i].key),
            files[i].ocsp ? certs_path(files[i].ocsp) : NULL};
        struct mr_tls_context *ctx;

        CASE("%s %s", files[i].cert, files[i].key);
        EQ_INT(mr_tls_server_new(
                   &ctx,
                   &(struct mr_tls_server_options){.certs = &c, .n_certs = 1},
                   why),
               files[i].want);
        if (files[i].want) {
            EQ_PTR(ctx, NULL);
            OK(mr_str_starts(mr_str(why), certs_dir));
            OK(mr_str_starts(mr_str(why + strlen(certs_dir) + 1),
                             files[i].why));
        }
        mr_tls_context_unref(ctx);
    }
    certs_remove();
}

TEST(tls_options_that_make_no_sense)
{
    struct mr_tls_context *ctx;

    EQ_INT(mr_tls_server_new(&ctx, &(struct mr_tls_server_options){0}, why),
           -EINVAL);
    EQ_STR(why, "a server needs a certificate");
    EQ_INT(mr_tls_server_new(
               &ctx, &(struct mr_tls_server_options){.alpn = "a,,b"}, why),
           -EINVAL);
    EQ_STR(why, "protocols that make no sense: a,,b");
    EQ_INT(
        mr_tls_client_new(
            &ctx, &(struct mr_tls_client_options){.ca_file = "/nowhere"}, why),
        -ENOENT);
    EQ_STR(why, "/nowhere: no such file or directory");
    EQ_INT(mr_tls_client_new(&ctx,
                             &(struct mr_tls_client_options){.min = MR_TLS_1_3,
                                                             .max = MR_TLS_1_2},
                             why),
           -EINVAL);
    EQ_STR(why, "no TLS version is left");
    mr_tls_context_unref(NULL);
    mr_tls_sessions_free(NULL);
}
SUITE("files", tls_server_files, tls_options_that_make_no_sense)

/* --- faults --- */

static const struct {
    enum mr_sys_call call;
    int err;
} faults[] = {{MR_SYS_ALLOC, -ENOMEM},
              {MR_SYS_RECV, -ECONNRESET},
              {MR_SYS_SEND, -ECONNRESET},
              {MR_SYS_RECV, -ETIMEDOUT}};

/* Each call fails in turn, in one of the two handshakes: an error that is told
 * there, and an end at the other. */
IN_HUB(tls_handshake_with_faults)
{
    struct mr_tls_context *server, *client;

    set_up();
    server = server_of((struct mr_tls_server_options){0}, "a");
    client = client_of((struct mr_tls_client_options){0});
    for (size_t i = 0; i < MR_ARRAY_LEN(faults); i++) {
        for (unsigned nth = 1; nth <= 6; nth++) {
            struct mr_tls_sessions *sessions = mr_tls_sessions_new(4);
            struct pair p;
            struct mr_tls_peer peer = {"a.example", sessions, NULL};

            CASE("fault %zu, call %u", i, nth);
            mr_sys_fault(faults[i].call, nth, faults[i].err);
            if (faults[i].call != MR_SYS_ALLOC || nth < 3)
                shake_with(&p, server, client, &peer);
            else
                shake(&p, server, client, "a.example");
            mr_sys_fault_clear();
            CHECK_OK(p.client.rc == 0 || p.client.why[0] != '\0');
            CHECK_OK(p.server.rc == 0 || p.server.why[0] != '\0');
            CHECK_OK(p.client.rc != -ETIMEDOUT && p.server.rc != -ETIMEDOUT);
            part(&p);
            mr_tls_sessions_free(sessions);
        }
    }
    mr_tls_context_unref(server);
    mr_tls_context_unref(client);
    certs_remove();
    return 0;
}

TEST(tls_contexts_without_memory)
{
    int rc = -ENOMEM;

    set_up();
    for (unsigned nth = 1; rc == -ENOMEM; nth++) {
        struct mr_tls_cert c = {certs_path("a.pem"), certs_path("a.key"), NULL};
        struct mr_tls_context *ctx;

        mr_sys_fault(MR_SYS_ALLOC, nth, -ENOMEM);
        rc = mr_tls_server_new(
            &ctx, &(struct mr_tls_server_options){.certs = &c, .n_certs = 1},
            why);
        mr_sys_fault_clear();
        OK(rc == 0 || rc == -ENOMEM);
        mr_tls_context_unref(ctx);
    }
    mr_sys_fault(MR_SYS_ALLOC, 1, -ENOMEM);
    OK(mr_tls_sessions_new(1) == NULL);
    mr_sys_fault_clear();
    certs_remove();
}

/* Without memory to gather pieces they go one by one. */
IN_HUB(tls_pieces_without_memory)
{
    struct iovec v[] = {{"one", 3}, {"two", 3}};
    struct pair p;
    char buf[8];

    usual(&p);
    mr_sys_fault(MR_SYS_ALLOC, 1, -ENOMEM);
    CHECK_EQ_INT(mr_stream_writev(p.client.s, v, 2, MR_NEVER), 0);
    mr_sys_fault_clear();
    CHECK_EQ_INT(mr_stream_read_exact(p.server.s, buf, 6, MR_NEVER), 0);
    CHECK_EQ_MEM(buf, 6, "onetwo", 6);
    unusual(&p);
    return 0;
}

/* By OpenSSL's own BIO; a unix socket has no kTLS. */
IN_HUB(tls_asked_for_the_kernels)
{
    struct mr_tls_context *server, *client;
    struct mr_tls_info info;
    struct pair p;
    char buf[8];

    set_up();
    signal(SIGPIPE, SIG_IGN); /* as its header asks */
    server = server_of((struct mr_tls_server_options){.ktls = true}, "a");
    client = client_of((struct mr_tls_client_options){.ktls = true});
    shake(&p, server, client, "a.example");
    CHECK_EQ_INT(p.client.rc, 0);
    mr_tls_info(p.server.t, &info);
    CHECK_OK(!info.ktls);
    CHECK_EQ_INT(mr_stream_write_all(p.server.s, "bytes", 5, MR_NEVER), 0);
    CHECK_EQ_INT(mr_stream_read(p.client.s, buf, 8, MR_NEVER), 5);
    mr_stream_close(p.server.s);
    p.server.s = NULL;
    CHECK_EQ_INT(mr_stream_read(p.client.s, buf, 8, MR_NEVER), 0);
    part(&p);
    mr_tls_context_unref(server);
    mr_tls_context_unref(client);
    certs_remove();
    return 0;
}
/* A connection by TCP. */
static void tcp_sockets(int fds[2])
{
    struct mr_addr at;
    int fd;

    CHECK_EQ_INT(mr_addr_parse(&at, mr_str("127.0.0.1:0")), 0);
    fd = mr_socket_listen(&at, NULL);
    CHECK_OK(fd >= 0);
    CHECK_EQ_INT(mr_socket_local(fd, &at), 0);
    fds[1] = mr_connect(&at, MR_NEVER);
    fds[0] = mr_accept(fd, NULL, MR_NEVER);
    CHECK_OK(fds[0] >= 0 && fds[1] >= 0);
    mr_fd_close(fd);
}

static bool kernel_has_tls(void)
{
    int fds[2];
    bool has;

    tcp_sockets(fds);
    has = setsockopt(fds[0], IPPROTO_TCP, TCP_ULP, "tls", sizeof "tls") == 0;
    mr_fd_close(fds[0]);
    mr_fd_close(fds[1]);
    return has;
}

/* By TCP a kernel may have it. One that has not is never said to: and the bytes
 * are the same, both ways at once. */
IN_HUB(tls_asked_for_the_kernels_by_tcp)
{
    struct mr_tls_server_options so = {.ktls = true};
    struct mr_tls_client_options co = {.ktls = true};
    bool has = kernel_has_tls();

    set_up();
    signal(SIGPIPE, SIG_IGN);
    for (int v = 0; v < 2; v++) {
        struct mr_tls_context *server, *client;
        struct mr_tls_info info;
        struct mr_coro *at_it[4];
        struct flow f[4];
        struct pair p;
        int fds[2];

        so.max = co.max = v ? MR_TLS_1_3 : MR_TLS_1_2;
        server = server_of(so, "a");
        client = client_of(co);
        tcp_sockets(fds);
        shake_over(&p, server, client,
                   &(struct mr_tls_peer){.host = "a.example"}, fds);
        CHECK_EQ_INT(p.client.rc, 0);
        mr_tls_info(p.server.t, &info);
        CHECK_OK(has || !info.ktls);
        CHECK_EQ_INT(mr_stream_fd(p.server.s) >= 0, info.ktls);
        for (unsigned k = 0; k < 4; k++) {
            f[k] = (struct flow){k % 2 ? p.server.s : p.client.s, 1000000, k};
            at_it[k] = mr_spawn(k < 2 ? sends : receives, &f[k]);
            CHECK_OK(at_it[k] != NULL);
        }
        for (unsigned k = 0; k < 4; k++)
            CHECK_EQ_INT(mr_join(at_it[k], NULL, MR_NEVER), 0);
        part(&p);
        mr_tls_context_unref(server);
        mr_tls_context_unref(client);
    }
    certs_remove();
    return 0;
}

SUITE("faults", tls_handshake_with_faults, tls_contexts_without_memory,
      tls_pieces_without_memory, tls_asked_for_the_kernels,
      tls_asked_for_the_kernels_by_tcp)
TEST_MAIN()
