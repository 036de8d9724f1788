/* SPDX-License-Identifier: MIT */
/* fuzz_config.c - any bytes as a configuration with directives of every type:
 * an answer, and what is filled in keeps to its bounds. */
#include <stddef.h>

#include "core/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct filled {
    struct mr_config_list load, list;
    const char *s;
    int64_t n, size;
    bool on;
    int kind;
};

static const char *const kinds[] = {"one", "two", "three", NULL};
#define AT(field) .offset = offsetof(struct filled, field)
static const struct mr_config_option options[] = {
    {.name = "load", .type = MR_CONFIG_LIST, AT(load), .repeat = true},
    {.name = "n",
     .type = MR_CONFIG_INT,
     AT(n),
     .def = "1",
     .min = -5,
     .max = 5},
    {.name = "s", .type = MR_CONFIG_STRING, AT(s), .min = 1, .max = 8},
    {.name = "z",
     .type = MR_CONFIG_SIZE,
     AT(size),
     .def = "64K",
     .word = "any"},
    {.name = "b", .type = MR_CONFIG_BOOL, AT(on), .def = "on"},
    {.name = "e", .type = MR_CONFIG_ENUM, AT(kind), .choices = kinds},
    {.name = "l", .type = MR_CONFIG_LIST, AT(list), .def = "a, b", .max = 4},
};
static const struct mr_config_option app[] = {
    {.name = "app", .type = MR_CONFIG_STRING},
    {.name = "d", .type = MR_CONFIG_DURATION, .def = "1s", .word = "off"},
};
static const struct mr_config_table tables[] = {
    {.options = options, .n = MR_ARRAY_LEN(options)},
    {.section = "route", .options = app, .n = 1, .inside = "host"},
    {.section = "route", .owner = "x", .options = app + 1, .n = 1},
    {.section = "host", .options = options + 3, .n = 2},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_str text = mr_str_n((const char *)data, size);
    MR_AUTO(config) cfg = mr_config_new();
    struct filled to = {.kind = -1};
    bool bad = mr_config_read_text(cfg, "f", text) ||
               mr_config_parse(cfg, tables, MR_ARRAY_LEN(tables)) ||
               mr_config_fill(mr_config_root(cfg), &tables[0], &to);

    MR_BUG_ON(bad != (mr_config_message(cfg)[0] != '\0'));
    if (bad)
        return 0;
    MR_BUG_ON(to.n < -5 || to.n > 5 || to.kind < 0 || to.kind > 2);
    MR_BUG_ON(to.s && (strlen(to.s) < 1 || strlen(to.s) > 8));
    for (size_t i = 0; i < to.list.n; i++)
        MR_BUG_ON(strlen(to.list.v[i]) > 4);
    return 0;
}
