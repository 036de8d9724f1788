/* SPDX-License-Identifier: MIT */

/*
 * test_get_part.c - a download's file: on a disk by helpers, on tmpfs directly;
 * with every call failing in turn, with the machine stopped after each, and
 * with its power cut.
 *
 * over budget: one scene, and what may go wrong in it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "apps/get/part_priv.h"
#include "core/sys.h"
#include "core/timer.h"
#include "tests/core/in_hub.h"

#define URL mr_str("http://h/f")
#define V1 mr_str("\"one\"")
#define V2 mr_str("\"two\"")
#define LONG 700001

static const char *const roots[] = {"/tmp", "/dev/shm"};

struct scene {
    char path[64];
    int dir;
    char why[GET_WHY];
    struct get_part *p;
};

static bool scene_open(struct scene *s, size_t root)
{
    *s = (struct scene){.dir = -1};
    snprintf(s->path, sizeof s->path, "%s/test-get-part-XXXXXX", roots[root]);
    if (!mkdtemp(s->path))
        return false; /* no such place here */
    s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return s->dir >= 0;
}

static unsigned entries(const struct scene *s, bool remove)
{
    DIR *d = opendir(s->path);
    struct dirent *e;
    unsigned n = 0;

    while (d && (e = readdir(d))) {
        if (e->d_name[0] == '.')
            continue;
        n++;
        if (remove)
            unlinkat(s->dir, e->d_name, 0);
    }
    if (d)
        closedir(d);
    return n;
}

static void scene_close(struct scene *s)
{
    entries(s, true);
    close(s->dir);
    CHECK_EQ_INT(rmdir(s->path), 0);
}

