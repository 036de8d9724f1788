/* SPDX-License-Identifier: MIT */

/*
 * patient - waits until its client has gone, and says so in the log.
 *
 * The server itself never calls mr_request_wait_gone: that it can be loaded
 * shows that the whole API is there for apps.
 */
#include <millrace/app.h>

static int patient(struct mr_request *req, struct mr_response *res, void *self)
{
    int rc = mr_request_wait_gone(req, mr_after_s(60));

    (void)res;
    (void)self;
    mr_log(MR_LOG_INFO, "patient: the client is %s", rc ? "there" : "gone");
    return rc;
}

MR_APP(patient, .handle = patient)
