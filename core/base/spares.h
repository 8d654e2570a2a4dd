/* SPDX-License-Identifier: MIT */
/*
 * Blocks of one size, or small ones of any, that come and go all the time: who gives one back finds
 * it at hand again. The allocator is asked only for more than there have been at once, for many
 * together, and gets them back at the end. In debug builds each block is the allocator's own, so
 * that sanitizers see who uses one that was given back, or forgets to. For one thread at a time.
 */
#ifndef OMEGA_CORE_BASE_SPARES_H
#define OMEGA_CORE_BASE_SPARES_H

#include <assert.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define SPARES_LINE alignof(max_align_t)
#define SPARES_CHUNK ((size_t)64 << 10) /* bytes that are asked for at once */

/* All 0: none yet. */
struct spares {
    void *first;  /* each begins with the next */
    void *chunks; /* so do these */
    char *rest;   /* of the first of them */
    size_t left;  /* bytes */
};

/* A block that was never given out; NULL without memory. */
static inline void *spares_cut(struct spares *spares, size_t size)
{
    const size_t bytes = (size + SPARES_LINE - 1) / SPARES_LINE * SPARES_LINE;
    assert(bytes <= SPARES_CHUNK - SPARES_LINE);
    if (spares->left < bytes) {
        char *chunk = malloc(SPARES_CHUNK);
        if (chunk == NULL) {
            return NULL;
        }
        memcpy(chunk, &spares->chunks, sizeof spares->chunks);
        spares->chunks = chunk;
        spares->rest = chunk + SPARES_LINE;
        spares->left = SPARES_CHUNK - SPARES_LINE;
    }
    char *block = spares->rest;
    spares->rest += bytes;
    spares->left -= bytes;
    return block;
}

/* A block of `size` bytes, at least a pointer's, at most some thousand and each time the same,
 * aligned as malloc() does it. NULL without memory. */
static inline void *spares_take(struct spares *spares, size_t size)
{
#ifdef OMEGA_DEBUG
    (void)spares;
    return malloc(size);
#else
    void *block = spares->first;
    if (block == NULL) {
        return spares_cut(spares, size);
    }
    memcpy(&spares->first, block, sizeof spares->first);
    return block;
#endif
}

/* Takes a block back that spares_take() gave. */
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

/* Frees all blocks, when the last one has been given back. */
static inline void spares_free(struct spares *spares)
{
    while (spares->chunks != NULL) {
        void *chunk = spares->chunks;
        memcpy(&spares->chunks, chunk, sizeof spares->chunks);
        free(chunk);
    }
    *spares = (struct spares){.first = NULL};
}

#define SPARE_SIZES_LEAST 6u /* 64 bytes, as a power of two */
#define SPARE_SIZES_COUNT 6u /* up to 2 KiB */

/* Small blocks of any size, each in one of the least power of two that holds it. All 0: none. */
struct spare_sizes {
    struct spares of[SPARE_SIZES_COUNT];
};

/* Where a block of `size` bytes comes from; SPARE_SIZES_COUNT: from the allocator. */
static inline unsigned spare_sizes_which(size_t size)
{
    const size_t least = (size_t)1 << SPARE_SIZES_LEAST;
    const unsigned which =
        size <= least ? 0 : 64u - SPARE_SIZES_LEAST - (unsigned)__builtin_clzll(size - 1);
    return which < SPARE_SIZES_COUNT ? which : SPARE_SIZES_COUNT;
}

/* A block of `size` bytes; `sizes` may be NULL: one of the allocator's. NULL without memory. */
static inline void *spare_sizes_take(struct spare_sizes *sizes, size_t size)
{
#ifdef OMEGA_DEBUG
    (void)sizes;
    return malloc(size); /* not larger than was asked for */
#else
    const unsigned which = spare_sizes_which(size);
    return sizes == NULL || which == SPARE_SIZES_COUNT
               ? malloc(size)
               : spares_take(&sizes->of[which], (size_t)1 << (which + SPARE_SIZES_LEAST));
#endif
}

/* Takes back what spare_sizes_take() gave for the same `sizes` and `size`; NULL is allowed. */
static inline void spare_sizes_give(struct spare_sizes *sizes, void *block, size_t size)
{
    const unsigned which = spare_sizes_which(size);
    if (sizes == NULL || which == SPARE_SIZES_COUNT) {
        free(block);
    } else if (block != NULL) {
        spares_give(&sizes->of[which], block);
    }
}

/* Frees all blocks, when the last one has been given back. */
static inline void spare_sizes_free(struct spare_sizes *sizes)
{
    for (unsigned which = 0; which < SPARE_SIZES_COUNT; which++) {
        spares_free(&sizes->of[which]);
    }
}

#endif
