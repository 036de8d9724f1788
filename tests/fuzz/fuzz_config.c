/* SPDX-License-Identifier: MIT */

/* fuzz_config.c - any bytes as a configuration: an answer, and no more. */
#include "core/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct mr_config_option options[] = {
    {.name = "load", .type = MR_CONFIG_LIST, .repeat = true},
    {.name = "n", .type = MR_CONFIG_INT, .def = "1", .min = -5, .max = 5},
    {.name = "app", .type = MR_CONFIG_STRING},
    {.name = "d", .type = MR_CONFIG_DURATION, .def = "1s", .word = "off"},
};
static const struct mr_config_table tables[] = {
    {.options = options, .n = 2},
    {.section = "route", .options = options + 2, .n = 1},
    {.section = "route", .owner = "x", .options = options + 3, .n = 1},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_str text = mr_str_n((const char *)data, size);
    MR_AUTO(config) cfg = mr_config_new();
    bool bad = mr_config_read_text(cfg, "f", text) ||
               mr_config_parse(cfg, tables, MR_ARRAY_LEN(tables));

    MR_BUG_ON(bad != (mr_config_message(cfg)[0] != '\0'));
    return 0;
}
