/* SPDX-License-Identifier: MIT */

/*
 * cookie_set.c - what a Set-Cookie field says, and whether it is to be taken
 * (RFC 6265bis 5.6 and 5.7; http/cookie_jar_priv.h).
 *
 * Reading is as lenient as the RFC has it: attributes that are unknown or make
 * no sense are passed over, the last one of a name counts. What is refused is
 * the whole cookie. Tabs are refused in names, values and paths: the files have
 * no way to write them.
 */
#include <errno.h>

#include "http/cookie_jar_priv.h"

struct attributes {
    struct mr_str domain, path; /* p NULL: not said, or of no use */
    int64_t expires;
    int64_t max_age; /* the moment; counts before expires */
    bool has_expires, has_max_age, secure, http_only;
};

/* --- dates --- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* RFC 6265 5.1.1: what separates tokens. */
static bool is_delimiter(char c)
{
    unsigned char u = (unsigned char)c;

    return u == '\t' || (u >= 0x20 && u <= 0x2f) || (u >= 0x3b && u <= 0x40) ||
           (u >= 0x5b && u <= 0x60) || (u >= 0x7b && u <= 0x7e);
}

/* Cuts a number of least to most digits off *s; no digit follows. -1: there is
 * none. */
static int cut_number(struct mr_str *s, size_t least, size_t most)
{
    size_t n = 0;
    int v = 0;

    while (n < s->n && is_digit(s->p[n]) && n <= most)
        v = v * 10 + (s->p[n++] - '0');
    if (n < least || n > most)
        return -1;
    *s = mr_str_n(s->p + n, s->n - n);
    return v;
}

static bool read_time(struct mr_str s, int ret[3])
{
    int part[3];

    for (int i = 0; i < 3; i++) {
        part[i] = cut_number(&s, 1, 2);
        if (part[i] < 0)
            return false;
        if (i < 2 && (s.n == 0 || s.p[0] != ':'))
            return false;
        if (i < 2)
            s = mr_str_n(s.p + 1, s.n - 1);
    }
    memcpy(ret, part, sizeof part);
    return true;
}

static int read_month(struct mr_str s)
{
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";

    for (int i = 0; i < 12 && s.n >= 3; i++)
        if (mr_str_eq_case(mr_str_n(s.p, 3), mr_str_n(names + i * 3, 3)))
            return i + 1;
    return -1;
}

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in(int month, int year)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(year));
}

static int64_t seconds_at(int year, int month, int day, const int time[3])
{
    int64_t before = year - 1; /* whole years since the year 1 */
    int64_t days = before * 365 + before / 4 - before / 100 + before / 400;

    for (int m = 1; m < month; m++)
        days += days_in(m, year);
    days += day - 1 - 719162; /* those before 1970 */
    return ((days * 24 + time[0]) * 60 + time[1]) * 60 + time[2];
}

int mr_cookie_date(struct mr_str s, int64_t *ret)
{
    int time[3] = {-1}, day = -1, month = -1, year = -1;
    size_t i = 0;

    while (i < s.n) {
        struct mr_str token = {s.p + i, 0}, rest;

        while (i < s.n && !is_delimiter(s.p[i])) {
            token.n++;
            i++;
        }
        if (token.n == 0) {
            i++;
            continue;
        }
        if (time[0] < 0 && read_time(token, time))
            continue;
        rest = token;
        if (day < 0 && (day = cut_number(&rest, 1, 2)) >= 0)
            continue;
        if (month < 0 && (month = read_month(token)) >= 0)
            continue;
        rest = token;
        if (year < 0)
            year = cut_number(&rest, 2, 4);
    }
    if (year >= 0 && year <= 99)
        year += year >= 70 ? 1900 : 2000;
    if (time[0] < 0 || month < 0 || year < 1601 || day < 1 ||
        day > days_in(month, year) || time[0] > 23 || time[1] > 59 ||
        time[2] > 59)
        return -EINVAL;
    *ret = seconds_at(year, month, day, time);
    return 0;
}

/* --- attributes --- */

static bool has_control_bytes(struct mr_str s, bool tab_too)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if ((c < 0x20 && (tab_too || c != '\t')) || c == 0x7f)
            return true;
    }
    return false;
}

static struct mr_str cut_pair(struct mr_str pair, struct mr_str *ret_value,
                              bool *ret_has_value)
{
    ssize_t eq = mr_str_find(pair, '=');

    *ret_has_value = eq >= 0;
    *ret_value = mr_str_n(NULL, 0);
    if (eq < 0)
        return mr_str_trim(pair);
    *ret_value =
        mr_str_trim(mr_str_n(pair.p + eq + 1, pair.n - (size_t)eq - 1));
    return mr_str_trim(mr_str_n(pair.p, (size_t)eq));
}

/* RFC 6265 5.2.2: "-"? digits; anything else says nothing. */
static void read_max_age(struct mr_str s, int64_t now, struct attributes *ret)
{
    bool minus = mr_str_starts(s, "-");
    uint64_t v;
    int err;

    if (minus)
        s = mr_str_n(s.p + 1, s.n - 1);
    err = mr_str_to_u64(s, (uint64_t)MR_COOKIE_AGE_MAX, &v);
    if (err == -EINVAL)
        return;
    if (err)
        v = (uint64_t)MR_COOKIE_AGE_MAX;
    ret->has_max_age = true;
    ret->max_age = minus || v == 0 ? INT64_MIN : now + (int64_t)v;
}

