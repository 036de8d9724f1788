/* SPDX-License-Identifier: MIT */

/*
 * test_get_answer.c - what mrget makes of errors, statuses, Retry-After and
 * Content-Range, and how it writes sizes, times, JSON.
 */
#include <errno.h>

#include "apps/get/answer.h"
#include "apps/get/json.h"
#include "apps/get/outcome.h"
#include "apps/get/units.h"
#include "tests/test.h"

TEST(outcomes_of_errors_and_statuses)
{
    static const struct {
        int err, status;
        enum get_outcome want;
        bool again;
    } cases[] = {
        {0, 200, GET_OK, false},
        {0, 206, GET_OK, false},
        {0, 401, GET_AUTH, false},
        {0, 403, GET_SERVER, false},
        {0, 404, GET_SERVER, false},
        {0, 407, GET_AUTH, false},
        {0, 408, GET_SERVER, true},
        {0, 429, GET_SERVER, true},
        {0, 500, GET_SERVER, true},
        {0, 501, GET_SERVER, false},
        {0, 502, GET_SERVER, true},
        {0, 503, GET_SERVER, true},
        {0, 504, GET_SERVER, true},
        {-ECONNREFUSED, 0, GET_NETWORK, true},
        {-ECONNRESET, 0, GET_NETWORK, true},
        {-ETIMEDOUT, 0, GET_NETWORK, true},
        {-ENODATA, 0, GET_NETWORK, true},
        {-ENOENT, 0, GET_NETWORK, false}, /* no such name */
        {-EAGAIN, 0, GET_NETWORK, true},
        {-EKEYREJECTED, 0, GET_TLS, false},
        {-EKEYEXPIRED, 0, GET_TLS, false},
        {-EBADMSG, 0, GET_PROTOCOL, false},
        {-ELOOP, 0, GET_PROTOCOL, false},
        {-EFBIG, 0, GET_PROTOCOL, false},
        {-EINVAL, 0, GET_USAGE, false},
        {-ENOMEM, 0, GET_OTHER, false},
        {-ECANCELED, 0, GET_INTERRUPTED, false},
    };

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        CASE("%d %d", cases[i].err, cases[i].status);
        EQ_INT(cases[i].err ? get_outcome_of_error(cases[i].err)
                            : get_outcome_of_status(cases[i].status),
               cases[i].want);
        EQ_INT(get_is_worth_a_retry(cases[i].err, cases[i].status),
               cases[i].again);
    }
}

TEST(of_several_the_most_telling)
{
    static const struct {
        enum get_outcome a, b, want;
    } cases[] = {
        {GET_OK, GET_OK, GET_OK},
        {GET_OK, GET_SERVER, GET_SERVER},
        {GET_OTHER, GET_SERVER, GET_SERVER},
        {GET_OTHER, GET_OK, GET_OTHER},
        {GET_NETWORK, GET_SERVER, GET_NETWORK},
        {GET_CONTENT, GET_FILE, GET_FILE},
        {GET_USAGE, GET_INTERRUPTED, GET_INTERRUPTED},
        {GET_INTERRUPTED, GET_OTHER, GET_INTERRUPTED},
    };

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        CASE("%d %d", cases[i].a, cases[i].b);
        EQ_INT(get_outcome_add(cases[i].a, cases[i].b), cases[i].want);
        EQ_INT(get_outcome_add(cases[i].b, cases[i].a), cases[i].want);
    }
    EQ_STR(get_outcome_name(GET_TLS), "tls");
}

TEST(waits_double_up_to_a_minute_with_jitter)
{
    for (uint32_t random = 0; random < 5000; random += 7) {
        int64_t w = get_backoff_ms(1, 1000, random);

        OK(w >= 500 && w <= 1000);
        w = get_backoff_ms(3, 1000, random);
        OK(w >= 2000 && w <= 4000);
        w = get_backoff_ms(1000000, 1000, random);
        OK(w >= 30000 && w <= 60000);
        EQ_INT(get_backoff_ms(5, 0, random), 0);
    }
}

