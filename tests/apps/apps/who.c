/* SPDX-License-Identifier: MIT */

/*
 * who - answers with the pid of the worker that answers.
 */
#include <millrace/app.h>
#include <unistd.h>

static int who(struct mr_request *req, struct mr_response *res, void *self)
{
    (void)req;
    (void)self;
    return mr_reply_printf(res, 200, "%d", (int)getpid());
}

MR_APP(who, .handle = who)
