/* SPDX-License-Identifier: MIT */

/*
 * static_file.c - one file as an answer: coding, validators, preconditions,
 * ranges.
 *
 *   coding -> validators -> If-* -> 304 | 412
 *                    '-> Range -> 416 | 206 one part | 206 several | 200
 *
 * All of it is of the file as it was when it was opened and looked at; a file
 * that is cut short meanwhile ends the connection (http/response.h, 3).
 *
 * What a whole file is sent with is the same each time, once its tag is strong:
 * a file that is in a cache has it noted there (struct note).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>

#include "core/sys.h"
#include "http/conditional.h"
#include "http/mime.h"
#include "http/negotiate.h"
#include "http/range.h"
#include "http/saved_fields.h"
#include "http/static_priv.h"

/* "W/" '"' size '-' seconds '-' nanoseconds '"', in hexadecimal; before the
 * last quote '-' and a coding: those of one file may have size and time alike.
 */
#define ETAG_MAX 68
#define NS_PER_S INT64_C(1000000000)
/* The coarsest clock of a file system in use: FAT's counts in two seconds. */
#define TICK_S 2

/* Behind it are the fields. */
struct note {
    enum mr_coding coding;
    struct mr_str type;
    size_t tag_n;
    char tag[ETAG_MAX];
};

/* What is sent: borrowed from who asked for it. */
struct sending {
    const struct mr_static *s;
    struct mr_request *req;
    struct mr_response *res;
    const struct mr_cached_file *kept; /* NULL: not in a cache */
    int fd;
    uint64_t size;
    struct mr_str type; /* NUL-terminated */
    enum mr_coding coding;
    const struct note *note; /* NULL: none yet */
};

/* --- notes --- */

static const struct note *find_note(const struct mr_cached_file *kept,
                                    enum mr_coding coding)
{
    const struct note *note = kept ? *mr_file_cache_note(kept) : NULL;

    return note && note->coding == coding ? note : NULL;
}

static const struct mr_saved_fields *fields_of(const struct note *note)
{
    return (const struct mr_saved_fields *)(note + 1);
}

/* The fields since the mark are those of any 200 of this file. */
static void take_note(const struct sending *f, struct mr_str etag,
                      const struct mr_fields_mark *mark)
{
    size_t size = mr_fields_size(mark);
    struct note *note;

    if (!f->kept || *mr_file_cache_note(f->kept) || size == 0 ||
        mr_str_starts(etag, "W/"))
        return;
    note = mr_alloc(sizeof *note + size);
    if (!note)
        return;
    note->coding = f->coding;
    note->type = f->type;
    note->tag_n = etag.n;
    memcpy(note->tag, etag.p, etag.n);
    mr_fields_save(f->res, mark, (struct mr_saved_fields *)(note + 1));
    *mr_file_cache_note(f->kept) = note;
}

/* --- validators --- */

static char *put_hex(char *at, uint64_t v)
{
    int digits = (67 - __builtin_clzll(v | 1)) / 4;

    for (int i = digits; i-- > 0; v >>= 4)
        at[i] = "0123456789abcdef"[v & 15];
    return at + digits;
}

/* A file that changed twice within a tick of its file system's clock has the
 * same time for two contents: while that may be, its tag is weak (RFC 9110
 * 8.8.1, 8.8.3). */
static size_t put_etag(char out[ETAG_MAX], const struct stat *st,
                       enum mr_coding coding, int64_t now)
{
    char *at = out;

    if (st->st_mtim.tv_sec > now - TICK_S) {
        *at++ = 'W';
        *at++ = '/';
    }
    *at++ = '"';
    at = put_hex(at, (uint64_t)st->st_size);
    *at++ = '-';
    at = put_hex(at, (uint64_t)st->st_mtim.tv_sec);
    *at++ = '-';
    at = put_hex(at, (uint64_t)st->st_mtim.tv_nsec);
    if (coding != MR_CODING_IDENTITY) {
        *at++ = '-';
        at = stpcpy(at, mr_coding_name(coding));
    }
    *at++ = '"';
    return (size_t)(at - out);
}

static int add_validators(struct mr_response *res,
                          const struct mr_validators *v)
{
    int err = mr_response_last_modified(res, v->modified);

    return err ? err : mr_response_header_n(res, mr_str("ETag"), v->etag);
}

/* What goes with the file or its 304, and not with a refusal, which a cache
 * would keep for as long. */
