/* SPDX-License-Identifier: MIT */
/* test_disk.c - what is not in memory is fetched by a helper. */
#include "io/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/offload.h"
#include "core/sys.h"
#include "core/timer.h"
#include "io/fd.h"
#include "io/file.h"
#include "tests/core/in_hub.h"

#define SIZE (3 * 1024 * 1024 + 777)

/* A file of SIZE bytes without a name, synced, in dir. */
static int new_file(const char *dir)
{
    unsigned char *p = malloc(SIZE);
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    CHECK_OK(p && fd >= 0);
    for (size_t i = 0; i < SIZE; i++)
        p[i] = (unsigned char)(i * 2654435761u >> 13);
    CHECK_EQ_INT(write(fd, p, SIZE), SIZE);
    CHECK_EQ_INT(fsync(fd), 0);
    free(p);
    return fd;
}

/* Calls of the helper's, and of nobody else's, while one range is warmed. */
static uint64_t fetches(int fd, int64_t off, size_t n)
{
    mr_sys_fault(MR_SYS_READAHEAD, 0, 0);
    mr_disk_warm(fd, off, n);
    return mr_sys_calls(MR_SYS_READAHEAD);
}

/* In the order of what they leave behind: cachestat stays refused. */
static const struct {
    enum mr_sys_call call;
    int err; /* 0: no fault */
    uint64_t fetched;
} answers[] = {
    {MR_SYS_PREADV2, 0, 0},
    {MR_SYS_PREADV2, -EAGAIN, 1},
    {MR_SYS_PREADV2, -ENOSYS, 1},
    {MR_SYS_PREADV2, -EPERM, 1},
    {MR_SYS_PREADV2, -EIO, 1},
    {MR_SYS_PREADV2, -EOPNOTSUPP, 1},
    {MR_SYS_CACHESTAT, -EOPNOTSUPP, 0},
    {MR_SYS_CACHESTAT, -EPERM, 0},
};

IN_HUB(disk_warm_asks)
{
    int fd = new_file("/tmp");
    uint64_t want;

    (void)fetches(fd, 0, SIZE); /* whatever the kernel did with it so far */
    for (size_t i = 0; i < MR_ARRAY_LEN(answers); i++) {
        CASE("answer %zu", i);
        if (answers[i].err)
            mr_sys_fault_always(answers[i].call, answers[i].err);
        want = answers[i].fetched;
        if (answers[i].err == -EOPNOTSUPP && mr_disk_is_memory(fd))
            want = 0;
        CHECK_EQ_INT(fetches(fd, 4000, SIZE - 5000), want);
        mr_sys_fault_clear();
    }
    /* it is not asked again */
    mr_sys_fault(MR_SYS_CACHESTAT, 0, 0);
    CHECK_EQ_INT(fetches(fd, 0, SIZE), 0);
    CHECK_EQ_INT(mr_sys_calls(MR_SYS_CACHESTAT), 0);
    mr_sys_fault_clear();
    mr_fd_close(fd);
    mr_offload_fini();
    return 0;
}

IN_HUB(disk_cachestat_is_missing)
{
    int fd = new_file("/tmp");

    /* Before the first question: this kernel may lack it, too. */
    mr_sys_fault_always(MR_SYS_CACHESTAT, -ENOSYS);
    (void)fetches(fd, 0, SIZE);
    CHECK_EQ_INT(fetches(fd, 0, SIZE), 0);
    CHECK_EQ_INT(fetches(fd, 0, SIZE), 0);
    CHECK_EQ_INT(mr_sys_calls(MR_SYS_CACHESTAT), 1);
    mr_sys_fault_clear();
    mr_fd_close(fd);
    mr_offload_fini();
    return 0;
}

/* A range with one page in the middle out of memory: the last byte is there.
 * A file system in memory cannot be made cold, and no page of it needs be. */
IN_HUB(disk_gap_is_fetched)
{
    uint64_t pages = 0, page = (uint64_t)sysconf(_SC_PAGESIZE);
    int fd = new_file("/tmp");
    int rc;

    (void)fetches(fd, 0, SIZE);
    CHECK_EQ_INT(posix_fadvise(fd, 1 << 20, 1 << 20, POSIX_FADV_DONTNEED), 0);
    rc = mr_sys_cachestat(fd, 0, SIZE, &pages);
    if (rc == 0 && pages < SIZE / page) {
        CHECK_EQ_INT(fetches(fd, 0, SIZE), 1);
        CHECK_EQ_INT(mr_sys_cachestat(fd, 0, SIZE, &pages), 0);
        CHECK_EQ_INT(pages, (SIZE + page - 1) / page);
        CHECK_EQ_INT(fetches(fd, 0, SIZE), 0);
    }
    mr_sys_fault_clear();
    mr_fd_close(fd);
    mr_offload_fini();
    return 0;
}

