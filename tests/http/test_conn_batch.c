/* SPDX-License-Identifier: MIT */

/*
 * test_conn_batch.c - what one poll tells of is served by one coroutine, unless
 * a handler parks; and no connection notices another.
 */
#include "core/local.h"
#include "http/conn.h"
#include "tests/http/http_util.h"

#define MANY 12

static struct client *clients[MANY];

static void connect_all(const struct web *w)
{
    for (size_t i = 0; i < MANY; i++) {
        clients[i] = client_new(w);
        CHECK_EQ_INT(ask(clients[i], GET("/hello")), 200);
    }
}

/* All in one turn of ours, so that one poll tells of them all. */
static void send_all(const char *request)
{
    for (size_t i = 0; i < MANY; i++)
        client_send(clients[i], request);
}

static void free_all(void)
{
    for (size_t i = 0; i < MANY; i++)
        client_free(clients[i]);
}

static uint64_t ids[64];
static size_t ids_n;

static int hello(struct mr_request *req, struct mr_response *res, void *self)
{
    (void)req;
    (void)self;
    ids[ids_n++ % MR_ARRAY_LEN(ids)] = mr_coro_id(mr_coro_self());
    return mr_reply(res, 200, "text/plain", mr_str("hello"));
}

static size_t coroutines(void)
{
    size_t n = 1;

    for (size_t i = 1; i < ids_n; i++)
        n += ids[i] != ids[i - 1];
    return n;
}

WEB(batch_has_one_coroutine)
{
    web_route(w, "/hello", hello, NULL);
    connect_all(w);
    ids_n = 0;
    send_all(GET("/hello"));
    for (size_t i = 0; i < MANY; i++)
        CHECK_EQ_INT(client_answer(clients[i]), 200);
    CHECK_EQ_INT(ids_n, MANY);
    CHECK_EQ_INT(coroutines(), 1);
    free_all();
}

/* --- beside others --- */

static bool spinning;

static intptr_t spin(void *unused)
{
    (void)unused;
    while (spinning)
        CHECK_EQ_INT(mr_yield(), 0);
    return 0;
}

static size_t distinct(void)
{
    size_t n = 0;

    for (size_t i = 0; i < ids_n; i++) {
        size_t j = 0;

        while (j < i && ids[j] != ids[i])
            j++;
        n += j == i;
    }
    return n;
}

/* Where somebody else is always READY, one more stands by, should the first
 * one's handler park; not one more for each request. */
WEB(batch_beside_a_busy_one)
{
    struct mr_coro *busy;

    web_route(w, "/hello", hello, NULL);
    connect_all(w);
    ids_n = 0;
    spinning = true;
    busy = mr_spawn(spin, NULL);
    send_all(GET("/hello"));
    for (size_t i = 0; i < MANY; i++)
        CHECK_EQ_INT(client_answer(clients[i]), 200);
    CHECK_EQ_INT(ids_n, MANY);
    CHECK_OK(distinct() <= 2);
    CHECK_EQ_INT(w->http->between, 0);
    spinning = false;
    CHECK_EQ_INT(mr_join(busy, NULL, MR_NEVER), 0);
    free_all();
}

/* --- what they borrow --- */

#define BORROWED 300

static struct mr_exchange *borrowed[BORROWED];

static void trim(struct mr_http *http)
{
    mr_timer_stop(&http->pool_timer);
    http->pool_timer.fn(&http->pool_timer);
}

/* As many as were wanted at once stay until they have not been wanted for a
 * while; and then some do. */
WEB(batch_keeps_its_exchanges)
{
    struct mr_http *http = w->http;

    for (size_t i = 0; i < BORROWED; i++)
        CHECK_OK((borrowed[i] = mr_exchange_take(http)) != NULL);
    for (size_t i = 0; i < BORROWED; i++)
        mr_exchange_give(borrowed[i]);
    CHECK_EQ_INT(http->pool_n, BORROWED);
    trim(http); /* it came to pass just now */
    CHECK_OK(http->pool_n > BORROWED / 2);
    for (size_t i = 0; i < BORROWED / 2; i++)
        CHECK_OK((borrowed[i] = mr_exchange_take(http)) != NULL);
    for (size_t i = 0; i < BORROWED / 2; i++)
        mr_exchange_give(borrowed[i]);
    CHECK_OK(mr_timer_is_started(&http->pool_timer));
    for (int i = 0; i < 3; i++)
        trim(http);
    CHECK_OK(http->pool_n < BORROWED / 2);
    CHECK_OK(http->pool_n >= 64);
    while (mr_timer_is_started(&http->pool_timer))
        trim(http);
    CHECK_EQ_INT(http->pool_n, 64);
}

