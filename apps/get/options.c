/* SPDX-License-Identifier: MIT */

/*
 * options.c - the command line, by a table.
 *
 * Each option is a row: what it is called, what its value is, and where that
 * goes. A new one is a row here, a line of options_help.c, and one of the
 * README.
 */
#include "apps/get/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "core/str.h"
#include "core/sys.h"

enum kind {
    ON,     /* sets a bool */
    OFF,    /* clears a bool */
    TEXT,   /* a const char * */
    COUNT,  /* an unsigned, from min to max */
    SIZE,   /* a uint64_t of bytes, 1 or more */
    TIME,   /* an int64_t of ns, up to max seconds */
    STYLE,  /* min is the style */
    FAMILY, /* min is the family */
    EMPTY,  /* an optional text; without one it is "" */
    FIELD,  /* "Name: value" */
    HELP,
    VERSION,
};

#define AT(member) offsetof(struct get_options, member)
#define DAY (24 * 3600)

static const struct row {
    const char *name;
    char letter; /* 0: none */
    enum kind kind;
    size_t at;
    uint64_t min, max;
} rows[] = {
    {"input-file", 'i', TEXT, AT(list), 0, 0},
    {"output", 'o', TEXT, AT(output), 0, 0},
    {"directory", 'd', TEXT, AT(dir), 0, 0},
    {"continue", 'c', ON, AT(resume), 0, 0},
    {"overwrite", 0, ON, AT(overwrite), 0, 0},
    {"auto-number", 0, ON, AT(auto_number), 0, 0},
    {"no-content-disposition", 0, OFF, AT(server_names), 0, 0},
    {"no-glob", 'g', OFF, AT(glob), 0, 0},
    {"mirror", 0, ON, AT(mirror), 0, 0},
    {"checksum", 0, TEXT, AT(checksum), 0, 0},
    {"compressed", 0, ON, AT(compressed), 0, 0},
    /* A descriptor and some 20 KiB each. */
    {"jobs", 'j', COUNT, AT(jobs), 1, 10000},
    {"per-host", 'J', COUNT, AT(per_host), 1, 10000},
    /* More than any server bears, and than a journal's gaps are made for. */
    {"split", 'x', COUNT, AT(split), 1, 64},
    {"limit-rate", 0, SIZE, AT(rate), 0, 0},
    {"retry", 0, COUNT, AT(retries), 0, 1000000},
    {"retry-wait", 0, TIME, AT(retry_wait), 0, DAY},
    {"connect-timeout", 0, TIME, AT(connect_timeout), 1, DAY},
    {"timeout", 0, TIME, AT(timeout), 1, DAY},
    {"max-time", 0, TIME, AT(max_time), 1, 365 * DAY},
    {"max-redirect", 0, COUNT, AT(max_redirects), 0, 1000},
    {"header", 'H', FIELD, 0, 0, 0},
    {"user-agent", 'A', TEXT, AT(user_agent), 0, 0},
    {"user", 'u', TEXT, AT(user), 0, 0},
    {"netrc", 0, EMPTY, AT(netrc), 0, 0},
    {"load-cookies", 0, TEXT, AT(load_cookies), 0, 0},
    {"cookie-jar", 0, TEXT, AT(cookie_jar), 0, 0},
    {"cacert", 0, TEXT, AT(cacert), 0, 0},
    {"insecure", 'k', ON, AT(insecure), 0, 0},
    {"proxy", 0, TEXT, AT(proxy), 0, 0},
    {"no-proxy", 0, TEXT, AT(no_proxy), 0, 0},
    {"ipv4", '4', FAMILY, AT(family), AF_INET, 0},
    {"ipv6", '6', FAMILY, AT(family), AF_INET6, 0},
    {"quiet", 'q', STYLE, AT(style), GET_QUIET, 0},
    {"json", 0, STYLE, AT(style), GET_JSON, 0},
    {"tutorial", 0, STYLE, AT(style), GET_TUTORIAL, 0},
    {"help", 'h', HELP, 0, 0, 0},
    {"version", 'V', VERSION, 0, 0, 0},
};

/* getopt_long's own tables, made of the rows. */
#define LONG_FIRST 256
struct tables {
    struct option longs[MR_ARRAY_LEN(rows) + 1];
    char letters[3 * MR_ARRAY_LEN(rows) + 2];
};

