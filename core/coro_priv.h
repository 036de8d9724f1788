/* SPDX-License-Identifier: MIT */
#ifndef CORE_CORO_PRIV_H
#define CORE_CORO_PRIV_H

/*
 * coro_priv.h - what coro.c, generator.c, greenlet.c, errand.c, wait.c,
 * timer.c, group.c and hub.c know of each other. Not for other directories.
 *
 * over budget: the inline functions are what every switch runs through.
 */
#include <errno.h>

#include "core/coro.h"
#include "core/greenlet.h"
#include "core/group.h"
#include "core/stack.h"
#include "core/timer.h"
#include "core/wait.h"

/* What a park waits on: on the parker's stack, or the errand's own. */
struct mr_wait_set {
    struct mr_errand *errand;
    struct mr_wait_entry *entries;
    size_t n;
    int fired;             /* index, or -ETIMEDOUT, -ECANCELED */
    bool by_scope;         /* `at` is a scope's, not its own deadline */
    int64_t at;            /* when it times out */
    struct mr_timer timer; /* started when `at` is not MR_NEVER */
};

enum mr_errand_state {
    MR_ERRAND_READY,   /* in the run queue */
    MR_ERRAND_RUNNING, /* its innermost coroutine owns the thread */
    MR_ERRAND_PARKED,  /* `set` is what it waits on */
    MR_ERRAND_DONE,    /* `result` is valid */
};

/* What a switch touches comes first, and fills one cache line, in both structs:
 * a ring of a thousand coroutines goes through four lines of each. */
#define MR_CACHE_LINE 64

enum {
    MR_AT_END_LOCALS = 1,
    MR_AT_END_LINKS = 2,
    MR_AT_END_TEAM = 4, /* its group is a team's */
};

/* The schedulable unit; valid in the root coroutine only. */
struct mr_errand {
    struct mr_coro *inner;  /* resumed when the errand is */
    struct mr_errand *next; /* in the run queue */
    struct mr_hub *hub;
    struct mr_scope *scope;  /* innermost deadline scope, or NULL */
    struct mr_wait_set *set; /* while PARKED; NULL: `entry` alone, untimed */
    const char *why;         /* static; "" while not waiting */
    intptr_t value;          /* what its park or yield returns: while READY */
    uint32_t refs;           /* owner, mr_coro_ref */
    uint16_t shields;
    uint8_t state;  /* enum mr_errand_state */
    bool cancelled; /* sticky */
    /* --- another line: of a wait in one queue --- */
    struct mr_wait_entry entry;
    struct mr_errand *const *waits_for; /* names who must end it: cycle.c */
    int64_t since;                      /* when it parked, by the hub's clock */
    /* --- another line: of one with a deadline --- */
    struct mr_wait_set one; /* of `entry` */
    /* --- other lines: birth and death --- */
    struct mr_group *group; /* its parent's, or NULL (the hub's first) */
    struct mr_list member;  /* in group->members */
    struct mr_list all;     /* in the hub's list */
    struct mr_waitq joiners;
    struct mr_group children; /* what mr_spawn starts in it */
    intptr_t result;
    bool reap;      /* nobody joins: freed when done */
    bool taken;     /* a join took the owner's reference */
    uint8_t at_end; /* MR_AT_END_x: what else its end has to do */
} __attribute__((aligned(MR_CACHE_LINE)));

