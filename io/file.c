/* SPDX-License-Identifier: MIT */

/*
 * file.c - files without waiting for the disk on the hub's thread.
 *
 * Opening: openat2 with RESOLVE_CACHED answers at once when every name of the
 * path is in the kernel's cache; -EAGAIN otherwise, and then a helper thread
 * opens without that flag. Reading: preadv2 with RWF_NOWAIT in the same way.
 * Each job lives on the waiter's stack, since the wait is shielded.
 *
 * Whether openat2 is missing is found out once per process; EPERM alone does
 * not say so (it is also what some files answer), so "." is asked too.
 *
 * Not here: an open-file cache (http/file_cache.c), writing.
 */
#include "io/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "core/arena.h"
#include "core/offload.h"
#include "core/sys.h"
#include "io/disk.h"

/* How often openat2 is asked again when a rename raced with it (openat2(2)).
 * More would be an attack, and is -EAGAIN for the caller. */
#define RACE_TRIES 16

/* --- open --- */

struct open_job {
    int dir;
    const char *path;
    int flags;
    enum mr_links links;
};

/* Written by helpers too: relaxed, as all write the same. */
static bool openat2_missing;

/* openat2 takes no needless flag beside O_PATH. */
static int all_flags(const struct open_job *j)
{
    int added = j->flags & O_PATH ? 0 : O_NOCTTY | O_NONBLOCK;

    return j->flags | added | O_CLOEXEC;
}

/* A descriptor or -Exxx. */
static int open2(const struct open_job *j, uint64_t resolve)
{
    struct open_how how = {
        .flags = (unsigned)all_flags(j),
        .resolve = MR_RESOLVE_NO_MAGICLINKS | resolve,
    };

    if (j->links != MR_LINKS_FOLLOW)
        how.resolve |= MR_RESOLVE_BENEATH;
    if (j->links == MR_LINKS_OFF)
        how.resolve |= RESOLVE_NO_SYMLINKS;

    return mr_sys_openat2(j->dir, j->path, &how);
}

/* openat2 said err: is that because there is no openat2? */
static bool find_missing(int err)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC};
    int fd;

    if (err != -ENOSYS && err != -EPERM)
        return false;
    fd = mr_sys_openat2(AT_FDCWD, ".", &how);
    if (fd >= 0)
        mr_sys_close(fd);
    if (fd != -ENOSYS && fd != -EPERM)
        return false;
    __atomic_store_n(&openat2_missing, true, __ATOMIC_RELAXED);
    return true;
}

/* The next component of *path into name, which has room for NAME_MAX + 1;
 * *path goes on behind it and its slashes. 0, -ENAMETOOLONG, or -EXDEV. */
static int next_name(const char **path, char *name)
{
    size_t n = strcspn(*path, "/");

    if (n > NAME_MAX)
        return -ENAMETOOLONG;
    memcpy(name, *path, n);
    name[n] = '\0';
    *path += n;
    *path += strspn(*path, "/");
    return strcmp(name, "..") == 0 ? -EXDEV : 0;
}

/* What openat2 does, by itself: see the header for how it is stricter. */
static int walk(const struct open_job *j)
{
    char name[NAME_MAX + 1];
    const char *rest = j->path;
    int at = j->dir;

    if (j->links == MR_LINKS_FOLLOW)
        return mr_sys_openat(j->dir, j->path, all_flags(j), 0);
    if (*rest == '\0')
        return -ENOENT;
    if (*rest == '/')
        return -EXDEV;
    for (;;) {
        int flags = all_flags(j);
        int rc = next_name(&rest, name);
        bool last = *rest == '\0';

        if (!last)
            flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
        else if (rest[-1] == '/')
            flags |= O_DIRECTORY;
        if (rc == 0)
            rc = mr_sys_openat(at, name, flags | O_NOFOLLOW, 0);
        if (at != j->dir)
            mr_sys_close(at);
        if (rc < 0 || last)
            return rc;
        at = rc;
    }
}

/* On a helper. */
static intptr_t open_job(void *arg)
{
    const struct open_job *j = arg;
    int fd = -EAGAIN;

    if (__atomic_load_n(&openat2_missing, __ATOMIC_RELAXED))
        return walk(j);
    for (int i = 0; i < RACE_TRIES && fd == -EAGAIN; i++)
        fd = open2(j, 0);
    return find_missing(fd) ? walk(j) : fd;
}

int mr_file_open_beneath(int dir, const char *path, int flags, int *ret_fd)
{
    return mr_file_open_links(dir, path, flags, MR_LINKS_INSIDE, ret_fd);
}

/* By its text: what the kernel looks at where links may lead anywhere. */
static bool leads_out(const char *path)
{
    struct mr_str rest = mr_str(path), name;

    if (*path == '/')
        return true;
    while (mr_str_split(&rest, '/', &name)) {
        if (mr_str_is(name, ".."))
            return true;
    }
    return false;
}

int mr_file_open_links(int dir, const char *path, int flags,
                       enum mr_links links, int *ret_fd)
{
    struct open_job j = {dir, path, flags, links};
    int fd = -EAGAIN;

    if (flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)))
        return -EINVAL;
    if (links == MR_LINKS_FOLLOW && leads_out(path))
        return -EXDEV;
    if (!__atomic_load_n(&openat2_missing, __ATOMIC_RELAXED))
        fd = open2(&j, MR_RESOLVE_CACHED);
    /* -EINVAL: Linux before 5.12 does not know that flag. */
    if (fd == -EAGAIN || fd == -EINVAL || find_missing(fd))
        fd = (int)mr_offload(open_job, &j);
    if (fd < 0)
        return fd;
    *ret_fd = fd;
    return 0;
}

