/* SPDX-License-Identifier: MIT */

/*
 * listing.c - a directory as a page: one table, readable on a phone, light or
 * dark as the reader has it, without a script. Or as JSON.
 *
 * Names are any bytes: percent-encoded in links, escaped in text.
 */
#include "http/listing.h"

#include <errno.h>
#include <stdio.h>

#include "core/buf.h"
#include "core/hub.h"
#include "http/date.h"
#include "http/url.h"

static const char page_head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n<title>";
static const char page_style[] =
    "</title>\n<style>\n"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;"
    "padding:1.5rem 1rem}\n"
    "h1{font-size:1.25rem;overflow-wrap:anywhere}\n"
    "table{border-collapse:collapse;width:100%}\n"
    "th{text-align:left;font-weight:600}\n"
    "td,th{padding:.35rem 0 .35rem 1.25rem;border-bottom:1px solid #8884;"
    "vertical-align:top;white-space:nowrap}\n"
    "td:first-child,th:first-child{width:100%;padding-left:0;"
    "white-space:normal;overflow-wrap:anywhere}\n"
    ".n{text-align:right;font-variant-numeric:tabular-nums}\n"
    "td:first-child{padding:0}\n"
    "a{display:block;padding:.35rem 0;color:#1c659a;text-decoration:none}\n"
    "a:hover{text-decoration:underline}\n"
    "@media(prefers-color-scheme:dark){a{color:#7cbcec}}\n"
    /* As high as a finger needs: 44 pixels. */
    "@media(max-width:40rem),(pointer:coarse){a,td.n,td.t{padding-top:.625rem;"
    "padding-bottom:.625rem}}\n"
    "@media(max-width:40rem){.t{display:none}}\n"
    "</style></head><body>\n<h1>";

int mr_html_escape(struct mr_buf *b, struct mr_str s)
{
    int err = 0;

    for (size_t i = 0; i < s.n && !err; i++) {
        switch (s.p[i]) {
        case '&':
            err = mr_buf_append_z(b, "&amp;");
            break;
        case '<':
            err = mr_buf_append_z(b, "&lt;");
            break;
        case '>':
            err = mr_buf_append_z(b, "&gt;");
            break;
        case '"':
            err = mr_buf_append_z(b, "&quot;");
            break;
        case '\'':
            err = mr_buf_append_z(b, "&#39;");
            break;
        default:
            err = mr_buf_append(b, &s.p[i], 1);
        }
    }
    return err;
}

static void put_size(char out[32], int64_t size)
{
    static const char unit[] = "KMGTPE";
    double v = (double)size;
    size_t i = 0;

    if (size < 1024) {
        snprintf(out, 32, "%lld B", (long long)size);
        return;
    }
    for (v /= 1024; v >= 1024 && i + 2 < sizeof unit; i++)
        v /= 1024;
    snprintf(out, 32, "%.1f %ciB", v, unit[i]);
}

static int put_entry(struct mr_buf *b, struct mr_arena *arena,
                     const struct mr_dir_entry *e)
{
    bool is_dir = S_ISDIR(e->mode);
    char size[32] = "", date[MR_DATE_LEN];
    struct mr_str link;
    int err = mr_url_encode_path(arena, mr_str(e->name), &link);

    if (err)
        return err;
    if (S_ISREG(e->mode))
        put_size(size, e->size);
    mr_date_format(date, e->mtime);
    /* "./" keeps a name with a colon from being taken for a scheme. */
    err = mr_buf_printf(b, "<tr><td><a href=\"./%.*s%s\">", MR_STR(link),
                        is_dir ? "/" : "");
    if (!err)
        err = mr_html_escape(b, mr_str(e->name));
    if (!err)
        err = mr_buf_printf(b,
                            "%s</a></td><td class=\"n\">%s</td><td "
                            "class=\"t\">%.20s</td></tr>\n",
                            is_dir ? "/" : "", size, date + 5);
    return err;
}

/* Ten thousand entries take some 5 ms: others have a turn after so many. */
static int give_way(size_t i)
{
    return i % 256 == 255 ? mr_yield() : 0;
}

static bool is_listed(const struct mr_listing *l, const struct mr_dir_entry *e)
{
    return (l->hidden || e->name[0] != '.') && (l->links || !S_ISLNK(e->mode));
}

static int put_entries(struct mr_buf *b, struct mr_arena *arena,
                       const struct mr_listing *l, bool directories)
{
    int err = 0;

    for (size_t i = 0; i < l->dir->n && !err; i++) {
        const struct mr_dir_entry *e = &l->dir->entries[i];

        err = give_way(i);
        if (!err && is_listed(l, e) && (S_ISDIR(e->mode) != 0) == directories)
            err = put_entry(b, arena, e);
    }
    return err;
}

