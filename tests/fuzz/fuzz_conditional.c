/* SPDX-License-Identifier: MIT */
/* fuzz_conditional.c - any bytes as a list of entity tags, and as all of a
 * request's preconditions: tags are quoted and stay inside, and what is decided
 * is one of three things. */
#include "http/conditional.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"if-match", "if-none-match",
                                        "if-modified-since",
                                        "if-unmodified-since"};
    const struct mr_validators v = {mr_str("\"a\""), 784111777};
    struct mr_str rest = mr_str_n((const char *)data, size), list, tag, line;
    const char *end = rest.p + rest.n;
    struct mr_field room[16];
    struct mr_headers h;
    bool weak;
    int got;

    list = rest;
    while (mr_etag_next(&list, &tag, &weak)) {
        MR_BUG_ON(tag.n < 2 || tag.p[0] != '"' || tag.p[tag.n - 1] != '"');
        MR_BUG_ON(tag.p + tag.n > end || list.p + list.n > end);
    }
    mr_headers_init(&h, room, MR_ARRAY_LEN(room));
    for (size_t i = 0; i < 16 && mr_str_split(&rest, '\n', &line); i++) {
        if (line.n > 0)
            (void)!mr_headers_add(
                &h, mr_str(names[line.p[0] & 3]),
                mr_str_trim(mr_str_n(line.p + 1, line.n - 1)));
    }
    got = mr_conditional(&h, MR_METHOD_GET, &v, 1795305600);
    MR_BUG_ON(got != 0 && got != 304 && got != 412);
    got = mr_conditional(&h, MR_METHOD_PUT, &v, 1795305600);
    MR_BUG_ON(got != 0 && got != 412);
    return 0;
}
