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

static void add_cases(Suite *suite)
{
    TCase *spares = tcase_create("spares");
    tcase_add_test(spares, given_back_is_at_hand);
    tcase_add_loop_test(spares, many_lie_apart, 0, 5);
    suite_add_tcase(suite, spares);
}

CHECK_MAIN("base/spares", add_cases)
