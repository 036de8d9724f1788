/* SPDX-License-Identifier: MIT */
/* test_cookie_file.c - cookies.txt read and written; the dates of cookies. */
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/sys.h"
#include "http/cookie_jar.h"
#include "http/date.h"

#define NOW INT64_C(1700000000)

/* A directory of this test's own; each test is a process. */
static char dir[64];

static const char *in_dir(const char *name)
{
    static char path[128];

    if (!dir[0]) {
        snprintf(dir, sizeof dir, "/tmp/test_cookie_file.XXXXXX");
        MR_BUG_ON(!mkdtemp(dir));
    }
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void leave_dir(void)
{
    if (rmdir(dir) != 0) /* it should be empty by now */
        CHECK_FAIL("%s is not empty", dir);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    MR_BUG_ON(!f);
    fputs(text, f);
    fclose(f);
}

static void check_file(const char *path, const char *want)
{
    static char text[8192];
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;

    text[n] = '\0';
    if (f)
        fclose(f);
    CHECK_EQ_STR(text, want);
}

static void set(struct mr_cookie_jar *jar, const char *url, const char *cookie)
{
    struct mr_arena a;
    struct mr_uri u;

    mr_arena_init(&a, 256);
    CHECK_EQ_INT(mr_uri_parse(&a, mr_str(url), &u, NULL), 0);
    CHECK_EQ_INT(mr_cookie_jar_set(jar, &u, mr_str(cookie), NOW), 0);
    mr_arena_fini(&a);
}

static void check(struct mr_cookie_jar *jar, const char *url, const char *want)
{
    struct mr_arena a;
    struct mr_str got;
    struct mr_uri u;

    mr_arena_init(&a, 256);
    CHECK_EQ_INT(mr_uri_parse(&a, mr_str(url), &u, NULL), 0);
    CHECK_EQ_INT(mr_cookie_jar_get(jar, &u, NOW, &a, &got), 0);
    CHECK_EQ_MEM(got.p, got.n, want, strlen(want));
    mr_arena_fini(&a);
}

/* --- writing --- */

#define HEAD                        \
    "# Netscape HTTP Cookie File\n" \
    "# Written by Millrace. Whoever reads this can log in with it.\n\n"

#define SAVED                                            \
    "a.com\tFALSE\t/\tFALSE\t0\ts\tv\n"                  \
    ".a.com\tTRUE\t/x\tFALSE\t1700000060\td\tv w\n"      \
    "#HttpOnly_a.com\tFALSE\t/\tTRUE\t1700000060\th\t\n" \
    "a.com\tFALSE\t/\tFALSE\t0\t\tnameless\n"            \
    "1.2.3.4\tFALSE\t/\tFALSE\t0\ta\tb\n"

TEST(file_save_and_load)
{
    struct mr_cookie_jar *jar, *again;
    unsigned skipped = 7;
    const char *path = in_dir("c");
    struct stat st;

    EQ_INT(mr_cookie_jar_new(&jar), 0);
    set(jar, "http://a.com/", "s=v");
    set(jar, "http://a.com/", "d=v w; Domain=a.com; Path=/x; Max-Age=60");
    set(jar, "https://a.com/", "h=; HttpOnly; Secure; Max-Age=60");
    set(jar, "http://a.com/", "nameless");
    set(jar, "http://1.2.3.4/", "a=b");
    set(jar, "http://a.com/", "e=v; Max-Age=1");
    EQ_INT(mr_cookie_jar_save(jar, path, NOW + 1), 0);
    check_file(path, HEAD SAVED);
    EQ_INT(stat(path, &st), 0);
    EQ_INT(st.st_mode & 07777, 0600);
    /* again, over it, and though it was open to all */
    EQ_INT(chmod(path, 0644), 0);
    EQ_INT(mr_cookie_jar_save(jar, path, NOW + 1), 0);
    EQ_INT(stat(path, &st), 0);
    EQ_INT(st.st_mode & 07777, 0600);

    EQ_INT(mr_cookie_jar_new(&again), 0);
    EQ_INT(mr_cookie_jar_load(again, path, NOW, &skipped), 0);
    EQ_INT(skipped, 0);
    EQ_INT(mr_cookie_jar_count(again), 5);
    check(again, "http://a.com/x", "d=v w; s=v; nameless");
    check(again, "https://a.com/", "s=v; h=; nameless");
    check(again, "http://b.a.com/x", "d=v w");
    check(again, "http://1.2.3.4/", "a=b");
    EQ_INT(mr_cookie_jar_save(again, path, NOW), 0);
    check_file(path, HEAD SAVED);
    mr_cookie_jar_free(jar);
    mr_cookie_jar_free(again);
    EQ_INT(unlink(path), 0);
    leave_dir();
}

/* Whatever fails, the old file stays, and nothing lies beside it. */
TEST(file_save_fails)
{
    static const struct {
        enum mr_sys_call call;
        int err;
    } faults[] = {
        {MR_SYS_OPENAT, -EACCES}, {MR_SYS_WRITE, -ENOSPC},
        {MR_SYS_CLOSE, -EDQUOT},  {MR_SYS_RENAME, -EIO},
        {MR_SYS_ALLOC, -ENOMEM},
    };
    const char *path = in_dir("c");
    struct mr_cookie_jar *jar;

    EQ_INT(mr_cookie_jar_new(&jar), 0);
    set(jar, "http://a.com/", "s=v");
    write_file(path, "old\n");
    for (size_t i = 0; i < MR_ARRAY_LEN(faults); i++) {
        CASE("%zu", i);
        mr_sys_fault(faults[i].call, 1, faults[i].err);
        EQ_INT(mr_cookie_jar_save(jar, path, NOW), faults[i].err);
        mr_sys_fault_clear();
        check_file(path, "old\n");
    }
    EQ_INT(unlink(path), 0);
    leave_dir();
    EQ_INT(mr_cookie_jar_save(jar, path, NOW), -ENOENT);
    EQ_INT(mr_cookie_jar_save(jar, "/tmp", NOW), -EISDIR);
    EQ_INT(mr_cookie_jar_save(jar, "/dev/null", NOW), 0); /* stays what it is */
    OK(access("/dev/null", W_OK) == 0);
    mr_cookie_jar_free(jar);
}

/* What is a link stays one: it is written through, and nothing old is left. */
TEST(file_save_link)
{
    const char *path = in_dir("c");
    char target[160];
    struct mr_cookie_jar *jar;
    struct stat st;

    EQ_INT(mr_cookie_jar_new(&jar), 0);
    snprintf(target, sizeof target, "%s.target", path);
    write_file(target, "much that is old, and longer than what comes; "
                       "much that is old, and longer than what comes; "
                       "much that is old, and longer than what comes\n");
    EQ_INT(symlink(target, path), 0);
    EQ_INT(mr_cookie_jar_save(jar, path, NOW), 0);
    EQ_INT(lstat(path, &st), 0);
    OK(S_ISLNK(st.st_mode));
    EQ_INT(stat(target, &st), 0);
    OK(st.st_size < 100);
    EQ_INT(unlink(path), 0);
    EQ_INT(unlink(target), 0);
    leave_dir();
    mr_cookie_jar_free(jar);
}

/* A name that somebody put there before is not written through. */
TEST(file_save_beside)
{
    const char *path = in_dir("c");
    char squatter[160], target[160];
    struct mr_cookie_jar *jar;

    snprintf(squatter, sizeof squatter, "%s.tmp-%d-0", path, (int)getpid());
    snprintf(target, sizeof target, "%s.target", path);
    EQ_INT(symlink(target, squatter), 0);
    EQ_INT(mr_cookie_jar_new(&jar), 0);
    EQ_INT(mr_cookie_jar_save(jar, path, NOW), 0);
    check_file(path, HEAD);
    OK(access(target, F_OK) != 0);
    mr_cookie_jar_free(jar);
    EQ_INT(unlink(squatter), 0);
    EQ_INT(unlink(path), 0);
    leave_dir();
}

/* --- reading --- */

static const struct {
    const char *line;
    bool taken;
    const char *want; /* by https://b.a.com/x */
} lines[] = {
    {"a.com\tTRUE\t/\tFALSE\t0\tn\tv", true, "n=v"},
    {".a.com\tTRUE\t/\tFALSE\t1700000001\tn\tv", true, "n=v"},
    {".A.Com\ttrue\t/\tfalse\t0\tn\tv", true, "n=v"},
    {"a.com\tTRUE\t/\tTRUE\t0\tn\tv\r", true, "n=v"},
    {"#HttpOnly_.a.com\tTRUE\t/x\tFALSE\t0\tn\tv", true, "n=v"},
    {"b.a.com\tFALSE\t/\tFALSE\t0\tn\tv=w; x", true, "n=v=w; x"},
    {"a.com\tTRUE\t/\tFALSE\t0\tn\t", true, "n="},
    {"a.com\tTRUE\t/\tFALSE\t0\tn", true, "n="},
    {"a.com\tTRUE\t/\tFALSE\t0\t\tv", true, "v"},
    {"a.com\tFALSE\t/\tFALSE\t0\tn\tv", true, ""},
    {"a.com\tTRUE\t/y\tFALSE\t0\tn\tv", true, ""},
    {"a.com\tTRUE\t/\tFALSE\t1700000000\tn\tv", false, ""}, /* expired */
    {"com\tTRUE\t/\tFALSE\t0\tn\tv", false, ""},
    {".co.uk\tTRUE\t/\tFALSE\t0\tn\tv", false, ""},
    {"1.2.3.4\tTRUE\t/\tFALSE\t0\tn\tv", true, ""},
    {"a.com\tTRUE\t/\tFALSE\t0\t\t", false, ""},
    {"a.com\tTRUE\t/\tFALSE\t0", false, ""},
    {"a.com\tTRUE\t/\tFALSE\t0\tn\tv\tw", false, ""},
    {"a.com TRUE / FALSE 0 n v", false, ""},
    {"a.com\tyes\t/\tFALSE\t0\tn\tv", false, ""},
    {"a.com\tTRUE\tx\tFALSE\t0\tn\tv", false, ""},
    {"a.com\tTRUE\t/\t\t0\tn\tv", false, ""},
    {"a.com\tTRUE\t/\tFALSE\t-1\tn\tv", false, ""},
    {"a.com\tTRUE\t/\tFALSE\tx\tn\tv", false, ""},
    {"a.com\tTRUE\t/\tFALSE\t99999999999999999999\tn\tv", false, ""},
    {"\tTRUE\t/\tFALSE\t0\tn\tv", false, ""},
    {"a\x01.com\tTRUE\t/\tFALSE\t0\tn\tv", false, ""},
    {"a.com\tTRUE\t/\tFALSE\t0\tn\tv\x02", false, ""},
    {"a.com\tTRUE\t/\tFALSE\t0\t__Secure-n\tv", false, ""},
    {"a.com\tTRUE\t/\tTRUE\t0\t__Host-n\tv", false, ""},
    {"b.a.com\tFALSE\t/\tTRUE\t0\t__Host-n\tv", true, "__Host-n=v"},
    {"x", false, ""},
};

TEST(file_lines)
{
    const char *path = in_dir("c");

    for (size_t i = 0; i < MR_ARRAY_LEN(lines); i++) {
        struct mr_cookie_jar *jar;
        unsigned skipped = 7;
        char text[256];

        CASE("%s", lines[i].line);
        EQ_INT(mr_cookie_jar_new(&jar), 0);
        snprintf(text, sizeof text, "# a remark\n\n#\n%s\n#end", lines[i].line);
        write_file(path, text);
        EQ_INT(mr_cookie_jar_load(jar, path, NOW, &skipped), 0);
        EQ_INT(mr_cookie_jar_count(jar), lines[i].taken);
        EQ_INT(skipped, !lines[i].taken);
        check(jar, "https://b.a.com/x", lines[i].want);
        mr_cookie_jar_free(jar);
    }
    EQ_INT(unlink(path), 0);
    leave_dir();
}

TEST(file_load_fails)
{
    const char *path = in_dir("c");
    struct mr_cookie_jar *jar;
    unsigned skipped = 7;

    EQ_INT(mr_cookie_jar_new(&jar), 0);
    EQ_INT(mr_cookie_jar_load(jar, path, NOW, &skipped), -ENOENT);
    EQ_INT(skipped, 0);
    EQ_INT(mr_cookie_jar_load(jar, "/tmp", NOW, NULL), -EISDIR);
    EQ_INT(mr_cookie_jar_load(jar, "/dev/zero", NOW, NULL), -EFBIG);
    write_file(path, SAVED);
    mr_sys_fault(MR_SYS_ALLOC, 3, -ENOMEM); /* in the middle of it */
    EQ_INT(mr_cookie_jar_load(jar, path, NOW, NULL), -ENOMEM);
    mr_sys_fault_clear();
    EQ_INT(mr_cookie_jar_load(jar, path, NOW, NULL), 0);
    EQ_INT(mr_cookie_jar_count(jar), 5);
    write_file(path, "");
    EQ_INT(mr_cookie_jar_load(jar, path, NOW, NULL), 0);
    mr_cookie_jar_free(jar);
    EQ_INT(unlink(path), 0);
    leave_dir();
}

/* --- dates --- */

static const struct {
    const char *text;
    const char *want; /* as an IMF-fixdate; NULL: none */
} dates[] = {
    {"Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT"},
    {"Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT"},
    {"Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:37 GMT"},
    {"6 nov 94 8:9:7", "Sun, 06 Nov 1994 08:09:07 GMT"},
    {"08:49:37 1994 NOVEMBER 6", "Sun, 06 Nov 1994 08:49:37 GMT"},
    {"08:49:37 6 NOVEMBER 1994 +0200", "Sun, 06 Nov 1994 08:49:37 GMT"},
    {"1994-Nov-06T08:49:37Z", NULL},
    {"06 Nov 1994 08:49:37.5", "Sun, 06 Nov 1994 08:49:37 GMT"},
    {"06th Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 GMT"},
    {"06 Nov 1994AD 08:49:37x", "Sun, 06 Nov 1994 08:49:37 GMT"},
    {"Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"},
    {"01 Jan 70 00:00:00", "Thu, 01 Jan 1970 00:00:00 GMT"},
    {"01 Jan 69 00:00:00", "Tue, 01 Jan 2069 00:00:00 GMT"},
    {"01 Jan 00 00:00:00", "Sat, 01 Jan 2000 00:00:00 GMT"},
    {"31 Dec 9999 23:59:59", "Fri, 31 Dec 9999 23:59:59 GMT"},
    {"01 Jan 1601 00:00:00", "Mon, 01 Jan 1601 00:00:00 GMT"},
    {"01 Jan 1600 00:00:00", NULL},
    {"01 Jan 100 00:00:00", NULL},
    {"01 Jan 12345 00:00:00", NULL},
    {"29 Feb 2000 00:00:00", "Tue, 29 Feb 2000 00:00:00 GMT"},
    {"29 Feb 2024 00:00:00", "Thu, 29 Feb 2024 00:00:00 GMT"},
    {"29 Feb 2023 00:00:00", NULL},
    {"29 Feb 1900 00:00:00", NULL},
    {"31 Apr 2023 00:00:00", NULL},
    {"32 Jan 2023 00:00:00", NULL},
    {"0 Jan 2023 00:00:00", NULL},
    {"01 Jan 2023 24:00:00", NULL},
    {"01 Jan 2023 00:60:00", NULL},
    {"01 Jan 2023 00:00:60", NULL},
    {"01 Jan 2023 00:00", NULL},
    {"01 Jan 2023 000:00:00", NULL},
    {"01 Jan 2023", NULL},
    {"Jan 2023 00:00:00", NULL},
    {"01 2023 00:00:00", NULL},
    {"01 Jan 00:00:00", NULL},
    {"01 Jax 2023 00:00:00", NULL},
    {"Sun, 06 Nov 1994 08:49:37 GMT 07 Dec 1995 09:50:38",
     "Sun, 06 Nov 1994 08:49:37 GMT"}, /* the first of each */
    {"", NULL},
    {"\x80", NULL},
    {"never", NULL},
};

TEST(cookie_dates)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(dates); i++) {
        size_t n = strlen(dates[i].text);
        char *text = test_at_page_end(dates[i].text, n);
        char got[MR_DATE_LEN];
        int64_t t = -7;

        CASE("%s", dates[i].text);
        EQ_INT(mr_cookie_date(mr_str_n(text, n), &t),
               dates[i].want ? 0 : -EINVAL);
        test_page_free(text, n);
        if (!dates[i].want)
            continue;
        mr_date_format(got, t);
        EQ_MEM(got, sizeof got, dates[i].want, MR_DATE_LEN);
    }
}

/* Each day of some centuries, by the other reader of dates. */
TEST(cookie_date_days)
{
    for (int64_t t = MR_DATE_MIN; t < INT64_C(16725225600);
         t += 86400 * 13 + 3661) {
        char text[MR_DATE_LEN];
        int64_t got;

        mr_date_format(text, t);
        CASE("%.*s", MR_DATE_LEN, text);
        EQ_INT(mr_cookie_date(mr_str_n(text, sizeof text), &got), 0);
        EQ_INT(got, t);
    }
}

SUITE("files", file_save_and_load, file_save_fails, file_save_link,
      file_save_beside, file_lines, file_load_fails)
SUITE("dates", cookie_dates, cookie_date_days)
TEST_MAIN()
