/* SPDX-License-Identifier: MIT */

/* test_get_tls.c - mrget over TLS: whom it trusts, and what it says when it
 * does not. */
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
    {{.san = "IP:127.0.0.1", .from = -9000, .to = -10},
     true,
     NULL,
     5,
     "expired"},
    {{.san = "DNS:x.example", .self = true},
     false,
     "--insecure",
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

/* A proxy that knows no CONNECT: it is no failure of TLS. */
IN_HUB(proxies_that_do_not_connect)
{
    if (!begin(NULL))
        return 0;
    CHECK_EQ_INT(RUN("https://x.example/f", "--proxy", "@"), 7);
    CHECK_OK(says(&err, ": proxy 127.0.0.1"));
    end();
    return 0;
}

SUITE("mrget: TLS", certificates, proxies_that_do_not_connect)
TEST_MAIN()
