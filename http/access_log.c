/* SPDX-License-Identifier: MIT */

/*
 * access_log.c - one line per answer, gathered and written together.
 *
 * Lines collect in a buffer that is written when it is nearly full and by a
 * timer, at most FLUSH_NS after the first. A write that fails or is short
 * loses what it did not take, counted in lines; half a line that it took is
 * ended before the next, which would be lost in it. Writing to a file may wait
 * for the disk only when the page cache is full; the hub accepts that.
 */
#include "http/access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/hub.h"
#include "core/log.h"
#include "core/sys.h"
#include "core/timer.h"
#include "http/date.h"
#include "http/url.h"
#include "io/addr.h"

#define BUFFER (64 * 1024)
/* Longer targets and agents are cut; PIPE_BUF is not at stake here, disks
 * are. */
#define LINE_MAX_BYTES (12 * 1024)
#define FLUSH_NS INT64_C(1000000000)

struct mr_access_log {
    char *path; /* NULL: standard output */
    int fd;
    enum mr_access_format format;
    struct mr_timer timer;
    uint64_t lost;
    bool torn; /* what stands in the file ends inside a line */
    size_t n;
    int64_t second; /* whose text `stamp` is */
    char stamp[32];
    char buffer[BUFFER];
};

static int open_path(const char *path)
{
    if (!path)
        return STDOUT_FILENO;
    return mr_sys_openat(AT_FDCWD, path,
                         O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY,
                         0640);
}

static void on_timer(struct mr_timer *t)
{
    mr_access_log_flush(mr_container_of(t, struct mr_access_log, timer));
}

int mr_access_log_open(struct mr_access_log **ret, const char *path,
                       enum mr_access_format format)
{
    struct mr_access_log *log = mr_calloc(1, sizeof *log);
    int err = -ENOMEM;

    if (!log)
        return -ENOMEM;
    log->fd = -1;
    log->format = format;
    log->second = -1;
    mr_timer_init(&log->timer, on_timer);
    if (strcmp(path, "-") != 0) {
        log->path = mr_alloc(strlen(path) + 1);
        if (!log->path)
            goto fail;
        memcpy(log->path, path, strlen(path) + 1);
    }
    log->fd = open_path(log->path);
    if (log->fd < 0) {
        err = log->fd;
        goto fail;
    }
    *ret = log;
    return 0;

fail:
    mr_free(log->path);
    mr_free(log);
    return err;
}

void mr_access_log_close(struct mr_access_log *log)
{
    if (!log)
        return;
    mr_access_log_flush(log);
    if (log->path)
        mr_sys_close(log->fd);
    mr_free(log->path);
    mr_free(log);
}

int mr_access_log_reopen(struct mr_access_log *log)
{
    int fd;

    mr_access_log_flush(log);
    if (!log->path)
        return 0;
    fd = open_path(log->path);
    if (fd < 0)
        return fd;
    mr_sys_close(log->fd);
    log->fd = fd;
    log->torn = false;
    return 0;
}

uint64_t mr_access_log_lost(const struct mr_access_log *log)
{
    return log->lost;
}

static ssize_t write_out(struct mr_access_log *log)
{
    ssize_t n;

    if (log->torn) {
        n = mr_sys_write(log->fd, "\n", 1);
        if (n != 1)
            return n;
        log->torn = false;
    }
    n = mr_sys_write(log->fd, log->buffer, log->n);
    if (n > 0)
        log->torn = log->buffer[n - 1] != '\n';
    return n;
}

void mr_access_log_flush(struct mr_access_log *log)
{
    static struct mr_log_gate gate;
    ssize_t n;

    if (mr_timer_is_started(&log->timer))
        mr_timer_stop(&log->timer);
    if (log->n == 0)
        return;
    n = write_out(log);
    if (n != (ssize_t)log->n) {
        size_t from = n > 0 ? (size_t)n : 0;

        for (size_t i = from; i < log->n; i++)
            log->lost += log->buffer[i] == '\n';
        mr_log_every_second(&gate, MR_LOG_WARN,
                            "access log %s: %s: %llu lines lost so far",
                            log->path ? log->path : "on standard output",
                            n < 0 ? mr_strerror((int)n) : "short write",
                            (unsigned long long)log->lost);
    }
    log->n = 0;
}

/* --- one line --- */

struct out {
    char *p;
    size_t n;
    size_t size;
};

static void put_z(struct out *o, const char *z)
{
    size_t n = MR_MIN(strlen(z), o->size - o->n);

    memcpy(o->p + o->n, z, n);
    o->n += n;
}

static void put_escaped(struct out *o, struct mr_str s, size_t most)
{
    size_t room = MR_MIN(o->size - o->n, most);

    if (s.n == 0 && room > 0) {
        o->p[o->n++] = '-';
        return;
    }
    if (room > 0)
        o->n += mr_str_escape(o->p + o->n, room, s);
}

static void put_number(struct out *o, uint64_t v)
{
    char digits[24];

    digits[mr_str_put_u64(digits, v)] = '\0';
    put_z(o, digits);
}

/* "22/Nov/2026:12:47:51 +0000" or "2026-11-22T12:47:51Z", made once a second.
 */
