/* SPDX-License-Identifier: MIT */
/* test_range.c - byte ranges: what a field asks for, when it counts, and how
 * parts are framed. */
#include "http/range.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/test.h"

#define BIG "99999999999999999999999999"

/* Of 1000 bytes, unless the row says another size. */
static const struct {
    const char *value;
    int status;
    const char *want; /* off+n, ... */
    uint64_t size;    /* 0: 1000 */
} cases[] = {
    /* one */
    {"bytes=0-0", 206, "0+1", 0},
    {"bytes=0-499", 206, "0+500", 0},
    {"bytes=500-999", 206, "500+500", 0},
    {"bytes=500-", 206, "500+500", 0},
    {"bytes=0-", 206, "0+1000", 0},
    {"bytes=999-", 206, "999+1", 0},
    {"bytes=0-1000", 206, "0+1000", 0},
    {"bytes=0-" BIG, 206, "0+1000", 0},
    {"bytes=-500", 206, "500+500", 0},
    {"bytes=-1", 206, "999+1", 0},
    {"bytes=-1000", 206, "0+1000", 0},
    {"bytes=-1001", 206, "0+1000", 0},
    {"bytes=-" BIG, 206, "0+1000", 0},
    {"bytes=00000000000000000000000000007-8", 206, "7+2", 0},
    {"BYTES=0-0", 206, "0+1", 0},
    {"bytes=0-0", 206, "0+1", 1},
    {"bytes=9223372036854775806-", 206, "9223372036854775806+1", INT64_MAX},
    {"bytes=-1", 206, "9223372036854775806+1", INT64_MAX},
    /* lists: white space and empty elements pass */
    {"bytes=0-1, 500-501", 206, "0+2 500+2", 0},
    {"bytes= 0-1 ,\t500-501 ", 206, "0+2 500+2", 0},
    {"bytes=,,0-1,, ,500-501,", 206, "0+2 500+2", 0},
    /* the order is the client's */
    {"bytes=500-501,0-1", 206, "500+2 0+2", 0},
    {"bytes=-1,0-0,500-500", 206, "999+1 0+1 500+1", 0},
    /* what does not exist is left out */
    {"bytes=0-1,1000-", 206, "0+2", 0},
    {"bytes=1000-,-0,5-6", 206, "5+2", 0},
    /* overlapping, touching, near: one */
    {"bytes=0-99,50-149", 206, "0+150", 0},
    {"bytes=0-99,100-199", 206, "0+200", 0},
    {"bytes=100-199,0-99", 206, "0+200", 0},
    {"bytes=0-999,500-501", 206, "0+1000", 0},
    {"bytes=500-501,0-999", 206, "0+1000", 0},
    {"bytes=0-0,0-0,0-0", 206, "0+1", 0},
    {"bytes=0-0,81-81", 206, "0+82", 0},
    {"bytes=0-0,82-82", 206, "0+1 82+1", 0},
    {"bytes=82-82,0-0", 206, "82+1 0+1", 0},
    /* what fills a gap joins both sides, in the place of the first */
    {"bytes=0-9,200-209,900-909,10-199", 206, "0+210 900+10", 0},
    {"bytes=900-909,200-209,0-9,10-199", 206, "900+10 0+210", 0},
    {"bytes=900-909,0-9,200-209,500-509,10-899", 206, "0+910", 0},
    {"bytes=0-9,200-209,400-409,10-399", 206, "0+410", 0},
    /* none of it exists */
    {"bytes=1000-", 416, "", 0},
    {"bytes=1000-1001", 416, "", 0},
    {"bytes=1000-,2000-", 416, "", 0},
    {"bytes=-0", 416, "", 0},
    {"bytes=" BIG "-", 416, "", 0},
    {"bytes=" BIG "-" BIG, 416, "", 0},
    {"bytes=18446744073709551616-", 416, "", 0},
    {"bytes=18446744073709551615-18446744073709551615", 416, "", INT64_MAX},
    /* as if not sent: another unit */
    {"lines=0-1", 200, "", 0},
    {"byte=0-1", 200, "", 0},
    {"bytes =0-1", 200, "", 0},
    {" bytes=0-1", 200, "", 0},
    {"=0-1", 200, "", 0},
    {"0-1", 200, "", 0},
    {"bytes", 200, "", 0},
    {"", 200, "", 0},
    /* malformed, also beside what is not */
    {"bytes=", 200, "", 0},
    {"bytes=,", 200, "", 0},
    {"bytes=-", 200, "", 0},
    {"bytes=5", 200, "", 0},
    {"bytes=a-b", 200, "", 0},
    {"bytes=5-4", 200, "", 0},
    {"bytes=0x0-1", 200, "", 0},
    {"bytes=+0-1", 200, "", 0},
    {"bytes=0 - 1", 200, "", 0},
    {"bytes=0-1-2", 200, "", 0},
    {"bytes=--1", 200, "", 0},
    {"bytes=1-=2", 200, "", 0},
    {"bytes=0-1;q=1", 200, "", 0},
    {"bytes=0-1,5-4", 200, "", 0},
    {"bytes=0-1,x", 200, "", 0},
    {"bytes=2000-,x", 200, "", 0},
    {"bytes=0-1.5", 200, "", 0},
    {"bytes=\"0-1\"", 200, "", 0},
    {"bytes=0-1\nbytes=2-3", 200, "", 0},
};

