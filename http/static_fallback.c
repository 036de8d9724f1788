/* SPDX-License-Identifier: MIT */

/*
 * static_fallback.c - what is tried in place of 404: paths below the root, with
 * the request's in them, and perhaps a status at the end.
 */
#include <errno.h>
#include <string.h>

#include "http/expand.h"
#include "http/static_priv.h"

/* "=404" to 404; 0: it is none that may be sent just so. */
static int fallback_status(const char *text)
{
    uint64_t status;

    if (*text != '=' || mr_str_to_u64(mr_str(text + 1), 599, &status) ||
        status < 400 || status == MR_STATUS_UNAUTHORIZED ||
        status == MR_STATUS_METHOD_NOT_ALLOWED ||
        status == MR_STATUS_UPGRADE_REQUIRED)
        return 0;
    return (int)status;
}

bool mr_static_fallback_is_valid(const char *text)
{
    struct mr_str rest = mr_str(text), part, name;

    if (*text == '=')
        return fallback_status(text) > 0;
    while (mr_expand_next(&rest, &part, &name)) {
        if (name.p && !mr_str_is(name, "path"))
            return false;
    }
    return true;
}

int mr_static_keep_fallbacks(struct mr_static *s,
                             const struct mr_static_options *o)
{
    s->fallback =
        mr_arena_alloc(&s->strings, (o->fallback_n + 1) * sizeof *s->fallback);
    if (!s->fallback)
        return -ENOMEM;
    for (size_t i = 0; i < o->fallback_n; i++) {
        const char *text = mr_arena_dup(&s->strings, mr_str(o->fallback[i]));

        if (!text)
            return -ENOMEM;
        if (!mr_static_fallback_is_valid(text))
            return -EINVAL;
        while (*text == '/')
            text++;
        if (*text)
            s->fallback[s->fallback_n++] = text;
    }
    return 0;
}

/* What a fallback's text names for this request, if that is a file. 0, or -Exxx
 * with nothing open. */
static int look_for_fallback(const struct mr_static *s, struct mr_request *req,
                             const char *text, struct mr_static_found *ret)
{
    struct mr_str path = mr_request_rest(req), rest = mr_str(text), part, name;
    const char *out = "";
    int err;

    while (path.n > 0 && path.p[0] == '/')
        path = mr_str_n(path.p + 1, path.n - 1);
    while (path.n > 0 && path.p[path.n - 1] == '/')
        path.n--;
    while (out && mr_expand_next(&rest, &part, &name))
        out = mr_arena_printf(mr_request_arena(req), "%s%.*s%.*s", out,
                              MR_STR(part), name.p ? (int)path.n : 0, path.p);
    if (!out)
        return -ENOMEM;
    while (*out == '/') /* an empty {path} */
        out++;
    /* Literally it may be hidden: then its owner has said so. */
    if (!*out || (strchr(text, '{') && mr_static_is_hidden(s, mr_str(out))))
        return -ENOENT;
    err = mr_static_look(s, out, ret);
    if (err || S_ISREG(ret->st.st_mode))
        return err;
    mr_static_forget(ret);
    return -ENOENT;
}

int mr_static_serve_fallback(const struct mr_static *s, struct mr_request *req,
                             struct mr_response *res)
{
    int err = -ENOENT;

    for (size_t i = 0; i < s->fallback_n; i++) {
        struct mr_static_found f;

        if (s->fallback[i][0] == '=')
            return mr_reply_status(res, fallback_status(s->fallback[i]));
        err = look_for_fallback(s, req, s->fallback[i], &f);
        if (!err) {
            err = mr_static_send(s, req, res, &f);
            mr_static_forget(&f);
            return err;
        }
        if (mr_static_status_for(err) != MR_STATUS_NOT_FOUND)
            break;
    }
    return mr_static_status_for(err)
               ? mr_reply_status(res, mr_static_status_for(err))
               : err;
}
