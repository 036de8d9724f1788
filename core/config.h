/* SPDX-License-Identifier: MIT */
#ifndef CORE_CONFIG_H
#define CORE_CONFIG_H

/*
 * config.h - configuration files: the syntax here, the meaning in the module
 * that owns a directive.
 *
 * A module describes its directives in a table, and has values checked and
 * written into a struct of its own. All errors are one line; the first counts:
 * "conf/x.conf:12: what is wrong, what to do".
 *
 *     struct limits { int64_t workers, body_max; };
 *     static const struct mr_config_option options[] = {
 *         {.name = "workers", .type = MR_CONFIG_INT, .def = "auto",
 *          .offset = offsetof(struct limits, workers), .min = 1, .max = 1024,
 *          .word = "auto", .doc = "worker processes; auto: one per core"},
 *     };
 *     err = mr_config_read(cfg, "conf/x.conf");       pass one
 *     ... load what mr_config_loads and mr_config_apps name ...
 *     err = mr_config_parse(cfg, tables, n);          pass two
 *     err = mr_config_fill(mr_config_root(cfg), &table, &limits);
 *     if (err) puts(mr_config_message(cfg));
 *
 * A file is `name = value`, `name = {value, value}` and sections,
 * `name "title" { ... }`, inside of which may stand those whose tables say so.
 * Comments: # // and C's. Words may stand bare; quotes "..." and '...' know no
 * escapes but \\ and the quote. No variables, no included files. One parse at
 * a time in a process: libconfuse keeps state in globals.
 */
#include "core/buf.h"

enum mr_config_type {
    MR_CONFIG_STRING,   /* const char *, the configuration's */
    MR_CONFIG_INT,      /* int64_t */
    MR_CONFIG_SIZE,     /* int64_t bytes: 64K */
    MR_CONFIG_DURATION, /* int64_t ns: 500ms, 10s; bare: seconds */
    MR_CONFIG_BOOL,     /* bool: on off yes no true false */
    MR_CONFIG_ENUM,     /* int, the index in `choices` */
    MR_CONFIG_LIST,     /* struct mr_config_list */
};

struct mr_config_list {
    size_t n;
    const char *const *v; /* the configuration's */
};

struct mr_config_option {
    const char *name;
    enum mr_config_type type;
    size_t offset;      /* in the struct that mr_config_fill writes */
    const char *def;    /* as one would write it; NULL: the field is zeroed */
    int64_t min, max;   /* of a number, or each string's length; max 0: none */
    const char *word;   /* a number may also be this word ("auto", "off"), */
    int64_t word_value; /* which stands for this */
    const char *const *choices; /* of an ENUM, ends with NULL */
    bool required;              /* not having it is an error */
    bool repeat; /* of a LIST: several lines add up; else they are an error */
    const char *doc;
};

/* The directives of one place; it may have several tables. */
struct mr_config_table {
    const char *section; /* NULL: the top level */
    const char *owner;   /* the app whose options these are, for sections with
                          * `app = owner`. NULL: the section's own */
    const struct mr_config_option *options;
    size_t n;
    const char *inside; /* that section may have it too; NULL: no section */
    bool bare;          /* `name { ... }`, no title: once, `inside` only */
};

struct mr_config;
struct mr_config_section;
/* NULL when out of memory. */
MR_API MR_MUST_USE struct mr_config *mr_config_new(void);
/* With all that it handed out. NULL does nothing. */
MR_API void mr_config_free(struct mr_config *cfg);
MR_DEFINE_AUTO(config)
/*
 * Pass one: read a file, or a text that errors call `name`, and find what must
 * be loaded. Once per object. 0; -EINVAL: it is not well-formed; -EFBIG,
 * -ENAMETOOLONG; -ENOMEM; what open and read say. The message is set.
 */
MR_API MR_MUST_USE int mr_config_read(struct mr_config *cfg, const char *path);
MR_API MR_MUST_USE int mr_config_read_text(struct mr_config *cfg,
                                           const char *name,
                                           struct mr_str text);

/* What pass one found, in order: the values of `load` at the top level; those
 * of `app` in sections, each once. How many; *ret is the configuration's. */
struct mr_config_need {
    const char *text;
    int line;
};
MR_API size_t mr_config_loads(const struct mr_config *cfg,
                              const struct mr_config_need **ret);
MR_API size_t mr_config_apps(const struct mr_config *cfg,
                             const struct mr_config_need **ret);

/*
 * Pass two: every directive belongs to a table, stands where it may, and has a
 * proper value. Keeps the tables. Once, after pass one. 0; -EINVAL, also when
 * the tables themselves clash; -ENOMEM. The message is set.
 */
MR_API MR_MUST_USE int mr_config_parse(struct mr_config *cfg,
                                       const struct mr_config_table *tables,
                                       size_t n);

/* --- after pass two --- */

/* The top level; its title is "". Never NULL. */
MR_API struct mr_config_section *mr_config_root(struct mr_config *cfg);
/* The first section of that name in `in` (root: at the top level) after `prev`
 * (NULL: of all), in the file's order, or NULL. */
MR_API struct mr_config_section *
mr_config_next(const struct mr_config_section *in,
               const struct mr_config_section *prev, const char *name);
MR_API const char *mr_config_title(const struct mr_config_section *s);
/* The value as written (a list's first), or NULL when it is not in the file. */
MR_API const char *mr_config_get(const struct mr_config_section *s,
                                 const char *name);

/* Values, or defaults, of a table's options into target. 0, -ENOMEM (target is
 * written in part). A BUG if the table is not one that was parsed. */
MR_API MR_MUST_USE int mr_config_fill(const struct mr_config_section *s,
                                      const struct mr_config_table *table,
                                      void *target);

/* "conf/x.conf:12", where the option was set, else where its section begins;
 * good until the next call for this configuration. name NULL: the section. */
MR_API const char *mr_config_where(const struct mr_config_section *s,
                                   const char *name);

/* Set the message, "file:line: ...", at that option or line (0: none), unless
 * one is set already. Always -EINVAL. */
MR_API MR_COLD int mr_config_error(const struct mr_config_section *s,
                                   const char *name, const char *fmt, ...)
    MR_PRINTF(3, 4);
MR_API MR_COLD int mr_config_error_at(struct mr_config *cfg, int line,
                                      const char *fmt, ...) MR_PRINTF(3, 4);
/* The first error, one line without newline; "" when there was none. */
MR_API const char *mr_config_message(const struct mr_config *cfg);

/* A table as text to go into a configuration: of each option a comment with
 * its doc and range, and "name = default". 0 or -ENOMEM. */
MR_API MR_MUST_USE int mr_config_print(const struct mr_config_table *table,
                                       struct mr_buf *out);

#endif