static void equals(const struct mr_ranges *r, const char *want)
{
    char text[64 * MR_RANGES_MAX] = "";
    size_t n = 0;

    for (size_t i = 0; i < r->n; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%llu+%llu",
                              i ? " " : "", (unsigned long long)r->v[i].off,
                              (unsigned long long)r->v[i].n);
    EQ_STR(text, want);
}

TEST(range_parses)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct mr_ranges r;

        CASE("%s", cases[i].value);
        EQ_INT(mr_ranges_parse(mr_str(cases[i].value),
                               cases[i].size ? cases[i].size : 1000, &r),
               cases[i].status);
        if (cases[i].status == 206)
            equals(&r, cases[i].want);
    }
}

/* Nothing of an empty file can be named; it is sent whole. */
TEST(range_of_nothing_is_all)
{
    struct mr_ranges r;

    EQ_INT(mr_ranges_parse(mr_str("bytes=0-1"), 0, &r), 200);
    EQ_INT(mr_ranges_parse(mr_str("bytes=-1"), 0, &r), 200);
}

TEST(range_has_a_bound)
{
    struct mr_ranges r;
    char text[16 * (MR_RANGES_MAX + 1) + 8] = "bytes=";
    size_t n = strlen(text);

    for (size_t i = 0; i <= MR_RANGES_MAX; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%zu-%zu",
                              i ? "," : "", i * 100, i * 100);
        CASE("%zu ranges", i + 1);
        EQ_INT(mr_ranges_parse(mr_str(text), 1000000, &r),
               i < MR_RANGES_MAX ? 206 : 200);
        if (i < MR_RANGES_MAX)
            EQ_INT(r.n, i + 1);
    }
}

/* Against a map of bytes: those that were asked for are sent, once, and of the
 * others only what lies in a gap. MODEL_SEED sets the seed. */
