/* SPDX-License-Identifier: MIT */

/*
 * bare_uring.c - bare_epoll.c's work on io_uring: multishot accept, multishot
 * receive into a ring of buffers, and one io_uring_enter for a batch of sends.
 * The calls are raw: liburing would add nothing here but a package.
 *
 *     bare_uring ADDRESS PORT      as bare_epoll
 *
 * 1. What a completion is of stands in its user_data: an operation, and a
 *    descriptor.
 * 2. A buffer that a receive took is given back as soon as its requests are
 *    answered; what is left over is copied out before.
 * 3. A connection has one send under way at most, and its bytes in out[]: what
 *    comes meanwhile is kept as rest and answered when the send is done.
 * 4. A descriptor is closed when neither a receive nor a send is under way.
 *
 * Status 2: the kernel does not allow it, or does not know all that it takes.
 */
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "tests/bench/peers/http/loop.h"

#define ENTRIES 4096u
#define BUFFERS 512u
#define GROUP 1

enum op { ACCEPT, RECEIVE, SEND };

struct conn {
    struct loop_rest rest;
    char *out;
    size_t out_n, sent;
    bool receiving, sending, closing, dead;
};

static struct {
    int fd;
    unsigned *sq_head, *sq_tail, *sq_mask, *sq_array;
    unsigned *cq_head, *cq_tail, *cq_mask;
    struct io_uring_sqe *sqes;
    struct io_uring_cqe *cqes;
    unsigned queued;
} ring;
static struct io_uring_buf_ring *buffers;
static unsigned short buffers_tail;
static char (*memory)[LOOP_IN];
static struct conn conns[LOOP_FDS];
static char in[LOOP_IN], answers[LOOP_OUT];
static int keep, once;

