/* SPDX-License-Identifier: MIT */
/* corpus.c - the reader of corpus.h's text, and what the app says. */
#include "tests/http/corpus.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/sys.h"

/* Of one file. */
struct reader {
    struct corpus *c;
    const char *file;
    int line;
    char *frame;              /* or NULL */
    char *want[CORPUS_WANTS]; /* outcome lines that hold now */
    int want_n;
    bool want_used; /* by a case: the next outcome begins anew */
};

__attribute__((format(printf, 2, 3))) static bool wrong(const struct reader *r,
                                                        const char *fmt, ...)
{
    va_list ap;

    printf("%s:%d: ", r->file, r->line);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
    return false;
}

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

static void put(struct mr_buf *b, struct mr_str s)
{
    if (mr_buf_append(b, s.p, s.n))
        abort();
}

static struct mr_str keep(struct corpus *c, struct mr_buf *b)
{
    struct mr_str s = mr_buf_view(b);

    s.p = must(mr_arena_dup(&c->arena, s));
    mr_buf_fini(b);
    return s;
}

/* --- escapes --- */

static int hex(char c)
{
    const char *digits = "0123456789abcdef", *at;

    at = c ? strchr(digits, c | 0x20) : NULL;
    return at ? (int)(at - digits) : -1;
}

static bool put_text(struct reader *r, struct mr_buf *b, struct mr_str in,
                     struct mr_str fill);

/* Where the ')' is that ends the repetition whose text begins at p. */
static const char *repeat_end(const char *p, const char *end)
{
    int depth = 1;

    for (; p < end; p++) {
        if (p[0] == ')' && --depth == 0)
            return p;
        if (p[0] == '\\' && ++p < end && p[0] == '(')
            depth++;
    }
    return NULL;
}

/* in begins behind "\(". */
static ssize_t put_repeated(struct reader *r, struct mr_buf *b,
                            struct mr_str in, struct mr_str fill)
{
    char *text;
    long n = strtol(in.p, &text, 10);
    const char *end;

    if (n < 1 || n > 200000 || *text != '*')
        return -1;
    end = repeat_end(++text, in.p + in.n);
    for (long i = 0; end && i < n; i++)
        if (!put_text(r, b, mr_str_n(text, (size_t)(end - text)), fill))
            return -1;
    return end ? end + 1 - in.p : -1;
}

/* One escape; how many bytes of `in` it took, -1 if it is none. */
static ssize_t put_escape(struct reader *r, struct mr_buf *b, struct mr_str in,
                          struct mr_str fill)
{
    static const char names[] = "rnt0\\$s", bytes[] = "\r\n\t\0\\$ ";
    const char *at = in.n > 1 && in.p[1] ? strchr(names, in.p[1]) : NULL;
    ssize_t n;
    char c;

    if (at) {
        put(b, mr_str_n(&bytes[at - names], 1));
        return 2;
    }
    if (in.n > 1 && in.p[1] == '(') {
        n = put_repeated(r, b, mr_str_n(in.p + 2, in.n - 2), fill);
        return n < 0 ? -1 : n + 2;
    }
    if (in.n < 4 || in.p[1] != 'x' || hex(in.p[2]) < 0 || hex(in.p[3]) < 0)
        return -1;
    c = (char)(hex(in.p[2]) << 4 | hex(in.p[3]));
    put(b, mr_str_n(&c, 1));
    return 4;
}

static bool put_text(struct reader *r, struct mr_buf *b, struct mr_str in,
                     struct mr_str fill)
{
    while (in.n > 0) {
        ssize_t n = 1;

        if (in.p[0] == '$' && !fill.p)
            return wrong(r, "$ without a frame; \\$ is a dollar");
        if (in.p[0] == '$')
            put(b, fill);
        else if (in.p[0] == '\\')
            n = put_escape(r, b, in, fill);
        else
            put(b, mr_str_n(in.p, 1));
        if (n < 0)
            return wrong(r, "not an escape: %.*s", MR_STR(in));
        in = mr_str_n(in.p + n, in.n - (size_t)n);
    }
    return true;
}

static bool text_of(struct reader *r, struct mr_str in, struct mr_str fill,
                    struct mr_str *ret)
{
    struct mr_buf b = {0};
    bool ok = put_text(r, &b, in, fill);

    *ret = keep(r->c, &b);
    return ok;
}

/* --- outcomes --- */

struct mr_str corpus_say(struct mr_arena *a, const struct corpus_seen *s)
{
    const struct {
        const char *name;
        struct mr_str value;
    } lines[] = {
        {"method ", s->method}, {"\ntarget ", s->target}, {"\npath ", s->path},
        {"\nquery ", s->query}, {"\nhost ", s->host},     {"\nx ", s->x},
        {"\nbody ", s->body},
    };
    struct mr_buf b = {0};
    struct mr_str text;

    for (size_t i = 0; i < MR_ARRAY_LEN(lines); i++) {
        put(&b, mr_str(lines[i].name));
        if (lines[i].value.p)
            put(&b, mr_str("="));
        put(&b, lines[i].value);
    }
    text = mr_buf_view(&b);
    text.p = must(mr_arena_dup(a, text));
    mr_buf_fini(&b);
    return text;
}

static bool take_word(struct reader *r, struct mr_str word, struct mr_str fill,
                      struct corpus_seen *seen)
{
    const struct {
        const char *name;
        struct mr_str *to;
    } words[] = {{"path=", &seen->path},
                 {"query=", &seen->query},
                 {"host=", &seen->host},
                 {"x=", &seen->x},
                 {"body=", &seen->body}};