int mr_file_stat(int fd, struct stat *ret)
{
    struct stat st;
    int rc = mr_sys_fstat(fd, &st);

    if (rc == 0)
        *ret = st;
    return rc;
}

/* --- read --- */

struct read_job {
    int fd;
    void *buf;
    size_t n;
    int64_t off;
};

/* On a helper. */
static intptr_t read_job(void *arg)
{
    const struct read_job *j = arg;

    return mr_sys_pread(j->fd, j->buf, j->n, j->off);
}

ssize_t mr_file_read(int fd, void *buf, size_t n, int64_t off)
{
    struct iovec v = {.iov_base = buf, .iov_len = n};
    struct read_job j = {fd, buf, n, off};
    ssize_t got = mr_sys_preadv2(fd, &v, 1, off, RWF_NOWAIT);

    if (got == -EOPNOTSUPP && mr_disk_is_memory(fd))
        return mr_sys_pread(fd, buf, n, off);
    /* 0 is no end yet: Linux 5.9 and 5.10 say so for what is not in memory
     * (readv(2), BUGS). -EPERM: a sandbox without preadv2. */
    if (got == -EAGAIN || got == -ENOSYS || got == -EPERM ||
        got == -EOPNOTSUPP || (got == 0 && n > 0))
        return mr_offload(read_job, &j);
    return got;
}

/* --- list --- */

/* One getdents: some hundred names. */
#define DENTS_SIZE (32 * 1024)
#define NAMES_CHUNK (16 * 1024)

/* What mr_dir_read hands out, and what it keeps behind it. */
struct listing {
    struct mr_dir dir;
    struct mr_arena names;
    size_t cap; /* of dir.entries */
};

struct list_job {
    int dir;
    size_t max;
    struct listing *l;
};

void mr_dir_free(struct mr_dir *d)
{
    struct listing *l;

    if (!d)
        return;
    l = mr_container_of(d, struct listing, dir);
    mr_arena_fini(&l->names);
    mr_free(l->dir.entries);
    mr_free(l);
}

/* Room for one more entry. 0 or -ENOMEM. */
static int grow(struct listing *l)
{
    size_t cap = l->cap ? l->cap * 2 : 64;
    struct mr_dir_entry *v;

    if (l->dir.n < l->cap)
        return 0;
    v = mr_realloc(l->dir.entries, cap * sizeof *v);
    if (!v)
        return -ENOMEM;
    l->dir.entries = v;
    l->cap = cap;
    return 0;
}

static bool is_self_or_parent(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Add name, which fd's directory holds. 0 or -Exxx. */
static int add_entry(const struct list_job *j, int fd, const char *name)
{
    struct listing *l = j->l;
    struct stat st;
    char *copy;
    int rc;

    if (l->dir.n >= j->max) {
        l->dir.cut = true;
        return 0;
    }
    rc = mr_sys_fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW);
    if (rc)
        return rc == -ENOENT ? 0 : rc; /* removed since */
    rc = grow(l);
    if (rc)
        return rc;
    copy = mr_arena_dup(&l->names, mr_str(name));
    if (!copy)
        return -ENOMEM;
    l->dir.entries[l->dir.n++] = (struct mr_dir_entry){
        .name = copy,
        .mode = st.st_mode,
        .size = st.st_size,
        .mtime = st.st_mtim.tv_sec,
    };
    return 0;
}

/* The n bytes at buf that getdents gave of fd. 0 or -Exxx. */
static int add_dents(const struct list_job *j, int fd, const char *buf,
                     size_t n)
{
    size_t at = 0;

    while (at < n && !j->l->dir.cut) {
        const struct dirent64 *d = (const void *)(buf + at);
        int rc = 0;

        if (!is_self_or_parent(d->d_name))
            rc = add_entry(j, fd, d->d_name);
        if (rc)
            return rc;
        at += d->d_reclen;
    }
    return 0;
}

static int by_name(const void *a, const void *b)
{
    const struct mr_dir_entry *ea = a;
    const struct mr_dir_entry *eb = b;

    return strcmp(ea->name, eb->name);
}

/* All of fd through buf (DENTS_SIZE). 0 or -Exxx. */
static int list_all(const struct list_job *j, int fd, char *buf)
{
    struct mr_dir *d = &j->l->dir;
    ssize_t n;
    int rc;

    while ((n = mr_sys_getdents(fd, buf, DENTS_SIZE)) > 0) {
        rc = add_dents(j, fd, buf, (size_t)n);
        if (rc)
            return rc;
        if (d->cut)
            break;
    }
    if (n >= 0 && d->n > 0)
        qsort(d->entries, d->n, sizeof *d->entries, by_name);
    return (int)MR_MIN(n, 0);
}

/* On a helper. The directory is opened anew: j->dir may be O_PATH, and its
 * position is shared by all who list it. */
static intptr_t list_job(void *arg)
{
    const struct list_job *j = arg;
    char *buf = mr_alloc(DENTS_SIZE);
    int rc = -ENOMEM;
    int fd;

    if (!buf)
        return rc;
    fd = mr_sys_openat(j->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    rc = fd;
    if (fd >= 0) {
        rc = list_all(j, fd, buf);
        mr_sys_close(fd);
    }
    mr_free(buf);
    return rc;
}

int mr_dir_read(int dir, size_t max, struct mr_dir **ret)
{
    struct list_job j = {dir, max, mr_calloc(1, sizeof *j.l)};
    int rc;

    if (!j.l)
        return -ENOMEM;
    mr_arena_init(&j.l->names, NAMES_CHUNK);
    rc = (int)mr_offload(list_job, &j);
    if (rc) {
        mr_dir_free(&j.l->dir);
        return rc;
    }
    *ret = &j.l->dir;
    return 0;
}
