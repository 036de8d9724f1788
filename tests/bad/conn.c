/* SPDX-License-Identifier: MIT */
/* conn.c - a connection: one request after another, until an answer ends it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "io/fd.h"
#include "io/socket.h"
#include "tests/bad/bad_priv.h"

int bad_send(struct bad_conn *c, const void *p, size_t n)
{
    return mr_stream_write_all(c->s, p, n, MR_NEVER);
}

struct mr_str bad_field(const struct bad_conn *c, const char *name)
{
    struct mr_str rest = c->fields, line, key;

    while (mr_str_split(&rest, '\n', &line))
        if (mr_str_find(line, ':') > 0 && mr_str_split(&line, ':', &key) &&
            mr_str_is_case(key, name)) {
            if (line.n && line.p[line.n - 1] == '\r')
                line.n--;
            return mr_str_trim(line);
        }
    return (struct mr_str){0};
}

static struct bad_path *path_of(struct bad *b, struct mr_str path)
{
    struct bad_path *p = b->paths;

    while (p && !mr_str_is(path, p->path))
        p = p->next;
    if (p || path.n >= sizeof p->path)
        return p;
    p = mr_calloc(1, sizeof *p);
    if (!p)
        return NULL;
    memcpy(p->path, path.p, path.n);
    p->next = b->paths;
    b->paths = p;
    return p;
}

/* The next request's head, out of what came into *c. 0, or this is over. */
static int read_head(struct bad_conn *c)
{
    struct mr_str head, line;
    ssize_t n = mr_stream_read_until(c->s, &c->in, mr_str("\r\n\r\n"),
                                     BAD_HEAD_MAX, MR_NEVER);

    if (n < 0)
        return (int)n;
    memcpy(c->head, mr_buf_head(&c->in), (size_t)n);
    mr_buf_consume(&c->in, (size_t)n);
    head = mr_str_n(c->head, (size_t)n);
    if (!mr_str_split(&head, '\n', &line) || !mr_str_word(&line, &c->method) ||
        !mr_str_word(&line, &c->target))
        return -EBADMSG;
    c->fields = head;
    return 0;
}

/* n bytes of a request's body, looked at by nobody. */
static int skip(struct bad_conn *c, uint64_t n)
{
    while (n > 0) {
        size_t some = c->in.len < n ? c->in.len : (size_t)n;
        ssize_t got;

        mr_buf_consume(&c->in, some);
        n -= some;
        if (n == 0)
            break;
        got = mr_stream_read(c->s, c->buf, n < BAD_BUF ? (size_t)n : BAD_BUF,
                             MR_NEVER);
        if (got <= 0)
            return -ENODATA;
        n -= (uint64_t)got;
    }
    return 0;
}

static int skip_chunks(struct bad_conn *c, uint64_t *ret_n)
{
    uint64_t size;

    do {
        ssize_t n = mr_stream_read_until(c->s, &c->in, mr_str("\r\n"),
                                         BAD_HEAD_MAX, MR_NEVER);
        struct mr_str line;

        if (n < 2)
            return -EBADMSG;
        line = mr_str_n(mr_buf_head(&c->in), (size_t)n - 2);
        if (mr_str_hex_to_u64(line, UINT32_MAX, &size))
            return -EBADMSG;
        mr_buf_consume(&c->in, (size_t)n);
        *ret_n += size;
        /* A chunk and the line's end behind it; no trailers are read. */
        if (skip(c, size + 2))
            return -ENODATA;
    } while (size > 0);
    return 0;
}

/* The request's body, and what the client wants to hear before it. */
static int skip_body(struct bad_conn *c)
{
    struct mr_str length = bad_field(c, "content-length");
    uint64_t n = 0;
    int rc = 0;

    if (c->plan.early)
        return 0;
    if (mr_str_is_case(bad_field(c, "expect"), "100-continue"))
        rc = bad_send(c, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    if (!rc && mr_str_is_case(bad_field(c, "transfer-encoding"), "chunked"))
        rc = skip_chunks(c, &n);
    else if (!rc && length.p)
        rc = mr_str_to_u64(length, UINT32_MAX, &n) ? -EBADMSG : skip(c, n);
    if (!rc)
        c->path->got += n;
    return rc;
}

/* A small answer of the server's own. */
static int tell(struct bad_conn *c, int status, struct mr_str text)
{
    char head[128];
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 %d Told\r\nContent-Type: text/plain\r\n"
                     "Content-Length: %zu\r\n\r\n",
                     status, text.n);
    int rc = bad_send(c, head, (size_t)n);

    return rc ? rc : bad_send(c, text.p, text.n);
}

static int tell_stat(struct bad_conn *c)
{
    const struct bad_stat *s = &c->bad->stat;
    struct mr_buf b;
    int rc;

    mr_buf_init(&b);
    rc = mr_buf_printf(&b,
                       "connections %ju\nlive %u\nmost_live %u\n"
                       "requests %ju\nreused %ju\nbytes %ju\n",
                       (uintmax_t)s->connections, s->live, s->most_live,
                       (uintmax_t)s->requests, (uintmax_t)s->reused,
                       (uintmax_t)s->bytes);
    for (struct bad_path *p = c->bad->paths; !rc && p; p = p->next)
        rc =
            mr_buf_printf(&b,
                          "path %s requests %ju ranges %ju bytes %ju "
                          "got %ju most %u\n",
                          p->path, (uintmax_t)p->requests, (uintmax_t)p->ranges,
                          (uintmax_t)p->bytes, (uintmax_t)p->got, p->most);
    if (!rc)
        rc = tell(c, 200, mr_buf_view(&b));
    mr_buf_fini(&b);
    return rc;
}