static _Noreturn void refuse(const char *what)
{
    fprintf(stderr, "io_uring: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void enter(unsigned wait)
{
    int n = (int)syscall(SYS_io_uring_enter, ring.fd, ring.queued, wait,
                         wait ? IORING_ENTER_GETEVENTS : 0u, NULL, 0);

    if (n < 0 && errno != EINTR && errno != EAGAIN && errno != EBUSY)
        refuse("enter");
    if (n > 0)
        ring.queued -= (unsigned)n;
}

static void queue(const struct io_uring_sqe *sqe)
{
    unsigned tail = *ring.sq_tail;

    while (tail - __atomic_load_n(ring.sq_head, __ATOMIC_ACQUIRE) >= ENTRIES)
        enter(0);
    ring.sqes[tail & *ring.sq_mask] = *sqe;
    ring.sq_array[tail & *ring.sq_mask] = tail & *ring.sq_mask;
    __atomic_store_n(ring.sq_tail, tail + 1, __ATOMIC_RELEASE);
    ring.queued++;
}

static uint64_t tag(enum op op, int fd)
{
    return (uint64_t)op << 32 | (unsigned)fd;
}

static void accept_on(int listener)
{
    queue(&(struct io_uring_sqe){.opcode = IORING_OP_ACCEPT,
                                 .fd = listener,
                                 .ioprio = IORING_ACCEPT_MULTISHOT,
                                 .accept_flags = SOCK_CLOEXEC,
                                 .user_data = tag(ACCEPT, listener)});
}

static void receive_on(int fd)
{
    conns[fd].receiving = true;
    queue(&(struct io_uring_sqe){.opcode = IORING_OP_RECV,
                                 .fd = fd,
                                 .ioprio = IORING_RECV_MULTISHOT,
                                 .flags = IOSQE_BUFFER_SELECT,
                                 .buf_group = GROUP,
                                 .user_data = tag(RECEIVE, fd)});
}

static void send_on(int fd)
{
    struct conn *c = &conns[fd];

    c->sending = true;
    queue(&(struct io_uring_sqe){.opcode = IORING_OP_SEND,
                                 .fd = fd,
                                 .addr = (uintptr_t)c->out + c->sent,
                                 .len = (unsigned)(c->out_n - c->sent),
                                 .msg_flags = MSG_NOSIGNAL,
                                 .user_data = tag(SEND, fd)});
}

static void give_back(unsigned id)
{
    struct io_uring_buf *b = &buffers->bufs[buffers_tail & (BUFFERS - 1)];

    b->addr = (uintptr_t)memory[id];
    b->len = LOOP_IN;
    b->bid = (unsigned short)id;
    buffers_tail++;
    __atomic_store_n(&buffers->tail, buffers_tail, __ATOMIC_RELEASE);
}

/* Shut it, so that a receive under way ends; close it when nothing is. */
static void drop(int fd)
{
    struct conn *c = &conns[fd];

    if (!c->dead && c->receiving)
        shutdown(fd, SHUT_RDWR);
    c->dead = true;
    if (c->receiving || c->sending)
        return;
    loop_keep(&c->rest, NULL, 0);
    free(c->out);
    *c = (struct conn){0};
    close(fd);
}

/* Answer what is whole of n bytes at p, which are not c->rest's. */
static void serve(int fd, const char *p, size_t n)
{
    struct conn *c = &conns[fd];
    size_t used, made = loop_answer(p, n, c->closing, answers, &used);

    if (c->rest.n || used < n)
        loop_keep(&c->rest, p + used, n - used);
    if (made == 0)
        return;
    c->out = realloc(c->out, made);
    loop_need(c->out, "realloc");
    memcpy(c->out, answers, made);
    c->out_n = made;
    c->sent = 0;
    send_on(fd);
}

static void received(int fd, int n, unsigned flags)
{
    struct conn *c = &conns[fd];
    unsigned id = flags >> IORING_CQE_BUFFER_SHIFT;
    size_t before = c->rest.n;
    bool too_long;

    c->receiving = flags & IORING_CQE_F_MORE;
    if (n <= 0 && n != -ENOBUFS) {
        drop(fd);
        return;
    }
    /* No request of this bench is so long. */
    too_long = n > 0 && before + (size_t)n > sizeof in;
    if (too_long)
        drop(fd);
    if (n > 0 && !too_long && !c->dead && (before || c->sending)) {
        if (before)
            memcpy(in, c->rest.p, before);
        memcpy(in + before, memory[id], (size_t)n);
        if (c->sending)
            loop_keep(&c->rest, in, before + (size_t)n);
        else
            serve(fd, in, before + (size_t)n);
    } else if (n > 0 && !too_long && !c->dead) {
        serve(fd, memory[id], (size_t)n);
    }
    if (n > 0)
        give_back(id);
    if (too_long)
        return;
    if (c->dead)
        drop(fd);
    else if (!c->receiving)
        receive_on(fd);
}

static void sent(int fd, int n)
{
    struct conn *c = &conns[fd];
    size_t rest = c->rest.n;

    c->sending = false;
    if (n > 0)
        c->sent += (size_t)n;
    if (n <= 0 || c->dead || (c->closing && c->sent == c->out_n)) {
        drop(fd);
    } else if (c->sent < c->out_n) {
        send_on(fd);
    } else if (rest) {
        memcpy(in, c->rest.p, rest);
        serve(fd, in, rest);
    }
}

static void completed(const struct io_uring_cqe *e)
{
    int fd = (int)(e->user_data & UINT32_MAX);

    switch ((enum op)(e->user_data >> 32)) {
    case ACCEPT:
        if (e->res == -EINVAL)
            refuse("multishot accept");
        if (e->res >= 0) {
            loop_need(e->res < LOOP_FDS, "descriptor");
            conns[e->res].closing = fd == once;
            receive_on(e->res);
        }
        if (!(e->flags & IORING_CQE_F_MORE))
            accept_on(fd);
        break;
    case RECEIVE:
        received(fd, e->res, e->flags);
        break;
    case SEND:
        sent(fd, e->res);
        break;
    }
}

static void *map(size_t n, int fd, off_t at)
{
    void *p =
        mmap(NULL, n, PROT_READ | PROT_WRITE,
             fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED | MAP_POPULATE,
             fd, at);

    if (p == MAP_FAILED)
        refuse("mmap");
    return p;
}

static void set_up(void)
{
    struct io_uring_params p = {.flags = IORING_SETUP_CQSIZE |
                                         IORING_SETUP_SINGLE_ISSUER |
                                         IORING_SETUP_DEFER_TASKRUN,
                                .cq_entries = 4 * ENTRIES};
    struct io_uring_buf_reg reg = {.ring_entries = BUFFERS, .bgid = GROUP};
    char *sq, *cq;

    ring.fd = (int)syscall(SYS_io_uring_setup, ENTRIES, &p);
    if (ring.fd < 0)
        refuse("setup");
    sq = map(p.sq_off.array + p.sq_entries * sizeof(unsigned), ring.fd,
             IORING_OFF_SQ_RING);
    cq = map(p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe),
             ring.fd, IORING_OFF_CQ_RING);
    ring.sqes = map(p.sq_entries * sizeof(struct io_uring_sqe), ring.fd,
                    IORING_OFF_SQES);
    ring.sq_head = (unsigned *)(sq + p.sq_off.head);
    ring.sq_tail = (unsigned *)(sq + p.sq_off.tail);
    ring.sq_mask = (unsigned *)(sq + p.sq_off.ring_mask);
    ring.sq_array = (unsigned *)(sq + p.sq_off.array);
    ring.cq_head = (unsigned *)(cq + p.cq_off.head);
    ring.cq_tail = (unsigned *)(cq + p.cq_off.tail);
    ring.cq_mask = (unsigned *)(cq + p.cq_off.ring_mask);
    ring.cqes = (struct io_uring_cqe *)(cq + p.cq_off.cqes);
    buffers = map(BUFFERS * sizeof(struct io_uring_buf), -1, 0);
    memory = map((size_t)BUFFERS * LOOP_IN, -1, 0);
    reg.ring_addr = (uintptr_t)buffers;
    if (syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_PBUF_RING, &reg,
                1) < 0)
        refuse("buffer ring");
    for (unsigned i = 0; i < BUFFERS; i++)
        give_back(i);
}

int main(int argc, char **argv)
{
    loop_need(argc == 3, "usage: bare_uring ADDRESS PORT");
    keep = loop_listen(argv[1], (int)strtol(argv[2], NULL, 10));
    once = loop_listen(argv[1], (int)strtol(argv[2], NULL, 10) + 1);
    set_up();
    accept_on(keep);
    accept_on(once);
    for (;;) {
        unsigned head = *ring.cq_head;

        enter(1);
        while (head != __atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE)) {
            struct io_uring_cqe e = ring.cqes[head & *ring.cq_mask];

            __atomic_store_n(ring.cq_head, ++head, __ATOMIC_RELEASE);
            completed(&e);
        }
    }
}
