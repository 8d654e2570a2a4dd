/* SPDX-License-Identifier: MIT */
/*
 * Memory for arrays that may be large and are read here and there: in huge pages where the system
 * has them, so that each look-up does not also miss the table of pages.
 */
#ifndef OMEGA_CORE_BASE_LARGE_H
#define OMEGA_CORE_BASE_LARGE_H

#include <stddef.h>

/* Memory for `count` elements of `size` bytes, all 0, at the beginning of a cache line; free()
 * releases it. NULL without memory, or if the product is 0 or none. */
void *large_calloc(size_t count, size_t size);

#endif
