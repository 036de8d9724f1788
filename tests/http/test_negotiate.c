/* SPDX-License-Identifier: MIT */
/* test_negotiate.c - weights, content codings and types by what is accepted. */
#include "http/negotiate.h"

#include <stdio.h>
#include <string.h>

#include "tests/test.h"

/* --- weights --- */

static const struct {
    const char *element, *name; /* NULL: it is none */
    unsigned weight;
} elements[] = {
    {"gzip", "gzip", 1000},
    {"gzip;q=1", "gzip", 1000},
    {"gzip;q=1.", "gzip", 1000},
    {"gzip;q=1.0", "gzip", 1000},
    {"gzip;q=1.000", "gzip", 1000},
    {"gzip;q=0", "gzip", 0},
    {"gzip;q=0.", "gzip", 0},
    {"gzip;q=0.000", "gzip", 0},
    {"gzip;q=0.001", "gzip", 1},
    {"gzip;q=0.5", "gzip", 500},
    {"gzip;q=0.05", "gzip", 50},
    {"gzip;Q=0.25", "gzip", 250},
    {"gzip ; q=0.25 ", "gzip", 250},
    {"gzip\t;\tq=0.25", "gzip", 250},
    {"gzip;", "gzip", 1000},
    {"*", "*", 1000},
    {"*/*;q=0.1", "*/*", 100},
    {"text/html;level=1;q=0.7", "text/html", 700},
    {"text/html;a=\";q=0\";q=0.7", "text/html", 700},
    {"text/html;a=\"\\\";q=0\";q=0.7", "text/html", 700},
    {"text/html;q=0.7;ext=1", "text/html", 700},
    {"", NULL, 0},
    {";q=1", NULL, 0},
    {"a b", NULL, 0},
    {"a/b/c", NULL, 0},
    {"/", NULL, 0},
    {"a/", NULL, 0},
    {"/b", NULL, 0},
    {"gzip;q=", NULL, 0},
    {"gzip;q=1.1", NULL, 0},
    {"gzip;q=1.001", NULL, 0},
    {"gzip;q=2", NULL, 0},
    {"gzip;q=-1", NULL, 0},
    {"gzip;q=+1", NULL, 0},
    {"gzip;q=.5", NULL, 0},
    {"gzip;q=00.5", NULL, 0},
    {"gzip;q=0.5000", NULL, 0},
    {"gzip;q=0.5x", NULL, 0},
    {"gzip;q=0,5", NULL, 0},
    {"gzip;q= 0.5", NULL, 0},
    {"gzip;q=\"0.5\"", NULL, 0},
};

TEST(weights)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(elements); i++) {
        struct mr_str name = {0};
        unsigned weight = 0;
        bool is =
            mr_weighted_parse(mr_str(elements[i].element), &name, &weight);

        CASE("%s", elements[i].element);
        EQ_INT(is, elements[i].name != NULL);
        EQ_INT(weight, elements[i].weight);
        if (is)
            OK(mr_str_is(name, elements[i].name));
    }
}

/* --- codings --- */

