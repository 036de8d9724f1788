/* SPDX-License-Identifier: MIT */

/*
 * report.c - what is told, and the coroutine that writes it.
 *
 * Invariants
 *  (1) Only the writer touches the descriptor; what it writes it has taken out
 *      of `buf` before, so others may append while it is parked.
 *  (2) Text is appended by whole lines, or by whole pictures of the display: so
 *      what is written is never mixed.
 *  (3) Out of memory, or with a dead reader, a line is lost and nothing else.
 */
#include "apps/get/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "apps/get/json.h"
#include "apps/get/out.h"
#include "apps/get/units.h"
#include "core/sync.h"
#include "core/sys.h"
#include "core/timer.h"
#include "io/fd.h"

#define MOST_WAITING ((size_t)1 << 20)
/* Lines that nobody watches are gathered for so long. */
#define GATHER_MS 50
#define LIVE_INTERVAL_NS INT64_C(100000000)
#define LINES_INTERVAL_NS INT64_C(10000000000)
#define JSON_INTERVAL_NS INT64_C(1000000000)

struct get_report {
    enum get_style style;
    int fd, own;
    int interrupted; /* the exit status of it */
    bool live;
    bool dead;  /* nobody reads it any more */
    bool ended; /* the writer leaves when all is written */
    struct get_display display;
    struct mr_buf buf;     /* to be written */
    struct mr_buf line;    /* the one being made */
    struct mr_buf writing; /* the writer's */
    struct mr_event more;
    struct mr_event room;
    struct mr_event closing; /* wait no longer */
    struct mr_coro *writer;
};

static intptr_t write_all(void *arg)
{
    struct get_report *r = arg;

    for (;;) {
        if (mr_event_wait(&r->more, MR_NEVER) != 0)
            return 0;
        if (!r->live && r->style != GET_TUTORIAL &&
            mr_event_wait(&r->closing, mr_after_ms(GATHER_MS)) == -ECANCELED)
            return 0;
        mr_event_clear(&r->more);
        mr_buf_reset(&r->writing);
        struct mr_buf b = r->writing;
        r->writing = r->buf;
        r->buf = b;
        mr_event_set(&r->room);
        if (!r->dead && get_out_write(r->fd, mr_buf_head(&r->writing),
                                      r->writing.len, MR_NEVER) != 0)
            r->dead = true;
        mr_buf_reset(&r->writing);
        if (r->ended && r->buf.len == 0)
            return 0;
    }
}

/* --- the terminal --- */

static bool is_terminal(int fd)
{
    const char *term = getenv("TERM");

    return isatty(fd) && term && *term && strcmp(term, "dumb") != 0;
}

void get_report_resize(struct get_report *r)
{
    struct winsize w = {0};

    if (r->live && ioctl(r->fd, TIOCGWINSZ, &w) == 0)
        get_display_resize(&r->display, w.ws_col, w.ws_row);
}

int get_report_open(struct get_report **ret, const struct get_options *o)
{
    struct get_report *r = mr_calloc(1, sizeof *r);
    const char *plain = getenv("NO_COLOR");

    if (!r)
        return -ENOMEM;
    r->style = o->style;
    r->interrupted = GET_INTERRUPTED;
    r->fd = o->style == GET_JSON || o->style == GET_TUTORIAL ? STDOUT_FILENO
                                                             : STDERR_FILENO;
    if (r->fd == STDOUT_FILENO && o->output && strcmp(o->output, "-") == 0)
        r->fd = STDERR_FILENO;
    r->live = o->style == GET_LINES && is_terminal(r->fd);
    r->own = get_out_open(r->fd);
    if (r->own >= 0)
        r->fd = r->own;
    get_display_init(&r->display, 0, 0, !(plain && *plain));
    get_report_resize(r);
    mr_buf_init(&r->buf);
    mr_buf_init(&r->line);
    mr_buf_init(&r->writing);
    mr_event_init(&r->more);
    mr_event_init(&r->room);
    mr_event_init(&r->closing);
    r->writer = mr_spawn(write_all, r);
    if (!r->writer) {
        get_display_fini(&r->display);
        mr_fd_close(r->own);
        mr_free(r);
        return -ENOMEM;
    }
    *ret = r;
    return 0;
}

void get_report_close(struct get_report *r)
{
    struct mr_scope shield;
    int rc;

    if (r->live)
        (void)!get_display_hide(&r->display, &r->buf); /* invariant 3 */
    r->live = false;
    r->ended = true;
    mr_event_set(&r->closing);
    mr_event_set(&r->more);
    mr_shield_enter(&shield, mr_after_s(10));
    rc = mr_join(r->writer, NULL, MR_NEVER);
    mr_shield_leave(&shield);
    if (rc) { /* its reader does not read */
        mr_cancel(r->writer);
        mr_shield_enter(&shield, MR_NEVER);
        (void)!mr_join(r->writer, NULL, MR_NEVER); /* it ends at its wait */
        mr_shield_leave(&shield);
    }
    mr_fd_close(r->own);
    mr_buf_fini(&r->buf);
    mr_buf_fini(&r->line);
    mr_buf_fini(&r->writing);
    get_display_fini(&r->display);
    mr_free(r);
}

