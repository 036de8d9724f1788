/* SPDX-License-Identifier: MIT */
#ifndef TESTS_HTTP_CLIENT_UTIL_H
#define TESTS_HTTP_CLIENT_UTIL_H

/*
 * client_util.h - a server that follows a script, for the client's tests.
 *
 *     CLIENT(gets, .max_per_origin = 1)
 *     {
 *         PLAY({{OK_HELLO, OK_HELLO}}, {{OK_HELLO}, .leaves = true});
 *         CHECK_EQ_STR(get(t, "/"), "200 hello");
 *         CHECK_EQ_STR(t->got[0], "GET / HTTP/1.1\r\n...");
 *     }
 *
 * Each scene is one connection, in the order of accepting: it reads a request,
 * sends the next answer, and so on; at its end it waits for the client to
 * leave, or leaves. The body runs in a coroutine: use the CHECK_ variants. At
 * its end the client is freed, and all scenes must have been played.
 *
 * over budget: inline, as each test program is one file and the harness.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/group.h"
#include "core/offload.h"
#include "core/sys.h"
#include "core/timer.h"
#include "http/client.h"
#include "io/fd.h"
#include "io/socket.h"
#include "io/tls.h"
#include "tests/core/in_hub.h"

#define ANSWERS_MAX 6
#define GOT_MAX 24
#define PATIENCE mr_after_s(20)

#define OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

struct scene {
    const char *answers[ANSWERS_MAX];
    size_t n; /* bytes of each; 0: NUL-terminated */
    bool tls; /* with t->tls, after the first answer if it tunnels */
    bool tunnels;
    bool leaves;    /* closes at its end; else the client must */
    bool resets;    /* the same, without a goodbye */
    bool at_once;   /* does not wait for a request before each answer */
    bool deaf;      /* reads no more, until the client leaves */
    bool cuts;      /* ends the connection without TLS's goodbye */
    bool head_only; /* waits for a request's head only */
};

struct theatre {
    struct mr_client *client;
    struct mr_group group;
    struct mr_addr at;
    int fd;
    const struct scene *scenes;
    size_t n;
    size_t opened; /* connections */
    size_t closed;
    size_t n_got;
    char got[GOT_MAX][8192]; /* requests, as they came */
    char url[256];
    char text[65536];
    char why[MR_CLIENT_WHY];
    struct mr_call *call; /* of the last get */
    struct mr_tls_context *tls;
};

struct actor {
    struct theatre *t;
    const struct scene *scene;
    int fd;
    struct mr_stream_fd plain;
    struct mr_stream *s;
};

/* How long the request at p is, or 0: it is not whole. */
static inline size_t request_len(const char *p, bool head_only)
{
    const char *end = strstr(p, "\r\n\r\n");
    const char *len = strcasestr(p, "\r\ncontent-length: ");
    size_t n;

    if (!end)
        return 0;
    n = (size_t)(end + 4 - p);
    if (head_only)
        return n;
    if (len && len < end)
        n += strtoul(len + 18, NULL, 10);
    if (strcasestr(p, "\r\ntransfer-encoding: chunked") &&
        !strstr(end, "0\r\n\r\n"))
        return 0;
    if (strcasestr(p, "\r\ntransfer-encoding: chunked"))
        return strlen(p);
    return strlen(p) >= n ? n : 0;
}

/* A request to got. False: the client has left. */
static inline bool hear(struct actor *a)
{
    struct theatre *t = a->t;
    char *at = t->got[t->n_got % GOT_MAX];
    size_t n = 0;

    *at = '\0';
    while (!request_len(at, a->scene->head_only)) {
        ssize_t more =
            mr_stream_read(a->s, at + n, sizeof t->got[0] - 1 - n, PATIENCE);

        if (more <= 0)
            return false;
        n += (size_t)more;
        at[n] = '\0';
    }
    t->n_got++;
    return true;
}

/* The connection is an encrypted one from here on. */
static inline bool encrypt(struct actor *a)
{
    struct mr_tls *tls;
    char why[MR_TLS_WHY];

    if (mr_tls_accept(&tls, a->t->tls, a->fd, why, PATIENCE)) {
        a->fd = -1;
        a->s = NULL;
        return false;
    }
    a->s = mr_tls_stream(tls);
    return true;
}

/* The client's end of the connection may stand behind what nobody reads, so
 * that MR_GONE does not tell: its own count does. */
static inline void wait_until_left(const struct actor *a)
{
    int64_t end = PATIENCE;

    while (a->t->client && mr_client_stats(a->t->client).open > 0 &&
           mr_now() < end)
        if (mr_hub_wait_fd(a->fd, MR_GONE, mr_after_ms(5)) != -ETIMEDOUT)
            return;
}

static inline void perform(struct actor *a)
{
    char rest[4096];

    if (a->scene->tls && !a->scene->tunnels && !encrypt(a))
        return;
    for (size_t i = 0; i < ANSWERS_MAX && a->scene->answers[i]; i++) {
        const char *text = a->scene->answers[i];
        size_t n = a->scene->n ? a->scene->n : strlen(text);

        if (!a->scene->at_once && !hear(a))
            break;
        (void)!mr_stream_write_all(a->s, text, n, PATIENCE);
        if (i == 0 && a->scene->tunnels && a->scene->tls && !encrypt(a))
            return;
    }
    if (a->scene->resets)
        (void)!mr_socket_set_reset(a->fd);
    if (a->scene->deaf)
        wait_until_left(a);
    else if (a->scene->cuts)
        (void)!mr_sys_shutdown(a->fd, SHUT_RDWR);
    else if (!a->scene->leaves && !a->scene->resets)
        while (mr_stream_read(a->s, rest, sizeof rest, PATIENCE) > 0)
            ;
}

