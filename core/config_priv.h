/* SPDX-License-Identifier: MIT */
#ifndef CORE_CONFIG_PRIV_H
#define CORE_CONFIG_PRIV_H

/*
 * config_priv.h - what the four files of config share.
 *
 * config_scan.c reads text, config_value.c converts values, config_check.c
 * knows the tables, config.c has libconfuse and the interface.
 */
#include "core/arena.h"
#include "core/config.h"

/* A file written by hand has a few hundred lines. The limits keep a wrong
 * file (a log, a disk image) and pairwise checks from taking long. */
#define MR_CONFIG_TEXT_MAX (1024 * 1024)
#define MR_CONFIG_WORD_MAX 4096
#define MR_CONFIG_SECTIONS_MAX 1024
#define MR_CONFIG_DEPTH_MAX 2     /* sections in each other */
#define MR_CONFIG_VALUES_MAX 1024 /* directives in one section */
#define MR_CONFIG_NAME_MAX 512    /* of the file, as part of every message */

/* One `name = ...` of a section. */
struct mr_config_value {
    struct mr_config_value *next;
    const char *name;
    int line;
    const char **words;
    size_t n;
    size_t cap;
};

struct mr_config_section {
    struct mr_config *cfg;
    struct mr_config_section *next;   /* as they begin, of whatever depth */
    struct mr_config_section *parent; /* what it is inside of */
    const char *name;                 /* NULL: the top level */
    const char *title;                /* never NULL */
    int line;                         /* where it begins; 0: the top level */
    struct mr_config_value *values;
    struct mr_config_value **values_end;
    size_t n_values;
};

struct mr_config_needs {
    struct mr_config_need *v;
    size_t n;
    size_t cap;
};

struct mr_config {
    struct mr_arena arena; /* whatever is handed out */
    const char *name;
    struct mr_buf text; /* canonical: what libconfuse reads */
    struct mr_config_section root;
    struct mr_config_section *sections;
    struct mr_config_section **sections_end;
    struct mr_config_section **by_number;
    size_t n_sections;
    size_t cap_sections;
    struct mr_config_needs loads;
    struct mr_config_needs apps;
    const struct mr_config_table *tables;
    size_t n_tables;
    char where[MR_CONFIG_NAME_MAX + 16];
    char message[MR_CONFIG_NAME_MAX + 1024];
};

/* --- config.c --- */

/* Room for one more in an array of the arena: moved when *cap is reached.
 * NULL when out of memory. */
void *mr_config_grow(struct mr_config *cfg, void *v, size_t n, size_t *cap,
                     size_t item_size);
/* Sets the message; always -ENOMEM. */
int mr_config_no_memory(struct mr_config *cfg);

/* --- config_scan.c --- */

/* Text to cfg->text, the sections, the needs. 0, -EINVAL, -ENOMEM; the message
 * is set. */
int mr_config_scan(struct mr_config *cfg, struct mr_str text);

/* --- config_value.c --- */

/* The words as opt's type, into field. 0, -EINVAL (no message), -ENOMEM. */
int mr_config_convert(struct mr_config *cfg, const struct mr_config_option *opt,
                      const char *const *words, size_t n, void *field);
/* opt->def, the same way; NULL zeroes the field. */
int mr_config_convert_default(struct mr_config *cfg,
                              const struct mr_config_option *opt, void *field);
/* "a number from 1 to 1024, or auto". 0 or -ENOMEM. */
int mr_config_put_kind(const struct mr_config_option *opt, struct mr_buf *out);

/* --- config_check.c --- */

/* Whether two places (NULL: the top level) are the same. */
bool mr_config_same(const char *a, const char *b);
/* Whether the table's options may stand in s. */
bool mr_config_applies(const struct mr_config_table *t,
                       const struct mr_config_section *s);
/* The first of that name, or NULL. */
struct mr_config_value *mr_config_find(const struct mr_config_section *s,
                                       const char *name);
/* The tables agree with each other. 0, -EINVAL, -ENOMEM; the message is set. */
int mr_config_check_tables(struct mr_config *cfg);
/* All values are of options that may stand there, and proper. The same. */
int mr_config_check_values(struct mr_config *cfg);
/* What libconfuse did not know: sets the message; always -EINVAL. */
int mr_config_unknown(struct mr_config *cfg, const struct mr_config_section *s,
                      int line, const char *name);

#endif