bool get_report_is_live(const struct get_report *r)
{
    return r->live;
}

int64_t get_report_interval(const struct get_report *r)
{
    if (r->live)
        return LIVE_INTERVAL_NS;
    if (r->style == GET_LINES)
        return LINES_INTERVAL_NS;
    return r->style == GET_JSON ? JSON_INTERVAL_NS : 0;
}

/* --- a line --- */

/* Until the writer has taken most of what waits; not for ever. */
static void wait_for_room(struct get_report *r)
{
    while (r->buf.len > MOST_WAITING && !r->dead) {
        mr_event_clear(&r->room);
        if (mr_event_wait(&r->room, MR_NEVER) != 0)
            return;
    }
}

/* What was made in r->line is told. Never parks. */
static void say_at_once(struct get_report *r)
{
    int rc;

    if (r->dead) {
        mr_buf_reset(&r->line);
        return;
    }
    if (r->live)
        rc = get_display_show(&r->display, &r->buf, mr_buf_view(&r->line));
    else
        rc = mr_buf_append(&r->buf, mr_buf_head(&r->line), r->line.len);
    mr_buf_reset(&r->line);
    if (rc == 0)
        mr_event_set(&r->more);
}

static void say(struct get_report *r)
{
    say_at_once(r);
    wait_for_room(r);
}

static void MR_PRINTF(2, 3) put(struct get_report *r, const char *fmt, ...)
{
    char text[2048];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n > 0)
        (void)!mr_buf_append(&r->line, text, /* invariant 3 */
                             MR_MIN((size_t)n, sizeof text - 1));
}

/* Text of others, for a terminal: no control bytes. */
static void put_clean(struct get_report *r, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c < 0x20 || c == 0x7f)
            put(r, "\\x%02X", c);
        else
            (void)!mr_buf_append(&r->line, text, 1); /* invariant 3 */
    }
}

/* {"event":"...","id":1 */
static void event(struct get_report *r, const char *what,
                  const struct get_about *a)
{
    put(r, "{\"event\":\"%s\",\"id\":%u", what, a ? a->id : 0);
}

static void member(struct get_report *r, const char *key, struct mr_str value)
{
    put(r, ",\"%s\":", key);
    if (value.p)
        (void)!get_json_string(&r->line, value); /* invariant 3 */
    else
        put(r, "null");
}

static const char *shown_as(const struct get_about *a)
{
    return a->name ? a->name : a->url;
}

/* --- what there is to tell --- */

void get_report_start(struct get_report *r, const struct get_about *a)
{
    if (r->style == GET_JSON) {
        event(r, "start", a);
        member(r, "url", mr_str(a->url));
        put(r, "}\n");
    } else if (r->style == GET_TUTORIAL) {
        put(r, "GET: ");
        put_clean(r, a->url);
        put(r, "\n");
    } else {
        return;
    }
    say(r);
}

void get_report_redirect(struct get_report *r, const struct get_about *a,
                         struct mr_str to)
{
    if (r->style != GET_JSON)
        return;
    event(r, "redirect", a);
    member(r, "url", mr_str(a->url));
    member(r, "to", to);
    put(r, "}\n");
    say(r);
}

void get_report_progress(struct get_report *r, const struct get_about *a,
                         const struct get_bar *b)
{
    char have[GET_UNIT_TEXT], size[GET_UNIT_TEXT], left[GET_UNIT_TEXT];

    if (r->buf.len > MOST_WAITING)
        return;
    if (r->style == GET_JSON) {
        event(r, "progress", a);
        put(r, ",\"bytes\":%" PRIu64 ",\"size\":", b->have);
        if (b->size < 0)
            put(r, "null");
        else
            put(r, "%" PRId64, b->size);
        put(r, ",\"speed\":%" PRIu64 "}\n", b->speed);
    } else {
        put_clean(r, shown_as(a));
        put(r, ": %s", get_size_text(have, b->have));
        if (b->size >= 0)
            put(r, " of %s", get_size_text(size, (uint64_t)b->size));
        put(r, ", %s/s", get_size_text(have, b->speed));
        if (b->size >= 0 && b->speed > 0)
            put(r, ", %s left",
                get_time_text(left, get_time_left(b->have, b->size, b->speed)));
        put(r, "\n");
    }
    say_at_once(r);
}

