/* SPDX-License-Identifier: MIT */

/*
 * netrc.c - .netrc files, read as curl reads them (http/netrc.h).
 *
 *  (1) Entries stand in the file's order: the first that fits is the one.
 *  (2) Where a keyword's value is expected, the next word is it, whatever it
 *      says, in the next line too. Words that are no keyword are passed over:
 *      other programs have some of their own.
 *  (3) The text that is kept is wiped before its memory is given back.
 */
#include "http/netrc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/log.h"
#include "core/sys.h"

struct entry {
    struct entry *next;
    struct mr_str host; /* p NULL: default */
    struct mr_str login, password;
};

struct mr_netrc {
    struct mr_arena arena; /* entries */
    char *text;            /* of the file; words are views into it */
    size_t n;
    struct entry *first, **last;
};

/* --- words --- */

struct reader {
    char *at, *end;
    unsigned line;
};

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void skip_line(struct reader *r)
{
    while (r->at < r->end && *r->at != '\n')
        r->at++;
}

/* To where a word begins, or the end. */
static void skip_space(struct reader *r)
{
    while (r->at < r->end) {
        if (*r->at == '#')
            skip_line(r);
        else if (is_space(*r->at))
            r->line += *r->at++ == '\n';
        else
            return;
    }
}

static char unescape(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c;
    }
}

/* What is in quotes is never longer than it was with them: it is put in its
 * own place. */
static int quoted(struct reader *r, struct mr_str *ret)
{
    char *out = ++r->at;

    *ret = mr_str_n(out, 0);
    while (r->at < r->end && *r->at != '\n') {
        char c = *r->at++;

        if (c == '"') {
            ret->n = (size_t)(out - ret->p);
            return 0;
        }
        if (c == '\\') {
            if (r->at == r->end || *r->at == '\n')
                break;
            c = unescape(*r->at++);
        }
        *out++ = c;
    }
    return -EINVAL;
}

/* 0; -ENOENT: the end; -EINVAL: quotes that do not end. */
static int next_word(struct reader *r, struct mr_str *ret)
{
    skip_space(r);
    if (r->at == r->end)
        return -ENOENT;
    if (*r->at == '"')
        return quoted(r, ret);
    *ret = mr_str_n(r->at, 0);
    while (r->at < r->end && !is_space(*r->at)) {
        r->at++;
        ret->n++;
    }
    return 0;
}

/* Behind "macdef": its name, and lines up to one that is empty. */
static void skip_macro(struct reader *r)
{
    for (;;) {
        char *begin;

        skip_line(r);
        if (r->at == r->end)
            return;
        r->at++;
        r->line++;
        begin = r->at;
        skip_line(r);
        if (r->at == begin || (r->at == begin + 1 && *begin == '\r'))
            return;
    }
}

/* --- entries --- */

static struct entry *add(struct mr_netrc *n)
{
    struct entry *e = mr_arena_calloc(&n->arena, sizeof *e);

    if (e) {
        *n->last = e;
        n->last = &e->next;
    }
    return e;
}

/* The first one of a kind counts. */
static void keep_first(struct mr_str *slot, struct mr_str value)
{
    if (!slot->p)
        *slot = value;
}

static int read_entries(struct mr_netrc *n, struct reader *r, char *why)
{
    struct entry nobody = {0}, *e = &nobody;
    struct mr_str word, value;
    int err;

    while ((err = next_word(r, &word)) == 0) {
        bool machine = mr_str_is_case(word, "machine");
        bool login = mr_str_is_case(word, "login");
        bool password = mr_str_is_case(word, "password");

        if (mr_str_is_case(word, "macdef")) {
            skip_macro(r);
            continue;
        }
        if (machine || mr_str_is_case(word, "default")) {
            e = add(n);
            if (!e)
                return -ENOMEM;
        }
        if (!machine && !login && !password && !mr_str_is_case(word, "account"))
            continue;
        err = next_word(r, &value);
        if (err == -ENOENT) {
            snprintf(why, MR_NETRC_WHY, "line %u: nothing follows \"%.*s\"",
                     r->line, MR_STR(word));
            return -EINVAL;
        }
        if (err)
            break;
        if (machine)
            e->host = value;
        else if (login)
            keep_first(&e->login, value);
        else if (password)
            keep_first(&e->password, value);
    }
    if (err == -EINVAL)
        snprintf(why, MR_NETRC_WHY, "line %u: a '\"' without its end", r->line);
    return err == -ENOENT ? 0 : err;
}

