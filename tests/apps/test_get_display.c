/* SPDX-License-Identifier: MIT */

/*
 * test_get_display.c - mrget's block of lines on a terminal: golden pictures,
 * widths, names, and what is written to draw over the last one.
 *
 * A small terminal (screen.h) takes what the display writes, so that pictures
 * can be compared as they are seen.
 */
#include <locale.h>

#include "apps/get/display.h"
#include "tests/apps/screen.h"

/* --- pictures --- */

#define MIB ((int64_t)1024 * 1024)

static const struct get_bar bars[] = {
    {.name = "a.iso",
     .have = 46 * (uint64_t)MIB,
     .size = 100 * MIB,
     .speed = 2 * (uint64_t)MIB},
    {.name = "unknown.tar.gz", .have = 3000, .size = -1, .speed = 1000},
    {.name = "c", .size = -1, .state = "asking"},
};
static const struct get_bar all = {.name = "all: 0 of 3",
                                   .have = 46 * (uint64_t)MIB,
                                   .size = -1,
                                   .speed = 2 * (uint64_t)MIB};

static void draw(struct get_display *d, struct screen *s, const char *above)
{
    struct mr_buf out;

    mr_buf_init(&out);
    EQ_INT(get_display_show(d, &out, mr_str(above)), 0);
    screen_take(s, &out);
    mr_buf_fini(&out);
}

TEST(pictures)
{
    static const struct {
        int columns;
        const char *want[4];
    } cases[] = {
        {80,
         {"a.iso                    46% [======>       ]  100.0 MiB    2.0 "
          "MiB/s"
          "       28s",
          "unknown.tar.gz               [              ]    2.9 KiB     1000 "
          "B/s"
          "         -",
          "c                       asking",
          "all: 0 of 3                  [              ]   46.0 MiB    2.0 "
          "MiB/s"
          "         -"}},
        {60,
         {"a.iso                 46%  100.0 MiB    2.0 MiB/s       28s", NULL,
          NULL, NULL}},
        {40, {"a.iso          46%  100.0 MiB       28s", NULL, NULL, NULL}},
        {25, {"a.iso      46%       28s", NULL, NULL, NULL}},
        {10, {"a.iso", "unk....gz", "c", "all...f 3"}},
    };

    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct get_display d;
        struct screen s;

        CASE("%d columns", cases[i].columns);
        screen_init(&s, cases[i].columns);
        get_display_init(&d, cases[i].columns, SCREEN_ROWS, false);
        EQ_INT(get_display_set(&d, bars, 3, &all), 0);
        draw(&d, &s, "");
        for (int y = 0; y < 4; y++) {
            if (cases[i].want[y])
                EQ_STR(screen_row(&s, y), cases[i].want[y]);
        }
        get_display_fini(&d);
    }
}

/* No width and no count makes a line too wide, or a block too high. */
TEST(every_size_fits)
{
    for (int columns = 1; columns <= SCREEN_COLUMNS; columns++) {
        for (int rows = 1; rows < SCREEN_ROWS; rows++) {
            struct get_bar many[9];
            struct get_display d;
            struct screen s;

            CASE("%d x %d", columns, rows);
            for (size_t i = 0; i < MR_ARRAY_LEN(many); i++)
                many[i] = bars[i % 3];
            screen_init(&s, columns);
            get_display_init(&d, columns, rows, false);
            EQ_INT(get_display_set(&d, many, 9, &all), 0);
            draw(&d, &s, "");
            draw(&d, &s, "");
            OK(rows <= 3 || s.y < rows);
            OK(s.y <= 9);
            get_display_fini(&d);
        }
    }
}

TEST(what_does_not_fit_is_counted)
{
    struct get_bar many[9];
    struct get_display d;
    struct screen s;

    for (size_t i = 0; i < MR_ARRAY_LEN(many); i++)
        many[i] = bars[0];
    screen_init(&s, 80);
    get_display_init(&d, 80, 6, false);
    EQ_INT(get_display_set(&d, many, 9, &all), 0);
    draw(&d, &s, "");
    OK(strncmp(screen_row(&s, 2), "a.iso ", 6) == 0);
    EQ_STR(screen_row(&s, 3), "and 6 more");
    OK(strncmp(screen_row(&s, 4), "all: 0 of 3 ", 12) == 0);
    EQ_INT(s.y, 4);
    get_display_fini(&d);
}

