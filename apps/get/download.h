/* SPDX-License-Identifier: MIT */
#ifndef APPS_GET_DOWNLOAD_H
#define APPS_GET_DOWNLOAD_H

/*
 * download.h - one file: from its first request until it has its name.
 *
 *     get_download_run(engine, host, item);      a coroutine of its own
 *
 *     download.c   the tries: what to ask for, and what to do when it fails
 *     ask.c        a request for a part of it
 *     place.c      the file's name and its part
 *     verify.c     a file that is there already
 *     pull.c       an answer's body into its place; more connections
 *     stdout.c     the same to standard output
 *
 * The words: a piece is bytes that are missing and nobody fetches; a lane
 * fetches one piece over one connection. The first lane is the lead: it is the
 * download's own coroutine, decides, and is the last to end. Others are
 * helpers, who may fail without harm: what they leave is a piece again.
 *
 * Invariants
 *  (1) All bytes are of one version of the file: each answer after the first
 * has the first one's length, and was asked for with If-Range and its strong
 *      validator, or has it too; where there is none, a checksum was given that
 *      all must have in the end. Else the file is begun anew.
 *  (2) One at a time asks for a piece, the lead or a helper. What another lane
 *      still has of it is cut off when the answer is known to be good, not
 *      before; then the piece is the asker's, if nobody has any of it.
 *
 * over budget: what five small files of one thing share.
 */
#include "apps/get/answer.h"
#include "apps/get/engine.h"
#include "apps/get/name.h"
#include "apps/get/part.h"
#include "apps/get/units.h"
#include "http/client.h"

/* A connection that fetches less than that spends its time getting up to speed:
 * from ten segments TCP doubles for six round trips until it has sent a MiB. */
#define GET_SPLIT_MIN ((int64_t)1 << 20)
/* Connections for one file, unless told. */
#define GET_SPLIT_AUTO 4

struct get_mirror {
    const char *url;
    unsigned lanes;  /* that use it */
    unsigned fails;  /* in a row */
    bool dropped;    /* it is used no more */
    bool whole_only; /* it knows no ranges */
};

enum get_state {
    GET_ASKING,
    GET_RECEIVING,
    GET_RESTING,   /* before a retry */
    GET_ENDING,    /* checking, syncing, renaming */
    GET_VERIFYING, /* a file that is there already */
};

#define GET_DOWNLOAD_WHY (MR_CLIENT_WHY + 256)

struct get_download {
    struct mr_list node; /* in the engine's active ones */
    struct get_engine *e;
    struct get_host *host;
    struct get_item *item;
    struct get_about about;
    enum get_state state;
    int64_t again_at; /* GET_RESTING: until when */
    struct get_meter meter;
    int64_t began;
    int64_t deadline; /* --max-time */
    uint64_t came;    /* bytes, in this run */

    /* the file */
    int dir;
    bool own_dir; /* it is closed at the end */
    char name[GET_NAME_SIZE];
    struct get_part *part; /* NULL: not open yet */
    bool writing;          /* it has begun, or was resumed */
    bool anew;             /* the next request is for the whole */
    bool redirected;       /* that was told */
    int64_t length;        /* -1: not known */
    size_t validator_n;
    char validator[GET_JOURNAL_VALIDATOR];

    /* lanes */
    struct mr_group helpers;
    struct mr_list lanes; /* struct get_puller */
    unsigned n_lanes;     /* helpers, those that ask among them */
    const void *asker;    /* the download, or a helper's; NULL: nobody asks.
                           * Invariant 2 */
    struct mr_event lane_ended; /* or has begun: others may ask */
    int64_t split_at;       /* when the last helper began, or the first lane */
    uint64_t came_at_split; /* and what had come then */
    uint64_t split_speed;   /* and how fast it was before; 0: not known */
    bool no_split;          /* more would not help */

    unsigned tries;    /* in a row that brought nothing */
    uint64_t best;     /* bytes that were there when the count began */
    unsigned restarts; /* because the source had changed */
    enum get_outcome outcome;
    char why[GET_DOWNLOAD_WHY]; /* of outcome */
    size_t n_mirrors;
    struct get_mirror mirrors[GET_MIRRORS_MAX];
};