static bool exists(const struct scene *s, const char *name)
{
    return faccessat(s->dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* -1: there is none. */
static int64_t journal_size(const struct scene *s)
{
    struct stat st;

    return fstatat(s->dir, "f.part.journal", &st, 0) == 0 ? st.st_size : -1;
}

static void put_file(const struct scene *s, const char *name, const char *text)
{
    int fd = openat(s->dir, name, O_CREAT | O_WRONLY | O_TRUNC, 0600);

    CHECK_EQ_INT(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

/* Byte `at` of the source in this version. */
static char byte_of(int64_t at, char version)
{
    return (char)((at * 7 + at / 251) ^ version);
}

static char version_of(struct mr_str validator)
{
    return validator.n > 1 ? validator.p[1] : 'x';
}

static int open_part(struct scene *s, bool resume)
{
    return get_part_open(&s->p,
                         &(struct get_part_options){
                             .dir = s->dir, .name = "f", .resume = resume},
                         s->why);
}

/* Give a lane n bytes, a few at a time. */
static int feed(struct get_lane *lane, size_t n, char version)
{
    int rc = 0;

    while (n > 0 && rc == 0) {
        int64_t at = get_lane_rest(lane).from;
        ssize_t room;
        char *p = get_lane_room(lane, &room);
        size_t put;

        if (!p)
            return (int)room;
        put = MR_MIN(n, MR_MIN((size_t)room, 50000));
        if (put == 0)
            return -EFBIG;
        for (size_t i = 0; i < put; i++)
            p[i] = byte_of(at + (int64_t)i, version);
        rc = get_lane_commit(lane, put);
        n -= put;
    }
    return rc;
}

static int feed_range(struct get_part *p, int64_t from, int64_t to,
                      char version)
{
    struct get_lane *lane;
    int rc = get_lane_open(&lane, p, from, to);
    int closed;

    if (rc)
        return rc;
    rc = feed(lane, (size_t)(to - from), version);
    closed = get_lane_close(lane, true);
    return rc ? rc : closed;
}

static int feed_rest(struct get_part *p, char version)
{
    struct get_range gap;
    int rc = 0;

    while (rc == 0 && get_part_gap(p, 0, &gap))
        rc = feed_range(p, gap.from, gap.to, version);
    return rc;
}

static void check_bytes(const struct scene *s, const char *name, int64_t from,
                        int64_t to, char version)
{
    int fd = openat(s->dir, name, O_RDONLY | O_NOFOLLOW);
    char *p = malloc((size_t)(to - from) + 1);

    CHECK_EQ_INT(pread(fd, p, (size_t)(to - from), from), to - from);
    for (int64_t at = from; at < to; at++)
        if (p[at - from] != byte_of(at, version)) {
            CHECK_FAIL("%s: byte %jd of version %c is wrong", name,
                       (intmax_t)at, version);
            break;
        }
    free(p);
    close(fd);
}

static void check_text(const struct scene *s, const char *name,
                       const char *text)
{
    char got[64] = "";
    int fd = openat(s->dir, name, O_RDONLY | O_NOFOLLOW);

    CHECK_EQ_INT(read(fd, got, sizeof got - 1), strlen(text));
    CHECK_EQ_STR(got, text);
    close(fd);
}

/* NAME is there, whole, and nothing else. */
static void check_done(const struct scene *s, int64_t length, char version)
{
    int fd = openat(s->dir, "f", O_RDONLY);

    CHECK_EQ_INT(lseek(fd, 0, SEEK_END), length);
    close(fd);
    check_bytes(s, "f", 0, length, version);
    CHECK_EQ_INT(entries(s, false), 1);
}

/* --- the ordinary way --- */

IN_HUB(part_lengths)
{
    static const int64_t lengths[] = {
        0, 1, 10240, GET_PART_SMALL, GET_PART_SMALL + 1, LONG, 3000000};
    struct scene s;

    for (size_t i = 0; i < 4 * MR_ARRAY_LEN(lengths); i++) {
        int64_t length = lengths[i / 4];
        bool is_known = i & 1;
        struct get_lane *lane;

        CASE("%jd bytes in %s, known %d", (intmax_t)length, roots[i / 2 % 2],
             is_known);
        if (!scene_open(&s, i / 2 % 2))
            continue;
        CHECK_EQ_INT(open_part(&s, true), 0);
        CHECK_EQ_PTR(get_part_journal(s.p), NULL);
        CHECK_EQ_INT(
            get_part_begin(s.p, is_known ? length : -1, URL, V1, s.why), 0);
        CHECK_EQ_INT(get_lane_open(&lane, s.p, 0, is_known ? length : -1), 0);
        CHECK_EQ_INT(feed(lane, (size_t)length, 'o'), 0);
        CHECK_EQ_INT(get_part_have(s.p) > length, 0);
        CHECK_EQ_INT(get_lane_close(lane, true), 0);
        CHECK_EQ_INT(get_part_have(s.p), length);
        CHECK_EQ_INT(get_part_length(s.p), length);
        CHECK_OK(!exists(&s, "f"));
        CHECK_EQ_INT(get_part_finish(s.p, s.why), 0);
        get_part_close(s.p);
        check_done(&s, length, 'o');
        scene_close(&s);
    }
    return 0;
}

/* A small file makes nothing before it is whole, and few calls then. */
IN_HUB(part_small_calls)
{
    struct scene s;

    if (!scene_open(&s, 1)) /* no tmpfs here */
        return 0;
    CHECK_EQ_INT(open_part(&s, false), 0);
    get_part_close(s.p); /* the device is known now */
    mr_sys_fault(MR_SYS_OPENAT, 0, 0);
    CHECK_EQ_INT(open_part(&s, false), 0);
    CHECK_EQ_INT(get_part_begin(s.p, 10240, URL, V1, s.why), 0);
    CHECK_EQ_INT(feed_range(s.p, 0, 10240, 'o'), 0);
    CHECK_EQ_INT(mr_sys_calls(MR_SYS_OPENAT), 0);
    CHECK_EQ_INT(entries(&s, false), 0);
    CHECK_EQ_INT(get_part_finish(s.p, s.why), 0);
    CHECK_EQ_INT(mr_sys_calls(MR_SYS_OPENAT), 2); /* it, and its mark */
    CHECK_EQ_INT(mr_sys_calls(MR_SYS_PWRITE), 1);
    CHECK_EQ_INT(mr_sys_calls(MR_SYS_FSYNC), 2); /* it, and its directory */
    CHECK_EQ_INT(mr_sys_calls(MR_SYS_RENAMEAT2), 1);
    get_part_close(s.p);
    mr_sys_fault_clear();
    check_done(&s, 10240, 'o');
    scene_close(&s);
    return 0;
}

/* Cut short: nothing is named, and what can be gone on with is kept. */
IN_HUB(part_cut_short)
{
    for (size_t root = 0; root < 2; root++)
        for (int v = 0; v < 2; v++) {
            struct scene s;
            struct get_lane *lane;

            CASE("%s, validator %d", roots[root], v);
            if (!scene_open(&s, root))
                continue;
            CHECK_EQ_INT(open_part(&s, true), 0);
            CHECK_EQ_INT(
                get_part_begin(s.p, LONG, URL, v ? V1 : mr_str(""), s.why), 0);
            CHECK_EQ_INT(get_lane_open(&lane, s.p, 0, LONG), 0);
            CHECK_EQ_INT(feed(lane, 600000, 'o'), 0);
            CHECK_EQ_INT(get_lane_close(lane, true), 0);
            CHECK_EQ_INT(get_part_finish(s.p, s.why), -ENODATA);
            CHECK_EQ_STR(s.why, "f: 600000 bytes came of 700001");
            CHECK_EQ_INT(get_part_is_kept(s.p), v);
            get_part_close(s.p);
            CHECK_EQ_INT(entries(&s, false), v ? 2 : 0);
            CHECK_EQ_INT(open_part(&s, true), 0);
            CHECK_EQ_INT(get_part_journal(s.p) != NULL, v);
            if (v) {
                CHECK_EQ_INT(get_part_have(s.p), 600000);
                CHECK_OK(mr_str_eq(get_part_journal(s.p)->url, URL));
                CHECK_EQ_INT(get_part_resume(s.p, LONG, V2, s.why), -ESTALE);
                CHECK_EQ_INT(get_part_resume(s.p, 5, V1, s.why), -ESTALE);
                CHECK_EQ_INT(get_part_resume(s.p, LONG, V1, s.why), 0);
                CHECK_EQ_INT(feed_rest(s.p, 'o'), 0);
                CHECK_EQ_INT(get_part_finish(s.p, s.why), 0);
                get_part_close(s.p);
                check_done(&s, LONG, 'o');
            } else {
                get_part_close(s.p);
                CHECK_EQ_INT(entries(&s, false), 0);
            }
            scene_close(&s);
        }
    return 0;
}

/* Looked at, and left as it was. */
IN_HUB(part_only_looked)
{
    struct scene s;

    CHECK_OK(scene_open(&s, 0));
    CHECK_EQ_INT(open_part(&s, true), 0);
    CHECK_EQ_INT(get_part_begin(s.p, LONG, URL, V1, s.why), 0);
    CHECK_EQ_INT(feed_range(s.p, 1000, 300000, 'o'), 0);
    get_part_close(s.p);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ_INT(open_part(&s, true), 0);
        CHECK_OK(get_part_journal(s.p));
        get_part_close(s.p);
        CHECK_EQ_INT(entries(&s, false), 2);
    }
    /* Asked anew, the source is another: no byte of the old one stays. */
    CHECK_EQ_INT(open_part(&s, true), 0);
    CHECK_EQ_INT(get_part_begin(s.p, 400000, URL, V2, s.why), 0);
    CHECK_EQ_INT(journal_size(&s), 0); /* a mark */
    CHECK_EQ_INT(get_part_have(s.p), 0);
    CHECK_EQ_INT(feed_rest(s.p, 't'), 0);
    CHECK_EQ_INT(get_part_finish(s.p, s.why), 0);
    get_part_close(s.p);
    check_done(&s, 400000, 't');
    scene_close(&s);
    return 0;
}

static intptr_t feed_third(void *arg)
{
    struct scene *s = arg;
    struct get_range gap;

    CHECK_OK(get_part_gap(s->p, 0, &gap));
    gap.to = MR_MIN(gap.to, gap.from + LONG / 3 + 1);
    return feed_range(s->p, gap.from, gap.to, 'o');
}

/* Several at once, each with its piece; the digest's order is none of theirs.
 */
IN_HUB(part_lanes)
{
    struct mr_checksum sum = {.kind = MR_DIGEST_SHA256, .n = 32};
    struct mr_digest *d;
    size_t ways = 3;
    struct scene s;

    if (mr_digest_new(&d, sum.kind) == 0) {
        for (int64_t at = 0; at < LONG; at++) {
            char c = byte_of(at, 'o');

            CHECK_EQ_INT(mr_digest_add(d, &c, 1), 0);
        }
        CHECK_EQ_INT(mr_digest_end(d, &sum), 0);
        mr_digest_free(d);
    } else {
        ways = 2; /* no OpenSSL in this build: the order is looked at alone */
    }
    for (size_t i = 0; i < ways * 2; i++) {
        CASE("%s, way %zu", roots[i % 2], i / 2);
        if (!scene_open(&s, i % 2))
            continue;
        if (i / 2 == 2)
            sum.bytes[3] ^= 1;
        CHECK_EQ_INT(get_part_open(&s.p,
                                   &(struct get_part_options){
                                       .dir = s.dir,
                                       .name = "f",
                                       .checksum = ways == 3 ? &sum : NULL},
                                   s.why),
                     0);
        CHECK_EQ_INT(get_part_begin(s.p, LONG, URL, V1, s.why), 0);
        if (i / 2 == 0) {
            struct mr_group g;

            mr_group_init(&g);
            for (int n = 0; n < 3; n++)
                CHECK_OK(mr_group_spawn(&g, feed_third, &s));
            CHECK_EQ_INT(mr_group_wait(&g, MR_NEVER), 0);
            mr_group_close(&g);
        } else {
            CHECK_EQ_INT(feed_range(s.p, 500000, LONG, 'o'), 0);
            CHECK_EQ_INT(feed_rest(s.p, 'o'), 0);
        }
        CHECK_EQ_INT(get_part_finish(s.p, s.why), i / 2 < 2 ? 0 : -EBADMSG);
        get_part_close(s.p);
        if (i / 2 < 2)
            check_done(&s, LONG, 'o');
        else
            CHECK_EQ_INT(entries(&s, false), 0);
        if (i / 2 == 2)
            sum.bytes[3] ^= 1;
        scene_close(&s);
    }
    return 0;
}

/* A lane gives its end to another, also what it has been given room for. */
IN_HUB(part_lane_cut)
{
    struct get_lane *a, *b;
    struct get_range gap;
    struct scene s;
    ssize_t room;
    char *p;

    CHECK_OK(scene_open(&s, 0));
    CHECK_EQ_INT(open_part(&s, false), 0);
    CHECK_EQ_INT(get_part_begin(s.p, LONG, URL, V1, s.why), 0);
    CHECK_EQ_INT(get_lane_open(&a, s.p, 0, LONG), 0);
    CHECK_OK(!get_part_gap(s.p, 0, &gap));
    CHECK_EQ_INT(feed(a, 300000, 'o'), 0);
    p = get_lane_room(a, &room);
    CHECK_OK(p && room > 1000);
    CHECK_EQ_INT(get_lane_cut(a, 299999), -EINVAL);
    CHECK_EQ_INT(get_lane_cut(a, LONG + 1), -EINVAL);
    CHECK_EQ_INT(get_lane_cut(a, 300500), 0);
    CHECK_OK(get_part_gap(s.p, 0, &gap));
    CHECK_EQ_INT(gap.from, 300500);
    CHECK_EQ_INT(get_lane_open(&b, s.p, gap.from, gap.to), 0);
    for (int i = 0; i < 1000; i++)
        p[i] = byte_of(300000 + i, 'o');
    CHECK_EQ_INT(get_lane_commit(a, 1000), 0);
    CHECK_OK(get_lane_room(a, &room));
    CHECK_EQ_INT(room, 0);
    CHECK_EQ_INT(feed(b, (size_t)(gap.to - gap.from), 'o'), 0);
    CHECK_EQ_INT(feed(b, 1, 'o'), -EFBIG);
    CHECK_EQ_INT(get_lane_close(a, true), 0);
    CHECK_EQ_INT(get_lane_close(b, true), 0);
    CHECK_EQ_INT(get_part_finish(s.p, s.why), 0);
    get_part_close(s.p);
    check_done(&s, LONG, 'o');
    scene_close(&s);
    return 0;
}

/* A byte has one writer: more would be a mistake of ours, and is no download
 * that goes wrong. */
static void two_lanes(int64_t from, int64_t to, int64_t from2, int64_t to2)
{
    struct get_lane *a, *b;
    struct scene s;

    CHECK_OK(scene_open(&s, 0));
    CHECK_EQ_INT(open_part(&s, false), 0);
    CHECK_EQ_INT(get_part_begin(s.p, to < 0 ? -1 : LONG, URL, V1, s.why), 0);
    CHECK_EQ_INT(get_lane_open(&a, s.p, from, to), 0);
    unlinkat(s.dir, "f.part", 0); /* we may not come back */
    unlinkat(s.dir, "f.part.journal", 0);
    CHECK_EQ_INT(rmdir(s.path), 0);
    CHECK_EQ_INT(get_lane_open(&b, s.p, from2, to2), 0);
    CHECK_EQ_INT(get_lane_close(b, false), 0);
    CHECK_EQ_INT(get_lane_close(a, false), 0);
    get_part_close(s.p);
    close(s.dir);
}

IN_HUB(part_lanes_beside)
{
    two_lanes(200000, 400000, 400000, LONG);
    two_lanes(200000, 400000, 0, 200000);
    return 0;
}

IN_HUB_DIES(part_lanes_over, "is_taken")
{
    two_lanes(200000, 400000, 399999, LONG);
    return 0;
}

IN_HUB_DIES(part_lanes_over_unknown, "is_taken")
{
    two_lanes(0, -1, 500000, -1);
    return 0;
}

/* A run that goes on has its first journal as soon as one that begins. */
IN_HUB(part_resumed_first_journal)
{
    for (size_t root = 0; root < 2; root++) {
        struct get_lane *lane;
        struct scene s;
        int64_t before;

        CASE("%s", roots[root]);
        if (!scene_open(&s, root))
            continue;
        CHECK_EQ_INT(open_part(&s, true), 0);
        CHECK_EQ_INT(get_part_begin(s.p, 9000000, URL, V1, s.why), 0);
        CHECK_EQ_INT(feed_range(s.p, 0, 300000, 'o'), 0);
        get_part_close(s.p);
        before = journal_size(&s);
        CHECK_OK(before > 0);
        CHECK_EQ_INT(open_part(&s, true), 0);
        CHECK_EQ_INT(get_part_resume(s.p, 9000000, V1, s.why), 0);
        s.p->synced_at -= INT64_C(1100000000); /* so long ago */
        CHECK_EQ_INT(get_lane_open(&lane, s.p, 600000, 9000000), 0);
        CHECK_EQ_INT(feed(lane, 600000, 'o'), 0);
        CHECK_EQ_INT(get_part_wait_quiet(s.p), 0);
        CHECK_OK(journal_size(&s) > before); /* a piece more */
        CHECK_EQ_INT(get_lane_close(lane, false), 0);
        get_part_close(s.p);
        scene_close(&s);
    }
    return 0;
}

/* --- what is in the way --- */

IN_HUB(part_never_overwrites)
{
    struct get_part_options o = {.name = "f"};
    struct scene s;

    for (size_t root = 0; root < 2; root++) {
        CASE("%s", roots[root]);
        if (!scene_open(&s, root))
            continue;
        o.dir = s.dir;
        o.overwrite = false;
        /* It appears while we are at it. */
        CHECK_EQ_INT(open_part(&s, false), 0);
        CHECK_EQ_INT(get_part_begin(s.p, 5, URL, V1, s.why), 0);
        CHECK_EQ_INT(feed_rest(s.p, 'o'), 0);
        close(openat(s.dir, "f", O_CREAT | O_WRONLY, 0600));
        CHECK_EQ_INT(get_part_finish(s.p, s.why), -EEXIST);
        get_part_close(s.p);
        check_bytes(&s, "f.part", 0, 5, 'o');
        /* It is there before. */
        CHECK_EQ_INT(get_part_open(&s.p, &o, s.why), -EEXIST);
        CHECK_EQ_STR(s.why, "f: is there already, and is not overwritten");
        /* Told to. */
        o.overwrite = true;
        CHECK_EQ_INT(get_part_open(&s.p, &o, s.why), 0);
        CHECK_EQ_INT(get_part_begin(s.p, 7, URL, V1, s.why), 0);
        CHECK_EQ_INT(feed_rest(s.p, 'o'), 0);
        CHECK_EQ_INT(get_part_finish(s.p, s.why), 0);
        get_part_close(s.p);
        check_done(&s, 7, 'o');
        scene_close(&s);
    }
    return 0;
}

/* NAME.part that nothing says is ours: asked about, not written to. */
IN_HUB(part_of_a_stranger)
{
    static const char said[] = "f: f.part is there, and nothing says that it "
                               "is mrget's: move it away, or -c or --overwrite "
                               "replace it";
    static const int64_t lengths[] = {10, LONG};
    struct scene s;

    for (size_t i = 0; i < 12; i++) {
        struct get_part_options o = {.name = "f"};
        int64_t length = lengths[i % 2];
        int way = (int)i / 4; /* not told; -c; --overwrite */

        CASE("way %d, %jd bytes in %s", way, (intmax_t)length,
             roots[i / 2 % 2]);
        if (!scene_open(&s, i / 2 % 2))
            continue;
        o.dir = s.dir;
        o.resume = way == 1;
        o.overwrite = way == 2;
        if (way == 0) { /* it comes while we are at it */
            CHECK_EQ_INT(get_part_open(&s.p, &o, s.why), 0);
            put_file(&s, "f.part", "a diary");
            if (length == LONG) {
                CHECK_EQ_INT(get_part_begin(s.p, length, URL, V1, s.why),
                             -ENOTEMPTY);
            } else {
                CHECK_EQ_INT(get_part_begin(s.p, length, URL, V1, s.why), 0);
                CHECK_EQ_INT(feed_rest(s.p, 'o'), 0);
                CHECK_EQ_INT(get_part_finish(s.p, s.why), -ENOTEMPTY);
            }
            CHECK_EQ_STR(s.why, said);
            get_part_close(s.p);
            /* And it was there before. */
            s.why[0] = '\0';
            CHECK_EQ_INT(get_part_open(&s.p, &o, s.why), -ENOTEMPTY);
            CHECK_EQ_STR(s.why, said);
            CHECK_EQ_INT(entries(&s, false), 1);
            check_text(&s, "f.part", "a diary");
        } else {
            put_file(&s, "f.part", "a diary");
            CHECK_EQ_INT(get_part_open(&s.p, &o, s.why), 0);
            CHECK_EQ_PTR(get_part_journal(s.p), NULL);
            CHECK_EQ_INT(get_part_begin(s.p, length, URL, V1, s.why), 0);
            CHECK_EQ_INT(feed_rest(s.p, 'o'), 0);
            CHECK_EQ_INT(get_part_finish(s.p, s.why), 0);
            get_part_close(s.p);
            check_done(&s, length, 'o');
        }
        scene_close(&s);
    }
    return 0;
}

/* What a killed one leaves of a journal goes with the journal. */
IN_HUB(part_half_a_journal)
{
    static const int64_t lengths[] = {10, LONG};
    struct scene s;

    for (size_t i = 0; i < 2; i++) {
        CASE("%jd bytes", (intmax_t)lengths[i]);
        CHECK_OK(scene_open(&s, 0));
        put_file(&s, "f.part.journal", ""); /* the mark, gone last */
        put_file(&s, "f.part.journal.new", "MRJ");
        CHECK_EQ_INT(open_part(&s, false), 0);
        CHECK_EQ_INT(get_part_begin(s.p, lengths[i], URL, V1, s.why), 0);
        CHECK_EQ_INT(feed_rest(s.p, 'o'), 0);
        CHECK_EQ_INT(get_part_finish(s.p, s.why), 0);
        get_part_close(s.p);
        check_done(&s, lengths[i], 'o');
        scene_close(&s);
    }
    return 0;
}

/* File systems that cannot rename without replacing, or link. */
IN_HUB(part_name_fallbacks)
{
    for (int way = 0; way < 6; way++) {
        bool taken = way % 2, no_link = way / 2 == 1;
        int err = way / 2 == 2 ? -ENOSYS : -EINVAL;
        struct scene s;

        CASE("way %d", way);
        CHECK_OK(scene_open(&s, 0));
        CHECK_EQ_INT(open_part(&s, false), 0);
        CHECK_EQ_INT(get_part_begin(s.p, 5, URL, V1, s.why), 0);
        CHECK_EQ_INT(feed_rest(s.p, 'o'), 0);
        if (taken)
            close(openat(s.dir, "f", O_CREAT | O_WRONLY, 0600));
        mr_sys_fault(MR_SYS_RENAMEAT2, 1, err);
        if (no_link)
            mr_sys_fault(MR_SYS_LINKAT, 1, -EPERM);
        CHECK_EQ_INT(get_part_finish(s.p, s.why), taken ? -EEXIST : 0);
        mr_sys_fault_clear();
        get_part_close(s.p);
        if (!taken)
            check_done(&s, 5, 'o');
        scene_close(&s);
    }
    return 0;
}

IN_HUB(part_locked)
{
    struct get_part *other = NULL;
    struct scene s;

    CHECK_OK(scene_open(&s, 0));
    CHECK_EQ_INT(open_part(&s, true), 0);
    CHECK_EQ_INT(get_part_begin(s.p, LONG, URL, V1, s.why), 0);
    CHECK_EQ_INT(feed_range(s.p, 0, 300000, 'o'), 0);
    for (int resume = 0; resume < 2; resume++) {
        int rc = get_part_open(&other,
                               &(struct get_part_options){
                                   .dir = s.dir, .name = "f", .resume = resume},
                               s.why);

        if (!resume) {
            CHECK_EQ_INT(rc, 0);
            rc = get_part_begin(other, LONG, URL, V1, s.why);
            get_part_close(other);
        }
        CHECK_EQ_INT(rc, -EBUSY);
        CHECK_OK(strstr(s.why, "another process is downloading it (f.part)"));
    }
    CHECK_EQ_INT(feed_rest(s.p, 'o'), 0);
    CHECK_EQ_INT(get_part_finish(s.p, s.why), 0);
    get_part_close(s.p);
    check_done(&s, LONG, 'o');
    scene_close(&s);
    return 0;
}

/* Links: neither followed, nor written through. */
IN_HUB(part_links)
{
    struct scene s;

    CHECK_OK(scene_open(&s, 0));
    close(openat(s.dir, "target", O_CREAT | O_WRONLY, 0600));
    for (int hard = 0; hard < 2; hard++) {
        CASE("hard %d", hard);
        if (hard)
            CHECK_EQ_INT(linkat(s.dir, "target", s.dir, "f.part", 0), 0);
        else
            CHECK_EQ_INT(symlinkat("target", s.dir, "f.part"), 0);
        CHECK_EQ_INT(open_part(&s, true), -EMLINK);
        CHECK_EQ_INT(open_part(&s, false), 0);
        CHECK_EQ_INT(get_part_begin(s.p, LONG, URL, V1, s.why), -EMLINK);
        CHECK_OK(strstr(s.why, "f.part is a link"));
        get_part_close(s.p);
        CHECK_OK(exists(&s, "f.part"));
        unlinkat(s.dir, "f.part", 0);
    }
    scene_close(&s);
    return 0;
}

IN_HUB(part_bad_names)
{
    static const char *const names[] = {"", ".", "..", "a/b", "/"};
    struct scene s;
    char name[GET_NAME_MAX + 2];

    CHECK_OK(scene_open(&s, 0));
    for (size_t i = 0; i <= MR_ARRAY_LEN(names); i++) {
        memset(name, 'x', sizeof name);
        name[sizeof name - 1] = '\0';
        CHECK_EQ_INT(get_part_open(
                         &s.p,
                         &(struct get_part_options){
                             .dir = s.dir,
                             .name = i < MR_ARRAY_LEN(names) ? names[i] : name},
                         s.why),
                     -EINVAL);
    }
    /* As long as a name may be, there is none behind it. */
    name[GET_NAME_MAX] = '\0';
    CHECK_EQ_INT(get_part_open(&s.p,
                               &(struct get_part_options){
                                   .dir = s.dir, .name = name, .resume = true},
                               s.why),
                 0);
    CHECK_EQ_INT(get_part_begin(s.p, LONG, URL, V1, s.why), 0);
    CHECK_EQ_INT(feed_range(s.p, 0, 300000, 'o'), 0);
    get_part_close(s.p);
    CHECK_EQ_INT(entries(&s, false), 2);
    CHECK_EQ_INT(get_part_open(&s.p,
                               &(struct get_part_options){
                                   .dir = s.dir, .name = name, .resume = true},
                               s.why),
                 0);
    CHECK_OK(get_part_journal(s.p));
    CHECK_EQ_INT(get_part_resume(s.p, LONG, V1, s.why), 0);
    CHECK_EQ_INT(feed_rest(s.p, 'o'), 0);
    CHECK_EQ_INT(get_part_finish(s.p, s.why), 0);
    get_part_close(s.p);
    CHECK_EQ_INT(entries(&s, false), 1);
    CHECK_OK(exists(&s, name));
    scene_close(&s);
    return 0;
}

/* --- faults --- */

/* A download with breaks, of version `v`: what it came to. */
static int download_with(struct scene *s, bool resume, int64_t length,
                         struct mr_str v)
{
    static const int64_t order[] = {400000, 0, 200000, 600000};
    int rc = open_part(s, resume);

    if (rc)
        return rc;
    if (get_part_journal(s->p) && get_part_resume(s->p, length, v, s->why) == 0)
        rc = 0;
    else
        rc = get_part_begin(s->p, length, URL, v, s->why);
    for (size_t i = 0; rc == 0 && i < MR_ARRAY_LEN(order); i++) {
        struct get_range gap;

        if (get_part_gap(s->p, order[i], &gap))
            rc = feed_range(s->p, gap.from, MR_MIN(gap.to, gap.from + 70000),
                            version_of(v));
    }
    if (rc == 0)
        rc = feed_rest(s->p, version_of(v));
    if (rc == 0)
        rc = get_part_finish(s->p, s->why);
    get_part_close(s->p);
    return rc;
}

static int download(struct scene *s, int64_t length, struct mr_str v)
{
    return download_with(s, true, length, v);
}

static const struct {
    enum mr_sys_call call;
    int err;
} faults[] = {
    {MR_SYS_OPENAT, -EACCES},  {MR_SYS_FALLOCATE, -ENOSPC},
    {MR_SYS_PWRITE, -ENOSPC},  {MR_SYS_PWRITE, -EIO},
    {MR_SYS_FDATASYNC, -EIO},  {MR_SYS_FSYNC, -EIO},
    {MR_SYS_FSYNC, -ENOSPC},   {MR_SYS_RENAMEAT2, -EACCES},
    {MR_SYS_FTRUNCATE, -EIO},  {MR_SYS_FSTAT, -EIO},
    {MR_SYS_FSTATAT, -EACCES}, {MR_SYS_UNLINKAT, -EIO},
    {MR_SYS_FLOCK, -EIO},      {MR_SYS_WRITE, -ENOSPC},
    {MR_SYS_ALLOC, -ENOMEM},
};

/* One call fails, whichever: the download fails or does not, but the next one
 * is right. */
IN_HUB(part_faults)
{
    int64_t kept = get_part_checkpoint_bytes;
    struct scene s;

    get_part_checkpoint_bytes = 100000;
    for (size_t i = 0; i < 2 * MR_ARRAY_LEN(faults); i++)
        for (unsigned nth = 1; nth < 60; nth++) {
            int64_t length = i % 2 ? LONG : 10000;
            int rc;

            if (!scene_open(&s, nth % 2))
                continue;
            mr_sys_fault(faults[i / 2].call, nth, faults[i / 2].err);
            rc = download(&s, length, V1);
            CASE("call %d, %u of %ju: %d (%s)", (int)faults[i / 2].call, nth,
                 (uintmax_t)mr_sys_calls(faults[i / 2].call), rc, s.why);
            if (mr_sys_calls(faults[i / 2].call) < nth) {
                mr_sys_fault_clear();
                CHECK_EQ_INT(rc, 0);
                nth = 100;
            }
            mr_sys_fault_clear();
            if (rc && !exists(&s, "f"))
                rc = download(&s, length, V1);
            if (exists(&s, "f"))
                check_bytes(&s, "f", 0, length, 'o');
            else
                CHECK_EQ_INT(rc, 0);
            scene_close(&s);
        }
    get_part_checkpoint_bytes = kept;
    return 0;
}

/* The disk is full: what came stays, and the rest is fetched another day. */
IN_HUB(part_disk_full)
{
    struct get_lane *lane;
    struct scene s;

    CHECK_OK(scene_open(&s, 0));
    CHECK_EQ_INT(open_part(&s, true), 0);
    mr_sys_fault(MR_SYS_FALLOCATE, 1, -ENOSPC);
    CHECK_EQ_INT(get_part_begin(s.p, LONG, URL, V1, s.why), -ENOSPC);
    CHECK_EQ_STR(s.why, "f: no space left on device");
    get_part_close(s.p);
    CHECK_EQ_INT(entries(&s, false), 0);
    mr_sys_fault_clear();
    CHECK_EQ_INT(open_part(&s, true), 0);
    CHECK_EQ_INT(get_part_begin(s.p, 3000000, URL, V1, s.why), 0);
    CHECK_EQ_INT(get_lane_open(&lane, s.p, 0, 3000000), 0);
    CHECK_EQ_INT(feed(lane, 600000, 'o'), 0);
    mr_sys_fault_always(MR_SYS_PWRITE, -ENOSPC);
    CHECK_EQ_INT(feed(lane, 2400000, 'o'), -ENOSPC);
    CHECK_EQ_INT(get_lane_close(lane, false), -ENOSPC);
    CHECK_EQ_INT(get_part_finish(s.p, s.why), -ENOSPC);
    CHECK_EQ_STR(s.why, "f: no space left on device");
    CHECK_OK(get_part_is_kept(s.p));
    /* The journal finds no room either, at first. */
    mr_sys_fault_clear();
    mr_sys_fault(MR_SYS_WRITE, 1, -ENOSPC);
    get_part_close(s.p);
    mr_sys_fault_clear();
    CHECK_EQ_INT(download(&s, 3000000, V1), 0);
    check_done(&s, 3000000, 'o');
    scene_close(&s);
    return 0;
}

/* At which ftruncate(2) of those to come there is room for a journal again. */
static unsigned room_at;

/* What is behind the data goes first; then, where that was nothing, as in
 * memory, a piece of what came; and if there is no room even then, all of it.
 */
IN_HUB(part_disk_full_to_the_brim)
{
    for (unsigned at = 0; at <= 2; at++) {
        struct get_lane *lane;
        struct scene s;
        int64_t have;

        CASE("room at cut %u", at);
        CHECK_OK(scene_open(&s, 0));
        CHECK_EQ_INT(open_part(&s, true), 0);
        CHECK_EQ_INT(get_part_begin(s.p, 3000000, URL, V1, s.why), 0);
        CHECK_EQ_INT(get_lane_open(&lane, s.p, 0, 3000000), 0);
        CHECK_EQ_INT(feed(lane, 600000, 'o'), 0);
        CHECK_EQ_INT(get_lane_close(lane, false), 0);
        mr_sys_fault_always(MR_SYS_WRITE, -ENOSPC);
        room_at = at;
        CHECK_EQ_INT(get_part_close(s.p), at > 0);
        CHECK_EQ_INT(room_at, 0);
        mr_sys_fault_clear();
        if (at == 0) {
            CHECK_EQ_INT(entries(&s, false), 0);
        } else {
            CHECK_EQ_INT(open_part(&s, true), 0);
            CHECK_OK(get_part_journal(s.p) != NULL);
            CHECK_EQ_INT(get_part_resume(s.p, 3000000, V1, s.why), 0);
            have = get_part_have(s.p);
            CHECK_EQ_INT(have, at == 1 ? 600000 : 600000 / 65536 * 65536);
            get_part_close(s.p);
        }
        CHECK_EQ_INT(download(&s, 3000000, V1), 0);
        check_done(&s, 3000000, 'o');
        scene_close(&s);
    }
    return 0;
}

/* A sync that failed has lost something: no journal claims it, and what the
 * next sync says changes nothing. */
IN_HUB(part_sync_lost)
{
    struct scene s;

    CHECK_OK(scene_open(&s, 0));
    CHECK_EQ_INT(open_part(&s, true), 0);
    CHECK_EQ_INT(get_part_begin(s.p, LONG, URL, V1, s.why), 0);
    CHECK_EQ_INT(feed_rest(s.p, 'o'), 0);
    mr_sys_fault(MR_SYS_FSYNC, 1, -EIO);
    CHECK_EQ_INT(get_part_finish(s.p, s.why), -EIO);
    mr_sys_fault_clear();
    CHECK_OK(!get_part_is_kept(s.p));
    get_part_close(s.p);
    CHECK_EQ_INT(entries(&s, false), 0);
    scene_close(&s);
    return 0;
}

/* Somebody else cuts it, or makes it longer, while we are at it. */
IN_HUB(part_meddled)
{
    for (int longer = 0; longer < 2; longer++) {
        struct scene s;
        int fd;

        CASE("longer %d", longer);
        CHECK_OK(scene_open(&s, 0));
        CHECK_EQ_INT(open_part(&s, true), 0);
        CHECK_EQ_INT(get_part_begin(s.p, LONG, URL, V1, s.why), 0);
        CHECK_EQ_INT(feed_rest(s.p, 'o'), 0);
        fd = openat(s.dir, "f.part", O_WRONLY);
        CHECK_EQ_INT(ftruncate(fd, longer ? LONG + 1000 : LONG - 1000), 0);
        close(fd);
        CHECK_EQ_INT(get_part_finish(s.p, s.why), longer ? 0 : -EIO);
        get_part_close(s.p);
        CHECK_EQ_INT(exists(&s, "f"), longer);
        if (!longer)
            CHECK_EQ_INT(download(&s, LONG, V1), 0);
        check_done(&s, LONG, 'o');
        scene_close(&s);
    }
    return 0;
}

/* --- the machine stops --- */

static const enum mr_sys_call effects[] = {
    MR_SYS_OPENAT,    MR_SYS_PWRITE,    MR_SYS_WRITE,     MR_SYS_FSYNC,
    MR_SYS_FDATASYNC, MR_SYS_FALLOCATE, MR_SYS_FTRUNCATE, MR_SYS_RENAMEAT2,
    MR_SYS_LINKAT,    MR_SYS_UNLINKAT};

/* What a journal claims must be there, of the version that it names. */
static void check_claims(const struct scene *s)
{
    static struct get_journal j;
    struct mr_arena arena;

    mr_arena_init(&arena, 1024);
    if (get_journal_read(s->dir, "f.part.journal", &arena, &j) == 0 &&
        exists(s, "f.part"))
        for (size_t i = 0; i < j.done.n; i++)
            check_bytes(s, "f.part", j.done.v[i].from, j.done.v[i].to,
                        version_of(j.validator));
    mr_arena_fini(&arena);
}

/* Stopped after the nth call, then again after some more of another version of
 * the source, and then in peace. Told to go on or not: what was left is ours.
 */
IN_HUB(part_stopped)
{
    unsigned seed = (unsigned)mr_sys_realtime();
    int64_t kept = get_part_checkpoint_bytes;
    bool over = false;
    struct scene s;

    get_part_checkpoint_bytes = 100000;
    srandom(seed);
    for (uint64_t nth = 1; !over && nth < 500; nth += (uint64_t)TEST_SCALE(1))
        for (size_t way = 0; way < 4; way++) {
            int64_t length = way / 2 ? LONG : 5000;
            struct mr_str v = V1;

            CASE("seed %u: stopped at %ju, way %zu", seed, (uintmax_t)nth, way);
            if (!scene_open(&s, way % 2))
                continue;
            mr_sys_stop(effects, MR_ARRAY_LEN(effects), nth, -EIO);
            (void)!download(&s, length, v);
            over = mr_sys_stopped_at() < nth;
            mr_sys_fault_clear();
            check_claims(&s);
            if (exists(&s, "f"))
                check_bytes(&s, "f", 0, length, 'o');
            for (int i = 0; i < 2 && !exists(&s, "f"); i++) {
                v = random() % 2 ? V2 : V1;
                mr_sys_stop(effects, MR_ARRAY_LEN(effects),
                            1 + (uint64_t)random() % 40, -EIO);
                (void)!download_with(&s, random() % 2, length, v);
                mr_sys_fault_clear();
                check_claims(&s);
            }
            if (!exists(&s, "f")) {
                v = V2;
                CHECK_EQ_INT(download_with(&s, random() % 2, length, v), 0);
                CHECK_EQ_INT(entries(&s, false), 1);
            }
            check_bytes(&s, "f", 0, length, version_of(v));
            scene_close(&s);
        }
    CHECK_OK(over);
    get_part_checkpoint_bytes = kept;
    return 0;
}

/* Who is cancelled while a helper writes leaves nothing behind it. */
static intptr_t feed_for_ever(void *arg)
{
    struct get_lane *lane = arg;
    int rc = feed(lane, SIZE_MAX / 2, 'o');

    CHECK_EQ_INT(rc, -ECANCELED);
    return get_lane_close(lane, false);
}

IN_HUB(part_cancelled)
{
    struct mr_coro *co;
    struct get_lane *lane;
    struct scene s;
    intptr_t rc = -1;

    CHECK_OK(scene_open(&s, 0));
    CHECK_EQ_INT(open_part(&s, true), 0);
    CHECK_EQ_INT(get_part_begin(s.p, -1, URL, V1, s.why), 0);
    CHECK_EQ_INT(get_lane_open(&lane, s.p, 0, -1), 0);
    co = mr_spawn(feed_for_ever, lane);
    while (get_part_have(s.p) < 2000000)
        (void)!mr_yield();
    mr_cancel(co);
    CHECK_EQ_INT(mr_join(co, &rc, MR_NEVER), 0);
    CHECK_EQ_INT(rc, 0);
    /* Of a length that nobody knows there is nothing to go on with. */
    CHECK_OK(!get_part_is_kept(s.p));
    get_part_close(s.p);
    CHECK_EQ_INT(entries(&s, false), 0);
    scene_close(&s);
    return 0;
}

/* --- the power is cut --- */

/*
 * What is on the disk for certain, whenever that comes: no more than what was
 * synced. The calls that sync, cut and name are this program's own here, for
 * all that it is linked of: each looks at what it may count on.
 */
static struct {
    const struct scene *s; /* NULL: nobody looks */
    char version;
    char disk[LONG]; /* f.part's bytes, when a sync of it began */
    int64_t n;
    bool new_synced; /* f.part.journal.new */
    bool stale; /* a journal was taken away, and its directory not synced */
    uint64_t writes; /* by then */
    bool named;      /* f is there, and its directory not synced */
    unsigned claims, marks, names; /* that were looked at */
} power;

/* Nothing of the data was written since the journal was taken away. */
static void power_check_stale(const char *what)
{
    if (power.stale && mr_sys_calls(MR_SYS_PWRITE) != power.writes)
        CHECK_FAIL("%s: written beside a journal that may come back", what);
}

static void power_take_journal(void)
{
    power_check_stale("journal");
    power.stale = true;
    power.writes = mr_sys_calls(MR_SYS_PWRITE);
}

static bool power_is(int fd, const char *name)
{
    struct stat a, b;

    return fstat(fd, &a) == 0 &&
           fstatat(power.s->dir, name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
           a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

static void power_synced(int fd)
{
    if (power_is(fd, "f.part")) {
        power_check_stale("sync");
        power.n = pread(fd, power.disk, sizeof power.disk, 0);
        if (power.n > 0 && !exists(power.s, "f.part.journal"))
            CHECK_FAIL("nothing says whose f.part is");
    } else if (power_is(fd, "f.part.journal.new")) {
        power.new_synced = true;
    } else if (power_is(fd, ".")) {
        power_check_stale("directory");
        power.stale = false;
        power.named = false;
    }
}

static void power_check_bytes(int64_t from, int64_t to, char version)
{
    if (to > power.n)
        CHECK_FAIL("bytes up to %jd are claimed, %jd are on the disk",
                   (intmax_t)to, (intmax_t)power.n);
    for (int64_t at = from; at < MR_MIN(to, power.n); at++)
        if (power.disk[at] != byte_of(at, version)) {
            CHECK_FAIL("byte %jd is claimed, and not on the disk",
                       (intmax_t)at);
            return;
        }
}

/* f.part.journal.new is to become f.part.journal. */
static void power_check_journal(void)
{
    static struct get_journal j;
    char text[8192];
    int fd = openat(power.s->dir, "f.part.journal.new", O_RDONLY);
    ssize_t n = read(fd, text, sizeof text);

    close(fd);
    if (n != 0) {
        CHECK_EQ_INT(get_journal_parse(mr_str_n(text, (size_t)n), &j), 0);
        CHECK_OK(power.new_synced);
        CHECK_OK(!power.stale);
        for (size_t i = 0; i < j.done.n; i++)
            power_check_bytes(j.done.v[i].from, j.done.v[i].to,
                              version_of(j.validator));
        power.claims += j.done.n > 0;
    } else {
        power_take_journal();
        power.marks++;
    }
    power.new_synced = false;
}

static void power_name(const char *from, const char *to)
{
    if (strcmp(from, "f.part.journal.new") == 0) {
        power_check_journal();
    } else if (strcmp(from, "f.part") == 0 && strcmp(to, "f") == 0) {
        struct stat st;

        CHECK_EQ_INT(fstatat(power.s->dir, from, &st, 0), 0);
        CHECK_EQ_INT(power.n, st.st_size);
        power_check_bytes(0, st.st_size, power.version);
        power.named = true;
        power.names++;
    }
}

int fsync(int fd)
{
    if (power.s)
        power_synced(fd);
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    if (power.s)
        power_synced(fd);
    return (int)syscall(SYS_fdatasync, fd);
}

int ftruncate(int fd, off_t n)
{
    if (room_at > 0 && --room_at == 0)
        mr_sys_fault_clear();
    if (power.s && power_is(fd, "f.part")) {
        CHECK_OK(!power.stale);
        power.n = MR_MIN(power.n, n);
    }
    return (int)syscall(SYS_ftruncate, fd, n);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to,
              unsigned flags)
{
    if (power.s)
        power_name(from, to);
    return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

int unlinkat(int at, const char *name, int flags)
{
    if (power.s && strcmp(name, "f.part.journal") == 0 &&
        exists(power.s, name) && exists(power.s, "f.part"))
        power_take_journal();
    return (int)syscall(SYS_unlinkat, at, name, flags);
}

/* A run that is killed after its nth call; 0: it is not. */
static int power_run(struct scene *s, uint64_t nth, bool resume,
                     struct mr_str v)
{
    int rc;

    if (nth > 0)
        mr_sys_stop(effects, MR_ARRAY_LEN(effects), nth, -EIO);
    mr_sys_fault(MR_SYS_PWRITE, 0, 0); /* they are counted */
    power.s = s;
    power.version = version_of(v);
    power.writes = 0; /* who was killed writes no more */
    rc = download_with(s, resume, LONG, v);
    if (nth == 0) /* else writes were counted that were not made */
        power_check_stale("end");
    power.s = NULL;
    mr_sys_fault_clear();
    return rc;
}

IN_HUB(part_power_cut)
{
    unsigned seed = (unsigned)mr_sys_realtime();
    int64_t kept = get_part_checkpoint_bytes;
    struct scene s;

    get_part_checkpoint_bytes = 100000;
    srandom(seed);
    for (uint64_t nth = 0; nth < 60; nth += (uint64_t)TEST_SCALE(1))
        for (size_t root = 0; root < 2; root++) {
            struct mr_str v = random() % 2 ? V2 : V1;

            CASE("seed %u: killed at %ju, in %s", seed, (uintmax_t)nth,
                 roots[root]);
            if (!scene_open(&s, root))
                continue;
            if (nth > 0) {
                (void)!power_run(&s, nth, true, V1);
                (void)!power_run(&s, 1 + (uint64_t)random() % 40, random() % 2,
                                 random() % 2 ? V2 : V1);
            }
            if (!exists(&s, "f")) {
                CHECK_EQ_INT(power_run(&s, 0, random() % 2, v), 0);
                CHECK_OK(!power.named);
            }
            scene_close(&s);
            memset(&power, 0, offsetof(typeof(power), claims));
        }
    CHECK_OK(power.claims > 0 && power.marks > 0 && power.names > 0);
    get_part_checkpoint_bytes = kept;
    return 0;
}

SUITE("parts", part_lengths, part_small_calls, part_cut_short, part_only_looked,
      part_lanes, part_lane_cut, part_lanes_beside, part_lanes_over,
      part_lanes_over_unknown, part_resumed_first_journal)
SUITE("in the way", part_never_overwrites, part_of_a_stranger,
      part_half_a_journal, part_name_fallbacks, part_locked, part_links,
      part_bad_names)
SUITE("faults", part_faults, part_disk_full, part_disk_full_to_the_brim,
      part_sync_lost, part_meddled, part_stopped, part_cancelled,
      part_power_cut)
TEST_MAIN()
