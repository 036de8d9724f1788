/* SPDX-License-Identifier: MIT */
/* test_compress_pieces.c - compressed answers that come in pieces, are flushed,
 * have several writers; and what goes wrong on the way. */
#include "http/sse.h"
#include "tests/http/compress_util.h"

/* --- pieces --- */

static const size_t sizes[] = {0,
                               1,
                               1023,
                               1024,
                               16 * 1024 - 1,
                               16 * 1024,
                               16 * 1024 + 1,
                               32 * 1024,
                               64 * 1024 + 1,
                               TEXT_MAX};
static const size_t pieces[] = {1, 1000, 32 * 1024, 40000, TEXT_MAX};

static void all_sizes(struct web *w)
{
    struct client *c = client_new(w);
    static const char *const accepts[] = {"gzip", "br", "zstd"};

    prepare();
    web_route(w, "/", answer, &on);
    for (size_t i = 0; i < 3 * MR_ARRAY_LEN(sizes) * MR_ARRAY_LEN(pieces);
         i++) {
        plan = (struct plan){.n = sizes[i / 3 % MR_ARRAY_LEN(sizes)],
                             .piece = pieces[i / 3 / MR_ARRAY_LEN(sizes)]};
        plan.flush = plan.n / plan.piece < 100 && i % 2;
        if (plan.n / plan.piece > 20000)
            continue; /* as the smaller ones, only longer */
        CASE("%s: %zu by %zu", accepts[i % 3], plan.n, plan.piece);
        CHECK_EQ_INT(get(c, "GET", accepts[i % 3]), 200);
        CHECK_EQ_STR(client_field(c, "Content-Encoding"), accepts[i % 3]);
        check_body(c, plan.n);
    }
    CHECK_EQ_INT(w->http->coders.bytes, 0);
    client_free(c);
}

WEB(compress_pieces)
{
    all_sizes(w);
}

/* The libraries want more stack than that: helpers have it. */
WEB(compress_on_small_stacks, .stack_size = 16 * 1024)
{
    struct client *c = client_new(w);

    all_sizes(w);
    plan = (struct plan){.n = 4000};
    CHECK_EQ_INT(get(c, "GET", "br"), 200);
    CHECK_EQ_STR(client_field(c, "Content-Encoding"), "br");
    check_body(c, 4000);
    client_free(c);
}

/* --- what was flushed has come --- */

static struct mr_event go_on;

static int talk(struct mr_request *req, struct mr_response *res, void *self)
{
    int err;

    (void)req;
    mr_response_compress(res, self);
    err = mr_response_start(res, 200, "text/plain", -1);
    if (!err)
        err = mr_response_flush(res); /* the head, and nothing yet */
    for (size_t at = 0; at < 40000 && !err; at += 8000) {
        err = mr_response_write(res, prose + at, 8000);
        if (!err)
            err = mr_response_flush(res);
        if (!err)
            err = mr_response_flush(res); /* and no more */
        if (!err)
            err = mr_event_wait(&go_on, mr_after_s(30));
        mr_event_clear(&go_on);
    }
    return err;
}

WEB(compress_flushes)
{
    static const char *const accepts[] = {"gzip", "br", "zstd"};
    struct client *c = client_new(w);

    prepare();
    mr_event_init(&go_on);
    web_route(w, "/", talk, &on);
    for (size_t i = 0; i < 3; i++) {
        size_t at = 0;

        CASE("%s", accepts[i]);
        client_send(c, i == 0 ? REQUEST("GET /", "Accept-Encoding: gzip\r\n")
                       : i == 1
                           ? REQUEST("GET /", "Accept-Encoding: br\r\n")
                           : REQUEST("GET /", "Accept-Encoding: zstd\r\n"));
        CHECK_EQ_INT(client_head(c), 200);
        CHECK_EQ_STR(client_field(c, "Content-Encoding"), accepts[i]);
        while (at < 40000) {
            ssize_t n = client_find(c, "\r\n"), got;
            bool end;

            CHECK_OK(n > 0);
            if (n <= 0)
                break;
            n = (ssize_t)strtoul(c->in, NULL, 16);
            client_use(c, (size_t)client_find(c, "\r\n"));
            CHECK_EQ_INT(client_take(c, (size_t)n), 0);
            client_use(c, (size_t)client_find(c, "\r\n"));
            got = decode(coding_of(c), c->body, c->body_n, back, sizeof back,
                         &end);
            CHECK_OK(got >= (ssize_t)at && !end);
            if (got < (ssize_t)at + 8000)
                continue; /* one flush may be two chunks */
            at += 8000;
            CHECK_EQ_INT(got, at);
            mr_event_set(&go_on);
        }
        CHECK_EQ_INT(client_take_chunks(c), 0);
        check_body(c, 40000);
    }
    client_free(c);
}

