/* SPDX-License-Identifier: MIT */
/*
 * client_request.c - a request to the bytes of its head.
 *
 * Invariants
 *  (1) No byte that ends a line, or begins another element, gets into a head:
 *      method, target and fields are checked before anything is sent.
 *  (2) Framing, and what is said from hop to hop, is the client's: fields of
 *      such names are refused, not overwritten.
 *  (3) A password goes to whom it is for: the proxy's never to an origin.
 */
#include <errno.h>
#include <stdio.h>

#include "core/log.h"
#include "core/sys.h"
#include "http/client_priv.h"
#include "http/decoder.h"

/* --- what is asked for --- */

static const char *const own_fields[] = {
    "content-length",
    "transfer-encoding",
    "connection",
    "expect",
    "te",
    "trailer",
    "upgrade",
    "keep-alive",
    "proxy-connection",
    "http2-settings",
    "proxy-authorization",
};

static int check_fields(struct mr_call *call)
{
    char name[64], *shown = name;

    for (size_t i = 0; i < call->r.n_fields; i++) {
        const struct mr_field *f = &call->r.fields[i];

        (void)mr_str_escape(shown, sizeof name, f->name);
        if (!mr_token_is_valid(f->name))
            return mr_call_fail(call, -EINVAL, "\"%s\" is no field's name",
                                shown);
        if (!mr_field_value_is_valid(f->value))
            return mr_call_fail(call, -EINVAL,
                                "a byte that no field may have in %s", shown);
        for (size_t j = 0; j < MR_ARRAY_LEN(own_fields); j++)
            if (mr_str_is_case(f->name, own_fields[j]))
                return mr_call_fail(call, -EINVAL,
                                    "%s is the client's own to send", shown);
    }
    return 0;
}

static bool is_target(struct mr_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f) /* char may have no sign */
            return false;
    return true;
}

static int check_request(struct mr_call *call)
{
    const struct mr_client_request *r = &call->r;

    if (!mr_token_is_valid(r->method))
        return mr_call_fail(call, -EINVAL, "the method is no token");
    if (!is_target(r->target))
        return mr_call_fail(call, -EINVAL,
                            "a target with white space, or not of ASCII");
    if (r->upgrade.n > 0 && !mr_field_value_is_valid(r->upgrade))
        return mr_call_fail(call, -EINVAL, "no protocol to upgrade to");
    call->method = mr_method_find(r->method);
    if (call->method == MR_METHOD_CONNECT && r->target.n == 0)
        return mr_call_fail(call, -EINVAL, "CONNECT wants a target");
    if (r->streams && r->length < -1)
        return mr_call_fail(call, -EINVAL, "a body's length below 0");
    return check_fields(call);
}

int mr_call_check(struct mr_call *call)
{
    const char *reason = "";
    int rc = mr_uri_parse(&call->arena, call->r.url, &call->uri, &reason);

    if (rc) {
        call->uri = (struct mr_uri){0};
        return mr_call_fail(call, rc, "%s", reason);
    }
    return check_request(call);
}

bool mr_call_is_idempotent(const struct mr_call *call)
{
    enum mr_method m = call->method;

    return m == MR_METHOD_GET || m == MR_METHOD_HEAD || m == MR_METHOD_PUT ||
           m == MR_METHOD_DELETE || m == MR_METHOD_OPTIONS ||
           m == MR_METHOD_TRACE;
}

/* --- the head --- */

static void put(struct mr_buf *b, int *err, struct mr_str s)
{
    if (*err == 0 && s.n > 0)
        *err = mr_buf_append(b, s.p, s.n);
}

static void put_field(struct mr_buf *b, int *err, const char *name,
                      struct mr_str value)
{
    put(b, err, mr_str(name));
    put(b, err, mr_str_n(": ", 2));
    put(b, err, value);
    put(b, err, mr_str_n("\r\n", 2));
}

/* Has the caller one of that name? */
static bool is_given(const struct mr_call *call, const char *name)
{
    for (size_t i = 0; i < call->r.n_fields; i++)
        if (mr_str_is_case(call->r.fields[i].name, name))
            return true;
    return false;
}

static void put_basic(struct mr_call *call, int *err, const char *name,
                      struct mr_str user, struct mr_str password)
{
    struct mr_str value = mr_basic_credentials(&call->arena, user, password);

