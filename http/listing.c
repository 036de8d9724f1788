/* SPDX-License-Identifier: MIT */

/*
 * listing.c - a directory as a page: one table, readable on a phone, light or
 * dark as the reader has it, without a script.
 *
 * Names are any bytes: percent-encoded in links, HTML-escaped in text.
 */
#include "http/listing.h"

#include <errno.h>
#include <stdio.h>

#include "core/buf.h"
#include "http/date.h"
#include "http/url.h"

static const char page_head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n<title>";
static const char page_style[] =
    "</title>\n<style>\n"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;"
    "padding:0 1rem}\n"
    "h1{font-size:1.25rem;overflow-wrap:anywhere}\n"
    "table{border-collapse:collapse;width:100%}\n"
    "th{text-align:left;font-weight:600}\n"
    "td,th{padding:.35rem .75rem .35rem 0;border-bottom:1px solid #8884;"
    "vertical-align:top}\n"
    "td:first-child{overflow-wrap:anywhere}\n"
    ".n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}"
    "\n.t{white-space:nowrap}\n"
    "a{text-decoration:none}a:hover{text-decoration:underline}\n"
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
    if (!is_dir)
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

static int put_entries(struct mr_buf *b, struct mr_arena *arena,
                       const struct mr_dir *list, bool directories)
{
    int err = 0;

    for (size_t i = 0; i < list->n && !err; i++) {
        const struct mr_dir_entry *e = &list->entries[i];

        if (e->name[0] != '.' && (S_ISDIR(e->mode) != 0) == directories)
            err = put_entry(b, arena, e);
    }
    return err;
}

static int put_page(struct mr_buf *b, struct mr_arena *arena,
                    struct mr_str path, const struct mr_dir *list)
{
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
        err = put_entries(b, arena, list, true);
    if (!err)
        err = put_entries(b, arena, list, false);
    if (!err)
        err = mr_buf_append_z(b, "</tbody></table>\n");
    if (!err && list->cut)
        err = mr_buf_append_z(b, "<p>There are more entries than are shown."
                                 "</p>\n");
    if (!err)
        err = mr_buf_append_z(b, "</body></html>\n");
    return err;
}

int mr_listing_reply(struct mr_response *res, struct mr_arena *arena,
                     struct mr_str path, const struct mr_dir *list)
{
    struct mr_buf b;
    int err;

    mr_buf_init(&b);
    err = put_page(&b, arena, path, list);
    if (!err)
        err = mr_reply(res, MR_STATUS_OK, "text/html; charset=utf-8",
                       mr_buf_view(&b));
    mr_buf_fini(&b);
    return err;
}
