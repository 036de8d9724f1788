/* SPDX-License-Identifier: MIT */
/*
 * call_login.c - what of a request says who asks: user and password, cookies.
 *
 * A field that the caller has of his own counts before all of these. Then, for
 * the user: the request's, the URL's, what .netrc has for the host (with the
 * URL's user, if it has no password, as the entry that is looked for).
 */
#include <errno.h>

#include "core/log.h"
#include "core/sys.h"
#include "http/base64.h"
#include "http/client_priv.h"
#include "http/cookie_jar.h"
#include "http/netrc.h"

struct mr_str mr_basic_credentials(struct mr_arena *arena, struct mr_str user,
                                   struct mr_str password)
{
    size_t n = user.n + 1 + password.n;
    char *plain = mr_arena_alloc(arena, n);
    char *text = mr_arena_alloc(arena, 6 + MR_BASE64_LEN(n));

    if (!plain || !text)
        return mr_str_n(NULL, 0);
    if (user.n > 0)
        memcpy(plain, user.p, user.n);
    plain[user.n] = ':';
    if (password.n > 0)
        memcpy(plain + user.n + 1, password.p, password.n);
    memcpy(text, "Basic ", 6);
    mr_base64_put(plain, n, text + 6);
    return mr_str_n(text, 6 + MR_BASE64_LEN(n));
}

/* False: nobody in particular asks. */
static bool find_user(const struct mr_call *call, struct mr_str *user,
                      struct mr_str *password)
{
    *user = call->r.user;
    *password = call->r.password;
    if (user->p)
        return true;
    *user = call->uri.user;
    *password = call->uri.password;
    if (user->p && password->p)
        return true;
    return mr_netrc_find(call->client->o.netrc, call->uri.host, call->uri.user,
                         user, password) ||
           user->p;
}

int mr_call_authorization(struct mr_call *call, struct mr_str *ret)
{
    struct mr_str user, password;

    *ret = mr_str_n(NULL, 0);
    if (!find_user(call, &user, &password))
        return 0;
    *ret = mr_basic_credentials(&call->arena, user, password);
    return ret->p ? 0 : -ENOMEM;
}

static int64_t seconds(void)
{
    return mr_sys_realtime() / 1000000000;
}

int mr_call_cookies(struct mr_call *call, struct mr_str *ret)
{
    struct mr_cookie_jar *jar = call->client->o.jar;

    *ret = mr_str_n(NULL, 0);
    if (!jar)
        return 0;
    return mr_cookie_jar_get(jar, &call->uri, seconds(), &call->arena, ret);
}

int mr_call_take_cookies(struct mr_call *call)
{
    const struct mr_headers *h = &call->parser.head.headers;
    struct mr_cookie_jar *jar = call->client->o.jar;
    ssize_t i = jar ? mr_headers_find(h, "set-cookie", 0) : -1;

    for (; i >= 0; i = mr_headers_find(h, "set-cookie", (size_t)i + 1))
        if (mr_cookie_jar_set(jar, &call->uri, h->v[i].value, seconds()) ==
            -ENOMEM)
            return mr_call_fail(call, -ENOMEM, "%s", mr_strerror(-ENOMEM));
    return 0;
}
