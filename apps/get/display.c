/* SPDX-License-Identifier: MIT */

/*
 * display.c - the block of lines at a terminal's bottom.
 *
 * Invariants
 *  (1) Between two calls the cursor stands at the end of the block's last line,
 *      `shown` lines below its first.
 *  (2) A line is at most columns - 1 wide. A terminal that got narrower may
 *      have broken lines in two: then the block is as many rows higher, at
 *      most, and all of that is erased.
 *
 * The columns, from the right: time left 9, speed 12, size 10, percent 4, each
 * with a space before it. The name has three tenths, the bar the rest. When
 * that is too little the bar goes first, then the speed, then the size.
 */
#include "apps/get/display.h"

#include <errno.h>
#include <stdio.h>
#include <wchar.h>

#include "apps/get/units.h"

#define NAME_MIN 8
#define NAME_MAX_COLUMNS 40
#define BAR_MIN 10 /* with its brackets */
#define GREEN "\033[32m"
#define PLAIN "\033[0m"

void get_display_init(struct get_display *d, int columns, int rows, bool colour)
{
    *d = (struct get_display){.colour = colour};
    mr_buf_init(&d->block);
    get_display_resize(d, columns, rows);
}

void get_display_fini(struct get_display *d)
{
    mr_buf_fini(&d->block);
}

void get_display_resize(struct get_display *d, int columns, int rows)
{
    d->columns = columns > 0 ? columns : 80;
    d->rows = rows > 0 ? rows : 24;
}

/* --- names --- */

struct glyph {
    size_t at, n; /* its bytes */
    int width;
    bool bad; /* shown as '?' */
};

/* The character at name[at]; false at the end. */
static bool next_glyph(struct mr_str name, size_t at, struct glyph *g)
{
    mbstate_t state = {0};
    wchar_t c;
    size_t n;

    if (at >= name.n)
        return false;
    n = mbrtowc(&c, name.p + at, name.n - at, &state);
    if (n == (size_t)-1 || n == (size_t)-2 || n == 0 || wcwidth(c) < 0)
        *g = (struct glyph){
            at, n == (size_t)-1 || n == (size_t)-2 || n == 0 ? 1 : n, 1, true};
    else
        *g = (struct glyph){at, n, wcwidth(c), false};
    return true;
}

static int width_of(struct mr_str name)
{
    struct glyph g;
    int width = 0;

    for (size_t at = 0; next_glyph(name, at, &g); at += g.n)
        width += g.width;
    return width;
}

/* Characters that lie in the columns [from, to) wholly; how many columns. */
static int put_columns(struct mr_buf *out, struct mr_str name, int from, int to,
                       int *rc)
{
    int column = 0, put = 0;
    struct glyph g;

    for (size_t at = 0; *rc == 0 && next_glyph(name, at, &g);
         at += g.n, column += g.width) {
        if (column < from || column + g.width > to)
            continue;
        *rc = g.bad ? mr_buf_append(out, "?", 1)
                    : mr_buf_append(out, name.p + g.at, g.n);
        put += g.width;
    }
    return put;
}

int get_display_name(struct mr_buf *out, const char *name, int columns)
{
    struct mr_str s = mr_str(name);
    int width = width_of(s), used, tail, rc = 0;

    if (width <= columns) {
        used = put_columns(out, s, 0, width, &rc);
    } else if (columns < 8) {
        used = put_columns(out, s, 0, columns, &rc);
    } else {
        tail = (columns - 3) / 2;
        used = put_columns(out, s, 0, columns - 3 - tail, &rc);
        if (rc == 0)
            rc = mr_buf_append(out, "...", 3);
        used += 3 + put_columns(out, s, width - tail, width, &rc);
    }
    while (rc == 0 && used++ < columns)
        rc = mr_buf_append(out, " ", 1);
    return rc;
}

/* --- lines --- */

/* How wide each column is; 0: left out. */
struct columns {
    int name, bar, size, speed;
};

static struct columns lay_out(int columns)
{
    int all = columns - 1, rest;
    struct columns c = {.size = 10, .speed = 12};

    c.name = MR_MIN(MR_MAX(all * 3 / 10, NAME_MIN), NAME_MAX_COLUMNS);
    rest = all - 5 - 10; /* percent, time left */
    c.bar = rest - c.name - 1 - 11 - 13;
    if (c.bar >= BAR_MIN)
        return c;
    c.bar = 0;
    if (rest - 11 - 13 < NAME_MIN)
        c.speed = 0;
    if (rest - 11 < NAME_MIN)
        c.size = 0;
    c.name = rest - (c.size ? 11 : 0) - (c.speed ? 13 : 0);
    return c;
}

