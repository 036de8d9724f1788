/* SPDX-License-Identifier: MIT */
#ifndef TESTS_HTTP_TREE_H
#define TESTS_HTTP_TREE_H

/*
 * tree.h - a directory of files for a test, gone when its process is.
 *
 *     tree_make();
 *     tree_put("sub/a.txt", "alpha");     makes no directories
 *     mr_static_open(&s, &(struct mr_static_options){.root = tree});
 *
 * Use it in a coroutine: it checks with the CHECK_ variants.
 */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/test.h"

static char tree[] = "/tmp/test_tree.XXXXXX";

static inline int tree_drop_one(const char *path, const struct stat *st,
                                int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static inline void tree_drop(void)
{
    nftw(tree, tree_drop_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void tree_make(void)
{
    CHECK_OK(mkdtemp(tree) != NULL);
    atexit(tree_drop);
}

/* In a buffer that the next call uses again. */
static inline const char *tree_path(const char *name)
{
    static char path[512];

    snprintf(path, sizeof path, "%s/%s", tree, name);
    return path;
}

static inline void tree_put(const char *name, const char *text)
{
    FILE *f = fopen(tree_path(name), "w");

    CHECK_OK(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

/* Changed so many seconds before now: just now has a weak tag. */
static inline void tree_age(const char *name, int64_t seconds)
{
    const struct timespec at = {.tv_sec = time(NULL) - seconds};

    CHECK_EQ_INT(
        utimensat(AT_FDCWD, tree_path(name), (struct timespec[]){at, at}, 0),
        0);
}

static inline void tree_dir(const char *name)
{
    CHECK_EQ_INT(mkdir(tree_path(name), 0755), 0);
}

static inline void tree_link(const char *to, const char *name)
{
    CHECK_EQ_INT(symlink(to, tree_path(name)), 0);
}

#endif
