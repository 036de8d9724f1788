/* SPDX-License-Identifier: MIT */
#ifndef APPS_GET_PART_FILE_H
#define APPS_GET_PART_FILE_H

/*
 * part_file.h - the calls that part.h makes on its file. All of them block:
 * they belong on a helper thread, or on a file system that is memory.
 */
#include "apps/get/journal.h"
#include "apps/get/name.h"

struct get_file {
    int dir;
    int fd; /* of NAME.part, locked; -1: not open */
    bool overwrite;
    bool no_sync;
    bool take;     /* what NAME.part is, if nothing says that it is ours */
    bool is_empty; /* NAME.part was, when it was opened */
    bool
        is_fresh; /* there was no journal, and none was written: a mark alone */
    char name[GET_NAME_SIZE];
    char part[GET_FILE_NAME];
    char journal[GET_FILE_NAME];
};

/* 0, or -EINVAL: it is no name for a file. */
MR_MUST_USE int get_file_init(struct get_file *f, int dir, const char *name);
/* Is NAME free? 0; -EEXIST; -EISDIR; -ENOTEMPTY: NAME.part holds something, and
 * no journal says that it is ours (not looked at if `take`); as stat(2). */
MR_MUST_USE int get_file_look(const struct get_file *f);
/* Open and lock NAME.part, or make it. 0; -ENOENT (not create); -EBUSY: another
 * process has it; -EMLINK: it is something else too, or no file; as open(2). */
MR_MUST_USE int get_file_open(struct get_file *f, bool create);
/* From nothing: in the journal's place comes a mark that says whose it is,
 * before a byte changes. Opens it if `create`. 0; -ENOTEMPTY: as above, and it
 * is not open; or -Exxx. */
MR_MUST_USE int get_file_clear(struct get_file *f, bool create);
/* Have room for length bytes: 0, -ENOSPC, -EFBIG, ... `memory`: the file system
 * is, and is only asked. */
MR_MUST_USE int get_file_allocate(const struct get_file *f, int64_t length,
                                  bool memory);
/* All of it. 0 or -Exxx. */
MR_MUST_USE int get_file_put(const struct get_file *f, const char *p, size_t n,
                             int64_t off);
/* Sync the data, then write the journal. -EIO and its like from the sync come
 * in *ret_lost: nothing that was written since the last one may be claimed. */
MR_MUST_USE int get_file_checkpoint(struct get_file *f, struct mr_str journal,
                                    bool *ret_lost);
/* Sync, give it its name, forget the journal, sync the directory, close. 0;
 * -EEXIST; or -Exxx: it is NAME.part still, and open. ret_lost as above. */
MR_MUST_USE int get_file_finish(struct get_file *f, bool *ret_lost);
/* NAME.part and its journal go. */
void get_file_remove(struct get_file *f);

#endif
