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

static int redirect(struct mr_request *req, struct mr_response *res, void *self)
{
    const struct redirect *r = self;
    struct mr_arena *arena = mr_request_arena(req);
    struct mr_str query = mr_request_query_text(req);
    struct mr_str expanded;
    const char *to;

    if (mr_request_expand(req, mr_str(r->to), &expanded))
        return -ENOMEM;
    to = expanded.p;
    /* "//name" would be another host */
    if (strncmp(to, "//", 2) == 0 && strncmp(r->to, "//", 2) != 0)
        to = mr_arena_printf(arena, "/.%s", to);
    if (to && r->query && query.n > 0)
        to = mr_arena_printf(arena, "%s%c%.*s", to, strchr(to, '?') ? '&' : '?',
                             MR_STR(query));
    if (!to)
        return -ENOMEM;
    return mr_reply_redirect(res, status_of[r->status], mr_str(to));
}

static int configure(void *self, struct mr_config_section *section)
{
    const struct redirect *r = self;
    struct mr_str rest = mr_str(r->to), name;

    if (!mr_field_value_is_valid(rest) || rest.n == 0 ||
        mr_str_find(rest, ' ') >= 0)
        return mr_config_error(section, "to",
                               "to \"%s\" is no path and no URL: it has no "
                               "spaces, and is not empty",
                               r->to);
    if (!mr_expand_check(rest, mr_str(mr_config_title(section)), &name))
        return mr_config_error(section, "to",
                               "the route \"%s\" has no parameter '%.*s': "
                               "write it as \":%.*s\" or \"*%.*s\"",
                               mr_config_title(section), MR_STR(name),
                               MR_STR(name), MR_STR(name));
    return 0;
}

MR_APP(redirect, .options = options, .option_count = MR_ARRAY_LEN(options),
       .size = sizeof(struct redirect), .configure = configure,
       .handle = redirect)
