/* SPDX-License-Identifier: MIT */
/*
 * Symbols: see symbols.h. Texts lie in blocks that never move, so that symbols_text() stays valid;
 * an open-addressing index of symbols, at most half full, finds them by XXH3 hash. A symbol number
 * depends on the order of interning only, never on a hash.
 */
#include "core/base/symbols.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/base/large.h"

#define BLOCK_BYTES ((size_t)64 * 1024)
#define INDEX_SLOTS_FIRST 64u
#define SYMBOLS_MAX (UINT32_MAX / 4) /* so that the index's size fits into 32 bits */

struct entry {
    const char *text;
    size_t length;
    uint64_t hash;
};

struct block {
    struct block *next;
    size_t used;
    size_t size;
    char bytes[];
};

struct symbols {
    struct entry *entries;
    uint32_t count;
    uint32_t room;
    uint32_t *index; /* symbol + 1, or 0 for an empty slot */
    uint32_t mask;   /* slots - 1 */
    struct block *blocks;
};

/* Finds the slot of a text: the one that holds it, or the empty one where it belongs. */
static uint32_t slot_of(const struct symbols *symbols, const char *text, size_t length,
                        uint64_t hash)
{
    uint32_t slot = (uint32_t)hash & symbols->mask;
    while (symbols->index[slot] != 0) {
        const struct entry *entry = &symbols->entries[symbols->index[slot] - 1];
        if (entry->hash == hash && entry->length == length &&
            memcmp(entry->text, text, length) == 0) {
            break;
        }
        slot = (slot + 1) & symbols->mask;
    }
    return slot;
}

static int resize_index(struct symbols *symbols, uint32_t slots)
{
    uint32_t *index = large_calloc(slots, sizeof *index);
    if (index == NULL) {
        return -1;
    }
    for (uint32_t i = 0; i < symbols->count; i++) {
        uint32_t slot = (uint32_t)symbols->entries[i].hash & (slots - 1);
        while (index[slot] != 0) {
            slot = (slot + 1) & (slots - 1);
        }
        index[slot] = i + 1;
    }
    large_free(symbols->index);
    symbols->index = index;
    symbols->mask = slots - 1;
    return 0;
}

/* A copy of the text with a NUL behind it, in the blocks; NULL without memory. */
static char *copy_text(struct symbols *symbols, const char *text, size_t length)
{
    struct block *block = symbols->blocks;
    if (block == NULL || block->size - block->used <= length) {
        size_t size = length < BLOCK_BYTES ? BLOCK_BYTES : length + 1;
        block = malloc(sizeof *block + size);
        if (block == NULL) {
            return NULL;
        }
        *block = (struct block){.next = symbols->blocks, .used = 0, .size = size};
        symbols->blocks = block;
    }
    char *copy = block->bytes + block->used;
    memcpy(copy, text, length);
    copy[length] = '\0';
    block->used += length + 1;
    return copy;
}

/* Makes room for one more symbol, in the entries and in the index. */
static int make_room(struct symbols *symbols)
{
    if (symbols->count >= SYMBOLS_MAX) {
        return -1;
    }
    if (symbols->count == symbols->room) {
        uint32_t room = symbols->room * 2;
        struct entry *entries = large_calloc(room, sizeof *entries);
        if (entries == NULL) {
            return -1;
        }
        memcpy(entries, symbols->entries, symbols->count * sizeof *entries);
        large_free(symbols->entries);
        symbols->entries = entries;
        symbols->room = room;
    }
    if ((symbols->count + 1) * 2 > symbols->mask + 1) {
        return resize_index(symbols, (symbols->mask + 1) * 2);
    }
    return 0;
}

struct symbols *symbols_create(void)
{
    struct symbols *symbols = calloc(1, sizeof *symbols);
    if (symbols == NULL) {
        return NULL;
    }
    symbols->room = INDEX_SLOTS_FIRST / 2;
    symbols->entries = large_calloc(symbols->room, sizeof *symbols->entries);
    if (symbols->entries == NULL || resize_index(symbols, INDEX_SLOTS_FIRST) != 0 ||
        symbols_intern_n(symbols, "", 0) != 0) {
        symbols_destroy(symbols);
        return NULL;
    }
    return symbols;
}

void symbols_destroy(struct symbols *symbols)
{
    if (symbols == NULL) {
        return;
    }
    for (struct block *block = symbols->blocks; block != NULL;) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
    large_free(symbols->entries);
    large_free(symbols->index);
    free(symbols);
}

uint32_t symbols_intern(struct symbols *symbols, const char *text)
{
    return symbols_intern_n(symbols, text, strlen(text));
}

uint32_t symbols_intern_n(struct symbols *symbols, const char *text, size_t length)
{
    uint64_t hash = XXH3_64bits(text, length);
    uint32_t slot = slot_of(symbols, text, length, hash);
    if (symbols->index[slot] != 0) {
        return symbols->index[slot] - 1;
    }
    if (make_room(symbols) != 0) {
        return SYMBOL_NONE;
    }
    char *copy = copy_text(symbols, text, length);
    if (copy == NULL) {
        return SYMBOL_NONE;
    }
    slot = slot_of(symbols, text, length, hash); /* the index may have grown */
    uint32_t symbol = symbols->count;
    symbols->entries[symbol] = (struct entry){.text = copy, .length = length, .hash = hash};
    symbols->count++;
    symbols->index[slot] = symbols->count;
    return symbol;
}

uint32_t symbols_find(const struct symbols *symbols, const char *text, size_t length)
{
    _Static_assert(SYMBOL_NONE == UINT32_MAX, "an empty slot's 0, less 1");
    return symbols->index[slot_of(symbols, text, length, XXH3_64bits(text, length))] - 1;
}

const char *symbols_text(const struct symbols *symbols, uint32_t symbol)
{
    return symbol < symbols->count ? symbols->entries[symbol].text : "?";
}

uint32_t symbols_count(const struct symbols *symbols)
{
    return symbols->count;
}