static const struct {
    const char *fields; /* values, each with a newline */
    const char *want;
} codings[] = {
    /* without a wish, as it is */
    {"", "identity"},
    {"\n", "identity"},
    {",,\n", "identity"},
    {"gzip;q=x\n", "identity"},
    {"deflate\n", "identity"},
    /* what is listed, the smaller first */
    {"gzip\n", "gzip identity"},
    {"GZIP\n", "gzip identity"},
    {"x-gzip\n", "gzip identity"},
    {"br\n", "br identity"},
    {"zstd\n", "zstd identity"},
    {"gzip, deflate, br, zstd\n", "br zstd gzip identity"},
    {"gzip\nbr\n", "br gzip identity"},
    {"deflate, gzip\n", "gzip identity"},
    {"gzip,,br,\n", "br gzip identity"},
    /* by weight */
    {"gzip;q=1.0, br;q=0.5\n", "gzip br identity"},
    {"gzip;q=0.5, br;q=0.5\n", "br gzip identity"},
    {"gzip;q=0.501, br;q=0.5\n", "gzip br identity"},
    {"zstd;q=0.1, gzip;q=0.2, br;q=0.05\n", "gzip zstd br identity"},
    {"gzip;q=0\n", "identity"},
    {"gzip;q=0, br\n", "br identity"},
    {"br;q=0, gzip;q=0, zstd;q=0\n", "identity"},
    /* the most exact counts, then the first */
    {"*\n", "br zstd gzip identity"},
    {"*;q=0.5\n", "br zstd gzip identity"},
    {"gzip, *;q=0.5\n", "gzip br zstd identity"},
    {"*;q=0.5, gzip\n", "gzip br zstd identity"},
    {"*, br;q=0\n", "zstd gzip identity"},
    {"gzip;q=0, gzip\n", "identity"},
    {"gzip, gzip;q=0\n", "gzip identity"},
    {"gzip;q=x, gzip;q=0.5\n", "gzip identity"},
    /* identity has a weight, too */
    {"identity\n", "identity"},
    {"gzip, identity\n", "gzip identity"},
    {"gzip;q=0.5, identity\n", "identity gzip"},
    {"gzip;q=0.5, identity;q=0.6, br;q=0.7\n", "br identity gzip"},
    {"gzip;q=0.5, *;q=0.6\n", "br zstd identity gzip"},
    {"identity;q=0\n", "identity"},
    {"gzip, identity;q=0\n", "gzip identity"},
    {"gzip;q=0.001, identity;q=0\n", "gzip identity"},
    {"*;q=0\n", "identity"},
    {"gzip, *;q=0\n", "gzip identity"},
    {"identity;q=0.5, *;q=0\n", "identity"},
};

static void add_all(struct mr_headers *h, const char *name, const char *values)
{
    struct mr_str rest = mr_str(values), line;

    while (mr_str_split(&rest, '\n', &line) && rest.p)
        EQ_INT(mr_headers_add(h, mr_str(name), line), 0);
}

TEST(codings_in_order)
{
    static const enum mr_coding all[] = {MR_CODING_BR, MR_CODING_ZSTD,
                                         MR_CODING_GZIP};

    for (size_t i = 0; i < MR_ARRAY_LEN(codings); i++) {
        enum mr_coding order[MR_CODINGS];
        struct mr_field room[4];
        struct mr_headers h;
        char text[64] = "";
        size_t n;

        CASE("%s", codings[i].fields);
        mr_headers_init(&h, room, MR_ARRAY_LEN(room));
        add_all(&h, "Accept-Encoding", codings[i].fields);
        n = mr_negotiate_codings(&h, order);
        for (size_t k = 0; k < n; k++) {
            if (k > 0)
                strncat(text, " ", sizeof text - strlen(text) - 1);
            strncat(text, mr_coding_name(order[k]),
                    sizeof text - strlen(text) - 1);
        }
        EQ_STR(text, codings[i].want);
        /* offered in that order, the best is the same */
        EQ_INT(mr_negotiate_coding(&h, all, MR_ARRAY_LEN(all)), order[0]);
    }
}

static const struct {
    const char *fields;
    enum mr_coding offered[2];
    size_t n;
    enum mr_coding want;
} offers_of_codings[] = {
    {"gzip, br\n", {MR_CODING_GZIP, MR_CODING_BR}, 2, MR_CODING_GZIP},
    {"gzip, br\n", {MR_CODING_BR, MR_CODING_GZIP}, 2, MR_CODING_BR},
    {"gzip;q=0.1, br\n", {MR_CODING_GZIP, MR_CODING_BR}, 2, MR_CODING_BR},
    {"gzip, br\n", {MR_CODING_ZSTD}, 1, MR_CODING_IDENTITY},
    {"gzip, br\n", {MR_CODING_ZSTD}, 0, MR_CODING_IDENTITY},
    {"*\n", {MR_CODING_GZIP, MR_CODING_BR}, 2, MR_CODING_GZIP},
    {"br;q=0, *\n", {MR_CODING_BR, MR_CODING_GZIP}, 2, MR_CODING_GZIP},
    /* '*' is identity too */
    {"gzip;q=0.5, *;q=0.8\n", {MR_CODING_GZIP}, 1, MR_CODING_IDENTITY},
    {"gzip;q=0.5, *;q=0\n", {MR_CODING_GZIP}, 1, MR_CODING_GZIP},
    {"identity;q=0\n", {MR_CODING_GZIP}, 1, MR_CODING_IDENTITY},
};