TEST(lines_above_stay_and_the_block_moves_down)
{
    struct get_display d;
    struct mr_buf out;
    struct screen s;

    screen_init(&s, 80);
    get_display_init(&d, 80, SCREEN_ROWS, false);
    EQ_INT(get_display_set(&d, bars, 3, &all), 0);
    draw(&d, &s, "");
    draw(&d, &s, "first: done\n");
    draw(&d, &s, "second: done\nthird: done\n");
    EQ_STR(screen_row(&s, 0), "first: done");
    EQ_STR(screen_row(&s, 2), "third: done");
    OK(strncmp(screen_row(&s, 3), "a.iso ", 6) == 0);
    OK(strncmp(screen_row(&s, 6), "all: ", 5) == 0);
    /* Fewer: nothing of the old ones is left. */
    EQ_INT(get_display_set(&d, bars, 1, &all), 0);
    draw(&d, &s, "");
    OK(strncmp(screen_row(&s, 4), "all: ", 5) == 0);
    EQ_STR(screen_row(&s, 5), "");
    EQ_STR(screen_row(&s, 6), "");
    mr_buf_init(&out);
    EQ_INT(get_display_hide(&d, &out), 0);
    screen_take(&s, &out);
    mr_buf_fini(&out);
    EQ_STR(screen_row(&s, 3), "");
    EQ_INT(s.y, 3);
    EQ_INT(s.x, 0);
    get_display_fini(&d);
}

/* A terminal that got narrower has broken each line in two. */
TEST(a_narrower_terminal)
{
    struct get_display d;
    struct mr_buf out;

    get_display_init(&d, 80, SCREEN_ROWS, false);
    mr_buf_init(&out);
    EQ_INT(get_display_set(&d, bars, 3, &all), 0);
    EQ_INT(get_display_show(&d, &out, mr_str("")), 0);
    mr_buf_reset(&out);
    get_display_resize(&d, 50, SCREEN_ROWS);
    EQ_INT(get_display_set(&d, bars, 3, &all), 0);
    EQ_INT(get_display_show(&d, &out, mr_str("")), 0);
    /* Four lines of 79 in 50 columns are eight rows: up seven. */
    EQ_MEM(mr_buf_head(&out), 8, "\r\033[7A\033[J", 8);
    mr_buf_fini(&out);
    get_display_fini(&d);
}

TEST(colours_take_no_room)
{
    struct get_display d;
    struct mr_buf out;
    struct screen s;

    screen_init(&s, 80);
    get_display_init(&d, 80, SCREEN_ROWS, true);
    EQ_INT(get_display_set(&d, bars, 3, &all), 0);
    mr_buf_init(&out);
    EQ_INT(get_display_show(&d, &out, mr_str("")), 0);
    OK(memmem(mr_buf_head(&out), out.len, "\033[32m", 5));
    screen_take(&s, &out);
    EQ_STR(
        screen_row(&s, 0),
        "a.iso                    46% [======>       ]  100.0 MiB    2.0 MiB/s"
        "       28s");
    mr_buf_fini(&out);
    get_display_fini(&d);
}

TEST(names_are_cut_by_what_they_take_on_the_screen)
{
    static const struct {
        const char *in;
        int columns;
        const char *want;
    } cases[] = {
        {"abc", 5, "abc  "},
        {"abcde", 5, "abcde"},
        {"abcdefgh", 5, "abcde"},
        {"a-long-name.tar.gz", 13, "a-lon...ar.gz"},
        {"\xe8\xa7\x86\xe9\xa2\x91.mp4", 8, "\xe8\xa7\x86\xe9\xa2\x91.mp4"},
        /* Two columns each: half of one is not shown, but filled up. */
        {"\xe8\xa7\x86\xe9\xa2\x91", 3, "\xe8\xa7\x86 "},
        /* An accent of its own takes no column. */
        {"e\xcc\x81x", 3, "e\xcc\x81x "},
        {"a\033[2Jb", 7, "a?[2Jb "},
        {"\xff\xfe", 3, "?? "},
        {"", 2, "  "},
        {"abc", 0, ""},
    };

    OK(setlocale(LC_CTYPE, "C.UTF-8"));
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        struct mr_buf b;

        CASE("'%s' in %d", cases[i].in, cases[i].columns);
        mr_buf_init(&b);
        EQ_INT(get_display_name(&b, cases[i].in, cases[i].columns), 0);
        EQ_MEM(mr_buf_head(&b), b.len, cases[i].want, strlen(cases[i].want));
        mr_buf_fini(&b);
    }
}

SUITE("mrget: the display", pictures, every_size_fits,
      what_does_not_fit_is_counted, lines_above_stay_and_the_block_moves_down,
      a_narrower_terminal, colours_take_no_room,
      names_are_cut_by_what_they_take_on_the_screen)
TEST_MAIN()
