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
    free(blocks[BLOCKS - 1]);
    free(blocks[BLOCKS - 2]);
#endif
    spares_free(&spares);
    ck_assert_ptr_null(spares.first);
    spares_free(&spares);
}
END_TEST

static void add_cases(Suite *suite)
{
    TCase *spares = tcase_create("spares");
    tcase_add_test(spares, given_back_is_at_hand);
    suite_add_tcase(suite, spares);
}

CHECK_MAIN("base/spares", add_cases)