TEST(codings_offered)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(offers_of_codings); i++) {
        struct mr_field room[4];
        struct mr_headers h;

        CASE("%zu: %s", i, offers_of_codings[i].fields);
        mr_headers_init(&h, room, MR_ARRAY_LEN(room));
        add_all(&h, "Accept-Encoding", offers_of_codings[i].fields);
        EQ_INT(mr_negotiate_coding(&h, offers_of_codings[i].offered,
                                   offers_of_codings[i].n),
               offers_of_codings[i].want);
    }
}

TEST(codings_have_suffixes)
{
    EQ_STR(mr_coding_suffix(MR_CODING_BR), ".br");
    EQ_STR(mr_coding_suffix(MR_CODING_ZSTD), ".zst");
    EQ_STR(mr_coding_suffix(MR_CODING_GZIP), ".gz");
    EQ_STR(mr_coding_suffix(MR_CODING_IDENTITY), "");
}

/* --- types --- */

static const struct {
    const char *fields;
    size_t want; /* 0 text/html, 1 application/json */
} types[] = {
    {"", 0},
    {"\n", 0},
    {"*/*\n", 0},
    {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\n", 0},
    {"application/json\n", 1},
    {"Application/JSON\n", 1},
    {"application/json; charset=utf-8\n", 1},
    {"application/*\n", 1},
    {"application/json, text/plain, */*\n", 0},
    {"application/json, */*;q=0.9\n", 1},
    {"text/html;q=0.9, application/json\n", 1},
    {"text/html, application/json\n", 0},
    {"text/html;q=0.9\napplication/json\n", 1},
    {"text/*;q=0.5, application/*;q=0.6\n", 1},
    {"text/*, text/html;q=0.1, application/json;q=0.2\n", 1},
    {"*/*, text/html;q=0\n", 1},
    {"text/html;q=0\n", 0},
    {"image/png\n", 0},
    {"application/json;q=0\n", 0},
    {"application/json;q=0, */*;q=0.1\n", 0},
    {"application/json;q=5, text/html;q=0.1\n", 0},
    {"html\n", 0},
};

TEST(types_by_accept)
{
    static const char *const offers[] = {"text/html", "application/json"};

    for (size_t i = 0; i < MR_ARRAY_LEN(types); i++) {
        struct mr_field room[4];
        struct mr_headers h;

        CASE("%s", types[i].fields);
        mr_headers_init(&h, room, MR_ARRAY_LEN(room));
        add_all(&h, "Accept", types[i].fields);
        EQ_INT(mr_negotiate_type(&h, offers, 2), types[i].want);
    }
}

static const struct {
    const char *fields; /* Accept, each at its line's end */
    unsigned want;
} named[] = {
    {"", 0},
    {"*/*\n", 0},
    {"text/*\n", 0},
    {"text/html\n", 1000},
    {"Text/HTML;level=1;q=0.25\n", 250},
    {"text/html;q=0, */*\n", 0},
    {"*/*, text/*;q=0.3, text/html;q=0.2\n", 200},
    {"image/png\ntext/html;q=0.5\n", 500},
    {"text/html;q=0.5, text/html\n", 500},
    {"text/html;q=2\n", 0},
    {"text/htm\n", 0},
};

TEST(types_by_name)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(named); i++) {
        struct mr_field room[4];
        struct mr_headers h;

        CASE("%s", named[i].fields);
        mr_headers_init(&h, room, MR_ARRAY_LEN(room));
        add_all(&h, "Accept", named[i].fields);
        EQ_INT(mr_negotiate_named(&h, "text/html"), named[i].want);
    }
}

SUITE("negotiation", weights, codings_in_order, codings_offered,
      codings_have_suffixes, types_by_accept, types_by_name)
TEST_MAIN()
