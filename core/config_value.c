/* SPDX-License-Identifier: MIT */

/*
 * config_value.c - what an option's words say, and what they may be.
 *
 * Nothing here knows of places or lines. A range is written in words once, for
 * messages and for mr_config_print, so that both say the same.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "core/config_priv.h"

/* --- words to values --- */

static int to_number(const struct mr_config_option *opt, struct mr_str s,
                     int64_t *ret)
{
    bool minus = opt->type == MR_CONFIG_INT && mr_str_starts(s, "-");
    int64_t ns = 0;
    uint64_t v = 0;
    int err;

    if (opt->type == MR_CONFIG_DURATION)
        err = mr_str_to_duration(s, &ns);
    else if (opt->type == MR_CONFIG_SIZE)
        err = mr_str_to_size(s, &v);
    else
        err = mr_str_to_u64(mr_str_n(s.p + minus, s.n - minus), INT64_MAX, &v);
    if (err || v > INT64_MAX)
        return -EINVAL;
    *ret = opt->type == MR_CONFIG_DURATION ? ns : (int64_t)v;
    if (minus)
        *ret = -*ret;
    return 0;
}

static bool in_range(const struct mr_config_option *opt, int64_t v)
{
    return v >= opt->min && (opt->max == 0 || v <= opt->max);
}

static int convert_number(const struct mr_config_option *opt, const char *word,
                          int64_t *field)
{
    int64_t v = 0;

    if (opt->word && strcmp(word, opt->word) == 0) {
        *field = opt->word_value;
        return 0;
    }
    if (to_number(opt, mr_str(word), &v) || !in_range(opt, v))
        return -EINVAL;
    *field = v;
    return 0;
}

static int convert_bool(const char *word, bool *field)
{
    static const char *const words[] = {"off", "on",    "no",
                                        "yes", "false", "true"};

    for (size_t i = 0; i < MR_ARRAY_LEN(words); i++) {
        if (strcmp(word, words[i]) == 0) {
            *field = i % 2 == 1;
            return 0;
        }
    }
    return -EINVAL;
}

static int convert_enum(const struct mr_config_option *opt, const char *word,
                        int *field)
{
    for (int i = 0; opt->choices[i]; i++) {
        if (strcmp(word, opt->choices[i]) == 0) {
            *field = i;
            return 0;
        }
    }
    return -EINVAL;
}

static int check_lengths(const struct mr_config_option *opt,
                         const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!in_range(opt, (int64_t)strlen(words[i])))
            return -EINVAL;
    return 0;
}

static int convert_list(struct mr_config *cfg,
                        const struct mr_config_option *opt,
                        const char *const *words, size_t n,
                        struct mr_config_list *field)
{
    const char **v;

    if (check_lengths(opt, words, n))
        return -EINVAL;
    v = mr_arena_alloc(&cfg->arena, n * sizeof *v);
    if (!v)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        v[i] = words[i];
    *field = (struct mr_config_list){n, v};
    return 0;
}

int mr_config_convert(struct mr_config *cfg, const struct mr_config_option *opt,
                      const char *const *words, size_t n, void *field)
{
    if (opt->type != MR_CONFIG_LIST && n != 1)
        return -EINVAL;
    switch (opt->type) {
    case MR_CONFIG_STRING:
        if (check_lengths(opt, words, 1))
            return -EINVAL;
        *(const char **)field = words[0];
        return 0;
    case MR_CONFIG_INT:
    case MR_CONFIG_SIZE:
    case MR_CONFIG_DURATION:
        return convert_number(opt, words[0], field);
    case MR_CONFIG_BOOL:
        return convert_bool(words[0], field);
    case MR_CONFIG_ENUM:
        return convert_enum(opt, words[0], field);
    case MR_CONFIG_LIST:
        return convert_list(cfg, opt, words, n, field);
    }
    return -EINVAL;
}

static void zero(const struct mr_config_option *opt, void *field)
{
    static const size_t sizes[] = {
        [MR_CONFIG_STRING] = sizeof(const char *),
        [MR_CONFIG_INT] = sizeof(int64_t),
        [MR_CONFIG_SIZE] = sizeof(int64_t),
        [MR_CONFIG_DURATION] = sizeof(int64_t),
        [MR_CONFIG_BOOL] = sizeof(bool),
        [MR_CONFIG_ENUM] = sizeof(int),
        [MR_CONFIG_LIST] = sizeof(struct mr_config_list),
    };

    memset(field, 0, sizes[opt->type]);
}

int mr_config_convert_default(struct mr_config *cfg,
                              const struct mr_config_option *opt, void *field)
{
    struct mr_str rest = mr_str(opt->def), part;
    const char **words = NULL;
    size_t n = 0, cap = 0;

    if (!opt->def) {
        zero(opt, field);
        return 0;
    }
    if (opt->type != MR_CONFIG_LIST)
        return mr_config_convert(cfg, opt, &opt->def, 1, field);
    while (mr_str_split(&rest, ',', &part)) {
        words = mr_config_grow(cfg, words, n, &cap, sizeof *words);
        if (!words)
            return -ENOMEM;
        words[n] = mr_arena_dup(&cfg->arena, mr_str_trim(part));
        if (!words[n++])
            return -ENOMEM;
    }
    return mr_config_convert(cfg, opt, words, n, field);
}