/* How often the kernel is asked. */
static uint64_t questions(int fd, int64_t off, size_t n)
{
    mr_sys_fault(MR_SYS_PREADV2, 0, 0);
    mr_disk_warm(fd, off, n);
    return mr_sys_calls(MR_SYS_PREADV2);
}

/* Of a file that is kept open, pages that were seen are believed for a while;
 * of another they are not. */
IN_HUB(disk_kept_is_believed)
{
    /* in turn: a range, and is the kernel asked about it? */
    static const struct {
        int64_t off;
        size_t n;
        uint64_t asked;
    } steps[] = {
        {0, 1000, 1},    {0, 1000, 0},     {10, 990, 0},  {500, 1000, 1},
        {0, 1500, 0},    {9000, 100, 1},   {9000, 50, 0}, {0, 10, 1},
        {5000, 4100, 1}, {10, 10000, 1},   {0, 10010, 1}, {0, 10010, 0},
        {0, SIZE, 1},    {SIZE - 1, 1, 0},
    };
    int fd = new_file("/tmp"), again;

    (void)fetches(fd, 0, SIZE);
    CHECK_EQ_INT(questions(fd, 0, 1000), 1);
    CHECK_EQ_INT(questions(fd, 0, 1000), 1);
    mr_disk_keep(fd);
    for (size_t i = 0; i < MR_ARRAY_LEN(steps); i++) {
        CASE("step %zu", i);
        CHECK_EQ_INT(questions(fd, steps[i].off, steps[i].n), steps[i].asked);
        mr_disk_keep(fd);
    }
    /* for so long */
    while (questions(fd, 0, 10) == 0)
        CHECK_EQ_INT(mr_sleep_ms(20), 0);
    CHECK_EQ_INT(questions(fd, 0, 10), 0);
    /* one with the same place pushes it out */
    mr_disk_keep(fd + 64);
    CHECK_EQ_INT(questions(fd, 0, 10), 1);
    mr_disk_keep(fd);
    CHECK_EQ_INT(questions(fd, 0, 10), 1);
    CHECK_EQ_INT(questions(fd, 0, 10), 0);
    /* and the next of that number has nothing of it */
    mr_sys_fault_clear();
    mr_fd_close(fd);
    again = new_file("/tmp");
    CHECK_EQ_INT(again, fd);
    CHECK_EQ_INT(questions(again, 0, 10), 1);
    CHECK_EQ_INT(questions(again, 0, 10), 1);
    mr_sys_fault_clear();
    mr_fd_close(again);
    mr_offload_fini();
    return 0;
}

/* What no helper could fetch is not believed. */
IN_HUB(disk_kept_but_cold)
{
    int fd = new_file("/tmp");

    mr_disk_keep(fd);
    mr_offload_fini();
    mr_sys_fault_always(MR_SYS_PTHREAD_CREATE, -EAGAIN);
    mr_sys_fault_always(MR_SYS_PREADV2, -EAGAIN);
    mr_disk_warm(fd, 0, 10);
    mr_sys_fault_clear();
    CHECK_EQ_INT(questions(fd, 0, 10), 1);
    mr_sys_fault_clear();
    mr_fd_close(fd);
    mr_offload_fini();
    return 0;
}

/* What cannot be done leaves it to the call that follows. */
IN_HUB(disk_warm_cannot)
{
    int fd = new_file("/tmp"), fds[2];

    CHECK_EQ_INT(pipe(fds), 0);
    mr_disk_warm(fds[0], 0, 1);
    mr_disk_warm(-1, 0, 1);
    mr_disk_warm(fd, SIZE, 10); /* behind its end */
    mr_sys_fault_always(MR_SYS_PREAD, -EIO);
    mr_sys_fault_always(MR_SYS_PREADV2, -EAGAIN);
    mr_disk_warm(fd, 0, SIZE);
    mr_sys_fault_clear();
    mr_offload_fini();
    mr_sys_fault_always(MR_SYS_PTHREAD_CREATE, -EAGAIN);
    mr_sys_fault_always(MR_SYS_PREADV2, -EAGAIN);
    mr_disk_warm(fd, 0, SIZE);
    mr_sys_fault_clear();
    mr_fd_close(fd);
    close(fds[0]);
    close(fds[1]);
    mr_offload_fini();
    return 0;
}

