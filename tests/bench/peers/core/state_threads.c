/* SPDX-License-Identifier: MIT */

/*
 * state_threads.c - State Threads.
 *
 *     state_threads --echo       a TCP echo server; prints its port
 *
 * Its raw switch is what its scheduler is made
 * of, a pair of _st_md_cxt_save and _st_md_cxt_restore, called directly. This
 * release has no yield: st_usleep(0) asks the kernel each time, so that row is
 * left out.
 */
#include <setjmp.h>
#include <st.h>

#include "tests/bench/peers/core/peer.h"
#include "tests/bench/peers/core/peer_echo.h"

#define STACK 65536

/* --- the raw switch --- */

#ifdef __x86_64__
int _st_md_cxt_save(jmp_buf env);
void _st_md_cxt_restore(jmp_buf env, int value);

#    define SP 6 /* its slot in the buffer (JB_RSP of md.S) */

static jmp_buf here, there;

static void bounce(void)
{
    for (;;) {
        if (!_st_md_cxt_save(there))
            _st_md_cxt_restore(here, 1);
    }
}

static void loop_switch(long n)
{
    char *stack = peer_stack(STACK);

    if (_st_md_cxt_save(there))
        bounce(); /* on the other stack */
    ((long *)there)[SP] = (long)(stack + STACK - 128);
    for (long i = 0; i < n / 2; i++) {
        if (!_st_md_cxt_save(here))
            _st_md_cxt_restore(there, 1);
    }
}

#endif

/* --- the scheduler --- */

static void *nothing(void *arg)
{
    return arg;
}

static void loop_spawn(long n)
{
    for (long i = 0; i < n; i++) {
        st_thread_t t = st_thread_create(nothing, NULL, 1, STACK);

        if (!t || st_thread_join(t, NULL))
            exit(1);
    }
}

/* One value in a slot, and a condition for each side. */
static st_cond_t filled, emptied;
static long slot, left;
static int full;

static void *receives(void *unused)
{
    while (left > 0) {
        while (!full)
            st_cond_wait(filled);
        full = 0;
        left -= slot;
        st_cond_signal(emptied);
    }
    return unused;
}

static void loop_handoff(long n)
{
    st_thread_t t;

    filled = st_cond_new();
    emptied = st_cond_new();
    left = n;
    t = st_thread_create(receives, NULL, 1, STACK);
    for (long i = 0; i < n; i++) {
        while (full)
            st_cond_wait(emptied);
        slot = 1;
        full = 1;
        st_cond_signal(filled);
    }
    if (!t || st_thread_join(t, NULL))
        exit(1);
}

static long asleep, early;
static st_utime_t latest;

static void *sleeps(void *ms)
{
    st_utime_t from = (st_utime_t)(peer_clock(CLOCK_MONOTONIC) / 1e3);
    st_utime_t to = from + (st_utime_t)(long)ms * 1000, now;

    st_usleep((st_utime_t)(long)ms * 1000);
    now = (st_utime_t)(peer_clock(CLOCK_MONOTONIC) / 1e3);
    early += now < to;
    if (now > to && now - to > latest)
        latest = now - to;
    asleep--;
    return NULL;
}

static void sleepers(const struct peer_row *unused, long n)
{
    unsigned seed = 1;
    double began = peer_cpu();

    (void)unused;
    for (asleep = 0; asleep < n; asleep++) {
        if (!st_thread_create(sleeps, (void *)(long)(rand_r(&seed) % 1000), 0,
                              STACK))
            exit(1);
    }
    while (asleep > 0)
        st_usleep(10000);
    peer_tell("sleepers_cpu_s", (peer_cpu() - began) / 1e9);
    peer_tell("sleepers_late_ms", (double)latest / 1e3);
    peer_tell("sleepers_early", (double)early);
}

static void *parks(void *cond)
{
    st_cond_wait(cond);
    return NULL;
}

/* Stacks without guards: this release has none. */
static void suspended(const struct peer_row *row, long n)
{
    st_cond_t never = st_cond_new();
    double before = peer_resident();

    for (long i = 0; i < n; i++) {
        if (!st_thread_create(parks, never, 0, STACK))
            exit(1);
        if (i % 1000 == 999 || i == n - 1)
            st_usleep(0); /* they run, and wait */
    }
    peer_tell(row->name, (peer_resident() - before) / (double)n);
    exit(0);
}

/* --- TCP echo --- */

static void *serve(void *connection)
{
    char buf[4096];
    ssize_t n;

    while ((n = st_read(connection, buf, sizeof buf, ST_UTIME_NO_TIMEOUT)) > 0)
        if (st_write(connection, buf, (size_t)n, ST_UTIME_NO_TIMEOUT) != n)
            break;
    st_netfd_close(connection);
    return NULL;
}

static int echo(void)
{
    st_netfd_t listener = st_netfd_open_socket(peer_listen());

    for (;;) {
        st_netfd_t c = st_accept(listener, NULL, NULL, ST_UTIME_NO_TIMEOUT);

        if (!c || !st_thread_create(serve, c, 0, STACK))
            return 1;
    }
}

int main(int argc, char **argv)
{
    static const struct peer_row rows[] = {
#ifdef __x86_64__
        {"raw_switch", peer_measure, loop_switch, 40000000},
#endif
        {"spawn_join", peer_measure, loop_spawn, 1000000},
        {"handoff", peer_measure, loop_handoff, 5000000},
        {"sleepers", sleepers, NULL, 100000},
        {"suspended_bytes", suspended, NULL, 1000000},
        {0},
    };

    st_set_eventsys(ST_EVENTSYS_ALT);
    if (st_init())
        return 1;
    if (argc == 2 && strcmp(argv[1], "--echo") == 0)
        return echo();
    return peer_main(argc, argv, rows);
}
