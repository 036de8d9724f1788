/* SPDX-License-Identifier: MIT */
/* over budget: open, read and list are tried on one tree. */
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/hub.h"
#include "core/offload.h"
#include "core/sys.h"
#include "core/timer.h"
#include "io/fd.h"
#include "tests/test.h"

/*
 * TOP/secret            outside
 * TOP/root/a            "alphabet"
 * TOP/root/d/b          "beta"
 * TOP/root/in   -> d/b      stays beneath
 * TOP/root/dl   -> d        stays beneath, a directory
 * TOP/root/back -> ../root/a  goes out and comes back
 * TOP/root/out  -> ../secret
 * TOP/root/abs  -> /etc/passwd
 * TOP/root/loop -> loop
 * TOP/root/fifo
 */
static char top[64];
static int root;

static void put_file(const char *name, const char *text)
{
    int fd = mr_sys_openat(root, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

    CHECK_EQ_INT(mr_sys_write(fd, text, strlen(text)), strlen(text));
    mr_sys_close(fd);
}

static const char *const links[][2] = {
    {"d/b", "in"},          {"d", "dl"},
    {"../root/a", "back"},  {"../secret", "out"},
    {"/etc/passwd", "abs"}, {"loop", "loop"},
};

static void make_tree(void)
{
    int fd;

    snprintf(top, sizeof top, "/tmp/mr_test_file_XXXXXX");
    CHECK_OK(mkdtemp(top) != NULL);
    fd = mr_sys_openat(AT_FDCWD, top, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    CHECK_OK(fd >= 0);
    CHECK_EQ_INT(mkdirat(fd, "root", 0755), 0);
    root = mr_sys_openat(fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    CHECK_OK(root >= 0);
    CHECK_EQ_INT(mkdirat(root, "d", 0755), 0);
    put_file("../secret", "secret");
    put_file("a", "alphabet");
    put_file("d/b", "beta");
    for (size_t i = 0; i < MR_ARRAY_LEN(links); i++)
        CHECK_EQ_INT(symlinkat(links[i][0], root, links[i][1]), 0);
    CHECK_EQ_INT(mkfifoat(root, "fifo", 0644), 0);
    mr_sys_close(fd);
}

static void remove_tree(void)
{
    static const char *const names[] = {"root/a",   "root/d/b",  "root/in",
                                        "root/dl",  "root/back", "root/out",
                                        "root/abs", "root/loop", "root/fifo",
                                        "root/d",   "root",      "secret"};
    char path[128];

    mr_sys_close(root);
    for (size_t i = 0; i < MR_ARRAY_LEN(names); i++) {
        snprintf(path, sizeof path, "%s/%s", top, names[i]);
        CHECK_EQ_INT(remove(path), 0);
    }
    CHECK_EQ_INT(remove(top), 0);
}

static void run(mr_coro_fn *fn)
{
    make_tree();
    CHECK_EQ_INT(mr_run(fn, NULL, NULL), 0);
    mr_offload_fini();
    remove_tree();
}

/* --- opening --- */

static const struct {
    const char *path;
    const char *text; /* what it holds, when rc is 0; NULL: a directory */
    int rc;
    int walked; /* without openat2 */
} opens[] = {
    {"a", "alphabet", 0, 0},
    {"d/b", "beta", 0, 0},
    {"./d/./b", "beta", 0, 0},
    {"d//b", "beta", 0, 0},
    {"d", NULL, 0, 0},
    {"d/", NULL, 0, 0},
    {".", NULL, 0, 0},
    {"in", "beta", 0, -ELOOP},
    {"dl/b", "beta", 0, -ENOTDIR},
    {"d/../a", "alphabet", 0, -EXDEV},
    {"back", "", -EXDEV, -ELOOP},
    {"out", "", -EXDEV, -ELOOP},
    {"abs", "", -EXDEV, -ELOOP},
    {"loop", "", -ELOOP, -ELOOP},
    {"..", "", -EXDEV, -EXDEV},
    {"../secret", "", -EXDEV, -EXDEV},
    {"d/../../secret", "", -EXDEV, -EXDEV},
    {"/etc/passwd", "", -EXDEV, -EXDEV},
    {"", "", -ENOENT, -ENOENT},
    {"nope", "", -ENOENT, -ENOENT},
    {"nope/a", "", -ENOENT, -ENOENT},
    {"a/", "", -ENOTDIR, -ENOTDIR},
    {"a/b", "", -ENOTDIR, -ENOTDIR},
    {"...", "", -ENOENT, -ENOENT},
};

static void open_case(size_t i, bool walked)
{
    int want = walked ? opens[i].walked : opens[i].rc;
    int fd = -77;
    char buf[32];

    CHECK_EQ_INT(mr_file_open_beneath(root, opens[i].path, O_RDONLY, &fd),
                 want);
    if (want) {
        CHECK_EQ_INT(fd, -77); /* written only on success */
        return;
    }
    CHECK_EQ_INT(mr_sys_fcntl(fd, F_GETFD, 0), FD_CLOEXEC);
    if (opens[i].text) {
        ssize_t n = mr_file_read(fd, buf, sizeof buf, 0);

        CHECK_EQ_MEM(buf, n < 0 ? 0 : (size_t)n, opens[i].text,
                     strlen(opens[i].text));
    }
    mr_fd_close(fd);
}

static intptr_t open_all(void *arg)
{
    const bool *walked = arg;

    for (size_t i = 0; i < MR_ARRAY_LEN(opens); i++) {
        CASE("'%s'", opens[i].path);
        open_case(i, *walked);
    }
    return 0;
}

static bool have_openat2(void)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC};
    int fd = mr_sys_openat2(AT_FDCWD, ".", &how);

    mr_fd_close(fd);
    return fd >= 0;
}

static void open_with(bool walked)
{
    make_tree();
    CHECK_EQ_INT(mr_run(open_all, &walked, NULL), 0);
    mr_offload_fini();
    remove_tree();
}

TEST(file_open)
{
    if (!have_openat2())
        SKIP("no openat2");
    open_with(false);
}

/* Nothing cached, or a kernel that does not know the flag: the helper's. */
TEST(file_open_on_helper)
{
    if (!have_openat2())
        SKIP("no openat2");
    mr_sys_fault(MR_SYS_OPENAT2, 1, -EAGAIN);
    open_with(false);
    OK(mr_sys_calls(MR_SYS_OPENAT2) > MR_ARRAY_LEN(opens));
    mr_sys_fault(MR_SYS_OPENAT2, 1, -EINVAL);
    open_with(false);
    mr_sys_fault_clear();
}

TEST(file_open_without_openat2)
{
    mr_sys_fault_always(MR_SYS_OPENAT2, -ENOSYS);
    open_with(true);
    OK(mr_sys_calls(MR_SYS_OPENAT2) <= 2); /* remembered */
    mr_sys_fault_clear();
}

TEST(file_open_under_a_filter)
{
    mr_sys_fault_always(MR_SYS_OPENAT2, -EPERM);
    open_with(true);
    OK(mr_sys_calls(MR_SYS_OPENAT2) <= 2);
    mr_sys_fault_clear();
}

static const struct {
    const char *path;
    int off, off_walked, follow;
} linked[] = {
    {"a", 0, 0, 0},
    {"d/b", 0, 0, 0},
    {".", 0, 0, 0},
    {"in", -ELOOP, -ELOOP, 0},
    {"dl", -ELOOP, -ELOOP, 0},
    {"dl/b", -ELOOP, -ENOTDIR, 0},
    {"back", -ELOOP, -ELOOP, 0},
    {"out", -ELOOP, -ELOOP, 0},
    {"abs", -ELOOP, -ELOOP, 0},
    {"loop", -ELOOP, -ELOOP, -ELOOP},
    {"nope", -ENOENT, -ENOENT, -ENOENT},
    {"", -ENOENT, -ENOENT, -ENOENT},
    /* the path itself leads nowhere, whatever links may do */
    {"..", -EXDEV, -EXDEV, -EXDEV},
    {"../secret", -EXDEV, -EXDEV, -EXDEV},
    {"d/../../secret", -EXDEV, -EXDEV, -EXDEV},
    {"/etc/passwd", -EXDEV, -EXDEV, -EXDEV},
    {"dl/../a", -ELOOP, -ENOTDIR, -EXDEV},
};

static void open_linked(const char *path, enum mr_links how, int want)
{
    int fd = -77;

    CHECK_EQ_INT(mr_file_open_links(root, path, O_RDONLY, how, &fd), want);
    CHECK_OK(want == 0 ? fd >= 0 : fd == -77);
    if (want == 0)
        mr_fd_close(fd);
}

static intptr_t open_all_linked(void *arg)
{
    const bool *walked = arg;

    for (size_t i = 0; i < MR_ARRAY_LEN(linked); i++) {
        CASE("'%s'", linked[i].path);
        open_linked(linked[i].path, MR_LINKS_OFF,
                    *walked ? linked[i].off_walked : linked[i].off);
        open_linked(linked[i].path, MR_LINKS_FOLLOW, linked[i].follow);
    }
    return 0;
}

static void open_linked_with(bool walked)
{
    make_tree();
    CHECK_EQ_INT(mr_run(open_all_linked, &walked, NULL), 0);
    mr_offload_fini();
    remove_tree();
}

TEST(file_open_links)
{
    if (!have_openat2())
        SKIP("no openat2");
    open_linked_with(false);
}

TEST(file_open_links_without_openat2)
{
    mr_sys_fault_always(MR_SYS_OPENAT2, -ENOSYS);
    open_linked_with(true);
    mr_sys_fault_clear();
}

/* One file's -EPERM does not mean that openat2 is missing. */
static intptr_t eperm(void *arg)
{
    int fd = -1;

    (void)arg;
    mr_sys_fault(MR_SYS_OPENAT2, 1, -EPERM);
    CHECK_EQ_INT(mr_file_open_beneath(root, "a", O_RDONLY, &fd), -EPERM);
    CHECK_EQ_INT(mr_file_open_beneath(root, "in", O_RDONLY, &fd), 0);
    mr_sys_fault_clear();
    mr_fd_close(fd);
    return 0;
}
TEST(file_open_eperm)
{
    if (!have_openat2())
        SKIP("no openat2");
    run(eperm);
}

static intptr_t races(void *arg)
{
    int fd = -1;

    (void)arg;
    mr_sys_fault_always(MR_SYS_OPENAT2, -EAGAIN);
    CHECK_EQ_INT(mr_file_open_beneath(root, "a", O_RDONLY, &fd), -EAGAIN);
    mr_sys_fault_clear();
    return 0;
}
/* Somebody renames without end: an error, not a hang. */
TEST(file_open_races)
{
    run(races);
}

static intptr_t kinds(void *arg)
{
    static const int bad[] = {O_CREAT, O_CREAT | O_EXCL, O_TMPFILE};
    struct stat st;
    int fd = -1;

    (void)arg;
    CHECK_EQ_INT(mr_file_open_beneath(root, "fifo", O_RDONLY, &fd), 0);
    CHECK_EQ_INT(mr_file_stat(fd, &st), 0);
    CHECK_OK(S_ISFIFO(st.st_mode));
    mr_fd_close(fd);
    CHECK_EQ_INT(mr_file_open_beneath(root, "a", O_PATH, &fd), 0);
    mr_fd_close(fd);
    CHECK_EQ_INT(mr_file_open_beneath(root, "a", O_RDONLY, &fd), 0);
    CHECK_EQ_INT(mr_file_stat(fd, &st), 0);
    CHECK_EQ_INT(st.st_size, 8);
    mr_fd_close(fd);
    CHECK_EQ_INT(mr_file_stat(-1, &st), -EBADF);
    for (size_t i = 0; i < MR_ARRAY_LEN(bad); i++)
        CHECK_EQ_INT(mr_file_open_beneath(root, "new", bad[i] | O_WRONLY, &fd),
                     -EINVAL);
    return 0;
}
TEST_WITHIN(file_kinds, 10)
{
    run(kinds);
}

/* A component of 255 bytes is a name, one more is not, walked or not. */
static intptr_t long_names(void *arg)
{
    char name[300];
    int fd = -1;

    (void)arg;
    memset(name, 'n', sizeof name);
    name[255] = '\0';
    CHECK_EQ_INT(mr_file_open_beneath(root, name, O_RDONLY, &fd), -ENOENT);
    name[255] = 'n';
    name[256] = '\0';
    CHECK_EQ_INT(mr_file_open_beneath(root, name, O_RDONLY, &fd),
                 -ENAMETOOLONG);
    mr_sys_fault_always(MR_SYS_OPENAT2, -ENOSYS);
    CHECK_EQ_INT(mr_file_open_beneath(root, name, O_RDONLY, &fd),
                 -ENAMETOOLONG);
    name[255] = '\0';
    CHECK_EQ_INT(mr_file_open_beneath(root, name, O_RDONLY, &fd), -ENOENT);
    mr_sys_fault_clear();
    return 0;
}
TEST(file_long_names)
{
    run(long_names);
}

/* --- reading --- */

static const struct {
    int64_t off;
    size_t n;
    const char *want;
} reads[] = {
    {0, 32, "alphabet"}, {0, 5, "alpha"}, {5, 32, "bet"},
    {8, 32, ""},         {100, 5, ""},    {3, 0, ""},
};

static void read_all(int fd)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(reads); i++) {
        char buf[32];
        ssize_t n = mr_file_read(fd, buf, reads[i].n, reads[i].off);

        CHECK_EQ_INT(n, strlen(reads[i].want));
        CHECK_EQ_MEM(buf, n < 0 ? 0 : (size_t)n, reads[i].want,
                     strlen(reads[i].want));
    }
}

