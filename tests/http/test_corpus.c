/* SPDX-License-Identifier: MIT */
/*
 * test_corpus.c - the requests of tests/http/corpus/ over real connections:
 * whole, byte by byte, and cut in two at every place. However the bytes come,
 * the outcome is the same.
 *
 * The second piece is sent when the server has read the first: it counts the
 * bytes it has read, and works through all of them before it waits again.
 * CORPUS_ALL=1 leaves no place out (make e2e does that); else each case is cut
 * at a third of them.
 */
#define CLIENT_WAIT_S 10

#include <string.h>

#include "core/buf.h"
#include "tests/http/corpus.h"
#include "tests/http/http_util.h"

#define CORPUS "tests/http/corpus"
/* Failures after which the rest would say the same. */
#define ENOUGH 25
/* Of longer requests only so many places at both ends, and some between. */
#define LONG 1024
#define CUTS_AT_ENDS 128
#define CUTS_APART 257

static const char probe[] = "GET /.probe HTTP/1.1\r\nHost: probe\r\n"
                            "Connection: close\r\n\r\n";
static const struct corpus_seen probe_seen = {
    .method = {"GET", 3},
    .target = {"/.probe", 7},
    .path = {"/.probe", 7},
    .host = {"probe", 5},
    .body = {"", 0},
};

/* The app: says how it has understood the request. */
static int say(struct mr_request *req, struct mr_response *res, void *self)
{
    struct corpus_seen seen = {
        .method = mr_method_text(mr_request_method(req)),
        .target = mr_request_target(req),
        .path = mr_request_path(req),
        .query = mr_request_query_text(req),
        .host = mr_request_host(req),
        .x = mr_request_header(req, "x"),
    };
    struct mr_buf body = {0};
    struct mr_str piece;
    int rc;

    (void)self;
    if (seen.host.n == 0)
        seen.host.p = NULL;
    while ((rc = mr_request_next(req, &piece)) > 0)
        CHECK_EQ_INT(mr_buf_append(&body, piece.p, piece.n), 0);
    if (rc == 0) {
        seen.body = body.data ? mr_buf_view(&body) : mr_str("");
        rc = mr_reply(res, 200, "text/plain",
                      corpus_say(mr_request_arena(req), &seen));
    }
    mr_buf_fini(&body);
    return rc;
}

/* --- one case, sent one way --- */

struct talk {
    struct web *w;
    struct client *c;
    const struct corpus_case *of;
    const char *how;
    uint64_t before; /* what the server had read before it */
    size_t sent;
    bool ended; /* the server has closed */
    struct mr_str probe_text;
    int failures;
};

