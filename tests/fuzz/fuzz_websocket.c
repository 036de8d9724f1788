/* SPDX-License-Identifier: MIT */
/* fuzz_websocket.c - any bytes as a client's frames, whole and byte by byte:
 * the same messages, the same answer; and a code that may be sent. */
#include <string.h>

#include "http/websocket.h"
#include "http/websocket_priv.h"

#define MAX_MESSAGE 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A Close's reason may be refused before it is whole, or when it is: so what
 * was begun is brought to its end. */
static void feed(struct mr_ws_codec *c, const char *p, size_t n, size_t step)
{
    static const char rest[140];

    for (size_t i = 0; i < n; i += step)
        (void)!mr_ws_codec_feed(c, mr_str_n(p + i, MR_MIN(step, n - i)));
    (void)!mr_ws_codec_feed(c, mr_str_n(rest, sizeof rest));
}

/* Bytes that go back before the Close. What the Close says may depend on how
 * the peer's came: libwslay looks at the text of one that comes in pieces
 * before it is whole, and not always at its first byte. */
static size_t before_close(const struct mr_ws_codec *c)
{
    const uint8_t *p = (const uint8_t *)c->out.data;
    size_t at = 0;

    while (at < c->out.len && (p[at] & 15) != 8)
        at += 2 + (size_t)p[at + 1]; /* pongs: their length is one byte */
    return at;
}

static void compare(struct mr_ws_codec *a, struct mr_ws_codec *b)
{
    size_t n_out = before_close(a);
    struct mr_ws_item *m, *n;

    do {
        m = mr_ws_codec_next(a);
        n = mr_ws_codec_next(b);
        MR_BUG_ON(!m != !n);
        if (m) {
            struct mr_str text = mr_ws_item_text(m);

            MR_BUG_ON(m->type != n->type);
            MR_BUG_ON(!mr_str_eq(text, mr_ws_item_text(n)));
            MR_BUG_ON(text.n > MAX_MESSAGE);
            MR_BUG_ON(m->type == MR_WS_TEXT && !mr_str_is_utf8(text));
        }
        mr_ws_item_free(m);
        mr_ws_item_free(n);
    } while (m);
    MR_BUG_ON(n_out != before_close(b));
    MR_BUG_ON(n_out > 0 && memcmp(a->out.data, b->out.data, n_out) != 0);
    MR_BUG_ON(!mr_ws_codec_sent(a) != !mr_ws_codec_sent(b));
    MR_BUG_ON(mr_ws_codec_is_open(a) != mr_ws_codec_is_open(b));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_ws_codec whole, cut;
    const char *in = (const char *)data;

    if (mr_ws_codec_init(&whole, MAX_MESSAGE))
        return 0;
    if (mr_ws_codec_init(&cut, MAX_MESSAGE) == 0) {
        feed(&whole, in, size, SIZE_MAX / 2);
        feed(&cut, in, size, 1);
        compare(&whole, &cut);
        mr_ws_codec_fini(&cut);
    }
    mr_ws_codec_fini(&whole);
    return 0;
}
