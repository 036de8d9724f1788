/* SPDX-License-Identifier: MIT */
/* test_static_ranges.c - Range and If-Range over the wire. */
#include "http/range.h"
#include "http/static.h"
#include "tests/http/http_util.h"
#include "tests/http/tree.h"

/* Larger than what goes through memory, smaller than a client's room. */
#define BIG 100000
#define TYPE "text/plain; charset=utf-8"

static char big[BIG + 1];
static struct mr_static *files;

static void put(const char *name, const char *text, int64_t seconds)
{
    tree_put(name, text);
    tree_age(name, seconds);
}

static int serve(struct mr_request *req, struct mr_response *res, void *self)
{
    return mr_static_serve(self, req, res);
}

static void open_files(struct web *w)
{
    for (int i = 0; i < BIG; i++)
        big[i] = (char)('a' + i % 23);
    tree_make();
    put("ten.txt", "0123456789", 3600);
    put("fresh.txt", "0123456789", 0);
    put("empty.txt", "", 3600);
    put("big.txt", big, 3600);
    CHECK_EQ_INT(
        mr_static_open(
            &files, &(struct mr_static_options){.root = tree,
                                                .cache_control = "max-age=5"}),
        0);
    web_route(w, "/", serve, files);
}

static void close_files(void)
{
    mr_static_close(files);
}

/* %s in a field is the ETag, %d the date. */
static const struct {
    const char *line, *fields;
    int status;
    const char *content_range, *body; /* NULL: the whole of big.txt */
} rows[] = {
    {"GET /ten.txt", "", 200, "", "0123456789"},
    {"GET /ten.txt", "Range: bytes=0-1\r\n", 206, "bytes 0-1/10", "01"},
    {"GET /ten.txt", "Range: bytes=-3\r\n", 206, "bytes 7-9/10", "789"},
    {"GET /ten.txt", "Range: bytes=8-\r\n", 206, "bytes 8-9/10", "89"},
    {"GET /ten.txt", "Range: bytes=0-\r\n", 206, "bytes 0-9/10", "0123456789"},
    {"GET /ten.txt", "Range: bytes=0-1,8-9\r\n", 206, "bytes 0-9/10",
     "0123456789"}, /* nearer than a part's head is long */
    {"GET /ten.txt", "Range: bytes=2-3,99-\r\n", 206, "bytes 2-3/10", "23"},
    {"GET /ten.txt", "Range: bytes=10-\r\n", 416, "bytes */10",
     "416 Range Not Satisfiable\n"},
    {"GET /ten.txt", "Range: bytes=-0\r\n", 416, "bytes */10",
     "416 Range Not Satisfiable\n"},
    {"GET /ten.txt", "Range: bytes=5-4\r\n", 200, "", "0123456789"},
    {"GET /ten.txt", "Range: bytes=x\r\n", 200, "", "0123456789"},
    {"GET /ten.txt", "Range: lines=0-1\r\n", 200, "", "0123456789"},
    {"GET /ten.txt", "Range: bytes=0-1\r\nRange: bytes=2-3\r\n", 200, "",
     "0123456789"},
    {"GET /empty.txt", "Range: bytes=0-1\r\n", 200, "", ""},
    {"GET /empty.txt", "Range: bytes=-1\r\n", 200, "", ""},
    {"GET /big.txt", "Range: bytes=0-\r\n", 206, "bytes 0-99999/100000", NULL},
    {"GET /big.txt", "Range: bytes=99999-\r\n", 206, "bytes 99999-99999/100000",
     "s"},
    /* If-Range */
    {"GET /ten.txt", "Range: bytes=0-1\r\nIf-Range: %s\r\n", 206,
     "bytes 0-1/10", "01"},
    {"GET /ten.txt", "If-Range: %s\r\nRange: bytes=99-\r\n", 416, "bytes */10",
     "416 Range Not Satisfiable\n"},
    {"GET /ten.txt", "Range: bytes=0-1\r\nIf-Range: \"x\"\r\n", 200, "",
     "0123456789"},
    {"GET /ten.txt", "Range: bytes=99-\r\nIf-Range: \"x\"\r\n", 200, "",
     "0123456789"},
    {"GET /ten.txt", "Range: bytes=0-1\r\nIf-Range: W/%s\r\n", 200, "",
     "0123456789"},
    {"GET /ten.txt", "Range: bytes=0-1\r\nIf-Range: %d\r\n", 206,
     "bytes 0-1/10", "01"},
    {"GET /ten.txt",
     "Range: bytes=0-1\r\nIf-Range: Thu, 01 Jan 1970 00:00:00 GMT\r\n", 200, "",
     "0123456789"},
    /* what forbids, and what is not needed, comes first */
    {"GET /ten.txt", "Range: bytes=0-1\r\nIf-None-Match: %s\r\n", 304, "", ""},
    {"GET /ten.txt", "Range: bytes=99-\r\nIf-None-Match: %s\r\n", 304, "", ""},
    {"GET /ten.txt", "Range: bytes=0-1\r\nIf-None-Match: \"x\"\r\n", 206,
     "bytes 0-1/10", "01"},
    {"GET /ten.txt", "Range: bytes=0-1\r\nIf-Match: %s\r\n", 206,
     "bytes 0-1/10", "01"},
    {"GET /ten.txt", "Range: bytes=0-1\r\nIf-Match: \"x\"\r\n", 412, "",
     "412 Precondition Failed\n"},
    {"GET /ten.txt", "Range: bytes=99-\r\nIf-Match: \"x\"\r\n", 412, "",
     "412 Precondition Failed\n"},
    {"GET /ten.txt", "Range: bytes=0-1\r\nIf-Match: %s\r\nIf-Range: \"x\"\r\n",
     200, "", "0123456789"},
    /* a missing file has no ranges */
    {"GET /none", "Range: bytes=0-1\r\n", 404, "", "404 Not Found\n"},
};

