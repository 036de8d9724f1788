/* SPDX-License-Identifier: MIT */
#ifndef HTTP_CODING_PRIV_H
#define HTTP_CODING_PRIV_H

/*
 * coding_priv.h - what coding.c asks of each library (coding_zlib.c,
 * coding_brotli.c, coding_zstd.c).
 */
#include "http/coding.h"

struct mr_coder {
    const struct mr_coding_library *library;
    struct mr_coder_pool *pool;
    struct mr_coder *next; /* idle */
    void *state;           /* the library's; NULL: none */
    int level;
    size_t bytes; /* that the library has through mr_coder_alloc */
};

struct mr_coding_library {
    enum mr_coding coding;
    int level_max;
    size_t bytes; /* measured: tests/http/test_coding.c holds them */
    /* Begin a text: make the state, or use the one that is there again. 0 or
     * -ENOMEM. */
    int (*begin)(struct mr_coder *c, int level, int64_t size);
    /* As mr_coder_run. */
    int (*run)(struct mr_coder *c, enum mr_coder_op op, struct mr_str *in,
               char *out, size_t cap, size_t *ret_n);
    void (*free)(struct mr_coder *c);
    size_t (*size)(const struct mr_coder *c);
};

extern const struct mr_coding_library mr_coding_zlib;
extern const struct mr_coding_library mr_coding_brotli;
extern const struct mr_coding_library mr_coding_zstd;

/* Memory for a library, in the form that they like; c is a struct mr_coder. */
void *mr_coder_alloc(void *c, size_t n);
void mr_coder_free(void *c, void *p);

#endif