/* --- ranges in words --- */

static const char *format_number(enum mr_config_type type, int64_t v, char *buf,
                                 size_t size)
{
    static const struct {
        enum mr_config_type type;
        int64_t factor;
        const char *name;
    } units[] = {
        {MR_CONFIG_SIZE, 1 << 30, "G"},
        {MR_CONFIG_SIZE, 1 << 20, "M"},
        {MR_CONFIG_SIZE, 1 << 10, "K"},
        {MR_CONFIG_DURATION, 3600000000000, "h"},
        {MR_CONFIG_DURATION, 60000000000, "m"},
        {MR_CONFIG_DURATION, 1000000000, "s"},
        {MR_CONFIG_DURATION, 1000000, "ms"},
    };
    size_t i = 0;

    while (i < MR_ARRAY_LEN(units) &&
           (units[i].type != type || v == 0 || v % units[i].factor != 0))
        i++;
    if (i < MR_ARRAY_LEN(units))
        snprintf(buf, size, "%" PRId64 "%s", v / units[i].factor,
                 units[i].name);
    else
        snprintf(buf, size, "%" PRId64, v);
    return buf;
}

static int put_range(const struct mr_config_option *opt, const char *what,
                     const char *example, struct mr_buf *out)
{
    enum mr_config_type type =
        opt->type == MR_CONFIG_LIST ? MR_CONFIG_STRING : opt->type;
    char lo[32], hi[32];
    int err;

    format_number(type, opt->min, lo, sizeof lo);
    format_number(type, opt->max, hi, sizeof hi);
    if (opt->max != 0)
        err = mr_buf_printf(out, "%s from %s to %s", what, lo, hi);
    else if (opt->min != 0)
        err = mr_buf_printf(out, "%s of at least %s", what, lo);
    else
        err = mr_buf_printf(out, "%s%s", what, example);
    if (!err && opt->word)
        err = mr_buf_printf(out, ", or %s", opt->word);
    return err;
}

static int put_strings(const struct mr_config_option *opt, const char *what,
                       struct mr_buf *out)
{
    if (opt->max != 0)
        return mr_buf_printf(out, "%s of %" PRId64 " to %" PRId64 " bytes",
                             what, opt->min, opt->max);
    if (opt->min > 1)
        return mr_buf_printf(out, "%s of at least %" PRId64 " bytes", what,
                             opt->min);
    return mr_buf_printf(out, "%s%s", what, opt->min ? ", not empty" : "");
}

static int put_choices(const struct mr_config_option *opt, struct mr_buf *out)
{
    int err = mr_buf_append_z(out, "one of ");

    for (int i = 0; !err && opt->choices[i]; i++)
        err = mr_buf_printf(out, "%s%s", i ? ", " : "", opt->choices[i]);
    return err;
}

int mr_config_put_kind(const struct mr_config_option *opt, struct mr_buf *out)
{
    switch (opt->type) {
    case MR_CONFIG_STRING:
        return put_strings(opt, "a text", out);
    case MR_CONFIG_INT:
        return put_range(opt, "a number", "", out);
    case MR_CONFIG_SIZE:
        return put_range(opt, "a size", " such as 64K", out);
    case MR_CONFIG_DURATION:
        return put_range(opt, "a duration", " such as 10s or 500ms", out);
    case MR_CONFIG_BOOL:
        return mr_buf_append_z(out, "on or off");
    case MR_CONFIG_ENUM:
        return put_choices(opt, out);
    case MR_CONFIG_LIST:
        return put_strings(opt, "a list of texts", out);
    }
    return -EINVAL;
}

int mr_config_print(const struct mr_config_table *table, struct mr_buf *out)
{
    int err = 0;

    for (size_t i = 0; !err && i < table->n; i++) {
        const struct mr_config_option *opt = &table->options[i];

        err = mr_buf_printf(out, "# %s (", opt->doc ? opt->doc : opt->name);
        if (!err)
            err = mr_config_put_kind(opt, out);
        if (err)
            break;
        if (opt->def && opt->type == MR_CONFIG_LIST)
            err = mr_buf_printf(out, ")\n%s = {%s}\n", opt->name, opt->def);
        else if (opt->def)
            err = mr_buf_printf(out, ")\n%s = %s%s%s\n", opt->name,
                                opt->def[0] ? "" : "\"", opt->def,
                                opt->def[0] ? "" : "\"");
        else
            err = mr_buf_printf(out, "%s)\n# %s =\n",
                                opt->required ? "; required" : "", opt->name);
    }
    return err;
}
