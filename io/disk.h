/* SPDX-License-Identifier: MIT */
#ifndef IO_DISK_H
#define IO_DISK_H

/*
 * disk.h - would reading this wait for a disk? And if so, wait elsewhere.
 *
 * For calls that have no non-blocking form on the file's side (sendfile):
 *
 *     mr_disk_warm(fd, off, n);             a helper waits, others run
 *     put = mr_sys_sendfile(out, fd, &off, n);
 *
 * Not here: reading into memory (io/file.h), which says by itself whether it
 * would wait.
 */
#include "core/base.h"

/* What is checked, and fetched, at once: an eighth of a second on a slow disk,
 * and as much as a fast link takes in a millisecond. */
#define MR_DISK_WINDOW (1024 * 1024)

/*
 * Have the n > 0 bytes of the file fd from off in the kernel's memory. Those
 * that are there cost two short calls; others are read on a helper thread,
 * shielded. Promises nothing: memory may be taken back at once, a file may end
 * early, a disk may fail, a helper may be missing. The call that follows tells
 * such errors, and in the worst case it waits. May park.
 */
MR_API void mr_disk_warm(int fd, int64_t off, size_t n);

/* What was seen in memory is believed to be there for so long: who takes pages
 * back begins with those that nobody used. */
#define MR_DISK_BELIEF INT64_C(1000000000)

/*
 * fd stays this file until mr_fd_close (close(2) would leave what is known to
 * the next file of that number): for what was seen in memory within the last
 * MR_DISK_BELIEF, mr_disk_warm asks nothing. Again does nothing; say it before
 * each use, as only so many are remembered, those that were used last.
 */
MR_API void mr_disk_keep(int fd);
/* mr_fd_close's. */
void mr_disk_forget(int fd);

/*
 * Is fd on a file system that keeps all in memory (tmpfs, ramfs, procfs, ...)?
 * For files that cannot be asked whether they would wait (-EOPNOTSUPP).
 * Remembered by device; a device that is new is asked on a helper. false also
 * when nobody knows. May park.
 */
MR_API bool mr_disk_is_memory(int fd);

#endif
