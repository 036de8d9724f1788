/* SPDX-License-Identifier: MIT */
#ifndef APPS_GET_PART_H
#define APPS_GET_PART_H

/*
 * part.h - the file of a download: NAME.part while it comes, NAME when whole.
 *
 *     rc = get_part_open(&p, &options, why);      is there something already?
 *     ... ask; If-Range: get_part_journal(p)->validator, when it is not NULL
 *     rc = get_part_begin(p, length, url, validator, why);       200: anew
 *     rc = get_part_resume(p, length, validator, why);  206: it goes on
 *     rc = get_lane_open(&lane, p, from, to);          one for each connection
 *     while ((room = get_lane_room(lane, &n)) &&
 *            (got = mr_call_read(call, room, n, deadline)) > 0)
 *         rc = get_lane_commit(lane, got);
 *     rc = get_lane_close(lane, end);
 *     rc = get_part_finish(p, why);               it has its name now
 *     get_part_close(p);                          else: kept for another day
 *
 *     OPEN --[begin, resume]--> WRITING --[finish]--> DONE
 *     WRITING --[begin]--> WRITING, from nothing
 *     any --[close]--> gone: with its journal kept, if it can be gone on with
 *
 * Invariants
 *  (1) NAME appears only when every byte is there, synced, and the checksum, if
 *      one is wanted, is right. It replaces no file, unless told to.
 *  (2) What the journal says is done was synced before the journal was written.
 *      So a crash at any moment costs bytes that are fetched again, no wrong
 *      one.
 *  (3) NAME.part is locked from before it is written to until it has its name.
 *  (4) A disk never stops the hub: all that may wait for one runs on helper
 *      threads, but on file systems that are memory (tmpfs), where nothing
 *      waits, directly, as a helper would cost more than the call.
 *  (5) A file that fits one buffer (GET_PART_SMALL) is made, written, synced
 *      and named in one go when it is whole. A longer one has a journal that
 *      can be gone on with by its first write (of a lane's buffer) a second
 *      or more after its begin or resume, or 64 MiB.
 *  (6) NAME.part with something in it and no journal beside it is not ours.
 *
 * `why` has GET_WHY bytes and is written only on failure: a sentence for the
 * user that begins with the file's name.
 */
#include "apps/get/journal.h"
#include "io/checksum.h"

#define GET_WHY 512
#define GET_PART_SMALL (128 * 1024)

struct get_part;
struct get_lane;

struct get_part_options {
    int dir;          /* a directory, open for reading (not AT_FDCWD); the
                       * caller's, until the part is closed */
    const char *name; /* below it, without '/'; copied */
    bool resume;      /* go on with what is there; else it is begun anew */
    bool overwrite;   /* NAME may be replaced; also a NAME.part that nothing
                       * says is ours (so does `resume`), but never another
                       * user's, a link, or a locked one */
    bool no_sync;     /* trust the kernel: a crash of the machine may lose it */
    const struct mr_checksum *checksum; /* wanted; copied. NULL: none */
};

/*
 * Look what is there. 0; -EEXIST: NAME is, and is not to be replaced; -EBUSY:
 * NAME.part is another process's; -ENOTEMPTY: it is not ours, by invariant 6;
 * -EINVAL: no name for a file; -ENOTDIR, -EACCES, -ENOMEM, ... May park.
 */
MR_MUST_USE int get_part_open(struct get_part **ret,
                              const struct get_part_options *o, char *why);

/* What there is to go on with, of an earlier run or of this one; NULL: nothing.
 * Lives as long as the part, and changes while it is written. */
const struct get_journal *get_part_journal(const struct get_part *p);

/*
 * From nothing: whatever was there is given up. length -1: not known. url and
 * validator ("": none) are copied. Also when all lanes are closed and the
 * source has changed. 0; -ENOSPC: told now, not at the end; -EFBIG; -EBUSY;
 * -ENOTEMPTY; as open(2). May park.
 */
MR_MUST_USE int get_part_begin(struct get_part *p, int64_t length,
                               struct mr_str url, struct mr_str validator,
                               char *why);
/* Go on with the journal's. 0; -ESTALE: length or validator are not its; else
 * as begin. May park. */
MR_MUST_USE int get_part_resume(struct get_part *p, int64_t length,
                                struct mr_str validator, char *why);

/* The validator that an answer gives: a strong ETag, else a Last-Modified that
 * is strong too (RFC 9110, 8.8.2.2: a minute before Date), else empty. */
struct mr_str get_part_validator(struct mr_str etag, struct mr_str modified,
                                 struct mr_str date);

/* The first piece at or after `from` that is neither done nor a lane's. */
bool get_part_gap(const struct get_part *p, int64_t from,
                  struct get_range *ret);
/* -1: not known. */
int64_t get_part_length(const struct get_part *p);
/* Bytes that are written or in a lane's buffer: for display. */
int64_t get_part_have(const struct get_part *p);

/* --- lanes: one writer each, of a piece --- */

/* Of [from, to), which no other lane has; to -1: until it ends, whose length
 * then is what came (one lane, and length -1). No buffer before the first room.
 * 0, -ENOMEM, or as open(2). May park. */
MR_MUST_USE int get_lane_open(struct get_lane **ret, struct get_part *p,
                              int64_t from, int64_t to);
/* Give up the end of a lane's piece to another: [to, ...). Not below what was
 * committed, and not of a file that fits one buffer: -EINVAL. What is committed
 * beyond it afterwards is not looked at. */
MR_MUST_USE int get_lane_cut(struct get_lane *lane, int64_t to);
struct get_range get_lane_rest(const struct get_lane *lane);
/* Room for *ret_n > 0 bytes; when the piece is full, or nothing was asked:
 * 0 bytes. NULL and the error in *ret_n: -ENOSPC, -EIO, -ENOMEM, -ECANCELED,
 * ... May park, until a helper has written what was there. */
char *get_lane_room(struct get_lane *lane, ssize_t *ret_n);
/* n bytes were put there. 0, or -Exxx of a write. May park. */
MR_MUST_USE int get_lane_commit(struct get_lane *lane, size_t n);
/* Write the rest, and free it, also on failure. end: what came is all there is
 * (matters to a lane with to -1). 0 or the part's error. Cancelled, it still
 * writes. May park. */
MR_MUST_USE int get_lane_close(struct get_lane *lane, bool end);

/* --- the end --- */

/*
 * Everything is there: check, sync, name. All lanes are closed. 0; -ENODATA:
 * pieces are missing; -EBADMSG: the checksum is wrong (NAME.part is removed: no
 * byte of it can be trusted); -EEXIST: NAME appeared meanwhile (NAME.part and
 * journal stay); -ENOSPC, -EIO, ... May park, shielded.
 */
MR_MUST_USE int get_part_finish(struct get_part *p, char *why);
/* All lanes are closed. Not finished: the journal is written, if something can
 * be gone on with; else nothing is left. True: there is something (on a full
 * disk less than has come). NULL: false. May park, shielded. */
bool get_part_close(struct get_part *p);
/* Whether close will try to leave something to go on with. */
bool get_part_is_kept(const struct get_part *p);

#endif
