/* SPDX-License-Identifier: MIT */
/*
 * base64.c - bytes to base64.
 */
#include "http/base64.h"

const char mr_base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void mr_base64_put(const void *bytes, size_t n, char *ret)
{
    const uint8_t *p = bytes;

    for (size_t i = 0; i < n; i += 3, ret += 4) {
        size_t left = n - i;
        uint32_t v = (uint32_t)p[i] << 16 |
                     (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
                     (left > 2 ? p[i + 2] : 0);

        ret[0] = mr_base64_digits[v >> 18];
        ret[1] = mr_base64_digits[v >> 12 & 63];
        ret[2] = left > 1 ? mr_base64_digits[v >> 6 & 63] : '=';
        ret[3] = left > 2 ? mr_base64_digits[v & 63] : '=';
    }
}