static int arm(struct bad_conn *c, struct mr_str query)
{
    struct mr_str pair, name;

    while (mr_str_split(&query, '&', &pair)) {
        uint64_t *what = NULL;

        (void)mr_str_split(&pair, '=', &name);
        if (mr_str_is(name, "refuse"))
            what = &c->bad->refuse;
        else if (mr_str_is(name, "reset"))
            what = &c->bad->reset;
        if (!what || mr_str_to_u64(pair, UINT64_MAX, what))
            return tell(c, 400, mr_str("arm: refuse=N or reset=N\n"));
    }
    return tell(c, 200, mr_str("armed\n"));
}

/* Read what request number n of its path is to get. */
static bool plan_it(struct bad_conn *c, struct mr_str query, uint64_t n,
                    struct mr_str *ret_why)
{
    struct bad_plan *p = &c->plan;

    if (!bad_plan_read(p, query, c->text, false, ret_why))
        return false;
    if (n <= p->after || n - p->after > p->times)
        (void)bad_plan_read(p, query, c->text, true, ret_why);
    if (p->changes && n > p->changes) {
        p->seed++;
        if (p->resize)
            p->size = p->resize;
    }
    return true;
}

/* An answer may go on for a while when its client has closed already: such are
 * not counted, as the client may have begun another one instead. */
static unsigned answers_at_once(const struct bad_conn *c)
{
    unsigned n = 0;

    for (const struct bad_conn *o = c->bad->conns; o; o = o->next)
        n += o->answers && o->path == c->path &&
             (o == c || mr_fd_peek(o->fd) != MR_PEER_GONE);
    return n;
}

static int serve_file(struct bad_conn *c, struct mr_str path,
                      struct mr_str query)
{
    struct mr_str why = {0};
    unsigned now;
    int rc;

    c->path = path_of(c->bad, path);
    if (!c->path)
        return tell(c, 414, mr_str("a path is too long\n"));
    c->path->requests++;
    c->bad->stat.requests++;
    c->bad->stat.reused += c->requests++ > 0;
    if (!plan_it(c, query, c->path->requests, &why)) {
        (void)tell(c, 400, why);
        return -1;
    }
    c->answers = true;
    now = answers_at_once(c);
    if (now > c->path->most)
        c->path->most = now;
    rc = skip_body(c);
    if (!rc)
        rc = bad_answer(c);
    c->answers = false;
    return rc;
}

static int serve(struct bad_conn *c)
{
    int rc = read_head(c);
    struct mr_str query, path;

    if (rc)
        return rc;
    query = c->target;
    if (mr_str_starts(query, "http://")) /* as proxies are asked */
        query = mr_str_n(query.p + 7, query.n - 7);
    (void)mr_str_split(&query, '?', &path);
    if (path.n && path.p[0] != '/' && mr_str_find(path, '/') > 0)
        path = mr_str_n(path.p + mr_str_find(path, '/'),
                        path.n - (size_t)mr_str_find(path, '/'));
    if (mr_str_is(path, "/stat"))
        return tell_stat(c);
    if (mr_str_is(path, "/arm"))
        return arm(c, query);
    return serve_file(c, path, query);
}

/* Its stream: the socket, or TLS on a copy of it, which closes that. */
static int open_stream(struct bad_conn *c, struct mr_stream_fd *plain,
                       struct mr_tls **ret_tls)
{
    char why[MR_TLS_WHY];
    int copy, rc;

    c->s = mr_stream_socket_init(plain, c->fd);
    if (!c->bad->tls)
        return 0;
    copy = mr_sys_fcntl(c->fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return copy;
    rc = mr_tls_accept(ret_tls, c->bad->tls, copy, why, MR_NEVER);
    if (rc == 0)
        c->s = mr_tls_stream(*ret_tls);
    return rc;
}

static void forget(struct bad_conn *c)
{
    struct bad_conn **at = &c->bad->conns;

    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
}

static void converse(struct bad_conn *c)
{
    struct mr_stream_fd plain;
    struct mr_tls *tls = NULL;

    c->head = mr_alloc(BAD_HEAD_MAX);
    c->text = mr_alloc(BAD_HEAD_MAX);
    c->buf = mr_alloc(BAD_BUF);
    if (c->head && c->text && c->buf && open_stream(c, &plain, &tls) == 0)
        while (serve(c) == 0)
            continue;
    if (tls)
        mr_stream_close(mr_tls_stream(tls));
    mr_buf_fini(&c->in);
    mr_free(c->head);
    mr_free(c->text);
    mr_free(c->buf);
}

void bad_connection(int fd, const struct mr_addr *peer __attribute__((unused)),
                    void *arg)
{
    struct bad *b = arg;
    struct bad_conn c = {.bad = b, .fd = fd, .number = ++b->stat.connections};

    if (b->reset) {
        b->reset--;
        (void)!mr_socket_set_reset(fd); /* it may be gone already */
        return;
    }
    if (b->refuse) {
        b->refuse--;
        return;
    }
    if (++b->stat.live > b->stat.most_live)
        b->stat.most_live = b->stat.live;
    c.next = b->conns;
    b->conns = &c;
    converse(&c);
    forget(&c);
    b->stat.live--;
}