static intptr_t reading(void *arg)
{
    static const int how[] = {0, -EAGAIN, -EOPNOTSUPP, -ENOSYS, -EPERM};
    char c;
    int fd = -1;

    (void)arg;
    CHECK_EQ_INT(mr_file_open_beneath(root, "a", O_RDONLY, &fd), 0);
    for (size_t i = 0; i < MR_ARRAY_LEN(how); i++) {
        CASE("preadv2 %d", how[i]);
        if (how[i])
            mr_sys_fault_always(MR_SYS_PREADV2, how[i]);
        read_all(fd);
        mr_sys_fault_clear();
    }
    mr_sys_fault(MR_SYS_PREADV2, 1, -EIO);
    CHECK_EQ_INT(mr_file_read(fd, &c, 1, 0), -EIO);
    mr_sys_fault_clear();
    CHECK_EQ_INT(mr_file_read(root, &c, 1, 0), -EISDIR);
    /* the end is asked for twice: some kernels lie about it */
    mr_sys_fault(MR_SYS_PREAD, 0, 0);
    CHECK_EQ_INT(mr_file_read(fd, &c, 1, 8), 0);
    CHECK_EQ_INT(mr_sys_calls(MR_SYS_PREAD), 1);
    mr_sys_fault_clear();
    mr_fd_close(fd);
    return 0;
}
TEST(file_read)
{
    run(reading);
}

