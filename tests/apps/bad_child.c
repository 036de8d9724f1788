/* SPDX-License-Identifier: MIT */
#include "tests/apps/bad_child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/hub.h"
#include "core/timer.h"
#include "tests/bad/bad.h"

static intptr_t run_bad(void *arg)
{
    struct bad_child *c = arg;
    struct bad *bad;
    int rc = bad_open(&bad, c->at, NULL);

    if (rc)
        return rc;
    if (write(c->ready, "1", 1) != 1)
        return -EIO;
    return mr_sleep(MR_NEVER);
}

bool bad_start(struct bad_child *c, const struct site *s)
{
    int ends[2];
    char one;

    snprintf(c->at, sizeof c->at, "%s:9000", s->host);
    if (pipe(ends))
        return false;
    c->ready = ends[1];
    c->pid = fork();
    if (c->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ends[0]);
        (void)!mr_run(run_bad, c, NULL);
        _exit(1);
    }
    close(ends[1]);
    if (c->pid < 0 || read(ends[0], &one, 1) != 1)
        return false;
    close(ends[0]);
    return true;
}

void bad_stop(struct bad_child *c)
{
    kill(c->pid, SIGKILL);
    waitpid(c->pid, NULL, 0);
}
