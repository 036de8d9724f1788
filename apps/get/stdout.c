/* SPDX-License-Identifier: MIT */

/*
 * stdout.c - a download to standard output.
 *
 * What was written cannot be taken back. So after a cut it goes on only by a
 * range of the same version of the file, and a checksum is known only when all
 * is out: a wrong one is told by the exit status.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "apps/get/download.h"
#include "apps/get/out.h"
#include "core/sys.h"
#include "core/timer.h"
#include "io/digest.h"
#include "io/fd.h"

#define BUFFER ((size_t)64 * 1024)

struct pipe_out {
    struct get_download *d;
    struct mr_digest *digest; /* NULL: none is wanted */
    int fd;
    char *buf;
    int64_t sent;
};

static int wrong(struct get_download *d, const char *text,
                 struct get_failure *f)
{
    get_set_why(d, d->item->urls[0], text);
    *f = (struct get_failure){
        .outcome = GET_FILE, .file = true, .retry_after_ms = -1};
    return -EIO;
}

/* The body, or of it what is before byte `to`. */
static int pour(struct pipe_out *p, struct mr_call *call, int64_t to,
                struct get_failure *f)
{
    struct get_download *d = p->d;
    ssize_t n = 0;
    int rc;

    d->state = GET_RECEIVING;
    while (p->sent < to &&
           (n = mr_call_read(call, p->buf,
                             (size_t)MR_MIN((int64_t)BUFFER, to - p->sent),
                             d->deadline)) > 0) {
        rc = get_out_write(p->fd, p->buf, (size_t)n, MR_NEVER);
        if (rc == -ECANCELED)
            break;
        if (rc)
            return wrong(d,
                         rc == -EPIPE ? "nobody reads standard output"
                                      : strerror(-rc),
                         f);
        if (p->digest && mr_digest_add(p->digest, p->buf, (size_t)n))
            return wrong(d, "its checksum cannot be computed", f);
        p->sent += n;
        d->came += (size_t)n;
        if (d->e->rate.per_second > 0 &&
            get_rate_take(&d->e->rate, (size_t)n, d->deadline) != 0)
            break;
        n = 0;
    }
    if (n == 0 && p->sent < to && to < INT64_MAX) {
        get_set_why(d, d->item->urls[0], "the answer ended too early");
        *f = (struct get_failure){
            .outcome = GET_NETWORK, .again = true, .retry_after_ms = -1};
        return -ENODATA;
    }
    if (n == 0)
        return 0;
    rc = n < 0 ? (int)n : -ECANCELED;
    snprintf(d->why, sizeof d->why, "%s", mr_call_why(call));
    *f = (struct get_failure){.outcome = get_outcome_of_error(rc),
                              .again = get_is_worth_a_retry(rc, 0),
                              .retry_after_ms = -1};
    return rc;
}

static int take(struct pipe_out *p, struct get_mirror *m, struct mr_call *call,
                const struct get_answer *a, struct get_failure *f)
{
    struct get_download *d = p->d;
    char text[128];

    *f = (struct get_failure){.outcome = GET_CONTENT, .retry_after_ms = -1};
    if (a->kind == GET_ANSWER_WHOLE && p->sent == 0) {
        d->length = a->total;
        d->validator_n = MR_MIN(a->validator.n, sizeof d->validator);
        memcpy(d->validator, a->validator.p ?: "", d->validator_n);
        return pour(p, call, INT64_MAX, f);
    }
    if (a->kind == GET_ANSWER_PART && get_is_same(d, a))
        return pour(p, call, a->to, f);
    if (a->kind == GET_ANSWER_NO) {
        snprintf(text, sizeof text, "status %d", a->status);
        get_set_why(d, m->url, text);
        f->outcome = get_outcome_of_status(a->status) ?: GET_SERVER;
        f->again = get_is_worth_a_retry(0, a->status);
        f->retry_after_ms = a->retry_after_ms;
    } else if (a->kind == GET_ANSWER_BAD) {
        get_set_why(d, m->url, a->why);
        f->outcome = GET_PROTOCOL;
    } else {
        get_set_why(d, m->url,
                    "it was cut, and cannot be gone on with: what "
                    "was written stays short");
    }
    return -EIO;
}

static int try_once(struct pipe_out *p, struct get_mirror *m,
                    struct get_failure *f)
{
    struct get_download *d = p->d;
    struct get_answer a;
    struct get_call c;
    int rc;

    d->state = GET_ASKING;
    if (p->sent > 0 && !get_can_range(d)) {
        get_set_why(d, m->url,
                    "it was cut, and its server gives no parts: "
                    "what was written stays short");
        *f = (struct get_failure){.outcome = GET_NETWORK, .retry_after_ms = -1};
        return -EIO;
    }
    rc = get_ask(d, m, p->sent > 0 ? p->sent : -1, -1, &c, &a, f);
    if (rc == 0)
        rc = take(p, m, c.call, &a, f);
    get_hang_up(&c);
    return rc;
}

static void check_sum(struct pipe_out *p)
{
    struct mr_checksum got;

    if (!p->digest)
        return;
    if (mr_digest_end(p->digest, &got) == 0 &&
        mr_checksum_eq(&got, &p->d->e->checksum))
        return;
    get_set_why(p->d, p->d->item->urls[0],
                "its checksum is wrong, and it is written already");
    p->d->outcome = GET_CONTENT;
}

static void run(struct pipe_out *p)
{
    struct get_download *d = p->d;
    struct get_failure f;
    struct get_mirror *m;

    do {
        m = get_pick_mirror(d, false);
        while (try_once(p, m, &f) == 0) {
            if (d->length < 0 || p->sent >= d->length) {
                check_sum(p);
                return;
            }
        } /* a server may give less of a range than was asked for */
    } while (get_try_again(d, m, &f));
}

void get_to_stdout(struct get_download *d)
{
    struct pipe_out p = {.d = d, .buf = mr_alloc(BUFFER)};
    struct get_report *r = d->e->report;
    int own = get_out_open(STDOUT_FILENO);
    int rc = p.buf ? 0 : -ENOMEM;

    p.fd = own >= 0 ? own : STDOUT_FILENO;

    if (rc == 0 && d->e->o->checksum)
        rc = mr_digest_new(&p.digest, d->e->checksum.kind);
    if (rc == 0) {
        run(&p);
    } else {
        get_set_why(d, d->item->urls[0], strerror(-rc));
        d->outcome = GET_OTHER;
    }
    mr_digest_free(p.digest);
    mr_free(p.buf);
    mr_fd_close(own);
    if (d->outcome == GET_OK)
        get_report_done(
            r, &d->about,
            &(struct get_sum){(uint64_t)p.sent, d->came, mr_now() - d->began});
    else if (d->outcome != GET_INTERRUPTED || d->e->o->style == GET_JSON)
        get_report_error(r, &d->about, d->outcome,
                         d->outcome == GET_INTERRUPTED ? "interrupted" : d->why,
                         false);
    get_engine_count(d->e, d->outcome, (uint64_t)p.sent, false);
}
