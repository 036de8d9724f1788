/* SPDX-License-Identifier: MIT */

/*
 * disk.c - would reading this wait for a disk? And if so, wait elsewhere.
 *
 *   (1) The last byte is asked for by preadv2 with RWF_NOWAIT: it is the one
 *       that comes last when pages are on their way. Where the kernel has
 *       cachestat, that must have every page of the range as well.
 *   (2) A cold range is announced by readahead, so that the disk gets one
 *       request, and then read to its end: readahead alone does not wait.
 *   (3) Only file systems that are known to be memory are read directly without
 *       being able to say whether they would wait. All others are a helper's.
 *   (4) What is remembered of devices, and of files that are kept open, is the
 *       thread's own.
 *   (5) A kept file's pages [from, to) were all seen at or after `until` minus
 *       the belief. A number that is closed is not kept.
 *
 * Whether cachestat is refused is remembered for the process: -EPERM is said
 * for files of others, and a server's files mostly have one owner.
 */
#include "io/disk.h"

#include <errno.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/offload.h"
#include "core/sys.h"

/* In Linux, but not in linux/magic.h of its older versions. */
#define PROC_MAGIC 0x9fa0
#define RAM_MAGIC 0x858458f6

/* --- devices --- */

/* More file systems than a process reads from that cannot say whether they
 * would wait. The oldest is forgotten. */
#define DEVICES 16

static _Thread_local struct {
    dev_t dev;
    bool used;
    bool is_memory;
} devices[DEVICES];
static _Thread_local unsigned next_device;

struct ask_job {
    int fd;
    int64_t type;
};

/* On a helper: of a file system on a network it may take long. */
static intptr_t ask_job(void *arg)
{
    struct ask_job *j = arg;

    return mr_sys_fstatfs(j->fd, &j->type);
}

static bool is_memory_type(int64_t type)
{
    static const uint32_t types[] = {
        TMPFS_MAGIC,        RAM_MAGIC,           PROC_MAGIC,     SYSFS_MAGIC,
        CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, HUGETLBFS_MAGIC};

    for (size_t i = 0; i < MR_ARRAY_LEN(types); i++)
        if ((uint32_t)type == types[i])
            return true;
    return false;
}

bool mr_disk_is_memory(int fd)
{
    struct ask_job j = {.fd = fd};
    struct stat st;
    bool is_memory;
    unsigned at;

    if (mr_sys_fstat(fd, &st))
        return false;
    for (size_t i = 0; i < DEVICES; i++)
        if (devices[i].used && devices[i].dev == st.st_dev)
            return devices[i].is_memory;
    if (mr_offload(ask_job, &j))
        return false;
    is_memory = is_memory_type(j.type);
    at = next_device++ % DEVICES;
    devices[at].dev = st.st_dev;
    devices[at].used = true;
    devices[at].is_memory = is_memory;
    return is_memory;
}

/* --- ranges --- */

/* Written by any thread: relaxed, as all write the same. */
static bool cachestat_refused;

/* Does cachestat know of pages of [off, off + n) that are not in memory? */
static bool lacks_pages(int fd, int64_t off, size_t n)
{
    int64_t page = sysconf(_SC_PAGESIZE); /* no system call */
    uint64_t want = (uint64_t)((off + (int64_t)n - 1) / page - off / page + 1);
    uint64_t have = 0;
    int rc;

    if (__atomic_load_n(&cachestat_refused, __ATOMIC_RELAXED))
        return false;
    rc = mr_sys_cachestat(fd, off, n, &have);
    if (rc == -ENOSYS || rc == -EPERM)
        __atomic_store_n(&cachestat_refused, true, __ATOMIC_RELAXED);
    return rc == 0 && have < want;
}

static bool is_warm(int fd, int64_t off, size_t n)
{
    char last;
    struct iovec v = {.iov_base = &last, .iov_len = 1};
    ssize_t got = mr_sys_preadv2(fd, &v, 1, off + (int64_t)n - 1, RWF_NOWAIT);

    if (got == -EOPNOTSUPP)
        return mr_disk_is_memory(fd);
    return got == 1 && !lacks_pages(fd, off, n);
}

/* Kept files, by number. A server has fewer large ones that are asked for in
 * one second; a collision costs the question. */
#define KEPT 64

static _Thread_local struct kept {
    int fd_1; /* 1 + fd; 0: none */
    int64_t from, to;
    int64_t until;
} kept[KEPT];

static struct kept *kept_of(int fd)
{
    return &kept[(unsigned)fd % KEPT];
}

void mr_disk_keep(int fd)
{
    struct kept *k = kept_of(fd);

    if (k->fd_1 != fd + 1)
        *k = (struct kept){.fd_1 = fd + 1};
}

void mr_disk_forget(int fd)
{
    if (kept_of(fd)->fd_1 == fd + 1)
        kept_of(fd)->fd_1 = 0;
}

static bool is_believed(int fd, int64_t off, size_t n)
{
    const struct kept *k = kept_of(fd);

    return k->fd_1 == fd + 1 && k->from <= off && off + (int64_t)n <= k->to &&
           mr_hub_now() < k->until;
}

/* Invariant 5: as old as the older of two that are put together. */
static void believe(int fd, int64_t off, size_t n)
{
    struct kept *k = kept_of(fd);
    int64_t to = off + (int64_t)n;

    if (k->fd_1 != fd + 1)
        return;
    if (mr_hub_now() < k->until && off <= k->to && to >= k->from) {
        k->from = MR_MIN(k->from, off);
        k->to = MR_MAX(k->to, to);
        return;
    }
    k->from = off;
    k->to = to;
    k->until = mr_hub_now() + MR_DISK_BELIEF;
}

struct warm_job {
    int fd;
    int64_t off;
    size_t n;
};

/* A helper's stack has room for this. */
#define PIECE (16 * 1024)

/* On a helper. Errors are for the call that comes after. */
static intptr_t warm_job(void *arg)
{
    const struct warm_job *j = arg;
    char piece[PIECE];
    size_t done = 0;
    ssize_t got = 1;

    (void)!mr_sys_readahead(j->fd, j->off, j->n); /* a hint */
    while (done < j->n && got > 0) {
        got = mr_sys_pread(j->fd, piece, MR_MIN(sizeof piece, j->n - done),
                           j->off + (int64_t)done);
        done += got > 0 ? (size_t)got : 0;
    }
    return 0;
}

void mr_disk_warm(int fd, int64_t off, size_t n)
{
    struct warm_job j = {fd, off, n};

    if (is_believed(fd, off, n))
        return;
    if (!is_warm(fd, off, n) && mr_offload(warm_job, &j))
        return; /* without a helper: see the header */
    believe(fd, off, n);
}
