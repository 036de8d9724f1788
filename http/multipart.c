/* SPDX-License-Identifier: MIT */

/*
 * multipart.c - a multipart/form-data body to parts, whatever pieces it comes
 * in.
 *
 *  (1) A delimiter is CR LF "--" boundary. CR stands in it once, at its front:
 *      so after a mismatch nothing that was matched can begin another one, and
 *      only the byte at hand is looked at again.
 *  (2) What was matched and proved to be none is data: the delimiter's own
 *      bytes, so nothing is copied to be held back.
 *  (3) Before the first delimiter CR LF counts as seen.
 *  (4) A part has one Content-Disposition, of form-data and with a name; else
 *      the body is refused: two readers could see two forms in it.
 *  (5) MORE is returned with an empty piece only, and every other event but the
 *      lasting ones has used up a byte or changed the state.
 */
#include "http/multipart.h"

#include <errno.h>
#include <string.h>

/* Nobody sends a preamble; RFC 2046 has it. */
#define PREAMBLE_MAX 1024

enum {
    PREAMBLE,
    LINE, /* behind a delimiter, to the end of its line */
    HEAD,
    DATA,
    DONE,
    BAD,
    MANY,
};

/* --- parameters --- */

/* A part's head has room for hundreds, and a form for a thousand parts: those
 * that are not asked for cost no memory. */

static bool is_escape(struct mr_str s, size_t i)
{
    return s.p[i] == '\\' && i + 1 < s.n && s.p[i + 1] == '"';
}

/* *rest begins with a quote: what is inside, as it stands there, and *rest to
 * behind its end. */
static int cut_quoted(struct mr_str *rest, struct mr_str *ret)
{
    for (size_t i = 1; i < rest->n; i++) {
        if (rest->p[i] == '"') {
            *ret = mr_str_n(rest->p + 1, i - 1);
            *rest = mr_str_n(rest->p + i + 1, rest->n - i - 1);
            return 0;
        }
        i += is_escape(*rest, i);
    }
    return -EINVAL;
}

static int unescape(struct mr_arena *arena, struct mr_str in,
                    struct mr_str *ret)
{
    char *out = mr_arena_alloc(arena, in.n);
    size_t n = 0;

    if (!out)
        return -ENOMEM;
    for (size_t i = 0; i < in.n; i++) {
        i += is_escape(in, i);
        out[n++] = in.p[i];
    }
    *ret = mr_str_n(out, n);
    return 0;
}

static struct mr_str cut(struct mr_str *rest, const char *ends)
{
    size_t n = 0;
    struct mr_str got;

    while (n < rest->n && !strchr(ends, rest->p[n]))
        n++;
    got = mr_str_n(rest->p, n);
    *rest = mr_str_n(rest->p + n, rest->n - n);
    return got;
}

int mr_param_find(struct mr_arena *arena, struct mr_str field, const char *name,
                  struct mr_str *ret)
{
    struct mr_str rest = field, got, value;
    bool quoted;

    (void)cut(&rest, ";");
    while (rest.n > 0) {
        rest = mr_str_trim(mr_str_n(rest.p + 1, rest.n - 1));
        got = mr_str_trim(cut(&rest, ";="));
        if (rest.n == 0 || rest.p[0] == ';')
            continue;
        rest = mr_str_trim(mr_str_n(rest.p + 1, rest.n - 1));
        quoted = rest.n > 0 && rest.p[0] == '"';
        if (!quoted)
            value = mr_str_trim(cut(&rest, ";"));
        else if (cut_quoted(&rest, &value))
            return -EINVAL;
        if (mr_str_is_case(got, name)) {
            *ret = value;
            return quoted ? unescape(arena, value, ret) : 0;
        }
        (void)cut(&rest, ";"); /* what is behind a closing quote */
    }
    return -ENOENT;
}

/* --- the boundary --- */

static bool is_boundary(struct mr_str s)
{
    if (s.n == 0 || s.n > MR_BOUNDARY_MAX || s.p[s.n - 1] == ' ')
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      (c >= '0' && c <= '9');

        if (!letter && (c == '\0' || !strchr("'()+_,-./:=? ", c)))
            return false;
    }
    return true;
}

int mr_multipart_init(struct mr_multipart *m, struct mr_arena *arena,
                      struct mr_str content_type, unsigned parts, size_t head)
{
    struct mr_str type = content_type, boundary;
    ssize_t end = mr_str_find(type, ';');
    int err;

