/* SPDX-License-Identifier: MIT */

/*
 * fail - a handler that fails: at once, or (?late) in the middle of its answer.
 */
#include <errno.h>
#include <millrace/app.h>

static int fail(struct mr_request *req, struct mr_response *res, void *self)
{
    int err = 0;

    (void)self;
    if (mr_request_query_text(req).n > 0) {
        err = mr_response_start(res, 200, "text/plain", 100);
        if (!err)
            err = mr_response_write(res, "half", 4);
    }
    return err ? err : -ENXIO;
}

MR_APP(fail, .handle = fail)