struct mr_coro {
    void *sp;                     /* while not running */
    struct mr_errand *errand;     /* on whose behalf it runs, ran last */
    struct mr_coro *resumer;      /* who gets the thread back; NULL in a root */
    struct mr_thread_state *home; /* whose it is; NULL in a stand-in */
    intptr_t *out; /* where its next value goes: the resumer's, or unwanted */
    struct mr_switch_tool *tool;
    struct mr_stack *stack; /* NULL: a thread's own */
    uint8_t state;          /* enum mr_coro_state; of a root: see errand */
    bool is_root;
    /* --- another line --- */
    mr_coro_fn *fn;
    void *arg;
    const char *name;
    const char *entry;
    const char *where; /* it was made; NULL when nobody said */
    uint64_t id;
    intptr_t unwanted;      /* see out */
    struct mr_coro *parent; /* a greenlet's: where its end lands, or NULL */
    struct mr_list by_hand; /* in the thread's list, of one that is no root */
    /* Of a root, and written only if its errand's at_end says so: */
    struct mr_local_value *locals; /* local.c */
    struct mr_list links;          /* link.c */
    struct mr_errand own[]; /* one in a root and in a thread's stand-in */
} __attribute__((aligned(MR_CACHE_LINE)));

_Static_assert(sizeof(struct mr_coro) + sizeof(struct mr_errand) <=
                   MR_STACK_BLOCK,
               "the control block has its place on the top page");

struct mr_thread_state {
    struct mr_coro *current; /* NULL until the thread's first use */
    struct mr_hub *hub;
    uint64_t last_id;
    struct mr_list by_hand;      /* coroutines that are no roots */
    mr_greenlet_trace_fn *trace; /* of switches between greenlets, or NULL */
    void *trace_arg;
};
/* initial-exec: one instruction to reach, also from libmillrace.so. Cached
 * addresses of it stay right, as no coroutine changes its thread. */
extern _Thread_local struct mr_thread_state mr_thread
    __attribute__((tls_model("initial-exec")));

/* --- coro.c --- */

/* The stand-in for the thread's own stack; made at the first call. */
struct mr_coro *mr_coro_thread(void);
static inline struct mr_coro *mr_coro_current(void)
{
    struct mr_coro *co = mr_thread.current;

    return MR_LIKELY(co != NULL) ? co : mr_coro_thread();
}
/*
 * Give the thread to `to`, which must be able to go on; returns what whoever
 * gives it to `from` again passes as value. Callers have it as their last act,
 * so that it is compiled to a jump: a return over a switch goes somewhere else
 * than the processor predicts, and costs more (8 ns) than all the rest.
 */
#ifdef MR_SWITCH_TOOLS
static inline intptr_t mr_coro_switch(struct mr_coro *from, struct mr_coro *to,
                                      intptr_t value)
{
    void *got;

    mr_thread.current = to;
    mr_switch_tool_leave(from->tool, to->tool, false);
    got = mr_switch(&from->sp, to->sp, (void *)value);
    mr_switch_tool_enter(from->tool);
    return (intptr_t)got;
}
static inline int mr_coro_switch_int(struct mr_coro *from, struct mr_coro *to,
                                     intptr_t value)
{
    return (int)mr_coro_switch(from, to, value);
}
static inline int mr_coro_switch_keep(struct mr_coro *from, struct mr_coro *to,
                                      intptr_t value)
{
    int got;

    mr_thread.current = to;
    mr_switch_tool_leave(from->tool, to->tool, false);
    got = mr_switch_keep(&from->sp, to->sp, (void *)value);
    mr_switch_tool_enter(from->tool);
    return got;
}
#else
static inline intptr_t mr_coro_switch(struct mr_coro *from, struct mr_coro *to,
                                      intptr_t value)
{
    mr_thread.current = to;
    return (intptr_t)mr_switch(&from->sp, to->sp, (void *)value);
}
static inline int mr_coro_switch_int(struct mr_coro *from, struct mr_coro *to,
                                     intptr_t value)
{
    mr_thread.current = to;
    return mr_switch_int(&from->sp, to->sp, (void *)value);
}
/* Floating-point control words stay as they are. */
static inline int mr_coro_switch_keep(struct mr_coro *from, struct mr_coro *to,
                                      intptr_t value)
{
    mr_thread.current = to;
    return mr_switch_keep(&from->sp, to->sp, (void *)value);
}
#endif
/* The same from one that is DONE and never comes back. */
static inline MR_NORETURN void
mr_coro_leave_with(struct mr_coro *from, struct mr_coro *to, intptr_t value)
{
    mr_thread.current = to;
    mr_switch_tool_leave(from->tool, to->tool, true);
    mr_switch_leave(to->sp, (void *)value);
}
/* From one to which mr_coro_switch_keep came. */
static inline MR_NORETURN void
mr_coro_leave_keep(struct mr_coro *from, struct mr_coro *to, intptr_t value)
{
    mr_thread.current = to;
    mr_switch_tool_leave(from->tool, to->tool, true);
    mr_switch_keep_leave(to->sp, (void *)value);
}
/* The first call in a coroutine resumed by hand, and in a root. */
MR_NORETURN void mr_coro_main(void *unused);
MR_NORETURN void mr_errand_main(void *unused);
/*
 * Blocks keep between two uses what is the same in each (mr_stack.kept): what
 * every use leaves as it was, and in one that was a root last what only others
 * change. So a birth writes the rest alone.
 */