static int add_fields(const struct sending *f)
{
    int err = 0;

    if (*f->s->cache_control)
        err = mr_response_header(f->res, "Cache-Control", f->s->cache_control);
    return err ? err : mr_static_add_headers(f->s, f->res);
}

/* --- codings --- */

static bool is_older(const struct stat *a, const struct stat *b)
{
    return a->st_mtim.tv_sec < b->st_mtim.tv_sec ||
           (a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
            a->st_mtim.tv_nsec < b->st_mtim.tv_nsec);
}

/* The same in the coding that the client likes best of those that stand ready:
 * 0, where ret->fd is -1 when it is the file itself; or -ENOMEM. */
static int choose(const struct mr_static *s, struct mr_request *req,
                  const struct mr_static_found *f, enum mr_coding *ret_coding,
                  struct mr_static_found *ret)
{
    enum mr_coding order[MR_CODINGS];
    size_t n = mr_negotiate_codings(mr_request_headers(req), order);

    ret->fd = -1;
    *ret_coding = MR_CODING_IDENTITY;
    for (size_t i = 0; i < n && order[i] != MR_CODING_IDENTITY; i++) {
        const char *path = mr_arena_printf(mr_request_arena(req), "%s%s",
                                           f->path, mr_coding_suffix(order[i]));

        if (!path)
            return -ENOMEM;
        if (mr_static_look(s, path, ret))
            continue; /* whatever is wrong with it, there is the file itself */
        if (S_ISREG(ret->st.st_mode) && !is_older(&ret->st, &f->st)) {
            *ret_coding = order[i];
            return 0;
        }
        mr_static_forget(ret);
    }
    return 0;
}

/* --- ranges --- */

static int send_one(const struct sending *f, const struct mr_byte_range *r)
{
    char value[MR_CONTENT_RANGE_MAX];
    int err;

    (void)mr_content_range_put(value, r, f->size);
    err = mr_response_header(f->res, "Content-Range", value);
    if (err)
        return err;
    return mr_reply_file(f->res, MR_STATUS_PARTIAL_CONTENT, f->type.p, f->fd,
                         (int64_t)r->off, r->n);
}

/* splitmix64's last step: every bit of x moves every bit of what comes. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* One that no file holds but by chance: the kernel's random bytes for this
 * program, told apart for each process and each answer by the time. */
static void put_boundary(char out[MR_BOUNDARY_LEN + 1])
{
    static __thread uint64_t count;
    const void *random = (const void *)(uintptr_t)getauxval(AT_RANDOM);
    uint64_t seed[2] = {0};

    if (random)
        memcpy(seed, random, sizeof seed);
    seed[0] = mix(seed[0] ^ (uint64_t)mr_sys_realtime());
    seed[1] = mix(seed[1] ^ seed[0] ^ ++count);
    snprintf(out, MR_BOUNDARY_LEN + 1, "%016llx%016llx",
             (unsigned long long)seed[0], (unsigned long long)seed[1]);
}

/* Its parts with their heads, and what ends it. */
static uint64_t whole_length(const struct sending *f, const char *boundary,
                             const struct mr_ranges *r, char *head)
{
    uint64_t n = MR_PART_END_LEN;

    for (size_t i = 0; i < r->n; i++)
        n += r->v[i].n +
             mr_part_put_head(head, boundary, f->type, &r->v[i], f->size);
    return n;
}

static int send_several(const struct sending *f, const struct mr_ranges *r)
{
    struct mr_arena *arena = mr_request_arena(f->req);
    char *head = mr_arena_alloc(arena, MR_PART_HEAD_MAX(f->type.n));
    char boundary[MR_BOUNDARY_LEN + 1], end[MR_PART_END_LEN + 1], type[80];
    int err;

    if (!head)
        return -ENOMEM;
    put_boundary(boundary);
    snprintf(type, sizeof type, "multipart/byteranges; boundary=%s", boundary);
    err = mr_response_start(f->res, MR_STATUS_PARTIAL_CONTENT, type,
                            (int64_t)whole_length(f, boundary, r, head));
    for (size_t i = 0; i < r->n && !err; i++) {
        size_t n = mr_part_put_head(head, boundary, f->type, &r->v[i], f->size);

        err = mr_response_write(f->res, head, n);
        if (!err)
            err = mr_response_send_file(f->res, f->fd, (int64_t)r->v[i].off,
                                        r->v[i].n);
    }
    if (err)
        return err;
    mr_part_put_end(end, boundary);
    return mr_response_write(f->res, end, MR_PART_END_LEN);
}

