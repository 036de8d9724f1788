/* SPDX-License-Identifier: MIT */
#ifndef HTTP_IDN_H
#define HTTP_IDN_H

/*
 * idn.h - host names in other scripts, as DNS and HTTP have them.
 *
 *     rc = mr_idn_to_ascii(&arena, mr_str("b\xc3\xbc" "cher.example"), &name);
 *                                          0, "xn--bcher-kva.example"
 *
 * As browsers do it (UTS 46, not transitional): capitals and wide letters are
 * mapped to their plain ones, dots of other scripts to '.', and what no name
 * may have is refused. Pure, but for memory.
 */
#include "core/arena.h"
#include "core/str.h"

/* Of UTF-8, up to 1024 bytes. 0, and the name in the arena: it is ASCII, and
 * nothing else of it is checked. What is ASCII already is given back as it is.
 * -EINVAL: it is no name; -ENOMEM. */
MR_API MR_MUST_USE int mr_idn_to_ascii(struct mr_arena *arena,
                                       struct mr_str name, struct mr_str *ret);

#endif
