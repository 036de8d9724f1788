/* SPDX-License-Identifier: MIT */

/* test_tls_peers.c - our ends with OpenSSL's own programs at the other. */
#include <errno.h>
#include <signal.h>

#include "core/buf.h"
#include "core/process.h"
#include "core/sys.h"
#include "core/timer.h"
#include "io/dial.h"
#include "io/fd.h"
#include "io/socket.h"
#include "io/subprocess.h"
#include "io/tls.h"
#include "tests/core/in_hub.h"
#include "tests/io/certs.h"

/* What is expected of a machine under load. */
#define PATIENCE mr_after_s(30)

static char why[MR_TLS_WHY];

/* Not a build package: without it the test is skipped. */
static bool have_openssl(void)
{
    return system("command -v openssl >/dev/null") == 0;
}

static void set_up(void)
{
    signal(SIGPIPE, SIG_IGN);
    certs_make();
    certs_add(
        &(struct cert_spec){.file = "a", .san = "DNS:a.example", .ocsp = true});
    certs_add(&(struct cert_spec){
        .file = "b", .san = "DNS:b.example", .ocsp = true, .ocsp_to = -30});
}

/* --- our server, s_client --- */

struct server {
    struct mr_tls_context *ctx;
    int fd;
    int rc;
    char why[MR_TLS_WHY];
};

/* One connection: a line comes, and goes back. */
static intptr_t serves_one(void *arg)
{
    struct server *s = arg;
    struct mr_buf b = {0};
    struct mr_stream *stream;
    struct mr_tls *t;
    ssize_t n;
    int fd = mr_accept(s->fd, NULL, PATIENCE);

    CHECK_OK(fd >= 0);
    s->rc = mr_tls_accept(&t, s->ctx, fd, s->why, PATIENCE);
    if (s->rc)
        return s->rc;
    stream = mr_tls_stream(t);
    n = mr_stream_read_until(stream, &b, mr_str("\n"), 100, PATIENCE);
    CHECK_OK(n > 0);
    CHECK_EQ_INT(mr_stream_write_all(stream, "back: ", 6, PATIENCE), 0);
    CHECK_EQ_INT(
        mr_stream_write_all(stream, mr_buf_head(&b), (size_t)n, PATIENCE), 0);
    CHECK_EQ_INT(mr_stream_shutdown(stream, PATIENCE), 0);
    mr_stream_close(stream);
    mr_buf_fini(&b);
    return 0;
}

static const struct {
    const char *args[7];
    const char *server; /* why it failed; NULL: it did not */
    const char *out[4]; /* what s_client says */
    const char *not_out;
} clients[] = {
    {{"-servername", "a.example", "-alpn", "http/1.1", "-status"},
     NULL,
     {"back: ping", "Verify return code: 0 (ok)",
      "OCSP Response Status: successful", "ALPN protocol: http/1.1"},
     NULL},
    {{"-servername", "a.example", "-tls1_2"},
     NULL,
     {"back: ping", "New, TLSv1.2, Cipher is ECDHE-ECDSA-AES256-GCM-SHA384",
      "subject=CN = a", "Secure Renegotiation IS supported"},
     NULL},
    /* Its response is out of date, and so not sent. */
    {{"-servername", "b.example", "-status", "-tls1_3"},
     NULL,
     {"back: ping", "subject=CN = b", "New, TLSv1.3",
      "OCSP response: no response sent"},
     NULL},
    {{"-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"},
     "TLS handshake: unsupported protocol",
     {"alert protocol version"},
     "back: ping"},
    {{"-tls1_2", "-cipher", "AES128-SHA"},
     "TLS handshake: no shared cipher",
     {"alert handshake failure"},
     "back: ping"},
};

static void with_s_client(struct server *s, size_t i)
{
    const char *argv[24] = {
        "openssl", "s_client",           "-ign_eof", "-verify_return_error",
        "-CAfile", certs_path("ca.pem"), "-connect"};
    struct mr_subprocess_options o = {.argv = argv};
    struct mr_subprocess_capture c = {.input = mr_str("ping\n"), .max = 100000};
    struct mr_buf out = {0};
    struct mr_addr at;
    struct mr_coro *co = mr_spawn(serves_one, s);
    char text[MR_ADDR_TEXT];
    size_t n = 7;

    CHECK_EQ_INT(mr_socket_local(s->fd, &at), 0);
    mr_addr_format(&at, text, sizeof text);
    argv[n++] = text;
    for (size_t k = 0; k < 7 && clients[i].args[k]; k++)
        argv[n++] = clients[i].args[k];
    c.out = c.err = &out;
    CHECK_EQ_INT(mr_subprocess_run(&o, &c, NULL, PATIENCE), 0);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    CHECK_EQ_STR(s->rc ? s->why : NULL, clients[i].server);
    CHECK_EQ_INT(mr_buf_append(&out, "", 1), 0); /* to be searched in */
    for (size_t k = 0; k < 4 && clients[i].out[k]; k++)
        if (!strstr(mr_buf_head(&out), clients[i].out[k]))
            CHECK_FAIL("no \"%s\" in: %s", clients[i].out[k],
                       mr_buf_head(&out));
    if (clients[i].not_out)
        CHECK_OK(!strstr(mr_buf_head(&out), clients[i].not_out));
    mr_buf_fini(&out);
}