TEST(range_against_a_map)
{
    enum { SIZE = 2000 };
    const char *fixed = getenv("MODEL_SEED");
    unsigned seed =
        fixed ? (unsigned)strtoul(fixed, NULL, 0) : (unsigned)time(NULL);

    printf("MODEL_SEED=%u\n", seed);

    for (int round = 0; round < 2000; round++) {
        bool asked[SIZE] = {false}, sent[SIZE] = {false};
        char text[512] = "bytes=";
        size_t n = strlen(text);
        struct mr_ranges r;

        for (int k = rand_r(&seed) % 12; k >= 0; k--) {
            size_t from = (size_t)rand_r(&seed) % SIZE;
            size_t to = from + (size_t)rand_r(&seed) % 100;

            n += (size_t)snprintf(text + n, sizeof text - n, "%zu-%zu,", from,
                                  to);
            for (size_t b = from; b <= to && b < SIZE; b++)
                asked[b] = true;
        }
        CASE("%s", text);
        EQ_INT(mr_ranges_parse(mr_str(text), SIZE, &r), 206);
        for (size_t i = 0; i < r.n; i++)
            for (size_t b = r.v[i].off; b < r.v[i].off + r.v[i].n; b++) {
                OK(!sent[b]);
                sent[b] = true;
            }
        for (size_t b = 0, gap = 0; b < SIZE; b++) {
            OK(sent[b] || !asked[b]);
            gap = sent[b] && !asked[b] ? gap + 1 : 0;
            OK(gap <= MR_RANGE_GAP);
        }
    }
}

/* --- when it counts --- */

#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"
#define MODIFIED INT64_C(784111777)
#define NOW INT64_C(1763800000)
#define R "range: bytes=0-1\n"

static const struct {
    const char *fields; /* lines "name: value\n" */
    const char *etag;   /* "-": none */
    int64_t modified, now;
    int status;
} decisions[] = {
    {"", "\"a\"", MODIFIED, NOW, 200},
    {R, "\"a\"", MODIFIED, NOW, 206},
    {R, "W/\"a\"", MODIFIED, NOW, 206},
    {R, "-", MR_NO_DATE, NOW, 206},
    {R R, "\"a\"", MODIFIED, NOW, 200},
    {"range: bytes=99-\n", "\"a\"", MODIFIED, NOW, 416},
    /* If-Range, a tag: strongly */
    {R "if-range: \"a\"\n", "\"a\"", MODIFIED, NOW, 206},
    {R "if-range: \"b\"\n", "\"a\"", MODIFIED, NOW, 200},
    {R "if-range: W/\"a\"\n", "\"a\"", MODIFIED, NOW, 200},
    {R "if-range: \"a\"\n", "W/\"a\"", MODIFIED, NOW, 200},
    {R "if-range: W/\"a\"\n", "W/\"a\"", MODIFIED, NOW, 200},
    {R "if-range: \"a\"\n", "-", MODIFIED, NOW, 200},
    /* one, and nothing else */
    {R "if-range: \"a\", \"b\"\n", "\"a\"", MODIFIED, NOW, 200},
    {R "if-range: \"a\"x\n", "\"a\"", MODIFIED, NOW, 200},
    {R "if-range: \"a\n", "\"a\"", MODIFIED, NOW, 200},
    {R "if-range: a\n", "\"a\"", MODIFIED, NOW, 200},
    {R "if-range: *\n", "\"a\"", MODIFIED, NOW, 200},
    {R "if-range: \n", "\"a\"", MODIFIED, NOW, 200},
    {R "if-range: \"a\"\nif-range: \"a\"\n", "\"a\"", MODIFIED, NOW, 200},
    /* a date: exactly, and once its second is over */
    {R "if-range: " DATE "\n", "\"a\"", MODIFIED, NOW, 206},
    {R "if-range: " DATE "\n", "-", MODIFIED, NOW, 206},
    {R "if-range: " DATE "\n", "\"a\"", MODIFIED + 1, NOW, 200},
    {R "if-range: " DATE "\n", "\"a\"", MODIFIED - 1, NOW, 200},
    {R "if-range: " DATE "\n", "\"a\"", MR_NO_DATE, NOW, 200},
    {R "if-range: " DATE "\n", "\"a\"", MODIFIED, MODIFIED, 200},
    {R "if-range: " DATE "\n", "\"a\"", MODIFIED, MODIFIED + 1, 206},
    {R "if-range: " DATE "\n", "W/\"a\"", MODIFIED, NOW, 200},
    {R "if-range: Sunday, 06-Nov-94 08:49:37 GMT\n", "-", MODIFIED, NOW, 206},
    /* it is nothing without Range, and does not make one */
    {"if-range: \"a\"\n", "\"a\"", MODIFIED, NOW, 200},
    {"if-range: \"b\"\nrange: bytes=99-\n", "\"a\"", MODIFIED, NOW, 200},
    {"if-range: \"a\"\nrange: bytes=99-\n", "\"a\"", MODIFIED, NOW, 416},
};

