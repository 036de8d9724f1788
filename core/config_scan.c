/* SPDX-License-Identifier: MIT */

/*
 * config_scan.c - configuration text to words, and what must be loaded.
 *
 * libconfuse has the grammar, but its lexer has surprises: a comment counts as
 * three lines, and is an error within a list; ${X} is the environment's; a
 * '*' vanishes; a string or a section that is never closed passes, and the
 * former spoils the next parse of the process. So the text is cut into words
 * here, by our rules, and libconfuse gets each word in single quotes, where it
 * takes everything literally, and on the line it had. In a title's place it
 * gets the section's number, so that its callbacks can tell which one they are
 * in.
 *
 * On the way, pass one: the sections (name, title, line, where), `load` at the
 * top level, `app` in sections. What is wrong with the order of words is left
 * to libconfuse.
 */
#include <errno.h>

#include "core/config_priv.h"

#define DEPTH MR_CONFIG_DEPTH_MAX

struct scan {
    struct mr_config *cfg;
    const char *p;
    const char *end;
    int line;
    struct mr_buf word;

    struct mr_config_section *in[DEPTH + 1]; /* the top level, what is open */
    int open_line[DEPTH + 1];                /* of their '{' */
    size_t depth;
    int list_line;
    size_t list_words;
    const char *key;      /* after '=', until its value ended */
    const char *names[2]; /* the last words that are no values */
    size_t n_names;       /* in a row */
};

static int fail(struct scan *s, const char *what)
{
    return mr_config_error_at(s->cfg, s->line, "%s", what);
}

static bool at(const struct scan *s, const char *z)
{
    return mr_str_starts(mr_str_n(s->p, (size_t)(s->end - s->p)), z);
}

/* --- text to words --- */

static int newline(struct scan *s)
{
    s->p++;
    s->line++;
    return mr_buf_append(&s->cfg->text, "\n", 1);
}

static int skip_block_comment(struct scan *s)
{
    int begin = s->line, err = 0;

    s->p += 2;
    while (!err && s->p < s->end && !at(s, "*/")) {
        if (*s->p == '\n')
            err = newline(s);
        else
            s->p++;
    }
    if (err)
        return err;
    if (s->p == s->end)
        return mr_config_error_at(s->cfg, begin,
                                  "this comment is never closed: '*/' is "
                                  "missing");
    s->p += 2;
    return 0;
}

/* Blanks, newlines and comments. */
static int skip(struct scan *s)
{
    int err = 0;

    while (!err && s->p < s->end) {
        if (*s->p == '\n')
            err = newline(s);
        else if (*s->p == ' ' || *s->p == '\t' || at(s, "\r\n"))
            s->p++;
        else if (*s->p == '#' || at(s, "//"))
            while (s->p < s->end && *s->p != '\n')
                s->p++;
        else if (at(s, "/*"))
            err = skip_block_comment(s);
        else
            break;
    }
    return err;
}

static int put(struct scan *s, char c)
{
    if (s->word.len == MR_CONFIG_WORD_MAX)
        return fail(s, "a word of more than 4096 bytes");
    return mr_buf_append(&s->word, &c, 1);
}

static int check_byte(struct scan *s, char quote)
{
    unsigned char c = (unsigned char)*s->p;

    if ((c < 0x20 && !(c == '\t' && quote)) || c == 0x7f)
        return mr_config_error_at(s->cfg, s->line,
                                  "control byte 0x%02x: this is no text", c);
    if (quote != '\'' && at(s, "${"))
        return fail(s, "'${' has no meaning here, as no variables are "
                       "expanded: write the value, or put it in single "
                       "quotes");
    if (!quote && strchr("()+*;", c))
        return mr_config_error_at(
            s->cfg, s->line, "'%c' has no meaning here: put the word in quotes",
            c);
    return 0;
}

static int bare_word(struct scan *s)
{
    while (s->p < s->end && !strchr(" \t\r\n\"'{}=,#", *s->p)) {
        int err = check_byte(s, 0);

        if (!err)
            err = put(s, *s->p);
        if (err)
            return err;
        s->p++;
    }
    /* A carriage return that ends no line. */
    return s->word.len == 0 ? check_byte(s, 0) : 0;
}

