/* SPDX-License-Identifier: MIT */

/*
 * section.c - "nobody else runs in here", as an assertion.
 *
 * Whoever gives up the thread asks whether the hub's slice is used up
 * (errand.c: next_coro). In a section it always is, and the rest is asked
 * where that is dealt with, out of the way of those that have none.
 */
#include "core/section.h"

#include <stdio.h>

#include "core/coro_priv.h"

struct mr_section *mr_section_enter(struct mr_section *s)
{
    struct mr_hub *hub = mr_thread.hub;

    s->is_open = hub != NULL;
    if (!hub)
        return s;
    s->outer = hub->section;
    s->budget = hub->budget;
    hub->section = s;
    hub->budget = 0;
    return s;
}

void mr_section_leave(struct mr_section *s)
{
    struct mr_hub *hub = mr_thread.hub;

    if (!s->is_open)
        return;
    MR_BUG_ON(!hub || hub->section != s); /* not the innermost */
    hub->section = s->outer;
    /* A link became due meanwhile: then the slice is over (link.c, 3). */
    hub->budget = mr_list_is_empty(&hub->due) ? s->budget : 0;
    s->is_open = false;
}

bool mr_section_is_open(void)
{
    return mr_thread.hub && mr_thread.hub->section;
}

MR_COLD void mr_section_broken(const struct mr_hub *hub)
{
    const struct mr_errand *e = mr_thread.current->errand;
    char what[256];

    snprintf(what, sizeof what,
             "%s in a section that must not switch, which begins at %s",
             e->state == MR_ERRAND_DONE ? "the end"
             : *e->why                  ? e->why
                                        : "a yield",
             hub->section->where);
    mr_bug(__FILE__, __LINE__, what);
}
