/* SPDX-License-Identifier: MIT */

/*
 * glob.c - one URL that stands for many.
 *
 * The text is taken apart once: pieces that stay, sets, ranges. The iterator
 * has a number for each set and range, like a mileage counter, and puts the
 * next URL together when it is asked.
 *
 *  (1) A piece that is constructed has at least one value, and the product of
 *      all is at most GET_GLOB_MAX.
 *  (2) A URL is no longer than the text: what a bracket stands for has no more
 *      digits than its larger end; so the buffer is made once.
 */
#include "apps/get/glob.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/arena.h"
#include "core/sys.h"

/* Far from where adding a step would wrap. */
#define NUMBER_MAX UINT64_C(1000000000000000000)
#define DIGITS 20

struct piece {
    enum { TEXT, SET, NUMBERS, LETTERS } kind;
    uint64_t n; /* values */
    uint64_t at;
    struct mr_str *items; /* TEXT has one */
    uint64_t from;
    uint64_t step;
    int width; /* digits, at least */
};

struct glob {
    struct mr_iter it;
    struct mr_arena arena;
    struct piece pieces[2 * GET_GLOB_PARTS + 1];
    size_t n_pieces;
    size_t n_values;
    uint64_t count;
    bool over;
    char *url;
    char digits[GET_GLOB_PARTS][DIGITS + 1];
};

struct parser {
    struct glob *g;
    const char *text;
    const char *at;
    char *out; /* for what is left of escapes; as long as the text */
    char *why;
    int err;
};

static __attribute__((format(printf, 3, 4))) int
bad(struct parser *p, const char *at, const char *fmt, ...)
{
    va_list ap;
    int n = snprintf(p->why, GET_GLOB_WHY, "column %td: ", at - p->text + 1);

    va_start(ap, fmt);
    vsnprintf(p->why + n, GET_GLOB_WHY - (size_t)n, fmt, ap);
    va_end(ap);
    p->err = -EINVAL;
    return p->err;
}

static bool is_escape(const char *s)
{
    return s[0] == '\\' && s[1] && strchr("{}[],\\", s[1]);
}

static struct piece *new_piece(struct parser *p, const char *at)
{
    struct glob *g = p->g;

    if (g->n_pieces == MR_ARRAY_LEN(g->pieces)) {
        bad(p, at, "more than %d braces and brackets", GET_GLOB_PARTS);
        return NULL;
    }
    return &g->pieces[g->n_pieces++];
}

/* Not for pieces of text. */
static struct piece *new_value(struct parser *p, const char *at)
{
    if (p->g->n_values == GET_GLOB_PARTS) {
        bad(p, at, "more than %d braces and brackets", GET_GLOB_PARTS);
        return NULL;
    }
    p->g->n_values++;
    return new_piece(p, at);
}

/* "[2001:db8::1]", "[fe80::1%25eth0]": where it ends, behind the bracket; or
 * NULL. A range has a '-', and no address has one before its zone. */
static const char *skip_address(const char *s)
{
    unsigned colons = 0;

    for (s++; *s && strchr("0123456789abcdefABCDEF:.", *s); s++)
        colons += *s == ':';
    if (*s == '%')
        while (*s && *s != ']' && *s != '[' && *s != '/')
            s++;
    return colons >= 2 && *s == ']' ? s + 1 : NULL;
}

static int add_text(struct parser *p)
{
    char *from = p->out;
    const char *begin = p->at;
    const char *end;
    struct piece *piece;

    while (*p->at && *p->at != '{') {
        if (*p->at == '}' || *p->at == ']')
            return bad(p, p->at,
                       "'%c' without its beginning (write \\%c for "
                       "the character itself)",
                       *p->at, *p->at);
        end = *p->at == '[' ? skip_address(p->at) : NULL;
        if (*p->at == '[' && !end)
            break;
        if (!end) {
            p->at += is_escape(p->at);
            end = p->at + 1;
        }
        while (p->at < end)
            *p->out++ = *p->at++;
    }
    if (p->out == from)
        return 0;
    piece = new_piece(p, begin);
    if (!piece)
        return p->err;
    piece->kind = TEXT;
    piece->n = 1;
    piece->items = mr_arena_alloc(&p->g->arena, sizeof *piece->items);
    if (!piece->items)
        return p->err = -ENOMEM;
    piece->items[0] = mr_str_n(from, (size_t)(p->out - from));
    return 0;
}