/* The fields with %s and %d replaced. */
static void fill(char out[1024], const char *line, const char *fields,
                 const char *etag, const char *date)
{
    size_t n = (size_t)snprintf(out, 1024, "%s HTTP/1.1\r\nHost: a\r\n", line);

    for (const char *at = fields; *at; at++) {
        if (at[0] == '%')
            n += (size_t)snprintf(out + n, 1024 - n, "%s",
                                  *++at == 's' ? etag : date);
        else
            out[n++] = *at;
    }
    snprintf(out + n, 1024 - n, "\r\n");
}

WEB(ranges_over_the_wire)
{
    struct client *c = client_new(w);
    char etag[80], date[80], text[1024];

    open_files(w);
    CHECK_EQ_INT(ask(c, GET("/ten.txt")), 200);
    snprintf(etag, sizeof etag, "%.79s", client_field(c, "ETag"));
    snprintf(date, sizeof date, "%.79s", client_field(c, "Last-Modified"));
    for (size_t i = 0; i < MR_ARRAY_LEN(rows); i++) {
        CASE("%s %s", rows[i].line, rows[i].fields);
        fill(text, rows[i].line, rows[i].fields, etag, date);
        CHECK_EQ_INT(ask(c, text), rows[i].status);
        CHECK_EQ_STR(client_field(c, "Content-Range"), rows[i].content_range);
        CHECK_EQ_STR(c->body, rows[i].body ? rows[i].body : big);
        if (rows[i].status == 206)
            CHECK_EQ_STR(client_field(c, "Content-Type"), TYPE);
        /* One without Range on the same connection: nothing is left over. */
        CHECK_EQ_INT(ask(c, GET("/ten.txt")), 200);
        CHECK_EQ_STR(client_field(c, "Accept-Ranges"), "bytes");
    }
    close_files();
    client_free(c);
}

/* A HEAD says what a GET without Range has. */
WEB(ranges_are_not_heads)
{
    struct client *c = client_new(w);

    open_files(w);
    client_send(c, REQUEST("HEAD /ten.txt", "Range: bytes=0-1\r\n")
                       REQUEST("HEAD /ten.txt", "Range: bytes=99-\r\n"));
    for (int i = 0; i < 2; i++) {
        CHECK_EQ_INT(client_head(c), 200);
        CHECK_EQ_STR(client_field(c, "Content-Length"), "10");
        CHECK_EQ_STR(client_field(c, "Content-Range"), "");
    }
    CHECK_EQ_INT(ask(c, GET("/ten.txt")), 200);
    close_files();
    client_free(c);
}

/* What changed just now has a weak tag, and a weak tag joins no parts. */
WEB(ranges_of_what_is_fresh)
{
    struct client *c = client_new(w);
    char text[1024];

    open_files(w);
    CHECK_EQ_INT(ask(c, GET("/fresh.txt")), 200);
    if (mr_str_starts(mr_str(client_field(c, "ETag")), "W/")) {
        char etag[80];

        snprintf(etag, sizeof etag, "%.79s", client_field(c, "ETag"));
        fill(text, "GET /fresh.txt", "Range: bytes=0-1\r\nIf-Range: %s\r\n",
             etag, "");
        CHECK_EQ_INT(ask(c, text), 200);
    }
    CHECK_EQ_INT(ask(c, REQUEST("GET /fresh.txt", "Range: bytes=0-1\r\n")),
                 206);
    close_files();
    client_free(c);
}

