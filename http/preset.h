/* SPDX-License-Identifier: MIT */
#ifndef HTTP_PRESET_H
#define HTTP_PRESET_H

/*
 * preset.h - steps (http/chain.h) that add what many sites add: who may read
 * answers from other origins (CORS), and fields that make browsers careful.
 *
 *     struct mr_cors cors = {.origins = list, .n = 2};
 *     const struct mr_step steps[] = {{mr_security_step, NULL},
 *                                     {mr_cors_step, &cors},
 *                                     {mr_auth_step, auth}};
 *
 * In this order: a preflight carries no password, and an answer of 401 needs
 * the fields too.
 */
#include "http/chain.h"

struct mr_cors {
    const char *const *origins; /* "https://a.example", or "*" alone: all */
    size_t n;
    bool credentials; /* let browsers send cookies; not with "*" */
};

/* NULL, or what is wrong with it (static). */
MR_API const char *mr_cors_check(const struct mr_cors *cors);
/*
 * self is a struct mr_cors. A request of one of the origins gets
 * Access-Control-Allow-Origin; its preflight (OPTIONS) is answered here, 204,
 * with the method and fields that it asks for, good for ten minutes. Others go
 * on as they are: it is the browser that withholds answers. May park.
 */
MR_API int mr_cors_step(struct mr_request *req, struct mr_response *res,
                        void *cors, const struct mr_chain_at *next);

/*
 * X-Content-Type-Options: nosniff; X-Frame-Options: SAMEORIGIN;
 * Referrer-Policy: strict-origin-when-cross-origin; Cross-Origin-Opener-Policy:
 * same-origin. No Content-Security-Policy, which a site must write for itself,
 * and no Strict-Transport-Security, which is for whoever ends TLS. self is not
 * used. May park.
 */
MR_API int mr_security_step(struct mr_request *req, struct mr_response *res,
                            void *self, const struct mr_chain_at *next);

#endif
