/* SPDX-License-Identifier: MIT */

/*
 * engine.c - who begins when.
 *
 * The feeder, which is the engine's own coroutine, reads items and puts each
 * into its host's queue. Whenever an item comes or a connection is given back,
 * start() lets begin what may: hosts stand in a ring, and each lets one begin
 * when it is its turn. Nothing here parks but the feeder, and who has to tell
 * that there is no memory.
 */
#include "apps/get/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "apps/get/download.h"
#include "apps/get/setup.h"
#include "core/arena.h"
#include "core/sys.h"
#include "core/timer.h"
#include "http/uri.h"
#include "io/digest.h"
#include "io/fd.h"

#define STATE_TEXT 96

/* --- hosts --- */

static struct get_host *find_host(struct get_engine *e, struct mr_str name)
{
    struct get_host *h;

    MR_LIST_EACH (n, &e->hosts) {
        h = mr_container_of(n, struct get_host, node);
        if (mr_str_eq(mr_str_n(h->name, h->n), name))
            return h;
    }
    h = mr_alloc(sizeof *h + name.n);
    if (!h)
        return NULL;
    mr_list_init(&h->waiting);
    h->active = 0;
    h->n = name.n;
    memcpy(h->name, name.p, name.n);
    mr_list_push_back(&e->hosts, &h->node);
    return h;
}

static void drop_if_idle(struct get_host *h)
{
    if (h->active > 0 || !mr_list_is_empty(&h->waiting))
        return;
    mr_list_remove(&h->node);
    mr_free(h);
}

struct birth {
    struct get_engine *e;
    struct get_host *host;
    struct get_item *item;
};

static intptr_t run(void *arg)
{
    struct birth b = *(struct birth *)arg;

    mr_free(arg);
    get_download_run(b.e, b.host, b.item);
    get_engine_give_back(b.e, b.host);
    return 0;
}

/* The first item of this host begins. -ENOMEM. */
static int begin(struct get_engine *e, struct get_host *h)
{
    struct birth *b = mr_alloc(sizeof *b);

    if (!b)
        return -ENOMEM;
    *b = (struct birth){
        e, h, mr_container_of(h->waiting.next, struct get_item, node)};
    if (!mr_spawn_with(run, b,
                       &(struct mr_spawn_options){.name = "download",
                                                  .entry = "run",
                                                  .where = MR_HERE,
                                                  .group = &e->group,
                                                  .reap = true})) {
        mr_free(b);
        return -ENOMEM;
    }
    mr_list_remove(&b->item->node);
    e->waiting--;
    e->connections++;
    h->active++;
    return 0;
}

static void refuse(struct get_engine *e, struct get_item *item,
                   enum get_outcome outcome, const char *why)
{
    struct get_about a = {item ? item->id : 0, item ? item->urls[0] : NULL,
                          NULL};

    get_report_error(e->report, &a, outcome, why, false);
    get_engine_count(e, outcome, 0, false);
    mr_free(item);
}

/* The host's first item is not to begin. */
static struct get_item *take_out(struct get_engine *e, struct get_host *h)
{
    struct mr_list *node = mr_list_pop_front(&h->waiting);

    e->waiting--;
    drop_if_idle(h);
    return mr_container_of(node, struct get_item, node);
}

/* Out of memory with others under way: it goes on when one ends. With none
 * there is nothing to wait for: the item that cannot begin, else NULL. */
static struct get_item *start_some(struct get_engine *e)
{
    bool any = true;

    while (any && !e->stopping) {
        any = false;
        MR_LIST_EACH_SAFE (n, &e->hosts) {
            struct get_host *h = mr_container_of(n, struct get_host, node);

            if (e->connections >= e->o->jobs)
                break;
            if (mr_list_is_empty(&h->waiting) || h->active >= e->o->per_host)
                continue;
            if (begin(e, h) != 0)
                return e->connections > 0 ? NULL : take_out(e, h);
            any = true;
            /* Behind the others: it is their turn. */
            mr_list_remove(&h->node);
            mr_list_push_back(&e->hosts, &h->node);
        }
    }
    return NULL;
}

/* Let begin what may. Parks only with what cannot: others may come and go
 * meanwhile, hosts too. */
static void start(struct get_engine *e)
{
    struct get_item *stuck;

    while ((stuck = start_some(e)))
        refuse(e, stuck, GET_OTHER, "out of memory");
    mr_event_set(&e->changed);
}

bool get_engine_take_more(struct get_engine *e, struct get_host *host)
{
    if (e->waiting > 0 || e->stopping || e->connections >= e->o->jobs ||
        host->active >= e->o->per_host)
        return false;
    e->connections++;
    host->active++;
    return true;
}

void get_engine_give_back(struct get_engine *e, struct get_host *host)
{
    e->connections--;
    host->active--;
    drop_if_idle(host);
    start(e);
}

