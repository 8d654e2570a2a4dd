/* SPDX-License-Identifier: MIT */
/* Memory for large arrays: zeroed, aligned, refused where it cannot be; a large heap. */
#include "core/base/large.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/support/check_main.h"

#define UNTOUCHED (8u << 20)

static const size_t sizes[] = {
    1, 63, 64, 4096, (256u << 10) - 1, 256u << 10, (2u << 20) - 1, 2u << 20, (5u << 20) + 1};

START_TEST(zeroed_and_aligned)
{
    for (int round = 0; round < 2; round++) { /* the second gets what the first has written */
        unsigned char *memory = large_calloc(sizes[_i], 1);
        ck_assert_ptr_nonnull(memory);
        ck_assert_uint_eq((uintptr_t)memory % 64, 0);
        ck_assert_uint_eq(memory[0], 0);
        ck_assert_int_eq(memcmp(memory, memory + 1, sizes[_i] - 1), 0);
        memset(memory, 0xa5, sizes[_i]);
        large_free(memory);
    }
}
END_TEST

/* Pages of an array that are in memory. */
static size_t resident(void *memory, size_t bytes)
{
    static unsigned char pages[UNTOUCHED / 4096];
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t count = 0;
    ck_assert_int_eq(mincore(memory, bytes, pages), 0);
    for (size_t i = 0; i < bytes / page; i++) {
        count += pages[i] & 1;
    }
    return count;
}

/* What nobody touches takes no memory, and what is touched a huge page at most. */
START_TEST(untouched_is_nowhere)
{
    char *memory = large_calloc(UNTOUCHED, 1);
    ck_assert_ptr_nonnull(memory);
    ck_assert_uint_eq(resident(memory, UNTOUCHED), 0);
    memory[UNTOUCHED / 2] = 1;
    size_t count = resident(memory, UNTOUCHED);
    ck_assert_uint_ge(count, 1);
    ck_assert_uint_le(count, UNTOUCHED / 4 / (size_t)sysconf(_SC_PAGESIZE));
    large_free(memory);
    large_free(NULL);
}
END_TEST

START_TEST(refuses_what_cannot_be)
{
    ck_assert_ptr_null(large_calloc(0, 8));
    ck_assert_ptr_null(large_calloc(SIZE_MAX / 4, 8));
    ck_assert_ptr_null(large_calloc(SIZE_MAX - 1, 1));
    ck_assert_ptr_null(large_calloc(SIZE_MAX / 4, 1)); /* no system has room for it */
}
END_TEST

/* Most sanitizers, and valgrind, bring an allocator of their own. */
static bool malloc_is_another(void)
{
#ifdef OMEGA_DEBUG
    return true;
#else
    return getenv("OMEGA_SLOW") != NULL;
#endif
}

/* The heap grows once, of which nothing is in memory, and does not shrink. */
START_TEST(heap_is_large_at_once)
{
    char *before = sbrk(0);
    large_heap();
    char *end = sbrk(0);
    if (malloc_is_another()) {
        printf("skip - the heap (malloc() is not that of the C library)\n");
        return;
    }
    ck_assert_int_ge(end - before, (ptrdiff_t)LARGE_HEAP_BYTES);
    char *behind = end - (uintptr_t)end % UNTOUCHED - UNTOUCHED;
    ck_assert_uint_eq(resident(behind, UNTOUCHED), 0);
    char *block = malloc(UNTOUCHED);
    ck_assert_ptr_nonnull(block);
    ck_assert(block >= before && block + UNTOUCHED <= end);
    memset(block, 1, UNTOUCHED);
    free(block);
    ck_assert_ptr_eq(sbrk(0), end);
}
END_TEST

/* Where addresses are limited, all stays as it is. */
START_TEST(limited_heap_is_left_alone)
{
    struct rlimit limit = {.rlim_cur = (rlim_t)1 << 40, .rlim_max = (rlim_t)1 << 40};
    if (malloc_is_another()) { /* and wants more addresses than these */
        printf("skip - a limited heap (malloc() is not that of the C library)\n");
        return;
    }
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
    char *before = sbrk(0);
    large_heap();
    ck_assert_ptr_eq(sbrk(0), before);
}
END_TEST

static void add_cases(Suite *suite)
{
    TCase *test = tcase_create("large");
    tcase_add_loop_test(test, zeroed_and_aligned, 0, sizeof sizes / sizeof *sizes);
    tcase_add_test(test, untouched_is_nowhere);
    tcase_add_test(test, heap_is_large_at_once);
    tcase_add_test(test, limited_heap_is_left_alone);
    tcase_add_test(test, refuses_what_cannot_be);
    suite_add_tcase(suite, test);
}

CHECK_MAIN("core/base/large", add_cases)
