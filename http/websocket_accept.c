/* SPDX-License-Identifier: MIT */

/*
 * websocket_accept.c - whether a request may become a WebSocket, and what its
 * handshake computes: SHA-1 (RFC 3174), in base64.
 *
 * SHA-1 proves here that the server read the key, and nothing else: it is no
 * secret, and a library for it would be a dependency for sixty bytes.
 */
#include <string.h>

#include "http/base64.h"
#include "http/websocket.h"
#include "http/websocket_priv.h"

#define KEY_LEN 24
#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

/* --- SHA-1 of at most 119 bytes: two blocks --- */

static uint32_t rotate(uint32_t v, unsigned by)
{
    return v << by | v >> (32 - by);
}

static uint32_t mix(int t, const uint32_t s[5])
{
    static const uint32_t k[] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc,
                                 0xca62c1d6};
    uint32_t b = s[1], c = s[2], d = s[3];
    const uint32_t f[] = {(b & c) | (~b & d), b ^ c ^ d,
                          (b & c) | (b & d) | (c & d), b ^ c ^ d};

    return f[t / 20] + k[t / 20];
}

static void sha1_block(uint32_t h[5], const uint8_t *p)
{
    uint32_t w[80], s[5];

    for (int t = 0; t < 16; t++, p += 4)
        w[t] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
               (uint32_t)p[2] << 8 | p[3];
    for (int t = 16; t < 80; t++)
        w[t] = rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
    memcpy(s, h, sizeof s);
    for (int t = 0; t < 80; t++) {
        uint32_t a = rotate(s[0], 5) + mix(t, s) + s[4] + w[t];

        s[4] = s[3];
        s[3] = s[2];
        s[2] = rotate(s[1], 30);
        s[1] = s[0];
        s[0] = a;
    }
    for (int i = 0; i < 5; i++)
        h[i] += s[i];
}

static void sha1(const char *p, size_t n, uint8_t digest[20])
{
    uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476,
                     0xc3d2e1f0};
    uint8_t blocks[128] = {0};

    size_t end = n < 56 ? 64 : 128;

    MR_BUG_ON(n > sizeof blocks - 9);
    memcpy(blocks, p, n);
    blocks[n] = 0x80;
    blocks[end - 1] = (uint8_t)(8 * n); /* its length in bits */
    blocks[end - 2] = (uint8_t)(8 * n >> 8);
    for (size_t at = 0; at < end; at += 64)
        sha1_block(h, blocks + at);
    for (int i = 0; i < 20; i++)
        digest[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
}

/* --- the key --- */

/* 22 digits, of which the last carries two bits, and two signs. */
static bool is_key(struct mr_str key)
{
    if (key.n != KEY_LEN || memcmp(key.p + 22, "==", 2) != 0)
        return false;
    for (size_t i = 0; i < 22; i++) {
        if (!key.p[i] || !strchr(mr_base64_digits, key.p[i]))
            return false;
    }
    return strchr("AQgw", key.p[21]);
}

bool mr_ws_accept(struct mr_str key, char *ret)
{
    char text[KEY_LEN + sizeof GUID - 1];
    uint8_t digest[20];

    if (!is_key(key))
        return false;
    memcpy(text, key.p, KEY_LEN);
    memcpy(text + KEY_LEN, GUID, sizeof GUID - 1);
    sha1(text, sizeof text, digest);
    mr_base64_put(digest, sizeof digest, ret);
    return true;
}

/* --- the request --- */

/* The host of a page is this server's. An Origin is scheme://host[:port]; Host
 * may be without the port that the scheme implies, and so may Origin. */
static bool is_own(struct mr_str origin, struct mr_str host)
{
    const char *at = memmem(origin.p, origin.n, "://", 3);

    if (!at || host.n == 0)
        return false;
    at += 3;
    return mr_str_eq_case(mr_str_n(at, origin.n - (size_t)(at - origin.p)),
                          host);
}

static bool is_welcome(const struct mr_request *req,
                       const struct mr_websocket_options *o)
{
    const struct mr_headers *h = mr_request_headers(req);
    struct mr_str origin = mr_headers_get(h, "origin");

    if (!origin.p) /* no browser */
        return true;
    if (mr_headers_count(h, "origin") > 1)
        return false;
    for (const char *const *v = o->origins; v && *v; v++) {
        if (strcmp(*v, "*") == 0 || mr_str_is_case(origin, *v))
            return true;
    }
    return is_own(origin, mr_request_host(req));
}

/* RFC 6455 4.2.1, in its order. */
int mr_ws_check_request(const struct mr_request *req,
                        const struct mr_websocket_options *o, char *accept)
{
    const struct mr_headers *h = mr_request_headers(req);

    if (mr_request_method(req) != MR_METHOD_GET)
        return MR_STATUS_METHOD_NOT_ALLOWED;
    if (mr_request_minor(req) == 0 ||
        !mr_headers_has_token(h, "upgrade", "websocket") ||
        !mr_headers_has_token(h, "connection", "upgrade"))
        return MR_STATUS_UPGRADE_REQUIRED;
    if (!mr_str_is(mr_headers_get(h, "sec-websocket-version"), "13"))
        return MR_STATUS_UPGRADE_REQUIRED;
    if (mr_headers_count(h, "sec-websocket-version") > 1 ||
        mr_headers_count(h, "sec-websocket-key") > 1 ||
        !mr_ws_accept(mr_headers_get(h, "sec-websocket-key"), accept) ||
        mr_request_length(req) != 0)
        return MR_STATUS_BAD_REQUEST;
    return is_welcome(req, o) ? 0 : MR_STATUS_FORBIDDEN;
}

int mr_ws_refuse(struct mr_response *res, int status)
{
    int err = 0;

    if (status == MR_STATUS_METHOD_NOT_ALLOWED)
        err = mr_response_header(res, "Allow", "GET");
    if (status == MR_STATUS_UPGRADE_REQUIRED) {
        err = mr_response_header(res, "Upgrade", "websocket");
        if (!err)
            err = mr_response_header(res, "Sec-WebSocket-Version", "13");
    }
    return err ? err : mr_reply_status(res, status);
}
