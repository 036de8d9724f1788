/* SPDX-License-Identifier: MIT */
/* plan.c - a query to what one request is answered with: one table of options,
 * in the order of bad.h. */
#include "tests/bad/bad_priv.h"

enum kind { NUMBER, SIZE, TIME, TEXT, LINE, CHOICE };

/* What an option is set to. ALWAYS: of the file; the others are left out of a
 * healthy answer. */
static const struct option {
    const char *name;
    enum kind kind;
    size_t at;
    const char *choices; /* in the order of their enum */
    bool always;
} options[] = {
#define AT(field) offsetof(struct bad_plan, field)
    {"size", SIZE, AT(size), NULL, true},
    {"seed", NUMBER, AT(seed), NULL, true},
    {"fill", CHOICE, AT(fill), "random,zero,text", true},
    {"type", TEXT, AT(type), NULL, true},
    {"etag", CHOICE, AT(etag), "strong,weak,none", true},
    {"modified", NUMBER, AT(modified), NULL, true},
    {"changes", NUMBER, AT(changes), NULL, true},
    {"resize", SIZE, AT(resize), NULL, true},
    {"needs", TEXT, AT(needs), NULL, true},
    {"login", TEXT, AT(login), NULL, true},
    {"times", NUMBER, AT(times), NULL, true},
    {"after", NUMBER, AT(after), NULL, true},
    {"status", NUMBER, AT(status), NULL, false},
    {"reason", TEXT, AT(reason), NULL, false},
    {"http", TEXT, AT(http), NULL, false},
    {"field", LINE, AT(field), NULL, false},
    {"retry", TEXT, AT(retry), NULL, false},
    {"retry_date", NUMBER, AT(retry_date), NULL, false},
    {"to", TEXT, AT(to), NULL, false},
    {"hops", NUMBER, AT(hops), NULL, false},
    {"interim", NUMBER, AT(interim), NULL, false},
    {"interim_status", NUMBER, AT(interim_status), NULL, false},
    {"fields", NUMBER, AT(fields), NULL, false},
    {"field_size", SIZE, AT(field_size), NULL, false},
    {"head", CHOICE, AT(head), "whole,half,none,bytes", false},
    {"raw", TEXT, AT(raw), NULL, false},
    {"wait", TIME, AT(wait), NULL, false},
    {"ranges", CHOICE, AT(ranges),
     "yes,no,none,shifted,total,unasked,multipart,refused,short,garbage",
     false},
    {"blind", NUMBER, AT(blind), NULL, true},
    {"frame", CHOICE, AT(frame), "length,chunked,close,none,both", false},
    {"length", TEXT, AT(length), NULL, false},
    {"chunk", SIZE, AT(chunk), NULL, false},
    {"chunks", CHOICE, AT(chunks),
     "good,garbage,huge,negative,unended,bare,extension,trailer", false},
    {"trailer", LINE, AT(trailer), NULL, false},
    {"coding", CHOICE, AT(coding), "none,gzip,br,zstd", false},
    {"said", TEXT, AT(said), NULL, false},
    {"at", SIZE, AT(at), NULL, false},
    {"do", CHOICE, AT(act), "all,reset,cut,stall,wrong", false},
    {"piece", SIZE, AT(piece), NULL, false},
    {"every", TIME, AT(every), NULL, false},
    {"extra", SIZE, AT(extra), NULL, false},
    {"then", CHOICE, AT(then), "keep,close,say,reset,drop", false},
    {"early", NUMBER, AT(early), NULL, false},
#undef AT
};

/* %XX of s into out, which has room for s.n bytes. */
static struct mr_str decode(struct mr_str s, char *out)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        uint64_t byte;

        if (s.p[i] == '%' && s.n - i > 2 &&
            !mr_str_hex_to_u64(mr_str_n(s.p + i + 1, 2), 255, &byte)) {
            out[n++] = (char)byte;
            i += 2;
        } else {
            out[n++] = s.p[i];
        }
    }
    return mr_str_n(out, n);
}

static bool choose(struct mr_str choices, struct mr_str value, unsigned *ret)
{
    struct mr_str one;

    for (unsigned i = 0; mr_str_split(&choices, ',', &one); i++) {
        if (mr_str_eq(one, value)) {
            *ret = i;
            return true;
        }
    }
    return false;
}

static bool set(const struct option *o, struct bad_plan *p, struct mr_str value)
{
    void *at = (char *)p + o->at;
    struct bad_lines *lines = at;

    switch (o->kind) {
    case NUMBER:
        return !mr_str_to_u64(value, UINT64_MAX, at);
    case SIZE:
        return !mr_str_to_size(value, at);
    case TIME:
        return !mr_str_to_duration(value, at);
    case TEXT:
        *(struct mr_str *)at = value;
        return true;
    case LINE:
        if (lines->n == BAD_LINES)
            return false;
        lines->v[lines->n++] = value;
        return true;
    case CHOICE:
        return choose(mr_str(o->choices), value, at);
    }
    return false;
}

static const struct option *find(struct mr_str name)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(options); i++)
        if (mr_str_is(name, options[i].name))
            return &options[i];
    return NULL;
}

bool bad_plan_read(struct bad_plan *p, struct mr_str query, char *text,
                   bool healthy, struct mr_str *ret_why)
{
    struct mr_str pair, name;

    *p = (struct bad_plan){
        .size = 64 * 1024,
        .seed = 1,
        .times = UINT64_MAX,
        .status = 200,
        .interim_status = 103,
        .field_size = 16,
        .chunk = 16 * 1024,
        .at = UINT64_MAX,
        .type = mr_str("application/octet-stream"),
        .http = mr_str("1.1"),
    };
    while (mr_str_split(&query, '&', &pair)) {
        const struct option *o;

        if (mr_str_is_empty(pair) || !mr_str_split(&pair, '=', &name))
            continue;
        o = find(name);
        pair = decode(pair, text);
        text += pair.n;
        *ret_why = name;
        if (!o || (!(healthy && !o->always) && !set(o, p, pair)))
            return false;
    }
    return p->chunk > 0;
}