static int events(struct mr_request *req, struct mr_response *res, void *self)
{
    struct mr_sse s;
    int err;

    mr_response_compress(res, self);
    err = mr_sse_open(&s, req, res, 0);
    if (!err)
        err = mr_sse_send(&s, &(struct mr_sse_event){.data = mr_str("one")});
    if (!err)
        err = mr_event_wait(&go_on, mr_after_s(30));
    return err;
}

/* By default as it is; and where the type is named, an event comes at once. */
WEB(compress_event_streams)
{
    static const char *const named[] = {"text/event-stream"};
    struct mr_compress c2;

    prepare();
    mr_event_init(&go_on);
    c2 = on;
    c2.types = named;
    c2.type_n = 1;
    web_route(w, "/", events, &on);
    web_route(w, "/named", events, &c2);
    for (int i = 0; i < 2; i++) {
        struct client *c = client_new(w);
        ssize_t n, got;
        bool end;

        client_send(c, i ? REQUEST("GET /named", "Accept-Encoding: br\r\n")
                         : REQUEST("GET /", "Accept-Encoding: br\r\n"));
        CHECK_EQ_INT(client_head(c), 200);
        CHECK_EQ_STR(client_field(c, "Content-Encoding"), i ? "br" : "");
        CHECK_EQ_STR(client_field(c, "Vary"), i ? "Accept-Encoding" : "");
        n = client_find(c, "\r\n");
        CHECK_OK(n > 0);
        n = (ssize_t)strtoul(c->in, NULL, 16);
        client_use(c, (size_t)client_find(c, "\r\n"));
        CHECK_EQ_INT(client_take(c, (size_t)n), 0);
        got = decode(coding_of(c), c->body, c->body_n, back, sizeof back, &end);
        CHECK_EQ_MEM(back, (size_t)MR_MAX(got, 0), "data: one\n\n", 11);
        client_free(c);
        mr_event_set(&go_on);
        UNTIL(w->row.in_flight == 0);
        mr_event_clear(&go_on);
    }
    CHECK_EQ_INT(w->http->coders.bytes, 0);
}

/* --- what goes wrong --- */

/* Who has no memory to answer says so. */
static int answer_or_plain(struct mr_request *req, struct mr_response *res,
                           void *self)
{
    int err;

    CHECK_EQ_INT(res->x->out.len, 0);
    mr_buf_fini(&res->x->out); /* the head needs memory each time */
    err = answer(req, res, self);
    return err == -ENOMEM ? mr_reply(res, 500, "text/plain", mr_str("none"))
                          : err;
}

/* A handler that breaks its word does so as without compression. */
WEB(compress_and_length)
{
    struct client *c = client_new(w);
    ssize_t n;

    prepare();
    web_route(w, "/", answer, &on);
    plan =
        (struct plan){.n = 50000, .piece = 5000, .announce = true, .lie = 1000};
    CHECK_OK(get(c, "GET", "gzip") < 0);
    CHECK_EQ_STR(client_field(c, "Content-Encoding"), "gzip");
    CHECK_OK(client_sees_end(c));
    client_free(c);
    /* with nothing but the connection's end, it is no end */
    c = client_new(w);
    client_send(c, "GET / HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n");
    while ((n = client_more(c)) > 0)
        continue;
    CHECK_EQ_INT(n, -ECONNRESET);
    client_free(c);
    plan.lie = 0;
    c = client_new(w);
    client_send(c, "GET / HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n");
    while ((n = client_more(c)) > 0)
        continue;
    CHECK_EQ_INT(n, 0);
    client_free(c);
    CHECK_EQ_INT(w->http->coders.bytes, 0);
}

