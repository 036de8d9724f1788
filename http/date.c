/* SPDX-License-Identifier: MIT */
/*
 * date.c - HTTP dates without struct tm, locale or time zone.
 *
 * The calendar is arithmetic on years that begin in March, so that the leap
 * day is the last of its year: 400 years have 146,097 days, and the months
 * from March repeat 31, 30, 31, 30, 31. All of it is exact from 1601 to 9999.
 *
 * The three forms have fixed shapes, so each is read by a pattern: a letter
 * stands for a digit of that field, N for the month's name; all else is itself.
 */
#include "http/date.h"

#include <errno.h>

#define DAY_SECONDS 86400
#define YEAR_FIRST 1601

static const char day_names[7][10] = {"Sunday",    "Monday",   "Tuesday",
                                      "Wednesday", "Thursday", "Friday",
                                      "Saturday"};
static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

struct civil {
    int64_t year;
    int month; /* 1 to 12; 0 until it was read */
    int day;   /* 1 to 31 */
};

/* Days since 1970-01-01. */
static int64_t days_from_civil(struct civil c)
{
    int64_t y = c.month <= 2 ? c.year - 1 : c.year;
    int64_t era = y / 400;
    int64_t yoe = y % 400;
    int64_t doy =
        (153 * (c.month + (c.month > 2 ? -3 : 9)) + 2) / 5 + c.day - 1;

    /* 719468: from 0000-03-01 to 1970-01-01 */
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static struct civil civil_from_days(int64_t days)
{
    int64_t z = days + 719468;
    int64_t doe = z % 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int mp = (int)((5 * doy + 2) / 153);
    int month = mp < 10 ? mp + 3 : mp - 9;

    return (struct civil){
        .year = yoe + z / 146097 * 400 + (month <= 2),
        .month = month,
        .day = (int)(doy - (153 * mp + 2) / 5 + 1),
    };
}

static void put2(char *out, int v)
{
    out[0] = (char)('0' + v / 10);
    out[1] = (char)('0' + v % 10);
}

void mr_date_format(char out[MR_DATE_LEN], int64_t seconds)
{
    int64_t t = MR_MAX(MR_DATE_MIN, MR_MIN(MR_DATE_MAX, seconds));
    /* counted from 1601-01-01, a Monday, so that nothing is negative */
    int64_t since = t - MR_DATE_MIN;
    int rest = (int)(since % DAY_SECONDS);
    struct civil c =
        civil_from_days(since / DAY_SECONDS + MR_DATE_MIN / DAY_SECONDS);

    memcpy(out, "Www, DD Mmm YYYY HH:MM:SS GMT", MR_DATE_LEN);
    memcpy(out, day_names[(since / DAY_SECONDS + 1) % 7], 3);
    put2(out + 5, c.day);
    memcpy(out + 8, month_names + (c.month - 1) * 3, 3);
    put2(out + 12, (int)(c.year / 100));
    put2(out + 14, (int)(c.year % 100));
    put2(out + 17, rest / 3600);
    put2(out + 20, rest / 60 % 60);
    put2(out + 23, rest % 60);
}

/* What a pattern's letters gather. */
struct fields {
    int day, month, year, hour, minute, second;
};

static int month_find(const char *p)
{
    for (int i = 0; i < 12; i++)
        if (memcmp(p, month_names + i * 3, 3) == 0)
            return i + 1;
    return 0;
}

static int *field_of(struct fields *f, char letter)
{
    switch (letter) {
    case 'd':
        return &f->day;
    case 'y':
        return &f->year;
    case 'h':
        return &f->hour;
    case 'm':
        return &f->minute;
    case 's':
        return &f->second;
    }
    return NULL;
}

/* One byte of s against one of the pattern. '_' is a digit of the day or the
 * space that asctime writes for its first. */
static bool match_byte(struct fields *f, char pattern, char c)
{
    int *field = field_of(f, pattern == '_' ? 'd' : pattern);

    if (pattern == '_' && c == ' ')
        return true;
    if (!field)
        return pattern == c;
    if (c < '0' || c > '9')
        return false;
    *field = *field * 10 + (c - '0');
    return true;
}

static bool match(struct fields *f, const char *pattern, struct mr_str s)
{
    if (s.n != strlen(pattern))
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (pattern[i] == 'N') {
            f->month = month_find(s.p + i);
            i += 2;
        } else if (!match_byte(f, pattern[i], s.p[i])) {
            return false;
        }
    }
    return true;
}

/* Cuts the weekday off: its short name, or the long one if `whole`. */
static bool cut_weekday(struct mr_str *s, bool whole)
{
    for (int i = 0; i < 7; i++) {
        size_t n = whole ? strlen(day_names[i]) : 3;

        if (s->n < n || memcmp(s->p, day_names[i], n) != 0)
            continue;
        *s = mr_str_n(s->p + n, s->n - n);
        return true;
    }
    return false;
}

static bool leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static bool in_range(const struct fields *f)
{
    static const int8_t days[] = {31, 28, 31, 30, 31, 30,
                                  31, 31, 30, 31, 30, 31};

    if (f->year < YEAR_FIRST || f->month == 0 || f->day == 0)
        return false;
    if (f->day > days[f->month - 1] + (f->month == 2 && leap(f->year)))
        return false;
    return f->hour < 24 && f->minute < 60 && f->second <= 60;
}

/* RFC 9110 5.6.7: a two-digit year that seems more than 50 years ahead is the
 * latest one in the past with the same digits. */
static int full_year(int two_digits, int64_t now)
{
    int64_t t = MR_MAX(MR_DATE_MIN, MR_MIN(MR_DATE_MAX, now)) - MR_DATE_MIN;
    int64_t days = t / DAY_SECONDS + MR_DATE_MIN / DAY_SECONDS;
    int this_year = (int)civil_from_days(days).year;
    int latest = this_year + 50;

    return latest - ((latest - two_digits) % 100 + 100) % 100;
}

int mr_date_parse(struct mr_str s, int64_t now, int64_t *ret_seconds)
{
    struct fields f = {0};
    bool ok = false;
    int64_t t;

    if (cut_weekday(&s, true)) {
        ok = match(&f, ", dd-NNN-yy hh:mm:ss GMT", s);
        f.year = full_year(f.year, now);
    } else if (cut_weekday(&s, false)) {
        ok = match(&f, ", dd NNN yyyy hh:mm:ss GMT", s);
        if (!ok) {
            f = (struct fields){0};
            ok = match(&f, " NNN _d hh:mm:ss yyyy", s);
        }
    }
    if (!ok || !in_range(&f))
        return -EINVAL;
    t = days_from_civil((struct civil){f.year, f.month, f.day}) * DAY_SECONDS +
        f.hour * 3600 + f.minute * 60 + f.second;
    if (t > MR_DATE_MAX)
        return -EINVAL;
    *ret_seconds = t;
    return 0;
}
