/* SPDX-License-Identifier: MIT */

/*
 * part_file.c - the calls that part.h makes on its file.
 *
 *  (1) Who has the lock on the file that NAME.part is, owns the name, the
 *      journal beside it, and what either becomes. The lock is had before the
 *      name is looked at again: meanwhile it may have become NAME, or gone.
 *  (2) A journal gives way to a mark (journal.h), and the directory is synced,
 *      before a byte of the data that it tells of changes. So no crash leaves
 *      an old journal beside new data.
 *  (3) Data is synced before a journal tells of it, or a name shows it.
 *  (4) From its first byte on NAME.part has a journal or a mark beside it. What
 *      has none, and is not empty, is somebody else's: nothing of it changes,
 *      unless told to.
 */
#include "apps/get/part_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "core/sys.h"

#define SUFFIX_MAX (sizeof ".part.journal.new" - 1)
/* Somebody takes the name away from us each time: not so often. */
#define TRIES 16

/* A long name leaves no room for what is put behind it: then it is cut, and a
 * number made of all of it stands for the rest. */
static void name_temporary(char out[GET_FILE_NAME], const char *name,
                           const char *suffix)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    size_t n = strlen(name);

    if (n + SUFFIX_MAX < GET_FILE_NAME) {
        memcpy(out, name, n);
        memcpy(out + n, suffix, strlen(suffix) + 1);
        return;
    }
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)name[i]) * UINT64_C(0x100000001b3);
    n = 200; /* and not in the middle of a character */
    while (n > 0 && ((unsigned char)name[n] & 0xc0) == 0x80)
        n--;
    snprintf(out, GET_FILE_NAME, "%.*s~%016" PRIx64 "%s", (int)n, name, h,
             suffix);
}