WEB(ranges_have_the_200_s_fields)
{
    static const char *const names[] = {"ETag", "Last-Modified",
                                        "Cache-Control", "Accept-Ranges"};
    struct client *c = client_new(w);
    char was[MR_ARRAY_LEN(names)][80];

    open_files(w);
    CHECK_EQ_INT(ask(c, GET("/ten.txt")), 200);
    for (size_t i = 0; i < MR_ARRAY_LEN(names); i++) {
        snprintf(was[i], sizeof was[i], "%.79s", client_field(c, names[i]));
        CHECK_OK(*was[i]);
    }
    CHECK_EQ_INT(ask(c, REQUEST("GET /ten.txt", "Range: bytes=0-1\r\n")), 206);
    CHECK_EQ_INT(client_field(c, "Date")[3], ',');
    for (size_t i = 0; i < MR_ARRAY_LEN(names); i++)
        CHECK_EQ_STR(client_field(c, names[i]), was[i]);
    /* A cache would keep that nothing is there. */
    CHECK_EQ_INT(ask(c, REQUEST("GET /ten.txt", "Range: bytes=99-\r\n")), 416);
    CHECK_EQ_STR(client_field(c, "Cache-Control"), "");
    close_files();
    client_free(c);
}

/* --- several parts --- */

/* The body's next part is r of big.txt. What follows it. */
static const char *part(const char *at, const char *boundary,
                        const struct mr_byte_range *r)
{
    char want[256];
    size_t n;

    n = (size_t)snprintf(want, sizeof want,
                         "\r\n--%s\r\nContent-Type: " TYPE
                         "\r\nContent-Range: bytes %llu-%llu/%d\r\n\r\n",
                         boundary, (unsigned long long)r->off,
                         (unsigned long long)(r->off + r->n - 1), BIG);
    CHECK_OK(strncmp(at, want, n) == 0);
    CHECK_OK(strncmp(at + n, big + r->off, r->n) == 0);
    return at + n + r->n;
}

static const struct {
    const char *value;
    struct mr_ranges r;
} several[] = {
    {"bytes=0-0,1000-1000", {2, {{0, 1}, {1000, 1}}}},
    {"bytes=1000-1000,0-0", {2, {{1000, 1}, {0, 1}}}},
    {"bytes=0-9,5-20,99990-,-5,500-501", {3, {{0, 21}, {99990, 10}, {500, 2}}}},
    {"bytes=0-49999,60000-", {2, {{0, 50000}, {60000, 40000}}}},
    {"bytes=0-0,10000-59999,70000-70000",
     {3, {{0, 1}, {10000, 50000}, {70000, 1}}}},
    {"bytes=0-15999,17000-32000,34000-50000,60000-76000",
     {4, {{0, 16000}, {17000, 15001}, {34000, 16001}, {60000, 16001}}}},
};

WEB(ranges_in_parts)
{
    struct client *c = client_new(w);
    char text[1024], boundary[80], last[80] = "", end[96];

    open_files(w);
    for (size_t i = 0; i < MR_ARRAY_LEN(several); i++) {
        const char *at = c->body;

        CASE("%s", several[i].value);
        snprintf(text, sizeof text, REQUEST("GET /big.txt", "Range: %s\r\n"),
                 several[i].value);
        CHECK_EQ_INT(ask(c, text), 206);
        CHECK_EQ_STR(client_field(c, "Content-Range"), "");
        CHECK_EQ_INT(sscanf(client_field(c, "Content-Type"),
                            "multipart/byteranges; boundary=%79s", boundary),
                     1);
        CHECK_OK(strcmp(boundary, last) != 0);
        snprintf(last, sizeof last, "%s", boundary);
        for (size_t k = 0; k < several[i].r.n; k++)
            at = part(at, boundary, &several[i].r.v[k]);
        snprintf(end, sizeof end, "\r\n--%s--\r\n", boundary);
        CHECK_EQ_STR(at, end);
    }
    close_files();
    client_free(c);
}

/* As many as there may be; one more, and they are not looked at. */
WEB(ranges_are_bounded)
{
    struct client *c = client_new(w);
    char text[2048] = "GET /big.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=0-0";
    size_t n = strlen(text);

    open_files(w);
    for (int i = 1; i < MR_RANGES_MAX; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, ",%d-%d", i * 1000,
                              i * 1000);
    snprintf(text + n, sizeof text - n, "\r\n\r\n");
    CHECK_EQ_INT(ask(c, text), 206);
    snprintf(text + n, sizeof text - n, ",99999-99999\r\n\r\n");
    CHECK_EQ_INT(ask(c, text), 200);
    CHECK_EQ_STR(c->body, big);
    close_files();
    client_free(c);
}

