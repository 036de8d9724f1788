/* SPDX-License-Identifier: MIT */

/*
 * preset.c - fields that go around every answer of a route (Fetch, "CORS
 * protocol"; the rest as OWASP's list of secure headers has them).
 */
#include "http/preset.h"

#include <errno.h>
#include <string.h>

#include "http/request.h"
#include "http/response.h"

/* --- other origins --- */

static bool takes_all(const struct mr_cors *c)
{
    return c->n == 1 && strcmp(c->origins[0], "*") == 0;
}

/* "scheme://host[:port]", as browsers write it: lower case, no path. */
static bool is_origin(struct mr_str s)
{
    const char *at = memmem(s.p, s.n, "://", 3);

    if (!at || at == s.p || at + 3 == s.p + s.n || !mr_field_value_is_valid(s))
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == ' ' || s.p[i] == '*' || (s.p[i] >= 'A' && s.p[i] <= 'Z'))
            return false;
    }
    s = mr_str_n(at + 3, s.n - (size_t)(at + 3 - s.p));
    return mr_str_find(s, '/') < 0;
}

const char *mr_cors_check(const struct mr_cors *c)
{
    if (takes_all(c))
        return c->credentials ? "cors = \"*\" cannot go with credentials: "
                                "name the origins"
                              : NULL;
    for (size_t i = 0; i < c->n; i++) {
        if (!is_origin(mr_str(c->origins[i])))
            return "an origin is \"https://a.example\" in lower case, without "
                   "a path; or \"*\" alone";
    }
    return NULL;
}

static bool is_allowed(const struct mr_cors *c, struct mr_str origin)
{
    for (size_t i = 0; i < c->n; i++) {
        if (mr_str_is(origin, c->origins[i]))
            return true;
    }
    return false;
}

static int allow_origin(struct mr_response *res, const struct mr_cors *c,
                        struct mr_str origin)
{
    int err = mr_response_header_n(res, mr_str("Access-Control-Allow-Origin"),
                                   takes_all(c) ? mr_str("*") : origin);

    if (!err && c->credentials)
        err =
            mr_response_header(res, "Access-Control-Allow-Credentials", "true");
    return err;
}

static int answer_preflight(struct mr_request *req, struct mr_response *res,
                            struct mr_str method)
{
    struct mr_str fields =
        mr_request_header(req, "access-control-request-headers");
    int err = mr_response_header_n(res, mr_str("Access-Control-Allow-Methods"),
                                   method);

    if (!err && fields.n > 0)
        err = mr_response_header_n(res, mr_str("Access-Control-Allow-Headers"),
                                   fields);
    if (!err)
        err = mr_response_header(res, "Access-Control-Max-Age", "600");
    return err ? err : mr_reply_status(res, MR_STATUS_NO_CONTENT);
}

int mr_cors_step(struct mr_request *req, struct mr_response *res, void *cors,
                 const struct mr_chain_at *next)
{
    struct mr_str origin = mr_request_header(req, "origin");
    struct mr_str method =
        mr_request_header(req, "access-control-request-method");
    const struct mr_cors *c = cors;
    bool allowed = origin.n > 0 && (takes_all(c) || is_allowed(c, origin));
    int err = 0;

    /* A cache must not give one origin what another was answered. */
    if (!takes_all(c))
        err = mr_response_header(res, "Vary", "Origin");
    if (!err && allowed)
        err = allow_origin(res, c, origin);
    if (err)
        return err;
    if (allowed && method.n > 0 && mr_request_method(req) == MR_METHOD_OPTIONS)
        return answer_preflight(req, res, method);
    return mr_chain_next(next, req, res);
}

/* --- careful browsers --- */

int mr_security_step(struct mr_request *req, struct mr_response *res,
                     void *self, const struct mr_chain_at *next)
{
    static const char *const fields[][2] = {
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "SAMEORIGIN"},
        {"Referrer-Policy", "strict-origin-when-cross-origin"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
    };
    int err = 0;

    (void)self;
    for (size_t i = 0; i < MR_ARRAY_LEN(fields) && !err; i++)
        err = mr_response_header(res, fields[i][0], fields[i][1]);
    return err ? err : mr_chain_next(next, req, res);
}
