/* SPDX-License-Identifier: MIT */
#ifndef APPS_GET_UNITS_H
#define APPS_GET_UNITS_H

/*
 * units.h - sizes, speeds and times as people read them; a smoothed speed.
 *
 *     get_size_text(text, 1536);              "1.5 KiB"
 *     get_time_text(text, 3723);              "1:02:03"
 *     get_meter_sample(&m, have, mr_now());   now and then
 *     m.speed                                 bytes a second, of late
 */
#include "core/base.h"

#define GET_UNIT_TEXT 16

/* At most 10 characters and a NUL: "1023 B", "1.0 KiB", "1023.9 GiB". Returns
 * out. */
char *get_size_text(char out[GET_UNIT_TEXT], uint64_t bytes);
/* At most 9: "43s", "2:05", "1:02:03", "12 days"; "-" for what is negative. */
char *get_time_text(char out[GET_UNIT_TEXT], int64_t seconds);

/* What is left, at this speed, in seconds; -1: nobody knows. */
int64_t get_time_left(uint64_t have, int64_t size, uint64_t speed);

/*
 * A speed that neither jumps nor sleeps: what came since the last sample counts
 * against the past as the time since then does against three seconds, however
 * often samples are taken.
 */
struct get_meter {
    uint64_t bytes; /* at the last sample */
    int64_t at;     /* its time, ns; 0: none yet */
    double average;
    uint64_t speed; /* bytes a second; 0 until there are two samples */
    bool warm;
};
/* bytes so far, at now; may fall (a download that began anew). */
void get_meter_sample(struct get_meter *m, uint64_t bytes, int64_t now);

#endif
