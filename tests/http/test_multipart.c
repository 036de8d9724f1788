/* SPDX-License-Identifier: MIT */
/*
 * test_multipart.c - multipart/form-data taken apart.
 *
 * Each case is read whole, byte by byte, and cut in two at every place; the
 * outcome must be the same.
 */
#include "http/multipart.h"

#include <errno.h>
#include <stdio.h>

#include "core/buf.h"
#include "core/sys.h"
#include "tests/test.h"

#define TYPE "multipart/form-data; boundary=b"
#define A "Content-Disposition: form-data; name=a\r\n"
#define F "Content-Disposition: form-data; name=\"f\"; filename=\"x.txt\"\r\n"

static const struct {
    const char *in;
    const char *want; /* name[(file:type)]=data; of each, or what is wrong */
} cases[] = {
    {"--b\r\n" A "\r\n1\r\n--b--\r\n", "a=1;."},
    {"--b\r\n" A "\r\n1\r\n--b--", "a=1;."},
    {"--b\r\n" A "\r\n\r\n--b--", "a=;."},
    {"--b\r\n" A "\r\n--b--", "a=;."},
    {"\r\n--b\r\n" A "\r\n1\r\n--b--", "a=1;."},
    {"preamble\r\n--b\r\n" A "\r\n1\r\n--b--epilogue\r\n--b\r\n", "a=1;."},
    {"--b \t\r\n" A "\r\n1\r\n--b  \r\n" F "\r\n2\r\n--b--",
     "a=1;f(x.txt:-)=2;."},
    {"--b\r\n" F "Content-Type: text/plain\r\n\r\n\r\nx\r\n\r\n--b--",
     "f(x.txt:text/plain)=\r\nx\r\n;."},
    /* what looks like a delimiter and is none */
    {"--b\r\n" A "\r\n\r\n-\r\n--\r\n--a\r\r\n--c\r\n--b--",
     "a=\r\n-\r\n--\r\n--a\r\r\n--c;."},
    {"--b\r\n" A "\r\n--a--b\r\n--b--", "a=--a--b;."},
    {"--b\r\n" A "\r\n\r\r\n\r\n--b--", "a=\r\r\n;."},
    {"--b--\r\n", "."},
    /* names */
    {"--b\r\nContent-Disposition: form-data; name=\"a;\\\"b\\c\"\r\n\r\n1\r\n"
     "--b--",
     "a;\"b\\c=1;."},
    {"--b\r\ncontent-disposition:FORM-DATA;filename=\"C:\\d\\e/../f\";NAME=a"
     "\r\n\r\n1\r\n--b--",
     "a(f:-)=1;."},
    {"--b\r\nContent-Disposition: form-data; name=a; filename=\"\"\r\n\r\n\r\n"
     "--b--",
     "a(:-)=;."},
    /* refused */
    {"--b\r\n\r\n1\r\n--b--", "!a part needs one"},
    {"--b\r\n" A A "\r\n1\r\n--b--", "!a part needs one"},
    {"--b\r\nContent-Disposition: attachment; name=a\r\n\r\n1",
     "!a part needs"},
    {"--b\r\nContent-Disposition: form-data\r\n\r\n1", "!a part has no proper"},
    {"--b\r\nContent-Disposition: form-data; name=\"a\r\n\r\n1",
     "!a part has no proper"},
    {"--b\r\nContent-Disposition\r\n\r\n1", "!a line of a part's head"},
    {"--b\r\n" A "X y: 1\r\n\r\n1", "!a field of a part's head"},
    {"--b\r\n" A "X: \x01\r\n\r\n1", "!a field of a part's head"},
    {"--b\r\n" A "X: 1\nY: 2\r\n\r\n1", "!a field of a part's head"},
    {"--bc\r\n" A "\r\n1", "!a boundary's line"},
    {"--b\r\r\n" A "\r\n1", "!a boundary's line"},
    {"--b-\r\n" A "\r\n1", "!a boundary's line"},
    {"--b --\r\n", "!a boundary's line"},
    {"--b\t-\r\n" A "\r\n1", "!a boundary's line"},
    {"--b \r \n" A "\r\n1", "!a boundary's line"},
    {"--b\r\n" A "\r\n1\r\n--bb", "a=1;!a boundary's line"},
    {"--b\r\n" A "\r\n1\r\n--b\r\n" A "\r\n2\r\n--b\r\n" A "\r\n3\r\n--b\r\n",
     "a=1;a=2;a=3;#"},
    /* cut short */
    {"", ""},
    {"no boundary", ""},
    {"--b\r\n" A, ""},
    {"--b\r\n" A "\r\n1\r\n--b", "a=1;"},
    {"--b\r\n" A "\r\n1\r\n--b-", "a=1;"},
};