/* No memory for the head: what is answered then is plain, and said to be. */
WEB(compress_is_taken_back)
{
    struct client *c = client_new(w);
    bool plain = false;

    prepare();
    web_route(w, "/", answer_or_plain, &on);
    plan = (struct plan){.n = 4000};
    for (unsigned nth = 1; nth < 60; nth++) {
        CASE("allocation %u", nth);
        mr_sys_fault(MR_SYS_ALLOC, nth, -ENOMEM);
        if (get(c, "GET", "gzip") < 0) {
            mr_sys_fault_clear();
            client_free(c);
            c = client_new(w);
            continue;
        }
        mr_sys_fault_clear();
        if (coding_of(c) == MR_CODING_IDENTITY)
            plain = true;
        else
            check_body(c, 4000);
    }
    CHECK_OK(plain);
    client_free(c);
}

/* An answer that may not be: the error in its place is plain. */
static int owes(struct mr_request *req, struct mr_response *res, void *self)
{
    (void)req;
    mr_response_compress(res, self);
    CHECK_EQ_INT(mr_reply(res, 401, "text/plain", mr_str_n(prose, 4000)),
                 -EINVAL);
    return mr_reply(res, 500, "text/plain", mr_str_n(prose, 4000));
}

WEB(compress_is_taken_back_from_no_answer)
{
    struct client *c = client_new(w);

    prepare();
    web_route(w, "/", owes, &on);
    CHECK_EQ_INT(get(c, "GET", "gzip"), 500);
    check_body(c, 4000);
    client_free(c);
}

static int boast(struct mr_request *req, struct mr_response *res, void *self)
{
    int err;

    (void)req;
    mr_response_compress(res, self);
    err = mr_response_start(res, 200, "text/plain", 5000);
    CHECK_EQ_INT(err, 0);
    CHECK_EQ_INT(mr_response_write(res, prose, 5001), -EMSGSIZE);
    return 0;
}

WEB(compress_cuts_what_is_above)
{
    struct client *c = client_new(w);

    prepare();
    web_route(w, "/", boast, &on);
    CHECK_EQ_INT(get(c, "GET", "zstd"), 200);
    check_body(c, 5000);
    client_free(c);
}

static int for_ever(struct mr_request *req, struct mr_response *res, void *self)
{
    int err;

    (void)req;
    mr_response_compress(res, self);
    err = mr_response_start(res, 200, "text/plain", -1);
    while (!err)
        err = mr_response_write(res, prose, sizeof prose);
    return err;
}

WEB(compress_and_the_client_leaves)
{
    static const char *const accepts[] = {"gzip", "br", "zstd"};

    prepare();
    web_route(w, "/", for_ever, &on);
    for (size_t i = 0; i < 3; i++) {
        struct client *c = client_new(w);

        client_send(c, i == 0 ? REQUEST("GET /", "Accept-Encoding: gzip\r\n")
                       : i == 1
                           ? REQUEST("GET /", "Accept-Encoding: br\r\n")
                           : REQUEST("GET /", "Accept-Encoding: zstd\r\n"));
        CHECK_EQ_INT(client_head(c), 200);
        CHECK_EQ_STR(client_field(c, "Content-Encoding"), accepts[i]);
        CHECK_OK(client_more(c) > 0);
        CHECK_OK(w->http->coders.bytes > 0);
        client_free(c);
        UNTIL(w->row.in_flight == 0);
    }
    UNTIL(w->http->coders.bytes == 0);
}

/* With all coders at work the next answers are sent as they are. */
WEB(compress_has_a_bound)
{
    struct client *c = client_new(w);
    struct mr_coder *taken[256];
    size_t n = 0;

    prepare();
    web_route(w, "/", answer, &on);
    while (n < MR_ARRAY_LEN(taken) &&
           mr_coder_take(&w->http->coders, MR_CODING_ZSTD, 1, -1, &taken[n]) ==
               0)
        n++;
    CHECK_OK(n < MR_ARRAY_LEN(taken));
    for (int i = 0; i < 2; i++) {
        plan = (struct plan){.n = i ? 50000 : 4000};
        CHECK_EQ_INT(get(c, "GET", "zstd"), 200);
        CHECK_EQ_STR(client_field(c, "Content-Encoding"), "");
        CHECK_EQ_STR(client_field(c, "Vary"), "Accept-Encoding");
        check_body(c, plan.n);
    }
    while (n > 0)
        mr_coder_give(taken[--n]);
    CHECK_EQ_INT(get(c, "GET", "zstd"), 200);
    CHECK_EQ_STR(client_field(c, "Content-Encoding"), "zstd");
    client_free(c);
}

