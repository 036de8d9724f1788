/* SPDX-License-Identifier: MIT */

/*
 * list.c - the input file: a URL on each line, and a name if wanted.
 *
 *  (1) Reads are a helper's: a file may be on a slow disk, and a pipe's writer
 *      may think. One that is under way when the reader is cancelled is waited
 *      for; so a pipe is asked only when it has something, or by a poll of the
 *      hub's.
 *  (2) A line is at most GET_LIST_LINE bytes; one that is longer is told once,
 *      and passed over.
 */
#include "apps/get/list.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/buf.h"
#include "core/hub.h"
#include "core/log.h"
#include "core/offload.h"
#include "core/sys.h"
#include "io/fd.h"

#define BLOCK 16384

struct get_list {
    int fd;
    bool owns;     /* the descriptor is ours to close */
    bool is_file;  /* and not something that must be waited for */
    bool ended;    /* no more is to be read */
    bool too_long; /* the rest of this line is passed over */
    unsigned line;
    struct mr_buf buf;
    size_t used; /* of buf: the entry that was given last */
    char *path;
};

/* --- one line --- */

static bool is_url(struct mr_str word)
{
    return (word.n > 7 && mr_str_is_case(mr_str_n(word.p, 7), "http://")) ||
           (word.n > 8 && mr_str_is_case(mr_str_n(word.p, 8), "https://"));
}

static struct mr_str first_word(struct mr_str s)
{
    size_t n = 0;

    while (n < s.n && s.p[n] != ' ' && s.p[n] != '\t')
        n++;
    return mr_str_n(s.p, n);
}

static struct mr_str last_word(struct mr_str s)
{
    size_t at = s.n;

    while (at > 0 && s.p[at - 1] != ' ' && s.p[at - 1] != '\t')
        at--;
    return mr_str_n(s.p + at, s.n - at);
}

int get_list_parse(struct mr_str line, struct get_list_entry *ret,
                   const char **ret_reason)
{
    struct mr_str s, word, name = {0};

    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    if (line.n > 0 && memchr(line.p, '\0', line.n)) {
        *ret_reason = "it has a NUL byte";
        return -EINVAL;
    }
    s = mr_str_trim(line);
    if (s.n == 0 || s.p[0] == '#')
        return 0;
    word = first_word(s);
    if (is_url(word)) {
        name = mr_str_trim(mr_str_n(s.p + word.n, s.n - word.n));
    } else {
        word = last_word(s);
        if (!is_url(word)) {
            *ret_reason = "neither its first nor its last word begins with "
                          "http:// or https://";
            return -EINVAL;
        }
        name = mr_str_trim(mr_str_n(s.p, s.n - word.n));
    }
    ret->url = word;
    ret->name = name.n > 0 ? name : mr_str(NULL);
    return 1;
}

/* --- the file --- */

struct read_job {
    struct get_list *l;
    const char *path;
};

static intptr_t open_file(void *arg)
{
    struct read_job *job = arg;
    struct get_list *l = job->l;
    struct stat st;
    int rc;

    if (!mr_str_is(mr_str(job->path), "-")) {
        rc = mr_sys_openat(AT_FDCWD, job->path, O_RDONLY | O_CLOEXEC | O_NOCTTY,
                           0);
        if (rc < 0)
            return rc;
        l->fd = rc;
        l->owns = true;
    }
    rc = mr_sys_fstat(l->fd, &st);
    if (rc < 0)
        return rc;
    l->is_file = S_ISREG(st.st_mode);
    return S_ISDIR(st.st_mode) ? -EISDIR : 0;
}

static intptr_t read_file(void *arg)
{
    struct read_job *job = arg;
    struct mr_buf *b = &job->l->buf;
    ssize_t n = mr_sys_read(job->l->fd, mr_buf_tail(b), BLOCK);

    if (n > 0)
        mr_buf_commit(b, (size_t)n);
    return n;
}

