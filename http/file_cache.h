/* SPDX-License-Identifier: MIT */
#ifndef HTTP_FILE_CACHE_H
#define HTTP_FILE_CACHE_H

/*
 * file_cache.h - files below a directory that are kept open, with what is known
 * of them, and the bytes of the small ones.
 *
 *     err = mr_file_cache_get(cache, "a/b.html", &f);
 *     if (!err) {
 *         ... f->fd, f->st, mr_file_cache_content(f, &text)
 *         mr_file_cache_put(f);
 *     }
 *
 * How old an answer may be: a file that was written, replaced or removed is
 * noticed at once where inotify works; and wherever it does not, a file that
 * was written. What neither tells (a directory or a link on the way to it was
 * replaced, a file on a network changed elsewhere) is noticed after the time to
 * live.
 *
 * One hub's: made anywhere, used on one thread.
 */
#include <sys/stat.h>

#include "core/str.h"
#include "http/compress.h"
#include "io/file.h"

/* A file up to this size has its bytes kept: as much as goes with its head into
 * one write. */
#define MR_FILE_CACHE_SMALL ((size_t)16 * 1024)

struct mr_file_cache;

struct mr_cached_file {
    int fd; /* O_RDONLY; the cache's: do not close, do not move its offset */
    struct stat st;
};

/*
 * A cache of at most max files (1 at least) beneath the directory root, which
 * is kept, each believed for ttl ns. 0, -EINVAL or -ENOMEM. Needs no hub yet.
 */
MR_MUST_USE int mr_file_cache_new(struct mr_file_cache **ret, int root,
                                  enum mr_links links, size_t max, int64_t ttl);
/* What is out stays open until it is put. NULL does nothing. */
void mr_file_cache_free(struct mr_file_cache *c);

/*
 * Open path beneath the root, or have it from the cache. 0, and a file or a
 * directory that stays open until mr_file_cache_put; else what
 * mr_file_open_links (io/file.h) says. Other kinds, and what is asked for with
 * "//" in its path, are opened, but not kept.
 * May park.
 */
MR_MUST_USE int mr_file_cache_get(struct mr_file_cache *c, const char *path,
                                  const struct mr_cached_file **ret);
void mr_file_cache_put(const struct mr_cached_file *f);

/*
 * All bytes of a small file. true: *ret is a view, good until f is put. false:
 * it is empty, large, changed in this moment, or could not be read: send it
 * from its descriptor, which tells. May park.
 */
MR_MUST_USE bool mr_file_cache_content(const struct mr_cached_file *f,
                                       struct mr_str *ret);

/* Where the compressed forms of those bytes are kept as long as they are. */
struct mr_compress_memo *mr_file_cache_memo(const struct mr_cached_file *f);

/* Where who sends it may keep what they found out about it: NULL, or a block of
 * mr_alloc's, which is freed when the file has changed or is forgotten. */
void **mr_file_cache_note(const struct mr_cached_file *f);

/* How many are kept now. */
size_t mr_file_cache_count(const struct mr_file_cache *c);

#endif
