/* SPDX-License-Identifier: MIT */
/* fuzz_conditional.c - any bytes as each of the preconditions. The first byte
 * chooses which of them there are, and what they are held against. */
#include "http/conditional.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The same tags come out of a list as of what is left of it, and it ends. */
static void walk(struct mr_str list)
{
    struct mr_str before = list, tag;
    bool weak;

    while (mr_etag_next(&list, &tag, &weak)) {
        MR_BUG_ON(tag.n < 2 || tag.p[0] != '"' || tag.p[tag.n - 1] != '"');
        MR_BUG_ON(list.n >= before.n);
        before = list;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"if-match", "if-none-match",
                                        "if-modified-since",
                                        "if-unmodified-since"};
    static const char *const tags[] = {"", "\"a\"", "W/\"a\"", "\"\""};
    struct mr_field room[MR_ARRAY_LEN(names)];
    struct mr_headers h;
    struct mr_validators v;
    struct mr_str value;
    int get, put;

    if (size == 0)
        return 0;
    value = mr_str_n((const char *)data + 1, size - 1);
    walk(value);
    mr_headers_init(&h, room, MR_ARRAY_LEN(names));
    for (size_t i = 0; i < MR_ARRAY_LEN(names); i++) {
        if (data[0] & 1u << i)
            MR_BUG_ON(mr_headers_add(&h, mr_str(names[i]), value));
    }
    v.etag = mr_str(tags[data[0] >> 4 & 3]);
    v.modified = data[0] & 0x80 ? MR_NO_DATE : 784111777;
    get = mr_conditional(&h, MR_METHOD_GET, &v, 1795305600);
    put = mr_conditional(&h, MR_METHOD_PUT, &v, 1795305600);
    MR_BUG_ON(get != 0 && get != 304 && get != 412);
    MR_BUG_ON(put != 0 && put != 412);
    MR_BUG_ON(h.n == 0 && (get || put));
    return 0;
}
