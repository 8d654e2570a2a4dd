/* SPDX-License-Identifier: MIT */
/*
 * Symbols: strings as small integers, numbered in order of first appearance. Symbol 0 is "".
 * Not thread-safe for interning; reading is safe once nobody interns any more.
 */
#ifndef OMEGA_CORE_BASE_SYMBOLS_H
#define OMEGA_CORE_BASE_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

#define SYMBOL_NONE UINT32_MAX

struct symbols;

/* NULL without memory. symbols_destroy(NULL) is allowed. */
struct symbols *symbols_create(void);
void symbols_destroy(struct symbols *symbols);

/* The symbol of a string, made if it is new; SYMBOL_NONE without memory. The string is copied. */
uint32_t symbols_intern(struct symbols *symbols, const char *text);
uint32_t symbols_intern_n(struct symbols *symbols, const char *text, size_t length);

/* The symbol of a string, or SYMBOL_NONE if it is unknown. */
uint32_t symbols_find(const struct symbols *symbols, const char *text, size_t length);

/* The string of a symbol, owned by the table; "?" for one that was never made. */
const char *symbols_text(const struct symbols *symbols, uint32_t symbol);

/* How many symbols there are, "" included. */
uint32_t symbols_count(const struct symbols *symbols);

#endif
