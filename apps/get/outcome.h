/* SPDX-License-Identifier: MIT */
#ifndef APPS_GET_OUTCOME_H
#define APPS_GET_OUTCOME_H

/*
 * outcome.h - how a download ended: the exit status, and whether it is worth
 * trying again.
 *
 *     o = rc ? get_outcome_of_error(rc) : get_outcome_of_status(status);
 *     worst = get_outcome_add(worst, o);            of all downloads
 *     if (get_is_worth_a_retry(rc, status))
 *         mr_sleep_ms(get_backoff_ms(tries, first_ms, random));
 *
 * The numbers are those of wget up to 8, so that scripts know them.
 */
#include "core/str.h"

#define GET_OUTCOMES(X)                                                       \
    X(OK, 0, "ok", "all is there")                                            \
    X(OTHER, 1, "other", "something else: no memory, no descriptor, a bug")   \
    X(USAGE, 2, "usage", "the command line, a URL or a list is wrong")        \
    X(FILE, 3, "file", "a file: no space, no right to write, it exists")      \
    X(NETWORK, 4, "network", "no such name, refused, cut, no answer in time") \
    X(TLS, 5, "tls", "a certificate or the handshake")                        \
    X(AUTH, 6, "auth", "the server wants a user and password (401, 407)")     \
    X(PROTOCOL, 7, "protocol",                                                \
      "an answer that is no good HTTP, a redirect loop")                      \
    X(SERVER, 8, "server", "the server said no (404, 500, ...)")              \
    X(CONTENT, 9, "content", "not what was wanted: checksum, mirrors differ") \
    X(INTERRUPTED, 130, "interrupted", "Ctrl-C (143: SIGTERM, 129: SIGHUP)")

enum get_outcome {
#define X(id, number, name, text) GET_##id = (number),
    GET_OUTCOMES(X)
#undef X
};

/* "network"; static. */
const char *get_outcome_name(enum get_outcome o);

/* Of what http/client.h returned. */
enum get_outcome get_outcome_of_error(int err);
/* Of an answer's status; GET_OK for 2xx. */
enum get_outcome get_outcome_of_status(int status);

/* The status of several: an interruption, else the lowest number that is
 * neither 0 nor 1, else 1 if there is one: as wget does. */
enum get_outcome get_outcome_add(enum get_outcome sum, enum get_outcome o);

/* Might it go better next time? err < 0, or 0 and a status. */
bool get_is_worth_a_retry(int err, int status);

/*
 * How long to wait before the retry number `retry` (from 1): the first wait,
 * doubled each time, at most a minute, and of that between a half and all, by
 * `random`, so that clients cut off together do not come back together.
 */
int64_t get_backoff_ms(unsigned retry, int64_t first_ms, uint32_t random);

/* The longest that a server can ask us to wait: after it one looks oneself. */
#define GET_RETRY_AFTER_MAX_MS (10 * 60 * 1000)

/* A Retry-After field (RFC 9110 10.2.3): seconds, or a date; now in seconds
 * since 1970. 0 to GET_RETRY_AFTER_MAX_MS; -1: there is none, or none that
 * makes sense. */
int64_t get_retry_after_ms(struct mr_str value, int64_t now);

#endif
