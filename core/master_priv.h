/* SPDX-License-Identifier: MIT */
#ifndef CORE_MASTER_PRIV_H
#define CORE_MASTER_PRIV_H

/*
 * master_priv.h - what the two halves of the master share.
 *
 * master.c prepares: plan, log, board, sockets. supervise.c lives: workers and
 * the loop.
 */
#include "core/master.h"

/* Owner of a socket that all workers accept from. */
#define MR_MASTER_ALL UINT32_MAX

/* One listening socket. It belongs to a place, not to a process: whoever works
 * there serves it. */
struct mr_master_socket {
    const struct mr_listener *spec;
    int fd;
    unsigned owner; /* the place's index, or MR_MASTER_ALL */
};

/*
 * A place for a worker, and who has it.
 *
 *                 [start_worker]           [hear: READY]
 *       WAITING ----------------> STARTING ------------> RUNNING
 *          ^ ^                       |                   |     ^
 *          | |        [bury]         |     [watch_place] |     | [watch_held]
 *          | '-----------------------'                   v     | its beat moved
 *          |              [bury]                          HELD
 *          '------------------- KILLED <-------------------'
 *                                                [watch_held]
 *
 * A process may end in any state; when the master leaves, bury makes it GONE.
 */
enum mr_place_state {
    MR_PLACE_WAITING,  /* for `due`, when the next process is started */
    MR_PLACE_STARTING, /* forked; not ready yet */
    MR_PLACE_RUNNING,  /* was ready */
    MR_PLACE_HELD,     /* was asked for a report; killed at `due` */
    MR_PLACE_KILLED,   /* SIGKILL is sent */
    MR_PLACE_GONE,     /* nobody, and nobody will be */
};

struct mr_place {
    enum mr_place_state state;
    unsigned generation; /* processes that were started here */
    pid_t pid;           /* 0: nobody */
    int channel;         /* -1: none */
    bool was_ready;
    int64_t born;
    int64_t due;
    int64_t backoff; /* the last one; 0 after a steady life */
    uint64_t beat;   /* as it was when it was asked */
};

enum mr_master_phase {
    MR_MASTER_SERVING,
    MR_MASTER_DRAINING, /* until kill_at */
    MR_MASTER_KILLING,
};

struct mr_master {
    struct mr_master_options o; /* with the defaults filled in */
    struct mr_plan plan;        /* workers is a number: auto is resolved */
    struct mr_scoreboard *board;
    struct mr_master_socket *sockets;
    size_t socket_count;
    struct mr_place *places;
    struct pollfd *polls; /* signals, then one per place */
    int signals;
    enum mr_master_phase phase;
    int64_t kill_at;
    int64_t drained_at; /* when it was told to drain, and by which signal */
    int drained_by;
    bool was_up;      /* every first process was ready */
    bool child_ended; /* SIGCHLD came */
    int status;       /* to leave with */
};

/* One line to the operator, on standard error and in the log. */
void mr_master_complain(const struct mr_master_options *o, const char *fmt, ...)
    MR_PRINTF(2, 3);

/* Workers and loop, until the end; everything is prepared. The exit status. */
int mr_master_supervise(struct mr_master *m);

#endif
