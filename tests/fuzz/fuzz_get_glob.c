/* SPDX-License-Identifier: MIT */

/* fuzz_get_glob.c - any text as a glob: as many URLs as it says, none longer
 * than itself. */
#include "apps/get/glob.h"
#include "core/sys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = mr_alloc(size + 1);
    char why[GET_GLOB_WHY] = "", name[300];
    struct mr_iter *it = NULL;
    struct get_glob_item item;
    uint64_t n = 0, count = 0;
    int rc;

    memcpy(text, data, size);
    text[size] = '\0';
    rc = get_glob_new(&it, text, why);
    MR_BUG_ON(rc && (why[0] == '\0' || strlen(why) >= sizeof why));
    if (rc == 0)
        count = get_glob_count(it);
    MR_BUG_ON(count > GET_GLOB_MAX);
    while (rc == 0 && n < 2000 && mr_iter_next(it, &item) > 0) {
        MR_BUG_ON(item.url.n > strlen(text) || item.url.p[item.url.n]);
        (void)!get_glob_name(name, sizeof name, text, &item);
        n++;
    }
    MR_BUG_ON(rc == 0 && n != (count < 2000 ? count : 2000));
    mr_iter_free(it);
    mr_free(text);
    return 0;
}