void get_engine_count(struct get_engine *e, enum get_outcome outcome,
                      uint64_t bytes, bool kept)
{
    if (outcome == GET_OK) {
        e->tally.done++;
        e->tally.bytes += bytes;
    } else {
        e->tally.failed++;
    }
    e->tally.kept |= kept;
    e->outcome = get_outcome_add(e->outcome, outcome);
}

/* --- the feeder --- */

/* All its URLs are URLs. The first one's origin, in the arena. */
static int check_item(struct mr_arena *arena, struct get_item *item,
                      struct mr_str *ret_origin, char *why, size_t size)
{
    const char *reason;
    struct mr_uri u;

    for (size_t i = item->n_urls; i-- > 0;) {
        int rc = mr_uri_guess(arena, mr_str(item->urls[i]), &u, &reason);

        if (rc) {
            snprintf(why, size, "%.300s: %s", item->urls[i], reason);
            return rc;
        }
    }
    *ret_origin = mr_str(mr_arena_printf(arena, "%.*s://%.*s", MR_STR(u.scheme),
                                         MR_STR(u.authority)));
    return ret_origin->p ? 0 : -ENOMEM;
}

static void enqueue(struct get_engine *e, struct get_item *item)
{
    char why[GET_SOURCE_WHY] = "out of memory";
    struct get_host *host = NULL;
    struct mr_str origin;
    struct mr_arena arena;
    int rc;

    mr_arena_init(&arena, 1024);
    rc = check_item(&arena, item, &origin, why, sizeof why);
    if (rc == 0)
        host = find_host(e, origin);
    mr_arena_fini(&arena);
    if (!host) {
        refuse(e, item, rc == 0 || rc == -ENOMEM ? GET_OTHER : GET_USAGE, why);
        return;
    }
    mr_list_push_back(&host->waiting, &item->node);
    e->waiting++;
    start(e);
}

static enum get_outcome outcome_of_source(int rc)
{
    return rc == -EINVAL ? GET_USAGE : rc == -ENOMEM ? GET_OTHER : GET_FILE;
}

/* Read all there is, as it is wanted. */
static intptr_t feed(void *arg)
{
    struct get_engine *e = arg;
    char why[GET_SOURCE_WHY];
    struct get_item *item;
    int rc;

    while (!e->stopping && (rc = get_source_next(e->source, &item, why)) != 0) {
        if (rc == -ECANCELED)
            return 0;
        if (rc < 0)
            refuse(e, NULL, outcome_of_source(rc), why);
        else
            enqueue(e, item);
        while (e->waiting >= GET_READ_AHEAD && !e->stopping) {
            mr_event_clear(&e->changed);
            if (mr_event_wait(&e->changed, MR_NEVER) != 0)
                return 0;
        }
    }
    return 0;
}

/* What has not begun never will. */
static void drop_waiting(struct get_engine *e)
{
    MR_LIST_EACH_SAFE (n, &e->hosts) {
        struct get_host *h = mr_container_of(n, struct get_host, node);
        struct mr_list *i;

        while ((i = mr_list_pop_front(&h->waiting)))
            mr_free(mr_container_of(i, struct get_item, node));
        drop_if_idle(h);
    }
    e->waiting = 0;
}

void get_engine_stop(struct get_engine *e)
{
    e->stopping = true;
    e->outcome = GET_INTERRUPTED;
    mr_group_cancel(&e->feeding);
    mr_group_cancel(&e->group);
    mr_event_set(&e->changed);
}

/* --- what is shown meanwhile --- */

/* The line for all: how many are done, and of how much. */
static void sum_up(struct get_engine *e, struct get_bar *total, char *text,
                   size_t size, bool all_known, size_t active)
{
    uint64_t ended = e->tally.done + e->tally.failed;

    snprintf(text, size, "all: %llu of %llu", (unsigned long long)ended,
             (unsigned long long)(ended + e->waiting + active));
    total->name = text;
    if (!all_known || e->waiting > 0)
        total->size = -1;
}

/* Room for what is shown: grows, and is freed at the end. */
struct picture {
    struct get_meter all;
    struct get_bar *bars;
    char (*states)[STATE_TEXT];
    size_t room;
};

static bool make_room(struct picture *p, size_t n)
{
    struct get_bar *bars;
    char(*states)[STATE_TEXT];

    if (n <= p->room)
        return true;
    bars = mr_realloc(p->bars, n * sizeof *bars);
    if (!bars)
        return false;
    p->bars = bars;
    states = mr_realloc(p->states, n * sizeof *states);
    if (!states)
        return false;
    p->states = states;
    p->room = n;
    return true;
}