/* While one waits for a disk the others run. */
static intptr_t count_turns(void *arg)
{
    int *turns = arg;

    while (mr_yield() == 0)
        ++*turns;
    return 0;
}

static intptr_t disk(void *arg)
{
    int turns = 0;
    struct mr_coro *co = mr_spawn(count_turns, &turns);
    char c;
    int fd = -1;

    (void)arg;
    CHECK_EQ_INT(mr_file_open_beneath(root, "a", O_RDONLY, &fd), 0);
    turns = 0;
    mr_sys_fault_always(MR_SYS_PREADV2, -EAGAIN);
    CHECK_EQ_INT(mr_file_read(fd, &c, 1, 0), 1);
    mr_sys_fault_clear();
    CHECK_OK(turns > 0);
    mr_cancel(co);
    CHECK_EQ_INT(mr_join(co, NULL, MR_NEVER), 0);
    mr_fd_close(fd);
    return 0;
}
TEST(file_read_lets_others_run)
{
    run(disk);
}

/* --- listing --- */

static const struct {
    const char *name;
    mode_t type;
    int64_t size; /* -1: whatever */
} listed[] = {
    {"a", S_IFREG, 8},  {"abs", S_IFLNK, 11}, {"back", S_IFLNK, 9},
    {"d", S_IFDIR, -1}, {"dl", S_IFLNK, 1},   {"fifo", S_IFIFO, 0},
    {"in", S_IFLNK, 3}, {"loop", S_IFLNK, 4}, {"out", S_IFLNK, 9},
};

