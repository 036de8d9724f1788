/* SPDX-License-Identifier: MIT */
/*
 * chunked.c - a strict, incremental decoder, and the encoder's two lines.
 *
 * Framing is read byte by byte, data in pieces as long as they come:
 *
 *     SIZE -> [extension] -> LINE_LF -> DATA -> DATA_CR -> DATA_LF -> SIZE
 *                               '-> (size 0) TAIL -> TAIL_LF -> DONE
 *                                             '-> TRAILERS ------^
 *
 * Invariants
 *  (1) The outcome depends on the bytes alone, not on how they were cut.
 *  (2) A line ends in CRLF, nothing else; a chunk's data is followed by CRLF.
 *  (3) An extension is well-formed, and forgotten.
 *  (4) Trailers go through the strict scan of head_check, into memory of their
 *      own that does not move, and are seen by nobody before they are whole.
 *
 * Not here: how large a body may be (the caller has total).
 */
#include "http/chunked.h"

#include "http/head_check.h"

/* 16 digits are all 64 bits; more would be leading zeros. */
#define DIGITS_MAX 16
#define FREE_PER_CHUNK 16

/* The states of an extension come first: they index the table. */
enum {
    EXT_SEPARATOR, /* white space seen; ';' must come */
    EXT_NAME_WS,   /* behind ';' */
    EXT_NAME,
    EXT_EQUALS,   /* white space behind a name; '=' or ';' must come */
    EXT_VALUE_WS, /* behind '=' */
    EXT_VALUE,
    EXT_QUOTED,
    EXT_ESCAPE, /* behind '\' in quotes */
    EXT_QUOTE_END,
    EXT_STATES,
    SIZE = EXT_STATES,
    LINE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TAIL,
    TAIL_LF,
    TRAILERS,
    DONE,
    FAILED,
};

enum { B_TOKEN, B_WS, B_SEMI, B_EQ, B_QUOTE, B_SLASH, B_TEXT, B_CR, B_OTHER };

/* RFC 9112 7.1.1, with the "bad" white space that it asks to take.
 * A row is a state, a column what comes. */
#define BAD FAILED
#define NAM EXT_NAME
#define NWS EXT_NAME_WS
#define EQU EXT_EQUALS
#define SEP EXT_SEPARATOR
#define VWS EXT_VALUE_WS
#define VAL EXT_VALUE
#define QUO EXT_QUOTED
#define ESC EXT_ESCAPE
#define QND EXT_QUOTE_END
#define END LINE_LF
/* clang-format off */
static const uint8_t next_state[EXT_STATES][9] = {
                  /* token  WS   ;    =    "    \   text  CR  other */
    [EXT_SEPARATOR] = {BAD, SEP, NWS, BAD, BAD, BAD, BAD, BAD, BAD},
    [EXT_NAME_WS]   = {NAM, NWS, BAD, BAD, BAD, BAD, BAD, BAD, BAD},
    [EXT_NAME]      = {NAM, EQU, NWS, VWS, BAD, BAD, BAD, END, BAD},
    [EXT_EQUALS]    = {BAD, EQU, NWS, VWS, BAD, BAD, BAD, BAD, BAD},
    [EXT_VALUE_WS]  = {VAL, VWS, BAD, BAD, QUO, BAD, BAD, BAD, BAD},
    [EXT_VALUE]     = {VAL, SEP, NWS, BAD, BAD, BAD, BAD, END, BAD},
    [EXT_QUOTED]    = {QUO, QUO, QUO, QUO, QND, ESC, QUO, BAD, BAD},
    [EXT_ESCAPE]    = {QUO, QUO, QUO, QUO, QUO, QUO, QUO, BAD, BAD},
    [EXT_QUOTE_END] = {BAD, SEP, NWS, BAD, BAD, BAD, BAD, END, BAD},
};
/* clang-format on */

static const struct mr_head_limits trailer_limits = {
    .max_head = MR_CHUNKED_MAX_TRAILER,
    .max_fields = MR_CHUNKED_MAX_TRAILERS,
};

struct mr_chunked_trailers {
    struct mr_head_scan scan;
    struct mr_headers fields;
    struct mr_field storage[MR_CHUNKED_MAX_TRAILERS];
    size_t n; /* bytes in buf */
    char buf[MR_CHUNKED_MAX_TRAILER];
};

static unsigned class_of(char c)
{
    unsigned char u = (unsigned char)c;

    if (mr_is_token_byte(c))
        return B_TOKEN;
    switch (c) {
    case ' ':
    case '\t':
        return B_WS;
    case ';':
        return B_SEMI;
    case '=':
        return B_EQ;
    case '"':
        return B_QUOTE;
    case '\\':
        return B_SLASH;
    case '\r':
        return B_CR;
    }
    return u < 0x20 || u == 0x7f ? B_OTHER : B_TEXT;
}

static uint8_t fail(struct mr_chunked *c, int status, const char *reason)
{
    c->status = status;
    c->reason = reason;
    return FAILED;
}

