/* SPDX-License-Identifier: MIT */
#ifndef HTTP_URI_PRIV_H
#define HTTP_URI_PRIV_H

/*
 * uri_priv.h - between uri.c (the whole, the path) and uri_authority.c (user,
 * host, port).
 */
#include <errno.h>

#include "http/uri.h"

#define PORT_HTTP 80
#define PORT_HTTPS 443

/* ret->https is there; user, password, host, is_address and port are written.
 * As mr_uri_parse. */
int mr_uri_read_authority(struct mr_arena *arena, struct mr_str s,
                          struct mr_uri *ret, const char **ret_reason);

/* -EINVAL if it has a control byte. */
int mr_uri_check_bytes(struct mr_str s, const char **ret_reason);

/* What is behind the first c goes to *ret_rest (p NULL: there is none), *s ends
 * before it. */
void mr_uri_cut_off(struct mr_str *s, char c, struct mr_str *ret_rest);

static inline int mr_uri_refuse(const char **ret_reason, const char *why)
{
    *ret_reason = why;
    return -EINVAL;
}

static inline int mr_uri_no_memory(const char **ret_reason)
{
    *ret_reason = "out of memory";
    return -ENOMEM;
}

static inline struct mr_str mr_uri_after(struct mr_str s, size_t n)
{
    return mr_str_n(s.p + n, s.n - n);
}

static inline bool mr_uri_is_letter(char c)
{
    return (unsigned char)((c | 0x20) - 'a') < 26;
}

static inline bool mr_uri_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

#endif
