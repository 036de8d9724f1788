/* SPDX-License-Identifier: MIT */
/* bad.c - the server as a whole: it opens, counts, and closes. */
#include <errno.h>

#include "tests/bad/bad_priv.h"

int bad_open(struct bad **ret, const char *at, const struct bad_options *o)
{
    struct bad *b = mr_calloc(1, sizeof *b);
    char why[MR_TLS_WHY];
    struct mr_addr local;
    int rc = 0;

    if (!b)
        return -ENOMEM;
    if (o && o->certificate)
        rc = mr_tls_server_new(
            &b->tls,
            &(struct mr_tls_server_options){
                .certs = &(struct mr_tls_cert){o->certificate, o->key, NULL},
                .n_certs = 1},
            why);
    if (!rc)
        rc = mr_server_open(
            &b->server, at,
            &(struct mr_server_options){.handler = bad_connection,
                                        .arg = b,
                                        .name = "bad",
                                        .stack_size = 256 * 1024});
    if (!rc) {
        rc = mr_server_local(&b->server, &local);
        b->port = mr_addr_port(&local);
        *ret = b;
        return rc;
    }
    mr_tls_context_unref(b->tls);
    mr_free(b);
    return rc;
}

uint16_t bad_port(const struct bad *b)
{
    return b->port;
}

const struct bad_stat *bad_stat(const struct bad *b)
{
    return &b->stat;
}

const struct bad_path *bad_path(const struct bad *b, const char *path)
{
    const struct bad_path *p = b->paths;

    while (p && strcmp(p->path, path) != 0)
        p = p->next;
    return p;
}

void bad_close(struct bad *b)
{
    /* Handlers that wait for their clients are cancelled. */
    (void)mr_server_close(&b->server, 0);
    mr_tls_context_unref(b->tls);
    while (b->paths) {
        struct bad_path *next = b->paths->next;

        mr_free(b->paths);
        b->paths = next;
    }
    mr_free(b);
}
