/* SPDX-License-Identifier: MIT */
/*
 * mime.c - a hash from extension to type.
 *
 * Open addressing with linear probing over a power of two of slots, never more
 * than half full, so that a lookup ends soon and always. The texts of the types
 * live in an arena, one copy per line of the file.
 *
 * Not here: reading the file; guessing types from contents.
 */
#include "http/mime.h"

#include <errno.h>
#include <stdio.h>

#include "core/arena.h"
#include "core/sys.h"
#include "http/headers.h"

/* The longest in common use are 11 bytes; 15 and a NUL make a slot's half. */
#define EXTENSION_MAX 15
#define SLOTS_FIRST 256
#define CHARSET_MAX 64

struct slot {
    char extension[EXTENSION_MAX + 1]; /* lower case; "" is a free slot */
    struct mr_str type;
};

struct mr_mime {
    struct slot *slots;
    uint32_t mask; /* slots - 1 */
    uint32_t used;
    struct mr_arena texts;
    char charset[CHARSET_MAX]; /* "; charset=utf-8", or "" */
};

/* Enough to serve a site without any file. */
static const char builtin[] = "text/html html htm\n"
                              "text/css css\n"
                              "text/javascript js mjs\n"
                              "text/plain txt log\n"
                              "text/csv csv\n"
                              "text/markdown md\n"
                              "text/xml xml\n"
                              "application/json json map\n"
                              "application/manifest+json webmanifest\n"
                              "application/wasm wasm\n"
                              "application/pdf pdf\n"
                              "application/zip zip\n"
                              "application/gzip gz\n"
                              "application/x-tar tar\n"
                              "image/png png\n"
                              "image/jpeg jpg jpeg\n"
                              "image/gif gif\n"
                              "image/svg+xml svg\n"
                              "image/webp webp\n"
                              "image/avif avif\n"
                              "image/x-icon ico\n"
                              "font/woff woff\n"
                              "font/woff2 woff2\n"
                              "audio/mpeg mp3\n"
                              "video/mp4 mp4\n"
                              "video/webm webm\n";

/* FNV-1a: short keys, no enemy (the file is the operator's). */
static uint32_t hash(const char *z)
{
    uint32_t h = 2166136261u;

    for (; *z; z++)
        h = (h ^ (unsigned char)*z) * 16777619u;
    return h;
}

/* The slot that holds the extension, or the free one where it belongs. */
static struct slot *find_slot(const struct mr_mime *m, const char *extension)
{
    uint32_t i = hash(extension) & m->mask;

    while (m->slots[i].extension[0] != '\0' &&
           strcmp(m->slots[i].extension, extension) != 0)
        i = (i + 1) & m->mask;
    return &m->slots[i];
}

static int grow(struct mr_mime *m)
{
    struct mr_mime bigger = *m;

    bigger.mask = m->mask * 2 + 1;
    bigger.slots = mr_calloc((size_t)bigger.mask + 1, sizeof *bigger.slots);
    if (!bigger.slots)
        return -ENOMEM;
    for (uint32_t i = 0; i <= m->mask; i++)
        if (m->slots[i].extension[0] != '\0')
            *find_slot(&bigger, m->slots[i].extension) = m->slots[i];
    mr_free(m->slots);
    *m = bigger;
    return 0;
}

/* s in lower case with a NUL; false when it is empty or too long, or has a NUL
 * of its own. */
