/* SPDX-License-Identifier: MIT */

/*
 * config.c - configuration files: libconfuse, and the interface.
 *
 * libconfuse is given canonical text (config_scan.c) and one option per name
 * and place, all of them lists of strings, so that it neither converts nor
 * complains in its own words. Its parse callback copies each value out, with
 * the line: libconfuse knows that only then. When it has come to the end, its
 * own copy is dropped, and our values are checked (config_check.c).
 *
 * Invariants
 *  (1) libconfuse sees only text that the scan took: strings and sections are
 *      closed, nothing is expanded.
 *  (2) A section's title is, for libconfuse, its number in `by_number`.
 *
 * libconfuse keeps its lexer in globals and gives callbacks no pointer of ours,
 * so `parsing` is a global as well: one parse at a time.
 */
#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/config_priv.h"
#include "core/log.h"
#include "core/sys.h"

static struct mr_config *parsing;

struct mr_config *mr_config_new(void)
{
    struct mr_config *cfg = mr_calloc(1, sizeof *cfg);

    if (!cfg)
        return NULL;
    mr_arena_init(&cfg->arena, 4096);
    mr_buf_init(&cfg->text);
    cfg->name = "configuration";
    cfg->root.cfg = cfg;
    cfg->root.title = "";
    cfg->root.values_end = &cfg->root.values;
    cfg->sections_end = &cfg->sections;
    return cfg;
}

void mr_config_free(struct mr_config *cfg)
{
    if (!cfg)
        return;
    mr_buf_fini(&cfg->text);
    mr_arena_fini(&cfg->arena);
    mr_free(cfg);
}

void *mr_config_grow(struct mr_config *cfg, void *v, size_t n, size_t *cap,
                     size_t item_size)
{
    size_t more = *cap ? *cap * 2 : 4;
    void *bigger;

    if (n < *cap)
        return v;
    bigger = mr_arena_alloc(&cfg->arena, more * item_size);
    if (!bigger)
        return NULL;
    if (n > 0)
        memcpy(bigger, v, n * item_size);
    *cap = more;
    return bigger;
}

/* --- messages --- */

static int set_message(struct mr_config *cfg, int line, const char *fmt,
                       va_list ap)
{
    size_t size = sizeof cfg->message;
    int n;

    if (cfg->message[0])
        return -EINVAL;
    if (line > 0)
        n = snprintf(cfg->message, size, "%s:%d: ", cfg->name, line);
    else
        n = snprintf(cfg->message, size, "%s: ", cfg->name);
    vsnprintf(cfg->message + n, size - (size_t)n, fmt, ap);
    return -EINVAL;
}

