/* SPDX-License-Identifier: MIT */

/*
 * ucontext.c - glibc's swapcontext. Each switch is a system call, as it also
 * switches the signal mask.
 */
#include <fenv.h>
#include <ucontext.h>

#include "tests/bench/peers/core/peer.h"

#define STACK 65536

static ucontext_t here, there;
static long value;

static void bounce(void)
{
    for (;; value++)
        swapcontext(&there, &here);
}

/* This side has computed: a sticky flag is up here, and not in main. */
static void bounce_inexact(void)
{
    peer_divide();
    bounce();
}

/* And it rounds another way. */
static void bounce_upward(void)
{
    fesetround(FE_UPWARD);
    bounce_inexact();
}

static void make(void (*fn)(void))
{
    value = 0;
    if (getcontext(&there))
        exit(1);
    there.uc_stack.ss_sp = peer_stack(STACK);
    there.uc_stack.ss_size = STACK;
    makecontext(&there, fn, 0);
}

static void switches(long n)
{
    feclearexcept(FE_ALL_EXCEPT);
    for (long i = 0; i < n / 2; i++)
        swapcontext(&here, &there);
}

static void loop_switch(long n)
{
    make(bounce);
    switches(n);
}

static void loop_flags(long n)
{
    make(bounce_inexact);
    switches(n);
}

static void loop_fp(long n)
{
    make(bounce_upward);
    switches(n);
}

static void loop_generator(long n)
{
    make(bounce);
    for (long i = 0; i < n; i++) {
        swapcontext(&here, &there);
        if (value != i)
            exit(1);
    }
}

int main(int argc, char **argv)
{
    static const struct peer_row rows[] = {
        {"raw_switch", peer_measure, loop_switch, 1000000},
        {"switch_flags", peer_measure, loop_flags, 1000000},
        {"switch_fp", peer_measure, loop_fp, 1000000},
        {"generator_next", peer_measure, loop_generator, 500000},
        {0},
    };

    return peer_main(argc, argv, rows);
}