static bool takes_value(enum kind k)
{
    return k == TEXT || k == COUNT || k == SIZE || k == TIME || k == FIELD;
}

static void make_tables(struct tables *t)
{
    char *at = t->letters;

    memset(t, 0, sizeof *t);
    *at++ = ':';
    for (size_t i = 0; i < MR_ARRAY_LEN(rows); i++) {
        int arg = takes_value(rows[i].kind) ? required_argument : no_argument;

        if (rows[i].kind == EMPTY)
            arg = optional_argument;
        t->longs[i] =
            (struct option){rows[i].name, arg, NULL, LONG_FIRST + (int)i};
        if (!rows[i].letter)
            continue;
        *at++ = rows[i].letter;
        if (arg == required_argument)
            *at++ = ':';
    }
}

static const struct row *find_row(int opt)
{
    if (opt >= LONG_FIRST)
        return &rows[opt - LONG_FIRST];
    for (size_t i = 0; i < MR_ARRAY_LEN(rows); i++) {
        if (rows[i].letter && rows[i].letter == opt)
            return &rows[i];
    }
    return NULL;
}

static int wrong(const char *what, const char *text, const char *todo)
{
    fprintf(stderr, "mrget: %s '%s': %s\n", what, text, todo);
    return 2;
}

static int bad_value(const struct row *r, const char *text, const char *todo)
{
    char name[64];

    snprintf(name, sizeof name, "--%s", r->name);
    return wrong(name, text, todo);
}

static int set_count(const struct row *r, unsigned *at)
{
    char todo[80];
    uint64_t v;

    if (mr_str_to_u64(mr_str(optarg), r->max, &v) || v < r->min) {
        snprintf(todo, sizeof todo, "a whole number from %u to %u",
                 (unsigned)r->min, (unsigned)r->max);
        return bad_value(r, optarg, todo);
    }
    *at = (unsigned)v;
    return -1;
}

static int set_time(const struct row *r, int64_t *at)
{
    int64_t v;

    if (mr_str_to_duration(mr_str(optarg), &v) ||
        v < (int64_t)r->min * 1000000 ||
        v > (int64_t)r->max * INT64_C(1000000000))
        return bad_value(r, optarg, "a time such as 30, 500ms, 10s, 5m or 1h");
    *at = v;
    return -1;
}

static int set_size(const struct row *r, uint64_t *at)
{
    uint64_t v;

    if (mr_str_to_size(mr_str(optarg), &v) || v < 1)
        return bad_value(r, optarg,
                         "bytes a second, such as 200000, 500K or 2M");
    *at = v;
    return -1;
}

static int add_field(const struct row *r, struct get_options *o)
{
    struct mr_str rest = mr_str(optarg), name;
    struct mr_field *more;

    if (mr_str_find(rest, ':') < 0 || !mr_str_split(&rest, ':', &name) ||
        !mr_token_is_valid(name) || !mr_field_value_is_valid(mr_str_trim(rest)))
        return bad_value(r, optarg, "it is written 'Name: value'");
    if (mr_str_is_case(name, "range") || mr_str_is_case(name, "if-range"))
        return bad_value(r, optarg,
                         "which parts are asked for is mrget's (-x, -c)");
    if (mr_str_is_case(name, "accept-encoding"))
        return bad_value(r, optarg, "--compressed asks for it, and unpacks");
    more = mr_realloc(o->fields, (o->n_fields + 1) * sizeof *more);
    if (!more)
        return bad_value(r, optarg, "out of memory");
    o->fields = more;
    more[o->n_fields++] = (struct mr_field){name, mr_str_trim(rest)};
    return -1;
}

static int set(struct get_options *o, const struct row *r)
{
    void *at = (char *)o + r->at;

    switch (r->kind) {
    case ON:
    case OFF:
        *(bool *)at = r->kind == ON;
        return -1;
    case TEXT:
        *(const char **)at = optarg;
        return -1;
    case EMPTY:
        *(const char **)at = optarg ? optarg : "";
        return -1;
    case COUNT:
        return set_count(r, at);
    case SIZE:
        return set_size(r, at);
    case TIME:
        return set_time(r, at);
    case FIELD:
        return add_field(r, o);
    case STYLE:
        *(enum get_style *)at = (enum get_style)r->min;
        return -1;
    case FAMILY:
        *(int *)at = (int)r->min;
        return -1;
    case HELP:
        fputs(get_help, stdout);
        return 0;
    case VERSION:
        puts("mrget " MR_VERSION);
        return 0;
    }
    return -1;
}

