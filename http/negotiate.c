/* SPDX-License-Identifier: MIT */

/*
 * negotiate.c - weighted lists (http/negotiate.h). Pure: no clock, no I/O.
 *
 * Of several elements that say something of one thing the most exact counts,
 * and of those as exact the first.
 */
#include "http/negotiate.h"

/* --- weights --- */

/* RFC 9110 12.4.2: 0 to 1 with three decimals at most. */
static bool parse_weight(struct mr_str s, unsigned *ret)
{
    unsigned unit = 1000, weight;

    if (s.n == 0 || s.n > 5 || (s.p[0] != '0' && s.p[0] != '1'))
        return false;
    weight = s.p[0] == '1' ? unit : 0;
    if (s.n > 1 && s.p[1] != '.')
        return false;
    for (size_t i = 2; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        unit /= 10;
        weight += (unsigned)(s.p[i] - '0') * unit;
    }
    *ret = weight;
    return weight <= 1000;
}

/* "*", "gzip", "text/html", "text" and "/" and "*": a token, or two. */
static bool is_name(struct mr_str s)
{
    struct mr_str first;

    if (!mr_str_split(&s, '/', &first) || !mr_token_is_valid(first))
        return false;
    return !s.p || mr_token_is_valid(s);
}

/* At the first `;` that stands in no quoted string. */
static bool next_parameter(struct mr_str *rest, struct mr_str *ret)
{
    bool quoted = false;
    size_t i = 0;

    if (!rest->p)
        return false;
    while (i < rest->n && (quoted || rest->p[i] != ';')) {
        if (rest->p[i] == '"')
            quoted = !quoted;
        else if (quoted && rest->p[i] == '\\' && i + 1 < rest->n)
            i++;
        i++;
    }
    *ret = mr_str_trim(mr_str_n(rest->p, i));
    *rest = i < rest->n ? mr_str_n(rest->p + i + 1, rest->n - i - 1)
                        : mr_str_n(NULL, 0);
    return true;
}

bool mr_weighted_parse(struct mr_str element, struct mr_str *ret_name,
                       unsigned *ret_weight)
{
    unsigned weight = 1000;
    struct mr_str part, name;

    if (!next_parameter(&element, &name) || !is_name(name))
        return false;
    while (next_parameter(&element, &part)) {
        struct mr_str key;

        if (!mr_str_split(&part, '=', &key) || !mr_str_is_case(key, "q"))
            continue;
        if (!parse_weight(part, &weight))
            return false;
    }
    *ret_name = name;
    *ret_weight = weight;
    return true;
}

/* --- codings --- */

static const struct {
    const char *name, *suffix;
} codings[MR_CODINGS] = {
    [MR_CODING_BR] = {"br", ".br"},
    [MR_CODING_ZSTD] = {"zstd", ".zst"},
    [MR_CODING_GZIP] = {"gzip", ".gz"},
    [MR_CODING_IDENTITY] = {"identity", ""},
};

const char *mr_coding_name(enum mr_coding c)
{
    return codings[c].name;
}

const char *mr_coding_suffix(enum mr_coding c)
{
    return codings[c].suffix;
}

enum { NOT_LISTED = -1, ANY = MR_CODINGS };

/* Where the weight of what an element names stands; -1: nowhere. */
static int place_of(struct mr_str name)
{
    if (mr_str_is(name, "*"))
        return ANY;
    if (mr_str_is_case(name, "x-gzip")) /* RFC 9110 8.4.1.3 */
        return MR_CODING_GZIP;
    for (int c = 0; c < MR_CODINGS; c++) {
        if (mr_str_is_case(name, codings[c].name))
            return c;
    }
    return -1;
}

/* Of each coding, and of ANY. */
static void read_weights(const struct mr_headers *h, int weight[MR_CODINGS + 1])
{
    for (int c = 0; c <= MR_CODINGS; c++)
        weight[c] = NOT_LISTED;
    for (ssize_t i = mr_headers_find(h, "accept-encoding", 0); i >= 0;
         i = mr_headers_find(h, "accept-encoding", (size_t)i + 1)) {
        struct mr_str list = h->v[i].value, element, name;
        unsigned w;

        while (mr_list_field_next(&list, &element)) {
            int at =
                mr_weighted_parse(element, &name, &w) ? place_of(name) : -1;

            if (at >= 0 && weight[at] == NOT_LISTED)
                weight[at] = (int)w;
        }
    }
}

size_t mr_negotiate_codings(const struct mr_headers *h,
                            enum mr_coding order[MR_CODINGS])
{
    int weight[MR_CODINGS + 1];
    size_t n = 0;

    read_weights(h, weight);
    for (int c = 0; c < MR_CODINGS; c++) {
        size_t at = n;

        if (weight[c] == NOT_LISTED)
            weight[c] = weight[ANY];
        /* Identity needs no leave, but who names others wants those. */
        if (c != MR_CODING_IDENTITY && weight[c] <= 0)
            continue;
        while (at > 0 && weight[order[at - 1]] < weight[c]) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = (enum mr_coding)c;
        n++;
    }
    return n;
}

enum mr_coding mr_negotiate_coding(const struct mr_headers *h,
                                   const enum mr_coding *offered, size_t n)
{
    enum mr_coding best = MR_CODING_IDENTITY;
    int weight[MR_CODINGS + 1], most = 0;

    read_weights(h, weight);
    for (int c = 0; c < MR_CODINGS; c++) {
        if (weight[c] == NOT_LISTED)
            weight[c] = weight[ANY];
    }
    for (size_t i = 0; i < n; i++) {
        if (weight[offered[i]] > most) {
            most = weight[offered[i]];
            best = offered[i];
        }
    }
    return weight[MR_CODING_IDENTITY] > most ? MR_CODING_IDENTITY : best;
}

/* --- types --- */

enum { BY_NAME = 3 };

/* How exactly a media range means type: 0 not at all, or 1 to BY_NAME. */
static int exactness(struct mr_str range, const char *type)
{
    struct mr_str t = mr_str(type), range_type, main_type;

    if (mr_str_eq_case(range, t))
        return BY_NAME;
    if (mr_str_is(range, "*/*"))
        return 1;
    if (!mr_str_split(&range, '/', &range_type) || !mr_str_is(range, "*"))
        return 0;
    (void)mr_str_split(&t, '/', &main_type);
    return mr_str_eq_case(range_type, main_type) ? 2 : 0;
}

/* What Accept says of a type as exactly as `least`, or more so; or 0. */
static unsigned weight_of(const struct mr_headers *h, const char *type,
                          int least)
{
    unsigned weight = 0;
    int best = least - 1;

    for (ssize_t i = mr_headers_find(h, "accept", 0); i >= 0;
         i = mr_headers_find(h, "accept", (size_t)i + 1)) {
        struct mr_str list = h->v[i].value, element, range;
        unsigned w;

        while (mr_list_field_next(&list, &element)) {
            int is = mr_weighted_parse(element, &range, &w)
                         ? exactness(range, type)
                         : 0;

            if (is > best) {
                best = is;
                weight = w;
            }
        }
    }
    return weight;
}

size_t mr_negotiate_type(const struct mr_headers *h, const char *const *types,
                         size_t n)
{
    unsigned most = 0;
    size_t best = 0;

    for (size_t i = 0; i < n; i++) {
        unsigned w = weight_of(h, types[i], 1);

        if (w > most) {
            most = w;
            best = i;
        }
    }
    return best;
}

unsigned mr_negotiate_named(const struct mr_headers *h, const char *type)
{
    return weight_of(h, type, BY_NAME);
}