static void note(struct mr_buf *out, const struct mr_multipart *m,
                 enum mr_multipart_event e, struct mr_str data)
{
    switch (e) {
    case MR_MULTIPART_PART:
        (void)!mr_buf_append(out, m->part->name.p, m->part->name.n);
        if (m->part->file_name.p)
            (void)!mr_buf_printf(out, "(%.*s:%.*s)", MR_STR(m->part->file_name),
                                 m->part->type.p ? (int)m->part->type.n : 1,
                                 m->part->type.p ? m->part->type.p : "-");
        (void)!mr_buf_append_z(out, "=");
        break;
    case MR_MULTIPART_DATA:
        (void)!mr_buf_append(out, data.p, data.n);
        break;
    case MR_MULTIPART_END:
        (void)!mr_buf_append_z(out, ";");
        break;
    case MR_MULTIPART_DONE:
        (void)!mr_buf_append_z(out, ".");
        break;
    case MR_MULTIPART_BAD:
        (void)!mr_buf_printf(out, "!%s", m->reason);
        break;
    case MR_MULTIPART_MANY:
        (void)!mr_buf_append_z(out, "#");
        break;
    case MR_MULTIPART_MORE:
        break;
    }
}

/* In two pieces, or (cut SIZE_MAX) byte by byte. */
static void read_all(struct mr_buf *out, const char *in, size_t cut)
{
    size_t n = strlen(in), at = 0;
    struct mr_multipart m;
    struct mr_arena arena;

    mr_arena_init(&arena, 4096);
    EQ_INT(mr_multipart_init(&m, &arena, mr_str(TYPE), 3, 128), 0);
    while (at < n) {
        size_t take = cut == SIZE_MAX ? 1 : at < cut ? cut : n - at;
        char *copy = mr_alloc(take); /* ends where the piece does */
        struct mr_str piece = {copy, take}, data;
        enum mr_multipart_event e;

        memcpy(copy, in + at, take);
        at += take;
        while ((e = mr_multipart_next(&m, &piece, &data)) !=
               MR_MULTIPART_MORE) {
            note(out, &m, e, data);
            if (e == MR_MULTIPART_BAD || e == MR_MULTIPART_MANY) {
                EQ_INT(mr_multipart_next(&m, &piece, &data), e);
                at = n;
                break;
            }
        }
        mr_free(copy);
    }
    (void)!mr_buf_append(out, "", 1);
    mr_arena_fini(&arena);
}

static void check(const char *in, const char *want, size_t cut)
{
    struct mr_buf out;
    size_t n = strchr(want, '!') ? strlen(want) : strlen(want) + 1;

    mr_buf_init(&out);
    read_all(&out, in, cut);
    OK(out.len >= n);
    /* a part that was cut short shows as far as it came */
    EQ_MEM(mr_buf_head(&out), n, want, n);
    mr_buf_fini(&out);
}

TEST(multipart_cases)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        CASE("%zu: %s", i, cases[i].in);
        for (size_t cut = 1; cut <= strlen(cases[i].in); cut++)
            check(cases[i].in, cases[i].want, cut);
        check(cases[i].in, cases[i].want, SIZE_MAX);
    }
}

