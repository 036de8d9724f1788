/* SPDX-License-Identifier: MIT */
#ifndef HTTP_ACCESS_LOG_H
#define HTTP_ACCESS_LOG_H

/*
 * access_log.h - one line per answer, in the formats that log tools read.
 *
 *   common    127.0.0.1 - - [22/Nov/2026:12:47:51 +0000] "GET / HTTP/1.1" 200 5
 *   combined  the same, then "Referer" "User-Agent"
 *   vcombined a.example:80 and a space, then as combined: the host asked for,
 *             with the port 80 when it names none
 *   json      one object with all that, the host as asked for, and the time as
 *             2026-11-22T12:47:51Z; what is not known is left out. A byte above
 *             0x7f is written as the character of its number (ISO 8859-1).
 *
 * Lines are gathered and written together, at most a second later. A full disk
 * loses lines and counts them; it never stops an answer. What a client sent is
 * escaped, so that no line can be forged. The second '-' is the user's name
 * where one has proved to be somebody (http/auth.h).
 */
#include "core/str.h"

struct mr_access_log;
struct mr_addr;

enum mr_access_format {
    MR_ACCESS_COMMON,
    MR_ACCESS_COMBINED,
    MR_ACCESS_JSON,
    MR_ACCESS_VCOMBINED,
};

struct mr_access_entry {
    const struct mr_addr *peer;
    struct mr_str method; /* empty: the request was not understood ("-") */
    struct mr_str target;
    int minor;
    int status;
    uint64_t bytes;     /* of the body sent */
    struct mr_str host; /* as asked for, with its port */
    struct mr_str user; /* empty: nobody said who */
    struct mr_str referer;
    struct mr_str user_agent;
};

/* path "-" is standard output. Made 0640. 0 or -Exxx. */
MR_MUST_USE int mr_access_log_open(struct mr_access_log **ret, const char *path,
                                   enum mr_access_format format);
/* Writes what is left. NULL does nothing. */
void mr_access_log_close(struct mr_access_log *log);
/* On a thread with a hub. Never parks. */
void mr_access_log_add(struct mr_access_log *log,
                       const struct mr_access_entry *e);
/* Write what was gathered now. */
void mr_access_log_flush(struct mr_access_log *log);
/* Open the path anew, after logrotate. 0 or -Exxx, the old file kept. */
int mr_access_log_reopen(struct mr_access_log *log);
/* Lines lost. */
uint64_t mr_access_log_lost(const struct mr_access_log *log);

#endif
