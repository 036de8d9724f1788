/* SPDX-License-Identifier: MIT */
#ifndef HTTP_APP_H
#define HTTP_APP_H

/*
 * app.h - what a handler app is: one struct, in the server or in a .so.
 *
 *     struct greeting { const char *text; };
 *     static const struct mr_config_option options[] = {
 *         {.name = "text", .type = MR_CONFIG_STRING, .def = "hello",
 *          .offset = offsetof(struct greeting, text)},
 *     };
 *     static int greet(struct mr_request *req, struct mr_response *res,
 *                      void *self)
 *     {
 *         const struct greeting *g = self;
 *         return mr_reply_printf(res, 200, "%s\n", g->text);
 *     }
 *     MR_APP(greeting, .options = options, .option_count = 1,
 *            .size = sizeof(struct greeting), .handle = greet)
 *
 *     load = "greeting.so"
 *     route "/greet" { app = greeting  text = "good morning" }
 *
 * Life: for each route or listener that names the app there is one instance,
 * `size` bytes, in every worker.
 *
 *   fill (options) -> configure -> start -> handle, serve, datagram -> stop
 *
 * configure also runs in the child that checks a configuration, where there is
 * no hub: it looks at values and files, and starts nothing.
 */
#include "core/config.h"
#include "core/group.h"

struct mr_request;
struct mr_response;
struct mr_stream;
struct mr_addr;
struct mr_dgram;

/* Goes up when a struct or a contract that apps see changes. */
#define MR_APP_ABI 2

/*
 * Answers one request. 0 when answered (or, if nothing was sent, an empty 200
 * is); a negative errno becomes 500 when nothing was sent yet, else the
 * connection is cut short. Both are logged with the app's name. Some errnos say
 * whose fault it is, and are no error of the app: -EBADMSG and -EPROTO become
 * 400, -EFBIG 413, -EMEDIUMTYPE 415; -ENOSPC becomes 507, and -EREMOTEIO 502:
 * another server, which was asked, is to blame (log which, and what it did:
 * these are not logged for you). May park; its children (mr_spawn) are joined
 * before the connection goes on.
 */
typedef int mr_handle_fn(struct mr_request *req, struct mr_response *res,
                         void *self);

struct mr_app {
    uint32_t abi;         /* MR_APP_ABI; MR_APP fills it in */
    uint32_t struct_size; /* of this struct; likewise */
    const char *name;
    const struct mr_config_option *options; /* its own directives */
    size_t option_count;
    size_t size; /* of an instance; zeroed, then filled from the options */
    /* Check what the table cannot: 0, or a negative errno having called
     * mr_config_error(section, ...). */
    int (*configure)(void *self, struct mr_config_section *section);
    /* Per worker, on the hub: 0 or -Exxx (the worker then fails). Coroutines
     * for its whole life go into the group, which is closed after stop. */
    int (*start)(void *self, struct mr_group *group);
    void (*stop)(void *self);
    mr_handle_fn *handle; /* for `route`; NULL: it has none */
    /* For `listen "tcp ADDR" { app = ... }`: the whole connection; closed
     * after it. 0 or -Exxx (logged). May park. NULL: it has none. */
    int (*serve)(struct mr_stream *s, const struct mr_addr *peer, void *self);
    /* For `listen "udp ADDR" { app = ... }`: one datagram (io/dgram.h), which
     * it may answer or not. 0 or -Exxx (logged). May park. NULL: it has none.
     */
    int (*datagram)(const struct mr_dgram *d, void *self);
};

/* Defines the app `mr_app_NAME`, which NAME.so is searched for. */
#define MR_APP(id, ...)                                                  \
    MR_API const struct mr_app mr_app_##id = {.abi = MR_APP_ABI,         \
                                              .struct_size =             \
                                                  sizeof(struct mr_app), \
                                              .name = #id,               \
                                              __VA_ARGS__};

/* --- loading, for the server --- */

struct mr_apps {
    const struct mr_app **v;
    void **handles; /* of dlopen; NULL for built-in ones */
    size_t n;
};

/* Built-in ones are kept. 0 or -ENOMEM. */
MR_MUST_USE int mr_apps_init(struct mr_apps *a,
                             const struct mr_app *const *built_in, size_t n);
/* Unloads nothing: code of a loaded app may be running until exit. */
void mr_apps_fini(struct mr_apps *a);
/*
 * Load NAME.so. 0, or -EINVAL with one line of what is wrong and what to do in
 * why[size]: no such file, no mr_app_NAME in it, another ABI, or a second copy
 * of the runtime. A loaded app comes before a built-in one of its name.
 */
MR_MUST_USE int mr_apps_load(struct mr_apps *a, const char *path, char *why,
                             size_t size);
/* NULL when there is none. */
const struct mr_app *mr_apps_find(const struct mr_apps *a, const char *name);

#endif
