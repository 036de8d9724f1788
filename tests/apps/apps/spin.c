/* SPDX-License-Identifier: MIT */

/*
 * spin - a handler in an endless loop that neither parks nor yields.
 */
#include <millrace/app.h>

static int spin(struct mr_request *req, struct mr_response *res, void *self)
{
    volatile bool go_on = true;

    (void)req;
    (void)self;
    while (go_on)
        ;
    return mr_reply_status(res, 500);
}

MR_APP(spin, .handle = spin)
