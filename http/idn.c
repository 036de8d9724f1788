/* SPDX-License-Identifier: MIT */

/*
 * idn.c - host names in other scripts (http/idn.h).
 *
 * This is libidn2's door.
 */
#include "http/idn.h"

#include <errno.h>
#include <idn2.h>

/* Of UTF-8: a name has 253 characters in DNS, and this is more than any of
 * those is made of. */
#define NAME_MAX_BYTES 1024

int mr_idn_to_ascii(struct mr_arena *arena, struct mr_str name,
                    struct mr_str *ret)
{
    uint8_t *ascii = NULL;
    bool foreign = false;
    char text[NAME_MAX_BYTES + 1];
    int rc;

    for (size_t i = 0; i < name.n; i++)
        foreign |= (unsigned char)name.p[i] >= 0x80;
    if (!foreign) {
        *ret = name;
        return 0;
    }
    if (name.n > NAME_MAX_BYTES || memchr(name.p, 0, name.n))
        return -EINVAL;
    memcpy(text, name.p, name.n);
    text[name.n] = '\0';
    rc = idn2_lookup_u8((const uint8_t *)text, &ascii,
                        IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    if (rc != IDN2_OK)
        return rc == IDN2_MALLOC ? -ENOMEM : -EINVAL;
    *ret = mr_str(mr_arena_dup(arena, mr_str((const char *)ascii)));
    idn2_free(ascii);
    return ret->p ? 0 : -ENOMEM;
}