TEST(retry_after)
{
    static const struct {
        const char *in;
        int64_t want;
    } cases[] = {
        {"0", 0},
        {"3", 3000},
        {" 7 ", 7000},
        {"600", 600000},
        {"601", GET_RETRY_AFTER_MAX_MS},
        {"99999999999999999999999", GET_RETRY_AFTER_MAX_MS},
        {"Sun, 06 Nov 1994 08:49:37 GMT", 0},
        {"Sun, 06 Nov 1994 08:49:57 GMT", 10000},
        {"Sun, 06 Nov 2094 08:49:57 GMT", GET_RETRY_AFTER_MAX_MS},
        {"-1", -1},
        {"soon", -1},
        {"1.5", -1},
        {"", -1},
    };

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        CASE("'%s'", cases[i].in);
        EQ_INT(get_retry_after_ms(mr_str(cases[i].in), 784111787),
               cases[i].want);
    }
}

TEST(content_ranges)
{
    static const struct {
        const char *in;
        int rc;
        int64_t from, to, total;
    } cases[] = {
        {"bytes 0-499/1234", 0, 0, 500, 1234},
        {"Bytes 5-5/6", 0, 5, 6, 6},
        {"bytes 0-499/*", 0, 0, 500, -1},
        {"bytes */1234", 0, -1, -1, 1234},
        {"bytes */*", -EINVAL, 0, 0, 0},
        {"bytes 5-4/9", -EINVAL, 0, 0, 0},
        {"bytes 0-9/9", -EINVAL, 0, 0, 0},
        {"bytes 0-9", -EINVAL, 0, 0, 0},
        {"bytes=0-9/10", -EINVAL, 0, 0, 0},
        {"lines 0-9/10", -EINVAL, 0, 0, 0},
        {"bytes -9/10", -EINVAL, 0, 0, 0},
        {"bytes 0-/10", -EINVAL, 0, 0, 0},
        {"bytes 0-9/10x", -EINVAL, 0, 0, 0},
        {"bytes 0-99999999999999999999/*", -EINVAL, 0, 0, 0},
        {"bytes 0-9223372036854775807/*", -EINVAL, 0, 0, 0},
        {"", -EINVAL, 0, 0, 0},
    };

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        int64_t from = 0, to = 0, total = 0;

        CASE("%s", cases[i].in);
        EQ_INT(get_content_range_parse(mr_str(cases[i].in), &from, &to, &total),
               cases[i].rc);
        EQ_INT(from, cases[i].from);
        EQ_INT(to, cases[i].to);
        EQ_INT(total, cases[i].total);
    }
}

/* An answer of up to three fields, judged. */
static struct get_answer judge(int status, int64_t length, const char *range,
                               int64_t from, int64_t to)
{
    struct mr_field fields[4];
    struct mr_response_head head = {.status = status, .content_length = length};
    struct get_answer a;

    mr_headers_init(&head.headers, fields, 4);
    if (range)
        CHECK_EQ_INT(mr_headers_add(&head.headers, mr_str("Content-Range"),
                                    mr_str(range)),
                     0);
    CHECK_EQ_INT(mr_headers_add(&head.headers, mr_str("ETag"), mr_str("\"x\"")),
                 0);
    get_answer_judge(&head, from, to, 784111787, &a);
    return a;
}

TEST(answers_are_believed_only_when_they_fit)
{
    static const struct {
        int status;
        int64_t length;
        const char *range;
        int64_t from, to;
        enum get_answer_kind want;
    } cases[] = {
        {200, 10, NULL, -1, -1, GET_ANSWER_WHOLE},
        {200, -1, NULL, 5, 10, GET_ANSWER_WHOLE},
        {206, 5, "bytes 5-9/10", 5, 10, GET_ANSWER_PART},
        {206, -1, "bytes 5-9/10", 5, 10, GET_ANSWER_PART},
        {206, 3, "bytes 5-7/10", 5, 10, GET_ANSWER_PART}, /* less: it may */
        {206, 5, "bytes 5-9/10", -1, -1, GET_ANSWER_BAD}, /* unasked */
        {206, 5, "bytes 6-9/10", 5, 10, GET_ANSWER_BAD},
        {206, 6, "bytes 5-10/20", 5, 10, GET_ANSWER_BAD}, /* more */
        {206, 4, "bytes 5-9/10", 5, 10, GET_ANSWER_BAD},
        {206, 5, "bytes 5-9/*", 5, 10, GET_ANSWER_BAD},
        {206, 5, NULL, 5, 10, GET_ANSWER_BAD}, /* multipart/byteranges */
        {206, 5, "bytes */10", 5, 10, GET_ANSWER_BAD},
        {416, 0, "bytes */10", 10, -1, GET_ANSWER_PAST},
        {416, 0, NULL, 10, -1, GET_ANSWER_PAST},
        {416, 0, NULL, -1, -1, GET_ANSWER_NO},
        {204, 0, NULL, -1, -1, GET_ANSWER_NO},
        {404, 0, NULL, -1, -1, GET_ANSWER_NO},
        {503, 0, NULL, 5, 10, GET_ANSWER_NO},
    };

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct get_answer a;

        CASE("%d %s", cases[i].status, cases[i].range);
        a = judge(cases[i].status, cases[i].length, cases[i].range,
                  cases[i].from, cases[i].to);
        EQ_INT(a.kind, cases[i].want);
        OK((a.why != NULL) == (a.kind == GET_ANSWER_BAD));
        OK(mr_str_is(a.validator, "\"x\""));
    }
}

