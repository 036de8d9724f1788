/* SPDX-License-Identifier: MIT */

/*
 * pull.c - the body of an answer into its place in the file, and helpers that
 * fetch other pieces at the same time.
 *
 * When a helper is worth it: told `-x N`, whenever some lane has two MiB left.
 * Untold, when the rest would take five seconds more at the speed of the last
 * two, and the helper before it made that a tenth faster: a server that is at
 * its limit, or a line that is full, is left alone.
 */
#include <errno.h>
#include <stdio.h>

#include "apps/get/download.h"
#include "core/hub.h"
#include "core/timer.h"

#define WATCH_NS INT64_C(2000000000)
#define WORTH_S 5

/* A lane and who fetches it. On its coroutine's stack. */
struct puller {
    struct mr_list node; /* in the download's lanes */
    struct get_lane *lane;
};

static int64_t size_of(struct get_range r)
{
    return r.to - r.from;
}

/* The lane that has most left; NULL: none has two shares of the least. */
static struct puller *find_victim(struct get_download *d)
{
    int64_t most = 2 * GET_SPLIT_MIN - 1;
    struct puller *found = NULL;

    MR_LIST_EACH (n, &d->lanes) {
        struct puller *p = mr_container_of(n, struct puller, node);
        struct get_range rest = get_lane_rest(p->lane);

        if (rest.to >= 0 && size_of(rest) > most) {
            most = size_of(rest);
            found = p;
        }
    }
    return found;
}

bool get_next_piece(struct get_download *d, struct get_range *ret)
{
    struct puller *victim;
    struct get_range rest;

    if (d->asker || d->length < 0)
        return false;
    if (get_part_gap(d->part, 0, ret))
        return true;
    if (!get_can_range(d))
        return false;
    victim = find_victim(d);
    if (!victim)
        return false;
    rest = get_lane_rest(victim->lane);
    *ret = (struct get_range){rest.from + size_of(rest) / 2, rest.to};
    return true;
}

bool get_make_way(struct get_download *d, int64_t from, int64_t to)
{
    struct get_range gap;

    MR_LIST_EACH (n, &d->lanes) {
        struct puller *p = mr_container_of(n, struct puller, node);
        struct get_range rest = get_lane_rest(p->lane);

        if (rest.from <= from && from < rest.to)
            return to <= rest.to && get_lane_cut(p->lane, from) == 0;
    }
    return get_part_gap(d->part, from, &gap) && gap.from == from &&
           to <= gap.to;
}

/* --- helpers --- */

/* One request and what comes of it. False: this helper has done its work. */
static bool help_once(struct get_download *d)
{
    struct get_mirror *m = get_pick_mirror(d, true);
    struct get_failure f;
    struct get_answer a;
    struct get_call c;
    struct get_range piece;
    bool good;
    int rc;

    if (!m || !get_next_piece(d, &piece))
        return false;
    d->asker = &piece;
    m->lanes++;
    rc = get_ask(d, m, piece.from, piece.to, &c, &a, &f);
    good = rc == 0 && a.kind == GET_ANSWER_PART && get_is_same(d, &a);
    if (good && get_make_way(d, a.from, MR_MIN(a.to, piece.to))) {
        rc = get_pull(d, m, c.call, a.from, MR_MIN(a.to, piece.to), &f);
    } else if (good) { /* somebody was quicker: look again */
        d->asker = NULL;
    } else {
        d->asker = NULL;
        /* No ranges, or not this file: then it is no help, but no harm. */
        m->whole_only |= rc == 0;
        rc = -EAGAIN;
    }
    get_hang_up(&c);
    m->lanes--;
    mr_event_set(&d->lane_ended);
    return rc == 0;
}

static intptr_t help(void *arg)
{
    struct get_download *d = arg;

    while (help_once(d))
        continue;
    d->n_lanes--;
    get_engine_give_back(d->e, d->host);
    mr_event_set(&d->lane_ended);
    return 0;
}

/* Would one more be faster? By what came in the last two seconds. */
static bool is_worth_it(struct get_download *d)
{
    int64_t now = mr_hub_now(), passed = now - d->split_at;
    uint64_t speed;

    if (d->e->rate.per_second > 0 || passed < WATCH_NS)
        return false;
    speed =
        (uint64_t)((double)(d->came - d->came_at_split) * 1e9 / (double)passed);
    d->no_split = d->split_speed > 0 && speed < d->split_speed / 10 * 11;
    d->split_speed = speed;
    d->split_at = now;
    d->came_at_split = d->came;
    return !d->no_split && get_time_left((uint64_t)get_part_have(d->part),
                                         d->length, speed) > WORTH_S;
}

