/* SPDX-License-Identifier: MIT */
#ifndef APPS_GET_DISPLAY_H
#define APPS_GET_DISPLAY_H

/*
 * display.h - the block of lines at a terminal's bottom that shows what is
 * under way: a bar for each download, and a line for all.
 *
 *     a.iso            45% [=======>         ]   1.2 GiB  12.3 MiB/s     1:43
 *     b.iso           connecting
 *     all: 3 of 5      52% [========>        ]   2.4 GiB  14.0 MiB/s     2:02
 *
 *     get_display_init(&d, columns, rows, colour);
 *     rc = get_display_set(&d, bars, n, &total);    what it shows from now on
 *     rc = get_display_show(&d, out, mr_str("a.iso: done\n"));
 *     rc = get_display_hide(&d, out);               at the end
 *
 * Pure: it makes text, and who has the terminal writes it. What is shown above
 * the block scrolls up with the terminal and stays. No line reaches the last
 * column, so none wraps; only `\r`, cursor up and two erasures are used, which
 * every terminal has.
 */
#include "core/buf.h"

/* What one line shows. */
struct get_bar {
    const char *name;  /* any bytes */
    uint64_t have;     /* bytes */
    int64_t size;      /* -1: nobody knows */
    uint64_t speed;    /* bytes a second */
    const char *state; /* in place of all but the name; NULL: the bar */
};

struct get_display {
    int columns, rows; /* of the terminal */
    bool colour;
    struct mr_buf block; /* its lines, without a newline at the end */
    int lines;           /* in block */
    int widest;          /* columns of its widest line */
    int shown;           /* lines on the terminal above the cursor's */
    int shown_widest;
};

/* A terminal of unknown size is one of 80 x 24. */
void get_display_init(struct get_display *d, int columns, int rows,
                      bool colour);
void get_display_fini(struct get_display *d);
/* The terminal has another size. The next show starts from where the lines of
 * the old one have got to. */
void get_display_resize(struct get_display *d, int columns, int rows);

/* The n bars, and total as the last line (its name is its text); bars that do
 * not fit are counted in a line of their own. 0 or -ENOMEM. */
MR_MUST_USE int get_display_set(struct get_display *d,
                                const struct get_bar *bars, size_t n,
                                const struct get_bar *total);

/* Append to out what makes the terminal show `above` (whole lines, or empty)
 * and the block below it. 0 or -ENOMEM. */
MR_MUST_USE int get_display_show(struct get_display *d, struct mr_buf *out,
                                 struct mr_str above);
/* The block goes. */
MR_MUST_USE int get_display_hide(struct get_display *d, struct mr_buf *out);

/*
 * As much of name as fits into `columns`, and spaces up to there: cut in the
 * middle with "..." (the ending tells files apart), by the width that the
 * terminal gives each character (wcwidth, of the LC_CTYPE in use). Bytes that
 * are no character, and those that would move the cursor, become '?'. 0 or
 * -ENOMEM.
 */
MR_MUST_USE int get_display_name(struct mr_buf *out, const char *name,
                                 int columns);

#endif
