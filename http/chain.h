/* SPDX-License-Identifier: MIT */
#ifndef HTTP_CHAIN_H
#define HTTP_CHAIN_H

/*
 * chain.h - steps before, around and after a handler (middleware).
 *
 *     static int times(struct mr_request *req, struct mr_response *res,
 *                      void *self, const struct mr_chain_at *next)
 *     {
 *         int64_t begin = mr_hub_now();
 *         int rc = mr_chain_next(next, req, res);
 *         ...
 *         return rc;
 *     }
 *
 *     static const struct mr_step steps[] = {{times, &row}, {must_log_in, db}};
 *     static const struct mr_chain chain = {steps, 2, page, &site};
 *     mr_http_route(http, mr_str("/"), mr_chain_run, (void *)&chain, ...);
 *
 * The first step is outermost. A step passes on by calling mr_chain_next, once;
 * one that does not has answered itself, or returns a negative errno as a
 * handler does. What it adds to the answer's head it adds before: after the
 * next one the head may be on its way.
 */
#include "http/app.h"

struct mr_chain_at;

typedef int mr_step_fn(struct mr_request *req, struct mr_response *res,
                       void *self, const struct mr_chain_at *next);

struct mr_step {
    mr_step_fn *run;
    void *self;
};

/* All is the caller's, and stays while requests come. */
struct mr_chain {
    const struct mr_step *steps;
    size_t n;
    mr_handle_fn *handle; /* behind the last step */
    void *self;
};

/* A handler; its self is a struct mr_chain. May park. */
MR_API int mr_chain_run(struct mr_request *req, struct mr_response *res,
                        void *chain);
/* Run what comes next, and return what it does. May park. */
MR_API int mr_chain_next(const struct mr_chain_at *next, struct mr_request *req,
                         struct mr_response *res);

#endif
