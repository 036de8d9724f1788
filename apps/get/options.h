/* SPDX-License-Identifier: MIT */
#ifndef APPS_GET_OPTIONS_H
#define APPS_GET_OPTIONS_H

/*
 * options.h - what mrget was asked to do.
 *
 *     struct get_options o;
 *     status = get_options_parse(&o, argc, argv);
 *     if (status >= 0)
 *         return status;                    help was printed, or it is wrong
 */
#include "core/base.h"
#include "http/headers.h"

/* What is told, and how. */
enum get_style {
    GET_LINES,    /* for people: a live display on a terminal, else lines */
    GET_JSON,     /* an event per line */
    GET_TUTORIAL, /* "GET: url", "N bytes received from url." */
    GET_QUIET,    /* errors only */
};

/* Strings are argv's. Times are ns. */
struct get_options {
    char *const *urls;
    size_t n_urls;
    const char *list;     /* a file of URLs, "-"; NULL */
    const char *output;   /* the name, "-"; NULL: by the URL */
    const char *dir;      /* NULL: where we are */
    const char *checksum; /* "sha256=..."; NULL */
    bool mirror;          /* all URLs are of one file */
    bool glob;            /* {a,b} and [1-9] in URLs stand for many */
    bool resume;
    bool overwrite;
    bool auto_number;
    bool server_names; /* Content-Disposition counts */
    bool compressed;

    unsigned jobs;     /* connections in all */
    unsigned per_host; /* of them, to one host */
    unsigned split;    /* of them, for one file; 0: as it is worth it */
    uint64_t rate;     /* bytes a second, all together; 0: as they come */

    unsigned retries;
    int64_t retry_wait;
    int64_t connect_timeout;
    int64_t timeout;  /* without a byte */
    int64_t max_time; /* for one file; 0: none */
    unsigned max_redirects;

    struct mr_field *fields; /* freed by get_options_fini */
    size_t n_fields;
    const char *user_agent;
    const char *user;         /* "name:password"; NULL */
    const char *netrc;        /* a file, "": ~/.netrc; NULL: none */
    const char *load_cookies; /* Netscape's format; NULL */
    const char *cookie_jar;   /* written at the end; NULL */
    const char *cacert;
    bool insecure;
    const char *proxy;    /* NULL: the environment's; "": none */
    const char *no_proxy; /* NULL: the environment's */
    int family;           /* AF_INET, AF_INET6, 0 */

    enum get_style style;
};

/* -1: go on, with *ret to be given back. Otherwise the status to leave with:
 * help was printed (0), or what is wrong (2). */
int get_options_parse(struct get_options *ret, int argc, char **argv);
void get_options_fini(struct get_options *o);

/* options_help.c: what --help prints. */
extern const char get_help[];

#endif
