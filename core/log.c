/* SPDX-License-Identifier: MIT */

/*
 * log.c - what the operator reads: one line per event, on a descriptor.
 *
 * A line is put together in the caller's frame and leaves by one write: no
 * allocation, no buffer between, so a line that was logged before a crash is
 * in the file. The date is worked out once a second per thread.
 *
 * Invariants
 *  (1) The descriptor's number stays the same when a file is opened anew: the
 *      new file is put in its place, so no thread ever writes to a stranger.
 *  (2) Nothing that is not printable leaves as it came: one line per message.
 *
 * Settings are made by one thread, before others log. It does not rotate, and
 * does not wait: a line that the descriptor does not take at once is counted
 * as lost.
 */
#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/sys.h"

#define NS 1000000000LL

static struct {
    int level;
    int fd;
    char *path; /* NULL: standard error */
    uint64_t lost;
    char prefix[32];
} state = {.level = MR_LOG_INFO, .fd = STDERR_FILENO};

static const char *const level_names[] = {
#define X(id, name) name,
    MR_LOG_LEVELS(X)
#undef X
};

/* --- settings --- */

void mr_log_set_level(enum mr_log_level level)
{
    state.level = (int)level;
}

enum mr_log_level mr_log_level(void)
{
    return (enum mr_log_level)state.level;
}

int mr_log_level_parse(const char *name, enum mr_log_level *ret)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(level_names); i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *ret = (enum mr_log_level)i;
            return 0;
        }
    }
    return -EINVAL;
}

/* O_NONBLOCK: a FIFO whose reader sleeps loses lines and does not stop us. */
static int open_file(const char *path)
{
    return mr_sys_openat(AT_FDCWD, path,
                         O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY |
                             O_NONBLOCK,
                         0640);
}

/* The file in place of the one in use, whose number it gets (invariant 1).
 * Takes fd. */
static int put_in_place(int fd)
{
    int rc;

    if (state.fd == STDERR_FILENO) {
        state.fd = fd;
        return 0;
    }
    rc = mr_sys_dup3(fd, state.fd, O_CLOEXEC);
    mr_sys_close(fd);
    return rc < 0 ? rc : 0;
}

int mr_log_open(const char *path)
{
    char *copy = NULL;
    int fd, err = 0;

    if (path) {
        copy = mr_alloc(strlen(path) + 1);
        if (!copy)
            return -ENOMEM;
        memcpy(copy, path, strlen(path) + 1);
        fd = open_file(path);
        err = fd < 0 ? fd : put_in_place(fd);
    } else if (state.fd != STDERR_FILENO) {
        fd = state.fd;
        state.fd = STDERR_FILENO;
        mr_sys_close(fd);
    }
    if (err) {
        mr_free(copy);
        return err;
    }
    mr_free(state.path);
    state.path = copy;
    return 0;
}

int mr_log_reopen(void)
{
    int fd;

    if (!state.path)
        return 0;
    fd = open_file(state.path);
    return fd < 0 ? fd : put_in_place(fd);
}

int mr_log_fd(void)
{
    return state.fd;
}

uint64_t mr_log_lost(void)
{
    return __atomic_load_n(&state.lost, __ATOMIC_RELAXED);
}

void mr_log_set_prefix(const char *prefix)
{
    snprintf(state.prefix, sizeof state.prefix, "%s", prefix);
}

/* --- lines --- */

/* Year, month and day of a day counted from 1970-01-01, in the Gregorian
 * calendar; eras of 400 years that begin on the first of March. */
static void civil(int64_t day, int64_t *ret_year, int *ret_month, int *ret_day)
{
    int64_t z = day + 719468; /* days from 0000-03-01 */
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int month = (int)((5 * doy + 2) / 153); /* from March */

    *ret_day = (int)(doy - (153 * month + 2) / 5) + 1;
    *ret_month = month < 10 ? month + 3 : month - 9;
    *ret_year = yoe + era * 400 + (*ret_month <= 2);
}

/* "2026-11-22T12:47:51", good for one second. */
static const char *date_text(int64_t second)
{
    static __thread struct {
        bool known;
        int64_t second;
        char text[48];
    } cache;
    int64_t day, year, of_day;
    int month, mday;

    if (cache.known && cache.second == second)
        return cache.text;
    day = second / 86400;
    of_day = second % 86400;
    if (of_day < 0) {
        day--;
        of_day += 86400;
    }
    civil(day, &year, &month, &mday);
    snprintf(cache.text, sizeof cache.text, "%04lld-%02d-%02dT%02d:%02d:%02d",
             (long long)year, month, mday, (int)(of_day / 3600),
             (int)(of_day / 60 % 60), (int)(of_day % 60));
    cache.second = second;
    cache.known = true;
    return cache.text;
}

