/* SPDX-License-Identifier: MIT */
#ifndef CORE_PLAN_H
#define CORE_PLAN_H

/*
 * plan.h - what the master must know of a configuration, and no more.
 *
 * The master never parses a configuration: a child does, loads the apps it
 * names, and writes a plan over a pipe (core/master.h). A plan is data: text
 * that is checked line by line, as a crashed or strange child may write
 * anything.
 *
 *     struct mr_plan plan;
 *     mr_plan_init(&plan);                              defaults
 *     plan.workers = 4;
 *     err = mr_plan_add(&plan, &(struct mr_listener){
 *         .tag = "http", .address = "0.0.0.0:8080", .where = "my.conf:3"});
 *     err = mr_plan_format(&plan, &text);               in the child
 *     err = mr_plan_parse(&plan, mr_buf_view(&text));   in the master
 *     mr_plan_fini(&plan);
 *
 * The text: "millrace-plan 1", one "key value" a line, a listener's fields
 * parted by tabs, and "end", so that one cut short is told from a whole one.
 */
#include "core/arena.h"
#include "core/buf.h"

/* More than one per hardware thread of any machine we know. */
#define MR_PLAN_WORKERS_MAX 1024
/* Each costs a descriptor per worker; hundreds of addresses are a mistake. */
#define MR_PLAN_LISTENERS_MAX 256
/* The whole text: 256 listeners with long names fit. */
#define MR_PLAN_TEXT_MAX (256 * 1024)

/* One configured address. Strings hold no control bytes. */
struct mr_listener {
    const char *tag;     /* the caller's: what serves it ("http") */
    const char *address; /* as configured */
    const char *options; /* the caller's, for the socket; may be "" */
    const char *where;   /* file:line, for messages */
    unsigned backlog;    /* 0: the caller's default */
    bool shared;         /* one socket for all workers, not one for each */
};

struct mr_plan {
    unsigned workers;     /* 0: one per CPU */
    bool pin;             /* worker i to the i-th CPU that we may use */
    int64_t grace;        /* ns from DRAIN to SIGKILL */
    int64_t hang_limit;   /* ns that a worker may keep away from its hub; 0: for
                           * ever, as when a debugger stops it */
    const char *log_path; /* "": standard error */
    unsigned log_level;   /* enum mr_log_level */
    struct mr_listener *listeners;
    size_t listener_count;
    struct mr_arena arena; /* all strings, and the listeners */
};

/* The defaults: a worker per CPU, not pinned, grace and hang limit 30 s, info,
 * standard error, no listeners. */
MR_API void mr_plan_init(struct mr_plan *plan);
MR_API void mr_plan_fini(struct mr_plan *plan);

/* Copies the listener; a NULL string is "". 0; -EINVAL: a control byte, or no
 * address; -E2BIG: too many; -ENOMEM. */
MR_API MR_MUST_USE int mr_plan_add(struct mr_plan *plan,
                                   const struct mr_listener *l);
/* Copies the path. 0, -EINVAL (a control byte), -ENOMEM. */
MR_API MR_MUST_USE int mr_plan_set_log(struct mr_plan *plan, const char *path);

/* Append the text. 0; -ERANGE: a number too large, a time over a day; -ENOMEM;
 * -E2BIG. */
MR_API MR_MUST_USE int mr_plan_format(const struct mr_plan *plan,
                                      struct mr_buf *out);
/* Into an initialised plan. 0; -EPROTO: not the whole text of a plan of this
 * version with values in range; -ENOMEM. On failure only mr_plan_fini may
 * follow. */
MR_API MR_MUST_USE int mr_plan_parse(struct mr_plan *plan, struct mr_str text);

#endif
