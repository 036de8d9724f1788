/* SPDX-License-Identifier: MIT */

/*
 * file_cache.c - files that are kept open (http/file_cache.h).
 *
 *             [get]                  [changed, ttl, evicted]
 *   (none) ---------> LISTED, used <-------------> unlisted --[last put]-->
 * closed
 *
 *   (1) What is listed was opened by its path less than ttl ago, or is being
 *       opened anew now: others go on with it meanwhile.
 *   (2) A file is watched before it is looked at: what changes after the look
 *       is an event. One without a watch is looked at again at each hit. And it
 *       is only kept if its name still leads to it then: of a file that was
 *       replaced between opening and watching nothing would ever tell.
 *   (3) A file has as many references as takers, and one for being listed. Who
 *       has it sends on from the old one, whatever happens to the name.
 *   (4) Bytes are kept only of a file whose last change is so old that another
 *       one would give it another time.
 *   (5) Two paths of one inode have one watch: it goes with the last of them.
 *       Finding them is a walk through all, once for each file that leaves.
 */
#include "http/file_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

#include "core/hub.h"
#include "core/list.h"
#include "core/sys.h"
#include "core/timer.h"
#include "io/fd.h"
#include "io/file.h"

#define NS_PER_S INT64_C(1000000000)
/* The coarsest clock of a file system in use: FAT's counts in two seconds. */
#define TICK_S 2
#define NO_WATCH (-1)
/* Written, or its number of names changed (removed, replaced), or renamed. */
#define CHANGES (IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF)

struct entry {
    struct mr_cached_file file;
    struct mr_list by_use; /* in the cache's, while listed */
    struct entry *next;    /* in its bucket */
    unsigned refs;
    bool listed;
    int wd;
    int64_t opened;                /* mr_now() */
    char *content;                 /* NULL: not read */
    struct mr_compress_memo coded; /* of it */
    void *note;
    uint32_t hash;
    char path[];
};

struct mr_file_cache {
    int root;
    enum mr_links links;
    int inotify; /* -1: not yet, or not to be had */
    bool inotify_tried;
    size_t max;
    size_t n;
    int64_t ttl;
    struct mr_list by_use; /* the longest unused first */
    size_t mask;
    struct entry *buckets[];
};

int mr_file_cache_new(struct mr_file_cache **ret, int root, enum mr_links links,
                      size_t max, int64_t ttl)
{
    struct mr_file_cache *c;
    size_t buckets = 16;

    if (max < 1 || max > 1u << 20 || ttl < 0)
        return -EINVAL;
    while (buckets < max)
        buckets *= 2;
    c = mr_calloc(1, sizeof *c + buckets * sizeof *c->buckets);
    if (!c)
        return -ENOMEM;
    c->root = root;
    c->links = links;
    c->inotify = -1;
    c->max = max;
    c->ttl = ttl;
    c->mask = buckets - 1;
    mr_list_init(&c->by_use);
    *ret = c;
    return 0;
}

size_t mr_file_cache_count(const struct mr_file_cache *c)
{
    return c->n;
}

/* --- the table --- */

/* FNV-1a. Whoever makes names collide walks a chain of at most max. */
static uint32_t hash_of(const char *path)
{
    uint32_t h = 2166136261u;

    for (; *path; path++)
        h = (h ^ (unsigned char)*path) * 16777619u;
    return h;
}

static struct entry *find(const struct mr_file_cache *c, const char *path,
                          uint32_t hash)
{
    struct entry *e = c->buckets[hash & c->mask];

    while (e && (e->hash != hash || strcmp(e->path, path) != 0))
        e = e->next;
    return e;
}

static void unref(struct entry *e)
{
    MR_BUG_ON(e->refs == 0);
    if (--e->refs > 0)
        return;
    mr_fd_close(e->file.fd);
    mr_free(e->content);
    mr_compress_memo_fini(&e->coded);
    mr_free(e->note);
    mr_free(e);
}

/* Invariant 5. */
static void unwatch(struct mr_file_cache *c, struct entry *e)
{
    int wd = e->wd;

    e->wd = NO_WATCH;
    if (wd == NO_WATCH)
        return;
    MR_LIST_EACH (n, &c->by_use)
        if (mr_container_of(n, struct entry, by_use)->wd == wd)
            return;
    (void)mr_sys_inotify_rm(c->inotify, wd); /* it may be gone by itself */
}