static size_t put_head(char *line, size_t size, enum mr_log_level level)
{
    int64_t now = mr_sys_realtime();
    int n = snprintf(line, size, "%s.%03dZ %s %d %s", date_text(now / NS),
                     (int)(now % NS / 1000000), level_names[level],
                     (int)mr_sys_getpid(), state.prefix);

    return (size_t)n;
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

/* Control bytes of the n at text become \xHH; how many there are then, at most
 * max, and whether that cut it. Apart from the common path for its frame. */
static __attribute__((noinline)) size_t escape(char *text, size_t n, size_t max,
                                               bool *cut)
{
    char raw[MR_LOG_LINE_MAX];
    size_t to = 0;

    memcpy(raw, text, n);
    for (size_t i = 0; i < n; i++) {
        char hex[5];
        size_t need = is_control(raw[i]) ? 4 : 1;

        if (to + need > max) {
            *cut = true;
            break;
        }
        snprintf(hex, sizeof hex, "\\x%02x", (unsigned char)raw[i]);
        memcpy(text + to, need == 4 ? hex : &raw[i], need);
        to += need;
    }
    return to;
}

/* A formatted message and what follows it into a line that ends in a newline;
 * the length. */
static size_t put_line(char *line, enum mr_log_level level, const char *tail,
                       const char *fmt, va_list ap)
{
    size_t head = put_head(line, MR_LOG_LINE_MAX, level);
    size_t tail_len = strlen(tail);
    /* Room kept for "...", the tail and the newline. */
    size_t max = MR_LOG_LINE_MAX - head - tail_len - 4;
    char *text = line + head;
    int want = vsnprintf(text, max + 1, fmt, ap);
    size_t n = want < 0 ? 0 : MR_MIN((size_t)want, max);
    bool cut = want < 0 || (size_t)want > max;

    for (size_t i = 0; i < n; i++) {
        if (is_control(text[i])) {
            n = escape(text, n, max, &cut);
            break;
        }
    }
    if (cut) {
        memcpy(text + n, "...", 3);
        n += 3;
    }
    memcpy(text + n, tail, tail_len);
    n += tail_len;
    text[n++] = '\n';
    return head + n;
}

static void emit(enum mr_log_level level, const char *tail, const char *fmt,
                 va_list ap)
{
    char line[MR_LOG_LINE_MAX];
    size_t n = put_line(line, level, tail, fmt, ap);

    if (mr_sys_write(state.fd, line, n) != (ssize_t)n)
        __atomic_add_fetch(&state.lost, 1, __ATOMIC_RELAXED);
}

void mr_log(enum mr_log_level level, const char *fmt, ...)
{
    va_list ap;

    if ((int)level > state.level)
        return;
    va_start(ap, fmt);
    emit(level, "", fmt, ap);
    va_end(ap);
}

void mr_log_asked(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    emit(MR_LOG_INFO, "", fmt, ap);
    va_end(ap);
}

void mr_log_every_second(struct mr_log_gate *gate, enum mr_log_level level,
                         const char *fmt, ...)
{
    char tail[48] = "";
    int64_t now;
    va_list ap;

    if ((int)level > state.level)
        return;
    now = mr_sys_monotonic();
    if (now < gate->next) {
        gate->held++;
        return;
    }
    if (gate->held > 0)
        snprintf(tail, sizeof tail, " (%ju more like this left out)",
                 (uintmax_t)gate->held);
    gate->held = 0;
    gate->next = now + NS;
    va_start(ap, fmt);
    emit(level, tail, fmt, ap);
    va_end(ap);
}

/* --- texts of errors --- */

/* Above the last errno of Linux (133), and the longest of glibc's texts. */
#define ERRORS 134
#define ERROR_TEXT_MAX 56

static char error_texts[ERRORS][ERROR_TEXT_MAX];

/*
 * Before main, as there is no other place where no thread can be reading: the
 * texts stand within sentences, so "No such file" begins small; names and
 * abbreviations ("RFS specific error") stay.
 */
static __attribute__((constructor)) void make_error_texts(void)
{
    for (int i = 0; i < ERRORS; i++) {
        const char *desc = strerrordesc_np(i);
        char *text = error_texts[i];

        snprintf(text, ERROR_TEXT_MAX, "%s", desc ? desc : "unknown error");
        if (text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'a')
            text[0] |= 0x20;
    }
}

const char *mr_strerror(int err)
{
    unsigned n = err < 0 ? 0U - (unsigned)err : (unsigned)err;

    return n < ERRORS ? error_texts[n] : "unknown error";
}

/* --- our own bugs --- */

void (*mr_bug_context)(char *buf, size_t size);

/* What cannot be written is lost: we are leaving. */
static void write_last_words(int fd, const char *text, size_t n)
{
    if (mr_sys_write(fd, text, n) != (ssize_t)n)
        state.lost++;
}

void mr_bug(const char *file, int line, const char *what)
{
    char who[256] = "";
    char text[1024];
    size_t n;

    if (mr_bug_context)
        mr_bug_context(who, sizeof who);
    snprintf(text, sizeof text - 1, "BUG %s:%d: %s%s%s", file, line, what,
             who[0] ? "; " : "", who);
    n = strlen(text);
    text[n++] = '\n';
    write_last_words(STDERR_FILENO, text, n);
    if (state.fd != STDERR_FILENO)
        write_last_words(state.fd, text, n);
    abort();
}