/* How many items the brace at p->at has; 0: it has no end, and it was told. */
static size_t count_items(struct parser *p)
{
    const char *s = p->at + 1;
    size_t n = 1;

    for (; *s && *s != '}'; s++) {
        if (*s == '{' || *s == '[') {
            bad(p, s,
                "'%c' inside braces (write \\%c for the character "
                "itself)",
                *s, *s);
            return 0;
        }
        if (is_escape(s))
            s++;
        else
            n += *s == ',';
    }
    if (!*s)
        bad(p, p->at, "this '{' has no '}'");
    else if (s == p->at + 1)
        bad(p, p->at, "nothing between the braces");
    else
        return n;
    return 0;
}

static int add_set(struct parser *p)
{
    size_t n = count_items(p);
    struct piece *piece = n > 0 ? new_value(p, p->at) : NULL;
    char *from = p->out;

    if (!piece)
        return p->err;
    piece->kind = SET;
    piece->items = mr_arena_alloc(&p->g->arena, n * sizeof *piece->items);
    if (!piece->items)
        return p->err = -ENOMEM;
    for (p->at++;; p->at++) {
        if (*p->at == ',' || *p->at == '}') {
            MR_BUG_ON(piece->n == n);
            piece->items[piece->n++] = mr_str_n(from, (size_t)(p->out - from));
            from = p->out;
            if (*p->at == '}')
                break;
            continue;
        }
        p->at += is_escape(p->at);
        *p->out++ = *p->at;
    }
    p->at++;
    return 0;
}

static int set_range(struct parser *p, struct piece *piece, uint64_t to,
                     struct mr_str step)
{
    piece->step = 1;
    if (step.p &&
        (mr_str_to_u64(step, NUMBER_MAX, &piece->step) || piece->step == 0))
        return bad(p, p->at, "the step is a number from 1");
    if (to < piece->from)
        return bad(p, p->at, "the range runs backwards");
    piece->n = (to - piece->from) / piece->step + 1;
    return 0;
}

static bool is_letter(struct mr_str s, char from, char to)
{
    return s.n == 1 && s.p[0] >= from && s.p[0] <= to;
}

static int add_range(struct parser *p)
{
    const char *end = strchr(p->at, ']');
    struct mr_str rest, from = {0}, to = {0};
    struct piece *piece;
    uint64_t last = 0;

    if (!end)
        return bad(p, p->at, "this '[' has no ']'");
    rest = mr_str_n(p->at + 1, (size_t)(end - p->at - 1));
    if (!mr_str_split(&rest, '-', &from) || !rest.p)
        return bad(p, p->at,
                   "a range is as [1-100], [01-10], [a-z] or "
                   "[0-100:5]");
    (void)!mr_str_split(&rest, ':', &to); /* there is at least an empty one */
    piece = new_value(p, p->at);
    if (!piece)
        return p->err;
    if ((is_letter(from, 'a', 'z') && is_letter(to, 'a', 'z')) ||
        (is_letter(from, 'A', 'Z') && is_letter(to, 'A', 'Z'))) {
        piece->kind = LETTERS;
        piece->from = (unsigned char)from.p[0];
        last = (unsigned char)to.p[0];
    } else if (mr_str_to_u64(from, NUMBER_MAX, &piece->from) == 0 &&
               mr_str_to_u64(to, NUMBER_MAX, &last) == 0 && from.n < DIGITS) {
        piece->kind = NUMBERS;
        piece->width = from.p[0] == '0' ? (int)from.n : 1;
    } else {
        return bad(p, p->at,
                   "a range is from number to number, or from "
                   "letter to letter of one case");
    }
    if (set_range(p, piece, last, rest))
        return p->err;
    p->at = end + 1;
    return 0;
}

static int count_all(struct parser *p)
{
    struct glob *g = p->g;

    g->count = 1;
    for (size_t i = 0; i < g->n_pieces; i++) {
        if (__builtin_mul_overflow(g->count, g->pieces[i].n, &g->count) ||
            g->count > GET_GLOB_MAX) {
            snprintf(p->why, GET_GLOB_WHY, "stands for more than %d URLs",
                     GET_GLOB_MAX);
            return -E2BIG;
        }
    }
    return 0;
}