static int escaped(struct scan *s, char quote)
{
    s->p++;
    if (s->p < s->end && (*s->p == '\\' || *s->p == quote))
        return 0;
    return mr_config_error_at(s->cfg, s->line,
                              "a backslash in a string stands before \\ or %c "
                              "only: write it twice",
                              quote);
}

static int quoted_word(struct scan *s)
{
    char quote = *s->p++;

    while (s->p < s->end && *s->p != quote && *s->p != '\n') {
        int err = *s->p == '\\' ? escaped(s, quote) : check_byte(s, quote);

        if (!err)
            err = put(s, *s->p);
        if (err)
            return err;
        s->p++;
    }
    if (s->p == s->end || *s->p == '\n')
        return mr_config_error_at(s->cfg, s->line,
                                  "this string is not closed on its line: %c "
                                  "is missing",
                                  quote);
    s->p++;
    return 0;
}

/* The word into the canonical text. */
static int write_word(struct scan *s)
{
    struct mr_buf *out = &s->cfg->text;
    struct mr_str w = mr_buf_view(&s->word);
    int err;

    if (!s->key && s->n_names == 1) /* a title, or an error */
        return mr_buf_printf(out, "'%zu' ", s->cfg->n_sections);
    err = mr_buf_append(out, "'", 1);
    for (size_t i = 0; !err && i < w.n; i++) {
        if (w.p[i] == '\'' || w.p[i] == '\\')
            err = mr_buf_append(out, "\\", 1);
        if (!err)
            err = mr_buf_append(out, &w.p[i], 1);
    }
    return err ? err : mr_buf_append(out, "' ", 2);
}

/* --- what the words are --- */

static int add_need(struct scan *s, struct mr_config_needs *needs,
                    const char *text)
{
    struct mr_config_need *v =
        mr_config_grow(s->cfg, needs->v, needs->n, &needs->cap, sizeof *v);

    if (!v)
        return -ENOMEM;
    needs->v = v;
    v[needs->n++] = (struct mr_config_need){text, s->line};
    return 0;
}

static bool is_needed(const struct mr_config_needs *needs, const char *text)
{
    for (size_t i = 0; i < needs->n; i++)
        if (strcmp(needs->v[i].text, text) == 0)
            return true;
    return false;
}

static int on_value(struct scan *s, const char *text)
{
    int err = 0;

    if (s->depth == 0 && strcmp(s->key, "load") == 0)
        err = add_need(s, &s->cfg->loads, text);
    else if (s->depth > 0 && strcmp(s->key, "app") == 0 &&
             !is_needed(&s->cfg->apps, text))
        err = add_need(s, &s->cfg->apps, text);
    if (s->list_line)
        s->list_words++;
    else
        s->key = NULL;
    return err;
}

static int on_word(struct scan *s)
{
    char *text;
    int err = write_word(s);

    if (err)
        return err;
    text = mr_arena_dup(&s->cfg->arena, mr_buf_view(&s->word));
    if (!text)
        return -ENOMEM;
    if (s->key)
        return on_value(s, text);
    if (text[0] == '\0')
        return fail(s, "a name or a title that is empty");
    s->names[0] = s->names[1];
    s->names[1] = text;
    s->n_names++;
    return 0;
}

static int add_section(struct scan *s, const char *name, const char *title)
{
    struct mr_config *cfg = s->cfg;
    struct mr_config_section *parent = s->in[s->depth], *sec = NULL;
    struct mr_config_section **by_number;

    while ((sec = mr_config_next(parent, sec, name)))
        if (strcmp(sec->title, title) == 0)
            return *title == '\0'
                       ? mr_config_error_at(
                             cfg, s->line,
                             "%.64s stands on line %d already: make them one",
                             name, sec->line)
                       : mr_config_error_at(
                             cfg, s->line,
                             "%.64s \"%.64s\" stands on line %d already: "
                             "make them one",
                             name, title, sec->line);
    if (cfg->n_sections == MR_CONFIG_SECTIONS_MAX)
        return fail(s, "more than 1024 sections");
    by_number = mr_config_grow(cfg, cfg->by_number, cfg->n_sections,
                               &cfg->cap_sections, sizeof *by_number);
    if (!by_number)
        return -ENOMEM;
    cfg->by_number = by_number;
    sec = mr_arena_calloc(&cfg->arena, sizeof *sec);
    if (!sec)
        return -ENOMEM;
    sec->cfg = cfg;
    sec->parent = parent;
    sec->name = name;
    sec->title = title;
    sec->line = s->line;
    sec->values_end = &sec->values;
    *cfg->sections_end = sec;
    cfg->sections_end = &sec->next;
    cfg->by_number[cfg->n_sections++] = sec;
    s->in[s->depth + 1] = sec;
    return 0;
}