static void read_attribute(struct mr_str part, int64_t now,
                           struct attributes *ret)
{
    struct mr_str value, name;
    bool has_value;

    name = cut_pair(part, &value, &has_value);
    if (value.n > MR_COOKIE_ATTRIBUTE_MAX)
        return;
    if (mr_str_is_case(name, "expires")) {
        if (mr_cookie_date(value, &ret->expires) == 0)
            ret->has_expires = true;
    } else if (mr_str_is_case(name, "max-age")) {
        read_max_age(value, now, ret);
    } else if (mr_str_is_case(name, "domain")) {
        ret->domain = value;
    } else if (mr_str_is_case(name, "path")) {
        ret->path = value;
    } else if (mr_str_is_case(name, "secure")) {
        ret->secure = true;
    } else if (mr_str_is_case(name, "httponly")) {
        ret->http_only = true;
    }
}

/* --- what is taken --- */

/* RFC 6265 5.1.4: the directory of what was asked for. */
static struct mr_str default_path(struct mr_str path)
{
    while (path.n > 1 && path.p[path.n - 1] != '/')
        path.n--;
    if (path.n > 1)
        path.n--;
    return path;
}

static void choose_path(const struct attributes *a, const struct mr_uri *uri,
                        struct mr_cookie_said *c)
{
    c->path = a->path;
    if (!mr_str_starts(a->path, "/") || has_control_bytes(a->path, true))
        c->path = default_path(uri->path);
}

/* RFC 6265bis 5.7, steps 8 to 11; room is for the name in lower case. */
static bool choose_domain(const struct mr_cookie_jar *jar,
                          const struct attributes *a, const struct mr_uri *uri,
                          char room[MR_URI_HOST_MAX + 1],
                          struct mr_cookie_said *c)
{
    struct mr_str domain = a->domain, host = uri->host, end;

    c->domain = host;
    c->host_only = true;
    if (mr_str_starts(domain, "."))
        domain = mr_str_n(domain.p + 1, domain.n - 1);
    if (domain.n == 0 || mr_str_eq_case(domain, host)) {
        c->host_only =
            domain.n == 0 || uri->is_address || mr_cookie_is_public(jar, host);
        return true;
    }
    if (uri->is_address || domain.n >= host.n || domain.n > MR_URI_HOST_MAX)
        return false;
    end = mr_str_n(host.p + host.n - domain.n, domain.n);
    if (!mr_str_eq_case(end, domain) || end.p[-1] != '.')
        return false;
    memcpy(room, end.p, end.n);
    c->domain = mr_str_n(room, end.n);
    c->host_only = false;
    return !mr_cookie_is_public(jar, c->domain);
}

static bool starts_case(struct mr_str s, const char *prefix)
{
    struct mr_str front = {s.p, MR_MIN(s.n, strlen(prefix))};

    return mr_str_is_case(front, prefix);
}

bool mr_cookie_keeps_promise(const struct mr_cookie_said *c)
{
    if (c->name.n == 0)
        return !starts_case(c->value, "__Secure-") &&
               !starts_case(c->value, "__Host-");
    if (starts_case(c->name, "__Secure-"))
        return c->secure;
    if (starts_case(c->name, "__Host-"))
        return c->secure && c->host_only && mr_str_is(c->path, "/");
    return true;
}

static int64_t choose_expiry(const struct attributes *a, int64_t now)
{
    if (a->has_max_age)
        return a->max_age;
    if (a->has_expires)
        return MR_MIN(a->expires, now + MR_COOKIE_AGE_MAX);
    return MR_COOKIE_SESSION;
}

/* What stands before the attributes; false: it is no cookie. */
static bool read_pair(struct mr_str pair, struct mr_cookie_said *c)
{
    bool has_value;

    c->name = cut_pair(pair, &c->value, &has_value);
    if (!has_value) { /* it has no name, then */
        c->value = c->name;
        c->name = mr_str("");
    }
    return c->name.n + c->value.n > 0 &&
           c->name.n + c->value.n <= MR_COOKIE_PAIR_MAX &&
           !has_control_bytes(c->name, true) &&
           !has_control_bytes(c->value, true);
}

int mr_cookie_jar_set(struct mr_cookie_jar *jar, const struct mr_uri *uri,
                      struct mr_str set_cookie, int64_t now)
{
    char room[MR_URI_HOST_MAX + 1];
    struct mr_cookie_said c = {0};
    struct attributes a = {0};
    struct mr_str part = {0};

    if (has_control_bytes(set_cookie, false))
        return -EINVAL;
    (void)mr_str_split(&set_cookie, ';', &part); /* an empty one is none */
    if (!read_pair(part, &c))
        return -EINVAL;
    while (mr_str_split(&set_cookie, ';', &part))
        read_attribute(part, now, &a);
    c.secure = a.secure;
    c.http_only = a.http_only;
    c.expires = choose_expiry(&a, now);
    choose_path(&a, uri, &c);
    if (starts_case(c.name, "__Host-") && /* said, not come to */
        (a.domain.n > 0 || !mr_str_is(a.path, "/")))
        return -EINVAL;
    if (c.path.n > MR_COOKIE_ATTRIBUTE_MAX ||
        !choose_domain(jar, &a, uri, room, &c) || !mr_cookie_keeps_promise(&c))
        return -EINVAL;
    if (!uri->https && (c.secure || mr_cookie_jar_hides(jar, &c, now)))
        return -EINVAL;
    return mr_cookie_jar_put(jar, &c, now);
}