void get_report_retry(struct get_report *r, const struct get_about *a,
                      const char *why, int64_t wait_ms, unsigned retry,
                      unsigned of)
{
    if (r->style == GET_JSON) {
        event(r, "retry", a);
        member(r, "url", mr_str(a->url));
        member(r, "error", mr_str(why));
        put(r, ",\"wait_ms\":%" PRId64 ",\"retry\":%u,\"of\":%u}\n", wait_ms,
            retry, of);
    } else if (r->style == GET_LINES) {
        put_clean(r, why);
        put(r, "; again in %.1f s (%u of %u)\n", (double)wait_ms / 1000, retry,
            of);
    } else {
        return;
    }
    say(r);
}

void get_report_note(struct get_report *r, const struct get_about *a,
                     const char *text)
{
    if (r->style == GET_JSON) {
        event(r, "note", a);
        member(r, "text", mr_str(text));
        put(r, "}\n");
    } else if (r->style == GET_LINES) {
        put(r, "mrget: ");
        put_clean(r, text);
        put(r, "\n");
    } else {
        return;
    }
    say(r);
}

void get_report_warning(struct get_report *r, const char *text)
{
    if (r->style == GET_JSON || r->style == GET_LINES)
        get_report_note(r, NULL, text);
    else
        fprintf(stderr, "mrget: %s\n", text);
}

void get_report_done(struct get_report *r, const struct get_about *a,
                     const struct get_sum *sum)
{
    char size[GET_UNIT_TEXT], speed[GET_UNIT_TEXT];
    double seconds = (double)MR_MAX(sum->ns, 1) / 1e9;

    switch (r->style) {
    case GET_JSON:
        event(r, "done", a);
        member(r, "url", mr_str(a->url));
        member(r, "file", mr_str(a->name));
        put(r, ",\"bytes\":%" PRIu64 ",\"ms\":%" PRId64 "}\n", sum->bytes,
            sum->ns / 1000000);
        break;
    case GET_TUTORIAL:
        put(r, "%" PRIu64 " bytes received from ", sum->bytes);
        put_clean(r, a->url);
        put(r, ".\n");
        break;
    case GET_LINES:
        put_clean(r, shown_as(a));
        put(r, ": %s", get_size_text(size, sum->bytes));
        if (sum->came > 0)
            put(r, " in %.1f s, %s/s", seconds,
                get_size_text(speed, (uint64_t)((double)sum->came / seconds)));
        put(r, "\n");
        break;
    case GET_QUIET:
        return;
    }
    say(r);
}

void get_report_error(struct get_report *r, const struct get_about *a,
                      enum get_outcome outcome, const char *why, bool kept)
{
    struct mr_buf mine;

    if (r->style == GET_JSON) {
        event(r, "error", a);
        member(r, "url", a ? mr_str(a->url) : (struct mr_str){0});
        put(r, ",\"outcome\":\"%s\",\"exit\":%d", get_outcome_name(outcome),
            outcome == GET_INTERRUPTED ? r->interrupted : (int)outcome);
        member(r, "error", mr_str(why));
        put(r, ",\"kept\":%s}\n", kept ? "true" : "false");
        say(r);
        return;
    }
    put(r, "mrget: ");
    put_clean(r, why);
    put(r, "%s\n", kept ? " (-c goes on from what is there)" : "");
    if (r->style != GET_TUTORIAL) {
        say(r);
        return;
    }
    /* Standard output is the tutorial's alone. Others make lines meanwhile. */
    mine = r->line;
    mr_buf_init(&r->line);
    (void)!get_out_write(STDERR_FILENO, mr_buf_head(&mine), mine.len,
                         mr_after_s(10)); /* invariant 3 */
    mr_buf_fini(&mine);
}

void get_report_interrupt(struct get_report *r, int status)
{
    r->interrupted = status;
}

void get_report_end(struct get_report *r, const struct get_tally *t,
                    enum get_outcome outcome, int status)
{
    char size[GET_UNIT_TEXT];

    if (r->style == GET_JSON) {
        put(r,
            "{\"event\":\"end\",\"done\":%" PRIu64 ",\"failed\":%" PRIu64
            ",\"bytes\":%" PRIu64 ",\"exit\":%d}\n",
            t->done, t->failed, t->bytes, status);
        say(r);
        return;
    }
    if (r->style == GET_TUTORIAL)
        return;
    if (outcome == GET_INTERRUPTED)
        put(r, "mrget: interrupted%s\n",
            t->kept ? "; the same command with -c goes on" : "");
    else if (r->style == GET_LINES && t->done + t->failed > 1)
        put(r, "%" PRIu64 " files, %s; %" PRIu64 " failed\n", t->done,
            get_size_text(size, t->bytes), t->failed);
    if (r->line.len > 0)
        say(r);
}

void get_report_show(struct get_report *r, const struct get_bar *bars, size_t n,
                     const struct get_bar *total)
{
    if (!r->live || r->buf.len > 0)
        return;
    if (get_display_set(&r->display, bars, n, total) == 0 &&
        get_display_show(&r->display, &r->buf, (struct mr_str){0}) == 0)
        mr_event_set(&r->more);
}
