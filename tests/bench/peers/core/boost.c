/* SPDX-License-Identifier: MIT */

/*
 * boost.c - boost.context's jump_fcontext, called directly.
 *
 * The header is C++; the two functions are assembly and have C's linkage, so
 * they are declared here as detail/fcontext.hpp has them.
 */
#include <fenv.h>
#include <stdint.h>

#include "tests/bench/peers/core/peer.h"

struct transfer {
    void *context;
    void *data;
};

struct transfer jump_fcontext(void *to, void *value);
void *make_fcontext(void *top, size_t size, void (*fn)(struct transfer));

#define STACK 65536

static void *make(void (*fn)(struct transfer))
{
    return make_fcontext((char *)peer_stack(STACK) + STACK, STACK, fn);
}

static void bounce(struct transfer t)
{
    for (;;)
        t = jump_fcontext(t.context, NULL);
}

/* This side has computed: a sticky flag is up here, and not in main. */
static void bounce_inexact(struct transfer t)
{
    peer_divide();
    bounce(t);
}

/* And it rounds another way. */
static void bounce_upward(struct transfer t)
{
    fesetround(FE_UPWARD);
    bounce_inexact(t);
}

/* n switches: there and back, n / 2 times. No flag is up in main. */
static void switches(void *other, long n)
{
    feclearexcept(FE_ALL_EXCEPT);
    for (long i = 0; i < n / 2; i++)
        other = jump_fcontext(other, NULL).context;
}

static void loop_switch(long n)
{
    switches(make(bounce), n);
}

static void loop_flags(long n)
{
    switches(make(bounce_inexact), n);
}

static void loop_fp(long n)
{
    switches(make(bounce_upward), n);
}

/* --- a generator, as one would write it in a header --- */

struct generator {
    void *context;
    int64_t *out;
};

static inline void yield(struct generator *g, int64_t value)
{
    *g->out = value;
    g->context = jump_fcontext(g->context, NULL).context;
}

static inline int next(struct generator *g, int64_t *ret)
{
    g->out = ret;
    g->context = jump_fcontext(g->context, g).context;
    return g->context != NULL;
}

static void count(struct transfer t)
{
    struct generator *g = t.data;

    g->context = t.context;
    for (int64_t i = 0;; i++)
        yield(g, i);
}

static void loop_generator(long n)
{
    struct generator g = {.context = make(count)};
    int64_t value = 0;

    for (long i = 0; i < n; i++) {
        if (!next(&g, &value) || value != i)
            exit(1);
    }
}

int main(int argc, char **argv)
{
    static const struct peer_row rows[] = {
        {"raw_switch", peer_measure, loop_switch, 40000000},
        {"switch_flags", peer_measure, loop_flags, 4000000},
        {"switch_fp", peer_measure, loop_fp, 4000000},
        {"generator_next", peer_measure, loop_generator, 20000000},
        {0},
    };

    return peer_main(argc, argv, rows);
}
