/* SPDX-License-Identifier: MIT */
/* test_websocket_codec.c - frames in, messages and answers out; no connection.
 */
#include <errno.h>
#include <stdlib.h>

#include "http/websocket.h"
#include "http/websocket_priv.h"
#include "tests/http/ws_util.h"
#include "tests/test.h"

TEST(ws_accept)
{
    static const struct {
        const char *key, *want; /* NULL: no key */
    } cases[] = {
        {"dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="}, /* 1.3 */
        {"AAAAAAAAAAAAAAAAAAAAAA==", "ICX+Yqv66kxgM0FcWaLWlFLwTAI="},
        {"x3JJHMbDL1EzLkh9GBhXDw==", "HSmrc0sMlYUkAGmm5OPpG2HaGWk="},
        {"", NULL},
        {"dGhlIHNhbXBsZSBub25jZQ=", NULL},
        {"dGhlIHNhbXBsZSBub25jZQ===", NULL},
        {"dGhlIHNhbXBsZSBub25jZR==", NULL}, /* bits beyond 16 bytes */
        {"dGhlIHNhbXBsZSBub25jZQQ=", NULL},
        {"dGhlIHNhbXBsZSB-b25jZQ==", NULL},
        {"dGhlIHNhbXBsZSB=b25jZQ==", NULL},
    };

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        char got[MR_WS_ACCEPT_LEN + 1] = "";
        bool is_key = mr_ws_accept(mr_str(cases[i].key), got);

        CASE("%s", cases[i].key);
        EQ_INT(is_key, cases[i].want != NULL);
        EQ_STR(got, cases[i].want ? cases[i].want : "");
    }
}

/* --- frames --- */

#define MAX_MESSAGE 1000

struct frame {
    int first; /* FIN, reserved bits, opcode */
    const char *p;
    size_t n; /* 0: strlen of p */
};

static char zeros[2000];