static inline intptr_t act(void *arg)
{
    struct actor a = *(struct actor *)arg;

    free(arg);
    a.s = mr_stream_socket_init(&a.plain, a.fd);
    perform(&a);
    if (a.s)
        mr_stream_close(a.s);
    a.t->closed++;
    return 0;
}

static inline intptr_t usher(void *arg)
{
    struct theatre *t = arg;

    for (size_t i = 0; i < t->n; i++) {
        struct actor *a = calloc(1, sizeof *a);

        if (!a)
            abort();
        a->t = t;
        a->scene = &t->scenes[i];
        a->fd = mr_accept(t->fd, NULL, MR_NEVER);
        if (a->fd < 0) {
            free(a);
            break;
        }
        t->opened++;
        CHECK_OK(mr_group_spawn(&t->group, act, a));
    }
    return 0;
}

static inline void play(struct theatre *t, const struct scene *scenes, size_t n)
{
    t->scenes = scenes;
    t->n = n;
    CHECK_OK(mr_group_spawn(&t->group, usher, t));
}
#define PLAY(...)                                       \
    static const struct scene scenes[] = {__VA_ARGS__}; \
    play(t, scenes, MR_ARRAY_LEN(scenes))

static inline void theatre_open(struct theatre *t,
                                const struct mr_client_options *o)
{
    mr_group_init(&t->group);
    CHECK_EQ_INT(mr_client_new(&t->client, o, t->why), 0);
    CHECK_EQ_INT(mr_addr_parse(&t->at, mr_str("127.0.0.1:0")), 0);
    t->fd = mr_socket_listen(&t->at, NULL);
    CHECK_OK(t->fd >= 0);
    CHECK_EQ_INT(mr_socket_local(t->fd, &t->at), 0);
}

static inline void theatre_close(struct theatre *t)
{
    mr_call_close(t->call);
    CHECK_EQ_INT(
        mr_client_stats(t->client).open - mr_client_stats(t->client).idle, 0);
    mr_client_free(MR_MOVE(t->client)); /* actors look whether it is there */
    CHECK_EQ_INT(t->opened, t->n);
    while (t->closed < t->opened && mr_yield() == 0)
        ;
    mr_fd_close(t->fd);
    mr_group_close(&t->group);
}

/* "http://127.0.0.1:port" and that. */
static inline const char *url_of(struct theatre *t, const char *path)
{
    snprintf(t->url, sizeof t->url, "http://127.0.0.1:%u%s",
             mr_addr_port(&t->at), path);
    return t->url;
}

/* What is left of the call's body: "hello", or "hel!" and an error's name. */
static inline const char *rest_of(struct theatre *t)
{
    size_t n = strlen(t->text);
    ssize_t got;

    while ((got = mr_call_read(t->call, t->text + n, sizeof t->text - 1 - n,
                               PATIENCE)) > 0)
        n += (size_t)got;
    t->text[n] = '\0';
    if (got < 0) {
        snprintf(t->text + n, sizeof t->text - n, "!%s",
                 strerrorname_np((int)-got));
        snprintf(t->why, sizeof t->why, "%s", mr_call_why(t->call));
    }
    return t->text;
}

/* "200 hello", or "!EBADMSG" and the text in t->why. t->call is open. */
static inline const char *call(struct theatre *t,
                               const struct mr_client_request *r)
{
    int rc;

    mr_call_close(t->call);
    t->call = NULL;
    rc = mr_client_call(t->client, r, &t->call, t->why, PATIENCE);
    if (rc) {
        snprintf(t->text, sizeof t->text, "!%s", strerrorname_np(-rc));
        return t->text;
    }
    snprintf(t->text, sizeof t->text, "%d ", mr_call_head(t->call)->status);
    return rest_of(t);
}

static inline const char *get(struct theatre *t, const char *path)
{
    return call(t, &(struct mr_client_request){.url = mr_str(url_of(t, path))});
}

/* Another errand, for a call that was begun when it is: aborts it as soon as
 * "hello" of its body has been read. */
static inline intptr_t abort_after_hello(void *arg)
{
    struct theatre *t = arg;

    t->text[0] = '\0';
    while (!strstr(t->text, "hello"))
        if (mr_yield())
            return 0;
    mr_call_abort(t->call);
    return 0;
}

#define CLIENT(id, ...)                                            \
    static void client_##id(struct theatre *t);                    \
    static intptr_t client_in_hub_##id(void *unused)               \
    {                                                              \
        struct theatre *t = calloc(1, sizeof *t);                  \
                                                                   \
        (void)unused;                                              \
        if (!t)                                                    \
            abort();                                               \
        theatre_open(t, &(struct mr_client_options){__VA_ARGS__}); \
        client_##id(t);                                            \
        mr_sys_fault_clear();                                      \
        theatre_close(t);                                          \
        free(t);                                                   \
        return 0;                                                  \
    }                                                              \
    TEST(id)                                                       \
    {                                                              \
        in_hub_run(client_in_hub_##id);                            \
        mr_offload_fini();                                         \
    }                                                              \
    static void client_##id(struct theatre *t)

#endif
