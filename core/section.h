/* SPDX-License-Identifier: MIT */
#ifndef CORE_SECTION_H
#define CORE_SECTION_H

/*
 * section.h - "nobody else runs in here", as an assertion.
 *
 * Between two parks code is atomic with respect to the thread's other
 * coroutines, and needs no locks. That holds only as long as nothing in between
 * parks, also after the next change, far below:
 *
 *     MR_NO_SWITCH
 *     {
 *         account->sum -= n;
 *         tell(account);          a BUG, if this ever waits
 *         other->sum += n;
 *     }
 *
 * A park, a yield, or the coroutine's end inside is a BUG, which names the
 * coroutine and where the section begins. A call that could wait but has no
 * need to is none, and neither is resuming a generator: other errands do not
 * run then. Sections nest; `break` and `return` leave one properly. Costs
 * nothing outside of sections, and two stores to enter one. Without a hub it
 * does nothing.
 */
#include "core/base.h"

struct mr_section {
    const char *where; /* MR_HERE */
    struct mr_section *outer;
    int budget; /* the hub's, meanwhile */
    bool is_open;
};

/* The statement that follows is a section. */
#define MR_NO_SWITCH MR_NO_SWITCH_(__COUNTER__)
#define MR_NO_SWITCH_(n) MR_NO_SWITCH__(n)
#define MR_NO_SWITCH__(n)                                                 \
    for (struct mr_section section_##n##_                                 \
         __attribute__((cleanup(mr_section_leave))) = {.where = MR_HERE}, \
         *once_##n##_ = mr_section_enter(&section_##n##_);                \
         once_##n##_; once_##n##_ = NULL)

/* The same without a block: where is MR_HERE. Returns s. They nest like
 * brackets, on one coroutine. */
MR_API struct mr_section *mr_section_enter(struct mr_section *s);
MR_API void mr_section_leave(struct mr_section *s);
/* Is one open? For those who give up the thread out of fairness alone, and can
 * put that off (io/fd.c). */
MR_API bool mr_section_is_open(void);

#endif