/* One device is asked once, whatever it is. */
IN_HUB(disk_devices_are_remembered)
{
    int memory = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    int disk = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool was;

    mr_sys_fault(MR_SYS_FSTATFS, 0, 0);
    CHECK_OK(mr_disk_is_memory(memory));
    CHECK_EQ_INT(mr_sys_calls(MR_SYS_FSTATFS), 1);
    was = mr_disk_is_memory(disk);
    CHECK_EQ_INT(mr_sys_calls(MR_SYS_FSTATFS), 2);
    CHECK_OK(mr_disk_is_memory(memory));
    CHECK_EQ_INT(mr_disk_is_memory(disk), was);
    CHECK_EQ_INT(mr_sys_calls(MR_SYS_FSTATFS), 2);
    mr_sys_fault_clear();
    CHECK_OK(!mr_disk_is_memory(-1));
    mr_fd_close(memory);
    mr_fd_close(disk);
    mr_offload_fini();
    return 0;
}

/* One that could not be asked is not, and is asked again. */
IN_HUB(disk_device_that_fails)
{
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);

    mr_sys_fault(MR_SYS_FSTATFS, 1, -EIO);
    CHECK_OK(!mr_disk_is_memory(fd));
    CHECK_OK(mr_disk_is_memory(fd));
    mr_sys_fault_clear();
    mr_fd_close(fd);
    mr_offload_fini();
    return 0;
}

/* A read that cannot be asked: memory directly, a disk by a helper. */
IN_HUB(disk_reads_of_memory_are_direct)
{
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    char c;

    (void)mr_disk_is_memory(fd);
    mr_offload_fini();
    mr_sys_fault_always(MR_SYS_PTHREAD_CREATE, -EAGAIN);
    mr_sys_fault_always(MR_SYS_PREADV2, -EOPNOTSUPP);
    CHECK_EQ_INT(mr_file_read(fd, &c, 1, 0), 1);
    mr_sys_fault_always(MR_SYS_PREADV2, -EAGAIN);
    CHECK_EQ_INT(mr_file_read(fd, &c, 1, 0), -EAGAIN);
    mr_sys_fault_clear();
    mr_fd_close(fd);
    return 0;
}

/* --- sendfile --- */

struct reader {
    int fd;
    size_t got;
    bool same;
};

static intptr_t drain(void *arg)
{
    static unsigned char buf[64 * 1024];
    struct reader *r = arg;
    ssize_t n;

    r->same = true;
    while ((n = mr_read(r->fd, buf, sizeof buf, MR_NEVER)) > 0)
        for (ssize_t i = 0; i < n; i++, r->got++)
            if (buf[i] != (unsigned char)(r->got * 2654435761u >> 13))
                r->same = false;
    return n;
}

/* Send all of fd; each window may be answered by a fault of preadv2. */
static void send_all(int fd)
{
    struct reader r = {0};
    struct mr_coro *co;
    int64_t off = 0;
    int fds[2];

    CHECK_EQ_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    r.fd = fds[1];
    co = mr_spawn(drain, &r);
    CHECK_EQ_INT(mr_sendfile(fds[0], fd, &off, SIZE + 5, MR_NEVER), SIZE);
    CHECK_EQ_INT(off, SIZE);
    mr_fd_close(fds[0]);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    CHECK_EQ_INT(r.got, SIZE);
    CHECK_OK(r.same);
    mr_fd_close(fds[1]);
}

IN_HUB(disk_sendfile_of_a_cold_file)
{
    static const int how[] = {0, -EAGAIN, -EOPNOTSUPP, -ENOSYS, -EPERM};
    int fd = new_file("/tmp");

    for (size_t i = 0; i < MR_ARRAY_LEN(how); i++) {
        CASE("preadv2 %d", how[i]);
        CHECK_EQ_INT(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
        mr_sys_fault(MR_SYS_READAHEAD, 0, 0);
        if (how[i])
            mr_sys_fault_always(MR_SYS_PREADV2, how[i]);
        send_all(fd);
        if (how[i] == -EAGAIN)
            CHECK_OK(mr_sys_calls(MR_SYS_READAHEAD) >= 4); /* windows */
        mr_sys_fault_clear();
    }
    mr_fd_close(fd);
    mr_offload_fini();
    return 0;
}

SUITE("disk", disk_warm_asks, disk_cachestat_is_missing, disk_gap_is_fetched,
      disk_kept_is_believed, disk_kept_but_cold, disk_warm_cannot,
      disk_devices_are_remembered, disk_device_that_fails,
      disk_reads_of_memory_are_direct, disk_sendfile_of_a_cold_file)
TEST_MAIN()
