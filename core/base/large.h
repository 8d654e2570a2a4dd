/* SPDX-License-Identifier: MIT */
/*
 * Memory in huge pages, where the system has them: for arrays that may be large and are read here
 * and there, so that each look-up does not also miss the table of pages, and for the heap. What
 * nobody touches takes no memory and no time; the first touch of a small page can take 20 us on a
 * virtual machine.
 */
#ifndef OMEGA_CORE_BASE_LARGE_H
#define OMEGA_CORE_BASE_LARGE_H

#include <stddef.h>

/* Memory for `count` elements of `size` bytes, all 0, at the beginning of a cache line. NULL
 * without memory, or if the product is 0 or none. large_free() releases it; NULL: nothing. */
void *large_calloc(size_t count, size_t size);
void large_free(void *memory);

/* The same for what malloc() gives from now on, up to LARGE_HEAP_BYTES in all, but for the first
 * half MiB: short commands need no more. The heap becomes so large at once, which takes addresses
 * (and of what the system promises, where it counts that), but no memory; and never smaller. Arrays
 * that calloc() takes from it are cleared, and so touched: others are for large_calloc(). For the
 * beginning of a program, before it has threads. With another C library, or where addresses are
 * limited (RLIMIT_AS), nothing changes. */
#define LARGE_HEAP_BYTES ((size_t)64 << 20)
void large_heap(void);

#endif
