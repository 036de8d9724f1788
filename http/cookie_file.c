/* SPDX-License-Identifier: MIT */

/*
 * cookie_file.c - cookies.txt, the form that Netscape's browser began with and
 * that curl, wget and others share (http/cookie_jar.h).
 *
 * A line is
 *     domain TAB all TAB path TAB secure TAB expires TAB name TAB value
 * `all` and `secure` are TRUE or FALSE; all: hosts below the domain too, which
 * then may have a dot in front; expires 0: with the session. Lines that begin
 * with '#' are remarks, but for "#HttpOnly_" before the domain.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "core/buf.h"
#include "core/sys.h"
#include "http/cookie_jar_priv.h"

/* All that a jar may have, twice. */
#define FILE_MAX ((size_t)16 * 1024 * 1024)
/* Names that are tried for the new file. */
enum { TRIES = 100 };

#define HTTP_ONLY "#HttpOnly_"

/* --- reading --- */

static bool is_clean(struct mr_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return false;
    return true;
}

static bool is_address(const char *z)
{
    struct in6_addr a;

    return inet_pton(AF_INET, z, &a) == 1 || inet_pton(AF_INET6, z, &a) == 1;
}

/* A host's name or address, in lower case into room. */
static bool read_domain(struct mr_str s, char room[MR_URI_HOST_MAX + 1],
                        struct mr_cookie_said *c)
{
    if (mr_str_starts(s, "."))
        s = mr_str_n(s.p + 1, s.n - 1);
    if (s.n == 0 || s.n > MR_URI_HOST_MAX)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char u = (unsigned char)s.p[i];

        if (u <= ' ' || u >= 0x7f)
            return false;
        room[i] = (char)(u >= 'A' && u <= 'Z' ? u | 0x20 : u);
    }
    room[s.n] = '\0';
    c->domain = mr_str_n(room, s.n);
    if (is_address(room))
        c->host_only = true;
    return true;
}

static bool read_flag(struct mr_str s, bool *ret)
{
    *ret = mr_str_is_case(s, "true");
    return *ret || mr_str_is_case(s, "false");
}

static bool read_line(struct mr_str line, char room[MR_URI_HOST_MAX + 1],
                      struct mr_cookie_said *c)
{
    struct mr_str parts[7] = {{0}};
    uint64_t expires;
    size_t n = 0;
    bool all;

    *c = (struct mr_cookie_said){0};
    if (mr_str_starts(line, HTTP_ONLY)) {
        line = mr_str_n(line.p + strlen(HTTP_ONLY), line.n - strlen(HTTP_ONLY));
        c->http_only = true;
    }
    while (n < MR_ARRAY_LEN(parts) && mr_str_split(&line, '\t', &parts[n]))
        n++;
    if (n < 6 || line.p) /* without a value: some write none */
        return false;
    if (!read_flag(parts[1], &all) || !read_flag(parts[3], &c->secure))
        return false;
    c->host_only = !all;
    c->path = parts[2];
    c->name = parts[5];
    c->value = n == 7 ? parts[6] : mr_str("");
    if (!read_domain(parts[0], room, c) || !mr_str_starts(c->path, "/") ||
        mr_str_to_u64(parts[4], INT64_MAX, &expires))
        return false;
    c->expires = expires ? (int64_t)expires : MR_COOKIE_SESSION;
    return c->path.n <= MR_COOKIE_ATTRIBUTE_MAX && is_clean(c->path) &&
           c->name.n + c->value.n > 0 &&
           c->name.n + c->value.n <= MR_COOKIE_PAIR_MAX && is_clean(c->name) &&
           is_clean(c->value);
}

static int load(struct mr_cookie_jar *jar, struct mr_str text, int64_t now,
                unsigned *skipped)
{
    struct mr_str line;

    while (mr_str_split(&text, '\n', &line)) {
        char room[MR_URI_HOST_MAX + 1];
        struct mr_cookie_said c;
        int err;

        if (mr_str_ends(line, "\r"))
            line.n--;
        if (line.n == 0 ||
            (line.p[0] == '#' && !mr_str_starts(line, HTTP_ONLY)))
            continue;
        if (!read_line(line, room, &c) || c.expires <= now ||
            !mr_cookie_keeps_promise(&c) ||
            (!c.host_only && mr_cookie_is_public(jar, c.domain))) {
            ++*skipped;
            continue;
        }
        err = mr_cookie_jar_put(jar, &c, now);
        if (err)
            return err;
    }
    return 0;
}

