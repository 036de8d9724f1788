/* SPDX-License-Identifier: MIT */

/*
 * static.c - files below a root (http/static.h).
 *
 *   serve -> open -+-> directory -> redirect | index -> file | listing | 403
 *                  '-> file -> 304 | 412 | 416 | body    (static_file.c)
 *
 * The path comes decoded and without dot segments; that nothing leaves the root
 * all the same is the kernel's word (openat2, RESOLVE_BENEATH), not ours.
 */
#include "http/static.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "core/buf.h"
#include "core/sys.h"
#include "http/listing.h"
#include "http/mime.h"
#include "http/static_priv.h"
#include "http/url.h"
#include "io/fd.h"
#include "io/file.h"

#define MAX_ENTRIES 10000
/* Debian's list of all types there are has 72 KiB. */
#define MIME_TYPES_MAX ((size_t)1024 * 1024)

static const char *keep(struct mr_static *s, const char *z,
                        const char *otherwise)
{
    return mr_arena_dup(&s->strings, mr_str(z ? z : otherwise));
}

/* --- a root --- */

static int add_types(struct mr_mime *m, const char *path, unsigned *ret_line)
{
    int fd = mr_sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOCTTY, 0);
    struct mr_buf text;
    unsigned line = 0;
    int err;

    if (fd < 0)
        return fd;
    mr_buf_init(&text);
    err = mr_buf_read_fd(&text, fd, MIME_TYPES_MAX);
    mr_sys_close(fd);
    if (!err && text.len > MIME_TYPES_MAX)
        err = -EFBIG;
    if (!err && mr_mime_parse(m, mr_buf_view(&text), &line))
        err = line > 0 ? -EBADMSG : -ENOMEM;
    if (err == -EBADMSG && ret_line)
        *ret_line = line;
    mr_buf_fini(&text);
    return err;
}

static int own_types(struct mr_static *s, const struct mr_static_options *o)
{
    int err = mr_mime_new(&s->own_mime);

    if (err)
        return err;
    s->mime = s->own_mime;
    if (!o->mime_types || !*o->mime_types)
        return 0;
    return add_types(s->own_mime, o->mime_types, o->ret_line);
}

int mr_static_open(struct mr_static **ret, const struct mr_static_options *o)
{
    struct mr_static *s = mr_calloc(1, sizeof *s);
    int err = 0;

    if (!s)
        return -ENOMEM;
    s->root = -1;
    mr_arena_init(&s->strings, 512);
    s->index = keep(s, o->index, "index.html");
    s->cache_control = keep(s, o->cache_control, "");
    s->listing = o->listing;
    s->max_entries = o->max_entries ? o->max_entries : MAX_ENTRIES;
    s->mime = o->mime;
    if (!s->index || !s->cache_control)
        err = -ENOMEM;
    if (!err && !o->mime)
        err = own_types(s, o);
    if (!err) {
        err = mr_sys_openat(AT_FDCWD, o->root, O_PATH | O_DIRECTORY | O_CLOEXEC,
                            0);
        s->root = err;
    }
    if (err < 0) {
        mr_static_close(s);
        return err;
    }
    *ret = s;
    return 0;
}

void mr_static_close(struct mr_static *s)
{
    if (!s)
        return;
    if (s->root >= 0)
        mr_sys_close(s->root);
    mr_mime_free(s->own_mime);
    mr_arena_fini(&s->strings);
    mr_free(s);
}

/* --- directories --- */

static int redirect_to_slash(struct mr_request *req, struct mr_response *res)
{
    struct mr_str path, query = mr_request_query_text(req);
    char *location;

    if (mr_url_encode_path(mr_request_arena(req), mr_request_path(req), &path))
        return -ENOMEM;
    location = mr_arena_printf(mr_request_arena(req), "%.*s/%s%.*s",
                               MR_STR(path), query.p ? "?" : "", MR_STR(query));
    if (!location)
        return -ENOMEM;
    return mr_reply_redirect(res, MR_STATUS_MOVED_PERMANENTLY,
                             mr_str(location));
}

