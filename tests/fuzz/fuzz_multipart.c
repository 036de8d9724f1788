/* SPDX-License-Identifier: MIT */
/* fuzz_multipart.c - any bytes as a form with files: whole and in pieces it is
 * the same, and each part has the bytes that a search for the delimiter finds.
 * The first byte says how long the pieces are. */
#include "http/multipart.h"

#define PARTS 8
#define DELIMITER "\r\n--ab"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where the next delimiter stands in in, from byte `from`; in.n: nowhere. */
static size_t find(struct mr_str in, size_t from)
{
    const char *at =
        memmem(in.p + from, in.n - from, DELIMITER, sizeof DELIMITER - 1);

    return at ? (size_t)(at - in.p) : in.n;
}

/* What the parts of `in` must be; in begins with the CR LF that counts as
 * seen. */
struct model {
    struct mr_str in;
    size_t at;        /* of the present delimiter */
    size_t data, end; /* of the present part: its data, and the delimiter */
    size_t got;       /* bytes of it that came */
};

static void part_begins(struct model *m, const struct mr_part *part)
{
    const char *head;
    size_t line = m->at + sizeof DELIMITER - 1, len;

    while (m->in.p[line] == ' ' || m->in.p[line] == '\t')
        line++;
    MR_BUG_ON(m->in.n - line < 2 || memcmp(m->in.p + line, "\r\n", 2) != 0);
    head = m->in.p + line + 2;
    m->data =
        (size_t)((const char *)memmem(head, m->in.n - line - 2, "\r\n\r\n", 4) -
                 m->in.p) +
        4;
    m->end = find(m->in, m->data - 2);
    m->got = 0;
    /* A part without data: its head's last CR LF is the delimiter's. */
    m->data = MR_MIN(m->data, m->end);
    len = m->data - line - 2;
    MR_BUG_ON(memchr(head, '\0', len) != NULL);
    MR_BUG_ON(part->name.n > len || part->file_name.n > len);
    MR_BUG_ON(mr_str_find(part->file_name, '/') >= 0);
    MR_BUG_ON(mr_str_find(part->file_name, '\\') >= 0);
}

static void data_comes(struct model *m, struct mr_str data)
{
    MR_BUG_ON(data.n == 0 || data.n > m->end - m->data - m->got);
    MR_BUG_ON(memcmp(m->in.p + m->data + m->got, data.p, data.n) != 0);
    m->got += data.n;
}

static void part_ends(struct model *m)
{
    MR_BUG_ON(m->end == m->in.n || m->got != m->end - m->data);
    m->at = m->end;
}

static uint64_t walk(struct mr_str with_line_end, size_t step)
{
    enum mr_multipart_event e = MR_MULTIPART_MORE;
    struct mr_str in = {with_line_end.p + 2, with_line_end.n - 2}, data;
    struct model model = {.in = with_line_end};
    struct mr_multipart m;
    struct mr_arena a;
    uint64_t sum = 0;

    mr_arena_init(&a, 1024);
    model.at = find(with_line_end, 0);
    MR_BUG_ON(mr_multipart_init(&m, &a,
                                mr_str("multipart/form-data; boundary=ab"),
                                PARTS, 256) != 0);
    for (size_t at = 0; at < in.n; at += step) {
        struct mr_str piece = {in.p + at, MR_MIN(step, in.n - at)};

        while ((e = mr_multipart_next(&m, &piece, &data)) !=
               MR_MULTIPART_MORE) {
            if (e != MR_MULTIPART_DATA)
                sum = sum * 31 + (uint64_t)e + 1000;
            if (e == MR_MULTIPART_BAD || e == MR_MULTIPART_MANY)
                break;
            if (e == MR_MULTIPART_PART)
                part_begins(&model, m.part);
            if (e == MR_MULTIPART_DATA)
                data_comes(&model, data);
            if (e == MR_MULTIPART_END)
                part_ends(&model);
            for (size_t i = 0; e == MR_MULTIPART_DATA && i < data.n; i++)
                sum = sum * 31 + (unsigned char)data.p[i];
            MR_BUG_ON(e == MR_MULTIPART_DONE &&
                      memcmp(in.p - 2 + model.at, DELIMITER "--",
                             sizeof DELIMITER + 1) != 0);
        }
        if (e != MR_MULTIPART_MORE)
            break;
    }
    mr_arena_fini(&a);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char room[65536] = "\r\n";
    struct mr_str in = {room, size + 1};

    if (size < 2 || size > sizeof room - 2)
        return 0;
    memcpy(room + 2, data + 1, size - 1);
    MR_BUG_ON(walk(in, in.n) != walk(in, 1 + data[0] % 16));
    return 0;
}
