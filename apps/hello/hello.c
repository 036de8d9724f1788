/* SPDX-License-Identifier: MIT */

/*
 * hello - the template of a handler app: copy this directory and go on.
 *
 *     route "/hello" { app = hello  delay = 100ms }
 *
 *     $ curl 'http://127.0.0.1:8080/hello?name=you'
 *     hello, you
 */
#include <millrace/app.h>

struct hello {
    int64_t delay; /* ns */
};

static const struct mr_config_option options[] = {
    {.name = "delay",
     .type = MR_CONFIG_DURATION,
     .def = "0",
     .offset = offsetof(struct hello, delay),
     .doc = "wait so long before answering"},
};

static int hello(struct mr_request *req, struct mr_response *res, void *self)
{
    const struct hello *h = self;
    int rc = h->delay ? mr_sleep(mr_after(h->delay)) : 0; /* only this errand */

    if (rc < 0)
        return rc;
    return mr_reply_printf(res, 200, "hello, %.*s\n",
                           MR_STR(mr_request_query(req, "name", "world")));
}

MR_APP(hello, .options = options, .option_count = MR_ARRAY_LEN(options),
       .size = sizeof(struct hello), .handle = hello)
