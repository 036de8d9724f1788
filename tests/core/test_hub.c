/* SPDX-License-Identifier: MIT */

/* test_hub.c - the loop: turns, slices, posts from threads, diagnosis. */
#include "core/hub.h"
#include "core/inspect.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/group.h"
#include "core/timer.h"
#include "tests/core/in_hub.h"

/* --- turns --- */

static int turn_of[3];

static intptr_t takes_turns(void *arg)
{
    intptr_t me = (intptr_t)arg;

    for (int i = 0; i < 1000; i++) {
        turn_of[me]++;
        for (int j = 0; j < 3; j++)
            CHECK_OK(abs(turn_of[me] - turn_of[j]) <= 1);
        if (mr_yield() != 0)
            return -1;
    }
    return 0;
}

/* First in, first out: nobody is ever two turns ahead. */
IN_HUB(hub_yield_is_fair)
{
    struct mr_coro *co[3];

    for (intptr_t i = 0; i < 3; i++)
        co[i] = mr_spawn(takes_turns, (void *)i);
    for (int i = 0; i < 3; i++)
        CHECK_EQ_INT(mr_join(co[i], NULL, MR_NEVER), 0);
    return 0;
}

static intptr_t yields_until(void *arg)
{
    while (!*(bool *)arg)
        mr_yield();
    return 0;
}

