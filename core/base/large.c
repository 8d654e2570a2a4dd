/* SPDX-License-Identifier: MIT */
/* Memory for large arrays: see large.h. */
#include "core/base/large.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LINE ((size_t)64)
#define HUGE_PAGE                                                                                  \
    ((size_t)2 << 20) /* of x86-64 and most others; elsewhere it is only an alignment */
/* Where a huge page begins to pay: touching one took 0.4 ms on a virtual machine, and small ones
 * 22 us each; elsewhere both are much quicker. What the array leaves of it is lost. */
#define LARGE (HUGE_PAGE / 8)
#define PAGE ((size_t)64 << 10) /* at least a small one, on any machine */

/* In the line before the array. */
struct header {
    char *begin;  /* of the memory */
    size_t bytes; /* that are mapped; 0: from the allocator */
};

static struct header *header_of(void *array)
{
    return (struct header *)(void *)((char *)array - LINE);
}

/* Pages that are all 0 and not in memory yet, from the beginning of a huge one on. The header lies
 * in a page before, so that writing it brings none of the array's. NULL without memory. */
static void *map(size_t bytes)
{
    size_t mapped = PAGE + HUGE_PAGE + bytes;
    char *begin = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (begin == MAP_FAILED) {
        return NULL;
    }
    char *array = begin + PAGE + (-(uintptr_t)(begin + PAGE)) % HUGE_PAGE;
    (void)madvise(array, bytes, MADV_HUGEPAGE); /* refused: small pages do as well */
    *header_of(array) = (struct header){begin, mapped};
    return array;
}

static void *allocate(size_t bytes)
{
    char *begin = aligned_alloc(LINE, LINE + bytes);
    if (begin == NULL) {
        return NULL;
    }
    memset(begin, 0, LINE + bytes);
    *header_of(begin + LINE) = (struct header){begin, 0};
    return begin + LINE;
}

void *large_calloc(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes == 0 || bytes > SIZE_MAX / 2) {
        return NULL;
    }
    bool large = bytes >= LARGE;
    size_t unit = large ? HUGE_PAGE : LINE;
    bytes = (bytes + unit - 1) / unit * unit;
    return large ? map(bytes) : allocate(bytes);
}

void large_free(void *memory)
{
    if (memory == NULL) {
        return;
    }
    struct header header = *header_of(memory);
    if (header.bytes > 0) {
        (void)munmap(header.begin, header.bytes);
    } else {
        free(header.begin);
    }
}
