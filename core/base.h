/* SPDX-License-Identifier: MIT */
#ifndef CORE_BASE_H
#define CORE_BASE_H

/*
 * base.h - the words that every file uses.
 *
 * Attributes, container_of, scope cleanup and the check for our own bugs.
 * Every name begins with mr_ or MR_: handler apps share one symbol space with
 * whatever libraries they bring.
 *
 *     MR_AUTO(buf) b = mr_buf_new();          freed when the scope is left
 *     MR_BUG_ON(co->state != MR_CORO_DONE);   checked in release builds too
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
#    error "Millrace is C: wrap its headers in a C file of yours"
#endif

/* Exported from the server, libmillrace.so and the archives; the rest of the
 * runtime is built with hidden visibility. */
#define MR_API __attribute__((visibility("default")))
#define MR_MUST_USE __attribute__((warn_unused_result))
#define MR_NORETURN __attribute__((noreturn))
#define MR_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define MR_HOT __attribute__((hot))
#define MR_COLD __attribute__((cold, noinline))
#define MR_LIKELY(x) __builtin_expect(!!(x), 1)
#define MR_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Where this stands in the source, as one string: "core/hub.c:88". */
#define MR_HERE __FILE__ ":" MR_TEXT_(__LINE__)
#define MR_TEXT_(x) MR_TEXT__(x)
#define MR_TEXT__(x) #x

#define MR_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MR_MIN(a, b) ((a) < (b) ? (a) : (b))
#define MR_MAX(a, b) ((a) > (b) ? (a) : (b))

#define mr_container_of(ptr, type, member) \
    ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* A deadline that never comes; deadlines are int64_t nanoseconds on
 * CLOCK_MONOTONIC. */
#define MR_NEVER INT64_MAX

/*
 * MR_AUTO(x) declares a pointer that x's destructor, mr_x_free, gets when the
 * scope is left. Sound because coroutines always unwind (core/coro.h,
 * invariant 4). MR_MOVE(p) hands the pointer out and leaves NULL.
 */
#define MR_AUTO(type) \
    __attribute__((cleanup(mr_auto_##type))) struct mr_##type *
#define MR_DEFINE_AUTO(type)                                \
    static inline void mr_auto_##type(struct mr_##type **p) \
    {                                                       \
        mr_##type##_free(*p);                               \
    }
#define MR_MOVE(p)                   \
    ({                               \
        __typeof__(p) *slot_ = &(p); \
        __typeof__(p) v_ = *slot_;   \
        *slot_ = NULL;               \
        v_;                          \
    })

/*
 * MR_BUG_ON(cond): for our own bugs, and misuse of the API, never for what the
 * world or a peer does. Always compiled in. Prints file, line, the condition
 * and the running coroutine's name and state, then aborts.
 */
#define MR_BUG_ON(cond)                        \
    do {                                       \
        if (MR_UNLIKELY(cond))                 \
            mr_bug(__FILE__, __LINE__, #cond); \
    } while (0)

/* core/log.c. The hook, if set, appends who is running to the report: it gets
 * a buffer and its size, and writes a NUL-terminated line. */
MR_API MR_NORETURN MR_COLD void mr_bug(const char *file, int line,
                                       const char *what);
extern void (*mr_bug_context)(char *buf, size_t size);

#endif