static int on_open(struct scan *s)
{
    int err = 0;

    if (s->list_line)
        return fail(s, "'{' inside a list");
    if (s->key) {
        s->list_line = s->line;
        s->list_words = 0;
        return 0;
    }
    if (s->depth == DEPTH)
        return mr_config_error_at(s->cfg, s->line,
                                  "a section inside that of line %d, which is "
                                  "inside another: is a '}' missing?",
                                  s->open_line[DEPTH]);
    /* Any other number of words is an error that libconfuse will tell. */
    s->in[s->depth + 1] = s->in[s->depth];
    if (s->n_names == 1) { /* perhaps it needs no title: config_check.c */
        err = mr_buf_printf(&s->cfg->text, "'%zu' ", s->cfg->n_sections);
        if (!err)
            err = add_section(s, s->names[1], "");
    } else if (s->n_names == 2) {
        err = add_section(s, s->names[0], s->names[1]);
    }
    s->open_line[++s->depth] = s->line;
    s->n_names = 0;
    return err;
}

static int on_close(struct scan *s)
{
    if (s->list_line) {
        /* libconfuse would not even tell us of it. */
        if (s->list_words == 0)
            return fail(s, "an empty list: name something, or leave the "
                           "directive out");
        s->list_line = 0;
        s->key = NULL;
        return 0;
    }
    if (s->depth == 0)
        return fail(s, "this '}' closes nothing");
    s->depth--;
    s->n_names = 0;
    return 0;
}

static int on_equals(struct scan *s)
{
    if (s->key || s->n_names == 0)
        return fail(s, "a name is missing before '=', or the value of the "
                       "directive before it");
    s->key = s->names[1];
    s->n_names = 0;
    /* libconfuse takes these for paths into other sections. */
    if (strpbrk(s->key, "|="))
        return mr_config_error_at(s->cfg, s->line, "unknown directive '%.64s'",
                                  s->key);
    return 0;
}

static int next(struct scan *s)
{
    char c = *s->p;
    int err = 0;

    if (!strchr("{}=,", c) || c == '\0') {
        mr_buf_reset(&s->word);
        err = c == '"' || c == '\'' ? quoted_word(s) : bare_word(s);
        return err ? err : on_word(s);
    }
    if (c == '{')
        err = on_open(s);
    else if (c == '}')
        err = on_close(s);
    else if (c == '=')
        err = on_equals(s);
    s->p++;
    return err ? err : mr_buf_append(&s->cfg->text, &c, 1);
}

int mr_config_scan(struct mr_config *cfg, struct mr_str text)
{
    struct scan s = {
        .cfg = cfg, .p = text.p, .end = text.p + text.n, .line = 1};
    int err = mr_buf_reserve(&s.word, 1);

    s.in[0] = &cfg->root;
    if (!err)
        err = mr_buf_reserve(&cfg->text, 1);
    if (!err)
        err = skip(&s);
    while (!err && s.p < s.end) {
        err = next(&s);
        if (!err)
            err = skip(&s);
    }
    mr_buf_fini(&s.word);
    if (!err && (s.list_line || s.depth > 0))
        err = mr_config_error_at(
            cfg, s.list_line ? s.list_line : s.open_line[s.depth],
            "the '{' of this line is never closed: a '}' is missing");
    if (!err && s.key)
        err = mr_config_error_at(cfg, s.line, "'%.64s' has no value", s.key);
    if (!err) /* libconfuse wants a string */
        err = mr_buf_append(&cfg->text, "", 1);
    return err == -ENOMEM ? mr_config_no_memory(cfg) : err;
}