IN_HUB(tls_server_and_s_client)
{
    struct mr_addr at;
    struct server s = {0};

    if (!have_openssl()) {
        (void)!test_skip("no openssl program");
        return 0;
    }
    set_up();
    {
        struct mr_tls_cert c[2] = {
            {certs_path("a.pem"), certs_path("a.key"), certs_path("a.ocsp")},
            {certs_path("b.pem"), certs_path("b.key"), certs_path("b.ocsp")}};

        CHECK_EQ_INT(
            mr_tls_server_new(&s.ctx,
                              &(struct mr_tls_server_options){
                                  .certs = c, .n_certs = 2, .alpn = "http/1.1"},
                              why),
            0);
    }
    CHECK_EQ_INT(mr_addr_parse(&at, mr_str("127.0.0.1:0")), 0);
    s.fd = mr_socket_listen(&at, NULL);
    CHECK_OK(s.fd >= 0);
    for (size_t i = 0; i < MR_ARRAY_LEN(clients); i++) {
        CASE("client %zu", i);
        with_s_client(&s, i);
    }
    mr_fd_close(s.fd);
    mr_tls_context_unref(s.ctx);
    certs_remove();
    return 0;
}

/* --- our client, s_server --- */

/* s_server, and the port that it says it listens on. */
static struct mr_subprocess *start_s_server(const char *version,
                                            uint16_t *ret_port)
{
    const char *argv[] = {"openssl", "s_server", "-accept", "127.0.0.1:0",
                          "-rev",    "-cert",    NULL,      "-key",
                          NULL,      version,    NULL};
    struct mr_subprocess_options o = {
        .argv = argv,
        .in = {.kind = MR_SUBPROCESS_NULL},
        .out = {.kind = MR_SUBPROCESS_PIPE},
        .err = {.kind = MR_SUBPROCESS_NULL},
    };
    struct mr_subprocess *p = NULL;
    struct mr_buf b = {0};
    const char *at;

    argv[6] = certs_path("a.pem");
    argv[8] = certs_path("a.key");
    CHECK_EQ_INT(mr_subprocess_spawn(&p, &o, PATIENCE), 0);
    CHECK_OK(mr_stream_read_until(mr_subprocess_out(p), &b,
                                  mr_str("ACCEPT 127.0.0.1:"), 1000,
                                  PATIENCE) > 0);
    CHECK_EQ_INT(mr_buf_append(&b, "", 1), 0);
    at = strstr(mr_buf_head(&b), "ACCEPT 127.0.0.1:");
    *ret_port = at ? (uint16_t)strtoul(at + 17, NULL, 10) : 0;
    CHECK_OK(*ret_port != 0);
    mr_buf_fini(&b);
    return p;
}

/* One line, backwards; was it a resumed session? */
static bool reverses(struct mr_tls_context *ctx, uint16_t port,
                     struct mr_tls_sessions *sessions, const char *version)
{
    struct mr_tls_peer peer = {"a.example", sessions, NULL};
    struct mr_tls_info info = {0};
    struct mr_stream *s;
    struct mr_tls *t;
    char buf[8] = "";
    int fd = mr_dial(mr_str("127.0.0.1"), port, NULL, NULL, PATIENCE);
    int rc = mr_tls_connect(&t, ctx, fd, &peer, why, PATIENCE);

    CHECK_EQ_INT(rc, 0);
    if (rc) {
        CHECK_EQ_STR(why, "");
        return false;
    }
    s = mr_tls_stream(t);
    CHECK_EQ_INT(mr_stream_write_all(s, "abcd\n", 5, PATIENCE), 0);
    CHECK_EQ_INT(mr_stream_read_exact(s, buf, 5, PATIENCE), 0);
    CHECK_EQ_STR(buf, "dcba\n");
    mr_tls_info(t, &info);
    CHECK_EQ_STR(info.version, version);
    mr_stream_close(s);
    return info.resumed;
}

IN_HUB(tls_client_and_s_server)
{
    static const struct {
        const char *arg, *version;
    } cases[] = {{"-tls1_2", "TLSv1.2"}, {"-tls1_3", "TLSv1.3"}};

    if (!have_openssl()) {
        (void)!test_skip("no openssl program");
        return 0;
    }
    set_up();
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct mr_tls_sessions *sessions = mr_tls_sessions_new(4);
        struct mr_tls_context *ctx;
        struct mr_subprocess *p;
        uint16_t port;

        CASE("%s", cases[i].version);
        CHECK_EQ_INT(mr_tls_client_new(&ctx,
                                       &(struct mr_tls_client_options){
                                           .ca_file = certs_path("ca.pem")},
                                       why),
                     0);
        p = start_s_server(cases[i].arg, &port);
        CHECK_OK(!reverses(ctx, port, sessions, cases[i].version));
        CHECK_OK(reverses(ctx, port, sessions, cases[i].version));
        CHECK_EQ_INT(mr_subprocess_kill(p, SIGTERM), 0);
        mr_subprocess_free(p);
        mr_tls_context_unref(ctx);
        mr_tls_sessions_free(sessions);
    }
    certs_remove();
    return 0;
}
SUITE("OpenSSL's programs", tls_server_and_s_client, tls_client_and_s_server)
TEST_MAIN()
