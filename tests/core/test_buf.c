/* SPDX-License-Identifier: MIT */

/* test_buf.c - append, consume, grow, and running out of memory. */
#include "core/buf.h"

#include <errno.h>
#include <stdlib.h>

#include "core/sys.h"
#include "tests/test.h"

TEST(buf_append_and_consume)
{
    struct mr_buf b;

    mr_buf_init(&b);
    OK(!mr_buf_head(&b) && !mr_buf_view(&b).p && !mr_buf_tail(&b));
    EQ_INT(mr_buf_append_z(&b, "hello, "), 0);
    EQ_INT(mr_buf_printf(&b, "%s %d", "world", 7), 0);
    EQ_MEM(mr_buf_head(&b), b.len, "hello, world 7", 14);
    mr_buf_consume(&b, 7);
    OK(mr_str_is(mr_buf_view(&b), "world 7"));
    mr_buf_consume(&b, 7);
    EQ_INT(b.pos, 0);
    EQ_INT(mr_buf_append(&b, NULL, 0), 0);
    mr_buf_fini(&b);
    EQ_INT(b.cap, 0);
    EQ_INT(mr_buf_append_z(&b, "usable"), 0);
    mr_buf_fini(&b);
}

/* Consumed room is used again, so a steady stream does not grow. */
TEST(buf_stream_stays_small)
{
    struct mr_buf b;

    mr_buf_init(&b);
    for (int i = 0; i < 100000; i++) {
        EQ_INT(mr_buf_append(&b, "0123456789", 10), 0);
        mr_buf_consume(&b, i % 8 ? 10 : 9);
        if (b.len > 8)
            mr_buf_consume(&b, b.len);
    }
    OK(b.cap <= 1024);
    mr_buf_fini(&b);
}

TEST(buf_printf_longer_than_room)
{
    struct mr_buf b;
    char want[3001];

    memset(want, 'x', 3000);
    want[3000] = '\0';
    mr_buf_init(&b);
    EQ_INT(mr_buf_append_z(&b, "<"), 0);
    EQ_INT(mr_buf_printf(&b, "%s>", want), 0);
    EQ_INT(b.len, 3002);
    EQ_MEM(mr_buf_head(&b) + 1, 3000, want, 3000);
    EQ_INT(mr_buf_head(&b)[3001], '>');
    mr_buf_fini(&b);
}

/* Every length up to a few chunks, against a plain copy of all that came. */
TEST(buf_against_a_model)
{
    static char model[1 << 16];
    size_t head = 0, tail = 0;
    struct mr_buf b;

    srandom(4711);
    mr_buf_init(&b);
    while (tail < sizeof model - 700) {
        size_t n = (size_t)random() % 700, m;

        for (size_t i = 0; i < n; i++)
            model[tail + i] = (char)random();
        EQ_INT(mr_buf_append(&b, model + tail, n), 0);
        tail += n;
        m = (size_t)random() % (tail - head + 1);
        mr_buf_consume(&b, m);
        head += m;
        EQ_MEM(b.data + b.pos, b.len, model + head, tail - head);
    }
    mr_buf_fini(&b);
}

TEST(buf_out_of_memory)
{
    struct mr_buf b;

    mr_buf_init(&b);
    EQ_INT(mr_buf_append_z(&b, "kept"), 0);
    EQ_INT(mr_buf_reserve(&b, SIZE_MAX - 1), -ENOMEM);
    mr_sys_fault_always(MR_SYS_ALLOC, -ENOMEM);
    EQ_INT(mr_buf_reserve(&b, 1 << 20), -ENOMEM);
    EQ_INT(mr_buf_printf(&b, "%1000d", 1), -ENOMEM);
    mr_sys_fault_clear();
    OK(mr_str_is(mr_buf_view(&b), "kept"));
    mr_buf_fini(&b);
}

TEST_DIES(buf_consume_too_much, "n > b->len")
{
    struct mr_buf b;

    mr_buf_init(&b);
    mr_buf_consume(&b, 1);
}

/* To the end of a pipe; or until there is more than one wants, which shows. */
TEST(read_fd)
{
    struct mr_buf b;
    int fds[2];

    mr_buf_init(&b);
    EQ_INT(mr_sys_pipe2(fds, 0), 0);
    EQ_INT(mr_sys_write(fds[1], "0123456789", 10), 10);
    mr_sys_close(fds[1]);
    EQ_INT(mr_buf_append_z(&b, "ab"), 0);
    EQ_INT(mr_buf_read_fd(&b, fds[0], 4), 0);
    OK(b.len > 4);
    EQ_INT(mr_buf_read_fd(&b, fds[0], 100), 0);
    EQ_MEM(mr_buf_head(&b), b.len, "ab0123456789", 12);
    mr_sys_fault(MR_SYS_READ, 1, -EIO);
    EQ_INT(mr_buf_read_fd(&b, fds[0], 100), -EIO);
    EQ_INT(b.len, 12);
    mr_sys_fault_clear();
    mr_sys_close(fds[0]);
    mr_buf_fini(&b);
}

SUITE("buffers", buf_append_and_consume, buf_stream_stays_small,
      buf_printf_longer_than_room, buf_against_a_model, buf_out_of_memory,
      buf_consume_too_much)
SUITE("files", read_fd)
TEST_MAIN()