static void unlist(struct mr_file_cache *c, struct entry *e)
{
    struct entry **at = &c->buckets[e->hash & c->mask];

    if (!e->listed)
        return;
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    mr_list_remove(&e->by_use);
    e->listed = false;
    c->n--;
    unwatch(c, e);
    unref(e);
}

static struct entry *oldest(const struct mr_file_cache *c)
{
    return mr_container_of(c->by_use.next, struct entry, by_use);
}

static void unlist_all(struct mr_file_cache *c)
{
    while (c->n > 0)
        unlist(c, oldest(c));
}

static void list(struct mr_file_cache *c, struct entry *e)
{
    struct entry *same = find(c, e->path, e->hash);

    if (same)
        unlist(c, same);
    else if (c->n == c->max)
        unlist(c, oldest(c));
    e->next = c->buckets[e->hash & c->mask];
    c->buckets[e->hash & c->mask] = e;
    mr_list_push_back(&c->by_use, &e->by_use);
    e->listed = true;
    e->refs++;
    c->n++;
}

void mr_file_cache_free(struct mr_file_cache *c)
{
    if (!c)
        return;
    unlist_all(c);
    mr_fd_close(c->inotify);
    mr_free(c);
}

/* --- changes --- */

static void on_change(struct mr_file_cache *c, const struct inotify_event *ev)
{
    if (ev->mask & IN_Q_OVERFLOW) {
        unlist_all(c);
        return;
    }
    MR_LIST_EACH_SAFE (n, &c->by_use) {
        struct entry *e = mr_container_of(n, struct entry, by_use);

        if (e->wd == ev->wd)
            unlist(c, e);
    }
}

static enum mr_hub_hook_answer on_events(int fd, void *arg)
{
    _Alignas(struct inotify_event) char buf[4096];
    ssize_t n;

    while ((n = mr_sys_read(fd, buf, sizeof buf)) > 0) {
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *ev = (const void *)(buf + at);

            on_change(arg, ev);
            at += (ssize_t)(sizeof *ev + ev->len);
        }
    }
    return MR_HOOK_KEEP;
}

/* Once; without it files are looked at instead. */
static void start_watching(struct mr_file_cache *c)
{
    int fd;

    if (c->inotify_tried)
        return;
    c->inotify_tried = true;
    fd = mr_sys_inotify_init();
    if (fd >= 0 && mr_hub_hook(fd, on_events, c)) {
        mr_fd_close(fd);
        return;
    }
    c->inotify = fd >= 0 ? fd : -1;
}

