/* SPDX-License-Identifier: MIT */
/*
 * test_websocket_memory.c - frames without memory, libwslay's own included: it
 * calls malloc itself, which this program defines. Each allocation of a
 * conversation fails in its turn; nothing is kept, and what failed stays so.
 * The sanitizers have a malloc of their own, which is left alone: with them
 * only ours fail (tests/http/test_websocket.c does that over the wire).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/sys.h"
#include "http/websocket.h"
#include "http/websocket_priv.h"
#include "tests/http/ws_util.h"
#include "tests/test.h"

/* Allocations that were not given back: LeakSanitizer counts them where it is.
 */
static long out;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

static void fail_from_now(unsigned n)
{
    mr_sys_fault(MR_SYS_ALLOC, n, -ENOMEM);
}

static unsigned long stop_failing(void)
{
    unsigned long n = mr_sys_calls(MR_SYS_ALLOC);

    mr_sys_fault_clear();
    return n;
}

#else

/* The n-th from now fails; 0: none. How many there were. */
static unsigned long fail_at, asked;

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static bool fails(void)
{
    return ++asked == fail_at;
}

void *malloc(size_t n)
{
    void *p = fails() ? NULL : __libc_malloc(n);

    out += p != NULL;
    return p;
}

void *calloc(size_t n, size_t size)
{
    void *p = fails() ? NULL : __libc_calloc(n, size);

    out += p != NULL;
    return p;
}

void *realloc(void *old, size_t n)
{
    void *p = fails() ? NULL : __libc_realloc(old, n);

    out += p && !old;
    return p;
}

void free(void *p)
{
    out -= p != NULL;
    __libc_free(p);
}

static void fail_from_now(unsigned n)
{
    asked = 0;
    fail_at = n;
}

static unsigned long stop_failing(void)
{
    fail_at = 0;
    return asked;
}

#endif

/* A client's frames: text in pieces with a ping between them, a long one, a
 * Close. */
static size_t put_frames(char *at)
{
    static char much[3000];
    char *from = at;

    at = put_frame(at, FIN | TEXT, "hello", 5);
    at = put_frame(at, TEXT, "in ", 3);
    at = put_frame(at, FIN | PING, "p", 1);
    at = put_frame(at, FIN, "two", 3);
    at = put_frame(at, FIN | BINARY, much, sizeof much);
    at = put_frame(at, FIN | CLOSE, "\x03\xe8", 2);
    return (size_t)(at - from);
}

/* All of it; the first error, which then every call says. */
static int converse(struct mr_ws_codec *c, const char *frames, size_t n,
                    unsigned *heard)
{
    struct mr_ws_item *item;
    int err = mr_ws_codec_send(c, MR_WS_TEXT, mr_str("welcome"));

    if (!err)
        err = mr_ws_codec_ping(c);
    for (size_t i = 0; i < n && !err; i += 100) {
        err = mr_ws_codec_feed(c, mr_str_n(frames + i, MR_MIN(100, n - i)));
        while ((item = mr_ws_codec_next(c))) {
            ++*heard;
            mr_ws_item_free(item);
        }
    }
    if (err) {
        CHECK_EQ_INT(err, -ENOMEM);
        CHECK_EQ_INT(mr_ws_codec_feed(c, mr_str_n(frames, n)), -ENOMEM);
        CHECK_EQ_INT(mr_ws_codec_send(c, MR_WS_TEXT, mr_str("x")), -ENOMEM);
        CHECK_EQ_INT(mr_ws_codec_close(c, 1011, mr_str("")), -ENOMEM);
        CHECK_OK(!mr_ws_codec_is_open(c));
        CHECK_OK(!mr_ws_codec_next(c));
    }
    return err;
}

TEST(ws_codec_without_memory)
{
    static char frames[4096];
    size_t n = put_frames(frames);
    unsigned nth = 0;
    bool failed = true;

    while (failed && ++nth < 1000) {
        struct mr_ws_codec c = {0};
        unsigned heard = 0;
        long before = out;
        int err;

        CASE("allocation %u", nth);
        fail_from_now(nth);
        err = mr_ws_codec_init(&c, 1 << 20);
        if (!err)
            err = converse(&c, frames, n, &heard);
        failed = stop_failing() >= nth;
        if (!failed) {
            EQ_INT(err, 0);
            EQ_INT(heard, 3);
            EQ_INT(mr_ws_codec_received(&c), 1000);
            EQ_INT(mr_ws_codec_sent(&c), 1000);
        } else {
            EQ_INT(err, -ENOMEM);
        }
        mr_ws_codec_fini(&c);
        EQ_INT(out, before);
    }
    OK(nth > 5 && !failed);
}

SUITE("frames without memory", ws_codec_without_memory)
TEST_MAIN()
