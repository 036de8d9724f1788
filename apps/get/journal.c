/* SPDX-License-Identifier: MIT */

/*
 * journal.c - what of a file is done: in memory, and beside it on the disk.
 *
 *  (1) Ranges are sorted, none is empty, and between two is a gap.
 *  (2) A journal at its name is whole: it was synced under another name, then
 *      renamed. What does not pass its checksum is none.
 */
#include "apps/get/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/sys.h"

#define MAGIC "MRJ1"
#define HEAD 12 /* magic, length, checksum */
#define CHECKSUM_MAX 256
/* The longest there can be; a file that has more is none of ours. */
#define FILE_MAX                                                      \
    (HEAD + 8 + 4 + GET_JOURNAL_URL + 4 + GET_JOURNAL_VALIDATOR + 4 + \
     CHECKSUM_MAX + 4 + 16 * GET_RANGES_MAX)

/* --- ranges --- */

/* The first that ends at `at` or behind it: one that [at, ...) touches, or the
 * place for it. */
static size_t find(const struct get_ranges *r, int64_t at)
{
    size_t low = 0, high = r->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (r->v[mid].to < at)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void take_out(struct get_ranges *r, size_t at, size_t n)
{
    memmove(&r->v[at], &r->v[at + n], (r->n - at - n) * sizeof r->v[0]);
    r->n -= n;
}

/* The shortest, to make room for one that has n bytes: false when that one
 * would be the shortest itself. */
static bool forget_one(struct get_ranges *r, int64_t n)
{
    size_t best = 0;

    for (size_t i = 1; i < r->n; i++)
        if (r->v[i].to - r->v[i].from < r->v[best].to - r->v[best].from)
            best = i;
    if (r->v[best].to - r->v[best].from > n)
        return false;
    take_out(r, best, 1);
    return true;
}

void get_ranges_add(struct get_ranges *r, int64_t from, int64_t to)
{
    size_t at = find(r, from);
    size_t n = 0;

    if (from >= to)
        return;
    while (at + n < r->n && r->v[at + n].from <= to) {
        from = MR_MIN(from, r->v[at + n].from);
        to = MR_MAX(to, r->v[at + n].to);
        n++;
    }
    if (n == 0) {
        if (r->n == GET_RANGES_MAX) {
            if (!forget_one(r, to - from))
                return;
            at = find(r, from);
        }
        memmove(&r->v[at + 1], &r->v[at], (r->n - at) * sizeof r->v[0]);
        r->n++;
    } else {
        take_out(r, at + 1, n - 1);
    }
    r->v[at] = (struct get_range){from, to};
}

int64_t get_ranges_total(const struct get_ranges *r)
{
    int64_t n = 0;

    for (size_t i = 0; i < r->n; i++)
        n += r->v[i].to - r->v[i].from;
    return n;
}

bool get_ranges_gap(const struct get_ranges *r, int64_t from, int64_t end,
                    struct get_range *ret)
{
    size_t at = find(r, from);

    if (at < r->n && r->v[at].from <= from) {
        from = r->v[at].to;
        at++;
    }
    if (from >= end)
        return false;
    ret->from = from;
    ret->to = at < r->n ? MR_MIN(end, r->v[at].from) : end;
    return true;
}

/* --- the format --- */

static uint32_t crc32_of(struct mr_str s)
{
    uint32_t crc = ~UINT32_C(0);

    for (size_t i = 0; i < s.n; i++) {
        crc ^= (unsigned char)s.p[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (UINT32_C(0xedb88320) & (0 - (crc & 1)));
    }
    return ~crc;
}

static void put_number(char **at, uint64_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        *(*at)++ = (char)(v >> 8 * i & 0xff);
}

static void put_string(char **at, struct mr_str s)
{
    put_number(at, s.n, 4);
    if (s.n > 0)
        memcpy(*at, s.p, s.n);
    *at += s.n;
}

int get_journal_format(struct mr_arena *arena, const struct get_journal *j,
                       struct mr_str *ret)
{
    size_t n = 8 + 4 + j->url.n + 4 + j->validator.n + 4 + j->checksum.n + 4 +
               16 * j->done.n;
    char *text, *at;

    if (j->url.n > GET_JOURNAL_URL || j->validator.n > GET_JOURNAL_VALIDATOR ||
        j->checksum.n > CHECKSUM_MAX)
        return -E2BIG;
    text = mr_arena_alloc(arena, HEAD + n);
    if (!text)
        return -ENOMEM;
    at = text + HEAD;
    put_number(&at, (uint64_t)j->length, 8);
    put_string(&at, j->url);
    put_string(&at, j->validator);
    put_string(&at, j->checksum);
    put_number(&at, j->done.n, 4);
    for (size_t i = 0; i < j->done.n; i++) {
        put_number(&at, (uint64_t)j->done.v[i].from, 8);
        put_number(&at, (uint64_t)j->done.v[i].to, 8);
    }
    MR_BUG_ON(at != text + HEAD + n);
    at = text;
    memcpy(at, MAGIC, 4);
    at += 4;
    put_number(&at, n, 4);
    put_number(&at, crc32_of(mr_str_n(text + HEAD, n)), 4);
    *ret = mr_str_n(text, HEAD + n);
    return 0;
}

static bool get_number(struct mr_str *s, size_t bytes, uint64_t *ret)
{
    uint64_t v = 0;

    if (s->n < bytes)
        return false;
    for (size_t i = 0; i < bytes; i++)
        v |= (uint64_t)(unsigned char)s->p[i] << 8 * i;
    *s = mr_str_n(s->p + bytes, s->n - bytes);
    *ret = v;
    return true;
}

static bool get_string(struct mr_str *s, size_t max, struct mr_str *ret)
{
    uint64_t n;

    if (!get_number(s, 4, &n) || n > max || n > s->n)
        return false;
    *ret = mr_str_n(s->p, (size_t)n);
    *s = mr_str_n(s->p + n, s->n - (size_t)n);
    return true;
}

static bool get_done(struct mr_str *s, int64_t length, struct get_ranges *ret)
{
    int64_t last = -1; /* the next begins behind it */
    uint64_t n, from, to;

    if (!get_number(s, 4, &n) || n > GET_RANGES_MAX || s->n != 16 * n)
        return false;
    ret->n = (size_t)n;
    for (size_t i = 0; i < n; i++) {
        if (!get_number(s, 8, &from) || !get_number(s, 8, &to) ||
            to > INT64_MAX || from >= to || (int64_t)from <= last ||
            (length >= 0 && (int64_t)to > length))
            return false;
        ret->v[i] = (struct get_range){(int64_t)from, (int64_t)to};
        last = (int64_t)to;
    }
    return true;
}

int get_journal_parse(struct mr_str text, struct get_journal *ret)
{
    struct mr_str s = text;
    uint64_t n, crc, length;

    if (s.n < HEAD || memcmp(s.p, MAGIC, 4) != 0)
        return -EBADMSG;
    s = mr_str_n(s.p + 4, s.n - 4);
    if (!get_number(&s, 4, &n) || !get_number(&s, 4, &crc) || n != s.n ||
        crc != crc32_of(s))
        return -EBADMSG;
    if (!get_number(&s, 8, &length) ||
        (length > INT64_MAX && length != UINT64_MAX) ||
        !get_string(&s, GET_JOURNAL_URL, &ret->url) ||
        !get_string(&s, GET_JOURNAL_VALIDATOR, &ret->validator) ||
        !get_string(&s, CHECKSUM_MAX, &ret->checksum) ||
        !get_done(&s, (int64_t)length, &ret->done))
        return -EBADMSG;
    ret->length = (int64_t)length;
    return 0;
}

/* --- its file --- */

static int write_all(int fd, struct mr_str s)
{
    while (s.n > 0) {
        ssize_t n = mr_sys_write(fd, s.p, s.n);

        if (n < 0)
            return (int)n;
        s = mr_str_n(s.p + n, s.n - (size_t)n);
    }
    return mr_sys_fdatasync(fd);
}

/* What it is called before it is whole. */
static int name_new(char out[GET_FILE_NAME], const char *name)
{
    int n = snprintf(out, GET_FILE_NAME, "%s.new", name);

    return n < 0 || n >= GET_FILE_NAME ? -ENAMETOOLONG : 0;
}

int get_journal_mark(int dir, const char *name)
{
    int fd = mr_sys_openat(
        dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return fd;
    mr_sys_close(fd);
    return 0;
}

int get_journal_remove(int dir, const char *name, bool was_written)
{
    char made[GET_FILE_NAME];

    if (was_written && name_new(made, name) == 0)
        (void)!mr_sys_unlinkat(dir, made, 0); /* there is hardly ever one */
    return mr_sys_unlinkat(dir, name, 0);
}

int get_journal_write(int dir, const char *name, struct mr_str text)
{
    char made[GET_FILE_NAME];
    int fd, rc;

    rc = name_new(made, name);
    if (rc)
        return rc;
    /* What a crash left there may be a link by now. */
    rc = mr_sys_unlinkat(dir, made, 0);
    if (rc && rc != -ENOENT)
        return rc;
    fd = mr_sys_openat(
        dir, made, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fd;
    rc = text.n > 0 ? write_all(fd, text) : 0;
    mr_sys_close(fd);
    if (rc == 0)
        rc = mr_sys_renameat2(dir, made, dir, name, 0);
    if (rc)
        (void)!mr_sys_unlinkat(dir, made, 0); /* the first error is told */
    return rc;
}

static int read_all(int fd, char *p, size_t size)
{
    size_t n = 0;

    while (n < size) {
        ssize_t got = mr_sys_read(fd, p + n, size - n);

        if (got <= 0)
            return got < 0 ? (int)got : (int)n;
        n += (size_t)got;
    }
    return -EBADMSG; /* longer than any of ours */
}

int get_journal_read(int dir, const char *name, struct mr_arena *arena,
                     struct get_journal *ret)
{
    int fd = mr_sys_openat(
        dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
        0);
    struct stat st = {0};
    size_t size;
    char *p;
    int rc;

    if (fd < 0)
        return fd;
    rc = mr_sys_fstat(fd, &st);
    if (rc == 0 && (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX))
        rc = -EBADMSG;
    size = (size_t)st.st_size + 1; /* to see that it is no longer */
    p = rc == 0 ? mr_arena_alloc(arena, size) : NULL;
    if (rc == 0)
        rc = p ? read_all(fd, p, size) : -ENOMEM;
    mr_sys_close(fd);
    return rc < 0 ? rc : get_journal_parse(mr_str_n(p, (size_t)rc), ret);
}