void mr_netrc_free(struct mr_netrc *n)
{
    if (!n)
        return;
    mr_arena_fini(&n->arena);
    if (n->text)
        explicit_bzero(n->text, n->n);
    mr_free(n->text);
    mr_free(n);
}

int mr_netrc_parse(struct mr_netrc **ret, struct mr_str text,
                   char why[MR_NETRC_WHY])
{
    struct mr_netrc *n = mr_calloc(1, sizeof *n);
    struct reader r;
    int err = -ENOMEM;

    *ret = NULL;
    snprintf(why, MR_NETRC_WHY, "out of memory");
    if (!n)
        return -ENOMEM;
    mr_arena_init(&n->arena, 1024);
    n->last = &n->first;
    n->text = mr_alloc(text.n + 1); /* not of 0 bytes */
    if (n->text) {
        n->n = text.n;
        if (text.n > 0)
            memcpy(n->text, text.p, text.n);
        r = (struct reader){n->text, n->text + n->n, 1};
        err = read_entries(n, &r, why);
    }
    if (err) {
        mr_netrc_free(n);
        return err;
    }
    why[0] = '\0';
    *ret = n;
    return 0;
}

static int parse_file(struct mr_netrc **ret, const char *path,
                      struct mr_str text, char *why)
{
    char inner[MR_NETRC_WHY];
    int err = mr_netrc_parse(ret, text, inner);

    snprintf(why, MR_NETRC_WHY, "%.200s: %.300s", path, inner);
    if (!err)
        why[0] = '\0';
    return err;
}

int mr_netrc_load(struct mr_netrc **ret, const char *path,
                  char why[MR_NETRC_WHY])
{
    int fd = mr_sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOCTTY, 0);
    struct stat st = {0};
    struct mr_buf b;
    int err = fd;

    *ret = NULL;
    mr_buf_init(&b);
    if (fd >= 0)
        err = mr_sys_fstat(fd, &st);
    if (!err)
        err = mr_buf_read_fd(&b, fd, MR_NETRC_MAX);
    if (fd >= 0)
        mr_sys_close(fd);
    if (!err && b.len > MR_NETRC_MAX)
        err = -EFBIG;
    if (err < 0)
        snprintf(why, MR_NETRC_WHY, "%.200s: %s", path,
                 err == -EFBIG ? "it is too large" : mr_strerror(err));
    else
        err = parse_file(ret, path, mr_buf_view(&b), why);
    if (!err && S_ISREG(st.st_mode) && (st.st_mode & 077))
        snprintf(why, MR_NETRC_WHY,
                 "%.200s can be read by others (mode %04o): chmod 600 it", path,
                 (unsigned)st.st_mode & 07777);
    if (b.len > 0)
        explicit_bzero(b.data, b.cap);
    mr_buf_fini(&b);
    return err;
}

bool mr_netrc_find(const struct mr_netrc *n, struct mr_str host,
                   struct mr_str user, struct mr_str *ret_user,
                   struct mr_str *ret_password)
{
    const struct entry *e = n ? n->first : NULL;

    while (e && ((e->host.p && !mr_str_eq_case(e->host, host)) ||
                 (user.p && !mr_str_eq(e->login, user))))
        e = e->next;
    if (!e || (!e->login.p && !e->password.p))
        return false;
    *ret_user = e->login;
    *ret_password = e->password;
    return true;
}
