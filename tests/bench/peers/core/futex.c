/* SPDX-License-Identifier: MIT */

/*
 * futex.c - two threads that wake each other by a futex, and pthread_create
 * with pthread_join: what one has without coroutines.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/bench/peers/core/peer.h"

static _Atomic unsigned turn;

static void wait_while(unsigned value)
{
    while (atomic_load(&turn) == value)
        syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void give(unsigned value)
{
    atomic_store(&turn, value);
    syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* n / 2 times: wait for the other's turn to end, and end one's own. */
static void *bounce(void *n)
{
    for (long i = 0; i < (long)n / 2; i++) {
        wait_while(0);
        give(0);
    }
    return NULL;
}

static void loop_switch(long n)
{
    pthread_t other;

    if (pthread_create(&other, NULL, bounce, (void *)n))
        exit(1);
    for (long i = 0; i < n / 2; i++) {
        give(1);
        wait_while(1);
    }
    pthread_join(other, NULL);
}

static void *nothing(void *arg)
{
    return arg;
}

static void loop_spawn(long n)
{
    for (long i = 0; i < n; i++) {
        pthread_t other;

        if (pthread_create(&other, NULL, nothing, NULL))
            exit(1);
        pthread_join(other, NULL);
    }
}

int main(int argc, char **argv)
{
    static const struct peer_row rows[] = {
        {"raw_switch", peer_measure, loop_switch, 200000},
        {"spawn_join", peer_measure, loop_spawn, 10000},
        {0},
    };

    return peer_main(argc, argv, rows);
}