static int put_page(struct mr_buf *b, struct mr_arena *arena,
                    const struct mr_listing *l)
{
    struct mr_str path = l->path;
    int err = mr_buf_append_z(b, page_head);

    if (!err)
        err = mr_html_escape(b, path);
    if (!err)
        err = mr_buf_append_z(b, page_style);
    if (!err)
        err = mr_html_escape(b, path);
    if (!err)
        err = mr_buf_append_z(b, "</h1>\n<table><thead><tr><th>Name</th><th "
                                 "class=\"n\">Size</th><th class=\"t\">"
                                 "Modified (UTC)</th></tr></thead><tbody>\n");
    if (!err && path.n > 1)
        err = mr_buf_append_z(b, "<tr><td><a href=\"../\">../</a></td><td>"
                                 "</td><td class=\"t\"></td></tr>\n");
    if (!err)
        err = put_entries(b, arena, l, true);
    if (!err)
        err = put_entries(b, arena, l, false);
    if (!err)
        err = mr_buf_append_z(b, "</tbody></table>\n");
    if (!err && l->dir->cut)
        err = mr_buf_append_z(b, "<p>There are more entries than are shown."
                                 "</p>\n");
    if (!err)
        err = mr_buf_append_z(b, "</body></html>\n");
    return err;
}

/* --- JSON --- */

/* The length of the UTF-8 character that s begins with (RFC 3629 4): 0 when it
 * begins with none. */
static size_t utf8_length(struct mr_str s)
{
    const unsigned char *u = (const void *)s.p;
    unsigned low = 0x80, high = 0xbf;
    size_t n;

    if (u[0] < 0x80)
        return 1;
    if (u[0] < 0xc2 || u[0] > 0xf4)
        return 0;
    n = u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
    if (u[0] == 0xe0)
        low = 0xa0; /* not what two bytes say */
    else if (u[0] == 0xed)
        high = 0x9f; /* no surrogates */
    else if (u[0] == 0xf0)
        low = 0x90;
    else if (u[0] == 0xf4)
        high = 0x8f; /* not above U+10FFFF */
    if (s.n < n || u[1] < low || u[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++) {
        if ((u[i] & 0xc0) != 0x80)
            return 0;
    }
    return n;
}

int mr_json_escape(struct mr_buf *b, struct mr_str s)
{
    int err = 0;

    while (s.n > 0 && !err) {
        size_t n = utf8_length(s);
        unsigned char c = (unsigned char)s.p[0];

        if (n == 0)
            err = mr_buf_append_z(b, "\xef\xbf\xbd");
        else if (c == '"' || c == '\\')
            err = mr_buf_printf(b, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            err = mr_buf_printf(b, "\\u%04x", c);
        else
            err = mr_buf_append(b, s.p, n);
        n = n ? n : 1;
        s = mr_str_n(s.p + n, s.n - n);
    }
    return err;
}

static const char *type_name(mode_t mode)
{
    if (S_ISREG(mode))
        return "file";
    if (S_ISDIR(mode))
        return "directory";
    return S_ISLNK(mode) ? "link" : "other";
}

static int put_json_entry(struct mr_buf *b, struct mr_arena *arena,
                          const struct mr_dir_entry *e)
{
    struct mr_str link;
    int err = mr_url_encode_path(arena, mr_str(e->name), &link);

    if (!err)
        err = mr_buf_append_z(b, "{\"name\":\"");
    if (!err)
        err = mr_json_escape(b, mr_str(e->name));
    if (!err)
        err = mr_buf_printf(b, "\",\"href\":\"./%.*s%s\",\"type\":\"%s\"",
                            MR_STR(link), S_ISDIR(e->mode) ? "/" : "",
                            type_name(e->mode));
    if (!err && S_ISREG(e->mode))
        err = mr_buf_printf(b, ",\"size\":%lld", (long long)e->size);
    if (!err)
        err = mr_buf_printf(b, ",\"modified\":%lld}", (long long)e->mtime);
    return err;
}

static int put_json_entries(struct mr_buf *b, struct mr_arena *arena,
                            const struct mr_listing *l, bool directories,
                            bool *first)
{
    int err = 0;

    for (size_t i = 0; i < l->dir->n && !err; i++) {
        const struct mr_dir_entry *e = &l->dir->entries[i];

        err = give_way(i);
        if (err || !is_listed(l, e) || (S_ISDIR(e->mode) != 0) != directories)
            continue;
        err = mr_buf_append_z(b, *first ? "\n " : ",\n ");
        *first = false;
        if (!err)
            err = put_json_entry(b, arena, e);
    }
    return err;
}

static int put_json(struct mr_buf *b, struct mr_arena *arena,
                    const struct mr_listing *l)
{
    bool first = true;
    int err = mr_buf_append_z(b, "{\"path\":\"");

    if (!err)
        err = mr_json_escape(b, l->path);
    if (!err)
        err = mr_buf_append_z(b, "\",\"entries\":[");
    if (!err)
        err = put_json_entries(b, arena, l, true, &first);
    if (!err)
        err = put_json_entries(b, arena, l, false, &first);
    if (!err)
        err = mr_buf_printf(b, "],\n \"cut\":%s}\n",
                            l->dir->cut ? "true" : "false");
    return err;
}

int mr_listing_reply(struct mr_response *res, struct mr_arena *arena,
                     const struct mr_listing *l)
{
    const char *type =
        l->json ? "application/json" : "text/html; charset=utf-8";
    struct mr_buf b;
    int err;

    mr_buf_init(&b);
    err = l->json ? put_json(&b, arena, l) : put_page(&b, arena, l);
    if (!err)
        err = mr_reply(res, MR_STATUS_OK, type, mr_buf_view(&b));
    mr_buf_fini(&b);
    return err;
}