/* What a failure was, for the decision about the next try. */
struct get_failure {
    enum get_outcome outcome;
    bool again;             /* it may go better next time */
    bool file;              /* it is our side's: another mirror does not help */
    int64_t retry_after_ms; /* -1: the server does not say */
};

/* The whole life of a download; frees the item. May park. */
void get_download_run(struct get_engine *e, struct get_host *host,
                      struct get_item *item);

/* What a display shows of it; state_text is room for some words. */
struct get_bar get_download_bar(struct get_download *d, char *state_text,
                                size_t size, int64_t now);

/* --- ask.c --- */

/* A call with what it points to. */
struct get_call {
    struct mr_call *call;
    struct mr_field *fields;
    char range[64];
};
/* NULL in it does nothing. */
void get_hang_up(struct get_call *c);

/* Ask m for [from, to) (from -1: for the whole; to -1: to its end). 0, a call
 * and what its answer means. -Exxx: d->why and *ret_f say why. Hang up in
 * either case. May park. */
MR_MUST_USE int get_ask(struct get_download *d, struct get_mirror *m,
                        int64_t from, int64_t to, struct get_call *ret,
                        struct get_answer *ret_a, struct get_failure *ret_f);
/* May parts of it be asked for by themselves? */
bool get_can_range(const struct get_download *d);
/* The mirror that has least to do; NULL: none is left. */
struct get_mirror *get_pick_mirror(struct get_download *d, bool for_range);
/* Is a PART or WHOLE answer about the same file? */
bool get_is_same(const struct get_download *d, const struct get_answer *a);
/* Put "URL: " and the text into d->why. */
void get_set_why(struct get_download *d, const char *url, const char *text);

/* --- download.c --- */

/* What to do after a failure: true when the time for another try has come; else
 * d->outcome is set. May park. */
bool get_try_again(struct get_download *d, struct get_mirror *m,
                   const struct get_failure *f);

/* --- place.c --- */

/* What was kept is not gone on with: that is said, and why. */
void get_begins_anew(struct get_download *d, const char *why);
/* The directory, and the name as far as it is known now; opens the part when
 * that is certain, or may be resumed. 0; 1: it is there already, and is to be
 * left so; -Exxx: d->why. May park. */
MR_MUST_USE int get_place_prepare(struct get_download *d);
/* Where it is that nothing can be written, added to `why`. */
void get_place_explain(struct get_download *d, int rc);
/* The first answer has come: the part is open afterwards. 0; 1: it has another
 * name than was thought, and under that there is something to go on with: ask
 * again; -EALREADY: it is there already, and is to be left so; other -Exxx:
 * d->why. May park. */
MR_MUST_USE int get_place_settle(struct get_download *d,
                                 const struct get_answer *a, bool resumable);

/* --- verify.c --- */

/* d->name is there already: is its checksum the one of --checksum? d->outcome
 * is GET_OK as before; or not, and d->why says why. May park. */
void get_verify(struct get_download *d);

/* --- pull.c --- */

/* Bytes [from, to) are free for a lane, after what had them was cut. False:
 * something happened while the server was asked. */
bool get_make_way(struct get_download *d, int64_t from, int64_t to);
/* The call's body, bytes [from, to) (to -1: until it ends), into the part. 0;
 * -Exxx: d->why and *ret_f. May park. */
MR_MUST_USE int get_pull(struct get_download *d, struct get_mirror *m,
                         struct mr_call *call, int64_t from, int64_t to,
                         struct get_failure *ret_f);
/* A piece that nobody fetches, or the half of a lane that is worth it. False:
 * there is none. */
bool get_next_piece(struct get_download *d, struct get_range *ret);
/* End all helpers. May park, shielded. */
void get_end_helpers(struct get_download *d);

/* --- stdout.c --- */

/* The whole download, to standard output. May park. */
void get_to_stdout(struct get_download *d);

#endif
