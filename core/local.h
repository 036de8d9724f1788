/* SPDX-License-Identifier: MIT */
#ifndef CORE_LOCAL_H
#define CORE_LOCAL_H

/*
 * local.h - variables of which every errand has its own.
 *
 *     MR_LOCAL(int, depth)                     at file scope
 *     MR_LOCAL_WITH(struct trace, trace, trace_close)
 *
 *     int *d = depth();                        this errand's, 0 at first
 *     if (!d)
 *         return -ENOMEM;
 *     ++*d;
 *
 * A local belongs to the errand: the generators and greenlets that it resumes
 * see its values. What it spawns begins with none. It is made, zeroed, when it
 * is first asked for; an errand that asks for none pays nothing. Finding it
 * takes as long as the errand has locals; an errand has few.
 *
 * At the errand's end, after its children have ended and before those that
 * join it are told, its locals are destroyed, the newest first. A destructor
 * may park (shielded), spawn, and use locals: what it makes anew is destroyed
 * as well.
 *
 * Without a hub, and in hooks on the hub's stack, the thread's own stack has
 * locals too; as nobody sees it end, mr_local_clear is their end.
 */
#include "core/base.h"

/* Known by its address: it stays where it is. */
struct mr_local {
    size_t size;                  /* of the value */
    void (*destroy)(void *value); /* NULL: there is nothing to do */
};

/* The running errand's value: `size` bytes, aligned for any type. NULL when
 * out of memory. */
MR_API MR_MUST_USE void *mr_local_get(const struct mr_local *key);
/* The same without making it: NULL when there is none. */
MR_API MR_MUST_USE void *mr_local_peek(const struct mr_local *key);
/* Destroy one; there may be none. All of them. May park, as destructors do. */
MR_API void mr_local_drop(const struct mr_local *key);
MR_API void mr_local_clear(void);

/*
 * A local of this type, and `type *name(void)`, which is mr_local_get of it.
 * The key is name_local. MR_LOCAL_WITH: destroyed by fn(type *).
 */
#define MR_LOCAL(type, name)                                          \
    static const struct mr_local name##_local = {sizeof(type), NULL}; \
    MR_LOCAL_GET_(type, name)
#define MR_LOCAL_WITH(type, name, fn)                              \
    static void name##_destroy_(void *value)                       \
    {                                                              \
        (fn)((type *)value);                                       \
    }                                                              \
    static const struct mr_local name##_local = {sizeof(type),     \
                                                 name##_destroy_}; \
    MR_LOCAL_GET_(type, name)
#define MR_LOCAL_GET_(type, name)                                       \
    _Static_assert(_Alignof(type) <= _Alignof(max_align_t),             \
                   "aligned for any type is not aligned for this one"); \
    __attribute__((unused)) static inline type *name(void)              \
    {                                                                   \
        return (type *)mr_local_get(&name##_local);                     \
    }

#endif