static void check_listing(const struct mr_dir *d)
{
    CHECK_EQ_INT(d->n, MR_ARRAY_LEN(listed));
    CHECK_OK(!d->cut);
    for (size_t i = 0; i < MR_MIN(d->n, MR_ARRAY_LEN(listed)); i++) {
        CASE("%s", listed[i].name);
        CHECK_EQ_STR(d->entries[i].name, listed[i].name);
        CHECK_EQ_INT(d->entries[i].mode & S_IFMT, listed[i].type);
        if (listed[i].size >= 0)
            CHECK_EQ_INT(d->entries[i].size, listed[i].size);
        CHECK_OK(d->entries[i].mtime > 1000000000);
    }
}

static intptr_t listing(void *arg)
{
    struct mr_dir *d = NULL;
    int fd = -1;

    (void)arg;
    for (int twice = 0; twice < 2; twice++) {
        CHECK_EQ_INT(mr_dir_read(root, 1000, &d), 0);
        check_listing(d);
        mr_dir_free(d);
    }
    CHECK_EQ_INT(mr_dir_read(root, MR_ARRAY_LEN(listed), &d), 0);
    check_listing(d);
    mr_dir_free(d);
    for (size_t max = 0; max < MR_ARRAY_LEN(listed); max++) {
        CHECK_EQ_INT(mr_dir_read(root, max, &d), 0);
        CHECK_EQ_INT(d->n, max);
        CHECK_OK(d->cut);
        mr_dir_free(d);
    }
    CHECK_EQ_INT(mr_file_open_beneath(root, "a", O_RDONLY, &fd), 0);
    CHECK_EQ_INT(mr_dir_read(fd, 10, &d), -ENOTDIR);
    mr_fd_close(fd);
    mr_dir_free(NULL);
    return 0;
}
TEST(dir_read)
{
    run(listing);
}

