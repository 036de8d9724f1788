/* SPDX-License-Identifier: MIT */

/*
 * route_conf.c - what a route's own directives put before its app: a chain of
 * steps (http/chain.h), made when the configuration is read, so that a check
 * finds a bad file as a worker would.
 */
#include <errno.h>

#include "core/log.h"
#include "http/auth.h"
#include "http/compress.h"
#include "http/http_conf_priv.h"
#include "http/preset.h"

/* What one route may have: security, cors, auth, compress. */
#define STEPS_MAX 4

static void free_auth(void *auth)
{
    mr_auth_free(auth);
}

static int load_auth(struct mr_http_conf *conf,
                     struct mr_config_section *section,
                     const struct mr_route_values *v, struct mr_auth **ret)
{
    const char *why;
    unsigned line;
    int err = mr_auth_load(ret, v->auth_file, v->auth, &line, &why);

    if (err == -EBADMSG)
        return mr_config_error(section, "auth_file", "%s:%u: %s", v->auth_file,
                               line, why);
    if (err == -EINVAL)
        return mr_config_error(section, "auth",
                               "auth \"%s\": no quotes, backslashes or control "
                               "characters in a realm",
                               v->auth);
    if (err)
        return mr_config_error(section, "auth_file",
                               "auth_file \"%s\": %s: name a file of lines "
                               "user:hash, as htpasswd -B writes it",
                               v->auth_file, mr_strerror(err));
    err = mr_arena_on_reset(&conf->arena, free_auth, *ret);
    if (err)
        mr_auth_free(*ret);
    return err;
}

static int add_auth(struct mr_http_conf *conf,
                    struct mr_config_section *section,
                    const struct mr_route_values *v, struct mr_step *step)
{
    struct mr_auth *auth;
    int err;

    if (!*v->auth || !*v->auth_file)
        return mr_config_error(section, *v->auth ? "auth" : "auth_file",
                               "auth, what browsers show, and auth_file, who "
                               "may, go together");
    err = load_auth(conf, section, v, &auth);
    *step = (struct mr_step){mr_auth_step, auth};
    return err;
}

static int add_cors(struct mr_http_conf *conf,
                    struct mr_config_section *section,
                    const struct mr_route_values *v, struct mr_step *step)
{
    struct mr_cors *cors = mr_arena_calloc(&conf->arena, sizeof *cors);
    const char *why;

    if (!cors)
        return -ENOMEM;
    cors->origins = v->cors.v;
    cors->n = v->cors.n;
    cors->credentials = v->cors_credentials;
    why = mr_cors_check(cors);
    *step = (struct mr_step){mr_cors_step, cors};
    return why ? mr_config_error(section, "cors", "%s", why) : 0;
}

static int add_compress(struct mr_http_conf *conf,
                        struct mr_config_section *section,
                        const struct mr_route_values *v, struct mr_step *steps,
                        size_t *n)
{
    struct mr_compress *c = mr_arena_calloc(&conf->arena, sizeof *c);
    const char *why;

    if (!c)
        return -ENOMEM;
    why = mr_compress_parse(c, v->compress.v, v->compress.n);
    if (why)
        return mr_config_error(section, "compress", "compress: %s", why);
    c->types = v->compress_types.v;
    c->type_n = v->compress_types.n;
    why = mr_compress_check_types(c->types, c->type_n);
    if (why)
        return mr_config_error(section, "compress_types", "compress_types: %s",
                               why);
    c->min = (uint64_t)v->compress_min;
    c->max = (uint64_t)v->compress_max;
    if (c->max > 0 && c->min > c->max)
        return mr_config_error(section, "compress_min",
                               "compress_min is above compress_max");
    if (c->n > 0)
        steps[(*n)++] = (struct mr_step){mr_compress_step, c};
    return 0;
}

int mr_conf_route_steps(struct mr_http_conf *conf,
                        struct mr_config_section *section,
                        struct mr_conf_route *r)
{
    const struct mr_route_values *v = &r->values;
    struct mr_chain *chain = mr_arena_calloc(&conf->arena, sizeof *chain);
    struct mr_step *steps =
        mr_arena_calloc(&conf->arena, STEPS_MAX * sizeof *steps);
    size_t n = 0;
    int err = 0;

    if (!chain || !steps)
        return -ENOMEM;
    if (v->security_headers)
        steps[n++] = (struct mr_step){mr_security_step, NULL};
    if (v->cors.n > 0)
        err = add_cors(conf, section, v, &steps[n++]);
    else if (v->cors_credentials)
        err = mr_config_error(section, "cors_credentials",
                              "cors_credentials needs cors, the origins");
    if (!err && (*v->auth || *v->auth_file))
        err = add_auth(conf, section, v, &steps[n++]);
    if (!err && v->compress.n > 0)
        err = add_compress(conf, section, v, steps, &n);
    else if (!err && v->compress_types.n > 0)
        err = mr_config_error(section, "compress_types",
                              "compress_types needs compress, the codings");
    if (err)
        return err;
    r->handle = r->in.app->handle;
    r->self = r->in.self;
    if (n == 0)
        return 0;
    *chain = (struct mr_chain){steps, n, r->handle, r->self};
    r->handle = mr_chain_run;
    r->self = chain;
    return 0;
}
