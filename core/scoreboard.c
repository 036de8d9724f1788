/* SPDX-License-Identifier: MIT */

/*
 * scoreboard.c - shared counters, one row per worker, one writer per row.
 *
 *     memfd "millrace-scoreboard"
 *     +--------+-------+-------+-- ... --+
 *     | header | row 0 | row 1 |         |   each a multiple of 128 bytes
 *     +--------+-------+-------+-- ... --+
 *
 * The file cannot shrink (it is sealed), so that a reader is never faulted. A
 * process that finds it as /proc/PID/fd/N trusts nothing in it but what open
 * has checked. The header says its own sizes: a master that execs its successor
 * hands the board on, and the successor sees whether it can go on with it.
 *
 * Not here: sums over rows, and printing; that is whoever asks.
 */
#include "core/scoreboard.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/sys.h"

#define MAGIC 0x65726f63732d726du /* "mr-score" in memory */

struct header {
    uint64_t magic;
    uint32_t version;
    uint32_t row_size;
    uint32_t rows;
    uint32_t header_size;
    int64_t started;
} __attribute__((aligned(MR_SCORE_ALIGN)));

struct mr_scoreboard {
    struct header *header; /* the map begins with it */
    struct mr_score_row *row;
    size_t size;   /* of the map */
    unsigned rows; /* as checked; the header may change under us */
    int fd;
};

const struct mr_score_field mr_scoreboard_fields[] = {
#define X(kind, name) \
    {#name, MR_SCORE_##kind, offsetof(struct mr_score_row, name)},
    MR_SCORE_FIELDS(X)
#undef X
};
const size_t mr_scoreboard_field_count = MR_ARRAY_LEN(mr_scoreboard_fields);

static size_t board_size(unsigned rows)
{
    return sizeof(struct header) + rows * sizeof(struct mr_score_row);
}

static int map(struct mr_scoreboard *sb, int fd, int prot)
{
    int err = 0;
    void *at = mr_sys_mmap(NULL, sb->size, prot, MAP_SHARED, fd, 0, &err);

    if (!at)
        return err;
    sb->header = at;
    sb->row = (void *)(sb->header + 1);
    return 0;
}

int mr_scoreboard_new(unsigned rows, struct mr_scoreboard **ret)
{
    struct mr_scoreboard *sb;
    int err;

    if (rows == 0 || rows > MR_SCOREBOARD_ROWS_MAX)
        return -EINVAL;
    sb = mr_calloc(1, sizeof *sb);
    if (!sb)
        return -ENOMEM;
    sb->rows = rows;
    sb->size = board_size(rows);
    sb->fd = mr_sys_memfd_create("millrace-scoreboard",
                                 MFD_CLOEXEC | MFD_ALLOW_SEALING);
    err = MR_MIN(sb->fd, 0);
    if (!err)
        err = mr_sys_ftruncate(sb->fd, (int64_t)sb->size);
    if (!err)
        err = mr_sys_fcntl(sb->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
    if (!err)
        err = map(sb, sb->fd, PROT_READ | PROT_WRITE);
    if (err) {
        mr_scoreboard_free(sb);
        return err;
    }
    *sb->header = (struct header){
        .magic = MAGIC,
        .version = MR_SCOREBOARD_VERSION,
        .row_size = sizeof(struct mr_score_row),
        .rows = rows,
        .header_size = sizeof(struct header),
        .started = mr_sys_realtime(),
    };
    *ret = sb;
    return 0;
}

/* 0 when h is of a board like ours, whole in file_size bytes. */
static int check_header(const struct header *h, int64_t file_size)
{
    if (h->magic != MAGIC)
        return -EPROTO;
    if (h->version != MR_SCOREBOARD_VERSION || h->header_size != sizeof *h ||
        h->row_size != sizeof(struct mr_score_row))
        return -EPROTONOSUPPORT;
    if (h->rows == 0 || h->rows > MR_SCOREBOARD_ROWS_MAX ||
        file_size < (int64_t)board_size(h->rows))
        return -EPROTO;
    return 0;
}

int mr_scoreboard_open(int fd, struct mr_scoreboard **ret)
{
    struct mr_scoreboard *sb;
    struct header h;
    struct stat st;
    ssize_t n;
    int err;

    err = mr_sys_fstat(fd, &st);
    if (err)
        return err;
    n = mr_sys_pread(fd, &h, sizeof h, 0);
    if (n < 0)
        return (int)n;
    err = n == sizeof h ? check_header(&h, st.st_size) : -EPROTO;
    if (err)
        return err;
    sb = mr_calloc(1, sizeof *sb);
    if (!sb)
        return -ENOMEM;
    sb->fd = -1;
    sb->rows = h.rows;
    sb->size = board_size(h.rows);
    err = map(sb, fd, PROT_READ);
    if (err) {
        mr_scoreboard_free(sb);
        return err;
    }
    *ret = sb;
    return 0;
}

void mr_scoreboard_free(struct mr_scoreboard *sb)
{
    if (!sb)
        return;
    if (sb->header)
        mr_sys_munmap(sb->header, sb->size);
    if (sb->fd >= 0)
        mr_sys_close(sb->fd);
    mr_free(sb);
}

unsigned mr_scoreboard_rows(const struct mr_scoreboard *sb)
{
    return sb->rows;
}

int64_t mr_scoreboard_started(const struct mr_scoreboard *sb)
{
    return sb->header->started;
}

int mr_scoreboard_fd(const struct mr_scoreboard *sb)
{
    return sb->fd;
}

struct mr_score_row *mr_scoreboard_row(struct mr_scoreboard *sb, unsigned i)
{
    MR_BUG_ON(i >= sb->rows);
    return &sb->row[i];
}

static void zero_gauges(struct mr_score_row *row)
{
    for (size_t i = 0; i < mr_scoreboard_field_count; i++) {
        const struct mr_score_field *f = &mr_scoreboard_fields[i];

        if (f->kind == MR_SCORE_GAUGE)
            mr_scoreboard_set((void *)((char *)row + f->offset), 0);
    }
}

void mr_scoreboard_take(struct mr_score_row *row, unsigned generation)
{
    zero_gauges(row);
    mr_scoreboard_set(&row->pid, (uint64_t)getpid());
    mr_scoreboard_set(&row->generation, generation);
    mr_scoreboard_set(&row->started, (uint64_t)mr_sys_realtime());
    mr_scoreboard_set(&row->state, MR_SCORE_STARTING);
}

void mr_scoreboard_vacate(struct mr_score_row *row)
{
    zero_gauges(row);
    mr_scoreboard_set(&row->pid, 0);
    mr_scoreboard_set(&row->state, MR_SCORE_EMPTY);
}

uint64_t mr_scoreboard_field(const struct mr_score_row *row, size_t i)
{
    MR_BUG_ON(i >= mr_scoreboard_field_count);
    return mr_scoreboard_get(
        (const void *)((const char *)row + mr_scoreboard_fields[i].offset));
}

const char *mr_scoreboard_state_name(uint64_t state)
{
    static const char *const names[] = {
#define X(id, name) name,
        MR_SCORE_STATES(X)
#undef X
    };

    return state < MR_ARRAY_LEN(names) ? names[state] : "?";
}