int mr_cookie_jar_load(struct mr_cookie_jar *jar, const char *path, int64_t now,
                       unsigned *ret_skipped)
{
    int fd = mr_sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOCTTY, 0);
    unsigned skipped = 0;
    struct mr_buf b;
    int err;

    if (ret_skipped)
        *ret_skipped = 0;
    if (fd < 0)
        return fd;
    mr_buf_init(&b);
    err = mr_buf_read_fd(&b, fd, FILE_MAX);
    mr_sys_close(fd);
    if (!err && b.len > FILE_MAX)
        err = -EFBIG;
    if (!err)
        err = load(jar, mr_buf_view(&b), now, &skipped);
    mr_buf_fini(&b);
    if (ret_skipped)
        *ret_skipped = skipped;
    return err;
}

/* --- writing --- */

static int put_cookie(struct mr_buf *b, const struct mr_cookie_said *c)
{
    return mr_buf_printf(b, "%s%s%.*s\t%s\t%.*s\t%s\t%jd\t%.*s\t%.*s\n",
                         c->http_only ? HTTP_ONLY : "", c->host_only ? "" : ".",
                         MR_STR(c->domain), c->host_only ? "FALSE" : "TRUE",
                         MR_STR(c->path), c->secure ? "TRUE" : "FALSE",
                         c->expires == MR_COOKIE_SESSION ? (intmax_t)0
                                                         : (intmax_t)c->expires,
                         MR_STR(c->name), MR_STR(c->value));
}

static int put_all(struct mr_buf *b, const struct mr_cookie_jar *jar,
                   int64_t now)
{
    size_t n;
    const struct mr_cookie_kept **all = mr_cookie_jar_all(jar, &n);
    int err = all ? 0 : -ENOMEM;

    /* some readers look for the first line */
    if (!err)
        err =
            mr_buf_append_z(b, "# Netscape HTTP Cookie File\n"
                               "# Written by Millrace. Whoever reads this can "
                               "log in with it.\n\n");
    for (size_t i = 0; i < n && !err; i++)
        if (all[i]->c.expires > now)
            err = put_cookie(b, &all[i]->c);
    mr_free(all);
    return err;
}

static int write_all(int fd, struct mr_str s)
{
    while (s.n > 0) {
        ssize_t n = mr_sys_write(fd, s.p, s.n);

        if (n < 0)
            return (int)n;
        s = mr_str_n(s.p + n, s.n - (size_t)n);
    }
    return 0;
}

static int write_and_close(int fd, struct mr_str s)
{
    int err = write_all(fd, s);
    int closed = mr_sys_close(fd); /* where NFS tells of a full disk */

    return err ? err : closed;
}

/* Beside path, and then in its place. name has room for path and 32 bytes. */
static int replace(const char *path, char *name, size_t size, struct mr_str s)
{
    int fd = -EEXIST, err;

    for (int i = 0; i < TRIES && fd == -EEXIST; i++) {
        snprintf(name, size, "%s.tmp-%d-%d", path, (int)mr_sys_getpid(), i);
        fd = mr_sys_openat(AT_FDCWD, name,
                           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                           0600);
    }
    if (fd < 0)
        return fd;
    err = write_and_close(fd, s);
    if (!err)
        err = mr_sys_rename(name, path);
    if (err)
        (void)!mr_sys_unlink(name); /* the first error is told */
    return err;
}

static int save(const char *path, struct mr_str s)
{
    size_t size = strlen(path) + 32;
    struct stat st;
    char *name;
    int err = mr_sys_fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW), fd;

    if (!err && S_ISDIR(st.st_mode))
        return -EISDIR;
    if (!err && !S_ISREG(st.st_mode)) {
        /* A link too: it may be /dev/stdout's. */
        fd = mr_sys_openat(AT_FDCWD, path,
                           O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY,
                           0600);
        return fd < 0 ? fd : write_and_close(fd, s);
    }
    name = mr_alloc(size);
    if (!name)
        return -ENOMEM;
    err = replace(path, name, size, s);
    mr_free(name);
    return err;
}

int mr_cookie_jar_save(const struct mr_cookie_jar *jar, const char *path,
                       int64_t now)
{
    struct mr_buf b;
    int err;

    mr_buf_init(&b);
    err = put_all(&b, jar, now);
    if (!err)
        err = save(path, mr_buf_view(&b));
    mr_buf_fini(&b);
    return err;
}