static bool __attribute__((format(printf, 2, 3)))
fails(struct talk *t, const char *fmt, ...)
{
    char text[512], head[64], bytes[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    snprintf(head, sizeof head, "%.*s", (int)strcspn(t->c->head, "\r"),
             t->c->head);
    mr_str_escape(bytes, sizeof bytes, t->of->bytes);
    CHECK_FAIL("%s:%d: %s, %zu sent: %s; last head \"%s\", body \"%.300s\"\n"
               "      %s",
               t->of->file, t->of->line, t->how, t->sent, text, head,
               t->c->body, bytes);
    t->failures++;
    return false;
}

static bool cut_everywhere(void)
{
    const char *all = getenv("CORPUS_ALL");

    return all && *all;
}

static void note_input(struct talk *t)
{
    struct client *c = t->c;
    ssize_t n =
        mr_sys_recv(c->fd, c->in + c->n, sizeof c->in - c->n, MSG_DONTWAIT);

    if (n > 0)
        c->n += (size_t)n;
    else if (n != -EAGAIN)
        t->ended = true;
}

/* Send, and wait until it is read, or until the server has ended; that is
 * looked at now and then, as it rarely has. */
static void send_piece(struct talk *t, const char *p, size_t n)
{
    if (t->ended)
        return;
    client_send_n(t->c, p, n);
    t->sent += n;
    /* A sleep that is over at once lets the hub look at its descriptors; a
     * yield need not. */
    for (unsigned i = 1; t->w->row.bytes_in - t->before < t->sent; i++) {
        if (i % 4 == 0)
            note_input(t);
        if (t->ended || mr_sleep(mr_hub_now() + 1))
            return;
    }
}

static bool answer_is(struct talk *t, const struct corpus_want *want)
{
    struct client *c = t->c;
    int status;

    do
        status = want->head ? client_head(c) : client_answer(c);
    while (status >= 100 && status < 200);
    if (status != want->status)
        return fails(t, "want %d, got %d (%s)", want->status, status,
                     status < 0 ? strerror(-status) : "");
    if (want->kind == CORPUS_APP && !want->head &&
        !mr_str_eq(mr_str_n(c->body, c->body_n), want->text))
        return fails(t, "want \"%.*s\"", MR_STR(want->text));
    if (want->close && strcmp(client_field(c, "Connection"), "close") != 0)
        return fails(t, "no Connection: close");
    return true;
}

static bool ends(struct talk *t)
{
    return client_sees_end(t->c) || fails(t, "it goes on: %.200s", t->c->in);
}

/* What the case says; then a probe, or the end. */
static bool outcome_is_right(struct talk *t, bool probed)
{
    const struct corpus_case *k = t->of;
    struct corpus_want want = {.close = false};

    for (int i = 0; i < k->want_n; i++) {
        want = k->want[i];
        /* also when it is refused */
        want.head = want.head || (i == 0 && mr_str_starts(k->bytes, "HEAD "));
        if (want.status && !answer_is(t, &want))
            return false;
    }
    if (want.close)
        return ends(t);
    if (!probed)
        client_send_n(t->c, probe, sizeof probe - 1);
    want = (struct corpus_want){.status = 200, .close = true};
    want.text = t->probe_text;
    return answer_is(t, &want) && ends(t);
}

enum { WHOLE, ALONE, BYTES, SPLIT };

/* Of a long request only the ends come byte by byte, unless all is asked for.
 */
static void send_in_pieces(struct talk *t, const char *p, size_t n)
{
    size_t at = 0;

    while (at + 1 < n) {
        bool between = at >= CUTS_AT_ENDS && at + CUTS_AT_ENDS < n;
        size_t piece = between && n > LONG && !cut_everywhere() ? 13 : 1;

        send_piece(t, p + at, piece);
        at += piece;
    }
}

/* The case in one of the ways; SPLIT: with a second piece from `at` on. */
static void run(struct talk *t, const struct corpus_case *k, int way, size_t at)
{
    static const char *const names[] = {"with a request behind it", "alone",
                                        "byte by byte", "in two"};
    static char both[200 * 1024];
    struct client *c = t->c;
    bool probed = way == WHOLE && !k->cut;
    size_t n = k->bytes.n;

    t->of = k;
    t->how = names[way];
    t->before = t->w->row.bytes_in;
    t->sent = 0;
    t->ended = false;
    c->n = c->body_n = 0;
    c->head[0] = c->body[0] = '\0';
    c->fd = mr_connect(&t->w->at, mr_after_s(CLIENT_WAIT_S));
    CHECK_OK(c->fd >= 0 && n + sizeof probe < sizeof both);
    memcpy(both, k->bytes.p, n);
    memcpy(both + n, probe, sizeof probe - 1);
    if (way == BYTES)
        send_in_pieces(t, both, n);
    if (way == SPLIT)
        send_piece(t, both, at);
    if (!t->ended)
        client_send_n(c, both + t->sent,
                      n - t->sent + (probed ? sizeof probe - 1 : 0));
    if (k->cut)
        mr_sys_shutdown(c->fd, SHUT_WR);
    (void)outcome_is_right(t, probed);
    mr_fd_close(c->fd);
}

/* Unless all is asked for, a case is cut at each third place, its neighbours
 * at the others. */
static bool is_a_place(size_t i, size_t at, size_t n)
{
    if (cut_everywhere())
        return true;
    if (n > LONG && at > CUTS_AT_ENDS && at + CUTS_AT_ENDS < n)
        return at % CUTS_APART == i % CUTS_APART;
    return at % 3 == i % 3;
}

/* --- all cases, one way --- */

/* Where a test says that it is slow, some of them. */
static void run_all(struct web *w, int way)
{
    struct talk t = {.w = w};
    struct corpus corpus;
    struct client *c = calloc(1, sizeof *c);
    size_t step = 1000 / (size_t)TEST_SCALE(1000);

    OK(c);
    t.c = c;
    web_route(w, "/", say, NULL);
    CHECK_OK(corpus_read(&corpus, CORPUS));
    t.probe_text = corpus_say(&corpus.arena, &probe_seen);
    for (size_t i = 0; i < corpus.n && t.failures < ENOUGH; i += step) {
        const struct corpus_case *k = &corpus.v[i];

        CASE("%s:%d", k->file, k->line);
        if (way != SPLIT)
            run(&t, k, way, 0);
        else
            for (size_t at = 1; at < k->bytes.n && t.failures < ENOUGH; at++)
                if (is_a_place(i, at, k->bytes.n))
                    run(&t, k, SPLIT, at);
    }
    corpus_free(&corpus);
    free(c);
}

WEB(corpus_with_a_request_behind)
{
    run_all(w, WHOLE);
}

WEB(corpus_alone)
{
    run_all(w, ALONE);
}

WEB(corpus_byte_by_byte)
{
    run_all(w, BYTES);
}

WEB(corpus_in_two)
{
    run_all(w, SPLIT);
}

static int by_bytes(const void *a, const void *b)
{
    const struct corpus_case *x = a, *y = b;
    int order = mr_str_cmp(x->bytes, y->bytes);

    return order ? order : (int)x->cut - (int)y->cut;
}

/* No case stands there twice, and there are as many as were promised. */
TEST(corpus_is_large_and_has_no_doubles)
{
    struct corpus c;

    OK(corpus_read(&c, CORPUS));
    printf("%zu cases\n", c.n);
    CHECK_OK(c.n >= 1500);
    qsort(c.v, c.n, sizeof *c.v, by_bytes);
    for (size_t i = 1; i < c.n; i++)
        if (by_bytes(&c.v[i - 1], &c.v[i]) == 0)
            CHECK_FAIL("%s:%d and %s:%d are the same", c.v[i - 1].file,
                       c.v[i - 1].line, c.v[i].file, c.v[i].line);
    corpus_free(&c);
}

SUITE("corpus", corpus_is_large_and_has_no_doubles,
      corpus_with_a_request_behind, corpus_alone, corpus_byte_by_byte,
      corpus_in_two)
TEST_MAIN()
