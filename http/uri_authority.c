/* SPDX-License-Identifier: MIT */

/*
 * uri_authority.c - who a URI is of: user, password, host and port
 * (http/uri_priv.h).
 *
 *  (1) A host has one spelling: names in lower case, addresses as inet_ntop
 *      writes them, other scripts as xn--... (http/idn.h). What some reader
 *      takes for an address (RFC 3986 7.4: the last part is a number) is one
 *      in full, or refused.
 *  (2) No byte of a host needs quoting anywhere: letters, digits, "-._~" and,
 *      of IPv6, ':'.
 */
#include <arpa/inet.h>

#include "http/idn.h"
#include "http/uri_priv.h"

#define PORT_MAX 65535
#define LABEL_MAX 63 /* RFC 1035 2.3.4 */

/* A part of the user information, decoded into the arena. */
static int decode(struct mr_arena *arena, struct mr_str raw, struct mr_str *ret,
                  const char **ret_reason)
{
    char *copy;

    if (!mr_url_escapes_are_valid(raw))
        return mr_uri_refuse(ret_reason,
                             "a '%' in the user name or password is not "
                             "part of an escape: write it as %25");
    copy = mr_arena_dup(arena, raw);
    if (!copy ||
        mr_url_decode(arena, mr_str_n(copy, raw.n), false, ret) == -ENOMEM)
        return mr_uri_no_memory(ret_reason);
    if (mr_uri_check_bytes(*ret, ret_reason))
        return mr_uri_refuse(ret_reason,
                             "the user name or password has a control byte");
    return 0;
}

static int read_user(struct mr_arena *arena, struct mr_str *authority,
                     struct mr_uri *u, const char **ret_reason)
{
    ssize_t at = mr_str_find(*authority, '@');
    struct mr_str user, password;
    int err;

    if (at < 0)
        return 0;
    user = mr_str_n(authority->p, (size_t)at);
    *authority = mr_uri_after(*authority, (size_t)at + 1);
    if (mr_str_find(*authority, '@') >= 0)
        return mr_uri_refuse(ret_reason,
                             "there are two '@': write the one in the "
                             "user name or password as %40");
    mr_uri_cut_off(&user, ':', &password);
    err = decode(arena, user, &u->user, ret_reason);
    if (!err && password.p)
        err = decode(arena, password, &u->password, ret_reason);
    if (!err && mr_str_find(u->user, ':') >= 0) /* RFC 7617 2 */
        return mr_uri_refuse(ret_reason, "the user name has a ':'");
    return err;
}

static int read_port(struct mr_str digits, struct mr_uri *u,
                     const char **ret_reason)
{
    uint64_t v = u->https ? PORT_HTTPS : PORT_HTTP;

    if (digits.n > 0 && (mr_str_to_u64(digits, PORT_MAX, &v) || v == 0))
        return mr_uri_refuse(ret_reason,
                             "the port is no number from 1 to 65535");
    u->port = (uint16_t)v;
    return 0;
}

/* An address in the one form that inet_ntop knows. */
static int put_address(struct mr_arena *arena, int family, struct mr_str s,
                       struct mr_uri *u, const char **ret_reason)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr a;

    if (s.n >= sizeof text)
        return -EINVAL;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    if (inet_pton(family, text, &a) != 1)
        return -EINVAL;
    if (!inet_ntop(family, &a, text, sizeof text))
        return -EINVAL;
    u->host = mr_str(mr_arena_dup(arena, mr_str(text)));
    u->is_address = true;
    return u->host.p ? 0 : mr_uri_no_memory(ret_reason);
}

static int read_ipv6(struct mr_arena *arena, struct mr_str s, struct mr_uri *u,
                     const char **ret_reason)
{
    int err;

    if (mr_str_find(s, '%') >= 0)
        return mr_uri_refuse(ret_reason, "an address with a zone (%...) has no "
                                         "meaning beyond this machine");
    err = put_address(arena, AF_INET6, s, u, ret_reason);
    return err == -EINVAL
               ? mr_uri_refuse(ret_reason,
                               "what is in brackets is no IPv6 address")
               : err;
}

/* Would inet_aton(3), and with it many a reader, take it for an address? */
static bool ends_in_number(struct mr_str name)
{
    struct mr_str label = {0};
    uint64_t v;

    if (mr_str_ends(name, "."))
        name.n--;
    for (size_t i = name.n; i > 0 && name.p[i - 1] != '.'; i--)
        label = mr_str_n(name.p + i - 1, name.n - i + 1);
    if (mr_str_starts(label, "0x"))
        return label.n == 2 || mr_str_hex_to_u64(mr_uri_after(label, 2),
                                                 UINT64_MAX, &v) != -EINVAL;
    return mr_str_to_u64(label, UINT64_MAX, &v) != -EINVAL;
}

static const char *name_fault(struct mr_str name)
{
    struct mr_str label;

    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];

        if (!mr_uri_is_letter(c) && !mr_uri_is_digit(c) &&
            (!c || !strchr("-._~", c)))
            return "the host has a byte that no name has";
    }
    if (mr_str_ends(name, "."))
        name.n--;
    if (name.n == 0)
        return "the host is missing";
    if (name.n > MR_URI_HOST_MAX)
        return "the host's name is too long";
    while (mr_str_split(&name, '.', &label))
        if (label.n == 0 || label.n > LABEL_MAX)
            return label.n ? "a part of the host's name is too long"
                           : "the host has two dots in a row, or one in front";
    return NULL;
}

static int read_name(struct mr_arena *arena, struct mr_str s, struct mr_uri *u,
                     const char **ret_reason)
{
    int err = mr_idn_to_ascii(arena, s, &s);
    const char *fault;
    char *lower;

    if (err == -ENOMEM)
        return mr_uri_no_memory(ret_reason);
    fault = err ? "the host is no name in UTF-8, or one too long: write it "
                  "as xn--..."
                : name_fault(s);
    if (fault)
        return mr_uri_refuse(ret_reason, fault);
    lower = mr_arena_dup(arena, s);
    if (!lower)
        return mr_uri_no_memory(ret_reason);
    for (size_t i = 0; i < s.n; i++)
        if (mr_uri_is_letter(lower[i]))
            lower[i] |= 0x20;
    u->host = mr_str_n(lower, s.n);
    if (!ends_in_number(u->host))
        return 0;
    err = put_address(arena, AF_INET, u->host, u, ret_reason);
    return err == -EINVAL
               ? mr_uri_refuse(ret_reason,
                               "an IPv4 address is four decimal numbers "
                               "from 0 to 255")
               : err;
}

int mr_uri_read_authority(struct mr_arena *arena, struct mr_str s,
                          struct mr_uri *u, const char **ret_reason)
{
    struct mr_str host, port;
    int err;

    if (mr_str_find(s, '\\') >= 0) /* browsers end the host there */
        return mr_uri_refuse(ret_reason, "there is a '\\' before the path: "
                                         "write / or, in a password, %5C");
    err = read_user(arena, &s, u, ret_reason);

    if (err)
        return err;
    mr_url_authority_split(s, &host, &port);
    if (host.n == 0)
        return mr_uri_refuse(ret_reason, "the host is missing");
    err = read_port(port, u, ret_reason);
    if (err)
        return err;
    if (host.p[0] != '[')
        return read_name(arena, host, u, ret_reason);
    if (host.p[host.n - 1] != ']')
        return mr_uri_refuse(ret_reason,
                             "after [ in the host there is no ], or "
                             "something else than a port behind it");
    return read_ipv6(arena, mr_str_n(host.p + 1, host.n - 2), u, ret_reason);
}