int get_list_open(struct get_list **ret, const char *path,
                  char why[GET_LIST_WHY])
{
    struct get_list *l = mr_calloc(1, sizeof *l);
    struct read_job job = {.l = l, .path = path};
    size_t n = strlen(path) + 1;
    int rc;

    if (!l) {
        snprintf(why, GET_LIST_WHY, "out of memory");
        return -ENOMEM;
    }
    l->path = mr_alloc(n);
    rc = l->path ? 0 : -ENOMEM;
    if (rc == 0) {
        memcpy(l->path, path, n);
        rc = (int)mr_offload(open_file, &job);
    }
    if (rc < 0) {
        snprintf(why, GET_LIST_WHY, "%s: %s", path, mr_strerror(rc));
        get_list_close(l);
        return rc;
    }
    /* What was inherited is another process's too. Without memory for that it
     * is watched like any other. */
    if (!l->is_file && !l->owns)
        (void)!mr_hub_fd_shared(l->fd, false);
    *ret = l;
    return 0;
}

/* What is no file may keep a helper for ever, and a cancel with it: the hub
 * says when there is something. */
static int wait_readable(struct get_list *l)
{
    int rc;

    if (l->is_file)
        return 0;
    rc = mr_hub_wait_fd(l->fd, MR_READABLE, MR_NEVER);
    return rc == -EPERM ? 0 : rc; /* nothing that epoll watches: /dev/null */
}

static int read_more(struct get_list *l)
{
    struct read_job job = {.l = l};
    int rc = mr_buf_reserve(&l->buf, BLOCK);

    if (rc == 0)
        rc = wait_readable(l);
    if (rc == 0)
        rc = (int)mr_offload(read_file, &job);
    if (rc == -EAGAIN)
        return 0; /* an inherited O_NONBLOCK, and another reader was first */
    if (rc == 0)
        l->ended = true;
    return MR_MIN(rc, 0);
}

/* The next line, without its end, in the buffer. 1, 0 at the end, -Exxx. */
static int next_line(struct get_list *l, struct mr_str *ret)
{
    struct mr_str all;
    ssize_t at;
    int rc;

    mr_buf_consume(&l->buf, l->used);
    l->used = 0;
    for (;;) {
        all = mr_buf_view(&l->buf);
        at = all.n > 0 ? mr_str_find(all, '\n') : -1;
        if (at < 0 && l->ended && all.n == 0 && !l->too_long)
            return 0;
        if (at >= 0 || l->ended) {
            l->used = at >= 0 ? (size_t)at + 1 : all.n;
            *ret = mr_str_n(all.p, at >= 0 ? (size_t)at : all.n);
            return 1;
        }
        if (all.n > GET_LIST_LINE) {
            l->too_long = true;
            mr_buf_reset(&l->buf);
        }
        rc = read_more(l);
        if (rc < 0)
            return rc;
    }
}

int get_list_next(struct get_list *l, struct get_list_entry *ret,
                  char why[GET_LIST_WHY])
{
    const char *reason = "it is longer than 65536 bytes";
    struct mr_str line = {0};
    int rc;

    do {
        rc = next_line(l, &line);
        if (rc < 0)
            snprintf(why, GET_LIST_WHY, "%s: %s", l->path, mr_strerror(rc));
        if (rc <= 0)
            return rc;
        l->line++;
        if (l->too_long || line.n > GET_LIST_LINE)
            rc = -EINVAL;
        else
            rc = get_list_parse(line, ret, &reason);
        l->too_long = false;
    } while (rc == 0);
    ret->line = l->line;
    if (rc < 0)
        snprintf(why, GET_LIST_WHY, "%s:%u: not used: %s", l->path, l->line,
                 reason);
    return rc;
}

void get_list_close(struct get_list *l)
{
    if (!l)
        return;
    if (!l->is_file && !l->owns)
        mr_hub_forget(l->fd); /* the hub's interest in standard input */
    if (l->owns)
        mr_fd_close(l->fd);
    mr_buf_fini(&l->buf);
    mr_free(l->path);
    mr_free(l);
}
