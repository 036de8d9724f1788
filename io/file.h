/* SPDX-License-Identifier: MIT */
#ifndef IO_FILE_H
#define IO_FILE_H

/*
 * file.h - open below a directory, stat, read, list: never waiting for the
 * disk on the hub's thread.
 *
 * What is in the kernel's caches is had at once; the rest is asked for on a
 * helper thread (core/offload.h), shielded, while others run.
 *
 *     rc = mr_file_open_beneath(root, "a/b.html", O_RDONLY, &fd);
 *     rc = mr_file_stat(fd, &st);
 *     n = mr_file_read(fd, buf, sizeof buf, 0);
 *     mr_fd_close(fd);
 *
 * Not here: writing, and mapping (a page fault is a wait that nobody sees).
 */
#include <sys/stat.h>

#include "core/base.h"

/*
 * Open path, relative to the directory dir, without leaving what is beneath
 * it, however it is spelled and whoever renames things meanwhile.
 *
 * 0; -EXDEV: absolute, or ".." or a symbolic link leads out; -ENOENT, -EACCES,
 * ... as open(2); -EINVAL: flags would create; -EMFILE; -ENOMEM; -EAGAIN: no
 * helper thread could be started, or the tree is being renamed all the time.
 * May park.
 *
 * O_CLOEXEC, O_NOCTTY and O_NONBLOCK are added: a FIFO does not hang, but the
 * caller must look whether it got the kind of file it wants.
 *
 * Links that stay beneath are followed. Where openat2 is missing (Linux below
 * 5.6, a seccomp filter, Valgrind) each component is opened by itself, all ".."
 * is -EXDEV, and no link is followed: -ELOOP, or -ENOTDIR for one that should
 * be a directory.
 */
MR_API MR_MUST_USE int mr_file_open_beneath(int dir, const char *path,
                                            int flags, int *ret_fd);

enum mr_links {
    MR_LINKS_INSIDE, /* as above */
    MR_LINKS_OFF,    /* no link is followed: -ELOOP */
    MR_LINKS_FOLLOW, /* wherever they lead. The path itself is neither absolute
                      * nor has it "..": -EXDEV. Danger: whoever may make a
                      * link below dir may have anything read */
};

/* The same, with symbolic links as told. May park. */
MR_API MR_MUST_USE int mr_file_open_links(int dir, const char *path, int flags,
                                          enum mr_links links, int *ret_fd);

/* Of an open file: its inode is in memory. 0 or -Exxx. Never parks. */
MR_API MR_MUST_USE int mr_file_stat(int fd, struct stat *ret);

/*
 * Up to n bytes from off: at least 1, fewer than n at the end of the file or
 * of what was in memory; 0 at the end; or -Exxx. Of file systems that cannot
 * say whether they would wait, those in memory (tmpfs, procfs) are read
 * directly, others on a helper. May park.
 */
MR_API MR_MUST_USE ssize_t mr_file_read(int fd, void *buf, size_t n,
                                        int64_t off);

struct mr_dir_entry {
    const char *name; /* the mr_dir's */
    mode_t mode;      /* of the entry itself: a link is S_IFLNK */
    int64_t size;
    int64_t mtime; /* seconds since 1970 */
};

struct mr_dir {
    struct mr_dir_entry *entries; /* sorted by name, as bytes */
    size_t n;
    bool cut; /* there were more than max */
};

/*
 * List the directory dir, without "." and "..", at most max entries (which of
 * them, when there are more, is the file system's choice). 0 and a new list,
 * for mr_dir_free; -ENOTDIR, -EACCES, -ENOMEM, ... May park.
 */
MR_API MR_MUST_USE int mr_dir_read(int dir, size_t max, struct mr_dir **ret);
/* NULL does nothing. */
MR_API void mr_dir_free(struct mr_dir *d);
MR_DEFINE_AUTO(dir)

#endif