/* A bar of `width` columns, brackets and all; `percent` -1: not known. */
static int put_bar(struct mr_buf *out, int width, int percent, bool colour)
{
    int inner = width - 2, full = inner * MR_MAX(percent, 0) / 100, rc;

    rc = mr_buf_append_z(out, colour ? " [" GREEN : " [");
    for (int i = 0; rc == 0 && i < inner; i++) {
        if (i == full && colour)
            rc = mr_buf_append_z(out, PLAIN);
        if (rc == 0 && percent >= 0 && i == full)
            rc = mr_buf_append(out, ">", 1);
        else if (rc == 0)
            rc = mr_buf_append(out, i < full ? "=" : " ", 1);
    }
    if (rc == 0 && colour && full == inner)
        rc = mr_buf_append_z(out, PLAIN);
    return rc ? rc : mr_buf_append(out, "]", 1);
}

static int percent_of(const struct get_bar *b)
{
    if (b->size < 0)
        return -1;
    if (b->have >= (uint64_t)b->size)
        return 100;
    return (int)((double)b->have * 100 / (double)b->size);
}

static int put_numbers(struct mr_buf *out, const struct columns *c,
                       const struct get_bar *b, bool colour)
{
    char text[GET_UNIT_TEXT], speed[GET_UNIT_TEXT + 2] = "";
    int percent = percent_of(b), rc;

    rc = percent < 0 ? mr_buf_append_z(out, "     ")
                     : mr_buf_printf(out, " %3d%%", percent);
    if (rc == 0 && c->bar)
        rc = put_bar(out, c->bar, percent, colour);
    if (rc == 0 && c->size)
        rc = mr_buf_printf(
            out, " %10s",
            get_size_text(text, b->size < 0 ? b->have : (uint64_t)b->size));
    if (rc == 0 && c->speed) {
        if (b->speed > 0)
            snprintf(speed, sizeof speed, "%s/s",
                     get_size_text(text, b->speed));
        rc = mr_buf_printf(out, " %12s", speed);
    }
    if (rc)
        return rc;
    return mr_buf_printf(
        out, " %9s",
        get_time_text(text, get_time_left(b->have, b->size, b->speed)));
}

static int put_line(struct get_display *d, const struct columns *c,
                    const struct get_bar *b)
{
    int all = d->columns - 1, rc = 0, room = all - c->name - 1;

    if (d->lines++ > 0)
        rc = mr_buf_append(&d->block, "\n", 1);
    if (rc == 0 && c->name < NAME_MIN) /* too narrow for any number */
        return get_display_name(&d->block, b->name, MR_MAX(all, 0));
    if (rc == 0)
        rc = get_display_name(&d->block, b->name, c->name);
    if (rc)
        return rc;
    if (!b->state)
        return put_numbers(&d->block, c, b, d->colour);
    rc = mr_buf_append(&d->block, " ", 1);
    return rc ? rc : get_display_name(&d->block, b->state, room);
}

int get_display_set(struct get_display *d, const struct get_bar *bars, size_t n,
                    const struct get_bar *total)
{
    struct columns c = lay_out(d->columns);
    size_t room = d->rows > 3 ? (size_t)d->rows - 2 : 1;
    size_t fit = n <= room ? n : room - 1;
    char more[48];
    int rc = 0;

    mr_buf_reset(&d->block);
    d->lines = 0;
    d->widest = MR_MAX(d->columns - 1, 1);
    for (size_t i = 0; rc == 0 && i < fit; i++)
        rc = put_line(d, &c, &bars[i]);
    if (rc == 0 && fit < n) {
        snprintf(more, sizeof more, "and %zu more", n - fit);
        rc = put_line(d, &c, &(struct get_bar){.name = more, .state = ""});
    }
    return rc ? rc : put_line(d, &c, total);
}

/* --- on the terminal --- */

/* To the block's first column and row, and all from there on is empty. */
static int erase(struct get_display *d, struct mr_buf *out)
{
    int rows = d->shown;
    int rc;

    if (d->shown_widest > d->columns) /* each line may be broken in two */
        rows += (d->shown + 1) * ((d->shown_widest - 1) / d->columns);
    rc = mr_buf_append(out, "\r", 1);
    if (rc == 0 && rows > 0)
        rc = mr_buf_printf(out, "\033[%dA", rows);
    d->shown = 0;
    d->shown_widest = 0;
    return rc ? rc : mr_buf_append_z(out, "\033[J");
}

int get_display_show(struct get_display *d, struct mr_buf *out,
                     struct mr_str above)
{
    int rc = d->shown_widest > 0 ? erase(d, out) : 0;

    if (rc == 0)
        rc = mr_buf_append(out, above.p, above.n);
    if (rc || d->lines == 0)
        return rc;
    rc = mr_buf_append(out, mr_buf_head(&d->block), d->block.len);
    d->shown = d->lines - 1;
    d->shown_widest = d->widest;
    return rc;
}

int get_display_hide(struct get_display *d, struct mr_buf *out)
{
    d->lines = 0;
    return d->shown_widest > 0 ? erase(d, out) : 0;
}
