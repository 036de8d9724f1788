/* SPDX-License-Identifier: MIT */
#ifndef TESTS_APPS_BAD_CHILD_H
#define TESTS_APPS_BAD_CHILD_H

/*
 * bad_child.h - the server that misbehaves (tests/bad/bad.h) as a child, at
 * port 9000 of a site's address.
 *
 *     OK(bad_start(&bad, &s));
 *     ... "http://@HOST@:9000" in the site's configuration
 *     bad_stop(&bad);
 *
 * It ends with the test.
 */
#include "tests/apps/site.h"

struct bad_child {
    pid_t pid;
    char at[40];
    int ready;
};

/* Serves when it comes back with true. */
bool bad_start(struct bad_child *c, const struct site *s);
void bad_stop(struct bad_child *c);

#endif