static void show(struct get_engine *e, struct picture *p)
{
    struct get_bar total = {0};
    int64_t now = mr_now();
    uint64_t came = e->came;
    size_t n = 0, active = 0;
    bool known = true;
    char text[64];

    MR_LIST_EACH (node, &e->active)
        active++;
    if (!make_room(p, active))
        return; /* the next one, perhaps */
    total.have = e->tally.bytes;
    total.size = (int64_t)e->tally.bytes;
    MR_LIST_EACH (node, &e->active) {
        struct get_download *d =
            mr_container_of(node, struct get_download, node);
        struct get_bar *b = &p->bars[n];

        *b = get_download_bar(d, p->states[n], STATE_TEXT, now);
        came += d->came;
        total.have += b->have;
        total.size += MR_MAX(b->size, 0);
        known &= b->size >= 0;
        n++;
    }
    sum_up(e, &total, text, sizeof text, known, active);
    get_meter_sample(&p->all, came, now); /* not what was there already */
    total.speed = p->all.speed;
    get_report_show(e->report, p->bars, n, &total);
}

static void tell(struct get_engine *e)
{
    char state[STATE_TEXT];
    int64_t now = mr_now();

    MR_LIST_EACH (node, &e->active) {
        struct get_download *d =
            mr_container_of(node, struct get_download, node);
        struct get_bar b = get_download_bar(d, state, sizeof state, now);

        if (!b.state)
            get_report_progress(e->report, &d->about, &b);
    }
}

static intptr_t watch(void *arg)
{
    struct get_engine *e = arg;
    struct picture p = {0};

    while (mr_sleep(mr_after(get_report_interval(e->report))) == 0) {
        if (get_report_is_live(e->report))
            show(e, &p);
        else
            tell(e);
    }
    mr_free(p.bars);
    mr_free(p.states);
    return 0;
}

/* --- all of it --- */

static int open_dir(struct get_engine *e)
{
    const char *path = e->o->dir ? e->o->dir : ".";
    char why[GET_SOURCE_WHY];

    e->dir =
        mr_sys_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (e->dir >= 0)
        return 0;
    snprintf(why, sizeof why, "%.300s: %s", path, strerror(-e->dir));
    refuse(e, NULL, GET_FILE, why);
    return e->dir;
}

static int check_sum(struct get_engine *e)
{
    char why[MR_CLIENT_WHY];
    int rc;

    if (!e->o->checksum)
        return 0;
    rc = get_setup_checksum(&e->checksum, e->o->checksum, why);
    if (rc) {
        refuse(e, NULL, rc == -ENOMEM ? GET_OTHER : GET_USAGE, why);
        return rc;
    }
    if (mr_digest_is_weak(e->checksum.kind))
        get_report_note(e->report, NULL,
                        "--checksum: sha1 and md5 tell damage, but not "
                        "forgery; sha256 does");
    return 0;
}

static void work(struct get_engine *e)
{
    struct mr_coro *watcher = NULL;
    char why[GET_SOURCE_WHY];
    int rc;

    rc = get_source_open(&e->source, e->o, why);
    if (rc) {
        refuse(e, NULL, outcome_of_source(rc), why);
        return;
    }
    if (get_report_interval(e->report) > 0)
        watcher = mr_spawn(watch, e);
    if (!mr_group_spawn(&e->feeding, feed, e))
        refuse(e, NULL, GET_OTHER, "out of memory");
    if (mr_group_wait(&e->feeding, MR_NEVER) != 0)
        get_engine_stop(e);
    mr_group_close(&e->feeding);
    while (e->waiting > 0 && !e->stopping) {
        mr_event_clear(&e->changed);
        if (mr_event_wait(&e->changed, MR_NEVER) != 0)
            get_engine_stop(e);
    }
    if (mr_group_wait(&e->group, MR_NEVER) != 0)
        get_engine_stop(e);
    mr_group_close(&e->group);
    drop_waiting(e);
    if (watcher)
        mr_cancel(watcher);
    get_source_close(e->source);
}

void get_engine_init(struct get_engine *e, const struct get_options *o,
                     struct get_report *report)
{
    *e = (struct get_engine){.o = o, .report = report, .dir = -1};
    mr_group_init(&e->group);
    mr_group_init(&e->feeding);
    mr_list_init(&e->active);
    mr_list_init(&e->hosts);
    mr_event_init(&e->changed);
    get_rate_init(&e->rate, o->rate);
}

enum get_outcome get_engine_run(struct get_engine *e)
{
    char why[MR_CLIENT_WHY];
    struct get_setup setup;
    enum get_outcome rc;

    if (open_dir(e) != 0 || check_sum(e) != 0)
        goto out;
    if (get_names_new(&e->names) != 0) {
        refuse(e, NULL, GET_OTHER, "out of memory");
        goto out;
    }
    rc = get_setup_open(&setup, e->o, e->report, why);
    if (rc != GET_OK) {
        refuse(e, NULL, rc, why);
        goto out;
    }
    e->client = setup.client;
    work(e);
    rc = get_setup_close(&setup, e->o, why);
    if (rc != GET_OK)
        refuse(e, NULL, rc, why);
out:
    get_names_free(e->names);
    if (e->dir >= 0)
        mr_fd_close(e->dir);
    return e->outcome;
}