    if (end >= 0)
        type.n = (size_t)end;
    if (!mr_str_is_case(mr_str_trim(type), "multipart/form-data"))
        return -EMEDIUMTYPE;
    err = mr_param_find(arena, content_type, "boundary", &boundary);
    if (err == -ENOMEM)
        return err;
    if (err || !is_boundary(boundary))
        return -EBADMSG;
    *m = (struct mr_multipart){
        .arena = arena,
        .state = PREAMBLE,
        .matched = 2, /* (3) */
        .stood_in = true,
        .parts_max = parts ? parts : MR_PARTS_MAX,
        .head_max = head ? head : MR_PART_HEAD_MAX,
        .delimiter_n = 4 + boundary.n,
    };
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary.p, boundary.n);
    return 0;
}

bool mr_multipart_is_done(const struct mr_multipart *m)
{
    return m->state == DONE;
}

static enum mr_multipart_event bad(struct mr_multipart *m, const char *reason)
{
    m->state = BAD;
    m->reason = reason;
    return MR_MULTIPART_BAD;
}

/* --- a part's head --- */

/* The last component, by whichever system's separator: a name is all that a
 * file's name can be trusted for. */
static struct mr_str base_name(struct mr_str s)
{
    for (size_t i = s.n; i > 0; i--) {
        if (s.p[i - 1] == '/' || s.p[i - 1] == '\\')
            return mr_str_n(s.p + i, s.n - i);
    }
    return s;
}

static const char *add_field(struct mr_part *part, struct mr_str line)
{
    ssize_t colon = mr_str_find(line, ':');
    struct mr_str name, value;

    if (colon < 0)
        return "a line of a part's head has no colon";
    name = mr_str_n(line.p, (size_t)colon);
    value =
        mr_str_trim(mr_str_n(line.p + colon + 1, line.n - (size_t)colon - 1));
    if (!mr_token_is_valid(name) || !mr_field_value_is_valid(value))
        return "a field of a part's head is not well-formed";
    if (mr_headers_add(&part->headers, name, value))
        return "a part's head has too many fields";
    return NULL;
}

static const char *add_fields(struct mr_part *part, struct mr_str text)
{
    const char *why = NULL;

    while (!why && text.n > 0) {
        const char *end = memmem(text.p, text.n, "\r\n", 2);
        size_t n = (size_t)(end - text.p);

        why = add_field(part, mr_str_n(text.p, n));
        text = mr_str_n(text.p + n + 2, text.n - n - 2);
    }
    return why;
}

static const char *understand(struct mr_arena *arena, struct mr_part *part)
{
    struct mr_str d = mr_headers_get(&part->headers, "content-disposition");
    struct mr_str kind = d;
    ssize_t end = mr_str_find(d, ';');
    int err;

    if (end >= 0)
        kind.n = (size_t)end;
    if (mr_headers_count(&part->headers, "content-disposition") != 1 ||
        !mr_str_is_case(mr_str_trim(kind), "form-data"))
        return "a part needs one Content-Disposition: form-data";
    err = mr_param_find(arena, d, "name", &part->name);
    if (!err) {
        err = mr_param_find(arena, d, "filename", &part->file_name);
        if (!err)
            part->file_name = base_name(part->file_name);
        else if (err == -ENOENT)
            err = 0;
    }
    if (err)
        return err == -ENOMEM ? "out of memory" : "a part has no proper name";
    part->type = mr_headers_get(&part->headers, "content-type");
    return NULL;
}

/* The head is whole, with its empty line. */
static enum mr_multipart_event begin_part(struct mr_multipart *m)
{
    struct mr_str text = mr_str_n(m->head, m->head_n - 2);
    struct mr_part *part = mr_arena_calloc(m->arena, sizeof *part);
    const char *why;

    text.p = mr_arena_dup(m->arena, text);
    if (!part || !text.p)
        return bad(m, "out of memory");
    mr_headers_init(&part->headers, part->fields, MR_PART_FIELDS);
    why = add_fields(part, text);
    if (!why)
        why = understand(m->arena, part);
    if (why)
        return bad(m, why);
    m->part = part;
    m->state = DATA;
    /* (3) again: a part without bytes ends at once, as its head's CR LF is
     * also the delimiter's. */
    m->matched = 2;
    m->stood_in = true;
    return MR_MULTIPART_PART;
}

static bool head_is_whole(const struct mr_multipart *m)
{
    size_t n = m->head_n;

    if (n < 2 || memcmp(m->head + n - 2, "\r\n", 2) != 0)
        return false;
    return n == 2 || (n >= 4 && memcmp(m->head + n - 4, "\r\n", 2) == 0);
}

static enum mr_multipart_event read_head(struct mr_multipart *m,
                                         struct mr_str *piece)
{
    while (piece->n > 0) {
        if (m->head_n == m->head_max)
            return bad(m, "a part's head is too long");
        m->head[m->head_n++] = *piece->p;
        *piece = mr_str_n(piece->p + 1, piece->n - 1);
        if (head_is_whole(m))
            return begin_part(m);
    }
    return MR_MULTIPART_MORE;
}