static void read_fields(struct mr_headers *h, const char *text)
{
    struct mr_str rest = mr_str(text), line, name;

    while (mr_str_split(&rest, '\n', &line) && line.n > 0) {
        OK(mr_str_split(&line, ':', &name));
        EQ_INT(mr_headers_add(h, name, mr_str_trim(line)), 0);
    }
}

TEST(range_decides)
{
    static const enum mr_method others[] = {MR_METHOD_HEAD, MR_METHOD_POST,
                                            MR_METHOD_PUT};

    for (size_t i = 0; i < MR_ARRAY_LEN(decisions); i++) {
        struct mr_field room[8];
        struct mr_headers h;
        struct mr_ranges r;
        const struct mr_validators v = {
            .etag = mr_str(*decisions[i].etag == '-' ? "" : decisions[i].etag),
            .modified = decisions[i].modified,
        };

        CASE("%s, etag %s", decisions[i].fields, decisions[i].etag);
        mr_headers_init(&h, room, MR_ARRAY_LEN(room));
        read_fields(&h, decisions[i].fields);
        EQ_INT(
            mr_ranges_decide(&h, MR_METHOD_GET, &v, decisions[i].now, 10, &r),
            decisions[i].status);
        for (size_t k = 0; k < MR_ARRAY_LEN(others); k++)
            EQ_INT(
                mr_ranges_decide(&h, others[k], &v, decisions[i].now, 10, &r),
                200);
    }
}

/* --- how it is written --- */

TEST(range_writes)
{
    static const char boundary[] = "0123456789abcdef0123456789ABCDEF";
    const struct mr_byte_range r = {5, 2};
    const struct mr_byte_range last = {INT64_MAX - 1, 1};
    struct mr_str type = mr_str("text/plain; charset=utf-8");
    char out[MR_PART_HEAD_MAX(64)], value[MR_CONTENT_RANGE_MAX];
    char end[MR_PART_END_LEN + 1];
    size_t n;

    EQ_INT(mr_content_range_put(value, &r, 1000), strlen("bytes 5-6/1000"));
    EQ_STR(value, "bytes 5-6/1000");
    (void)mr_content_range_put(value, NULL, 1000);
    EQ_STR(value, "bytes */1000");
    (void)mr_content_range_put(value, &last, INT64_MAX);
    EQ_STR(value, "bytes 9223372036854775806-9223372036854775806/"
                  "9223372036854775807");
    n = mr_part_put_head(out, boundary, type, &r, 1000);
    EQ_INT(n, strlen(out));
    EQ_STR(out, "\r\n--0123456789abcdef0123456789ABCDEF\r\n"
                "Content-Type: text/plain; charset=utf-8\r\n"
                "Content-Range: bytes 5-6/1000\r\n\r\n");
    (void)mr_part_put_head(out, boundary, mr_str(""), &r, 1000);
    EQ_STR(out, "\r\n--0123456789abcdef0123456789ABCDEF\r\n"
                "Content-Range: bytes 5-6/1000\r\n\r\n");
    mr_part_put_end(end, boundary);
    EQ_STR(end, "\r\n--0123456789abcdef0123456789ABCDEF--\r\n");
}

SUITE("ranges", range_parses, range_of_nothing_is_all, range_has_a_bound,
      range_against_a_map, range_decides, range_writes)
TEST_MAIN()
