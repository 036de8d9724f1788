/* SPDX-License-Identifier: MIT */

/*
 * config_check.c - whose option a value is, and whether it may stand there.
 *
 * An option is found by its place and name: in a section's own tables, or in
 * those of the app that the section names. So which option a value belongs to
 * is known only when the whole section was read; lines were kept for that.
 *
 * The message for a wrong value is made from the option's range: all say the
 * same thing in the same words.
 */
#include <errno.h>

#include "core/config_priv.h"

bool mr_config_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

struct mr_config_value *mr_config_find(const struct mr_config_section *s,
                                       const char *name)
{
    struct mr_config_value *v = s->values;

    while (v && strcmp(v->name, name) != 0)
        v = v->next;
    return v;
}

bool mr_config_applies(const struct mr_config_table *t,
                       const struct mr_config_section *s)
{
    const struct mr_config_value *app;

    if (!mr_config_same(t->section, s->name))
        return false;
    if (!t->owner)
        return true;
    app = mr_config_find(s, "app");
    return app && strcmp(app->words[0], t->owner) == 0;
}

/* --- the tables --- */

static const struct mr_config_option *in_table(const struct mr_config_table *t,
                                               const char *name)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->options[i].name, name) == 0)
            return &t->options[i];
    return NULL;
}

/* Where the same name means two things at once. */
static bool clashes(const struct mr_config *cfg, size_t nth,
                    const struct mr_config_option *opt)
{
    const struct mr_config_table *t = &cfg->tables[nth];

    for (size_t i = 0; i <= nth; i++) {
        const struct mr_config_table *u = &cfg->tables[i];
        const struct mr_config_option *other;

        if (!mr_config_same(t->section, u->section))
            continue;
        if (t->owner && u->owner && strcmp(t->owner, u->owner) != 0)
            continue;
        other = in_table(u, opt->name);
        if (other && other != opt)
            return true;
    }
    return false;
}

static int check_option(struct mr_config *cfg, size_t nth,
                        const struct mr_config_option *opt)
{
    const struct mr_config_table *t = &cfg->tables[nth];
    const char *of = t->owner ? t->owner : "the server";
    union {
        const char *string;
        int64_t number;
        struct mr_config_list list;
    } scratch;
    int err;

    if (clashes(cfg, nth, opt))
        return mr_config_error_at(
            cfg, 0, "option '%s' of %s is taken already: name it otherwise",
            opt->name, of);
    if (opt->type == MR_CONFIG_ENUM && !opt->choices)
        return mr_config_error_at(cfg, 0, "option '%s' of %s has no choices",
                                  opt->name, of);
    err = mr_config_convert_default(cfg, opt, &scratch);
    if (err == -EINVAL)
        mr_config_error_at(cfg, 0, "option '%s' of %s has a bad default, '%s'",
                           opt->name, of, opt->def);
    return err;
}

int mr_config_check_tables(struct mr_config *cfg)
{
    for (size_t i = 0; i < cfg->n_tables; i++) {
        const struct mr_config_table *t = &cfg->tables[i];

        if (t->owner && !t->section)
            return mr_config_error_at(
                cfg, 0, "app '%s' has options outside of sections", t->owner);
        for (size_t j = 0; j < t->n; j++) {
            int err = check_option(cfg, i, &t->options[j]);

            if (err)
                return err;
        }
    }
    return 0;
}

/* --- the values --- */

/* The option that v is; NULL, and the message set, when it is another app's.
 * libconfuse took the name, so some table of this place has it. */
static const struct mr_config_option *
option_of(const struct mr_config_section *s, const struct mr_config_value *v)
{
    const struct mr_config *cfg = s->cfg;
    const struct mr_config_value *app = mr_config_find(s, "app");
    const char *owner = NULL;

    for (size_t i = 0; i < cfg->n_tables; i++) {
        const struct mr_config_table *t = &cfg->tables[i];
        const struct mr_config_option *opt = NULL;

        if (mr_config_same(t->section, s->name))
            opt = in_table(t, v->name);
        if (!opt)
            continue;
        if (mr_config_applies(t, s))
            return opt;
        owner = t->owner;
    }
    if (app)
        mr_config_error_at(s->cfg, v->line,
                           "'%s' is an option of app '%s', but this %s's app "
                           "is '%.64s'",
                           v->name, owner, s->name, app->words[0]);
    else
        mr_config_error_at(s->cfg, v->line,
                           "'%s' is an option of app '%s', but this %s names "
                           "no app: add 'app = %s'",
                           v->name, owner, s->name, owner);
    return NULL;
}

static int bad_value(struct mr_config *cfg, const struct mr_config_option *opt,
                     const struct mr_config_value *v)
{
    struct mr_buf kind;
    char shown[128];
    int err;

    if (opt->type != MR_CONFIG_LIST && v->n > 1)
        return mr_config_error_at(cfg, v->line,
                                  "'%s' takes one value, not a list of %zu",
                                  v->name, v->n);
    mr_buf_init(&kind);
    err = mr_config_put_kind(opt, &kind);
    if (err) {
        mr_buf_fini(&kind);
        return err;
    }
    mr_str_escape(shown, sizeof shown, mr_str(v->words[0]));
    mr_config_error_at(cfg, v->line, "'%s' must be %.*s; it is '%s'", v->name,
                       MR_STR(mr_buf_view(&kind)), shown);
    mr_buf_fini(&kind);
    return -EINVAL;
}

