/* SPDX-License-Identifier: MIT */

/*
 * dns_name.c - what is a host name, and what an address? No I/O.
 *
 * The two never overlap: a text is a literal, or may be asked for, or neither.
 */
#include <arpa/inet.h>
#include <errno.h>

#include "io/dns.h"

/* RFC 1035 2.3.4: 255 bytes on the wire, which is this as text. */
#define NAME_MAX_BYTES 253
#define LABEL_MAX_BYTES 63

static bool is_number(struct mr_str label)
{
    bool hex = label.n >= 2 && label.p[0] == '0' && (label.p[1] | 32) == 'x';

    for (size_t i = hex ? 2 : 0; i < label.n; i++) {
        char c = label.p[i];

        if (c >= '0' && c <= '9')
            continue;
        if (!hex || (c | 32) < 'a' || (c | 32) > 'f')
            return false;
    }
    return label.n > 0;
}

static const char *check_label(struct mr_str label)
{
    if (label.n == 0)
        return "an empty label in a host name";
    if (label.n > LABEL_MAX_BYTES)
        return "a label of more than 63 bytes in a host name";
    for (size_t i = 0; i < label.n; i++) {
        unsigned char c = (unsigned char)label.p[i];

        if (c >= 0x80)
            return "a host name that is not ASCII (it must be encoded, xn--)";
        if (!((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
              c == '-' || c == '_'))
            return "a byte in a host name that may not be there";
    }
    return NULL;
}

const char *mr_dns_check(struct mr_str name)
{
    struct mr_str rest = name, label = {0};

    if (name.n > 0 && name.p[name.n - 1] == '.')
        rest.n--;
    if (rest.n == 0)
        return "an empty host name";
    if (rest.n > NAME_MAX_BYTES)
        return "a host name of more than 253 bytes";
    while (mr_str_split(&rest, '.', &label)) {
        const char *why = check_label(label);

        if (why)
            return why;
    }
    if (is_number(label))
        return "a host name that ends in a number, and is no IPv4 address";
    return NULL;
}

/* As inet_pton has it, which takes no short forms, no octal and no hex. */
static int literal4(const char *text, struct mr_addr *ret)
{
    *ret = (struct mr_addr){
        .in = {.sin_family = AF_INET},
        .len = sizeof ret->in,
    };
    return inet_pton(AF_INET, text, &ret->in.sin_addr) == 1 ? 0 : -EINVAL;
}

static int literal6(char *text, struct mr_addr *ret)
{
    char *zone = strchr(text, '%');
    uint64_t scope = 0;

    if (zone) {
        *zone++ = '\0';
        if (mr_str_to_u64(mr_str(zone), UINT32_MAX, &scope))
            return -EINVAL;
    }
    *ret = (struct mr_addr){
        .in6 = {.sin6_family = AF_INET6, .sin6_scope_id = (uint32_t)scope},
        .len = sizeof ret->in6,
    };
    return inet_pton(AF_INET6, text, &ret->in6.sin6_addr) == 1 ? 0 : -EINVAL;
}

int mr_dns_literal(struct mr_str text, struct mr_addr *ret)
{
    char z[INET6_ADDRSTRLEN + 12]; /* with "%4294967295" */
    bool bracketed = text.n >= 2 && text.p[0] == '[';

    if (bracketed && text.p[text.n - 1] != ']')
        return -EINVAL;
    if (bracketed)
        text = mr_str_n(text.p + 1, text.n - 2);
    if (text.n == 0 || text.n >= sizeof z || memchr(text.p, '\0', text.n))
        return -EINVAL;
    memcpy(z, text.p, text.n);
    z[text.n] = '\0';
    if (!bracketed && literal4(z, ret) == 0)
        return 0;
    return literal6(z, ret);
}
