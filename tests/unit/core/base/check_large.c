/* SPDX-License-Identifier: MIT */
/* Memory for large arrays: zeroed, aligned, refused where it cannot be. */
#include "core/base/large.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

static void add_cases(Suite *suite)
{
    TCase *test = tcase_create("large");
    tcase_add_loop_test(test, zeroed_and_aligned, 0, sizeof sizes / sizeof *sizes);
    tcase_add_test(test, untouched_is_nowhere);
    tcase_add_test(test, refuses_what_cannot_be);
    suite_add_tcase(suite, test);
}

CHECK_MAIN("core/base/large", add_cases)