static const struct {
    const char *name;
    struct frame frames[5];
    const char *want; /* messages, then what goes back */
} cases[] = {
    {"text", {{FIN | TEXT, "hello", 0}}, "text:hello"},
    {"empty", {{FIN | TEXT, "", 0}}, "text:"},
    {"binary", {{FIN | BINARY, "\0\1\2", 3}}, "binary:3"},
    {"two", {{FIN | TEXT, "a", 0}, {FIN | TEXT, "b", 0}}, "text:a text:b"},
    {"fragments",
     {{TEXT, "a", 0}, {0, "b", 0}, {0, "", 0}, {FIN, "c", 0}},
     "text:abc"},
    {"a character in two fragments",
     {{TEXT, "\xc3", 0}, {FIN, "\xa4", 0}},
     "text:\xc3\xa4"},
    {"ping between fragments",
     {{TEXT, "a", 0}, {FIN | PING, "p", 0}, {FIN, "c", 0}},
     "text:ac | pong:p"},
    {"pong unasked", {{FIN | PONG, "x", 0}}, ""},
    {"126", {{FIN | BINARY, zeros, 126}}, "binary:126"},
    {"as much as may be", {{FIN | BINARY, zeros, 1000}}, "binary:1000"},
    {"close", {{FIN | CLOSE, "\x03\xe8", 2}}, "| close:1000"},
    {"close without a code", {{FIN | CLOSE, "", 0}}, "| close:"},
    {"close with a reason",
     {{FIN | CLOSE, "\x0f\xa0why", 5}},
     "| close:4000 why"},
    {"nothing after a close",
     {{FIN | CLOSE, "\x03\xe8", 2}, {FIN | TEXT, "x", 0}, {FIN | PING, "", 0}},
     "| close:1000"},
    {"message before a close",
     {{FIN | TEXT, "x", 0}, {FIN | CLOSE, "\x03\xe9", 2}},
     "text:x | close:1001"},
    /* 1009 */
    {"a frame too long", {{FIN | BINARY, zeros, 1001}}, "| close:1009"},
    {"a message too long",
     {{BINARY, zeros, 900}, {FIN, zeros, 101}},
     "| close:1009"},
    /* 1007 */
    {"no UTF-8", {{FIN | TEXT, "\xff", 0}}, "| close:1007"},
    {"a surrogate", {{FIN | TEXT, "\xed\xa0\x80", 0}}, "| close:1007"},
    {"half a character", {{FIN | TEXT, "a\xc3", 0}}, "| close:1007"},
    {"no UTF-8 in a fragment",
     {{TEXT, "a", 0}, {0, "\xff", 0}},
     "| close:1007"},
    {"half a character in fragments",
     {{TEXT, "a\xc3", 0}, {FIN, "", 0}},
     "| close:1007"},
    {"no UTF-8 in a reason",
     {{FIN | CLOSE, "\x03\xe8\xff", 3}},
     "| close:1007"},
    /* 1002 */
    {"reserved bit", {{FIN | 0x40 | TEXT, "a", 0}}, "| close:1002"},
    {"reserved bit 3", {{FIN | 0x10 | BINARY, "a", 0}}, "| close:1002"},
    {"reserved bit of a ping", {{FIN | 0x20 | PING, "a", 0}}, "| close:1002"},
    {"opcode 3", {{FIN | 3, "a", 0}}, "| close:1002"},
    {"opcode 11", {{FIN | 11, "a", 0}}, "| close:1002"},
    {"continues nothing", {{FIN, "a", 0}}, "| close:1002"},
    {"text within a message",
     {{TEXT, "a", 0}, {FIN | TEXT, "b", 0}},
     "| close:1002"},
    {"a ping in fragments", {{PING, "a", 0}}, "| close:1002"},
    {"a ping too long", {{FIN | PING, zeros, 126}}, "| close:1002"},
    {"a ping too long behind a ping",
     {{FIN | PING, "a", 0}, {FIN | PING, zeros, 126}},
     "| pong:a close:1002"},
    {"a close too long", {{FIN | CLOSE, zeros, 126}}, "| close:1002"},
    {"close with one byte", {{FIN | CLOSE, "x", 1}}, "| close:1002"},
    {"close 0", {{FIN | CLOSE, "\0\0", 2}}, "| close:1002"},
    {"close 999", {{FIN | CLOSE, "\x03\xe7", 2}}, "| close:1002"},
    {"close 1004", {{FIN | CLOSE, "\x03\xec", 2}}, "| close:1002"},
    {"close 1005", {{FIN | CLOSE, "\x03\xed", 2}}, "| close:1002"},
    {"close 1006", {{FIN | CLOSE, "\x03\xee", 2}}, "| close:1002"},
    {"close 1015", {{FIN | CLOSE, "\x03\xf7", 2}}, "| close:1002"},
    {"close 2999", {{FIN | CLOSE, "\x0b\xb7", 2}}, "| close:1002"},
    {"close 5000", {{FIN | CLOSE, "\x13\x88", 2}}, "| close:1002"},
};

static void outcome(struct mr_ws_codec *c, char *out, size_t size)
{
    struct mr_str rest = mr_buf_view(&c->out);
    struct mr_ws_item *item;
    size_t n = 0, used;

    out[0] = '\0';
    while ((item = mr_ws_codec_next(c))) {
        if (item->type == MR_WS_TEXT)
            n +=
                (size_t)snprintf(out + n, size - n, "%stext:%.*s", n ? " " : "",
                                 MR_STR(mr_buf_view(&item->data)));
        else
            n += (size_t)snprintf(out + n, size - n, "%sbinary:%zu",
                                  n ? " " : "", item->data.len);
        mr_ws_item_free(item);
    }
    if (rest.n > 0)
        n += (size_t)snprintf(out + n, size - n, "%s|", n ? " " : "");
    while (rest.n > 0) {
        char words[512] = "";

        used = frame_words(rest, words, sizeof words);
        OK(used > 0);
        rest = mr_str_n(rest.p + used, rest.n - used);
        n += (size_t)snprintf(out + n, size - n, " %s", words);
    }
}

/* Whole, byte by byte, and cut in two at each place: the same each time. */
TEST(ws_frames)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        static char in[8192];
        char *end = in, got[2048];

        for (const struct frame *f = cases[i].frames; f->p; f++)
            end = put_frame(end, (unsigned)f->first, f->p,
                            f->n ? f->n : strlen(f->p));
        for (ssize_t cut = -1; cut < end - in; cut++) {
            struct mr_ws_codec c;
            size_t size = (size_t)(end - in);

            CASE("%s, cut %zd", cases[i].name, cut);
            EQ_INT(mr_ws_codec_init(&c, MAX_MESSAGE), 0);
            if (cut < 0) {
                for (const char *p = in; p < end; p++)
                    EQ_INT(mr_ws_codec_feed(&c, mr_str_n(p, 1)), 0);
            } else {
                EQ_INT(mr_ws_codec_feed(&c, mr_str_n(in, (size_t)cut)), 0);
                EQ_INT(mr_ws_codec_feed(&c,
                                        mr_str_n(in + cut, size - (size_t)cut)),
                       0);
            }
            outcome(&c, got, sizeof got);
            EQ_STR(got, cases[i].want);
            EQ_INT(mr_ws_codec_is_open(&c), !strstr(cases[i].want, "close"));
            mr_ws_codec_fini(&c);
        }
    }
}

