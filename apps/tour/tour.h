/* SPDX-License-Identifier: MIT */
#ifndef APPS_TOUR_TOUR_H
#define APPS_TOUR_TOUR_H

/*
 * tour.h - what the programs of the tour share.
 *
 *     int main(int argc, char **argv)
 *     {
 *         tour_begin(argc, argv);                --fast: sleep a hundredth
 *         tour_must(mr_generator_new(...));      or say why not, and leave
 */
#include <stdio.h>

#include "core/base.h"

/* The tutorial's endless loops end after so many rounds. */
#define TOUR_ROUNDS 6

void tour_begin(int argc, char **argv);
/* rc, if it is no error. */
int tour_must(intptr_t rc);
/* So many, or with --fast a hundredth, but at least one. */
int64_t tour_ms(int64_t ms);
/* Python's time.sleep: the whole thread stands still. */
void tour_block(int64_t ms);

#endif
