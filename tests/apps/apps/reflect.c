/* SPDX-License-Identifier: MIT */

/*
 * reflect - answers with the head of what it was asked, and the number of
 * bytes of its body.
 */
#include <millrace/app.h>

static int reflect(struct mr_request *req, struct mr_response *res, void *self)
{
    struct mr_str piece;
    size_t n = 0;
    int rc;

    (void)self;
    while ((rc = mr_request_next(req, &piece)) > 0)
        n += piece.n;
    if (rc < 0)
        return rc;
    mr_response_header(res, "Set-Cookie", "a=1");
    mr_response_header(res, "Set-Cookie", "b=2");
    mr_response_header(res, "X-Method",
                       mr_method_text(mr_request_method(req)).p);
    return mr_reply_printf(res, 200, "%.*s%zu",
                           MR_STR(mr_request_head_text(req)), n);
}

MR_APP(reflect, .handle = reflect)