TEST(sizes_and_times)
{
    static const struct {
        uint64_t n;
        const char *want;
    } sizes[] = {
        {0, "0 B"},
        {1023, "1023 B"},
        {1024, "1.0 KiB"},
        {1536, "1.5 KiB"},
        {1048524, "1023.9 KiB"},
        {1048570, "1.0 MiB"},
        {UINT64_C(1) << 30, "1.0 GiB"},
        {UINT64_MAX, "16.0 EiB"},
    };
    static const struct {
        int64_t n;
        const char *want;
    } times[] = {
        {-1, "-"},
        {0, "0s"},
        {59, "59s"},
        {60, "1:00"},
        {125, "2:05"},
        {3723, "1:02:03"},
        {359999, "99:59:59"},
        {360000, "4 days"},
        {INT64_MAX, "9999 days"},
    };
    char text[GET_UNIT_TEXT];

    for (size_t i = 0; i < MR_ARRAY_LEN(sizes); i++)
        EQ_STR(get_size_text(text, sizes[i].n), sizes[i].want);
    for (size_t i = 0; i < MR_ARRAY_LEN(times); i++)
        EQ_STR(get_time_text(text, times[i].n), times[i].want);
    EQ_INT(get_time_left(0, 100, 10), 11);
    EQ_INT(get_time_left(100, 100, 10), 0);
    EQ_INT(get_time_left(0, -1, 10), -1);
    EQ_INT(get_time_left(0, 100, 0), -1);
}

/* The same bytes in the same time, sampled seldom or often: the same speed. */
TEST(speed_does_not_hang_on_how_often_it_is_sampled)
{
    struct get_meter often = {0}, seldom = {0};
    const int64_t second = 1000000000;

    for (int64_t t = 1; t <= 200; t++)
        get_meter_sample(&often, (uint64_t)t * 100000, t * second / 10);
    for (int64_t t = 1; t <= 20; t++)
        get_meter_sample(&seldom, (uint64_t)t * 1000000, t * second);
    OK(often.speed > 990000 && often.speed < 1010000);
    OK(seldom.speed > 990000 && seldom.speed < 1010000);
    /* Silence: it falls. */
    get_meter_sample(&often, 20000000, 23 * second);
    OK(often.speed > 400000 && often.speed < 600000);
    /* It began anew: no negative speed, and the past is not forgotten. */
    get_meter_sample(&often, 10, 24 * second);
    OK(often.speed > 400000 && often.speed < 600000);
}

TEST(json_strings)
{
    static const struct {
        const char *in, *want;
    } cases[] = {
        {"", "\"\""},
        {"a b", "\"a b\""},
        {"a\"b\\c", "\"a\\\"b\\\\c\""},
        {"a\nb\tc\x01", "\"a\\nb\\u0009c\\u0001\""},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
         "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {"a\xff\xc3", "\"a\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    };

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct mr_buf b;

        CASE("%s", cases[i].want);
        mr_buf_init(&b);
        EQ_INT(get_json_string(&b, mr_str(cases[i].in)), 0);
        EQ_MEM(mr_buf_head(&b), b.len, cases[i].want, strlen(cases[i].want));
        mr_buf_fini(&b);
    }
}

SUITE("mrget: outcomes", outcomes_of_errors_and_statuses,
      of_several_the_most_telling, waits_double_up_to_a_minute_with_jitter,
      retry_after)
SUITE("mrget: answers", content_ranges, answers_are_believed_only_when_they_fit)
SUITE("mrget: words", sizes_and_times,
      speed_does_not_hang_on_how_often_it_is_sampled, json_strings)
TEST_MAIN()