enum { MR_KEPT_NOTHING, MR_KEPT_BY_HAND, MR_KEPT_ROOT };
void mr_coro_block_init(struct mr_coro *co, struct mr_stack *st);
void mr_coro_root_init(struct mr_coro *co, struct mr_stack *st);
/*
 * A coroutine in a stack of its own, NEW, that is resumed by hand; name, entry,
 * where and a list to be in are the caller's to fill in. 0, -ENOMEM, -EINVAL
 * (stack size).
 */
int mr_coro_make(struct mr_coro **ret, size_t stack_size, mr_coro_fn *fn,
                 void *arg);

/* --- greenlet.c --- */

/* A coroutine made by hand returned, and has a parent or is traced. */
MR_NORETURN void mr_greenlet_end(struct mr_coro *co, intptr_t result);

/* --- errand.c --- */

struct mr_runq {
    struct mr_errand *head;
    struct mr_errand *tail;
};

/* The running errand may wait: it is a coroutine of this thread's hub. */
struct mr_errand *mr_errand_self(void);
static inline struct mr_errand *mr_errand_current(void)
{
    struct mr_errand *e;

    MR_BUG_ON(!mr_thread.hub);
    e = mr_thread.current->errand; /* a hub's thread has its stand-in */
    /* Only a coroutine that this thread's hub runs may wait: not a plain
     * thread, not a hook on the hub's own stack. */
    MR_BUG_ON(e->hub != mr_thread.hub);
    return e;
}
/* Suspend the running errand until mr_errand_ready; set, why filled in. What
 * e->value is then. */
intptr_t mr_errand_park(struct mr_errand *e);
int mr_errand_park_int(struct mr_errand *e);
/* Give up one turn. 0, or -ECANCELED. */
int mr_errand_yield(struct mr_errand *e);
/* From the hub's stack: run what is ready until the queue is empty or the
 * slice is used up. */
void mr_errand_run_ready(struct mr_hub *hub);
/* Put the errands of `others` between those in the run queue: one of these,
 * one of those, and so on. */
void mr_errand_take_turns(struct mr_hub *hub, const struct mr_runq *others);
/* Drop a done member: its group's memory of it, and the owner's reference. */
void mr_errand_release(struct mr_errand *e);
static inline struct mr_coro *mr_errand_root(struct mr_errand *e)
{
    return mr_container_of(e, struct mr_coro, own);
}

/*
 * For what is asked of other people's coroutines: MR_BUG_ON, and the report
 * names that one, not only the running one.
 */
