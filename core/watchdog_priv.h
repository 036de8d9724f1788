/* SPDX-License-Identifier: MIT */
#ifndef CORE_WATCHDOG_PRIV_H
#define CORE_WATCHDOG_PRIV_H

/*
 * watchdog_priv.h - what the watching thread (watchdog_thread.c) and the signal
 * handler on a watched thread (watchdog.c) share.
 */
#include "core/coro_priv.h"
#include "core/frames.h"

/* The question, and with it the answer, belongs to one side at a time. */
enum mr_watch_state {
    MR_WATCH_QUIET,    /* the watching thread's */
    MR_WATCH_ASKED,    /* the handler's */
    MR_WATCH_ANSWERED, /* the watching thread's again */
};

struct mr_watch_answer {
    bool in_coro; /* else on the thread's own stack */
    uint64_t id;
    uint64_t switches; /* of the hub, then: the same turn still? */
    const char *where; /* static; NULL when not known */
    char name[64];
    struct mr_frames frames;
};

struct mr_watch {
    struct mr_list node; /* in the watching thread's list */
    struct mr_hub *hub;
    pid_t thread;
    int64_t limit;
    int state; /* enum mr_watch_state; atomic */
    struct mr_watch_answer answer;
    /* The watching thread's own: */
    int64_t beat;      /* the turn that it looks at: both the same means */
    uint64_t switches; /* that nobody has given up the thread since */
    int64_t since;     /* when it first saw them */
    int64_t next;      /* when it asks again */
    int64_t asked;     /* when it did */
    unsigned reports;  /* on this turn */
};

#endif