/* Out of memory anywhere: an answer, or an end, and no leak. */
WEB(ranges_without_memory)
{
    struct client *c;

    open_files(w);
    for (unsigned n = 1; n < 12; n++) {
        int status;

        CASE("allocation %u", n);
        c = client_new(w);
        mr_sys_fault(MR_SYS_ALLOC, n, -ENOMEM);
        status = ask(c, REQUEST("GET /big.txt", "Range: bytes=0-0,60000-\r\n"));
        mr_sys_fault_clear();
        CHECK_OK(status == 206 || status == 500 || status == 503 || status < 0);
        client_free(c);
    }
    close_files();
}

/* --- every combination of the fields --- */

enum { ABSENT, HOLDS, FAILS, STATES };
enum { IM, IUS, INM, IMS, IR, RANGE, FIELDS };

static const char *const names[FIELDS] = {
    "If-Match",      "If-Unmodified-Since",
    "If-None-Match", "If-Modified-Since",
    "If-Range",      "Range",
};

/* RFC 9110 13.2.2, step by step. */
static int by_the_letter(const int state[FIELDS], bool head)
{
    if (state[IM] == FAILS || (!state[IM] && state[IUS] == FAILS))
        return 412;
    if (state[INM] == FAILS || (!state[INM] && state[IMS] == FAILS))
        return 304;
    if (head || !state[RANGE] || state[IR] == FAILS)
        return 200;
    return state[RANGE] == HOLDS ? 206 : 416;
}

/* The request, its fields from the `first` on and round, or back. */
static void put_request(char out[1024], const int state[FIELDS], bool head,
                        int first, const char *const values[FIELDS][STATES])
{
    size_t n =
        (size_t)snprintf(out, 1024, "%s /ten.txt HTTP/1.1\r\nHost: a\r\n",
                         head ? "HEAD" : "GET");

    for (int i = 0; i < FIELDS; i++) {
        int f = first < FIELDS ? (first + i) % FIELDS
                               : (2 * FIELDS - 1 - first + FIELDS - i) % FIELDS;

        if (state[f])
            n += (size_t)snprintf(out + n, 1024 - n, "%s: %s\r\n", names[f],
                                  values[f][state[f]]);
    }
    snprintf(out + n, 1024 - n, "\r\n");
}

static void check_answer(const struct client *c, int status, bool head)
{
    bool ranged = status == 206 || status == 416;
    const char *body = status == 206 ? "01" : "0123456789";

    CHECK_OK((*client_field(c, "Content-Range") != '\0') == ranged);
    CHECK_OK(*client_field(c, "ETag") != '\0');
    CHECK_OK((*client_field(c, "Cache-Control") != '\0') == (status < 400));
    if (status < 300)
        CHECK_EQ_STR(c->body, head ? "" : body);
}

/* GET and HEAD, each field absent, true or false: 1,458 requests, in twelve
 * orders by turns. */
WEB(ranges_and_preconditions_in_every_combination)
{
    static const char past[] = "Thu, 01 Jan 1970 00:00:00 GMT";
    char etag[80], date[80], text[1024];
    const char *const values[FIELDS][STATES] = {
        {NULL, etag, "\"x\""}, {NULL, date, past},
        {NULL, "\"x\"", etag}, {NULL, past, date},
        {NULL, etag, past},    {NULL, "bytes=0-1", "bytes=99-"},
    };
    struct client *c = client_new(w);

    open_files(w);
    CHECK_EQ_INT(ask(c, GET("/ten.txt")), 200);
    snprintf(etag, sizeof etag, "%.79s", client_field(c, "ETag"));
    snprintf(date, sizeof date, "%.79s", client_field(c, "Last-Modified"));
    for (int i = 0; i < 2 * 729; i++) {
        int state[FIELDS], rest = i / 2, want;
        bool head = i % 2;

        for (int f = 0; f < FIELDS; f++, rest /= STATES)
            state[f] = rest % STATES;
        want = by_the_letter(state, head);
        put_request(text, state, head, i / 2 % (2 * FIELDS), values);
        CASE("%s", text);
        client_send(c, text);
        CHECK_EQ_INT(head ? client_head(c) : client_answer(c), want);
        check_answer(c, want, head);
    }
    client_free(c);
    close_files();
}

SUITE("ranges of files", ranges_over_the_wire, ranges_are_not_heads,
      ranges_of_what_is_fresh, ranges_have_the_200_s_fields, ranges_in_parts,
      ranges_are_bounded, ranges_without_memory,
      ranges_and_preconditions_in_every_combination)
TEST_MAIN()