    if (!value.p)
        *err = -ENOMEM;
    put_field(&call->out, err, name, value);
}

/* A field of the client's own, unless the caller has one; value.p NULL: none.
 */
static void put_own(struct mr_call *call, int *err, const char *name,
                    int find(struct mr_call *call, struct mr_str *ret))
{
    struct mr_str value;

    if (is_given(call, name))
        return;
    if (*err == 0)
        *err = find(call, &value);
    if (*err == 0 && value.n > 0)
        put_field(&call->out, err, name, value);
}

/* RFC 9112 3.2: to a proxy, and not through a tunnel, the whole of it. */
static struct mr_str target_of(const struct mr_call *call)
{
    if (call->r.target.n > 0)
        return call->r.target;
    return call->proxied && !call->uri.https ? call->uri.text
                                             : call->uri.target;
}

static void put_start(struct mr_call *call, int *err)
{
    struct mr_buf *b = &call->out;
    const char *agent = call->client->o.user_agent;

    put(b, err, call->r.method);
    put(b, err, mr_str_n(" ", 1));
    put(b, err, target_of(call));
    put(b, err, mr_str(" HTTP/1.1\r\n"));
    if (!is_given(call, "host"))
        put_field(b, err, "Host", call->uri.authority);
    if (*agent && !is_given(call, "user-agent"))
        put_field(b, err, "User-Agent", mr_str(agent));
    if (!is_given(call, "accept"))
        put_field(b, err, "Accept", mr_str("*/*"));
    /* A part of a coded body is no use to anybody. */
    call->asks_coded = !call->r.no_decode && !is_given(call, "range") &&
                       !is_given(call, "accept-encoding") &&
                       call->r.upgrade.n == 0;
    if (call->asks_coded)
        put_field(b, err, "Accept-Encoding", mr_str(MR_DECODER_ACCEPT));
}

/* A method that means something by a body says when it has none (RFC 9110
 * 8.6). */
static bool wants_length(const struct mr_call *call)
{
    return call->r.body.n > 0 || call->method == MR_METHOD_POST ||
           call->method == MR_METHOD_PUT || call->method == MR_METHOD_PATCH;
}

static void put_framing(struct mr_call *call, int *err)
{
    struct mr_buf *b = &call->out;
    char digits[20];
    uint64_t n = call->r.streams ? (uint64_t)call->r.length : call->r.body.n;

    call->chunked_out = call->r.streams && call->r.length < 0;
    call->left_to_send = call->r.streams && !call->chunked_out ? n : 0;
    if (call->chunked_out)
        put_field(b, err, "Transfer-Encoding", mr_str("chunked"));
    else if (call->r.streams || wants_length(call))
        put_field(b, err, "Content-Length",
                  mr_str_n(digits, mr_str_put_u64(digits, n)));
    /* RFC 9110 10.1.1: not without a body */
    call->expects = call->expects && (call->chunked_out || n > 0);
    if (call->expects)
        put_field(b, err, "Expect", mr_str("100-continue"));
}

static void put_hop(struct mr_call *call, int *err)
{
    struct mr_buf *b = &call->out;

    if (call->r.upgrade.n > 0) {
        put_field(b, err, "Connection", mr_str("Upgrade"));
        put_field(b, err, "Upgrade", call->r.upgrade);
    } else if (call->r.no_reuse) {
        put_field(b, err, "Connection", mr_str("close"));
    }
    if (call->proxied && !call->uri.https && call->proxy.user.p)
        put_basic(call, err, "Proxy-Authorization", call->proxy.user,
                  call->proxy.password);
}

int mr_call_put_head(struct mr_call *call)
{
    struct mr_buf *b = &call->out;
    int err = mr_buf_reserve(b, 512);

    put_start(call, &err);
    put_own(call, &err, "Authorization", mr_call_authorization);
    put_own(call, &err, "Cookie", mr_call_cookies);
    put_hop(call, &err);
    put_framing(call, &err);
    for (size_t i = 0; i < call->r.n_fields; i++) {
        const struct mr_field *f = &call->r.fields[i];

        put(b, &err, f->name);
        put(b, &err, mr_str_n(": ", 2));
        put(b, &err, f->value);
        put(b, &err, mr_str_n("\r\n", 2));
    }
    put(b, &err, mr_str_n("\r\n", 2));
    return err ? mr_call_fail(call, err, "%s", mr_strerror(err)) : 0;
}
