/* SPDX-License-Identifier: MIT */

/*
 * tls_conf.c - the tls section of a listener: its values, and the context that
 * is made of them.
 *
 * The files are read where the configuration is checked, and again by each
 * worker; and anew by each of them when it is told to (service.c).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "core/sys.h"
#include "http/http_conf_priv.h"

static bool is_none(const char *path)
{
    return strcmp(path, "none") == 0;
}

int mr_conf_make_tls(const struct mr_tls_values *v,
                     struct mr_tls_tickets *tickets,
                     struct mr_tls_context **ret, char *why)
{
    size_t n = v->certificate.n;
    struct mr_tls_cert *certs = mr_calloc(n, sizeof *certs);
    struct mr_tls_server_options o = {
        .certs = certs,
        .n_certs = n,
        .min = v->min_version == 0 ? MR_TLS_1_2 : MR_TLS_1_3,
        .alpn = "http/1.1,http/1.0",
        .tickets = tickets,
        .no_tickets = !v->tickets,
        .ktls = v->ktls,
    };
    int err;

    *ret = NULL;
    if (!certs) {
        snprintf(why, MR_TLS_WHY, "%s", mr_strerror(-ENOMEM));
        return -ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        certs[i].certificate = v->certificate.v[i];
        certs[i].key = v->key.v[i];
        if (v->ocsp.n > 0 && !is_none(v->ocsp.v[i]))
            certs[i].ocsp = v->ocsp.v[i];
    }
    err = mr_tls_server_new(ret, &o, why);
    mr_free(certs);
    return err;
}

/* As many keys as certificates; of responses as many, or none. */
static int check_counts(struct mr_config_section *section,
                        const struct mr_tls_values *v)
{
    if (v->key.n != v->certificate.n)
        return mr_config_error(section, "key",
                               "%zu keys for %zu certificates: give each its "
                               "own, in the same order",
                               v->key.n, v->certificate.n);
    if (v->ocsp.n > 0 && v->ocsp.n != v->certificate.n)
        return mr_config_error(section, "ocsp",
                               "%zu OCSP responses for %zu certificates: give "
                               "each its own, or none",
                               v->ocsp.n, v->certificate.n);
    return 0;
}

int mr_conf_add_tls(struct mr_http_conf *conf, struct mr_config_section *listen,
                    struct mr_conf_listener *l)
{
    struct mr_config_section *s = mr_config_next(listen, NULL, "tls");
    struct mr_tls_values *v;
    struct mr_tls_context *made;
    char why[MR_TLS_WHY];
    int err;

    if (!s)
        return 0;
    if (l->kind != MR_CONF_HTTP)
        return mr_config_error(s, NULL, "tls is for HTTP: not for \"%s\"",
                               mr_conf_tag(l->kind));
    v = mr_arena_calloc(&conf->arena, sizeof *v);
    if (!v)
        return -ENOMEM;
    err = mr_config_fill(s, &mr_conf_tables[MR_CONF_TLS], v);
    if (!err)
        err = check_counts(s, v);
    if (err)
        return err;
    err = mr_conf_make_tls(v, NULL, &made, why);
    if (err)
        return err == -ENOMEM ? err : mr_config_error(s, NULL, "tls: %s", why);
    mr_tls_context_unref(made);
    l->tls = v;
    return 0;
}