/* --- a delimiter's line --- */

static enum mr_multipart_event end_line(struct mr_multipart *m)
{
    if (m->parts == m->parts_max) {
        m->state = MANY;
        m->reason = "too many parts";
        return MR_MULTIPART_MANY;
    }
    if (!m->head)
        m->head = mr_arena_alloc(m->arena, m->head_max);
    if (!m->head)
        return bad(m, "out of memory");
    m->head_n = 0;
    m->parts++;
    m->state = HEAD;
    return MR_MULTIPART_MORE;
}

/* Behind the boundary: "--", or white space and CR LF. matched counts the '-',
 * is 3 behind the CR, and 4 behind white space. */
static enum mr_multipart_event read_line(struct mr_multipart *m,
                                         struct mr_str *piece)
{
    while (piece->n > 0 && m->state == LINE) {
        char c = *piece->p;

        *piece = mr_str_n(piece->p + 1, piece->n - 1);
        if (c == '-' && m->matched < 2) {
            if (++m->matched == 2) {
                m->state = DONE;
                return MR_MULTIPART_DONE;
            }
        } else if (c == '\r' && (m->matched == 0 || m->matched == 4)) {
            m->matched = 3;
        } else if (c == '\n' && m->matched == 3) {
            return end_line(m);
        } else if ((c == ' ' || c == '\t') &&
                   (m->matched == 0 || m->matched == 4)) {
            m->matched = 4;
        } else {
            return bad(m, "a boundary's line goes on");
        }
    }
    return MR_MULTIPART_MORE;
}

/* --- what is between delimiters --- */

static enum mr_multipart_event found(struct mr_multipart *m)
{
    bool in_part = m->state == DATA;

    m->state = LINE;
    m->matched = 0;
    return in_part ? MR_MULTIPART_END : MR_MULTIPART_MORE;
}

/* The bytes that were taken for a delimiter, less those that stood in (3). */
static struct mr_str broken_off(struct mr_multipart *m)
{
    size_t from = m->stood_in ? 2 : 0, n = m->matched - from;

    m->stood_in = false;
    m->matched = 0;
    return mr_str_n(m->delimiter + from, n);
}

/* Some data, or the end of a delimiter: first what was begun in an earlier
 * piece, then what this one has up to the next CR. */
static enum mr_multipart_event
read_data(struct mr_multipart *m, struct mr_str *piece, struct mr_str *ret)
{
    size_t n, used;
    const char *cr;

    while (piece->n > 0 && m->matched > 0) {
        if (*piece->p != m->delimiter[m->matched]) {
            *ret = broken_off(m);
            return ret->n > 0 ? MR_MULTIPART_DATA : MR_MULTIPART_MORE;
        }
        *piece = mr_str_n(piece->p + 1, piece->n - 1);
        if (++m->matched == m->delimiter_n)
            return found(m);
    }
    if (piece->n == 0)
        return MR_MULTIPART_MORE;
    cr = memchr(piece->p, '\r', piece->n);
    n = cr ? (size_t)(cr - piece->p) : piece->n;
    used = cr ? n + 1 : n;
    *ret = mr_str_n(piece->p, n);
    m->matched = cr ? 1 : 0;
    *piece = mr_str_n(piece->p + used, piece->n - used);
    return n > 0 ? MR_MULTIPART_DATA : MR_MULTIPART_MORE;
}

static enum mr_multipart_event skip_preamble(struct mr_multipart *m,
                                             struct mr_str *piece)
{
    struct mr_str data;
    enum mr_multipart_event e = read_data(m, piece, &data);

    if (e != MR_MULTIPART_DATA)
        return e;
    m->skipped += data.n;
    if (m->skipped > PREAMBLE_MAX)
        return bad(m, "no boundary at the beginning");
    return MR_MULTIPART_MORE;
}

static enum mr_multipart_event step(struct mr_multipart *m,
                                    struct mr_str *piece, struct mr_str *ret)
{
    switch (m->state) {
    case PREAMBLE:
        return skip_preamble(m, piece);
    case LINE:
        return read_line(m, piece);
    case HEAD:
        return read_head(m, piece);
    case DATA:
        return read_data(m, piece, ret);
    case BAD:
        return MR_MULTIPART_BAD;
    case MANY:
        return MR_MULTIPART_MANY;
    default: /* DONE: what follows is an epilogue */
        *piece = mr_str_n(piece->p + piece->n, 0);
        return MR_MULTIPART_MORE;
    }
}

enum mr_multipart_event mr_multipart_next(struct mr_multipart *m,
                                          struct mr_str *piece,
                                          struct mr_str *ret_data)
{
    enum mr_multipart_event e;

    do
        e = step(m, piece, ret_data);
    while (e == MR_MULTIPART_MORE && piece->n > 0);
    return e;
}