#define MR_CORO_BUG_ON(cond, co)                          \
    do {                                                  \
        if (MR_UNLIKELY(cond))                            \
            mr_coro_bug(__FILE__, __LINE__, #cond, (co)); \
    } while (0)
MR_NORETURN MR_COLD void mr_coro_bug(const char *file, int line,
                                     const char *what,
                                     const struct mr_coro *co);
/* co, a root of this thread that somebody still holds; a BUG if not. */
MR_NORETURN MR_COLD void mr_coro_no_handle(const struct mr_coro *co);
static inline struct mr_coro *mr_coro_handle(struct mr_coro *co)
{
    if (MR_UNLIKELY(!co || !co->is_root || co->own->refs == 0 ||
                    co->home != &mr_thread))
        mr_coro_no_handle(co);
    return co;
}

/* --- wait.c --- */

/* End the park of e by something else than an entry. */
void mr_wait_break(struct mr_errand *e, int why);
/* Park one that never ran until `at`; it waits in its own entry. */
void mr_wait_to_begin(struct mr_errand *e, int64_t at);

/* --- link.c --- */

/* e ends: what is linked to it is due. */
void mr_links_end(struct mr_errand *e);
/* From the hub's stack: call what is due. */
void mr_links_call(struct mr_hub *hub);

/* --- together.c --- */

/* e, of a team, ends with this result. */
void mr_team_end(struct mr_errand *e, intptr_t result);

/* --- cycle.c --- */

/*
 * Wait in one queue for what another errand has to do. *on is that errand, or
 * NULL when it is no single one; `on` stays readable meanwhile, and *on may
 * change only to one that is not waiting. As mr_wait_with_int; and -EDEADLK,
 * logged with the names, when that errand waits, through others, for this one.
 */
int mr_wait_for(struct mr_waitq *q, void *data, struct mr_errand *const *on,
                int64_t deadline, const char *why);
/* Neither cancelled nor out of time already: then the wait itself says so. */
bool mr_wait_will_park(const struct mr_errand *e, int64_t deadline);

/* --- timer.c --- */

struct mr_timer_slot {
    int64_t at;
    struct mr_timer *timer;
};
/* A 4-ary min-heap of deadlines. */
struct mr_timers {
    struct mr_timer_slot *heap;
    uint32_t n;
    uint32_t cap;
    uint32_t reserved; /* one for each errand that is not DONE: its park cannot
                        * fail */
};
void mr_timers_fini(struct mr_timers *t);
int mr_timers_grow(struct mr_timers *t, uint32_t need);
/* Room for one more errand's timer; then, reserved++. 0 or -ENOMEM. */
static inline bool mr_timers_have_room(const struct mr_timers *t)
{
    return t->reserved + t->n < t->cap;
}
static inline int mr_timers_reserve(struct mr_timers *t)
{
    if (!mr_timers_have_room(t) && mr_timers_grow(t, t->reserved + t->n + 1))
        return -ENOMEM;
    t->reserved++;
    return 0;
}
static inline void mr_timers_unreserve(struct mr_timers *t)
{
    t->reserved--;
}
/* For a reserved timer: cannot fail. */
void mr_timers_start(struct mr_timers *t, struct mr_timer *timer, int64_t at);
void mr_timers_stop(struct mr_timers *t, struct mr_timer *timer);
static inline int64_t mr_timers_next(const struct mr_timers *t)
{
    return t->n > 0 ? t->heap[0].at : MR_NEVER;
}
/* Fire what is due. */
void mr_timers_run(struct mr_timers *t, int64_t now);

/* --- hub.c --- */

struct mr_hub_loop; /* libev's, and the descriptors: hub.c's own */

struct mr_hub {
    struct mr_runq ready;
    struct mr_coro *stand_in; /* the thread's own stack, where ev_run is */
    int budget;               /* switches left in this slice */
    int64_t now;              /* when the kernel was last asked */
    struct mr_timers timers;
    struct mr_list all; /* errands, oldest first */
    struct mr_group group;
    struct mr_list idle;    /* struct mr_hub_idle */
    struct mr_list due;     /* struct mr_link, whose coroutines have ended */
    struct mr_waitq idlers; /* until nothing else is to be done */
    size_t expected;        /* posts that will come (jobs on helpers): the hub
                             * does not end before them */
    unsigned shares;        /* threads that may post (mr_hub_share); atomic */
    bool deadlocked;        /* in this run */
    int64_t *beat;
    struct mr_hub_stats stats;
    struct mr_hub_loop *loop;
    struct mr_fdset *fds;   /* what is waited for */
    int64_t came_back;      /* from the kernel: as the beat; atomic */
    struct mr_watch *watch; /* the watchdog's, or NULL */
    void (*unwatch)(struct mr_hub *hub); /* ends that */
    struct mr_section *section;          /* innermost that is open, or NULL */
    struct mr_hub_slot *slot;            /* ours in mr_hubs */
    unsigned lists_made;                 /* of those that were asked for */
    struct mr_hub_end *ends;             /* the last one first */
};

/* Errands that are not DONE. */
static inline size_t mr_hub_live(const struct mr_hub *hub)
{
    return hub->timers.reserved;
}

/* At the end of the run queue. */
static inline void mr_errand_queue(struct mr_hub *hub, struct mr_errand *e)
{
    struct mr_runq *q = &hub->ready;

    e->next = NULL;
    if (q->head)
        q->tail->next = e;
    else
        q->head = e;
    q->tail = e;
}
/* The same of one that was not READY; e->value filled in. */
static inline void mr_errand_ready(struct mr_errand *e)
{
    MR_BUG_ON(e->hub != mr_thread.hub); /* another thread's: use mr_hub_post */
    e->state = MR_ERRAND_READY;
    mr_errand_queue(e->hub, e);
}

/* The park of e ends with this value: its entries are out, its timer is
 * stopped. */
static inline void mr_wait_decide(struct mr_errand *e, intptr_t value)
{
    e->set = NULL;
    e->why = "";
    e->waits_for = NULL;
    e->value = value;
    mr_errand_ready(e);
}

/* A wait in one queue that only a wake or a cancel can end: with the errand's
 * own entry, and mr_errand_park. */
static inline bool mr_wait_is_plain(const struct mr_errand *e, int64_t deadline)
{
    return deadline == MR_NEVER && !e->scope && !e->cancelled;
}
static inline void mr_wait_enter(struct mr_errand *e, struct mr_waitq *q,
                                 void *data)
{
    e->entry.queue = q;
    e->entry.errand = e;
    e->entry.data = data;
    mr_list_push_back(&q->entries, &e->entry.node);
}

/* mr_wait_fire, inline for the usual waiter. */
static inline void mr_wait_fire_inline(struct mr_wait_entry *entry,
                                       intptr_t value)
{
    struct mr_errand *e = entry->errand;

    if (MR_UNLIKELY(!e || e->set)) {
        mr_wait_fire(entry, value);
        return;
    }
    mr_list_remove(&entry->node);
    entry->errand = NULL;
    mr_wait_decide(e, value);
}

/* Have the loop go round once more. From any thread or signal handler. */
void mr_hub_wake(struct mr_hub *hub);
/* Whose queue of waiters it is, or -1. */
int mr_hub_fd_of(const struct mr_hub *hub, const struct mr_waitq *q);

/* --- section.c --- */

/* The thread is given up inside of hub->section. */
MR_NORETURN void mr_section_broken(const struct mr_hub *hub);

/* --- inspect.c --- */

struct mr_hub_slot {
    struct mr_hub *hub; /* NULL: free */
    struct mr_hub_slot *next;
};
extern struct mr_hub_slot *mr_hubs;

/* A new hub can be asked for its list: 0 or -ENOMEM; and no more. */
int mr_inspect_enter(struct mr_hub *hub);
void mr_inspect_leave(struct mr_hub *hub);
/* On the hub's stack: do what was asked for. */
void mr_inspect_answer(struct mr_hub *hub);

#endif