/* However busy the coroutines are, descriptors and timers get their turn. */
IN_HUB(hub_polls_while_coroutines_are_busy)
{
    bool stop = false;
    struct mr_coro *a = mr_spawn(yields_until, &stop);
    struct mr_coro *b = mr_spawn(yields_until, &stop);
    int fds[2];

    CHECK_EQ_INT(pipe(fds), 0);
    CHECK_EQ_INT(write(fds[1], "x", 1), 1);
    CHECK_EQ_INT(mr_hub_wait_fd(fds[0], MR_READABLE, MR_NEVER), 0);
    CHECK_EQ_INT(mr_sleep_ms(1), 0);
    stop = true;
    CHECK_EQ_INT(mr_join(a, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(mr_join(b, NULL, MR_NEVER), 0);
    mr_hub_forget(fds[0]);
    close(fds[0]);
    close(fds[1]);
    return 0;
}

/* And yet a yield does not ask the kernel each time. */
IN_HUB(hub_yields_are_not_polls)
{
    uint64_t before = mr_hub_stats(mr_hub_self()).polls;
    bool stop = false;
    struct mr_coro *co = mr_spawn(yields_until, &stop);

    for (int i = 0; i < 10000; i++)
        mr_yield();
    stop = true;
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    CHECK_OK(mr_hub_stats(mr_hub_self()).polls - before < 5000);
    return 0;
}

static intptr_t nothing(void *arg)
{
    return (intptr_t)arg;
}

IN_HUB(hub_counts)
{
    struct mr_hub *hub = mr_hub_self();
    struct mr_hub_stats was = mr_hub_stats(hub), is;

    for (int i = 0; i < 10; i++)
        CHECK_OK(mr_spawn(nothing, NULL) != NULL);
    is = mr_hub_stats(hub);
    CHECK_EQ_INT(is.spawned - was.spawned, 10);
    CHECK_EQ_INT(is.live, 11);
    mr_yield();
    CHECK_EQ_INT(mr_hub_stats(hub).live, 1);
    CHECK_OK(mr_hub_stats(hub).switches - was.switches >= 10);
    return 0;
}

TEST(hub_runs_several_times)
{
    struct mr_hub *hub;
    intptr_t v = 0;

    EQ_PTR(mr_hub_self(), NULL);
    EQ_INT(mr_hub_new(&hub), 0);
    EQ_PTR(mr_hub_self(), hub);
    for (intptr_t i = 1; i < 4; i++) {
        EQ_INT(mr_hub_run(hub, nothing, (void *)i, &v), 0);
        EQ_INT(v, i);
    }
    mr_hub_free(hub);
    mr_hub_free(NULL);
    EQ_PTR(mr_hub_self(), NULL);
}

TEST_DIES(hub_second_on_a_thread, "mr_thread.hub")
{
    struct mr_hub *a, *b;

    EQ_INT(mr_hub_new(&a), 0);
    (void)!mr_hub_new(&b);
}

/* --- before the kernel is asked --- */

struct idle {
    struct mr_hub_idle idle;
    uint64_t polls;
    int ran;
};

static void on_idle(struct mr_hub_idle *i)
{
    struct idle *idle = mr_container_of(i, struct idle, idle);

    idle->polls = mr_hub_stats(mr_hub_self()).polls;
    idle->ran++;
}

IN_HUB(hub_before_poll)
{
    struct idle a = {.idle.fn = on_idle}, b = {.idle.fn = on_idle};
    uint64_t polls = mr_hub_stats(mr_hub_self()).polls;

    mr_list_init(&a.idle.node);
    mr_list_init(&b.idle.node);
    mr_hub_before_poll(&a.idle);
    mr_hub_before_poll(&a.idle);
    mr_hub_before_poll(&b.idle);
    mr_hub_idle_remove(&b.idle);
    mr_hub_idle_remove(&b.idle);
    CHECK_EQ_INT(a.ran, 0);
    CHECK_EQ_INT(mr_sleep_ms(1), 0);
    CHECK_EQ_INT(a.ran, 1);
    CHECK_EQ_INT(a.polls, polls); /* before, not after */
    CHECK_EQ_INT(b.ran, 0);
    CHECK_EQ_INT(mr_sleep_ms(1), 0);
    CHECK_EQ_INT(a.ran, 1); /* once */
    return 0;
}

struct ending {
    struct mr_hub_end end;
    int number;
};

static int endings;

static void on_end(struct mr_hub_end *e)
{
    CHECK_EQ_INT(mr_container_of(e, struct ending, end)->number, endings--);
}

TEST(hub_at_end)
{
    struct ending e[3];
    struct mr_hub *hub;

    for (int again = 0; again < 2; again++) {
        OK(mr_hub_new(&hub) == 0);
        for (endings = 0; endings < 3; endings++) {
            e[endings].end.fn = on_end;
            e[endings].number = endings + 1;
            mr_hub_at_end(&e[endings].end);
        }
        mr_hub_free(hub); /* the last one first */
        EQ_INT(endings, 0);
    }
}

static struct mr_coro *from_hook;

static intptr_t waits_for_cancel(void *unused)
{
    (void)unused;
    return mr_sleep(MR_NEVER);
}

static void spawns_from_idle(struct mr_hub_idle *i)
{
    (void)i;
    from_hook = mr_spawn(waits_for_cancel, NULL);
}

/* Spawned on the hub's stack: a member of the hub's group. */
IN_HUB(hub_spawn_from_a_hook)
{
    struct mr_hub_idle idle = {.fn = spawns_from_idle};
    struct mr_group *g = mr_hub_group();

    mr_list_init(&idle.node);
    mr_hub_before_poll(&idle);
    CHECK_EQ_INT(mr_sleep_ms(1), 0);
    CHECK_OK(from_hook != NULL);
    CHECK_EQ_INT(g->live, 1);
    mr_group_close(g);
    CHECK_EQ_INT(g->live, 0);
    return 0;
}

/* --- posts --- */

#define POSTERS 3

struct post {
    struct mr_hub_post post;
    int thread;
    int n;
};
struct poster {
    struct mr_hub *hub;
    struct post *posts;
    int n;
};

static int last_of[POSTERS];
static int arrived;

static void on_post(struct mr_hub_post *p)
{
    struct post *post = mr_container_of(p, struct post, post);

    CHECK_EQ_INT(post->n, last_of[post->thread]++);
    arrived++;
}

static void *posts(void *arg)
{
    struct poster *p = arg;

    for (int i = 0; i < p->n; i++)
        mr_hub_post(p->hub, &p->posts[i].post);
    return NULL;
}

/* None is lost, and each thread's come in its order. */
IN_HUB(hub_posts_from_threads)
{
    struct poster by[POSTERS];
    pthread_t t[POSTERS];
    int n = (int)TEST_SCALE(10000);

    for (int i = 0; i < POSTERS; i++) {
        by[i] = (struct poster){mr_hub_self(), NULL, n};
        by[i].posts = calloc((size_t)n, sizeof *by[i].posts);
        for (int j = 0; j < n; j++)
            by[i].posts[j] = (struct post){{.fn = on_post}, i, j};
        CHECK_EQ_INT(pthread_create(&t[i], NULL, posts, &by[i]), 0);
    }
    while (arrived < POSTERS * n)
        CHECK_EQ_INT(mr_sleep_ms(1), 0);
    for (int i = 0; i < POSTERS; i++) {
        pthread_join(t[i], NULL);
        free(by[i].posts);
    }
    return 0;
}

struct waker {
    struct mr_hub *hub;
    struct mr_hub_post post;
    struct mr_waitq q;
};

static void on_wake(struct mr_hub_post *p)
{
    struct waker *w = mr_container_of(p, struct waker, post);

    CHECK_OK(mr_waitq_wake_one(&w->q, 5));
}

static void *posts_one(void *arg)
{
    struct waker *w = arg;

    mr_hub_post(w->hub, &w->post);
    return NULL;
}

/* A post wakes a hub that waits in the kernel for nothing else. */
IN_HUB(hub_post_wakes_the_kernel_wait)
{
    struct waker w = {.hub = mr_hub_self(), .post.fn = on_wake};
    pthread_t t;

    mr_waitq_init(&w.q);
    mr_hub_share(w.hub);
    CHECK_EQ_INT(pthread_create(&t, NULL, posts_one, &w), 0);
    CHECK_EQ_INT(mr_wait(&w.q, MR_NEVER, "post"), 5);
    pthread_join(t, NULL);
    mr_hub_unshare(w.hub);
    return 0;
}

static intptr_t sleeps_a_bit(void *arg)
{
    for (int i = 0; i < 20; i++)
        CHECK_EQ_INT(mr_sleep(mr_after(100000)), 0);
    return (intptr_t)arg;
}

static void *runs_a_hub(void *arg)
{
    intptr_t v = 0;

    CHECK_EQ_INT(mr_run(sleeps_a_bit, arg, &v), 0);
    CHECK_EQ_INT(v, (intptr_t)arg);
    return NULL;
}

TEST(hub_in_each_of_several_threads)
{
    pthread_t t[4];

    for (intptr_t i = 0; i < 4; i++)
        EQ_INT(pthread_create(&t[i], NULL, runs_a_hub, (void *)i), 0);
    for (int i = 0; i < 4; i++)
        EQ_INT(pthread_join(t[i], NULL), 0);
}

/* --- diagnosis --- */

static intptr_t named_sleep(void *unused)
{
    (void)unused;
    mr_coro_set_name(mr_coro_self(), "sleepyhead");
    return mr_sleep(MR_NEVER);
}

IN_HUB(hub_dump_tells_who_waits_for_what)
{
    char text[2048];
    int fds[2];
    ssize_t n;

    CHECK_EQ_INT(pipe(fds), 0);
    (void)!mr_spawn(named_sleep, NULL);
    mr_yield();
    mr_hub_dump(mr_hub_self(), fds[1]);
    n = read(fds[0], text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    CHECK_OK(strstr(text, "'sleepyhead' parked: sleep, ") != NULL);
    CHECK_OK(strstr(text, "'first' running, ") != NULL);
    CHECK_OK(strstr(text, " of 65536 stack bytes\n") != NULL);
    close(fds[0]);
    close(fds[1]);
    return 0;
}

IN_HUB(hub_beat)
{
    int64_t beat = -1, began = mr_now();

    mr_hub_set_beat(mr_hub_self(), &beat);
    CHECK_OK(beat > 0 && beat <= began);
    CHECK_EQ_INT(mr_sleep_ms(1), 0);
    CHECK_OK(beat >= began); /* back from the kernel since */
    CHECK_EQ_INT(beat, mr_hub_now());
    mr_hub_set_beat(mr_hub_self(), NULL);
    return 0;
}

/* --- who is due --- */

static long spun, spun_before_due;

static intptr_t spins(void *unused)
{
    int64_t end = mr_now() + 2000;

    (void)unused;
    while (mr_now() < end)
        continue;
    spun++;
    return 0;
}

static intptr_t is_due_soon(void *unused)
{
    (void)unused;
    CHECK_EQ_INT(mr_sleep(mr_after(1)), 0);
    spun_before_due = spun;
    return 0;
}

/* Not behind all that were READY before: a slice of them, 50 us, is over after
 * some 64, and the kernel is asked. And they are not put off: all run. */
IN_HUB(hub_who_is_due_takes_turns_with_the_ready)
{
    long n = 1000;

    spun = 0;
    for (int i = 0; i < 3; i++)
        CHECK_OK(mr_spawn(is_due_soon, NULL) != NULL);
    for (long i = 0; i < n; i++)
        CHECK_OK(mr_spawn(spins, NULL) != NULL);
    CHECK_EQ_INT(mr_group_wait(mr_group_own(), MR_NEVER), 0);
    CHECK_EQ_INT(spun, n);
    CHECK_OK(spun_before_due < n / 2);
    return 0;
}

/* The run queue is whole after it, whichever part is the longer. */
IN_HUB(hub_turns_of_two_queues)
{
    static const struct {
        int due, ready;
    } cases[] = {{1, 1}, {1, 5}, {5, 1}, {4, 3}, {3, 4}, {7, 7}};

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        long n = 200 * cases[i].ready;

        CASE("%d due, %ld ready", cases[i].due, n);
        spun = 0;
        for (int d = 0; d < cases[i].due * 50; d++)
            CHECK_OK(mr_spawn(is_due_soon, NULL) != NULL);
        for (long r = 0; r < n; r++)
            CHECK_OK(mr_spawn(spins, NULL) != NULL);
        CHECK_EQ_INT(mr_group_wait(mr_group_own(), MR_NEVER), 0);
        CHECK_EQ_INT(spun, n);
    }
    return 0;
}

SUITE("hub", hub_who_is_due_takes_turns_with_the_ready, hub_turns_of_two_queues,
      hub_yield_is_fair, hub_polls_while_coroutines_are_busy,
      hub_yields_are_not_polls, hub_counts, hub_runs_several_times,
      hub_second_on_a_thread, hub_before_poll, hub_at_end,
      hub_spawn_from_a_hook)
SUITE("hub: threads", hub_posts_from_threads, hub_post_wakes_the_kernel_wait,
      hub_in_each_of_several_threads)
SUITE("hub: diagnosis", hub_dump_tells_who_waits_for_what, hub_beat)
TEST_MAIN()
