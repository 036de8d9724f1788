/* SPDX-License-Identifier: MIT */
/* test_file_cache.c - files that are kept open. */
#include "http/file_cache.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "tests/http/http_util.h"

#define LONG mr_ms(3600 * 1000)

static char top[] = "/tmp/test_file_cache.XXXXXX";
static int root = -1;

/* Written in place, and `age` seconds old. */
static void put(const char *name, const char *text, int age)
{
    const struct timespec at = {.tv_sec = time(NULL) - age};
    int fd = openat(root, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    CHECK_OK(fd >= 0);
    CHECK_EQ_INT(write(fd, text, strlen(text)), strlen(text));
    CHECK_EQ_INT(futimens(fd, (struct timespec[]){at, at}), 0);
    close(fd);
}

static void remove_tree(void)
{
    static const char *const names[] = {"a", "b", "c", "d/x", "new", "gone"};

    for (size_t i = 0; i < MR_ARRAY_LEN(names); i++)
        (void)!unlinkat(root, names[i], 0);
    (void)!unlinkat(root, "d", AT_REMOVEDIR);
    (void)!rmdir(top);
}

static struct mr_file_cache *make(size_t max, int64_t ttl)
{
    struct mr_file_cache *c = NULL;

    CHECK_OK(mkdtemp(top) != NULL);
    root = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
    atexit(remove_tree);
    put("a", "alpha", 60);
    put("b", "beta", 60);
    put("c", "gamma", 60);
    CHECK_EQ_INT(mkdirat(root, "d", 0755), 0);
    put("d/x", "x", 60);
    CHECK_EQ_INT(mr_file_cache_new(&c, root, MR_LINKS_INSIDE, max, ttl), 0);
    return c;
}

static void end(struct mr_file_cache *c)
{
    mr_file_cache_free(c);
    mr_offload_fini();
}

/* What the cache says path holds: "-" and the error when it cannot be had. */
static const char *text_of(struct mr_file_cache *c, const char *path)
{
    static char text[64];
    const struct mr_cached_file *f;
    int err = mr_file_cache_get(c, path, &f);
    ssize_t n;

    if (err)
        return err == -ENOENT ? "-ENOENT" : "-";
    n = pread(f->fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    CHECK_EQ_INT(f->st.st_size, strlen(text));
    mr_file_cache_put(f);
    return text;
}

/* How often the cache opens while `path` is had: twice, when it is new, to see
 * that its name still leads to what is watched by then. */
static uint64_t opens(struct mr_file_cache *c, const char *path)
{
    mr_sys_fault(MR_SYS_OPENAT2, 0, 0);
    (void)text_of(c, path);
    return mr_sys_calls(MR_SYS_OPENAT2);
}

IN_HUB(file_cache_keeps)
{
    struct mr_file_cache *c = make(2, LONG);

    CHECK_EQ_STR(text_of(c, "a"), "alpha");
    CHECK_EQ_INT(opens(c, "a"), 0);
    CHECK_EQ_STR(text_of(c, "a"), "alpha");
    CHECK_EQ_STR(text_of(c, "b"), "beta");
    CHECK_EQ_INT(mr_file_cache_count(c), 2);
    CHECK_EQ_INT(opens(c, "a"), 0);
    CHECK_EQ_STR(text_of(c, "c"), "gamma"); /* b was longer unused */
    CHECK_EQ_INT(mr_file_cache_count(c), 2);
    CHECK_EQ_INT(opens(c, "a"), 0);
    CHECK_EQ_INT(opens(c, "b"), 2);
    CHECK_EQ_STR(text_of(c, "none"), "-ENOENT");
    CHECK_EQ_STR(text_of(c, "../x"), "-");
    end(c);
    return 0;
}

/* Directories are kept too; other kinds are not. */
IN_HUB(file_cache_kinds)
{
    struct mr_file_cache *c = make(4, LONG);
    const struct mr_cached_file *f = NULL;
    struct mr_str text;

    CHECK_EQ_INT(mr_file_cache_get(c, "d", &f), 0);
    CHECK_OK(S_ISDIR(f->st.st_mode));
    CHECK_OK(!mr_file_cache_content(f, &text));
    mr_file_cache_put(f);
    CHECK_EQ_INT(mr_file_cache_count(c), 1);
    CHECK_EQ_STR(text_of(c, "d/x"), "x");
    CHECK_EQ_STR(text_of(c, "d//x"), "x");
    CHECK_EQ_STR(text_of(c, "d///x"), "x");
    CHECK_EQ_INT(mkfifoat(root, "new", 0600), 0);
    CHECK_EQ_INT(mr_file_cache_get(c, "new", &f), 0);
    CHECK_OK(S_ISFIFO(f->st.st_mode));
    mr_file_cache_put(f);
    CHECK_EQ_INT(mr_file_cache_count(c), 2);
    end(c);
    return 0;
}

/* --- changes --- */

static void write_it(void)
{
    put("a", "other", 30);
}

static void grow_it(void)
{
    put("a", "alpha and more", 30);
}

static void replace_it(void)
{
    put("new", "brand new", 60);
    CHECK_EQ_INT(renameat(root, "new", root, "a"), 0);
}

static void remove_it(void)
{
    CHECK_EQ_INT(unlinkat(root, "a", 0), 0);
}

static void rename_it(void)
{
    CHECK_EQ_INT(renameat(root, "a", root, "gone"), 0);
}

static const struct {
    void (*change)(void);
    const char *text;
} changes[] = {
    {write_it, "other"},       {grow_it, "alpha and more"},
    {replace_it, "brand new"}, {remove_it, "-ENOENT"},
    {rename_it, "-ENOENT"},
};

/* How it is noticed: by an event, by looking, by the time to live. */
static void see_changes(int64_t ttl, bool by_event)
{
    struct mr_file_cache *c = make(4, ttl);

    for (size_t i = 0; i < MR_ARRAY_LEN(changes); i++) {
        CASE("change %zu", i);
        put("a", "alpha", 60);
        if (by_event)
            UNTIL(mr_file_cache_count(c) == 0);
        CHECK_EQ_STR(text_of(c, "a"), "alpha");
        CHECK_EQ_INT(mr_file_cache_count(c), 1);
        changes[i].change();
        if (by_event)
            UNTIL(mr_file_cache_count(c) == 0);
        CHECK_EQ_STR(text_of(c, "a"), changes[i].text);
        (void)!unlinkat(root, "gone", 0);
    }
    end(c);
}

IN_HUB(file_cache_watches)
{
    see_changes(LONG, true);
    return 0;
}

IN_HUB(file_cache_looks_without_inotify)
{
    mr_sys_fault_always(MR_SYS_INOTIFY_INIT, -EMFILE);
    see_changes(LONG, false);
    mr_sys_fault_clear();
    return 0;
}

IN_HUB(file_cache_looks_without_a_watch)
{
    mr_sys_fault_always(MR_SYS_INOTIFY_ADD, -ENOSPC);
    see_changes(LONG, false);
    mr_sys_fault_clear();
    return 0;
}

/* What no event of the file itself tells: after the time to live. */
IN_HUB(file_cache_time_to_live)
{
    struct mr_file_cache *c = make(4, 1);

    CHECK_EQ_STR(text_of(c, "d/x"), "x");
    CHECK_EQ_INT(renameat(root, "d", root, "gone"), 0);
    CHECK_EQ_INT(mr_sleep(mr_after_ms(1)), 0);
    CHECK_EQ_STR(text_of(c, "d/x"), "-ENOENT");
    CHECK_EQ_INT(renameat(root, "gone", root, "d"), 0);
    /* the same file goes on, with its watch */
    CHECK_EQ_STR(text_of(c, "d/x"), "x");
    mr_sys_fault(MR_SYS_INOTIFY_ADD, 0, 0);
    CHECK_EQ_INT(mr_sleep(mr_after_ms(1)), 0);
    CHECK_EQ_STR(text_of(c, "d/x"), "x");
    CHECK_EQ_INT(mr_sys_calls(MR_SYS_INOTIFY_ADD), 0);
    mr_sys_fault_clear();
    end(c);
    return 0;
}

/* Two names, one watch: it goes with the last. */
IN_HUB(file_cache_links)
{
    struct mr_file_cache *c = make(2, LONG);

    CHECK_EQ_INT(linkat(root, "a", root, "new", 0), 0);
    CHECK_EQ_STR(text_of(c, "a"), "alpha");
    CHECK_EQ_STR(text_of(c, "new"), "alpha");
    CHECK_EQ_STR(text_of(c, "b"), "beta"); /* a has to go */
    CHECK_EQ_INT(mr_file_cache_count(c), 2);
    put("a", "other", 30);
    UNTIL(mr_file_cache_count(c) == 1);
    CHECK_EQ_STR(text_of(c, "new"), "other");
    CHECK_EQ_STR(text_of(c, "a"), "other");
    put("a", "again", 20);
    UNTIL(mr_file_cache_count(c) == 0);
    end(c);
    return 0;
}

/* Who has a file keeps it, whatever happens to the name and to the cache. */
IN_HUB(file_cache_out_while_it_changes)
{
    struct mr_file_cache *c = make(1, LONG);
    const struct mr_cached_file *f = NULL;
    struct mr_str text = {0};
    char buf[8];

    CHECK_EQ_INT(mr_file_cache_get(c, "a", &f), 0);
    CHECK_OK(mr_file_cache_content(f, &text));
    replace_it();
    UNTIL(mr_file_cache_count(c) == 0);
    CHECK_EQ_STR(text_of(c, "a"), "brand new");
    CHECK_EQ_STR(text_of(c, "b"), "beta");
    CHECK_EQ_INT(pread(f->fd, buf, sizeof buf, 0), 5);
    CHECK_EQ_MEM(buf, 5, "alpha", 5);
    CHECK_EQ_MEM(text.p, text.n, "alpha", 5);
    mr_file_cache_put(f);
    end(c);
    return 0;
}

/* --- content --- */

static bool has_content(struct mr_file_cache *c, const char *path,
                        const char *want)
{
    const struct mr_cached_file *f = NULL;
    struct mr_str text;
    bool has;

    CHECK_EQ_INT(mr_file_cache_get(c, path, &f), 0);
    has = mr_file_cache_content(f, &text);
    if (has)
        CHECK_EQ_MEM(text.p, text.n, want, strlen(want));
    mr_file_cache_put(f);
    return has;
}

IN_HUB(file_cache_content)
{
    struct mr_file_cache *c = make(4, LONG);

    CHECK_OK(has_content(c, "a", "alpha"));
    mr_sys_fault_always(MR_SYS_PREADV2, -EIO);
    CHECK_OK(has_content(c, "a", "alpha")); /* it is not read again */
    CHECK_OK(!has_content(c, "b", "beta"));
    mr_sys_fault_clear();
    mr_sys_fault_always(MR_SYS_PREADV2, -EAGAIN);
    CHECK_OK(has_content(c, "b", "beta")); /* by a helper */
    mr_sys_fault_clear();
    put("c", "", 60);
    UNTIL(mr_file_cache_count(c) == 2);
    CHECK_OK(!has_content(c, "c", "")); /* nothing to keep */
    put("d/x", "young", 0);
    CHECK_OK(!has_content(c, "d/x", "young")); /* it may change unseen */
    end(c);
    return 0;
}

/* Whatever fails, nothing is lost or kept twice. */
static const struct {
    enum mr_sys_call call;
    unsigned nth;
    int err;
    int want;
} faults[] = {
    {MR_SYS_ALLOC, 1, -ENOMEM, -ENOMEM}, {MR_SYS_FSTAT, 1, -EIO, -EIO},
    {MR_SYS_FSTAT, 2, -EIO, -EIO},       {MR_SYS_OPENAT2, 1, -EACCES, -EACCES},
    {MR_SYS_OPENAT2, 1, -EMFILE, 0}, /* the others are given up for it */
    {MR_SYS_OPENAT2, 1, -ENFILE, 0},
};

IN_HUB(file_cache_faults)
{
    struct mr_file_cache *c = make(4, LONG);

    for (size_t i = 0; i < MR_ARRAY_LEN(faults); i++) {
        const struct mr_cached_file *f = NULL;
        size_t before;
        int rc;

        CASE("fault %zu", i);
        CHECK_EQ_STR(text_of(c, "b"), "beta");
        before = mr_file_cache_count(c);
        mr_sys_fault(faults[i].call, faults[i].nth, faults[i].err);
        rc = mr_file_cache_get(c, "a", &f);
        mr_sys_fault_clear();
        CHECK_EQ_INT(rc, faults[i].want);
        if (rc == 0)
            mr_file_cache_put(f);
        CHECK_EQ_INT(mr_file_cache_count(c), before);
    }
    end(c);
    return 0;
}

TEST(file_cache_refuses)
{
    struct mr_file_cache *c;

    EQ_INT(mr_file_cache_new(&c, -1, MR_LINKS_OFF, 0, 1), -EINVAL);
    EQ_INT(mr_file_cache_new(&c, -1, MR_LINKS_OFF, SIZE_MAX, 1), -EINVAL);
    EQ_INT(mr_file_cache_new(&c, -1, MR_LINKS_OFF, 1, -1), -EINVAL);
    mr_sys_fault(MR_SYS_ALLOC, 1, -ENOMEM);
    EQ_INT(mr_file_cache_new(&c, -1, MR_LINKS_OFF, 1, 1), -ENOMEM);
    mr_sys_fault_clear();
    mr_file_cache_free(NULL);
}

SUITE("file cache", file_cache_keeps, file_cache_kinds, file_cache_watches,
      file_cache_looks_without_inotify, file_cache_looks_without_a_watch,
      file_cache_time_to_live, file_cache_links,
      file_cache_out_while_it_changes, file_cache_content, file_cache_faults,
      file_cache_refuses)
TEST_MAIN()