/* More than one getdents, and than the first array. */
static intptr_t many(void *arg)
{
    MR_AUTO(dir) d = NULL;
    char name[64];
    int fd = -1;

    (void)arg;
    CHECK_EQ_INT(mr_file_open_beneath(root, "d", O_RDONLY, &fd), 0);
    for (int i = 0; i < 2000; i++) {
        snprintf(name, sizeof name, "d/%04d-a-name-of-some-length", i);
        put_file(name, "");
    }
    CHECK_EQ_INT(mr_dir_read(fd, 10000, &d), 0);
    CHECK_EQ_INT(d->n, 2001);
    CHECK_EQ_STR(d->entries[1999].name, "1999-a-name-of-some-length");
    CHECK_EQ_STR(d->entries[2000].name, "b");
    for (int i = 0; i < 2000; i++) {
        snprintf(name, sizeof name, "%04d-a-name-of-some-length", i);
        CHECK_EQ_INT(unlinkat(fd, name, 0), 0);
    }
    mr_fd_close(fd);
    return 0;
}
TEST(dir_read_many)
{
    run(many);
}

static const struct {
    enum mr_sys_call call;
    int nth;
    int err;
    int want;
} dir_faults[] = {
    {MR_SYS_OPENAT, 1, -EACCES, -EACCES},
    {MR_SYS_GETDENTS, 1, -EIO, -EIO},
    {MR_SYS_FSTATAT, 3, -EIO, -EIO},
    {MR_SYS_FSTATAT, 3, -ENOENT, 0}, /* removed meanwhile: left out */
};

static intptr_t dir_fails(void *arg)
{
    struct mr_dir *d = NULL;
    int rc = -ENOMEM;

    (void)arg;
    for (size_t i = 0; i < MR_ARRAY_LEN(dir_faults); i++) {
        CASE("fault %zu", i);
        mr_sys_fault(dir_faults[i].call, (unsigned)dir_faults[i].nth,
                     dir_faults[i].err);
        CHECK_EQ_INT(mr_dir_read(root, 100, &d), dir_faults[i].want);
        mr_sys_fault_clear();
    }
    CHECK_EQ_INT(d->n, MR_ARRAY_LEN(listed) - 1);
    mr_dir_free(d);
    for (unsigned nth = 1; rc == -ENOMEM && nth < 100; nth++) {
        CASE("allocation %u", nth);
        mr_sys_fault(MR_SYS_ALLOC, nth, -ENOMEM);
        rc = mr_dir_read(root, 100, &d);
        CHECK_OK(nth > 3 || rc == -ENOMEM);
        mr_sys_fault_clear();
    }
    CHECK_EQ_INT(rc, 0);
    mr_dir_free(d);
    return 0;
}
TEST(dir_read_fails)
{
    run(dir_fails);
}

SUITE("open", file_open, file_open_on_helper, file_open_without_openat2,
      file_open_under_a_filter, file_open_links,
      file_open_links_without_openat2, file_open_eperm, file_open_races,
      file_kinds, file_long_names)
SUITE("read", file_read, file_read_lets_others_run)
SUITE("list", dir_read, dir_read_many, dir_read_fails)
TEST_MAIN()
