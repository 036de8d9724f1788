/* SPDX-License-Identifier: MIT */

/*
 * tls_session.c - what servers gave a client to be greeted with next time.
 *
 * One list, the newest first; it is walked, as looking through a few hundred
 * names costs nothing beside a handshake.
 *
 *  (1) A session is in the list once, and counted by OpenSSL once for it.
 *  (2) An origin has at most PER_ORIGIN of them: a server that sends many
 *      pushes out its own, not others'.
 */
#include "core/list.h"
#include "core/sys.h"
#include "io/tls_priv.h"

/* TLS 1.3 uses a session once, and servers send two for each connection: for
 * so many that begin at once. */
#define PER_ORIGIN 8

struct kept {
    struct mr_list node;
    SSL_SESSION *session;
    uint64_t context;
    char origin[];
};

struct mr_tls_sessions {
    struct mr_list all; /* newest first */
    size_t n;
    size_t max;
};

static struct kept *kept_of(struct mr_list *l)
{
    return mr_container_of(l, struct kept, node);
}

static void drop(struct mr_tls_sessions *s, struct kept *k)
{
    mr_list_remove(&k->node);
    s->n--;
    SSL_SESSION_free(k->session);
    mr_free(k);
}

struct mr_tls_sessions *mr_tls_sessions_new(size_t max)
{
    struct mr_tls_sessions *s = mr_calloc(1, sizeof *s);

    if (!s)
        return NULL;
    mr_list_init(&s->all);
    s->max = max;
    return s;
}

void mr_tls_sessions_free(struct mr_tls_sessions *s)
{
    if (!s)
        return;
    while (!mr_list_is_empty(&s->all))
        drop(s, kept_of(s->all.next));
    mr_free(s);
}

static bool is_for(const struct kept *k, uint64_t context, const char *origin)
{
    return k->context == context && strcmp(k->origin, origin) == 0;
}

static bool is_stale(const SSL_SESSION *session)
{
    int64_t until = (int64_t)SSL_SESSION_get_time(session) +
                    SSL_SESSION_get_timeout(session);

    return !SSL_SESSION_is_resumable(session) ||
           mr_sys_realtime() / 1000000000 >= until;
}

SSL_SESSION *mr_tls_sessions_get(struct mr_tls_sessions *s, uint64_t context,
                                 const char *origin)
{
    struct mr_list *l = s->all.next;

    while (l != &s->all) {
        struct kept *k = kept_of(l);
        SSL_SESSION *session = k->session;

        l = l->next;
        if (!is_for(k, context, origin))
            continue;
        if (is_stale(session)) {
            drop(s, k);
            continue;
        }
        (void)SSL_SESSION_up_ref(session); /* cannot fail */
        if (SSL_SESSION_get_protocol_version(session) == TLS1_3_VERSION)
            drop(s, k);
        return session;
    }
    return NULL;
}

/* Invariant 2, and the bound. */
static void make_room(struct mr_tls_sessions *s, uint64_t context,
                      const char *origin)
{
    struct mr_list *l = s->all.next;
    size_t of_origin = 0;

    while (l != &s->all) {
        struct kept *k = kept_of(l);

        l = l->next;
        if (is_for(k, context, origin) && ++of_origin >= PER_ORIGIN)
            drop(s, k);
    }
    while (s->n > 0 && s->n >= s->max)
        drop(s, kept_of(s->all.prev));
}

void mr_tls_sessions_put(struct mr_tls_sessions *s, uint64_t context,
                         const char *origin, SSL_SESSION *session)
{
    size_t n = strlen(origin);
    struct kept *k = s->max ? mr_alloc(sizeof *k + n + 1) : NULL;

    if (!k) {
        SSL_SESSION_free(session);
        return;
    }
    make_room(s, context, origin);
    *k = (struct kept){.session = session, .context = context};
    memcpy(k->origin, origin, n + 1);
    mr_list_push_front(&s->all, &k->node);
    s->n++;
}
