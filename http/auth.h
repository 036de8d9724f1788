/* SPDX-License-Identifier: MIT */
#ifndef HTTP_AUTH_H
#define HTTP_AUTH_H

/*
 * auth.h - basic authentication against an htpasswd file (RFC 7617).
 *
 *     err = mr_auth_load(&auth, "site.htpasswd", "staff", &line, &why);
 *     const struct mr_step steps[] = {{mr_auth_step, auth}};   http/chain.h
 *
 * A line of the file is user:hash, the hash one that crypt(3) knows: bcrypt
 * (htpasswd -B), yescrypt, SHA-512, SHA-256 (mkpasswd). Empty lines and those
 * that begin with # are skipped. The file is read once.
 *
 * Each request costs one hash, on a helper thread (core/offload.h), of an
 * unknown user too, so that time does not tell who there is. A password goes
 * over the wire as it is: without TLS in front everyone on the way reads it.
 */
#include "core/arena.h"
#include "http/chain.h"

struct mr_auth;

/* Of a file: a thousand users have 80 KiB. */
#define MR_AUTH_FILE_MAX (1024 * 1024)

/*
 * realm is shown by browsers. 0; -EBADMSG: a line is wrong, *ret_line (1: the
 * first) and *ret_why (static) tell; -EINVAL: realm has quotes, backslashes or
 * control bytes; -EFBIG; -ENOMEM; what opening and reading say. Blocks on the
 * file: for the start.
 */
MR_API MR_MUST_USE int mr_auth_load(struct mr_auth **ret, const char *path,
                                    const char *realm, unsigned *ret_line,
                                    const char **ret_why);
/* The same of a text. */
MR_API MR_MUST_USE int mr_auth_parse(struct mr_auth **ret, struct mr_str text,
                                     const char *realm, unsigned *ret_line,
                                     const char **ret_why);
/* NULL does nothing. */
MR_API void mr_auth_free(struct mr_auth *auth);

/* Is it this user's password? 1, 0, -ENOMEM, -EAGAIN (no helper thread);
 * -ECANCELED, -ETIMEDOUT before its turn has come: two are looked at at a time.
 * Then it is shielded. May park. */
MR_API MR_MUST_USE int mr_auth_check(const struct mr_auth *auth,
                                     struct mr_str user,
                                     struct mr_str password);
/* A step of a chain; self is the struct mr_auth. 401 with a challenge, or the
 * next one, to whom mr_request_user tells who it is. May park. */
MR_API int mr_auth_step(struct mr_request *req, struct mr_response *res,
                        void *auth, const struct mr_chain_at *next);

/* What an Authorization field of the Basic scheme holds, in the arena. 0;
 * -EINVAL: it is of another scheme, no base64, or without ':'; -ENOMEM. */
MR_API MR_MUST_USE int mr_auth_basic(struct mr_arena *arena,
                                     struct mr_str field,
                                     struct mr_str *ret_user,
                                     struct mr_str *ret_password);

#endif
