/* SPDX-License-Identifier: MIT */
#ifndef CORE_SYMBOL_H
#define CORE_SYMBOL_H

/*
 * symbol.h - what an address of code is called.
 *
 * Names come from the symbol tables of the program and its libraries, as files:
 * static functions have one too. What was stripped keeps its address, which
 * addr2line understands:
 *
 *     struct mr_symbols *s = mr_symbols_new();
 *     mr_symbol_format(s, pc, false, text, sizeof text);
 *         "0x55d0c0ffee12 conn_main+0x52 (/usr/bin/millrace+0x3e12)"
 *     mr_symbols_free(s);
 *
 * Reads files and allocates: not for signal handlers.
 */
#include "core/base.h"

struct mr_symbols;

struct mr_symbol {
    const char *name; /* good until mr_symbols_free; NULL when unknown */
    uintptr_t into;   /* bytes from its beginning */
    const char *file; /* program or library; NULL: in none */
    uintptr_t offset; /* in it, as addr2line takes it */
};

/* NULL when out of memory. */
MR_MUST_USE struct mr_symbols *mr_symbols_new(void);
/* NULL does nothing. */
void mr_symbols_free(struct mr_symbols *s);

/* s NULL: nothing is known. */
void mr_symbol_find(struct mr_symbols *s, uintptr_t pc, struct mr_symbol *ret);
/* As snprintf: address, name, file, what of them is known. A return address is
 * looked up one byte earlier, in the call itself. */
void mr_symbol_format(struct mr_symbols *s, uintptr_t pc, bool is_return,
                      char *buf, size_t size);

#endif