/* What does not go together. */
static int check(const struct get_options *o)
{
    bool one = o->mirror || (o->n_urls == 1 && !o->list);

    if (o->n_urls == 0 && !o->list) {
        fputs("mrget: nothing to get: try 'mrget URL', or --help\n", stderr);
        return 2;
    }
    if (o->mirror && o->list)
        return wrong("--input-file", o->list,
                     "with --mirror all URLs stand on the command line");
    if (o->checksum && !one)
        return wrong("--checksum", o->checksum, "it is for one file");
    if (o->output && !one && (o->list || !strchr(o->output, '#')) &&
        strcmp(o->output, "-") != 0)
        return wrong("--output", o->output,
                     "it is for one file; '#1' in it stands for what the "
                     "first glob gave");
    if (o->output && *o->output == '\0')
        return wrong("--output", o->output, "a name, or - for standard output");
    if (o->user && !strchr(o->user, ':'))
        return wrong("--user", o->user, "it is written NAME:PASSWORD");
    if (!mr_field_value_is_valid(mr_str(o->user_agent)))
        return wrong("--user-agent", o->user_agent,
                     "a line of text, without control bytes and without blanks "
                     "at its ends");
    if (o->output && strcmp(o->output, "-") == 0 && o->resume)
        return wrong("--continue", "-",
                     "what was written to standard output cannot be resumed");
    return -1;
}

/* The word whose letter getopt_long did not know; it goes on to the next word
 * with the last letter of one. */
static const char *word_of(char letter, char **argv)
{
    const char *at = argv[optind] ? strchr(argv[optind], letter) : NULL;

    return at && at[1] ? argv[optind] : argv[optind - 1];
}

/* What getopt_long has stopped at: a word, or a letter within one. */
static int not_understood(int opt, char **argv)
{
    const struct row *r = find_row(optopt);
    char letter[3] = {'-', (char)optopt};
    bool of_ascii = optopt > 0 && optopt < 0x80;

    if (opt == ':')
        return wrong("option", optopt < LONG_FIRST ? letter : argv[optind - 1],
                     "it needs a value");
    if (optopt >= LONG_FIRST)
        return bad_value(r, strchr(argv[optind - 1], '=') + 1,
                         "it takes no value");
    return wrong("option",
                 of_ascii      ? letter
                 : optopt != 0 ? word_of((char)optopt, argv)
                               : argv[optind - 1],
                 "there is none such; mrget --help names them");
}

static int parse(struct get_options *o, int argc, char **argv)
{
    struct tables t;
    int opt, status;

    make_tables(&t);
    opterr = 0;
    optind = 1;
    while ((opt = getopt_long(argc, argv, t.letters, t.longs, NULL)) != -1) {
        if (opt == ':' || opt == '?')
            return not_understood(opt, argv);
        status = set(o, find_row(opt));
        if (status >= 0)
            return status;
    }
    o->urls = argv + optind;
    o->n_urls = (size_t)(argc - optind);
    return check(o);
}

int get_options_parse(struct get_options *ret, int argc, char **argv)
{
    struct get_options o = {
        .glob = true,
        .server_names = true,
        .jobs = 16,
        .per_host = 6,
        .retries = 5,
        .retry_wait = INT64_C(1000000000),
        .connect_timeout = INT64_C(10000000000),
        .timeout = INT64_C(60000000000),
        .max_redirects = 20,
        .user_agent = "mrget/" MR_VERSION,
    };
    int status = parse(&o, argc, argv);

    if (status >= 0)
        get_options_fini(&o);
    else if (o.output && strcmp(o.output, "-") == 0)
        o.jobs = 1; /* one after the other, or they mix */
    *ret = o;
    return status;
}

void get_options_fini(struct get_options *o)
{
    mr_free(o->fields);
    o->fields = NULL;
}