/* Without memory for the timer they do not pile up. */
WEB(batch_keeps_what_can_be_trimmed)
{
    struct mr_http *http = w->http;

    for (size_t i = 0; i < BORROWED; i++)
        CHECK_OK((borrowed[i] = mr_exchange_take(http)) != NULL);
    mr_sys_fault_always(MR_SYS_ALLOC, -ENOMEM);
    for (size_t i = 0; i < BORROWED; i++)
        mr_exchange_give(borrowed[i]);
    mr_sys_fault_clear();
    CHECK_OK(http->pool_n == 64 || mr_timer_is_started(&http->pool_timer));
}

/* --- handlers that park --- */

static struct mr_waitq gate;

static int wait_at_gate(struct mr_request *req, struct mr_response *res,
                        void *self)
{
    intptr_t rc = mr_wait(&gate, MR_NEVER, "gate");

    return rc < 0 ? (int)rc : hello(req, res, self);
}

/* None waits for another's handler, and no poll in between finds them again. */
WEB(batch_parks_all_at_once)
{
    uint64_t polls;

    mr_waitq_init(&gate);
    web_route(w, "/hello", hello, NULL);
    web_route(w, "/gate", wait_at_gate, NULL);
    connect_all(w);
    send_all(GET("/gate"));
    polls = mr_hub_stats(mr_hub_self()).polls;
    UNTIL(w->row.in_flight == MANY);
    CHECK_OK(mr_hub_stats(mr_hub_self()).polls - polls < MANY);
    ids_n = 0;
    CHECK_EQ_INT(mr_waitq_wake_all(&gate, 0), MANY);
    for (size_t i = 0; i < MANY; i++)
        CHECK_EQ_INT(client_answer(clients[i]), 200);
    CHECK_EQ_INT(coroutines(), MANY);
    free_all();
}

static bool busy;

static intptr_t be_busy(void *unused)
{
    (void)unused;
    while (busy && mr_yield() == 0)
        ;
    return 0;
}

static int see_watched(struct mr_request *req, struct mr_response *res,
                       void *unused)
{
    (void)unused;
    CHECK_OK(req->x->conn->watched);
    return mr_reply(res, 200, NULL, mr_str(""));
}

/* With a long run queue the kernel is asked again, and tells of those that
 * have begun again, before it is their turn. That is no reason to stop their
 * watchers, and start them later. When it is asked is a matter of time: not
 * between those two moments at each try. */
WEB(batch_stays_watched)
{
    uint64_t polls = 0;
    bool asked = false;

    web_route(w, "/hello", hello, NULL);
    web_route(w, "/", see_watched, NULL);
    connect_all(w);
    busy = true;
    for (int i = 0; i < 2000; i++)
        CHECK_OK(mr_spawn(be_busy, NULL));
    for (int i = 0; i < 100 && !asked; i++) {
        send_all(GET("/"));
        UNTIL(!mr_list_is_empty(&w->http->begun));
        polls = mr_hub_stats(mr_hub_self()).polls;
        UNTIL(mr_list_is_empty(&w->http->begun));
        asked = mr_hub_stats(mr_hub_self()).polls > polls;
        for (size_t k = 0; k < MANY; k++)
            CHECK_EQ_INT(client_answer(clients[k]), 200);
    }
    CHECK_OK(asked);
    busy = false;
    CHECK_EQ_INT(w->http->begun_n, 0);
    free_all();
}

/* --- nothing is left of one for the next --- */

MR_LOCAL(int, visits)

static int visit(struct mr_request *req, struct mr_response *res, void *self)
{
    int *n = visits();

    (void)req;
    (void)self;
    return mr_reply_printf(res, 200, "%d", ++*n);
}

