/* SPDX-License-Identifier: MIT */

/*
 * pcl.c - libpcl. It has no scheduler: a coroutine is called and resumes its
 * caller. Spawn and join is create, call and end, with libpcl's own stack.
 */
#include <pcl.h>

#include "tests/bench/peers/core/peer.h"

#define STACK 65536

static long value;

static void bounce(void *unused)
{
    (void)unused;
    for (;; value++)
        co_resume();
}

static coroutine_t make(void)
{
    coroutine_t co = co_create(bounce, NULL, peer_stack(STACK), STACK);

    value = 0;
    if (!co)
        exit(1);
    return co;
}

static void loop_switch(long n)
{
    coroutine_t co = make();

    for (long i = 0; i < n / 2; i++)
        co_call(co);
}

static void loop_generator(long n)
{
    coroutine_t co = make();

    for (long i = 0; i < n; i++) {
        co_call(co);
        if (value != i)
            exit(1);
    }
}

static void nothing(void *unused)
{
    (void)unused;
}

static void loop_spawn(long n)
{
    for (long i = 0; i < n; i++) {
        coroutine_t co = co_create(nothing, NULL, NULL, STACK);

        if (!co)
            exit(1);
        co_call(co); /* it ends, and is deleted with its stack */
    }
}

int main(int argc, char **argv)
{
    static const struct peer_row rows[] = {
        {"raw_switch", peer_measure, loop_switch, 5000000},
        {"generator_next", peer_measure, loop_generator, 2500000},
        {"spawn_join", peer_measure, loop_spawn, 200000},
        {0},
    };

    if (co_thread_init())
        return 1;
    return peer_main(argc, argv, rows);
}