/* RFC 6455 5.1: a client masks. */
TEST(ws_not_masked)
{
    struct mr_ws_codec c;
    char got[512];

    EQ_INT(mr_ws_codec_init(&c, MAX_MESSAGE), 0);
    EQ_INT(mr_ws_codec_feed(&c, mr_str("\x81\x05hello")), 0);
    outcome(&c, got, sizeof got);
    EQ_STR(got, "| close:1002");
    mr_ws_codec_fini(&c);
}

/* A length is refused with its frame's first byte: 2^62 bytes are not waited
 * for, nor is room for them made. */
TEST(ws_length_before_payload)
{
    struct mr_ws_codec c;
    char got[512];

    EQ_INT(mr_ws_codec_init(&c, MAX_MESSAGE), 0);
    EQ_INT(mr_ws_codec_feed(&c, mr_str_n("\x82\xff\x3f\xff\xff\xff\xff\xff\xff"
                                         "\xff\1\2\3\4x",
                                         15)),
           0);
    outcome(&c, got, sizeof got);
    EQ_STR(got, "| close:1009");
    EQ_INT(mr_ws_codec_sent(&c), 1009);
    EQ_INT(mr_ws_codec_received(&c), 0);
    mr_ws_codec_fini(&c);
}

/* Fragments without end, and without bytes, hold no memory. */
TEST(ws_empty_fragments)
{
    struct mr_ws_codec c;
    char in[64], *end = put_frame(in, BINARY, "x", 1);

    EQ_INT(mr_ws_codec_init(&c, MAX_MESSAGE), 0);
    EQ_INT(mr_ws_codec_feed(&c, mr_str_n(in, (size_t)(end - in))), 0);
    end = put_frame(in, 0, "", 0);
    for (int i = 0; i < 100000; i++)
        EQ_INT(mr_ws_codec_feed(&c, mr_str_n(in, (size_t)(end - in))), 0);
    EQ_INT(c.partial.len, 1);
    OK(c.partial.cap < 1000);
    OK(mr_ws_codec_is_open(&c));
    mr_ws_codec_fini(&c);
}

TEST(ws_sending)
{
    struct mr_ws_codec c;
    char got[512], *big = calloc(1, 70000);

    EQ_INT(mr_ws_codec_init(&c, MAX_MESSAGE), 0);
    EQ_INT(mr_ws_codec_send(&c, MR_WS_TEXT, mr_str("hi")), 0);
    EQ_MEM(c.out.data, 4, "\x81\x02hi", 4);
    EQ_INT(mr_ws_codec_ping(&c), 0);
    EQ_INT(mr_ws_codec_send(&c, MR_WS_BINARY, mr_str_n(zeros, 200)), 0);
    EQ_INT(mr_ws_codec_send(&c, MR_WS_BINARY, mr_str_n(big, 70000)), 0);
    EQ_INT(mr_ws_codec_send(&c, MR_WS_TEXT, mr_str("")), 0);
    EQ_INT(mr_ws_codec_close(&c, 1001, mr_str("bye")), 0);
    EQ_INT(mr_ws_codec_send(&c, MR_WS_TEXT, mr_str("late")), -EPIPE);
    EQ_INT(mr_ws_codec_close(&c, 1000, mr_str("")), -EPIPE);
    outcome(&c, got, sizeof got);
    EQ_STR(got, "| text:hi ping: binary:200 binary:70000 text: close:1001 bye");
    EQ_INT(mr_ws_codec_sent(&c), 1001);
    mr_ws_codec_fini(&c);
    free(big);
}

SUITE("handshake", ws_accept);
SUITE("frames", ws_frames, ws_not_masked, ws_length_before_payload,
      ws_empty_fragments, ws_sending);
TEST_MAIN()
