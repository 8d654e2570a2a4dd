/* SPDX-License-Identifier: MIT */
/*
 * Blocks of one size that come and go all the time: who gives one back finds it at hand again. The
 * allocator is asked only for more than there have been at once, and gets none back before the end.
 * In debug builds each block is the allocator's own, so that sanitizers see who uses one that was
 * given back. For one thread at a time.
 */
#ifndef OMEGA_CORE_BASE_SPARES_H
#define OMEGA_CORE_BASE_SPARES_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* All 0: none yet. */
struct spares {
    void *first; /* each begins with the next */
};

/* A block of `size` bytes, at least a pointer's and each time the same, aligned as malloc() does
 * it. NULL without memory. */
static inline void *spares_take(struct spares *spares, size_t size)
{
    void *block = spares->first;
    if (block == NULL) {
        return malloc(size);
    }
    memcpy(&spares->first, block, sizeof spares->first);
    return block;
}

/* Takes a block back that spares_take() gave, or malloc() of the same size. */
static inline void spares_give(struct spares *spares, void *block)
{
#ifdef OMEGA_DEBUG
    (void)spares;
    free(block);
#else
    memcpy(block, &spares->first, sizeof spares->first);
    spares->first = block;
#endif
}

/* Frees what was given back; of the others nothing is known here. */
static inline void spares_free(struct spares *spares)
{
    while (spares->first != NULL) {
        void *block = spares->first;
        memcpy(&spares->first, block, sizeof spares->first);
        free(block);
    }
}

#endif
