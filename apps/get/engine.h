/* SPDX-License-Identifier: MIT */
#ifndef APPS_GET_ENGINE_H
#define APPS_GET_ENGINE_H

/*
 * engine.h - many downloads at once: who begins when, and what came of all.
 *
 *     get_engine_init(&engine, &options, report);
 *     outcome = get_engine_run(&engine);
 *
 * Invariants
 *  (1) At most `jobs` connections are used at once, and at most `per_host` of
 *      them for one host. A download has one from its start on; more, for
 *      ranges, only while no other waits for them.
 *  (2) Hosts take turns: one with a thousand files does not keep another's
 *      waiting.
 *  (3) At most GET_READ_AHEAD items are held that have not begun; lists and
 *      globs are read on as these get fewer.
 *  (4) What happens to one download changes no other one.
 */
#include "apps/get/options.h"
#include "apps/get/rate.h"
#include "apps/get/report.h"
#include "apps/get/source.h"
#include "core/group.h"
#include "core/sync.h"
#include "io/checksum.h"

/* So that other hosts are seen behind a thousand files of one. */
#define GET_READ_AHEAD 4096

struct mr_client;
struct get_names;

struct get_host {
    struct mr_list node;    /* in the engine's hosts */
    struct mr_list waiting; /* items that have not begun */
    unsigned active;        /* connections */
    size_t n;               /* of name */
    char name[];            /* scheme, host and port */
};

/* Two numbers in hexadecimal, and what stands between them. */
#define GET_CLAIM_DIR 40

struct get_engine {
    const struct get_options *o;
    struct get_report *report;
    struct mr_client *client;
    struct get_names *names;
    struct get_rate rate;
    struct mr_checksum checksum;   /* if o->checksum */
    int dir;                       /* where files go */
    char dir_claim[GET_CLAIM_DIR]; /* place.c's name of it, or "" */

    struct get_source *source;
    struct mr_group feeding; /* who reads it */
    struct mr_group group;   /* the downloads */
    struct mr_list active;   /* struct get_download, by node */
    struct mr_list hosts;    /* those first have waited longest */
    size_t waiting;          /* items of all hosts */
    unsigned connections;    /* in use */
    struct mr_event changed; /* items have begun */
    bool stopping;           /* an interruption: nothing new begins */

    struct get_tally tally;
    uint64_t came;            /* bytes, of those that have ended, in this run */
    enum get_outcome outcome; /* of those that have ended */
};

/* o and report are kept. */
void get_engine_init(struct get_engine *e, const struct get_options *o,
                     struct get_report *report);
/* Get all that the options ask for. The outcome of all; what went wrong is told
 * by the report. May park. */
enum get_outcome get_engine_run(struct get_engine *e);
/* From another coroutine, before or while it runs: all that is under way ends,
 * keeping what can be gone on with. */
void get_engine_stop(struct get_engine *e);

/* --- for the downloads --- */

/* One connection more to this host, if nobody waits for it. False: none. */
bool get_engine_take_more(struct get_engine *e, struct get_host *host);
/* One less; others may begin now. May park. */
void get_engine_give_back(struct get_engine *e, struct get_host *host);
/* A download has ended. */
void get_engine_count(struct get_engine *e, enum get_outcome outcome,
                      uint64_t bytes, bool kept);

#endif
