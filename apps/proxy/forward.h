/* SPDX-License-Identifier: MIT */
#ifndef APPS_PROXY_FORWARD_H
#define APPS_PROXY_FORWARD_H

/* forward.h - one request on its way: for outgoing.c and forward.c. */
#include "apps/proxy/proxy.h"
#include "core/sync.h"

/* A request's fields, those that we add among them. */
#define FORWARD_FIELDS 128

struct forward {
    struct proxy *p;
    struct mr_request *req;
    struct mr_response *res;
    struct mr_arena *arena;
    struct upstream *u;
    struct mr_client_request r;
    struct mr_call *call;
    struct mr_group group; /* those who are at it; empty before and after */
    struct mr_event over;  /* a head came, it failed, or our client did */
    bool begun;
    int begin_rc;
    bool answered;
    int answer_rc;
    int client_rc;
    bool answering; /* its body is on its way */
    bool body_taken;
    bool safe; /* to be sent twice */
    char why[MR_CLIENT_WHY];
    struct mr_field fields[FORWARD_FIELDS];
};

/* --- outgoing.c --- */

/* Has it gone through us too often? */
bool outgoing_loops(const struct mr_request *req);
/* Method, fields and the kind of body. 0; -E2BIG: too many fields; -ENOMEM. */
int outgoing_prepare(struct forward *f);
/* For f->u: 0 or -ENOMEM. */
int outgoing_target(struct forward *f);
/* Is a field of a head with these fields for more than one connection? */
bool is_passed_on(const struct mr_headers *h, struct mr_str name);

#endif