static uint8_t on_extension(struct mr_chunked *c, uint8_t state, char byte)
{
    uint8_t next = next_state[state][class_of(byte)];

    c->line++;
    if (++c->extension > MR_CHUNKED_MAX_EXTENSION)
        return fail(c, 400, "chunk extension too long");
    if (next == FAILED)
        return fail(c, 400, "malformed chunk extension");
    return next;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static uint8_t on_size(struct mr_chunked *c, char byte)
{
    int v = hex_value(byte);

    c->line++;
    if (v >= 0) {
        if (++c->digits > DIGITS_MAX || c->left > INT64_MAX >> 4)
            return fail(c, 400, "chunk size too large");
        c->left = c->left << 4 | (unsigned)v;
        return SIZE;
    }
    if (c->digits == 0)
        return fail(c, 400, "no chunk size");
    if (byte == '\r')
        return LINE_LF;
    if (byte == ';')
        return EXT_NAME_WS;
    if (byte == ' ' || byte == '\t')
        return EXT_SEPARATOR;
    return fail(c, 400, "malformed chunk size");
}

/* The LF of a chunk's line: what the line, and the CRLF behind the data, cost
 * is weighed against the data. */
static uint8_t on_line_lf(struct mr_chunked *c)
{
    uint64_t cost = c->excess + c->line + 1u + 2u;
    uint64_t size = c->left;

    if (size > (uint64_t)INT64_MAX - c->total)
        return fail(c, 400, "chunked body too large");
    c->total += size;
    cost = cost > FREE_PER_CHUNK ? cost - FREE_PER_CHUNK : 0;
    cost = size < cost / 2 ? cost - 2 * size : 0;
    if (cost > MR_CHUNKED_MAX_EXCESS)
        return fail(c, 400, "more chunk framing than data");
    c->excess = (uint32_t)cost;
    c->line = 0;
    c->extension = 0;
    c->digits = 0;
    return size > 0 ? DATA : TAIL;
}

/* All states but DATA and TRAILERS take one byte. */
static uint8_t on_byte(struct mr_chunked *c, char byte)
{
    if (c->state < EXT_STATES)
        return on_extension(c, c->state, byte);
    switch (c->state) {
    case SIZE:
        return on_size(c, byte);
    case LINE_LF:
        return byte == '\n' ? on_line_lf(c) : fail(c, 400, "bare CR");
    case DATA_CR:
        return byte == '\r' ? DATA_LF
                            : fail(c, 400, "no CRLF behind a chunk's data");
    case DATA_LF:
        return byte == '\n' ? SIZE
                            : fail(c, 400, "no CRLF behind a chunk's data");
    case TAIL_LF:
        return byte == '\n' ? DONE : fail(c, 400, "bare CR");
    }
    return c->state;
}

static void cut(struct mr_str *in, size_t n)
{
    in->p += n;
    in->n -= n;
}

static struct mr_str take_data(struct mr_chunked *c, struct mr_str *in)
{
    struct mr_str data = mr_str_n(in->p, MR_MIN(in->n, c->left));

    cut(in, data.n);
    c->left -= data.n;
    if (c->left == 0)
        c->state = DATA_CR;
    return data;
}

/* The byte behind the last chunk's line: CR, or the first trailer's. */
static uint8_t on_tail(struct mr_chunked *c, struct mr_str *in)
{
    struct mr_chunked_trailers *t;

    if (in->p[0] == '\r') {
        cut(in, 1);
        return TAIL_LF;
    }
    t = mr_arena_alloc(c->arena, sizeof *t);
    if (!t)
        return fail(c, 503, "out of memory");
    mr_headers_init(&t->fields, t->storage, MR_CHUNKED_MAX_TRAILERS);
    mr_trailer_scan_init(&t->scan, &trailer_limits, &t->fields);
    t->n = 0;
    c->trailers = t;
    return TRAILERS;
}

static uint8_t on_trailers(struct mr_chunked *c, struct mr_str *in)
{
    struct mr_chunked_trailers *t = c->trailers;
    size_t n = MR_MIN(in->n, sizeof t->buf - t->n);
    size_t before = t->n;

    memcpy(t->buf + t->n, in->p, n);
    t->n += n;
    switch (mr_head_scan(&t->scan, t->buf, t->n)) {
    case MR_SCAN_MORE:
        cut(in, n);
        return TRAILERS;
    case MR_SCAN_DONE:
        cut(in, t->scan.pos - before);
        return DONE;
    case MR_SCAN_BAD:
        break;
    }
    return fail(c, t->scan.status, t->scan.reason);
}

enum mr_chunked_result mr_chunked_decode(struct mr_chunked *c,
                                         struct mr_str *in,
                                         struct mr_str *ret_data)
{
    while (in->n > 0 && c->state < DONE) {
        if (c->state == DATA) {
            *ret_data = take_data(c, in);
            return MR_CHUNKED_DATA;
        }
        if (c->state == TAIL) {
            c->state = on_tail(c, in);
        } else if (c->state == TRAILERS) {
            c->state = on_trailers(c, in);
        } else {
            c->state = on_byte(c, in->p[0]);
            cut(in, 1);
        }
    }
    if (c->state == FAILED)
        return MR_CHUNKED_BAD;
    return c->state == DONE ? MR_CHUNKED_DONE : MR_CHUNKED_MORE;
}

const struct mr_headers *mr_chunked_trailers(const struct mr_chunked *c)
{
    return c->state == DONE && c->trailers ? &c->trailers->fields : NULL;
}

void mr_chunked_init(struct mr_chunked *c, struct mr_arena *arena)
{
    *c = (struct mr_chunked){.state = SIZE, .arena = arena};
}

size_t mr_chunk_put_head(char out[MR_CHUNK_HEAD_MAX], uint64_t n)
{
    static const char digits[] = "0123456789abcdef";
    size_t len = 0;
    int shift = 60;

    MR_BUG_ON(n == 0);
    while (n >> shift == 0)
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        out[len++] = digits[n >> shift & 15];
    out[len++] = '\r';
    out[len++] = '\n';
    return len;
}
