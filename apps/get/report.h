/* SPDX-License-Identifier: MIT */
#ifndef APPS_GET_REPORT_H
#define APPS_GET_REPORT_H

/*
 * report.h - what mrget tells: lines for people, events for programs, the
 * tutorial's words, and the live display.
 *
 *     rc = get_report_open(&r, &options);
 *     get_report_start(r, &about);
 *     get_report_done(r, &about, &sum);
 *     get_report_close(r);                     all of it is written now
 *
 * People read standard error, so that standard output is free for `-o -`;
 * events and the tutorial's lines go to standard output. A coroutine writes:
 * nobody waits for a slow terminal, until a MiB waits for it. Functions without
 * a result park only then, and lose what a dead reader does not take.
 *
 * An event is one line of JSON; strings are UTF-8, what was not is U+FFFD:
 *
 *     {"event":"start","id":1,"url":"http://h/a"}
 *     {"event":"redirect","id":1,"url":"http://h/a","to":"http://g/a"}
 *     {"event":"progress","id":1,"bytes":4096,"size":10240,"speed":2048}
 *     {"event":"retry","id":1,"url":"...","error":"...","wait_ms":900,
 *      "retry":1,"of":5}
 *     {"event":"note","id":1,"text":"..."}
 *     {"event":"done","id":1,"url":"...","file":"a","bytes":10240,"ms":12}
 *     {"event":"error","id":1,"url":"...","outcome":"server","exit":8,
 *      "error":"...","kept":false}
 *     {"event":"end","done":1,"failed":0,"bytes":10240,"exit":0}
 *
 * size is null while it is not known, id is 0 for what belongs to no download,
 * file is null for standard output; kept: -c would go on from what is there.
 */
#include "apps/get/display.h"
#include "apps/get/options.h"
#include "apps/get/outcome.h"

struct get_report;

/* What an event is about. */
struct get_about {
    unsigned id;      /* from 1 */
    const char *url;  /* as it was given */
    const char *name; /* of the file; NULL: none yet, or standard output */
};

/* On a hub, of whose first errand it becomes a child. 0, -ENOMEM. */
MR_MUST_USE int get_report_open(struct get_report **ret,
                                const struct get_options *o);
/* Takes the display away, writes what is left (ten seconds at most), frees.
 * May park, shielded. */
void get_report_close(struct get_report *r);

/* Is there a live display? Then get_report_show is to be called. */
bool get_report_is_live(const struct get_report *r);
/* How often progress is wanted: every so many ns; 0: never. */
int64_t get_report_interval(const struct get_report *r);

void get_report_start(struct get_report *r, const struct get_about *a);
void get_report_redirect(struct get_report *r, const struct get_about *a,
                         struct mr_str to);
/* Never parks: a reader that is behind is spared. */
void get_report_progress(struct get_report *r, const struct get_about *a,
                         const struct get_bar *b);
void get_report_retry(struct get_report *r, const struct get_about *a,
                      const char *why, int64_t wait_ms, unsigned retry,
                      unsigned of);
/* Something worth knowing that is no failure; a may be NULL. */
void get_report_note(struct get_report *r, const struct get_about *a,
                     const char *text);
/* The same of what nobody shall miss: on standard error where notes are not
 * shown. */
void get_report_warning(struct get_report *r, const char *text);
/* bytes: of the file. came: those that came in this run, in ns. */
struct get_sum {
    uint64_t bytes;
    uint64_t came;
    int64_t ns;
};
void get_report_done(struct get_report *r, const struct get_about *a,
                     const struct get_sum *sum);
void get_report_error(struct get_report *r, const struct get_about *a,
                      enum get_outcome outcome, const char *why, bool kept);
/* The exit status of GET_INTERRUPTED from now on: 128 and the signal's number.
 * Until then it is 130. */
void get_report_interrupt(struct get_report *r, int status);
/* The last one. */
struct get_tally {
    uint64_t done, failed, bytes;
    bool kept; /* -c would go on with some */
};
void get_report_end(struct get_report *r, const struct get_tally *t,
                    enum get_outcome outcome, int status);

/* What the live display shows from now on. A terminal that has not taken the
 * last ones yet is spared. */
void get_report_show(struct get_report *r, const struct get_bar *bars, size_t n,
                     const struct get_bar *total);
/* The terminal's size may have changed. */
void get_report_resize(struct get_report *r);

#endif