static void maybe_help(struct get_download *d)
{
    unsigned most = d->e->o->split ? d->e->o->split : GET_SPLIT_AUTO;

    if (d->no_split || d->asker || d->length < 2 * GET_SPLIT_MIN ||
        d->n_lanes + 1 >= most || !get_can_range(d) || d->e->stopping)
        return;
    if (!d->e->o->split && !is_worth_it(d))
        return;
    if (!get_pick_mirror(d, true) || !find_victim(d) ||
        !get_engine_take_more(d->e, d->host))
        return;
    d->n_lanes++;
    if (mr_spawn_with(help, d,
                      &(struct mr_spawn_options){.name = "helper",
                                                 .entry = "help",
                                                 .where = MR_HERE,
                                                 .group = &d->helpers,
                                                 .reap = true}))
        return;
    d->n_lanes--; /* out of memory: go on alone */
    d->no_split = true;
    get_engine_give_back(d->e, d->host);
}

void get_end_helpers(struct get_download *d)
{
    mr_group_close(&d->helpers);
    /* Those that never ran gave nothing back. */
    while (d->n_lanes > 0) {
        d->n_lanes--;
        get_engine_give_back(d->e, d->host);
    }
    d->asker = NULL;
}

/* --- a body --- */

static int from_net(struct get_download *d, const struct mr_call *call, int err,
                    struct get_failure *f)
{
    snprintf(d->why, sizeof d->why, "%s", mr_call_why(call));
    *f = (struct get_failure){.outcome = get_outcome_of_error(err),
                              .again = get_is_worth_a_retry(err, 0),
                              .retry_after_ms = -1};
    return err;
}

static int from_file(struct get_download *d, int err, struct get_failure *f)
{
    snprintf(d->why, sizeof d->why, "%s: it cannot be written: %s", d->name,
             strerror(-err));
    *f = (struct get_failure){.outcome = err == -ECANCELED ? GET_INTERRUPTED
                                                           : GET_FILE,
                              .file = true,
                              .retry_after_ms = -1};
    return err;
}

/* The piece is full: is that where the body ends? Else what said how long it
 * is was wrong. */
static int check_end(struct get_download *d, const struct get_mirror *m,
                     struct mr_call *call, struct get_failure *f)
{
    char byte;
    ssize_t n = mr_call_read(call, &byte, 1, d->deadline);

    if (n <= 0)
        return 0;
    get_set_why(d, m->url, "more came than was announced");
    *f = (struct get_failure){.outcome = GET_PROTOCOL, .retry_after_ms = -1};
    return -EBADMSG;
}

/* Until the lane is full, the body ends, or something fails: then *ret_end says
 * whether the body ended. */
static int pull_all(struct get_download *d, struct puller *p,
                    struct mr_call *call, bool *ret_end, struct get_failure *f)
{
    struct get_rate *rate = &d->e->rate;

    *ret_end = false;
    for (;;) {
        ssize_t room, n;
        char *at = get_lane_room(p->lane, &room);
        int rc;

        if (room <= 0 || !at)
            return room < 0 ? from_file(d, (int)room, f) : 0;
        if (rate->per_second > 0)
            room = (ssize_t)MR_MIN((size_t)room, get_rate_piece(rate));
        n = mr_call_read(call, at, (size_t)room, d->deadline);
        if (n < 0)
            return from_net(d, call, (int)n, f);
        if (n == 0) {
            *ret_end = true;
            return 0;
        }
        rc = get_lane_commit(p->lane, (size_t)n);
        if (rc)
            return from_file(d, rc, f);
        d->came += (size_t)n;
        if (rate->per_second > 0) {
            rc = get_rate_take(rate, (size_t)n, d->deadline);
            if (rc)
                return from_net(d, call, rc, f);
        }
        maybe_help(d);
    }
}

int get_pull(struct get_download *d, struct get_mirror *m, struct mr_call *call,
             int64_t from, int64_t to, struct get_failure *ret_f)
{
    struct puller p;
    int64_t left;
    struct get_range rest;
    bool end, uncut;
    int rc, closed;

    mr_list_init(&p.node);
    rc = get_lane_open(&p.lane, d->part, from, to);
    d->asker = NULL; /* it was the caller, if anybody */
    mr_event_set(&d->lane_ended);
    if (rc)
        return from_file(d, rc, ret_f);
    mr_list_push_back(&d->lanes, &p.node);
    d->state = GET_RECEIVING;
    if (d->split_at == 0)
        d->split_at = mr_hub_now();
    rc = pull_all(d, &p, call, &end, ret_f);
    rest = get_lane_rest(p.lane);
    left = to < 0 ? 0 : size_of(rest);
    uncut = rest.to == to;
    mr_list_remove(&p.node);
    closed = get_lane_close(p.lane, rc == 0 && end);
    if (rc)
        return rc;
    if (closed)
        return from_file(d, closed, ret_f);
    if (end && left > 0) {
        get_set_why(d, m->url, "the answer ended too early");
        *ret_f = (struct get_failure){
            .outcome = GET_NETWORK, .again = true, .retry_after_ms = -1};
        return -ENODATA;
    }
    m->fails = 0;
    return uncut && !end && to >= 0 ? check_end(d, m, call, ret_f) : 0;
}
