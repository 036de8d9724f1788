/* SPDX-License-Identifier: MIT */

/*
 * test_get_live.c - mrget on a terminal: the bars as they are seen, a terminal
 * that changes its size, Ctrl-C once and twice.
 */
#include <pty.h>
#include <sys/ioctl.h>

#include "io/fd.h"
#include "tests/apps/get_util.h"
#include "tests/apps/screen.h"

struct live {
    struct mr_subprocess *p;
    int master;
    struct screen screen;
    struct mr_buf buf;
    int status;
};

static void set_size(int fd, int columns, int rows)
{
    struct winsize w = {.ws_col = (unsigned short)columns,
                        .ws_row = (unsigned short)rows};

    CHECK_EQ_INT(ioctl(fd, TIOCSWINSZ, &w), 0);
}

/* mrget with these words, its three descriptors a terminal of 80 columns. */
static bool live_start(struct live *l, const char *const *words)
{
    static char text[8][256];
    const char *argv[16] = {program(), "-d", dir};
    struct mr_subprocess_io tty = {.kind = MR_SUBPROCESS_FD};
    int slave, n = 3;

    for (int i = 0; words[i]; i++) {
        snprintf(text[i], sizeof text[i], "%s%s",
                 words[i][0] == '@' ? base : "",
                 words[i] + (words[i][0] == '@'));
        argv[n++] = text[i];
    }
    if (openpty(&l->master, &slave, NULL, NULL, NULL) != 0)
        return false;
    CHECK_EQ_INT(mr_fd_adopt(l->master), 0);
    set_size(l->master, 80, SCREEN_ROWS);
    screen_init(&l->screen, 80);
    mr_buf_init(&l->buf);
    tty.fd = slave;
    CHECK_EQ_INT(mr_subprocess_spawn(
                     &l->p,
                     &(struct mr_subprocess_options){
                         .argv = argv, .in = tty, .out = tty, .err = tty},
                     MR_NEVER),
                 0);
    close(slave);
    return true;
}

/* Read until a row holds these words; false when it ends before. */
static bool live_until(struct live *l, const char *words)
{
    for (;;) {
        ssize_t n;

        for (int y = 0; y < SCREEN_ROWS; y++) {
            if (strstr(screen_row(&l->screen, y), words))
                return true;
        }
        CHECK_EQ_INT(mr_buf_reserve(&l->buf, 4096), 0);
        n = mr_read(l->master, mr_buf_tail(&l->buf), 4096, mr_after_s(20));
        if (n <= 0)
            break;
        mr_buf_commit(&l->buf, (size_t)n);
        screen_take(&l->screen, &l->buf);
    }
    for (int y = 0; y < SCREEN_ROWS; y++)
        printf("|%s\n", screen_row(&l->screen, y));
    return false;
}

static void live_end(struct live *l)
{
    (void)live_until(l, "nothing says this: to the end");
    CHECK_EQ_INT(mr_subprocess_wait(l->p, &l->status, mr_after_s(20)), 0);
    mr_subprocess_free(l->p);
    mr_fd_close(l->master);
    mr_buf_fini(&l->buf);
}

/* The row of that name, or "". */
static const char *row_of(const struct screen *s, const char *name)
{
    for (int y = 0; y < SCREEN_ROWS; y++) {
        const char *row = screen_row(s, y);

        if (strncmp(row, name, strlen(name)) == 0)
            return row;
    }
    return "";
}

#define LIVE(l, ...) live_start((l), (const char *const[]){__VA_ARGS__, NULL})

