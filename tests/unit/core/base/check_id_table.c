/* SPDX-License-Identifier: MIT */
/* A map from ids: against an array of what should be in it. */
#include <stdbool.h>

#include "core/base/id_table.h"
#include "core/base/random.h"

#include "tests/support/check_main.h"

enum {
    IDS = 1000,
    STEPS = 20000
};

/* Sparse ids, too: each `stride` apart. */
static const uint64_t strides[] = {1, 3, ID_PAGE, ID_PAGE + 1, UINT64_C(1) << 40};

static char values[IDS];

/* All that is there comes once, and nothing else. */
static void check_all(const struct id_table *table, const bool *there)
{
    bool seen[IDS] = {false};
    size_t at = 0;
    for (const char *value; (value = id_table_next(table, &at)) != NULL;) {
        ck_assert(there[value - values]);
        ck_assert(!seen[value - values]);
        seen[value - values] = true;
    }
    for (int i = 0; i < IDS; i++) {
        ck_assert_int_eq(seen[i], there[i]);
    }
}

START_TEST(holds_what_was_put)
{
    struct id_table table = {.pages = {.slots = NULL}};
    const uint64_t stride = strides[_i];
    bool there[IDS] = {false};
    struct omega_random random;
    omega_random_init(&random, 1, "ids", (uint64_t)_i);
    for (int step = 0; step < STEPS; step++) {
        const uint32_t i = omega_random_below(&random, IDS);
        const uint64_t id = 1 + i * stride;
        ck_assert_ptr_eq(id_table_get(&table, id), there[i] ? &values[i] : NULL);
        if (there[i]) {
            id_table_remove(&table, id);
        } else {
            ck_assert_int_eq(id_table_put(&table, id, &values[i]), 0);
        }
        there[i] = !there[i];
    }
    check_all(&table, there);
    for (uint32_t i = 0; i < IDS; i++) {
        ck_assert_ptr_eq(id_table_get(&table, 1 + i * stride), there[i] ? &values[i] : NULL);
        if (there[i]) {
            id_table_remove(&table, 1 + i * stride);
        }
    }
    ck_assert_uint_eq(table.pages.count, 0); /* no page stays behind */
    ck_assert_ptr_null(id_table_next(&table, &(size_t){0}));
    id_table_clear(&table);
}
END_TEST

START_TEST(largest_ids)
{
    struct id_table table = {.pages = {.slots = NULL}};
    ck_assert_ptr_null(id_table_get(&table, UINT64_MAX));
    ck_assert_int_eq(id_table_put(&table, UINT64_MAX, &values[1]), 0);
    ck_assert_int_eq(id_table_put(&table, UINT64_MAX - 1, &values[2]), 0);
    ck_assert_ptr_eq(id_table_get(&table, UINT64_MAX), &values[1]);
    ck_assert_ptr_eq(id_table_get(&table, UINT64_MAX - 1), &values[2]);
    ck_assert_ptr_null(id_table_get(&table, 1));
    id_table_clear(&table); /* with values in it */
    ck_assert_ptr_null(id_table_get(&table, UINT64_MAX));
}
END_TEST

static void add_cases(Suite *suite)
{
    TCase *ids = tcase_create("ids");
    tcase_add_loop_test(ids, holds_what_was_put, 0, sizeof strides / sizeof *strides);
    tcase_add_test(ids, largest_ids);
    suite_add_tcase(suite, ids);
}

CHECK_MAIN("base/id_table", add_cases)