static int send_none(const struct sending *f)
{
    char value[MR_CONTENT_RANGE_MAX];
    int err;

    (void)mr_content_range_put(value, NULL, f->size);
    err = mr_response_header(f->res, "Content-Range", value);
    return err ? err : mr_reply_status(f->res, MR_STATUS_RANGE_NOT_SATISFIABLE);
}

/* --- the answer --- */

static int send_whole(const struct sending *f)
{
    struct mr_str text;

    if (f->kept && mr_file_cache_content(f->kept, &text))
        return mr_reply_memo(f->res, MR_STATUS_OK, f->type, text,
                             mr_file_cache_memo(f->kept));
    return mr_reply_file(f->res, MR_STATUS_OK, f->type.p, f->fd, 0, f->size);
}

/* status: what mr_ranges_decide says. */
static int add_range_fields(const struct sending *f, int status)
{
    int err = mr_response_header(f->res, "Accept-Ranges", "bytes");

    if (err || status == MR_STATUS_RANGE_NOT_SATISFIABLE)
        return err;
    err = add_fields(f);
    if (!err && f->coding != MR_CODING_IDENTITY)
        err = mr_response_header(f->res, "Content-Encoding",
                                 mr_coding_name(f->coding));
    return err;
}

static int send_ranges(const struct sending *f, int status,
                       const struct mr_ranges *r)
{
    if (status == MR_STATUS_RANGE_NOT_SATISFIABLE)
        return send_none(f);
    if (status == MR_STATUS_OK)
        return send_whole(f);
    return r->n == 1 ? send_one(f, &r->v[0]) : send_several(f, r);
}

/* conditional, ranged: what mr_conditional and mr_ranges_decide say. */
static int answer_anew(const struct sending *f, const struct mr_validators *v,
                       int conditional, int ranged, const struct mr_ranges *r)
{
    struct mr_fields_mark mark = mr_fields_mark(f->res);
    int err = add_validators(f->res, v);

    if (!err && f->s->precompressed)
        err = mr_response_header(f->res, "Vary", "Accept-Encoding");
    if (!err && conditional == MR_STATUS_NOT_MODIFIED)
        err = add_fields(f);
    if (err)
        return err;
    if (conditional)
        return mr_reply_status(f->res, conditional);
    err = add_range_fields(f, ranged);
    if (err)
        return err;
    if (ranged == MR_STATUS_OK)
        take_note(f, v->etag, &mark);
    return send_ranges(f, ranged, r);
}

static int answer(const struct sending *f, const struct stat *st)
{
    const struct mr_headers *h = mr_request_headers(f->req);
    enum mr_method method = mr_request_method(f->req);
    int64_t now = mr_sys_realtime() / NS_PER_S;
    struct mr_validators v = {.modified = st->st_mtim.tv_sec};
    int conditional, ranged, err;
    struct mr_ranges r;
    char tag[ETAG_MAX];

    v.etag = f->note ? mr_str_n(f->note->tag, f->note->tag_n)
                     : mr_str_n(tag, put_etag(tag, st, f->coding, now));
    conditional = mr_conditional(h, method, &v, now);
    ranged =
        conditional ? 0 : mr_ranges_decide(h, method, &v, now, f->size, &r);
    if (MR_LIKELY(f->note && ranged == MR_STATUS_OK)) {
        err = mr_fields_restore(f->res, fields_of(f->note));
        if (err != -EEXIST)
            return err ? err : send_whole(f);
    }
    return answer_anew(f, &v, conditional, ranged, &r);
}

int mr_static_send(const struct mr_static *s, struct mr_request *req,
                   struct mr_response *res, const struct mr_static_found *found)
{
    struct mr_static_found coded = {.fd = -1};
    const struct mr_static_found *chosen = found;
    struct sending f = {
        .s = s,
        .req = req,
        .res = res,
        .coding = MR_CODING_IDENTITY,
    };
    int err = 0;

    if (s->precompressed)
        err = choose(s, req, found, &f.coding, &coded);
    if (err)
        return err;
    if (coded.fd >= 0)
        chosen = &coded;
    f.kept = chosen->kept;
    f.fd = chosen->fd;
    f.size = (uint64_t)chosen->st.st_size;
    f.note = find_note(f.kept, f.coding);
    f.type = f.note ? f.note->type : mr_mime_find(s->mime, mr_str(found->path));
    err = answer(&f, &chosen->st);
    mr_static_forget(&coded);
    return err;
}
