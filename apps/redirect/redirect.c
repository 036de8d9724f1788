/* SPDX-License-Identifier: MIT */

/*
 * redirect - sends clients to where a page is now.
 *
 *     route "/old/:page" { app = redirect  to = "/new/{page}" }
 *     route "/docs"      { app = redirect  to = "https://docs.example/" }
 *
 * {name} stands for a parameter of the route's pattern, encoded for a link. The
 * query goes along. However a client spells its path, a `to` that begins with
 * one '/' stays on this host.
 */
#include <errno.h>
#include <millrace/app.h>

struct redirect {
    const char *to;
    int status; /* index in statuses */
    bool query;
};

static const char *const statuses[] = {"301", "302", "303", "307", "308", NULL};
static const int status_of[] = {301, 302, 303, 307, 308};

static const struct mr_config_option options[] = {
    {.name = "to",
     .type = MR_CONFIG_STRING,
     .required = true,
     .offset = offsetof(struct redirect, to),
     .max = 2048,
     .doc = "where to: a path or a URL, with {name} for a parameter"},
    {.name = "status",
     .type = MR_CONFIG_ENUM,
     .def = "302",
     .choices = statuses,
     .offset = offsetof(struct redirect, status),
     .doc = "of the answer"},
    {.name = "query",
     .type = MR_CONFIG_BOOL,
     .def = "on",
     .offset = offsetof(struct redirect, query),
     .doc = "append the request's query"},
};

/* Cut text up to the next {name} off *rest. False: no more text, no name. */
static bool next_part(struct mr_str *rest, struct mr_str *ret_text,
                      struct mr_str *ret_name)
{
    ssize_t open, close;

    if (rest->n == 0)
        return false;
    open = mr_str_find(*rest, '{');
    close = mr_str_find(*rest, '}');
    *ret_name = (struct mr_str){0};
    *ret_text = *rest;
    if (open < 0 || close < open) {
        rest->n = 0;
        return true;
    }
    ret_text->n = (size_t)open;
    *ret_name = mr_str_n(rest->p + open + 1, (size_t)(close - open - 1));
    *rest = mr_str_n(rest->p + close + 1, rest->n - (size_t)close - 1);
    return true;
}

static const char *expand(struct mr_request *req, struct mr_arena *arena,
                          const char *to)
{
    struct mr_str rest = mr_str(to), text, name, value;
    const char *out = "", *z;

    while (out && next_part(&rest, &text, &name)) {
        value = mr_str("");
        if (name.p) {
            z = mr_arena_dup(arena, name);
            value = z ? mr_request_param(req, z) : value;
            if (!z || mr_url_encode_path(arena, value, &value))
                return NULL;
        }
        out = mr_arena_printf(arena, "%s%.*s%.*s", out, MR_STR(text),
                              MR_STR(value));
    }
    return out;
}

static int redirect(struct mr_request *req, struct mr_response *res, void *self)
{
    const struct redirect *r = self;
    struct mr_arena *arena = mr_request_arena(req);
    struct mr_str query = mr_request_query_text(req);
    const char *to = expand(req, arena, r->to);

    /* "//name" would be another host */
    if (to && strncmp(to, "//", 2) == 0 && strncmp(r->to, "//", 2) != 0)
        to = mr_arena_printf(arena, "/.%s", to);
    if (to && r->query && query.n > 0)
        to = mr_arena_printf(arena, "%s%c%.*s", to, strchr(to, '?') ? '&' : '?',
                             MR_STR(query));
    if (!to)
        return -ENOMEM;
    return mr_reply_redirect(res, status_of[r->status], mr_str(to));
}

static bool has_param(const char *pattern, struct mr_str name)
{
    struct mr_str rest = mr_str(pattern), segment;

    while (mr_str_split(&rest, '/', &segment)) {
        if (segment.n == name.n + 1 &&
            (segment.p[0] == ':' || segment.p[0] == '*') &&
            memcmp(segment.p + 1, name.p, name.n) == 0)
            return true;
    }
    return false;
}

static int configure(void *self, struct mr_config_section *section)
{
    const struct redirect *r = self;
    struct mr_str rest = mr_str(r->to), text, name;

    if (!mr_field_value_is_valid(rest) || rest.n == 0 ||
        mr_str_find(rest, ' ') >= 0)
        return mr_config_error(section, "to",
                               "to \"%s\" is no path and no URL: it has no "
                               "spaces, and is not empty",
                               r->to);
    while (next_part(&rest, &text, &name)) {
        if (name.p && !has_param(mr_config_title(section), name))
            return mr_config_error(section, "to",
                                   "the route \"%s\" has no parameter '%.*s': "
                                   "write it as \":%.*s\" or \"*%.*s\"",
                                   mr_config_title(section), MR_STR(name),
                                   MR_STR(name), MR_STR(name));
    }
    return 0;
}

MR_APP(redirect, .options = options, .option_count = MR_ARRAY_LEN(options),
       .size = sizeof(struct redirect), .configure = configure,
       .handle = redirect)
