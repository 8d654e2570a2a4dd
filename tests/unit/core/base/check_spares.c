/* SPDX-License-Identifier: MIT */
/* Blocks that come and go: those given back are given out again, and all are freed once. */
#include "core/base/spares.h"

#include "tests/support/check_main.h"

enum {
    BLOCKS = 20,
    BYTES = 40
};

START_TEST(given_back_is_at_hand)
{
    struct spares spares = {.first = NULL};
    unsigned char *blocks[BLOCKS];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < BLOCKS; i++) {
            blocks[i] = spares_take(&spares, BYTES);
            ck_assert_ptr_nonnull(blocks[i]);
            memset(blocks[i], i, BYTES);
        }
        for (int i = 0; i < BLOCKS; i++) { /* none lies in another */
            ck_assert_int_eq(blocks[i][0], i);
            ck_assert_int_eq(blocks[i][BYTES - 1], i);
        }
        for (int i = 0; i < BLOCKS; i++) {
            spares_give(&spares, blocks[i]);
        }
    }
#ifdef OMEGA_DEBUG
    ck_assert_ptr_null(spares.first);
#else
    ck_assert_ptr_eq(spares_take(&spares, BYTES), blocks[BLOCKS - 1]);
    ck_assert_ptr_eq(spares_take(&spares, BYTES), blocks[BLOCKS - 2]);
#endif
    spares_free(&spares);
    ck_assert_ptr_null(spares.first);
    spares_free(&spares);
}
END_TEST

/* More than are asked for at once, of sizes that do not divide it: none reaches into another, or
 * beyond. */
START_TEST(many_lie_apart)
{
    static const size_t sizes[] = {sizeof(void *), 17, 40, 391, 4096};
    const size_t size = sizes[_i];
    const size_t count = 3 * SPARES_CHUNK / size;
    struct spares spares = {.first = NULL};
    unsigned char **blocks = malloc(count * sizeof *blocks);
    ck_assert_ptr_nonnull(blocks);
    for (size_t i = 0; i < count; i++) {
        blocks[i] = spares_cut(&spares, size); /* not malloc(), as in debug builds */
        ck_assert_ptr_nonnull(blocks[i]);
        ck_assert_uint_eq((uintptr_t)blocks[i] % SPARES_LINE, 0);
        memset(blocks[i], (int)(i % 251), size);
    }
    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_eq(blocks[i][0], i % 251);
        ck_assert_uint_eq(blocks[i][size - 1], i % 251);
    }
    free(blocks);
    spares_free(&spares);
}
END_TEST

/* Blocks of any size: as large as was asked for, and given out again to who asks for about as much;
 * those that are too large, and all without `sizes`, are the allocator's. */
START_TEST(of_any_size)
{
    struct spare_sizes sizes = {.of = {{.first = NULL}}};
    const size_t largest = (size_t)1 << (SPARE_SIZES_LEAST + SPARE_SIZES_COUNT - 1);
    for (size_t size = 1; size < 3 * largest; size += size / 3 + 1) {
        unsigned char *block = spare_sizes_take(_i == 0 ? &sizes : NULL, size);
        unsigned char *beside = spare_sizes_take(_i == 0 ? &sizes : NULL, size);
        ck_assert(block != NULL && beside != NULL);
        memset(block, 1, size);
        memset(beside, 2, size);
        ck_assert_int_eq(block[0] + block[size - 1], 2);
        spare_sizes_give(_i == 0 ? &sizes : NULL, block, size);
#ifndef OMEGA_DEBUG
        if (_i == 0 && size <= largest) {
            void *again = spare_sizes_take(&sizes, size);
            ck_assert_ptr_eq(again, block);
            spare_sizes_give(&sizes, again, size);
        }
#endif
        spare_sizes_give(_i == 0 ? &sizes : NULL, beside, size);
    }
    static const size_t edges[][2] = {{0, 0}, {1, 0}, {64, 0}, {65, 1}, {128, 1}, {129, 2}};
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        ck_assert_uint_eq(spare_sizes_which(edges[i][0]), edges[i][1]);
    }
    ck_assert_uint_eq(spare_sizes_which(largest), SPARE_SIZES_COUNT - 1);
    ck_assert_uint_eq(spare_sizes_which(largest + 1), SPARE_SIZES_COUNT);
    spare_sizes_give(&sizes, NULL, 1);
    spare_sizes_free(&sizes);
}
END_TEST

static void add_cases(Suite *suite)
{
    TCase *spares = tcase_create("spares");
    tcase_add_test(spares, given_back_is_at_hand);
    tcase_add_loop_test(spares, many_lie_apart, 0, 5);
    tcase_add_loop_test(spares, of_any_size, 0, 2);
    suite_add_tcase(suite, spares);
}

CHECK_MAIN("base/spares", add_cases)