int mr_config_error_at(struct mr_config *cfg, int line, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    set_message(cfg, line, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

static int line_of(const struct mr_config_section *s, const char *name)
{
    const struct mr_config_value *v = name ? mr_config_find(s, name) : NULL;

    return v ? v->line : s->line;
}

int mr_config_error(const struct mr_config_section *s, const char *name,
                    const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    set_message(s->cfg, line_of(s, name), fmt, ap);
    va_end(ap);
    return -EINVAL;
}

int mr_config_no_memory(struct mr_config *cfg)
{
    mr_config_error_at(cfg, 0, "%s", mr_strerror(-ENOMEM));
    return -ENOMEM;
}

const char *mr_config_message(const struct mr_config *cfg)
{
    return cfg->message;
}

/* --- pass one --- */

int mr_config_read_text(struct mr_config *cfg, const char *name,
                        struct mr_str text)
{
    const char *copy;

    MR_BUG_ON(cfg->text.len > 0);
    if (strlen(name) > MR_CONFIG_NAME_MAX) {
        mr_config_error_at(cfg, 0, "the file's name has more than 512 bytes");
        return -ENAMETOOLONG;
    }
    copy = mr_arena_dup(&cfg->arena, mr_str(name));
    if (!copy)
        return mr_config_no_memory(cfg);
    cfg->name = copy;
    if (text.n > MR_CONFIG_TEXT_MAX) {
        mr_config_error_at(cfg, 0, "more than 1M: this is no configuration");
        return -EFBIG;
    }
    return mr_config_scan(cfg, text);
}

int mr_config_read(struct mr_config *cfg, const char *path)
{
    int fd = mr_sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOCTTY, 0);
    struct mr_buf text;
    int err = fd;

    mr_buf_init(&text);
    if (fd >= 0) {
        err = mr_buf_read_fd(&text, fd, MR_CONFIG_TEXT_MAX);
        mr_sys_close(fd);
    }
    if (err)
        snprintf(cfg->message, sizeof cfg->message, "%.512s: %s", path,
                 mr_strerror(err));
    else
        err = mr_config_read_text(cfg, path, mr_buf_view(&text));
    mr_buf_fini(&text);
    return err;
}

size_t mr_config_loads(const struct mr_config *cfg,
                       const struct mr_config_need **ret)
{
    *ret = cfg->loads.v;
    return cfg->loads.n;
}

size_t mr_config_apps(const struct mr_config *cfg,
                      const struct mr_config_need **ret)
{
    *ret = cfg->apps.v;
    return cfg->apps.n;
}

/* --- pass two: what libconfuse calls --- */

static struct mr_config_section *section_of(const cfg_t *c)
{
    uint64_t n;

    if (!c->title)
        return &parsing->root;
    MR_BUG_ON(mr_str_to_u64(mr_str(c->title), UINT64_MAX, &n) ||
              n >= parsing->n_sections);
    return parsing->by_number[n];
}

static struct mr_config_value *add_value(struct mr_config_section *s,
                                         const char *name, int line)
{
    struct mr_config_value *v = mr_arena_calloc(&parsing->arena, sizeof *v);

    if (!v)
        return NULL;
    v->name = mr_arena_dup(&parsing->arena, mr_str(name));
    if (!v->name)
        return NULL;
    v->line = line;
    *s->values_end = v;
    s->values_end = &v->next;
    s->n_values++;
    return v;
}

/* One value of one directive. -1 makes libconfuse stop. */
static int on_value(cfg_t *c, cfg_opt_t *opt, const char *text, void *result)
{
    struct mr_config_section *s = section_of(c);
    struct mr_config_value *v;
    const char **words;

    /* libconfuse has counted this one; '=' has emptied the list before. */
    if (opt->nvalues == 1) {
        if (s->n_values == MR_CONFIG_VALUES_MAX)
            return mr_config_error_at(parsing, c->line,
                                      "more than 1024 directives in one place");
        v = add_value(s, opt->name, c->line);
    } else {
        v = mr_container_of(s->values_end, struct mr_config_value, next);
    }
    if (!v)
        return mr_config_no_memory(parsing);
    words = mr_config_grow(parsing, v->words, v->n, &v->cap, sizeof *words);
    if (!words)
        return mr_config_no_memory(parsing);
    v->words = words;
    words[v->n] = mr_arena_dup(&parsing->arena, mr_str(text));
    if (!words[v->n++])
        return mr_config_no_memory(parsing);
    *(const char **)result = text;
    return 0;
}

/* What libconfuse says to our words; each of its messages has one %s. */
static const struct {
    const char *theirs;
    const char *before;
    const char *after;
} translations[] = {
    {"missing equal sign after option '%s'", "'", "' needs a '=' and a value"},
    {"missing title for section '%s'", "'",
     "' is a section: it needs a title, and then { ... }"},
    {"missing opening brace for section '%s'", "'",
     "' is a section: after its title comes a '{'"},
    {"unexpected token '%s'", "unexpected '",
     "': is a name, a comma or a '}' missing before it?"},
};

static void on_error(cfg_t *c, const char *fmt, va_list ap)
{
    const char *arg;

    if (strcmp(fmt, "no such option '%s'") == 0) {
        arg = va_arg(ap, const char *);
        mr_config_unknown(parsing, section_of(c), c->line, arg);
        return;
    }
    for (size_t i = 0; i < MR_ARRAY_LEN(translations); i++) {
        if (strcmp(fmt, translations[i].theirs) != 0)
            continue;
        arg = va_arg(ap, const char *);
        mr_config_error_at(parsing, c->line, "%s%.64s%s",
                           translations[i].before, arg, translations[i].after);
        return;
    }
    set_message(parsing, c->line, fmt, ap);
}

/* --- pass two: what libconfuse is given --- */

static bool has_name(const cfg_opt_t *opts, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(opts[i].name, name) == 0)
            return true;
    return false;
}

static void free_options(cfg_opt_t *opts)
{
    for (cfg_opt_t *o = opts; o && o->name; o++)
        free_options(o->subopts);
    mr_free(opts);
}

static size_t how_many_options(const struct mr_config *cfg)
{
    size_t n = cfg->n_tables + 1;

    for (size_t i = 0; i < cfg->n_tables; i++)
        n += cfg->tables[i].n;
    return n;
}

static bool may_stand_in(const struct mr_config_table *t, const char *section)
{
    if (!t->section)
        return false;
    return (!section && !t->bare) || mr_config_same(t->inside, section);
}

static cfg_opt_t *options_of(const struct mr_config *cfg, const char *section,
                             size_t deeper);