static int status_for(int err)
{
    switch (err) {
    case -ENOENT:
    case -ENOTDIR:
    case -ENAMETOOLONG:
    case -ELOOP:
    case -EXDEV:
    case -ENXIO: /* a socket, a FIFO nobody writes */
        return MR_STATUS_NOT_FOUND;
    case -EACCES:
    case -EPERM:
        return MR_STATUS_FORBIDDEN;
    default:
        return 0;
    }
}

static int serve_listing(const struct mr_static *s, struct mr_request *req,
                         struct mr_response *res, int dir)
{
    MR_AUTO(dir) list = NULL;
    int fd, err;

    if (!s->listing)
        return mr_reply_status(res, MR_STATUS_FORBIDDEN);
    err = mr_file_open_beneath(dir, ".", O_RDONLY | O_DIRECTORY, &fd);
    if (!err) {
        err = mr_dir_read(fd, s->max_entries, &list);
        mr_fd_close(fd);
    }
    if (err)
        return status_for(err) ? mr_reply_status(res, status_for(err)) : err;
    return mr_listing_reply(res, mr_request_arena(req), mr_request_path(req),
                            list);
}

static int serve_directory(const struct mr_static *s, struct mr_request *req,
                           struct mr_response *res, int dir)
{
    struct mr_str path = mr_request_path(req);
    struct stat st;
    int fd, err;

    if (path.p[path.n - 1] != '/')
        return redirect_to_slash(req, res);
    err = *s->index ? mr_file_open_beneath(dir, s->index, O_RDONLY, &fd)
                    : -ENOENT;
    if (err == -ENOENT)
        return serve_listing(s, req, res, dir);
    if (err)
        return status_for(err) ? mr_reply_status(res, status_for(err)) : err;
    err = mr_file_stat(fd, &st);
    if (!err)
        err = S_ISREG(st.st_mode)
                  ? mr_static_send(s, req, res, fd, &st, mr_str(s->index))
                  : mr_reply_status(res, MR_STATUS_NOT_FOUND);
    mr_fd_close(fd);
    return err;
}

/* --- one request --- */

/* Relative to the root, NUL-terminated. 0, -ENOENT for what shall not be found,
 * -ENOMEM. */
static int relative(struct mr_request *req, struct mr_str *ret_name,
                    const char **ret_path)
{
    struct mr_str rest = mr_request_rest(req), part, walk;

    while (rest.n > 0 && rest.p[0] == '/')
        rest = mr_str_n(rest.p + 1, rest.n - 1);
    *ret_name = rest;
    walk = rest;
    while (mr_str_split(&walk, '/', &part)) {
        if (part.n > 0 && part.p[0] == '.')
            return -ENOENT; /* .git, .htpasswd; "." and ".." are gone by now */
    }
    *ret_path = rest.n == 0 ? "." : mr_arena_dup(mr_request_arena(req), rest);
    return *ret_path ? 0 : -ENOMEM;
}

static int serve_open(const struct mr_static *s, struct mr_request *req,
                      struct mr_response *res, int fd, struct mr_str name)
{
    struct stat st;
    int err = mr_file_stat(fd, &st);

    if (err)
        return err;
    if (S_ISDIR(st.st_mode))
        return serve_directory(s, req, res, fd);
    if (!S_ISREG(st.st_mode) || name.p[name.n - 1] == '/')
        return mr_reply_status(res, MR_STATUS_NOT_FOUND);
    return mr_static_send(s, req, res, fd, &st, name);
}

int mr_static_serve(struct mr_static *s, struct mr_request *req,
                    struct mr_response *res)
{
    struct mr_str name;
    const char *path;
    int fd, err;

    if (mr_request_method(req) != MR_METHOD_GET &&
        mr_request_method(req) != MR_METHOD_HEAD) {
        err = mr_response_header(res, "Allow", "GET, HEAD");
        return err ? err : mr_reply_status(res, MR_STATUS_METHOD_NOT_ALLOWED);
    }
    err = relative(req, &name, &path);
    if (!err)
        err = mr_file_open_beneath(s->root, path, O_RDONLY, &fd);
    if (err)
        return status_for(err) ? mr_reply_status(res, status_for(err)) : err;
    err = serve_open(s, req, res, fd, name);
    mr_fd_close(fd);
    return err;
}