/* A second line of the same name: added to the first, or an error. */
static int merge(struct mr_config *cfg, const struct mr_config_option *opt,
                 struct mr_config_value *first,
                 const struct mr_config_value *again)
{
    if (!opt->repeat)
        return mr_config_error_at(cfg, again->line,
                                  "'%s' is set on line %d already: keep one of "
                                  "the two",
                                  again->name, first->line);
    for (size_t i = 0; i < again->n; i++) {
        const char **words = mr_config_grow(cfg, first->words, first->n,
                                            &first->cap, sizeof *words);

        if (!words)
            return -ENOMEM;
        first->words = words;
        words[first->n++] = again->words[i];
    }
    return 0;
}

static int check_section(struct mr_config_section *s)
{
    union {
        const char *string;
        int64_t number;
        struct mr_config_list list;
    } scratch;
    int err = 0;

    for (struct mr_config_value *v = s->values; !err && v; v = v->next) {
        const struct mr_config_option *opt = option_of(s, v);
        struct mr_config_value *first = mr_config_find(s, v->name);

        if (!opt)
            return -EINVAL;
        err = mr_config_convert(s->cfg, opt, v->words, v->n, &scratch);
        if (err == -EINVAL)
            err = bad_value(s->cfg, opt, v);
        if (!err && first != v)
            err = merge(s->cfg, opt, first, v);
    }
    return err;
}

static int check_required(struct mr_config_section *s)
{
    for (size_t i = 0; i < s->cfg->n_tables; i++) {
        const struct mr_config_table *t = &s->cfg->tables[i];

        if (!mr_config_applies(t, s))
            continue;
        for (size_t j = 0; j < t->n; j++)
            if (t->options[j].required &&
                !mr_config_find(s, t->options[j].name))
                return mr_config_error_at(
                    s->cfg, s->line, "'%s' is missing%s%s%s",
                    t->options[j].name, t->owner ? ": app '" : "",
                    t->owner ? t->owner : "", t->owner ? "' needs it" : "");
    }
    return 0;
}

static int check_title(const struct mr_config_section *s)
{
    const struct mr_config *cfg = s->cfg;
    bool bare = false;

    for (size_t i = 0; i < cfg->n_tables; i++)
        bare |= cfg->tables[i].bare &&
                mr_config_same(cfg->tables[i].section, s->name);
    if (bare == (*s->title == '\0'))
        return 0;
    return mr_config_error_at(s->cfg, s->line,
                              bare ? "'%.64s' is a section without a title: "
                                     "write %.64s { ... }"
                                   : "'%.64s' is a section: it needs a title, "
                                     "and then { ... }",
                              s->name, s->name);
}

int mr_config_check_values(struct mr_config *cfg)
{
    int err = check_section(&cfg->root);

    if (!err)
        err = check_required(&cfg->root);
    for (struct mr_config_section *s = cfg->sections; !err && s; s = s->next) {
        err = check_title(s);
        if (!err)
            err = check_section(s);
        if (!err)
            err = check_required(s);
    }
    return err;
}

/* --- names that nobody knows --- */

#define NAME_MAX_COMPARED 40

/* How many letters must be put in, left out or changed (Levenshtein). */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_MAX_COMPARED + 1];
    size_t n = strlen(b);

    if (n > NAME_MAX_COMPARED)
        return SIZE_MAX;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t corner = row[0]++;

        for (size_t j = 0; j < n; j++) {
            size_t change = corner + (a[i] != b[j]);
            size_t best = MR_MIN(row[j], row[j + 1]) + 1;

            corner = row[j + 1];
            row[j + 1] = MR_MIN(best, change);
        }
    }
    return row[n];
}

struct guess {
    const char *name;
    size_t distance;
};

static void consider(struct guess *g, const char *name, const char *candidate)
{
    size_t d = distance(name, candidate);

    if (d < g->distance) {
        g->name = candidate;
        g->distance = d;
    }
}

int mr_config_unknown(struct mr_config *cfg, const struct mr_config_section *s,
                      int line, const char *name)
{
    /* About a third of the letters may be wrong: else it is another word. */
    struct guess g = {NULL, (strlen(name) + 1) / 3 + 1};
    const struct mr_config_table *elsewhere = NULL;
    bool misplaced = false;

    for (size_t i = 0; i < cfg->n_tables; i++) {
        const struct mr_config_table *t = &cfg->tables[i];

        if (t->section && (!s->name || mr_config_same(t->inside, s->name)))
            consider(&g, name, t->section);
        if (t->bare && strcmp(t->section, name) == 0)
            return mr_config_error_at(cfg, line,
                                      "'%.64s' does not stand here, but in %s "
                                      "sections",
                                      name, t->inside);
        if (t->section && strcmp(t->section, name) == 0)
            misplaced = true;
        if (!mr_config_same(t->section, s->name)) {
            if (in_table(t, name))
                elsewhere = t;
            continue;
        }
        for (size_t j = 0; j < t->n; j++)
            consider(&g, name, t->options[j].name);
    }
    if (elsewhere && in_table(elsewhere, name) && elsewhere->section)
        return mr_config_error_at(cfg, line,
                                  "'%.64s' does not stand here, but in %s "
                                  "sections",
                                  name, elsewhere->section);
    if (misplaced) /* the top level knows all sections */
        return mr_config_error_at(cfg, line,
                                  "a %.64s section inside the %s of line %d: "
                                  "is a '}' missing?",
                                  name, s->name, s->line);
    if (elsewhere)
        return mr_config_error_at(cfg, line,
                                  "'%.64s' does not stand here, but at the top "
                                  "level",
                                  name);
    if (g.name)
        return mr_config_error_at(
            cfg, line, "unknown directive '%.64s'; did you mean '%s'?", name,
            g.name);
    return mr_config_error_at(cfg, line, "unknown directive '%.64s'", name);
}
