/* SPDX-License-Identifier: MIT */

/* test_get_tls.c - mrget over TLS: whom it trusts, and what it says when it
 * does not. */
#include "io/fd.h"
#include "io/socket.h"
#include "tests/apps/get_util.h"
#include "tests/io/certs.h"

static const struct {
    struct cert_spec cert;
    bool trusted;
    const char *option;
    int status;
    const char *words;
} cases[] = {
    {{.san = "IP:127.0.0.1"}, true, NULL, 0, "f: 3.0 MiB"},
    {{.san = "IP:127.0.0.1"}, true, "-x4", 0, "f: 3.0 MiB"},
    {{.san = "IP:127.0.0.1"}, false, NULL, 5, "--cacert FILE trusts"},
    {{.san = "IP:127.0.0.2"}, true, NULL, 5, "certificate of 127.0.0.1"},
    {{.san = "IP:127.0.0.2"}, true, NULL, 5, "a name that the certificate has"},
    {{.san = "IP:127.0.0.1", .from = -9000, .to = -10},
     true,
     NULL,
     5,
     "certificate has expired (if the clock here is right"},
    {{.san = "IP:127.0.0.1", .from = 9000, .to = 90000},
     true,
     NULL,
     5,
     "not yet valid (if the clock here is right"},
    {{.san = "DNS:x.example", .self = true},
     false,
     "--insecure",
     0,
     "every certificate is trusted"},
    {{.san = "DNS:x.example", .self = true},
     false,
     "-qk",
     0,
     "every certificate is trusted"},
};

IN_HUB(certificates)
{
    certs_make();
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct cert_spec spec = cases[i].cert;
        const char *option = cases[i].option;
        int status;

        CASE("%zu", i);
        spec.file = "a";
        certs_add(&spec);
        if (!begin(&(struct bad_options){certs_path("a.pem"),
                                         certs_path("a.key")}))
            break;
        status = cases[i].trusted ? RUN("@/f?size=3M", "--cacert",
                                        certs_path("ca.pem"), option)
                                  : RUN("@/f?size=3M", option);
        CHECK_EQ_INT(status, cases[i].status);
        CHECK_OK(has_file("f", 3 << 20, status ? 0 : 1));
        CHECK_OK(says(&err, cases[i].words));
        end();
    }
    certs_remove();
    return 0;
}

/* A proxy that says no to its first client. */
static intptr_t say_no(void *arg)
{
    static const char no[] = "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n";
    int fd = mr_accept(*(int *)arg, NULL, mr_after_s(20));
    char byte;

    CHECK_OK(fd >= 0);
    CHECK_EQ_INT(mr_recv(fd, &byte, 1, 0, mr_after_s(20)), 1);
    CHECK_EQ_INT(mr_send(fd, no, sizeof no - 1, 0, mr_after_s(20)),
                 sizeof no - 1);
    while (mr_recv(fd, &byte, 1, 0, mr_after_s(20)) > 0)
        continue;
    mr_fd_close(fd);
    return 0;
}

IN_HUB(a_proxy_that_does_not_connect_is_no_failure_of_tls)
{
    char text[MR_ADDR_TEXT], proxy[MR_ADDR_TEXT + 8];
    struct mr_addr at;
    int fd;

    if (!begin(NULL))
        return 0;
    CHECK_EQ_INT(mr_addr_parse(&at, mr_str("127.0.0.1:0")), 0);
    fd = mr_socket_listen(&at, NULL);
    CHECK_EQ_INT(mr_socket_local(fd, &at), 0);
    mr_addr_format(&at, text, sizeof text);
    snprintf(proxy, sizeof proxy, "http://%s", text);
    CHECK_OK(mr_spawn(say_no, &fd));
    CHECK_EQ_INT(RUN("https://x.example/f", "--proxy", proxy), 7);
    CHECK_OK(says(&err, "does not connect: 403"));
    mr_fd_close(fd);
    end();
    return 0;
}

SUITE("mrget: TLS", certificates,
      a_proxy_that_does_not_connect_is_no_failure_of_tls)
TEST_MAIN()