int get_file_init(struct get_file *f, int dir, const char *name)
{
    size_t n = strlen(name);

    if (n == 0 || n > GET_NAME_MAX || strchr(name, '/') ||
        strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return -EINVAL;
    f->dir = dir;
    f->fd = -1;
    memcpy(f->name, name, n + 1);
    name_temporary(f->part, name, ".part");
    name_temporary(f->journal, name, ".part.journal");
    return 0;
}

/* Invariant 4. What is no file is told of when it is opened. */
static int check_ours(const struct get_file *f)
{
    struct stat st;
    int rc;

    if (f->take)
        return 0;
    rc = mr_sys_fstatat(f->dir, f->part, &st, AT_SYMLINK_NOFOLLOW);
    if (rc == 0 && (!S_ISREG(st.st_mode) || st.st_size == 0))
        return 0;
    if (rc)
        return rc == -ENOENT ? 0 : rc;
    rc = mr_sys_fstatat(f->dir, f->journal, &st, AT_SYMLINK_NOFOLLOW);
    return rc == -ENOENT ? -ENOTEMPTY : rc;
}

int get_file_look(const struct get_file *f)
{
    struct stat st;
    int rc = mr_sys_fstatat(f->dir, f->name, &st, AT_SYMLINK_NOFOLLOW);

    if (rc == -ENOENT)
        return check_ours(f);
    if (rc == 0 && S_ISDIR(st.st_mode))
        return -EISDIR;
    return rc == 0 && !f->overwrite ? -EEXIST : rc;
}

/* --- opening --- */

static int lock(int fd)
{
    int rc = mr_sys_flock(fd, LOCK_EX | LOCK_NB);

    if (rc == -EAGAIN)
        return -EBUSY;
    /* A file system without locks is better than no download. */
    return rc == -ENOSYS || rc == -EOPNOTSUPP || rc == -ENOLCK ? 0 : rc;
}

/* 0: fd is what NAME.part is, and nothing else; -EAGAIN: look again. */
static int check(struct get_file *f, int fd)
{
    struct stat mine, there;
    int rc = mr_sys_fstat(fd, &mine);

    if (rc == 0)
        rc = mr_sys_fstatat(f->dir, f->part, &there, AT_SYMLINK_NOFOLLOW);
    if (rc)
        return rc == -ENOENT ? -EAGAIN : rc;
    if (mine.st_ino != there.st_ino || mine.st_dev != there.st_dev)
        return -EAGAIN;
    f->is_empty = mine.st_size == 0;
    if (mine.st_uid != geteuid()) /* he may have it open, to write */
        return -EUSERS;
    return S_ISREG(mine.st_mode) && mine.st_nlink == 1 ? 0 : -EMLINK;
}

int get_file_open(struct get_file *f, bool create)
{
    int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK |
                (create ? O_CREAT : 0);

    for (unsigned i = 0; i < TRIES; i++) {
        int fd = mr_sys_openat(f->dir, f->part, flags, 0666);
        int rc;

        if (fd < 0)
            return fd == -ELOOP ? -EMLINK : fd;
        rc = lock(fd);
        if (rc == 0)
            rc = check(f, fd);
        if (rc == 0) {
            f->fd = fd;
            return 0;
        }
        mr_sys_close(fd);
        if (rc != -EAGAIN)
            return rc;
    }
    return -EBUSY;
}

static int sync_directory(const struct get_file *f)
{
    int rc = f->no_sync ? 0 : mr_sys_fsync(f->dir);

    return rc == -EINVAL ? 0 : rc; /* it has no such thing */
}

/* Invariants 2 and 4. Where there was no journal, but data, one may have gone
 * that nobody synced the end of. */
static int mark(struct get_file *f)
{
    int rc = get_journal_mark(f->dir, f->journal);
    bool replaced = rc == -EEXIST;

    f->is_fresh = !replaced;
    if (replaced)
        rc = get_journal_write(f->dir, f->journal, mr_str(""));
    return rc == 0 && (replaced || !f->is_empty) ? sync_directory(f) : rc;
}

static int open_ours(struct get_file *f)
{
    int rc = get_file_open(f, true);

    if (rc || f->is_empty)
        return rc;
    rc = check_ours(f); /* again, with the lock */
    if (rc) {
        mr_sys_close(f->fd);
        f->fd = -1;
    }
    return rc;
}

int get_file_clear(struct get_file *f, bool create)
{
    int rc = 0;

    if (f->fd < 0 && !create)
        return 0; /* without the lock nothing is ours to remove */
    if (f->fd < 0)
        rc = open_ours(f);
    if (rc == 0)
        rc = mark(f);
    if (rc == 0 && !f->is_empty)
        rc = mr_sys_ftruncate(f->fd, 0);
    f->is_empty = false; /* it will not be */
    return rc;
}

/* --- data --- */

int get_file_allocate(const struct get_file *f, int64_t length, bool memory)
{
    uint64_t space = UINT64_MAX;
    int rc;

    if (length <= 0)
        return 0;
    /* Allocating takes all its pages from the machine now, and stops us for as
     * long as that takes. */
    if (memory) {
        rc = mr_sys_free_space(f->dir, &space);
        return rc == 0 && space < (uint64_t)length ? -ENOSPC : 0;
    }
    rc = mr_sys_fallocate(f->fd, FALLOC_FL_KEEP_SIZE, 0, length);
    return rc == -EOPNOTSUPP || rc == -ENOSYS || rc == -EINVAL ? 0 : rc;
}

int get_file_put(const struct get_file *f, const char *p, size_t n, int64_t off)
{
    while (n > 0) {
        ssize_t put = mr_sys_pwrite(f->fd, p, n, off);

        if (put < 0)
            return (int)put;
        p += put;
        off += put;
        n -= (size_t)put;
    }
    return 0;
}

int get_file_checkpoint(struct get_file *f, struct mr_str journal,
                        bool *ret_lost)
{
    int rc = f->no_sync ? 0 : mr_sys_fdatasync(f->fd);

    *ret_lost = rc < 0;
    if (rc)
        return rc;
    f->is_fresh = false;
    return get_journal_write(f->dir, f->journal, journal);
}

/* --- the end --- */

/* Where renameat2 cannot refuse to replace. */
static int name_by_link(const struct get_file *f)
{
    int rc = mr_sys_linkat(f->dir, f->part, f->dir, f->name, 0);
    struct stat st;

    if (rc == 0) {
        (void)!mr_sys_unlinkat(f->dir, f->part, 0); /* it has its name */
        return 0;
    }
    if (rc != -EPERM && rc != -EOPNOTSUPP && rc != -ENOSYS && rc != -EMLINK)
        return rc;
    /* Neither of both: between these two calls another could take the name. */
    rc = mr_sys_fstatat(f->dir, f->name, &st, AT_SYMLINK_NOFOLLOW);
    if (rc == 0)
        return -EEXIST;
    if (rc != -ENOENT)
        return rc;
    return mr_sys_renameat2(f->dir, f->part, f->dir, f->name, 0);
}

static int give_name(const struct get_file *f)
{
    int rc = mr_sys_renameat2(f->dir, f->part, f->dir, f->name,
                              f->overwrite ? 0 : RENAME_NOREPLACE);

    if (!f->overwrite && (rc == -EINVAL || rc == -ENOSYS || rc == -EPERM))
        rc = name_by_link(f);
    return rc;
}

int get_file_finish(struct get_file *f, bool *ret_lost)
{
    int rc = f->no_sync ? 0 : mr_sys_fsync(f->fd);

    *ret_lost = rc < 0;
    if (rc == 0)
        rc = give_name(f);
    if (rc)
        return rc;
    /* Of no file: ignored. */
    (void)!get_journal_remove(f->dir, f->journal, !f->is_fresh);
    mr_sys_close(f->fd);
    f->fd = -1;
    return sync_directory(f);
}

void get_file_remove(struct get_file *f)
{
    /* Empty, it is nobody's: so whoever stops us leaves nothing in the way.
     * And nobody is left to tell. */
    (void)!get_file_clear(f, false);
    (void)!get_journal_remove(f->dir, f->journal, true);
    (void)!mr_sys_unlinkat(f->dir, f->part, 0);
}
