/* SPDX-License-Identifier: MIT */
#ifndef TESTS_APPS_SITE_H
#define TESTS_APPS_SITE_H

/*
 * site.h - the real server, run as a child on an address of its own.
 *
 *     struct site s;
 *     OK(site_start(&s, "route '/' { app = hello }\n"));
 *     OK(client_get(&s, "/", &answer));               tests/apps/client.h
 *     OK(UNTIL(site_row(&s, 0)->in_flight == 0));
 *     EQ_INT(site_stop(&s), 0);
 *
 * The program is $MILLRACE. Each site has a directory and a loopback address
 * made from the test's process id, so that tests may run side by side and no
 * port has to be guessed. A site ends with the test that started it; its
 * workers then notice that their master is gone.
 *
 * In a configuration @HOST@ stands for that address, @DIR@ for the directory,
 * @APPS@ for where the apps of tests/apps/apps/ were built.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/scoreboard.h"

#define SITE_PORT 8080

struct site {
    pid_t pid; /* the master; 0: none */
    struct mr_scoreboard *board;
    char dir[64];   /* "conf" and "log" (standard error) are in it */
    char host[24];  /* 127.x.y.z */
    unsigned files; /* set before site_start: its limit on descriptors */
    const char *const *arg; /* set before: more arguments, up to a NULL */
    bool conf_less;         /* set before: no -c; the arguments are all */
};

/* Make the directory and the address. False: told on standard error. */
bool site_init(struct site *s);

/*
 * Run the server on a configuration until all its workers are ready. A text
 * without "listen" gets one on @HOST@:8080. Calls site_init unless s->dir is
 * set. False: its log is on standard output.
 */
bool site_start(struct site *s, const char *conf);

/* SIGTERM, and its end: the exit status, or minus the signal; -1000: it did not
 * end, or a sanitizer found something. The directory goes. */
int site_stop(struct site *s);
/* Its end, when it was told already. The directory stays until site_stop or
 * site_remove. */
int site_wait(struct site *s);
void site_remove(struct site *s);

/*
 * Run the server with these arguments (NULL at the end) to its end; its output
 * and errors go to out[size], NUL-terminated. Status as site_stop's. @DIR@ and
 * the like are filled in.
 */
int site_run(struct site *s, const char *const *argv, char *out, size_t size);

/* Put the words for @HOST@, @DIR@, @APPS@ into out; aborts if it is small. */
char *site_fill(const struct site *s, const char *text, char *out, size_t size);
/* Write text, filled in, to the file of that name in the directory. */
bool site_write(const struct site *s, const char *name, const char *text);

/* The row of worker i. */
const struct mr_score_row *site_row(const struct site *s, unsigned i);
/* The pid of worker i. */
pid_t site_worker(const struct site *s, unsigned i);

/* Does the file of that name in the directory hold these words? */
bool site_file_has(const struct site *s, const char *name, const char *words);
bool site_log_has(const struct site *s, const char *words);
/* The log, to standard output: shown when the test fails. */
void site_show_log(const struct site *s);

/* A "Name:   123 kB" of /proc/PID/FILE in bytes; -1: not there. */
int64_t site_proc_bytes(pid_t pid, const char *file, const char *name);
/* The entries of /proc/PID/DIR; -1: not there. */
int site_proc_count(pid_t pid, const char *dir);

/* Is the server built with a sanitizer, so that memory and threads say
 * nothing? */
bool site_is_instrumented(void);

/*
 * Until the condition holds, looked at every 2 ms; false when it did not within
 * 30 s (what it asks for is expected at once; a loaded machine may be slow).
 */
#define UNTIL(cond)                                      \
    ({                                                   \
        int64_t until_ = site_now() + 30000;             \
        bool held_;                                      \
        while (!(held_ = (cond)) && site_now() < until_) \
            site_pause();                                \
        held_;                                           \
    })
int64_t site_now(void); /* ms, monotonic */
void site_pause(void);

#endif
