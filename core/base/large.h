/* SPDX-License-Identifier: MIT */
/*
 * Memory for arrays that may be large and are read here and there: in huge pages where the system
 * has them, so that each look-up does not also miss the table of pages. What nobody touches takes
 * no memory and no time: the first touch of a page can take 20 us on a virtual machine.
 */
#ifndef OMEGA_CORE_BASE_LARGE_H
#define OMEGA_CORE_BASE_LARGE_H

#include <stddef.h>

/* Memory for `count` elements of `size` bytes, all 0, at the beginning of a cache line. NULL
 * without memory, or if the product is 0 or none. large_free() releases it; NULL: nothing. */
void *large_calloc(size_t count, size_t size);
void large_free(void *memory);

#endif