static const struct {
    const char *type;
    int want;
} types[] = {
    {TYPE, 0},
    {"Multipart/Form-Data ; BOUNDARY=\"a b\"", 0},
    {"multipart/form-data;charset=utf-8;boundary=b", 0},
    {"multipart/form-data", -EBADMSG},
    {"multipart/form-data; boundary=", -EBADMSG},
    {"multipart/form-data; boundary=\"a", -EBADMSG},
    {"multipart/form-data; boundary=\"a \"", -EBADMSG},
    {"multipart/form-data; boundary=\"a@\"", -EBADMSG},
    {"multipart/form-data; boundary="
     "01234567890123456789012345678901234567890123456789012345678901234567890",
     -EBADMSG},
    {"multipart/mixed; boundary=b", -EMEDIUMTYPE},
    {"text/plain", -EMEDIUMTYPE},
    {"", -EMEDIUMTYPE},
};

TEST(multipart_types)
{
    struct mr_multipart m;
    struct mr_arena arena;

    mr_arena_init(&arena, 4096);
    for (size_t i = 0; i < MR_ARRAY_LEN(types); i++) {
        CASE("%s", types[i].type);
        EQ_INT(mr_multipart_init(&m, &arena, mr_str(types[i].type), 0, 0),
               types[i].want);
    }
    mr_arena_fini(&arena);
}

/* A form of a thousand parts, each with hundreds of quoted parameters, is 4 MB
 * on the wire. When each that is passed over was copied it took gigabytes. */
TEST(multipart_parameters_passed_over_cost_no_memory)
{
    char field[4096] = "form-data";
    struct mr_arena arena;
    struct mr_arena_mark before, after;
    struct mr_str got;
    size_t n = strlen(field);

    while (n + 16 < sizeof field)
        n += (size_t)snprintf(field + n, sizeof field - n, "; x=\"\\\"\"");
    (void)snprintf(field + n, sizeof field - n, "; n=\"b\"");
    mr_arena_init(&arena, 4096);
    OK(mr_arena_alloc(&arena, 1) != NULL);
    before = mr_arena_mark(&arena);
    EQ_INT(mr_param_find(&arena, mr_str(field), "filename", &got), -ENOENT);
    after = mr_arena_mark(&arena);
    OK(before.at == after.at && before.chunk == after.chunk);
    EQ_INT(mr_param_find(&arena, mr_str(field), "n", &got), 0);
    EQ_MEM(got.p, got.n, "b", 1);
    after = mr_arena_mark(&arena);
    OK(before.chunk == after.chunk && after.at - before.at <= 16);
    mr_arena_fini(&arena);
}

static enum mr_multipart_event last_of(const char *in, unsigned fail_at)
{
    struct mr_str piece = mr_str(in), data;
    enum mr_multipart_event e, last = MR_MULTIPART_MORE;
    struct mr_multipart m;
    struct mr_arena arena;

    mr_arena_init(&arena, 64);
    if (fail_at)
        mr_sys_fault(MR_SYS_ALLOC, fail_at, -ENOMEM);
    if (mr_multipart_init(&m, &arena, mr_str(TYPE), 0, 0) == 0) {
        while ((e = mr_multipart_next(&m, &piece, &data)) !=
               MR_MULTIPART_MORE) {
            last = e;
            if (e == MR_MULTIPART_BAD)
                break;
        }
    } else {
        last = MR_MULTIPART_BAD;
    }
    mr_sys_fault_clear();
    mr_arena_fini(&arena);
    return last;
}

TEST(multipart_limits)
{
    char in[MR_PART_HEAD_MAX + 256];
    size_t n = (size_t)snprintf(in, sizeof in, "--b\r\n" A "X: ");

    memset(in + n, 'x', MR_PART_HEAD_MAX);
    in[n + MR_PART_HEAD_MAX] = '\0';
    EQ_INT(last_of(in, 0), MR_MULTIPART_BAD);
    memset(in, 'p', 1100);
    in[1100] = '\0';
    EQ_INT(last_of(in, 0), MR_MULTIPART_BAD);
    for (unsigned i = 1; i <= 3; i++) {
        CASE("allocation %u", i);
        EQ_INT(last_of("--b\r\n" F "\r\n1\r\n--b--", i), MR_MULTIPART_BAD);
    }
    EQ_INT(last_of("--b\r\n" F "\r\n1\r\n--b--", 0), MR_MULTIPART_DONE);
}

SUITE("multipart", multipart_cases, multipart_types,
      multipart_parameters_passed_over_cost_no_memory, multipart_limits)
TEST_MAIN()
