/* SPDX-License-Identifier: MIT */
/* fuzz_conditional.c - any lines as preconditions, in any order and number,
 * held against RFC 9110 13.2.2 written down step by step. Of the first byte two
 * bits choose our tag, one our date, and two the method; of each line the first
 * byte chooses which field it is. */
#include "http/conditional.h"
#include "http/date.h"
#include "http/range.h"

#include <regex.h>

#define LINES 6
#define NOW 1795305600

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"if-match", "if-none-match",
                                    "if-modified-since", "if-unmodified-since",
                                    "if-range"};
enum { IM, INM, IMS, IUS, IR, NAMES };

struct given {
    const char *line[LINES]; /* NUL-terminated */
    int name[LINES];
    size_t n;
};

static bool is_strong(const char *tag)
{
    return tag[0] == '"';
}

/* One element after the other, as long as there are any. */
static bool lists(const char *list, const char *ours, bool strongly)
{
    static regex_t re;
    static bool made;
    const char *bare = is_strong(ours) ? ours : ours + 2;
    regmatch_t m[4];

    if (!made)
        MR_BUG_ON(regcomp(&re,
                          "^[ \t,]*(W/)?(\"[^\001-\040\177\"]*\")[ \t]*(,|$)",
                          REG_EXTENDED));
    made = true;
    if (strcmp(list, "*") == 0)
        return true;
    while (*ours && regexec(&re, list, 4, m, 0) == 0) {
        size_t n = (size_t)(m[2].rm_eo - m[2].rm_so);
        bool weak = m[1].rm_so >= 0;

        if (n == strlen(bare) && memcmp(list + m[2].rm_so, bare, n) == 0 &&
            !(strongly && (weak || !is_strong(ours))))
            return true;
        list += m[3].rm_so;
    }
    return false;
}

static size_t count(const struct given *g, int name)
{
    size_t n = 0;

    for (size_t i = 0; i < g->n; i++)
        n += g->name[i] == name;
    return n;
}

static bool any_lists(const struct given *g, int name, const char *ours)
{
    for (size_t i = 0; i < g->n; i++) {
        if (g->name[i] == name && lists(g->line[i], ours, name == IM))
            return true;
    }
    return false;
}

static bool date_of(const struct given *g, int name, int64_t *ret)
{
    for (size_t i = 0; i < g->n; i++) {
        if (g->name[i] == name)
            return count(g, name) == 1 &&
                   mr_date_parse(mr_str(g->line[i]), NOW, ret) == 0;
    }
    return false;
}

static int model(const struct given *g, bool reads, const char *ours,
                 int64_t modified)
{
    int64_t t;

    if (count(g, IM) && !any_lists(g, IM, ours))
        return 412; /* step 1 */
    if (!count(g, IM) && modified != MR_NO_DATE && date_of(g, IUS, &t) &&
        modified > t)
        return 412; /* step 2 */
    if (count(g, INM))
        return !any_lists(g, INM, ours) ? 0 : reads ? 304 : 412; /* step 3 */
    if (reads && modified != MR_NO_DATE && date_of(g, IMS, &t) && modified <= t)
        return 304; /* step 4 */
    return 0;
}

/* Step 5: one tag, strong and the same, or the very date, which is no better
 * than a weak tag beside it. */
static int range_model(const struct given *g, const char *ours,
                       int64_t modified)
{
    int64_t t;

    if (count(g, IR) == 0)
        return 206;
    if (count(g, IR) > 1 || (*ours && !is_strong(ours)))
        return 200;
    for (size_t i = 0; i < g->n; i++) {
        if (g->name[i] != IR)
            continue;
        if (*ours && strcmp(g->line[i], ours) == 0)
            return 206;
        if (g->line[i][0] == '"' || strncmp(g->line[i], "W/", 2) == 0)
            return 200;
    }
    return modified != MR_NO_DATE && date_of(g, IR, &t) && t == modified ? 206
                                                                         : 200;
}

static void check(const struct given *g, const char *ours, int64_t modified)
{
    static const enum mr_method methods[] = {MR_METHOD_GET, MR_METHOD_HEAD,
                                             MR_METHOD_PUT, MR_METHOD_DELETE};
    const struct mr_validators v = {mr_str(ours), modified};
    struct mr_field room[LINES + 1];
    struct mr_headers h;
    struct mr_ranges r;

    mr_headers_init(&h, room, MR_ARRAY_LEN(room));
    for (size_t i = 0; i < g->n; i++)
        MR_BUG_ON(
            mr_headers_add(&h, mr_str(names[g->name[i]]), mr_str(g->line[i])));
    for (size_t i = 0; i < MR_ARRAY_LEN(methods); i++)
        MR_BUG_ON(mr_conditional(&h, methods[i], &v, NOW) !=
                  model(g, i < 2, ours, modified));
    MR_BUG_ON(mr_headers_add(&h, mr_str("range"), mr_str("bytes=1-")));
    MR_BUG_ON(mr_ranges_decide(&h, MR_METHOD_GET, &v, NOW, 9, &r) !=
              range_model(g, ours, modified));
    MR_BUG_ON(mr_ranges_decide(&h, MR_METHOD_HEAD, &v, NOW, 9, &r) != 200);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const tags[] = {"", "\"a\"", "W/\"a\"", "\"\""};
    static char text[4096];
    struct given g = {.n = 0};
    struct mr_str rest = {text, size - 1}, line;

    if (size < 1 || size > sizeof text)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    /* No field's value has a NUL (http/head_check.h). */
    if (memchr(text, '\0', size - 1))
        return 0;
    while (g.n < LINES && mr_str_split(&rest, '\n', &line)) {
        if (line.n == 0)
            continue;
        text[line.p + line.n - text] = '\0';
        g.name[g.n] = (unsigned char)line.p[0] % NAMES;
        line = mr_str_trim(mr_str_n(line.p + 1, line.n - 1));
        text[line.p + line.n - text] = '\0';
        g.line[g.n++] = line.p;
    }
    check(&g, tags[data[0] & 3], data[0] & 4 ? MR_NO_DATE : 784111777);
    return 0;
}
