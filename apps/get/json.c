/* SPDX-License-Identifier: MIT */

/* json.c - text as a JSON string. */
#include "apps/get/json.h"

/* The bytes of the UTF-8 character that s begins with; 0: it is none. */
static size_t character(struct mr_str s)
{
    unsigned char c = (unsigned char)s.p[0];
    size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

    return n <= s.n && mr_str_is_utf8(mr_str_n(s.p, n)) ? n : 0;
}

static int put(struct mr_buf *out, struct mr_str s, size_t n)
{
    unsigned char c = (unsigned char)s.p[0];

    if (n == 0)
        return mr_buf_append_z(out, "\xef\xbf\xbd");
    if (c == '"' || c == '\\')
        return mr_buf_printf(out, "\\%c", c);
    if (c == '\n')
        return mr_buf_append_z(out, "\\n");
    if (c < 0x20)
        return mr_buf_printf(out, "\\u%04x", c);
    return mr_buf_append(out, s.p, n);
}

int get_json_string(struct mr_buf *out, struct mr_str s)
{
    int rc = mr_buf_append(out, "\"", 1);

    while (rc == 0 && s.n > 0) {
        size_t n = character(s), used = n ? n : 1;

        rc = put(out, s, n);
        s = mr_str_n(s.p + used, s.n - used);
    }
    return rc ? rc : mr_buf_append(out, "\"", 1);
}