/* Each allocation of an answer fails once: it is right, or an error, or cut. */
WEB(compress_without_memory)
{
    static const char *const accepts[] = {"gzip", "br", "zstd"};

    prepare();
    web_route(w, "/", answer, &on);
    for (size_t i = 0; i < 6; i++) {
        bool failed = true;

        for (unsigned nth = 1; failed; nth++) {
            struct client *c = client_new(w);
            int status;

            plan = (struct plan){.n = i % 2 ? 70000 : 8000};
            plan.piece = i % 2 ? 7000 : 0;
            CASE("%s, %zu bytes, allocation %u", accepts[i / 2], plan.n, nth);
            mr_sys_fault(MR_SYS_ALLOC, nth, -ENOMEM);
            status = get(c, "GET", accepts[i / 2]);
            failed = mr_sys_calls(MR_SYS_ALLOC) >= nth;
            mr_sys_fault_clear();
            if (status == 200)
                check_body(c, plan.n);
            else
                CHECK_OK(status < 0 || status == 503 || status == 500);
            client_free(c);
            UNTIL(w->row.in_flight == 0 && w->http->live == 0);
            /* the next one begins as this one did */
            mr_coder_pool_fini(&w->http->coders);
        }
    }
}

/* Several coroutines of one handler: each write's bytes stay together. */
static int write_lines(struct mr_response *res, char letter)
{
    char line[3000];
    int err = 0;

    memset(line, letter, sizeof line);
    for (int i = 0; i < 30 && !err; i++) {
        err = mr_response_write(res, line, sizeof line);
        if (!err && i % 7 == 0)
            err = mr_response_flush(res);
        if (!err)
            err = mr_yield();
    }
    return err;
}

static struct mr_response *shared;

static intptr_t one_writer(void *letter)
{
    return write_lines(shared, (char)(intptr_t)letter);
}

static int several(struct mr_request *req, struct mr_response *res, void *self)
{
    int err;

    (void)req;
    mr_response_compress(res, self);
    err = mr_response_start(res, 200, "text/plain", -1);
    shared = res;
    if (!err && (!mr_spawn(one_writer, (void *)(intptr_t)'b') ||
                 !mr_spawn(one_writer, (void *)(intptr_t)'c')))
        err = -ENOMEM;
    if (!err)
        err = write_lines(res, 'a');
    return err ? err : mr_group_wait(mr_group_own(), mr_after_s(30));
}

WEB(compress_several_writers)
{
    static const char *const accepts[] = {"gzip", "br", "zstd"};
    struct client *c = client_new(w);

    prepare();
    web_route(w, "/", several, &on);
    for (size_t i = 0; i < 3; i++) {
        size_t seen[3] = {0};
        bool end;

        CASE("%s", accepts[i]);
        CHECK_EQ_INT(get(c, "GET", accepts[i]), 200);
        CHECK_EQ_INT(
            decode(coding_of(c), c->body, c->body_n, back, sizeof back, &end),
            3 * 30 * 3000);
        CHECK_OK(end);
        for (size_t at = 0; at < 3 * 30 * 3000; at += 3000) {
            CHECK_OK(memcmp(back + at, back + at + 1, 2999) == 0);
            CHECK_OK(back[at] >= 'a' && back[at] <= 'c');
            seen[(back[at] - 'a') % 3]++;
        }
        CHECK_OK(seen[0] == 30 && seen[1] == 30 && seen[2] == 30);
    }
    client_free(c);
}

SUITE("in pieces", compress_pieces, compress_on_small_stacks, compress_flushes,
      compress_event_streams, compress_several_writers)
SUITE("what goes wrong", compress_and_length, compress_is_taken_back,
      compress_is_taken_back_from_no_answer, compress_cuts_what_is_above,
      compress_and_the_client_leaves, compress_has_a_bound,
      compress_without_memory)
TEST_MAIN()
