/* SPDX-License-Identifier: MIT */

/*
 * static.c - files below a root (http/static.h).
 *
 *   serve -> find -+-> directory -> redirect | listing | 403
 *                  |-> nothing   -> fallback, a file | 404
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
#include "http/negotiate.h"
#include "http/static_priv.h"
#include "http/url.h"
#include "io/disk.h"
#include "io/fd.h"
#include "io/file.h"

#define MAX_ENTRIES 10000
/* Debian's list of all types there are has 72 KiB. */
#define MIME_TYPES_MAX ((size_t)1024 * 1024)

/* What a file says by itself, or the connection does. */
static const char *const not_settable[] = {
    "accept-ranges",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "date",
    "etag",
    "last-modified",
    "transfer-encoding",
    "upgrade",
};

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
    int err =
        mr_mime_new_charset(&s->own_mime, o->charset ? o->charset : "utf-8");

    if (err)
        return err;
    s->mime = s->own_mime;
    if (!o->mime_types || !*o->mime_types)
        return 0;
    return add_types(s->own_mime, o->mime_types, o->ret_line);
}

static bool split_header(const char *line, struct mr_field *ret)
{
    struct mr_str rest = mr_str(line), name;

    if (mr_str_find(rest, ':') < 0)
        return false;
    (void)mr_str_split(&rest, ':', &name);
    *ret = (struct mr_field){name, mr_str_trim(rest)};
    return true;
}

bool mr_static_header_is_valid(const char *line)
{
    struct mr_field f;

    if (!split_header(line, &f) || !mr_token_is_valid(f.name) ||
        !mr_field_value_is_valid(f.value))
        return false;
    for (size_t i = 0; i < MR_ARRAY_LEN(not_settable); i++) {
        if (mr_str_is_case(f.name, not_settable[i]))
            return false;
    }
    return true;
}

static int keep_headers(struct mr_static *s, const struct mr_static_options *o)
{
    struct mr_field *room =
        mr_arena_alloc(&s->strings, o->header_n * sizeof *room);

    if (!room)
        return -ENOMEM;
    if (o->header_n > MR_STATIC_HEADERS_MAX)
        return -EINVAL;
    mr_headers_init(&s->headers, room, (uint32_t)o->header_n);
    for (size_t i = 0; i < o->header_n; i++) {
        const char *line = keep(s, o->headers[i], "");

        if (!line)
            return -ENOMEM;
        if (!mr_static_header_is_valid(line))
            return -EINVAL;
        (void)split_header(line, &room[s->headers.n++]);
    }
    return 0;
}

static int keep_strings(struct mr_static *s, const struct mr_static_options *o)
{
    int err;

    s->index = keep(s, o->index, "index.html");
    s->cache_control = keep(s, o->cache_control, "");
    if (!s->index || !s->cache_control)
        return -ENOMEM;
    err = mr_static_keep_fallbacks(s, o);
    return err ? err : keep_headers(s, o);
}

int mr_static_open(struct mr_static **ret, const struct mr_static_options *o)
{
    struct mr_static *s = mr_calloc(1, sizeof *s);
    int err;

    if (!s)
        return -ENOMEM;
    s->root = -1;
    mr_arena_init(&s->strings, 512);
    err = keep_strings(s, o);
    s->links = o->links;
    s->hidden = o->hidden;
    s->precompressed = o->precompressed;
    s->listing = o->listing;
    s->max_entries = o->max_entries ? o->max_entries : MAX_ENTRIES;
    s->mime = o->mime;
    if (!err && !o->mime)
        err = own_types(s, o);
    if (!err) {
        err = mr_sys_openat(AT_FDCWD, o->root, O_PATH | O_DIRECTORY | O_CLOEXEC,
                            0);
        s->root = err;
    }
    if (err >= 0 && o->cache_files > 0)
        err = mr_file_cache_new(&s->cache, s->root, s->links, o->cache_files,
                                o->cache_time);
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
    mr_file_cache_free(s->cache);
    if (s->root >= 0)
        mr_sys_close(s->root);
    mr_mime_free(s->own_mime);
    mr_arena_fini(&s->strings);
    mr_free(s);
}

/* --- what is there --- */

int mr_static_look(const struct mr_static *s, const char *path,
                   struct mr_static_found *ret)
{
    int err;

    ret->path = path;
    ret->kept = NULL;
    if (s->cache) {
        err = mr_file_cache_get(s->cache, path, &ret->kept);
        if (err)
            return err;
        ret->fd = ret->kept->fd;
        ret->st = ret->kept->st;
        if (ret->st.st_size > (off_t)MR_FILE_CACHE_SMALL)
            mr_disk_keep(ret->fd);
    } else {
        err = mr_file_open_links(s->root, path, O_RDONLY, s->links, &ret->fd);
        if (err)
            return err;
        err = mr_file_stat(ret->fd, &ret->st);
    }
    if (!err && !S_ISDIR(ret->st.st_mode) && !S_ISREG(ret->st.st_mode))
        err = -ENOENT;
    if (err)
        mr_static_forget(ret);
    return err;
}

void mr_static_forget(struct mr_static_found *f)
{
    if (f->kept)
        mr_file_cache_put(f->kept);
    else
        mr_fd_close(f->fd);
    f->kept = NULL;
    f->fd = -1;
}

