/* SPDX-License-Identifier: MIT */
#ifndef TESTS_IO_CHILDREN_H
#define TESTS_IO_CHILDREN_H

/*
 * children.h - what the tests of io/subprocess.h share: short forms, and the
 * check that neither a descriptor nor a zombie is left behind.
 *
 *     enter();
 *     p = spawn(&(struct mr_subprocess_options){.argv = SH("exit 3")});
 *     CHECK_EQ_INT(end_of(p), 3);
 *     mr_subprocess_free(p);
 *     leave();
 */
#include <string.h>
#include <sys/wait.h>

#include "core/signal.h"
#include "core/sys.h"
#include "core/timer.h"
#include "io/fd.h"
#include "io/subprocess.h"
#include "tests/core/in_hub.h"

#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})
#define SH(script) ARGV("/bin/sh", "-c", script)
#define PIPED                      \
    {                              \
        .kind = MR_SUBPROCESS_PIPE \
    }
#define NO_INPUT                   \
    {                              \
        .kind = MR_SUBPROCESS_NULL \
    }

static inline bool has_children(void)
{
    siginfo_t info;

    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* No descriptor and no zombie is left behind: around each test. */
static int fds_before;

static inline void enter(void)
{
    CHECK_EQ_INT(mr_signal_ignore_pipe(), 0);
    CHECK_EQ_INT(mr_sleep_ms(0), 0); /* the hub has what it opens once */
    fds_before = count_fds();
}

static inline void leave(void)
{
    CHECK_EQ_INT(count_fds(), fds_before);
    CHECK_OK(!has_children());
}

static inline struct mr_subprocess *spawn(const struct mr_subprocess_options *o)
{
    struct mr_subprocess *p = NULL;

    CHECK_EQ_INT(mr_subprocess_spawn(&p, o, MR_NEVER), 0);
    return p;
}

/* Its exit code, see mr_process_exit_code; or -1000 - the error. */
static inline int end_of(struct mr_subprocess *p)
{
    int status = 0;
    int rc = mr_subprocess_wait(p, &status, MR_NEVER);

    return rc ? rc - 1000 : mr_process_exit_code(status);
}

/* Run, and what came out. */
static inline int run(const char *const *argv, const char *input,
                      struct mr_buf *out)
{
    int status = 0;
    int rc = mr_subprocess_run(
        &(struct mr_subprocess_options){.argv = argv, .in = NO_INPUT},
        &(struct mr_subprocess_capture){
            .input = input ? mr_str(input) : (struct mr_str){0},
            .out = out,
            .max = 1 << 24,
        },
        &status, MR_NEVER);

    return rc ? rc - 1000 : mr_process_exit_code(status);
}

/* What a script prints. */
static inline void prints(const struct mr_subprocess_options *o,
                          const char *want)
{
    struct mr_subprocess_options mine = *o;
    struct mr_buf out = {0};
    int status = -1;

    CHECK_EQ_INT(mr_subprocess_run(
                     &mine,
                     &(struct mr_subprocess_capture){.out = &out, .max = 4096},
                     &status, MR_NEVER),
                 0);
    CHECK_EQ_INT(mr_process_exit_code(status), 0);
    CHECK_EQ_MEM(mr_buf_head(&out), out.len, want, strlen(want));
    mr_buf_fini(&out);
}

#endif
