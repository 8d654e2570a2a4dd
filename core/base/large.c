/* SPDX-License-Identifier: MIT */
/* Memory for large arrays, and a large heap: see large.h. */
#include "core/base/large.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/cache.h"

#define HUGE_PAGE                                                                                  \
    ((size_t)2 << 20) /* of x86-64 and most others; elsewhere it is only an alignment */
/* Where a huge page begins to pay: touching one took 0.4 ms on a virtual machine, and small ones
 * 22 us each; elsewhere both are much quicker. What the array leaves of it is lost. */
#define LARGE (HUGE_PAGE / 8)
#define PAGE ((size_t)64 << 10) /* at least a small one, on any machine */

#define HEAP_ARRAY_MAX                                                                             \
    (32 << 20) /* larger ones are mapped where the heap has no room for them; the
                                     library takes no more here */
#define HEAP_GROWTH (1 << 20)
#define HEAP_SMALL ((size_t)512 << 10) /* more than a heap has at the beginning of a program */

/* In the line before the array. */
struct header {
    char *begin;  /* of the memory */
    size_t bytes; /* that are mapped; 0: from the allocator */
};

static struct header *header_of(void *array)
{
    return (struct header *)(void *)((char *)array - CACHE_LINE);
}

/* Bytes from here to the beginning of a huge page. */
static size_t to_huge_page(const char *address)
{
    return -(uintptr_t)address % HUGE_PAGE;
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
    char *array = begin + PAGE + to_huge_page(begin + PAGE);
    (void)madvise(array, bytes, MADV_HUGEPAGE); /* refused: small pages do as well */
    *header_of(array) = (struct header){begin, mapped};
    return array;
}

static void *allocate(size_t bytes)
{
    char *begin = aligned_alloc(CACHE_LINE, CACHE_LINE + bytes);
    if (begin == NULL) {
        return NULL;
    }
    memset(begin, 0, CACHE_LINE + bytes);
    *header_of(begin + CACHE_LINE) = (struct header){begin, 0};
    return begin + CACHE_LINE;
}

void *large_calloc(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes == 0 || bytes > SIZE_MAX / 2) {
        return NULL;
    }
    bool large = bytes >= LARGE;
    size_t unit = large ? HUGE_PAGE : CACHE_LINE;
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

#ifdef __GLIBC__
static bool addresses_are_limited(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur != RLIM_INFINITY;
}

void large_heap(void)
{
    /* setting one of them ends that the library fits them to what is freed: so all are set */
    if (addresses_are_limited() || mallopt(M_MMAP_THRESHOLD, HEAP_ARRAY_MAX) == 0 ||
        mallopt(M_TRIM_THRESHOLD, -1) == 0 || mallopt(M_TOP_PAD, (int)LARGE_HEAP_BYTES) == 0) {
        return;
    }
    /* growing writes in front of a block and behind it: there the pages remain small */
    char *small = sbrk(0);
    size_t gap = to_huge_page(small + HEAP_SMALL);
    void *volatile block = sbrk((intptr_t)gap) == (void *)-1 ? NULL : malloc(HEAP_SMALL / 2);
    free(block);
    mallopt(M_TOP_PAD, HEAP_GROWTH);
    char *begin = small + gap + HEAP_SMALL;
    char *end = sbrk(0);
    if (end > begin) {
        (void)madvise(begin, (size_t)(end - begin), MADV_HUGEPAGE);
    }
}
#else
void large_heap(void)
{
}
#endif
