/* SPDX-License-Identifier: MIT */
#ifndef APPS_GET_JOURNAL_H
#define APPS_GET_JOURNAL_H

/*
 * journal.h - what of a file is done: in memory, and beside it on the disk.
 *
 *     get_ranges_add(&r, from, to);           these bytes are written
 *     rc = get_journal_format(&arena, &j, &text);
 *     rc = get_journal_write(dir, name, text);  at once whole, or not at all
 *     rc = get_journal_read(dir, name, &arena, &j);   after a crash
 *     rc = get_journal_remove(dir, name, true);
 *
 * A journal is a file of its own and not a trailer of the data: so the data
 * may be looked at while it comes, and at the end needs no cut before it gets
 * its name. It is written anew as a whole each time (under another name, then
 * renamed): with ranges merged it is a few hundred bytes, so that is as cheap
 * as appending, and it cannot grow or have a torn end.
 *
 * The format: "MRJ1", then one record: u32 length of what follows, u32 CRC-32
 * of it, and therein the length of the file (u64, all ones: not known), counted
 * strings (u32 and bytes: URL, validator, checksum), a count (u32) and so many
 * ranges (u64 from, u64 to). Little-endian.
 *
 * Files and strings here may come from anywhere: reading trusts nothing.
 * Blocking calls: they belong on a helper thread.
 */
#include "core/arena.h"

/* Bytes [from, to) of the file. */
struct get_range {
    int64_t from;
    int64_t to;
};

/* More gaps than connections make; a file that needs more has its smallest
 * pieces forgotten, and they are fetched again. */
#define GET_RANGES_MAX 256

/* Sorted, not empty, neither touching nor overlapping. */
struct get_ranges {
    size_t n;
    struct get_range v[GET_RANGES_MAX];
};

/* [from, to) is done. May forget a smaller piece, when there are too many. */
void get_ranges_add(struct get_ranges *r, int64_t from, int64_t to);
/* How many bytes are in it. */
int64_t get_ranges_total(const struct get_ranges *r);
/* The first piece at or after `from`, and before `end`, that is missing: false
 * when none is. */
bool get_ranges_gap(const struct get_ranges *r, int64_t from, int64_t end,
                    struct get_range *ret);

/* A name that has ".part.journal.new" behind it fits in here. */
#define GET_FILE_NAME 256

/* Longest URL, validator and checksum that are kept. */
#define GET_JOURNAL_URL 16384
#define GET_JOURNAL_VALIDATOR 1024

struct get_journal {
    int64_t length;          /* of the whole file; -1: not known */
    struct mr_str url;       /* where it comes from */
    struct mr_str validator; /* as If-Range takes it; empty: none, and then it
                              * cannot be gone on with */
    struct mr_str checksum;  /* "sha256=...", or empty */
    struct get_ranges done;
};

/* The journal as its file has it, in the arena. 0, -ENOMEM, -E2BIG (a string
 * is too long). */
MR_MUST_USE int get_journal_format(struct mr_arena *arena,
                                   const struct get_journal *j,
                                   struct mr_str *ret);
/* Views into text. 0, or -EBADMSG: torn, damaged, of another make. */
MR_MUST_USE int get_journal_parse(struct mr_str text, struct get_journal *ret);

/*
 * Write it at `name` below the directory dir: first as name and ".new", synced,
 * then renamed over. 0, or -Exxx, and the old one is what it was. An empty text
 * is a mark: it says whose the data beside it is, and nothing else; it is not
 * synced.
 */
MR_MUST_USE int get_journal_write(int dir, const char *name,
                                  struct mr_str text);
/* The same mark, where there is no journal: 0; -EEXIST: there is one. */
MR_MUST_USE int get_journal_mark(int dir, const char *name);
/* With what a crash left of a ".new" one, if one was ever written. 0; -ENOENT;
 * or -Exxx. */
MR_MUST_USE int get_journal_remove(int dir, const char *name, bool was_written);
/* 0; -ENOENT; -EBADMSG: a mark, too; -ELOOP: it is a link; or -Exxx. Strings
 * are in the arena. */
MR_MUST_USE int get_journal_read(int dir, const char *name,
                                 struct mr_arena *arena,
                                 struct get_journal *ret);

#endif
