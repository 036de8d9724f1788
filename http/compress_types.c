/* SPDX-License-Identifier: MIT */

/*
 * compress_types.c - which answers are worth compressing, as a configuration
 * says it (http/compress.h). Pure: no clock, no I/O.
 */
#include <string.h>

#include "http/compress.h"

/* Fonts and images that are compressed already are not here; those that are
 * tables or text are. */
static const char *const usual[] = {
    "text/*",
    "*+json",
    "*+xml",
    "application/json",
    "application/javascript",
    "application/xml",
    "application/x-ndjson",
    "application/wasm",
    "application/vnd.ms-fontobject",
    "font/otf",
    "font/ttf",
    "image/bmp",
    "image/x-icon",
    "image/vnd.microsoft.icon",
};

/* --- types --- */

/* "*+json": what it ends with; p is NULL when it is no such pattern. */
static struct mr_str suffix_of(struct mr_str pattern)
{
    return mr_str_starts(pattern, "*+") ? mr_str_n(pattern.p + 1, pattern.n - 1)
                                        : mr_str_n(NULL, 0);
}

static bool matches(struct mr_str pattern, struct mr_str type)
{
    struct mr_str suffix = suffix_of(pattern);

    if (mr_str_is_case(type, "text/event-stream"))
        return mr_str_eq_case(pattern, type);
    if (mr_str_is(pattern, "*"))
        return true;
    if (suffix.p)
        return type.n > suffix.n &&
               mr_str_eq_case(mr_str_n(type.p + type.n - suffix.n, suffix.n),
                              suffix);
    if (!mr_str_ends(pattern, "/*"))
        return mr_str_eq_case(pattern, type);
    return type.n >= pattern.n &&
           mr_str_eq_case(mr_str_n(type.p, pattern.n - 1),
                          mr_str_n(pattern.p, pattern.n - 1));
}

bool mr_compress_has_type(const struct mr_compress *c, struct mr_str type)
{
    const char *const *v = c->type_n > 0 ? c->types : usual;
    size_t n = c->type_n > 0 ? c->type_n : MR_ARRAY_LEN(usual);
    struct mr_str rest = type, bare;

    if (!mr_str_split(&rest, ';', &bare))
        return false;
    bare = mr_str_trim(bare);
    for (size_t i = 0; i < n; i++) {
        if (matches(mr_str(v[i]), bare))
            return true;
    }
    return false;
}

static bool is_pattern(struct mr_str s)
{
    struct mr_str suffix = suffix_of(s), main_type;

    if (mr_str_is(s, "*"))
        return true;
    if (suffix.p)
        return mr_token_is_valid(suffix) && suffix.n > 1;
    return mr_str_split(&s, '/', &main_type) && mr_token_is_valid(main_type) &&
           !mr_str_is(main_type, "*") && s.p && mr_token_is_valid(s);
}

const char *mr_compress_check_types(const char *const *types, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!is_pattern(mr_str(types[i])))
            return "a type is \"text/html\", \"text/*\", \"*+json\" or \"*\"";
    }
    return NULL;
}

/* --- codings --- */

static const struct {
    const char *name;
    enum mr_coding coding;
} known[MR_COMPRESS_CODINGS] = {
    /* As they are liked: zstd is three to four times as fast. */
    {"zstd", MR_CODING_ZSTD},
    {"br", MR_CODING_BR},
    {"gzip", MR_CODING_GZIP},
};

static void add(struct mr_compress *c, enum mr_coding coding, int level)
{
    c->codings[c->n] = coding;
    c->levels[c->n] = level;
    c->n++;
}

static bool has(const struct mr_compress *c, enum mr_coding coding)
{
    for (size_t i = 0; i < c->n; i++) {
        if (c->codings[i] == coding)
            return true;
    }
    return false;
}

static const char *add_word(struct mr_compress *c, struct mr_str word)
{
    struct mr_str name = {0};
    uint64_t level = MR_CODING_LEVEL;
    size_t i = 0;

    (void)mr_str_split(&word, ':', &name);
    while (i < MR_COMPRESS_CODINGS && !mr_str_is(name, known[i].name))
        i++;
    if (i == MR_COMPRESS_CODINGS)
        return "it is on, off, or some of zstd, br and gzip, as in {\"zstd\", "
               "\"gzip:6\"}";
    if (has(c, known[i].coding))
        return "a coding stands there once";
    if (word.p &&
        (mr_str_to_u64(word, (uint64_t)mr_coding_level_max(known[i].coding),
                       &level) ||
         level == 0))
        return "levels are 1 to 12 of zstd, 1 to 8 of br, 1 to 9 of gzip";
    add(c, known[i].coding, (int)level);
    return NULL;
}

const char *mr_compress_parse(struct mr_compress *c, const char *const *words,
                              size_t n)
{
    const char *why = NULL;

    *c = (struct mr_compress){.min = MR_COMPRESS_MIN, .max = MR_COMPRESS_MAX};
    if (n == 1 && strcmp(words[0], "off") == 0)
        return NULL;
    if (n == 1 && strcmp(words[0], "on") == 0) {
        for (size_t i = 0; i < MR_COMPRESS_CODINGS; i++)
            add(c, known[i].coding, MR_CODING_LEVEL);
        return NULL;
    }
    for (size_t i = 0; i < n && !why; i++)
        why = add_word(c, mr_str(words[i]));
    return why;
}