static const char *stamp(struct mr_access_log *log)
{
    int64_t now = mr_sys_realtime() / 1000000000;
    time_t t = (time_t)now;
    struct tm tm;
    char d[MR_DATE_LEN];

    if (log->second == now)
        return log->stamp;
    log->second = now;
    if (log->format == MR_ACCESS_JSON) {
        if (strftime(log->stamp, sizeof log->stamp, "%Y-%m-%dT%H:%M:%SZ",
                     gmtime_r(&t, &tm)) == 0)
            *log->stamp = '\0'; /* a year of many digits */
        return log->stamp;
    }
    /* the pieces of "Sun, 22 Nov 2026 12:47:51 GMT" */
    mr_date_format(d, now);
    snprintf(log->stamp, sizeof log->stamp, "%.2s/%.3s/%.4s:%.8s +0000", d + 5,
             d + 8, d + 12, d + 17);
    return log->stamp;
}

static void put_request(struct out *o, const struct mr_access_entry *e)
{
    if (e->method.n == 0) {
        put_z(o, "-");
        return;
    }
    put_escaped(o, e->method, 32);
    put_z(o, " ");
    put_escaped(o, e->target, 8192);
    put_z(o, e->minor ? " HTTP/1.1" : " HTTP/1.0");
}

/* --- the formats --- */

/* One field: a space would make it two. */
static void put_user(struct out *o, struct mr_str user)
{
    struct mr_str rest = user, part;
    bool first = true;

    if (user.n == 0)
        put_z(o, "-");
    while (user.n > 0 && mr_str_split(&rest, ' ', &part)) {
        if (!first)
            put_z(o, "\\x20");
        if (part.n > 0)
            put_escaped(o, part, 256);
        first = false;
    }
}

static void put_host(struct out *o, struct mr_str authority)
{
    struct mr_str host, port;

    put_escaped(o, authority, 1024);
    mr_url_authority_split(authority, &host, &port);
    if (port.n == 0)
        put_z(o, port.p ? "80" : ":80");
    put_z(o, " ");
}

static void put_text_line(struct out *o, struct mr_access_log *log,
                          const struct mr_access_entry *e)
{
    char peer[MR_ADDR_TEXT];

    if (log->format == MR_ACCESS_VCOMBINED)
        put_host(o, e->host);
    put_escaped(o, mr_addr_host(e->peer, peer), sizeof peer * 4);
    put_z(o, " - ");
    put_user(o, e->user);
    put_z(o, " [");
    put_z(o, stamp(log));
    put_z(o, "] \"");
    put_request(o, e);
    put_z(o, "\" ");
    put_number(o, (uint64_t)e->status);
    put_z(o, " ");
    put_number(o, e->bytes);
    if (log->format == MR_ACCESS_COMMON)
        return;
    put_z(o, " \"");
    put_escaped(o, e->referer, 1024);
    put_z(o, "\" \"");
    put_escaped(o, e->user_agent, 1024);
    put_z(o, "\"");
}

/* ,"name":"value" for what is known; at most `most` bytes of value, and whole
 * escapes only (RFC 8259 7). */
static void put_member(struct out *o, const char *name, struct mr_str value,
                       size_t most)
{
    size_t end = o->n + most;

    if (value.n == 0)
        return;
    put_z(o, ",\"");
    put_z(o, name);
    put_z(o, "\":\"");
    for (size_t i = 0; i < value.n && o->n + 6 <= MR_MIN(end, o->size); i++) {
        unsigned char b = (unsigned char)value.p[i];

        if (b >= 0x20 && b < 0x7f && b != '"' && b != '\\')
            o->p[o->n++] = (char)b;
        else
            o->n += (size_t)snprintf(o->p + o->n, 7, "\\u%04x", b);
    }
    put_z(o, "\"");
}

static void put_json_line(struct out *o, struct mr_access_log *log,
                          const struct mr_access_entry *e)
{
    char peer[MR_ADDR_TEXT];

    put_z(o, "{\"time\":\"");
    put_z(o, stamp(log));
    put_z(o, "\"");
    put_member(o, "remote", mr_addr_host(e->peer, peer), sizeof peer * 6);
    put_z(o, ",\"status\":");
    put_number(o, (uint64_t)e->status);
    put_z(o, ",\"bytes\":");
    put_number(o, e->bytes);
    if (e->method.n > 0)
        put_z(o, e->minor ? ",\"protocol\":\"HTTP/1.1\""
                          : ",\"protocol\":\"HTTP/1.0\"");
    put_member(o, "user", e->user, 256);
    put_member(o, "method", e->method, 32);
    put_member(o, "host", e->host, 256);
    put_member(o, "target", e->target, 8192);
    put_member(o, "referer", e->referer, 1024);
    put_member(o, "user_agent", e->user_agent, 1024);
    put_z(o, "}");
}

void mr_access_log_add(struct mr_access_log *log,
                       const struct mr_access_entry *e)
{
    struct out o;

    if (BUFFER - log->n < LINE_MAX_BYTES)
        mr_access_log_flush(log);
    o = (struct out){log->buffer + log->n, 0, LINE_MAX_BYTES - 1};
    if (log->format == MR_ACCESS_JSON)
        put_json_line(&o, log, e);
    else
        put_text_line(&o, log, e);
    o.p[o.n++] = '\n';
    log->n += o.n;
    if (!mr_timer_is_started(&log->timer) &&
        mr_timer_start(&log->timer, mr_hub_now() + FLUSH_NS))
        mr_access_log_flush(log);
}