static bool fold(char out[EXTENSION_MAX + 1], struct mr_str s)
{
    if (s.n == 0 || s.n > EXTENSION_MAX || mr_str_find(s, '\0') >= 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        out[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    out[s.n] = '\0';
    return true;
}

static int add(struct mr_mime *m, struct mr_str extension, struct mr_str type)
{
    char key[EXTENSION_MAX + 1];
    struct slot *slot;

    if (!fold(key, extension))
        return -EINVAL;
    if (m->used * 2 > m->mask) {
        int err = grow(m);

        if (err)
            return err;
    }
    slot = find_slot(m, key);
    if (slot->extension[0] == '\0') {
        memcpy(slot->extension, key, extension.n + 1);
        m->used++;
    }
    slot->type = type;
    return 0;
}

/* The next word of a line, cut off *line; empty at its end. */
static struct mr_str cut_word(struct mr_str *line)
{
    struct mr_str word = mr_str_trim(*line);
    size_t n = 0;

    while (n < word.n && word.p[n] != ' ' && word.p[n] != '\t')
        n++;
    *line = mr_str_n(word.p + n, word.n - n);
    return mr_str_n(word.p, n);
}

/* type "/" subtype and parameters without white space; both are tokens. */
static bool type_is_valid(struct mr_str type)
{
    ssize_t slash = mr_str_find(type, '/');
    ssize_t semi = mr_str_find(type, ';');
    size_t end = semi < 0 ? type.n : (size_t)semi;

    if (slash < 0 || (size_t)slash >= end)
        return false;
    return mr_token_is_valid(mr_str_n(type.p, (size_t)slash)) &&
           mr_token_is_valid(
               mr_str_n(type.p + slash + 1, end - (size_t)slash - 1)) &&
           mr_field_value_is_valid(type);
}

static int parse_line(struct mr_mime *m, struct mr_str line)
{
    ssize_t comment = mr_str_find(line, '#');
    struct mr_str type, word;
    bool bare;
    char *text;

    if (comment >= 0)
        line.n = (size_t)comment;
    type = cut_word(&line);
    if (type.n == 0)
        return 0;
    if (!type_is_valid(type))
        return -EINVAL;
    word = cut_word(&line);
    if (word.n == 0)
        return 0;
    bare = mr_str_starts(type, "text/") && mr_str_find(type, ';') < 0;
    text = mr_arena_printf(&m->texts, "%.*s%s", MR_STR(type),
                           bare ? m->charset : "");
    if (!text)
        return -ENOMEM;
    for (; word.n > 0; word = cut_word(&line)) {
        int err = add(m, word, mr_str(text));

        if (err)
            return err;
    }
    return 0;
}

int mr_mime_parse(struct mr_mime *m, struct mr_str text, unsigned *ret_line)
{
    struct mr_str line;

    for (unsigned number = 1; mr_str_split(&text, '\n', &line); number++) {
        int err;

        if (line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        err = parse_line(m, line);
        if (err == -EINVAL)
            *ret_line = number;
        if (err)
            return err;
    }
    return 0;
}

struct mr_str mr_mime_find(const struct mr_mime *m, struct mr_str name)
{
    static const struct mr_str none = {MR_MIME_DEFAULT,
                                       sizeof MR_MIME_DEFAULT - 1};
    char key[EXTENSION_MAX + 1];
    const struct slot *slot;
    size_t i = name.n;

    while (i > 0 && name.p[i - 1] != '.' && name.p[i - 1] != '/')
        i--;
    if (i == 0 || name.p[i - 1] == '/')
        return none;
    if (!fold(key, mr_str_n(name.p + i, name.n - i)))
        return none;
    slot = find_slot(m, key);
    return slot->extension[0] == '\0' ? none : slot->type;
}

int mr_mime_new(struct mr_mime **ret)
{
    return mr_mime_new_charset(ret, "utf-8");
}

int mr_mime_new_charset(struct mr_mime **ret, const char *charset)
{
    struct mr_mime *m;
    unsigned line;
    int err;

    if (*charset && (!mr_token_is_valid(mr_str(charset)) ||
                     strlen(charset) + sizeof "; charset=" > CHARSET_MAX))
        return -EINVAL;
    m = mr_calloc(1, sizeof *m);
    if (!m)
        return -ENOMEM;
    if (*charset)
        snprintf(m->charset, sizeof m->charset, "; charset=%s", charset);
    mr_arena_init(&m->texts, 2048);
    m->mask = SLOTS_FIRST - 1;
    m->slots = mr_calloc(SLOTS_FIRST, sizeof *m->slots);
    err = m->slots ? mr_mime_parse(m, mr_str(builtin), &line) : -ENOMEM;
    if (err)
        goto fail;
    *ret = m;
    return 0;

fail:
    mr_mime_free(m);
    return err;
}

void mr_mime_free(struct mr_mime *m)
{
    if (!m)
        return;
    mr_arena_fini(&m->texts);
    mr_free(m->slots);
    mr_free(m);
}