/* Behind opts[*to]: the sections of that place. 0 or -ENOMEM. */
static int add_sections(const struct mr_config *cfg, const char *place,
                        size_t deeper, cfg_opt_t *opts, size_t *to)
{
    static const cfg_opt_t model =
        CFG_SEC(NULL, NULL, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);

    for (size_t i = 0; deeper > 0 && i < cfg->n_tables; i++) {
        const char *section = cfg->tables[i].section;
        cfg_opt_t *subopts;

        if (!may_stand_in(&cfg->tables[i], place) ||
            has_name(opts, *to, section))
            continue;
        subopts = options_of(cfg, section, deeper - 1);
        if (!subopts)
            return -ENOMEM;
        opts[*to] = model;
        opts[*to].subopts = subopts;
        opts[(*to)++].name = section;
    }
    return 0;
}

/* All options of one place (NULL: the top level), each name once, and sections
 * so many levels deeper; libconfuse's array ends with one that has no name.
 * NULL when out of memory. */
static cfg_opt_t *options_of(const struct mr_config *cfg, const char *section,
                             size_t deeper)
{
    static const cfg_opt_t model =
        CFG_STR_LIST_CB(NULL, NULL, CFGF_NODEFAULT, on_value);
    cfg_opt_t *opts = mr_calloc(how_many_options(cfg), sizeof *opts);
    size_t to = 0;

    if (!opts)
        return NULL;
    for (size_t i = 0; i < cfg->n_tables; i++) {
        const struct mr_config_table *t = &cfg->tables[i];

        if (!mr_config_same(t->section, section))
            continue;
        for (size_t j = 0; j < t->n; j++) {
            if (has_name(opts, to, t->options[j].name))
                continue;
            opts[to] = model;
            opts[to++].name = t->options[j].name;
        }
    }
    if (add_sections(cfg, section, deeper, opts, &to) == 0)
        return opts;
    free_options(opts);
    return NULL;
}

/* libconfuse over the canonical text. The same results as mr_config_parse. */
static int run_confuse(struct mr_config *cfg)
{
    cfg_opt_t *opts = options_of(cfg, NULL, MR_CONFIG_DEPTH_MAX);
    cfg_t *c = opts ? cfg_init(opts, CFGF_NONE) : NULL;
    int rc;

    free_options(opts);
    if (!c)
        return mr_config_no_memory(cfg);
    cfg_set_error_function(c, on_error);
    parsing = cfg;
    rc = cfg_parse_buf(c, mr_buf_head(&cfg->text));
    parsing = NULL;
    cfg_free(c);
    if (rc == CFG_SUCCESS)
        return 0;
    /* It fails without a word only when its memory ran out. */
    return cfg->message[0] ? -EINVAL : mr_config_no_memory(cfg);
}

int mr_config_parse(struct mr_config *cfg, const struct mr_config_table *tables,
                    size_t n)
{
    int err;

    if (cfg->message[0])
        return -EINVAL;
    MR_BUG_ON(cfg->text.len == 0 || cfg->tables || parsing);
    cfg->tables = tables;
    cfg->n_tables = n;
    err = mr_config_check_tables(cfg);
    if (!err)
        err = run_confuse(cfg);
    if (!err)
        err = mr_config_check_values(cfg);
    return err == -ENOMEM ? mr_config_no_memory(cfg) : err;
}

/* --- what was found --- */

struct mr_config_section *mr_config_root(struct mr_config *cfg)
{
    return &cfg->root;
}

struct mr_config_section *mr_config_next(const struct mr_config_section *in,
                                         const struct mr_config_section *prev,
                                         const char *name)
{
    struct mr_config_section *s = prev ? prev->next : in->cfg->sections;

    while (s && (s->parent != in || strcmp(s->name, name) != 0))
        s = s->next;
    return s;
}

const char *mr_config_title(const struct mr_config_section *s)
{
    return s->title;
}

const char *mr_config_get(const struct mr_config_section *s, const char *name)
{
    const struct mr_config_value *v = mr_config_find(s, name);

    return v ? v->words[0] : NULL;
}

int mr_config_fill(const struct mr_config_section *s,
                   const struct mr_config_table *table, void *target)
{
    bool applies = mr_config_applies(table, s);
    int err = 0;

    for (size_t i = 0; !err && i < table->n; i++) {
        const struct mr_config_option *opt = &table->options[i];
        const struct mr_config_value *v =
            applies ? mr_config_find(s, opt->name) : NULL;
        void *field = (char *)target + opt->offset;

        if (v)
            err = mr_config_convert(s->cfg, opt, v->words, v->n, field);
        else
            err = mr_config_convert_default(s->cfg, opt, field);
    }
    MR_BUG_ON(err == -EINVAL); /* not the table that was parsed */
    return err == -ENOMEM ? mr_config_no_memory(s->cfg) : err;
}

const char *mr_config_where(const struct mr_config_section *s, const char *name)
{
    struct mr_config *cfg = s->cfg;
    int line = line_of(s, name);

    if (line > 0)
        snprintf(cfg->where, sizeof cfg->where, "%s:%d", cfg->name, line);
    else
        snprintf(cfg->where, sizeof cfg->where, "%s", cfg->name);
    return cfg->where;
}
