/* SPDX-License-Identifier: MIT */

/*
 * work.c - a handler app for `make bench`: what a handler's waiting costs. It
 * sleeps for `wait`, runs `errands` coroutines that do nothing and joins them,
 * and then answers with a text of its own, as the peers' handlers do.
 */
#include <errno.h>
#include <millrace/app.h>

#define ERRANDS_MAX 64

struct work {
    int64_t wait; /* ns */
    int64_t errands;
};

static const struct mr_config_option options[] = {
    {.name = "wait",
     .type = MR_CONFIG_DURATION,
     .def = "0",
     .offset = offsetof(struct work, wait),
     .doc = "sleep so long"},
    {.name = "errands",
     .type = MR_CONFIG_INT,
     .def = "0",
     .offset = offsetof(struct work, errands),
     .max = ERRANDS_MAX,
     .doc = "spawn so many coroutines and join them"},
};

static intptr_t one(void *count)
{
    ++*(int64_t *)count;
    return 0;
}

static int work(struct mr_request *req, struct mr_response *res, void *self)
{
    const struct work *w = self;
    struct mr_coro *errands[ERRANDS_MAX];
    int64_t done = 0;
    int rc = w->wait ? mr_sleep(mr_after(w->wait)) : 0;

    (void)req;
    for (int64_t i = 0; i < w->errands; i++) {
        errands[i] = mr_spawn(one, &done);
        if (!errands[i])
            return -ENOMEM; /* those that run are joined with this errand */
    }
    for (int64_t i = 0; rc == 0 && i < w->errands; i++)
        rc = mr_join(errands[i], NULL, MR_NEVER);
    if (rc < 0)
        return rc;
    if (done != w->errands)
        return -EIO;
    return mr_reply(res, 200, "text/plain; charset=utf-8",
                    mr_str("hello, world\n"));
}

MR_APP(work, .options = options, .option_count = MR_ARRAY_LEN(options),
       .size = sizeof(struct work), .handle = work)
