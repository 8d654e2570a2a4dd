/* SPDX-License-Identifier: MIT */
/*
 * A pool: memory of many small things that end together, such as all parts of one point.
 */
#ifndef OMEGA_CORE_EXPERIMENT_POOL_H
#define OMEGA_CORE_EXPERIMENT_POOL_H

#include <stddef.h>

struct pool_block;

/* Starts zeroed: struct pool pool = {0}. */
struct pool {
    struct pool_block *blocks;
};

/* `count` zeroed entries of `size` bytes, freed with the pool; NULL without memory, also where
 * count x size overflows. A count of 0 gives a pointer that may not be followed. */
void *pool_alloc(struct pool *pool, size_t count, size_t size);

/* A copy of a string; NULL without memory. */
char *pool_text(struct pool *pool, const char *text);

/* printf into the pool; NULL without memory. */
char *pool_format(struct pool *pool, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Frees all blocks and leaves the pool empty. */
void pool_release(struct pool *pool);

#endif