bool mr_static_is_hidden(const struct mr_static *s, struct mr_str path)
{
    bool well_known =
        mr_str_is(path, ".well-known") || mr_str_starts(path, ".well-known/");
    struct mr_str part;

    if (s->hidden)
        return false;
    if (well_known)
        (void)mr_str_split(&path, '/', &part);
    while (mr_str_split(&path, '/', &part)) {
        if (part.n > 0 && part.p[0] == '.')
            return true; /* "." and ".." are gone by now */
    }
    return false;
}

/* The file that answers for the directory `path` (which ends with '/', or is
 * empty). 0, -ENOENT: there is none, -EISDIR: it is no file, -Exxx. */
static int look_for_index(const struct mr_static *s, struct mr_arena *arena,
                          struct mr_str path, struct mr_static_found *ret)
{
    const char *index;
    int err;

    if (!*s->index)
        return -ENOENT;
    index = mr_arena_printf(arena, "%.*s%s", MR_STR(path), s->index);
    if (!index)
        return -ENOMEM;
    err = mr_static_look(s, index, ret);
    if (err || S_ISREG(ret->st.st_mode))
        return err;
    mr_static_forget(ret);
    return -EISDIR;
}

/* What the request names. 0, or -Exxx with nothing open. An index is asked for
 * first: it needs one open, and its directory need not be readable. */
static int find(const struct mr_static *s, struct mr_request *req,
                struct mr_static_found *ret)
{
    struct mr_arena *arena = mr_request_arena(req);
    struct mr_str rest = mr_request_rest(req);
    bool slash = mr_str_ends(mr_request_path(req), "/");
    const char *path;
    int err;

    while (rest.n > 0 && rest.p[0] == '/')
        rest = mr_str_n(rest.p + 1, rest.n - 1);
    if (mr_static_is_hidden(s, rest))
        return -ENOENT;
    if (slash) {
        err = look_for_index(s, arena, rest, ret);
        if (err != -ENOENT)
            return err;
    }
    path = rest.n > 0 ? mr_arena_dup(arena, rest) : ".";
    if (!path)
        return -ENOMEM;
    err = mr_static_look(s, path, ret);
    if (err || !slash || S_ISDIR(ret->st.st_mode))
        return err;
    mr_static_forget(ret);
    return -ENOENT;
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

int mr_static_status_for(int err)
{
    switch (err) {
    case -ENOENT:
    case -ENOTDIR:
    case -EISDIR: /* an index that is none */
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
                         struct mr_response *res,
                         const struct mr_static_found *f)
{
    static const char *const types[] = {"text/html", "application/json"};
    MR_AUTO(dir) list = NULL;
    struct mr_listing l = {
        .path = mr_request_path(req),
        .hidden = s->hidden,
        .links = s->links != MR_LINKS_OFF,
        .json = mr_negotiate_type(mr_request_headers(req), types, 2) == 1,
    };
    int err;

    if (!s->listing)
        return mr_reply_status(res, MR_STATUS_FORBIDDEN);
    err = mr_dir_read(f->fd, s->max_entries, &list);
    if (err)
        return mr_static_status_for(err)
                   ? mr_reply_status(res, mr_static_status_for(err))
                   : err;
    l.dir = list;
    err = mr_response_header(res, "Vary", "Accept");
    if (!err)
        err = mr_static_add_headers(s, res);
    return err ? err : mr_listing_reply(res, mr_request_arena(req), &l);
}

/* --- one request --- */

int mr_static_add_headers(const struct mr_static *s, struct mr_response *res)
{
    int err = 0;

    for (uint32_t i = 0; i < s->headers.n && !err; i++) {
        err = mr_response_header_n(res, s->headers.v[i].name,
                                   s->headers.v[i].value);
        if (err == -EEXIST)
            err = 0; /* one of those that stand once: the first counts */
    }
    return err;
}

static int serve_found(const struct mr_static *s, struct mr_request *req,
                       struct mr_response *res, const struct mr_static_found *f)
{
    if (!S_ISDIR(f->st.st_mode))
        return mr_static_send(s, req, res, f);
    if (!mr_str_ends(mr_request_path(req), "/"))
        return redirect_to_slash(req, res);
    return serve_listing(s, req, res, f);
}

int mr_static_serve(struct mr_static *s, struct mr_request *req,
                    struct mr_response *res)
{
    struct mr_static_found f;
    int err;

    if (mr_request_method(req) != MR_METHOD_GET &&
        mr_request_method(req) != MR_METHOD_HEAD) {
        err = mr_response_header(res, "Allow", "GET, HEAD");
        return err ? err : mr_reply_status(res, MR_STATUS_METHOD_NOT_ALLOWED);
    }
    err = find(s, req, &f);
    if (mr_static_status_for(err) == MR_STATUS_NOT_FOUND)
        return mr_static_serve_fallback(s, req, res);
    if (err)
        return mr_static_status_for(err)
                   ? mr_reply_status(res, mr_static_status_for(err))
                   : err;
    err = serve_found(s, req, res, &f);
    mr_static_forget(&f);
    return err;
}