    for (size_t i = 0; i < MR_ARRAY_LEN(words); i++) {
        size_t n = strlen(words[i].name);

        if (mr_str_starts(word, words[i].name))
            return text_of(r, mr_str_n(word.p + n, word.n - n), fill,
                           words[i].to);
    }
    return wrong(r, "no word of an outcome: %.*s", MR_STR(word));
}

/* "METHOD TARGET WORDS" */
static bool read_app(struct reader *r, struct mr_str method, struct mr_str rest,
                     struct mr_str fill, struct corpus_want *w)
{
    struct corpus_seen seen = {.host = mr_str("a"), .body = mr_str("")};
    struct mr_str word;
    ssize_t at;

    if (!text_of(r, method, fill, &seen.method) ||
        !mr_str_split(&rest, ' ', &word) ||
        !text_of(r, word, fill, &seen.target))
        return wrong(r, "an outcome without a target");
    at = mr_str_find(seen.target, '?');
    seen.path = seen.target;
    if (at >= 0) {
        seen.path.n = (size_t)at;
        seen.query =
            mr_str_n(seen.target.p + at + 1, seen.target.n - (size_t)at - 1);
    }
    while (mr_str_split(&rest, ' ', &word)) {
        if (mr_str_is(word, "close"))
            w->close = true;
        else if (!take_word(r, word, fill, &seen))
            return false;
    }
    if (seen.host.n == 0)
        seen.host.p = NULL;
    w->kind = CORPUS_APP;
    w->status = 200;
    w->head = mr_str_is(seen.method, "HEAD");
    w->text = corpus_say(&r->c->arena, &seen);
    return true;
}

static bool read_want(struct reader *r, struct corpus_case *c, const char *line,
                      struct mr_str fill)
{
    struct corpus_want *w = &c->want[c->want_n++];
    struct mr_str rest = mr_str(line + 2), word = {NULL, 0};
    uint64_t status = 0;

    *w = (struct corpus_want){.kind = CORPUS_ANSWER};
    (void)mr_str_split(&rest, ' ', &word);
    if (mr_str_to_u64(word, 599, &status) == 0) {
        w->status = (int)status;
        (void)mr_str_split(&rest, ' ', &word);
    } else if (line[0] == '=') {
        return read_app(r, word, rest, fill, w);
    }
    if (line[0] == '!') {
        w->kind = CORPUS_REFUSED;
        w->close = true;
        c->cut = mr_str_is(word, "cut");
    }
    return (w->status && word.p && mr_str_is_empty(rest)) || c->cut ||
           wrong(r, "not an outcome: %s", line);
}

/* --- lines --- */

static bool add_case(struct reader *r, const char *text)
{
    struct corpus *c = r->c;
    struct mr_str fill = {NULL, 0};
    struct corpus_case *to;

    if (c->n == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 1024;
        c->v = must(mr_realloc(c->v, c->cap * sizeof *c->v));
    }
    to = &c->v[c->n++];
    *to = (struct corpus_case){.file = r->file, .line = r->line};
    if (r->want_n == 0)
        return wrong(r, "a case without an outcome");
    if (r->frame && !text_of(r, mr_str(text), fill, &fill))
        return false;
    if (!text_of(r, mr_str(r->frame ? r->frame : text), fill, &to->bytes))
        return false;
    r->want_used = true;
    for (int i = 0; i < r->want_n; i++) {
        if (!read_want(r, to, r->want[i], fill))
            return false;
        if (to->want[i].close && i + 1 < r->want_n)
            return wrong(r, "an answer behind the end");
    }
    return true;
}

static bool read_line(struct reader *r, const char *line)
{
    struct mr_arena *a = &r->c->arena;

    if (line[0] == '#' || line[0] == '\0')
        return true;
    if (line[0] == '>' && (line[1] == ' ' || line[1] == '\0'))
        return add_case(r, line + 1 + (line[1] == ' '));
    if (strcmp(line, "frame") == 0 || strncmp(line, "frame ", 6) == 0) {
        r->frame = line[5] ? must(mr_arena_dup(a, mr_str(line + 6))) : NULL;
        return true;
    }
    if ((line[0] != '=' && line[0] != '!') || line[1] != ' ')
        return wrong(r, "what is \"%s\"?", line);
    if (r->want_used)
        r->want_n = 0;
    r->want_used = false;
    if (r->want_n == CORPUS_WANTS)
        return wrong(r, "more than %d outcomes", CORPUS_WANTS);
    r->want[r->want_n++] = must(mr_arena_dup(a, mr_str(line)));
    return true;
}

static bool read_file(struct corpus *c, const char *path)
{
    struct reader r = {.c = c, .file = path};
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t cap = 0;
    bool ok = true;
    ssize_t n;

    if (!f)
        return wrong(&r, "cannot be read");
    while (ok && (n = getline(&line, &cap, f)) > 0) {
        line[n - (line[n - 1] == '\n')] = '\0';
        r.line++;
        ok = read_line(&r, line);
    }
    free(line);
    fclose(f);
    return ok;
}

static int is_corpus(const struct dirent *d)
{
    return mr_str_ends(mr_str(d->d_name), ".corpus");
}

bool corpus_read(struct corpus *c, const char *dir)
{
    struct dirent **names = NULL;
    int n = scandir(dir, &names, is_corpus, alphasort);
    bool ok = n > 0;

    *c = (struct corpus){0};
    mr_arena_init(&c->arena, 64 * 1024);
    for (int i = 0; i < n; i++) {
        ok = ok && read_file(c, must(mr_arena_printf(&c->arena, "%s/%s", dir,
                                                     names[i]->d_name)));
        free(names[i]);
    }
    free(names);
    return ok;
}

void corpus_free(struct corpus *c)
{
    mr_arena_fini(&c->arena);
    mr_free(c->v);
}
