/* SPDX-License-Identifier: MIT */
#ifndef TESTS_HTTP_WS_UTIL_H
#define TESTS_HTTP_WS_UTIL_H

/*
 * ws_util.h - frames as a client writes and reads them, by hand: what is tested
 * shares no code with them.
 */
#include <stdio.h>
#include <string.h>

#include "core/str.h"

enum { FIN = 0x80, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

/* One frame, masked, at `at`: the bytes behind it. n up to 2^32. */
static inline char *put_frame(char *at, unsigned first, const char *p, size_t n)
{
    static const char mask[4] = "\x12\x34\x56\x78";

    *at++ = (char)first;
    if (n < 126) {
        *at++ = (char)(0x80 | n);
    } else if (n < 65536) {
        *at++ = (char)(0x80 | 126);
        *at++ = (char)(n >> 8);
        *at++ = (char)n;
    } else {
        *at++ = (char)(0x80 | 127);
        for (int shift = 56; shift >= 0; shift -= 8)
            *at++ = (char)((uint64_t)n >> shift);
    }
    memcpy(at, mask, 4);
    at += 4;
    for (size_t i = 0; i < n; i++)
        *at++ = (char)(p[i] ^ mask[i % 4]);
    return at;
}

/* "text:hello", "binary:3", "close:1000 bye", "ping:", "pong:x": the frame at
 * the front of what a server sent, as words; its size, or 0: not whole. */
static inline size_t frame_words(struct mr_str in, char *out, size_t size)
{
    const uint8_t *p = (const uint8_t *)in.p;
    static const char *const names[16] = {
        [0] = "more",  [1] = "text", [2] = "binary",
        [8] = "close", [9] = "ping", [10] = "pong"};
    size_t head = 2, n;
    const char *name;

    if (in.n < 2)
        return 0;
    n = p[1];
    if (n == 126 && in.n >= 4) {
        head = 4;
        n = (size_t)p[2] << 8 | p[3];
    } else if (n == 127 && in.n >= 10) {
        head = 10;
        n = (size_t)p[6] << 24 | (size_t)p[7] << 16 | (size_t)p[8] << 8 | p[9];
    } else if (n >= 126) {
        return 0;
    }
    if (in.n < head + n)
        return 0;
    name = names[p[0] & 15] ? names[p[0] & 15] : "unknown";
    if ((p[0] & 15) == CLOSE && n >= 2)
        snprintf(out, size, "%s:%u%s%.*s", name,
                 (unsigned)p[head] << 8 | p[head + 1], n > 2 ? " " : "",
                 (int)n - 2, in.p + head + 2);
    else if ((p[0] & 15) == BINARY || n > 1000)
        snprintf(out, size, "%s:%zu", name, n);
    else
        snprintf(out, size, "%s:%.*s", name, (int)n, in.p + head);
    return head + n;
}

#endif