static int parse(struct parser *p)
{
    while (*p->at && !p->err) {
        if (*p->at == '{')
            p->err = add_set(p);
        else if (*p->at == '[' && !skip_address(p->at))
            p->err = add_range(p);
        else
            p->err = add_text(p);
    }
    return p->err ? p->err : count_all(p);
}

/* --- the iterator --- */

static struct mr_str value_of(const struct piece *piece, char *digits)
{
    uint64_t v = piece->from + piece->at * piece->step;

    switch (piece->kind) {
    case TEXT:
    case SET:
        return piece->items[piece->at];
    case LETTERS:
        digits[0] = (char)v;
        return mr_str_n(digits, 1);
    case NUMBERS:
        break;
    }
    return mr_str_n(digits, (size_t)snprintf(digits, DIGITS + 1, "%0*" PRIu64,
                                             piece->width, v));
}

static void advance(struct glob *g)
{
    for (size_t i = g->n_pieces; i-- > 0;) {
        if (++g->pieces[i].at < g->pieces[i].n)
            return;
        g->pieces[i].at = 0;
    }
    g->over = true;
}

static int next(struct mr_iter *it, void *ret_item)
{
    struct glob *g = mr_container_of(it, struct glob, it);
    struct get_glob_item *item = ret_item;
    size_t used = 0;

    if (g->over)
        return 0;
    item->n = 0;
    for (size_t i = 0; i < g->n_pieces; i++) {
        struct mr_str s =
            value_of(&g->pieces[i],
                     g->digits[MR_MIN(item->n, (size_t)GET_GLOB_PARTS - 1)]);

        if (s.n > 0)
            memcpy(g->url + used, s.p, s.n);
        used += s.n;
        if (g->pieces[i].kind != TEXT)
            item->values[item->n++] = s;
    }
    g->url[used] = '\0';
    item->url = mr_str_n(g->url, used);
    advance(g);
    return 1;
}

static void free_glob(struct mr_iter *it)
{
    struct glob *g = mr_container_of(it, struct glob, it);

    mr_arena_fini(&g->arena);
    mr_free(g);
}

int get_glob_new(struct mr_iter **ret, const char *text, char why[GET_GLOB_WHY])
{
    static const struct mr_iter_ops ops = {.next = next, .free = free_glob};
    struct glob *g = mr_iter_new(&ops, sizeof *g, sizeof(struct get_glob_item));
    struct parser p = {.g = g, .text = text, .at = text, .why = why};
    size_t size = strlen(text) + 1;
    int err;

    snprintf(why, GET_GLOB_WHY, "out of memory");
    if (!g)
        return -ENOMEM;
    mr_arena_init(&g->arena, 1024);
    p.out = mr_arena_alloc(&g->arena, size);
    g->url = mr_arena_alloc(&g->arena, size);
    err = p.out && g->url ? parse(&p) : -ENOMEM;
    if (err)
        mr_iter_free(&g->it);
    else
        *ret = &g->it;
    return err;
}

uint64_t get_glob_count(const struct mr_iter *it)
{
    return mr_container_of(it, struct glob, it)->count;
}

/* --- names --- */

ssize_t get_glob_name(char *out, size_t size, const char *name,
                      const struct get_glob_item *item)
{
    size_t used = 0;

    for (const char *s = name; *s;) {
        struct mr_str what = mr_str_n(s, 1);
        const char *end = s + 1;
        size_t n = 0;

        if (*s == '#')
            for (; *end >= '0' && *end <= '9' && n <= item->n; end++)
                n = 10 * n + (size_t)(*end - '0');
        if (n >= 1 && n <= item->n)
            what = item->values[n - 1];
        else
            end = s + 1;
        if (what.n >= size - used)
            return -ENAMETOOLONG;
        for (size_t i = 0; i < what.n; i++)
            out[used++] = what.p[i] == '/' && n > 0 ? '_' : what.p[i];
        s = end;
    }
    if (used >= size)
        return -ENAMETOOLONG;
    out[used] = '\0';
    return (ssize_t)used;
}
