/* SPDX-License-Identifier: MIT */

/*
 * plan.c - what the master must know of a configuration, and no more.
 *
 * Invariants
 *  (1) What format writes, parse reads back as the same plan.
 *  (2) Parse takes nothing that format would not write, but the order of lines
 *      and left-out ones, which keep their defaults.
 *  (3) No string holds a control byte, so lines and fields cannot be forged.
 *
 * Not here: what tags, addresses and options mean.
 */
#include "core/plan.h"

#include <errno.h>
#include <inttypes.h>

#include "core/log.h"
#include "core/sys.h"

#define FIRST_LINE "millrace-plan 1"
#define LAST_LINE "end"

/* A day, for any time in a plan: sums with the clock stay far from overflow. */
#define TIME_MAX (INT64_C(24) * 3600 * 1000000000)
#define BACKLOG_MAX 1000000

void mr_plan_init(struct mr_plan *plan)
{
    *plan = (struct mr_plan){
        .grace = INT64_C(30) * 1000000000,
        .hang_limit = INT64_C(30) * 1000000000,
        .log_path = "",
        .log_level = MR_LOG_INFO,
    };
    mr_arena_init(&plan->arena, 1024);
}

void mr_plan_fini(struct mr_plan *plan)
{
    mr_arena_fini(&plan->arena);
    plan->listeners = NULL;
    plan->listener_count = 0;
    plan->log_path = "";
}

/* 0, -EINVAL or -ENOMEM. */
static int copy(struct mr_plan *plan, struct mr_str s, const char **ret)
{
    char *z;

    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 127)
            return -EINVAL;
    }
    z = mr_arena_dup(&plan->arena, s);
    if (!z)
        return -ENOMEM;
    *ret = z;
    return 0;
}

int mr_plan_add(struct mr_plan *plan, const struct mr_listener *l)
{
    struct mr_listener mine = *l;
    int err;

    if (plan->listener_count == MR_PLAN_LISTENERS_MAX)
        return -E2BIG;
    if (!l->address || l->address[0] == '\0' || l->backlog > BACKLOG_MAX)
        return -EINVAL;
    if (!plan->listeners) /* for all at once: 12 KiB, once per process */
        plan->listeners = mr_arena_alloc(
            &plan->arena, MR_PLAN_LISTENERS_MAX * sizeof *plan->listeners);
    if (!plan->listeners)
        return -ENOMEM;
    err = copy(plan, mr_str(l->tag), &mine.tag);
    if (!err)
        err = copy(plan, mr_str(l->address), &mine.address);
    if (!err)
        err = copy(plan, mr_str(l->options), &mine.options);
    if (!err)
        err = copy(plan, mr_str(l->where), &mine.where);
    if (err)
        return err;
    plan->listeners[plan->listener_count++] = mine;
    return 0;
}

int mr_plan_set_log(struct mr_plan *plan, const char *path)
{
    return copy(plan, mr_str(path), &plan->log_path);
}

/* --- text --- */

static bool is_in_range(const struct mr_plan *plan)
{
    return plan->workers <= MR_PLAN_WORKERS_MAX &&
           plan->log_level <= MR_LOG_DEBUG && plan->grace >= 0 &&
           plan->grace <= TIME_MAX && plan->hang_limit >= 0 &&
           plan->hang_limit <= TIME_MAX;
}

int mr_plan_format(const struct mr_plan *plan, struct mr_buf *out)
{
    size_t before = out->len;
    int err;

    if (!is_in_range(plan))
        return -ERANGE;
    err = mr_buf_printf(out,
                        FIRST_LINE "\nworkers %u\npin %d\ngrace %" PRId64
                                   "\nhang_limit %" PRId64 "\nlog_level %u\n"
                                   "log_path %s\n",
                        plan->workers, plan->pin, plan->grace, plan->hang_limit,
                        plan->log_level, plan->log_path);
    for (size_t i = 0; !err && i < plan->listener_count; i++) {
        const struct mr_listener *l = &plan->listeners[i];

        err = mr_buf_printf(out, "listener %s\t%s\t%s\t%s\t%u\t%d\n", l->tag,
                            l->address, l->options, l->where, l->backlog,
                            l->shared);
    }
    if (!err)
        err = mr_buf_append_z(out, LAST_LINE "\n");
    if (!err && out->len - before > MR_PLAN_TEXT_MAX)
        err = -E2BIG;
    return err;
}

static int parse_listener(struct mr_plan *plan, struct mr_str line)
{
    struct mr_str part[6];
    struct mr_listener l = {0};
    uint64_t backlog, shared;
    size_t n = 0;

    while (n < MR_ARRAY_LEN(part) && mr_str_split(&line, '\t', &part[n]))
        n++;
    if (n < MR_ARRAY_LEN(part) || line.p ||
        mr_str_to_u64(part[4], BACKLOG_MAX, &backlog) ||
        mr_str_to_u64(part[5], 1, &shared))
        return -EPROTO;
    /* copied twice, as mr_plan_add wants ends: kilobytes, once per start */
    l.tag = mr_arena_dup(&plan->arena, part[0]);
    l.address = mr_arena_dup(&plan->arena, part[1]);
    l.options = mr_arena_dup(&plan->arena, part[2]);
    l.where = mr_arena_dup(&plan->arena, part[3]);
    l.backlog = (unsigned)backlog;
    l.shared = shared;
    if (!l.tag || !l.address || !l.options || !l.where)
        return -ENOMEM;
    return mr_plan_add(plan, &l);
}

static int parse_line(struct mr_plan *plan, struct mr_str line)
{
    struct mr_str key;
    uint64_t v;

    if (!mr_str_split(&line, ' ', &key) || !line.p)
        return -EPROTO;
    if (mr_str_is(key, "listener"))
        return parse_listener(plan, line);
    if (mr_str_is(key, "log_path"))
        return copy(plan, line, &plan->log_path);
    if (mr_str_to_u64(line, TIME_MAX, &v))
        return -EPROTO;
    if (mr_str_is(key, "workers") && v <= MR_PLAN_WORKERS_MAX)
        plan->workers = (unsigned)v;
    else if (mr_str_is(key, "pin") && v <= 1)
        plan->pin = v;
    else if (mr_str_is(key, "grace"))
        plan->grace = (int64_t)v;
    else if (mr_str_is(key, "hang_limit"))
        plan->hang_limit = (int64_t)v;
    else if (mr_str_is(key, "log_level") && v <= MR_LOG_DEBUG)
        plan->log_level = (unsigned)v;
    else
        return -EPROTO;
    return 0;
}

int mr_plan_parse(struct mr_plan *plan, struct mr_str text)
{
    struct mr_str line;
    int err;

    if (text.n > MR_PLAN_TEXT_MAX || !mr_str_split(&text, '\n', &line) ||
        !mr_str_is(line, FIRST_LINE))
        return -EPROTO;
    while (mr_str_split(&text, '\n', &line)) {
        if (mr_str_is(line, LAST_LINE)) /* nothing may follow its newline */
            return text.p && text.n == 0 ? 0 : -EPROTO;
        err = parse_line(plan, line);
        if (err)
            return err == -ENOMEM ? -ENOMEM : -EPROTO;
    }
    return -EPROTO;
}
