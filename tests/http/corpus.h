/* SPDX-License-Identifier: MIT */
#ifndef TESTS_HTTP_CORPUS_H
#define TESTS_HTTP_CORPUS_H

/*
 * corpus.h - requests and what they must come to, read from text.
 *
 *     # RFC 9112 3: one space stands between the parts
 *     = GET /a?b
 *     > GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n
 *     ! 400
 *     > GET  /a?b HTTP/1.1\r\nHost: a\r\n\r\n
 *
 *     frame GET / HTTP/1.1\r\nHost: $\r\n\r\n
 *     = GET / host=$
 *     > a:80
 *     > [::1]
 *
 * A `>` line is a case: bytes that are sent to a new connection. The lines
 * before it say what comes back; they hold for all cases up to the next of
 * them. Several in a row are several answers, in this order.
 *
 *     = METHOD TARGET WORDS   understood so, by the app; a word is
 *                       path=   decoded [the target up to its '?']
 *                       query=  raw [what is behind it]
 *                       host=   [a]; empty: none
 *                       x=      the value of the field X [there is none]
 *                       body=   [empty]
 *                       close   the connection ends, asked or not
 *     = STATUS          answered without the app; the connection goes on
 *     ! STATUS          refused: this status, then the end
 *     ! STATUS cut      the same, after the client has ended its sending side
 *     ! cut             the end without an answer, likewise
 *     frame TEXT        a case is TEXT with what stands behind `>` for each $,
 *                       also in outcomes; a bare `frame`: no longer
 *
 * Escapes, everywhere: \r \n \t \0 \\ \xHH; \$ for a dollar; \s for a space
 * that does not end a word; \(N*TEXT) for N times TEXT, which may hold another
 * of these, but no plain ")". An outcome that ends in an answer, not in an end,
 * means: and the next request on this connection is understood. A 100
 * (Continue) may come anywhere; whether it comes depends on how fast the body
 * does.
 */
#include <stdbool.h>

#include "core/arena.h"

enum corpus_kind { CORPUS_APP, CORPUS_ANSWER, CORPUS_REFUSED };

struct corpus_want {
    enum corpus_kind kind;
    int status;         /* 0: no answer, only the end */
    bool head;          /* the request was a HEAD: no body comes */
    bool close;         /* the connection ends behind it */
    struct mr_str text; /* APP: what the app says */
};

#define CORPUS_WANTS 8

struct corpus_case {
    const char *file;
    int line;
    bool cut; /* the client has to end its sending side first */
    struct mr_str bytes;
    struct corpus_want want[CORPUS_WANTS];
    int want_n;
};

struct corpus {
    struct mr_arena arena;
    struct corpus_case *v;
    size_t n;
    size_t cap;
};

/* Reads all *.corpus below dir, by name. False, and the reason printed, if one
 * cannot be understood. */
bool corpus_read(struct corpus *c, const char *dir);
void corpus_free(struct corpus *c);

/* What the app says of a request; in the arena. Views may be NULL. */
struct corpus_seen {
    struct mr_str method, target, path, query, host, x, body;
};
struct mr_str corpus_say(struct mr_arena *a, const struct corpus_seen *seen);

#endif
