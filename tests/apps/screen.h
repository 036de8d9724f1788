/* SPDX-License-Identifier: MIT */
#ifndef TESTS_APPS_SCREEN_H
#define TESTS_APPS_SCREEN_H

/*
 * screen.h - a terminal that knows as much as mrget's display uses.
 *
 *     struct screen s;
 *     screen_init(&s, 80);
 *     screen_take(&s, &buf);                 what was written; buf is emptied
 *     EQ_STR(screen_row(&s, 0), "a.iso");
 *
 * A check fails when a line reaches the last column, the cursor goes above the
 * first row, or anything comes that is neither text, nor a colour, nor cursor
 * up, nor erase to the end. Below the last row it scrolls.
 */
#include "core/buf.h"
#include "tests/test.h"

enum { SCREEN_ROWS = 12, SCREEN_COLUMNS = 100 };

struct screen {
    int columns;
    int x, y;
    int scrolled; /* rows that are above the first */
    char cell[SCREEN_ROWS][SCREEN_COLUMNS + 1];
};

static inline void screen_clear(struct screen *s, int y, int x)
{
    memset(&s->cell[y][x], ' ', (size_t)(SCREEN_COLUMNS - x));
}

static inline void screen_init(struct screen *s, int columns)
{
    memset(s, 0, sizeof *s);
    s->columns = columns;
    for (int y = 0; y < SCREEN_ROWS; y++)
        screen_clear(s, y, 0);
}

/* ESC [ ... letter at p; how many bytes it was. */
static inline size_t screen_escape(struct screen *s, const char *p)
{
    size_t i = 2;
    int n = 0;

    CHECK_EQ_INT(p[1], '[');
    for (; p[i] >= '0' && p[i] <= '9'; i++)
        n = n * 10 + p[i] - '0';
    if (p[i] == 'A') {
        CHECK_OK(n <= s->y);
        s->y = n <= s->y ? s->y - n : 0;
    } else if (p[i] == 'J') {
        screen_clear(s, s->y, s->x);
        for (int y = s->y + 1; y < SCREEN_ROWS; y++)
            screen_clear(s, y, 0);
    } else {
        CHECK_EQ_INT(p[i], 'm');
    }
    return i + 1;
}

static inline void screen_newline(struct screen *s)
{
    s->x = 0;
    if (s->y + 1 < SCREEN_ROWS) {
        s->y++;
        return;
    }
    memmove(s->cell[0], s->cell[1], sizeof s->cell - sizeof s->cell[0]);
    screen_clear(s, s->y, 0);
    s->scrolled++;
}

/* Whole escapes: an incomplete one at the end stays in b. */
static inline void screen_take(struct screen *s, struct mr_buf *b)
{
    while (b->len > 0) {
        const char *p = mr_buf_head(b);
        size_t n = 1;

        if (*p == '\033') {
            while (n < b->len && (p[n] < '@' || n == 1))
                n++;
            if (n == b->len)
                return;
            n = screen_escape(s, p);
        } else if (*p == '\r') {
            s->x = 0;
        } else if (*p == '\n') {
            screen_newline(s);
        } else {
            s->cell[s->y][s->x++] = *p;
            /* The last column is never written: no terminal agrees with the
             * next one about what happens then. */
            CHECK_OK(s->x < s->columns || s->columns == 0);
            s->x = s->x < SCREEN_COLUMNS ? s->x : SCREEN_COLUMNS - 1;
        }
        mr_buf_consume(b, n);
    }
}

/* A row without the spaces at its end. Good until the next call. */
static inline const char *screen_row(const struct screen *s, int y)
{
    static char text[SCREEN_COLUMNS + 1];
    int n = SCREEN_COLUMNS;

    memcpy(text, s->cell[y], sizeof text);
    while (n > 0 && text[n - 1] == ' ')
        n--;
    text[n] = '\0';
    return text;
}

#endif
