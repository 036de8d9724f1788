/* SPDX-License-Identifier: MIT */
/* fuzz_websocket.c - any bytes as a client's frames, whole and byte by byte:
 * the same messages, the same answer; and a code that may be sent. The messages
 * are those that a reader of whole frames finds, which looks at the text of a
 * whole message. */
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

/* --- a reader of whole frames (RFC 6455 5.2 to 5.6) --- */

struct model {
    const uint8_t *p;
    size_t left;
    char *text; /* the message that is gathered: n bytes */
    size_t n;
    int type; /* of it; 0: none has begun */
};

/* The payload's length, of which the first byte is given; false: cut off, or
 * in more bytes than it needs. */
static bool read_length(struct model *m, uint64_t *n)
{
    size_t more = *n == 126 ? 2 : *n == 127 ? 8 : 0;

    if (more == 0)
        return true;
    if (m->left < more)
        return false;
    *n = 0;
    for (size_t i = 0; i < more; i++)
        *n = *n << 8 | m->p[i];
    m->p += more;
    m->left -= more;
    return *n >= (more == 2 ? 126 : 65536) && *n <= INT64_MAX;
}

/* Its payload, unmasked, behind what is gathered already. */
static bool read_payload(struct model *m, uint64_t n)
{
    const uint8_t *key = m->p;

    if (m->left < 4 || n > m->left - 4 || n > MAX_MESSAGE - m->n)
        return false;
    for (size_t i = 0; i < n; i++)
        m->text[m->n + i] = (char)(m->p[4 + i] ^ key[i % 4]);
    m->p += 4 + n;
    m->left -= 4 + (size_t)n;
    return true;
}

/* A data frame: 1: with it a message is whole. 0, or -1: an error. */
static int read_data(struct model *m, int opcode, bool last, uint64_t n)
{
    if (opcode > 2 || !opcode != !!m->type || !read_payload(m, n))
        return -1;
    m->type = opcode ? opcode : m->type;
    m->n += (size_t)n;
    if (!last)
        return 0;
    if (m->type == MR_WS_TEXT && !mr_str_is_utf8(mr_str_n(m->text, m->n)))
        return -1;
    return 1;
}

/* One frame: as read_data; a Close is an end too. */
static int read_frame(struct model *m)
{
    uint64_t n;
    int first, second;

    if (m->left < 2)
        return -1;
    first = m->p[0];
    second = m->p[1];
    m->p += 2;
    m->left -= 2;
    n = second & 127;
    if (first & 0x70 || !(second & 128) || !read_length(m, &n))
        return -1;
    if (!(first & 8))
        return read_data(m, first & 15, first & 128, n);
    if (!(first & 128) || n > 125 || (first & 15) < 9 || (first & 15) > 10 ||
        m->left < 4 || n > m->left - 4)
        return -1;
    m->p += 4 + n;
    m->left -= 4 + (size_t)n;
    return 0;
}

/* The next message of the model; its type, or 0: there is none any more. */
static int next_message(struct model *m)
{
    int rc, type;

    while ((rc = read_frame(m)) == 0)
        ;
    type = rc == 1 ? m->type : 0;
    m->type = 0;
    if (!type)
        m->left = 0;
    return type;
}

static void check_messages(const uint8_t *p, size_t n)
{
    static char text[MAX_MESSAGE];
    struct model m = {p, n, text, 0, 0};
    struct mr_ws_codec c;
    struct mr_ws_item *item;
    int type;

    if (mr_ws_codec_init(&c, MAX_MESSAGE))
        return;
    (void)!mr_ws_codec_feed(&c, mr_str_n((const char *)p, n));
    do {
        type = next_message(&m);
        item = mr_ws_codec_next(&c);
        MR_BUG_ON((item ? item->type : 0) != type);
        MR_BUG_ON(item &&
                  !mr_str_eq(mr_ws_item_text(item), mr_str_n(text, m.n)));
        m.n = 0;
        mr_ws_item_free(item);
    } while (item);
    mr_ws_codec_fini(&c);
}

/* --- both --- */

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
    check_messages(data, size);
    return 0;
}