static void watch(struct mr_file_cache *c, struct entry *e)
{
    char path[40];
    int wd;

    start_watching(c);
    if (c->inotify < 0)
        return;
    /* The very file that is open, whatever its name is by now. */
    snprintf(path, sizeof path, "/proc/self/fd/%d", e->file.fd);
    wd = mr_sys_inotify_add(c->inotify, path, CHANGES);
    e->wd = wd >= 0 ? wd : NO_WATCH;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev &&
           a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
           a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Invariant 2. */
static bool looks_same(const struct entry *e)
{
    struct stat st;

    return e->wd != NO_WATCH ||
           (mr_file_stat(e->file.fd, &st) == 0 && is_same(&st, &e->file.st));
}

/* --- opening --- */

/* 0 and an entry with one reference, not listed, or -Exxx. */
static int open_entry(struct mr_file_cache *c, const char *path, uint32_t hash,
                      struct entry **ret)
{
    size_t n = strlen(path) + 1;
    struct entry *e = mr_calloc(1, sizeof *e + n);
    int err;

    if (!e)
        return -ENOMEM;
    memcpy(e->path, path, n);
    mr_list_init(&e->by_use);
    e->hash = hash;
    e->wd = NO_WATCH;
    e->refs = 1;
    e->opened = mr_now();
    err = mr_file_open_links(c->root, path, O_RDONLY, c->links, &e->file.fd);
    if (err == -EMFILE || err == -ENFILE) {
        unlist_all(c);
        err =
            mr_file_open_links(c->root, path, O_RDONLY, c->links, &e->file.fd);
    }
    if (err) {
        mr_free(e);
        return err;
    }
    *ret = e;
    return 0;
}

/* A path has as many spellings as one likes to put slashes in it: whoever asks
 * for all of them shall not push out what others ask for. */
static bool is_kept(const struct entry *e)
{
    mode_t mode = e->file.st.st_mode;

    return (S_ISREG(mode) || S_ISDIR(mode)) && !strstr(e->path, "//");
}

/* Look at what was opened, and list it: then it takes the place of `old`, which
 * may be NULL; unless old is that very file and can go on. */
static int look(struct mr_file_cache *c, struct entry *e, struct entry **old)
{
    struct stat st;
    int err = mr_file_stat(e->file.fd, &st);

    if (err)
        return err;
    if (*old && (*old)->listed && is_same(&st, &(*old)->file.st)) {
        (*old)->opened = e->opened;
        return 0;
    }
    *old = NULL;
    e->file.st = st;
    if (!is_kept(e))
        return 0;
    list(c, e);
    watch(c, e); /* after list: who leaves there may have the same watch */
    return mr_file_stat(e->file.fd, &e->file.st);
}

/* Invariant 2: what was listed as e may have lost its name before that. */
static void confirm(struct mr_file_cache *c, struct entry *e)
{
    struct stat st;
    int fd, err = mr_file_open_links(c->root, e->path, O_PATH, c->links, &fd);

    if (!err) {
        err = mr_file_stat(fd, &st);
        mr_fd_close(fd);
    }
    if (err || st.st_ino != e->file.st.st_ino || st.st_dev != e->file.st.st_dev)
        unlist(c, e);
}

/* As get, of what is not listed or old; with a reference to old, or NULL. */
static int get_anew(struct mr_file_cache *c, const char *path, uint32_t hash,
                    struct entry *old, struct entry **ret)
{
    struct entry *e;
    int err = open_entry(c, path, hash, &e);

    if (err) {
        if (old)
            unlist(c, old);
        return err;
    }
    err = look(c, e, &old);
    if (err || old) {
        unlist(c, e);
        unref(e);
    }
    if (err)
        return err;
    if (!old && e->listed)
        confirm(c, e);
    *ret = old ? old : e;
    (*ret)->refs += old != NULL;
    return 0;
}

int mr_file_cache_get(struct mr_file_cache *c, const char *path,
                      const struct mr_cached_file **ret)
{
    uint32_t hash = hash_of(path);
    struct entry *e = find(c, path, hash);
    struct entry *now;
    int err;

    if (e && looks_same(e) && mr_hub_now() - e->opened < c->ttl) {
        mr_list_remove(&e->by_use);
        mr_list_push_back(&c->by_use, &e->by_use);
        e->refs++;
        *ret = &e->file;
        return 0;
    }
    if (e) {
        e->opened = mr_now(); /* invariant 1 */
        e->refs++;
    }
    err = get_anew(c, path, hash, e, &now);
    if (e)
        unref(e);
    if (!err)
        *ret = &now->file;
    return err;
}

static struct entry *entry_of(const struct mr_cached_file *f)
{
    return (struct entry *)((uintptr_t)f - offsetof(struct entry, file));
}

void mr_file_cache_put(const struct mr_cached_file *f)
{
    unref(entry_of(f));
}

/* --- content --- */

/* All n bytes, or NULL. */
static char *read_content(const struct entry *e, size_t n)
{
    char *p = mr_alloc(n);
    size_t got = 0;

    while (p && got < n) {
        ssize_t rc = mr_file_read(e->file.fd, p + got, n - got, (int64_t)got);

        if (rc <= 0) {
            mr_free(p);
            return NULL;
        }
        got += (size_t)rc;
    }
    return p;
}

static bool is_worth_it(const struct entry *e)
{
    const struct stat *st = &e->file.st;

    return e->listed && S_ISREG(st->st_mode) && st->st_size > 0 &&
           (uint64_t)st->st_size <= MR_FILE_CACHE_SMALL &&
           st->st_mtim.tv_sec < mr_sys_realtime() / NS_PER_S - TICK_S;
}

bool mr_file_cache_content(const struct mr_cached_file *f, struct mr_str *ret)
{
    struct entry *e = entry_of(f);
    struct stat st;
    char *p;

    if (!e->content) {
        if (!is_worth_it(e))
            return false;
        p = read_content(e, (size_t)f->st.st_size);
        if (!p)
            return false;
        /* Changed while it was read, or read by another meanwhile. */
        if (mr_file_stat(f->fd, &st) || !is_same(&st, &f->st) || e->content)
            mr_free(p);
        else
            e->content = p;
    }
    *ret = mr_str_n(e->content, (size_t)f->st.st_size);
    return e->content != NULL;
}

struct mr_compress_memo *mr_file_cache_memo(const struct mr_cached_file *f)
{
    return &entry_of(f)->coded;
}

void **mr_file_cache_note(const struct mr_cached_file *f)
{
    return &entry_of(f)->note;
}
