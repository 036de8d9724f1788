/* SPDX-License-Identifier: MIT */

/*
 * overflow - a handler that outgrows its stack.
 */
#include <millrace/app.h>

/* volatile: each frame is needed, so none can be left out. */
static int deeper(volatile char *above, unsigned depth)
{
    volatile char here[1024];

    if (depth == 0)
        return 0;
    here[0] = (char)(above[0] + 1);
    return deeper(here, depth - 1) + here[0];
}

static int overflow(struct mr_request *req, struct mr_response *res, void *self)
{
    volatile char top = 0;

    (void)req;
    (void)self;
    return mr_reply_printf(res, 200, "%d", deeper(&top, 1u << 24));
}

MR_APP(overflow, .handle = overflow)
