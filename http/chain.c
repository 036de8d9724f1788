/* SPDX-License-Identifier: MIT */

/*
 * chain.c - one step calls the next: the position is on the stack, so that a
 * chain is constant and serves any number of requests at once.
 */
#include "http/chain.h"

struct mr_chain_at {
    const struct mr_chain *chain;
    size_t i; /* of the step that runs next; n: the handler */
};

int mr_chain_next(const struct mr_chain_at *next, struct mr_request *req,
                  struct mr_response *res)
{
    const struct mr_chain *c = next->chain;
    const struct mr_chain_at after = {c, next->i + 1};

    if (next->i == c->n)
        return c->handle(req, res, c->self);
    return c->steps[next->i].run(req, res, c->steps[next->i].self, &after);
}

int mr_chain_run(struct mr_request *req, struct mr_response *res, void *chain)
{
    return mr_chain_next(&(struct mr_chain_at){chain, 0}, req, res);
}