WEB(batch_shares_no_variables)
{
    web_route(w, "/hello", hello, NULL);
    web_route(w, "/visit", visit, NULL);
    connect_all(w);
    send_all(GET("/visit"));
    for (size_t i = 0; i < MANY; i++) {
        CHECK_EQ_INT(client_answer(clients[i]), 200);
        CHECK_EQ_STR(clients[i]->body, "1");
    }
    free_all();
}

/* It cancels itself, or is referred to, or has somebody who joins it. */
static int be_cancelled(struct mr_request *req, struct mr_response *res,
                        void *self)
{
    mr_cancel(mr_coro_self());
    return hello(req, res, self);
}

static struct mr_coro *known[MANY + 1];
static size_t known_n;

static int be_known(struct mr_request *req, struct mr_response *res, void *self)
{
    known[known_n++] = mr_coro_ref(mr_coro_self());
    return hello(req, res, self);
}

static void each_in_its_own(const struct web *w, const char *request)
{
    connect_all(w);
    ids_n = 0;
    send_all(request);
    for (size_t i = 0; i < MANY; i++)
        CHECK_EQ_INT(client_answer(clients[i]), 200);
    CHECK_EQ_INT(coroutines(), MANY);
}

WEB(batch_shares_no_cancel)
{
    web_route(w, "/hello", hello, NULL);
    web_route(w, "/cancel", be_cancelled, NULL);
    each_in_its_own(w, GET("/cancel"));
    free_all();
}

WEB(batch_shares_no_name)
{
    web_route(w, "/hello", hello, NULL);
    web_route(w, "/known", be_known, NULL);
    each_in_its_own(w, GET("/known"));
    for (size_t i = 0; i < known_n; i++) {
        CHECK_OK(mr_coro_is_done(known[i]));
        mr_coro_unref(known[i]);
    }
    free_all();
}

/* --- want, and the end --- */

static struct mr_stack *stacks[4096];
static size_t stacks_n;

/* Who parks takes the only stack: the others starve, and are fed. */
WEB(batch_without_a_second_stack)
{
    mr_waitq_init(&gate);
    web_route(w, "/hello", hello, NULL);
    web_route(w, "/gate", wait_at_gate, NULL);
    connect_all(w);
    send_all(GET("/gate"));
    mr_sys_fault_always(MR_SYS_MMAP, -ENOMEM);
    mr_sys_fault_always(MR_SYS_MADVISE, -ENOMEM);
    mr_sys_fault_always(MR_SYS_MPROTECT, -ENOMEM);
    while (mr_stack_stats().cached > 1) {
        struct mr_stack *st;

        CHECK_EQ_INT(mr_stack_take(MR_STACK_DEFAULT, &st), 0);
        stacks[stacks_n++] = st;
    }
    UNTIL(w->http->starved_n == MANY - 1);
    mr_sys_fault_clear();
    while (stacks_n > 0)
        mr_stack_give(stacks[--stacks_n]);
    UNTIL(w->row.in_flight == MANY);
    CHECK_EQ_INT(mr_waitq_wake_all(&gate, 0), MANY);
    for (size_t i = 0; i < MANY; i++)
        CHECK_EQ_INT(client_answer(clients[i]), 200);
    free_all();
}

/* The server goes before the coroutine has had its first turn. */
WEB(batch_ends_with_the_server)
{
    web_route(w, "/hello", hello, NULL);
    connect_all(w);
    send_all(GET("/hello"));
    UNTIL(w->http->unborn > 0);
    CHECK_OK(!mr_list_is_empty(&w->http->begun));
    free_all();
}

SUITE("a batch", batch_has_one_coroutine, batch_parks_all_at_once,
      batch_stays_watched, batch_beside_a_busy_one)
SUITE("exchanges", batch_keeps_its_exchanges, batch_keeps_what_can_be_trimmed)
SUITE("nothing is shared", batch_shares_no_variables, batch_shares_no_cancel,
      batch_shares_no_name)
SUITE("want and end", batch_without_a_second_stack, batch_ends_with_the_server)
TEST_MAIN()
