/* SPDX-License-Identifier: MIT */
#ifndef TESTS_WIRE_H
#define TESTS_WIRE_H

/*
 * wire.h - what the parts of the wire runner share.
 *
 * wire.c reads scripts, talk.c has the connection, serve.c the server. What
 * fails is printed where it is found; false then goes all the way up.
 */
#include <stdbool.h>
#include <stddef.h>

enum {
    WAIT_MS = 10 * 1000 /* for each answer: slow machines, sanitizers */
};

struct bytes {
    char *p; /* NUL-terminated once anything, even nothing, was added */
    size_t n;
    size_t cap;
};

void bytes_add(struct bytes *b, const void *p, size_t n);
void bytes_text(struct bytes *b, const char *z);
void bytes_clear(struct bytes *b);
void bytes_drop(struct bytes *b);
/* Pairs of hex digits, spaces between them allowed; false if it is not. */
bool bytes_hex(struct bytes *b, const char *z);
/* Text in which \r \n \t \\ and \xHH stand for bytes. */
void bytes_escaped(struct bytes *b, const char *z);

struct script {
    const char *path;
    int line;
    int port;
    int fd; /* -1: not connected */
    bool eof;
    struct bytes out; /* gathered, not sent yet */
    struct bytes in;  /* received; up to `at` it is used up */
    size_t at;
    struct bytes head; /* of the answer, with its empty line */
    struct bytes body;
    enum { NO_HEAD, IN_HEAD, AFTER_HEAD, HAVE_BODY } where;
};

/* What follows the word, of that length, that a line begins with, and one
 * space. */
static inline const char *wire_rest(const char *line, size_t word)
{
    return line[word] == ' ' ? line + word + 1 : line + word;
}

/* Print where and what; always false. */
__attribute__((format(printf, 2, 3))) bool talk_fail(struct script *s,
                                                     const char *fmt, ...);
/* A connection to 127.0.0.1, or -1 and errno. */
int talk_connect(int port);
/* Send what was gathered, connecting if there is no connection. */
bool talk_flush(struct script *s);
/* Wait for more input or its end; `what` is for the message. */
bool talk_more(struct script *s, const char *what);
/* Read the next head, or the body that the last one announced. */
bool talk_head(struct script *s);
bool talk_body(struct script *s);
/* The nth (from 0) value of a header, good until the next call; or NULL. */
const char *talk_header(struct script *s, const char *name, int nth);
/* Close; false if something came that no line of the script speaks of. */
bool talk_hang_up(struct script *s);

/* Before anything else: the program, and its configuration or NULL. */
bool serve_init(const char *program, const char *conf);
/* Have a server as the script at path asks for it; *ret_port is where. Ends the
 * one before, unless it asked for the same; *ret_ended_badly if that failed. */
bool serve_have(const char *path, int *ret_port, bool *ret_ended_badly);
/* SIGTERM, and a bounded wait for the end. True if there is no server. */
bool serve_stop(void);
void serve_show_log(void);
void serve_fini(void);

#endif
