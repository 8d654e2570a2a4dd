/* SPDX-License-Identifier: MIT */
/* Memory for large arrays: see large.h. */
#include "core/base/large.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LINE ((size_t)64)
#define HUGE_PAGE                                                                                  \
    ((size_t)2 << 20) /* of x86-64 and most others; elsewhere it is only an alignment */

void *large_calloc(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes == 0 || bytes > SIZE_MAX / 2) {
        return NULL;
    }
    size_t align = bytes < HUGE_PAGE / 2 ? LINE : HUGE_PAGE; /* half of one may be left over */
    bytes = (bytes + align - 1) / align * align;
    void *memory = aligned_alloc(align, bytes);
    if (memory == NULL) {
        return NULL;
    }
    if (align == HUGE_PAGE) {
        (void)madvise(memory, bytes, MADV_HUGEPAGE); /* refused: small pages do as well */
    }
    return memset(memory, 0, bytes);
}