IN_HUB(bars)
{
    struct live l;

    setenv("TERM", "xterm", 1);
    if (!begin(NULL))
        return 0;
    CHECK_OK(LIVE(&l, "@/a.iso?size=4M&do=stall&at=2M", "@/b?size=1K",
                  "@/c?status=404", "@/d?head=none"));
    CHECK_OK(live_until(&l, "50%"));
    CHECK_OK(
        strncmp(row_of(&l.screen, "a.iso "),
                "a.iso                    50% [=======>      ]    4.0 MiB ",
                56) == 0);
    CHECK_OK(strstr(row_of(&l.screen, "d "), " asking"));
    CHECK_OK(live_until(&l, "all: 2 of 4 "));
    CHECK_OK(strncmp(row_of(&l.screen, "b: "), "b: 1.0 KiB in ", 14) == 0);
    CHECK_OK(strstr(row_of(&l.screen, "mrget: http"), ": 404 Not Found"));

    /* Wider: it is drawn anew, and no line is left over. */
    set_size(l.master, 100, SCREEN_ROWS);
    l.screen.columns = 100;
    CHECK_EQ_INT(mr_subprocess_kill(l.p, SIGWINCH), 0);
    CHECK_OK(live_until(&l, "a.iso                          50% ["));
    CHECK_OK(live_until(&l, "all: 2 of 4                        ["));

    CHECK_EQ_INT(mr_subprocess_kill(l.p, SIGINT), 0);
    live_end(&l);
    CHECK_EQ_INT(mr_process_exit_code(l.status), 130);
    /* The bars are gone; what was said stays. */
    CHECK_EQ_STR(row_of(&l.screen, "a.iso "), "");
    CHECK_EQ_STR(row_of(&l.screen, "all: "), "");
    CHECK_OK(strstr(row_of(&l.screen, "mrget: interrupted"),
                    "; the same command with -c goes on"));
    end();
    return 0;
}

IN_HUB(no_colour_and_dumb_terminals)
{
    struct live l;

    if (!begin(NULL))
        return 0;
    setenv("TERM", "xterm", 1);
    setenv("NO_COLOR", "1", 1);
    CHECK_OK(LIVE(&l, "@/a?size=4M&do=stall&at=2M&times=1", "--timeout", "1"));
    CHECK_OK(live_until(&l, "50% [======="));
    CHECK_EQ_INT(mr_subprocess_kill(l.p, SIGTERM), 0);
    live_end(&l);
    CHECK_EQ_INT(mr_process_exit_code(l.status), 143);
    unsetenv("NO_COLOR");

    setenv("TERM", "dumb", 1);
    CHECK_OK(LIVE(&l, "@/b?size=1K"));
    live_end(&l);
    CHECK_EQ_INT(mr_process_exit_code(l.status), 0);
    CHECK_EQ_INT(l.screen.y, 1);
    end();
    return 0;
}

/* Standard output is a terminal that nobody reads: Ctrl-C is heard. */
IN_HUB(a_terminal_that_stalls)
{
    struct mr_subprocess *p;
    int master, slave, status, there = 0;
    unsigned same = 0;
    uint64_t sent = 0;
    char url[128];

    if (!begin(NULL))
        return 0;
    snprintf(url, sizeof url, "%s/f?size=64M", base);
    if (openpty(&master, &slave, NULL, NULL, NULL) != 0)
        return 0;
    CHECK_EQ_INT(
        mr_subprocess_spawn(
            &p,
            &(struct mr_subprocess_options){
                .argv = (const char *const[]){program(), "-qo-", url, NULL},
                .out = {.kind = MR_SUBPROCESS_FD, .fd = slave},
            },
            MR_NEVER),
        0);
    close(slave);
    /* Until it is full, and the server gets rid of nothing more: no descriptor
     * says so. */
    while (there < 2000 || same < 50) {
        uint64_t before = sent;

        CHECK_EQ_INT(mr_sleep_ms(2), 0);
        CHECK_EQ_INT(ioctl(master, FIONREAD, &there), 0);
        sent = bad_stat(bad)->bytes;
        same = sent == before ? same + 1 : 0;
    }
    CHECK_EQ_INT(mr_subprocess_kill(p, SIGINT), 0);
    CHECK_EQ_INT(mr_subprocess_wait(p, &status, mr_after_s(20)), 0);
    CHECK_EQ_INT(mr_process_exit_code(status), 130);
    mr_subprocess_free(p);
    close(master);
    end();
    return 0;
}

SUITE("mrget: live", bars, no_colour_and_dumb_terminals, a_terminal_that_stalls)
TEST_MAIN()
