/* SPDX-License-Identifier: MIT */

/* units.c - sizes and times as people read them; a smoothed speed. */
#include "apps/get/units.h"

#include <inttypes.h>
#include <stdio.h>

#define SMOOTH_NS 3e9

char *get_size_text(char out[GET_UNIT_TEXT], uint64_t bytes)
{
    static const char units[] = "KMGTPE";
    double v = (double)bytes;
    size_t unit = 0;

    if (bytes < 1024) {
        snprintf(out, GET_UNIT_TEXT, "%u B", (unsigned)bytes);
        return out;
    }
    /* 1023.95 would be printed as 1024.0. */
    for (v /= 1024; v >= 1023.95 && unit < sizeof units - 2; unit++)
        v /= 1024;
    snprintf(out, GET_UNIT_TEXT, "%.1f %ciB", v, units[unit]);
    return out;
}

char *get_time_text(char out[GET_UNIT_TEXT], int64_t seconds)
{
    int64_t minutes = seconds / 60, hours = minutes / 60;

    if (seconds < 0)
        snprintf(out, GET_UNIT_TEXT, "-");
    else if (seconds < 60)
        snprintf(out, GET_UNIT_TEXT, "%ds", (int)seconds);
    else if (hours < 1)
        snprintf(out, GET_UNIT_TEXT, "%d:%02d", (int)minutes,
                 (int)(seconds % 60));
    else if (hours < 100)
        snprintf(out, GET_UNIT_TEXT, "%d:%02d:%02d", (int)hours,
                 (int)(minutes % 60), (int)(seconds % 60));
    else
        snprintf(out, GET_UNIT_TEXT, "%d days", (int)MR_MIN(hours / 24, 9999));
    return out;
}

int64_t get_time_left(uint64_t have, int64_t size, uint64_t speed)
{
    if (size < 0 || speed == 0)
        return -1;
    if (have >= (uint64_t)size)
        return 0;
    return (int64_t)(((uint64_t)size - have) / speed) + 1;
}

void get_meter_sample(struct get_meter *m, uint64_t bytes, int64_t now)
{
    int64_t passed = now - m->at;

    if (m->at == 0 || bytes < m->bytes) {
        m->bytes = bytes;
        m->at = now;
        return;
    }
    if (passed <= 0)
        return;
    double current = (double)(bytes - m->bytes) * 1e9 / (double)passed;
    double old = m->warm ? SMOOTH_NS / (SMOOTH_NS + (double)passed) : 0;

    m->average = m->average * old + current * (1 - old);
    m->warm = true;
    m->speed = (uint64_t)m->average;
    m->bytes = bytes;
    m->at = now;
}
