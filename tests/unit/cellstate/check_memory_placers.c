/* SPDX-License-Identifier: MIT */
/* The last two placers of machines, beside a plain list of them: whatever is recent, and whichever
 * instances there are, they come out as they were entered. */
#include "cellstate/memory_placers.h"

#include <stdlib.h>
#include <string.h>

#include "cellstate/store.h"
#include "core/base/error.h"
#include "core/base/random.h"
#include "core/model/machine.h"
#include "core/model/claim.h"
#include "tests/unit/cellstate/plain_fixture.h"

enum {
    MACHINES = 37,
    STEPS = 6000
};

static struct omega_entry entries[MACHINES];
static struct placers placers;
static struct placers_pair wanted[MACHINES];

static void begin(void)
{
    memset(entries, 0, sizeof entries);
    placers_open(&placers, entries, MACHINES);
    for (int m = 0; m < MACHINES; m++) {
        wanted[m] = (struct placers_pair){.by = {OMEGA_INSTANCE_NONE, OMEGA_INSTANCE_NONE}};
    }
}

static void end(void)
{
    placers_close(&placers);
}

static void same(void)
{
    for (uint32_t m = 0; m < MACHINES; m++) {
        const struct placers_pair got = placers_get(&placers, m);
        for (int i = 0; i < 2; i++) {
            ck_assert_uint_eq(got.by[i], wanted[m].by[i]);
            ck_assert_uint_eq(got.version[i], wanted[m].version[i]);
        }
    }
}

static void want(uint32_t machine, uint16_t instance, uint64_t version)
{
    struct placers_pair *pair = &wanted[machine];
    if (pair->by[0] != instance) {
        pair->by[1] = pair->by[0];
        pair->version[1] = pair->version[0];
    }
    pair->by[0] = instance;
    pair->version[0] = version;
}

/* A transaction's placements, by whichever way its instance has to go. Returns true if that is the
 * short one. */
static bool place(uint16_t instance, uint64_t version, const uint32_t *machines, uint32_t count)
{
    ck_assert_int_eq(placers_reserve(&placers, instance, version), OMEGA_OK);
    const uint32_t half = placers_half(&placers, instance, version);
    for (uint32_t i = 0; i < count; i++) {
        if (half != 0) {
            placers_enter_recent(&entries[machines[i]], half);
        } else {
            placers_enter(&placers, machines[i], instance, version);
        }
        want(machines[i], instance, version);
    }
    return half != 0;
}

static bool place_one(uint16_t instance, uint64_t version, uint32_t machine)
{
    return place(instance, version, &machine, 1);
}

START_TEST(nobody_at_first)
{
    same();
    ck_assert_uint_eq(placers_get(&placers, 0).version[0], 0);
    ck_assert_uint_eq(placers_get(&placers, 0).by[1], OMEGA_INSTANCE_NONE);
}
END_TEST

/* All in 8 bytes a machine, as long as nothing is old. */
START_TEST(recent_ones_need_no_more)
{
    for (uint64_t version = 1; version < PLACERS_RECENT; version = version * 3 + 1) {
        ck_assert(place_one((uint16_t)(version % 5), version, (uint32_t)version % MACHINES));
    }
    ck_assert(place_one(PLACERS_INSTANCES - 1, PLACERS_RECENT - 1, 1));
    same();
    ck_assert_ptr_null(placers.apart);
}
END_TEST

/* The edges of what is recent: instance and version are the last that fit, or the first that do
 * not. */
START_TEST(edges)
{
    static const struct {
        uint16_t instance;
        uint64_t version;
        bool recent;
    } cases[] = {
        {0, 1, true},
        {PLACERS_INSTANCES - 1, 2, true},
        {PLACERS_INSTANCES, 3, false},
        {PLACERS_INSTANCES + 1, 4, false},
        {OMEGA_INSTANCE_NONE - 1, 5, false},
        {OMEGA_INSTANCE_NONE, 6, false},
        {7, PLACERS_RECENT - 1, true},
        {7, PLACERS_RECENT, true}, /* the base has moved */
        {7, OMEGA_VERSION_MAX, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_msg(place_one(cases[i].instance, cases[i].version, 3) == cases[i].recent,
                      "case %zu", i);
        same();
    }
}
END_TEST

/* What is old is still told, whoever comes next: the same instance, another one, the one before. */
START_TEST(old_ones_are_kept)
{
    const uint64_t later = 5 * (uint64_t)PLACERS_RECENT;
    for (uint32_t m = 0; m < 8; m++) {
        place_one(1, 10 + m, m);
    }
    for (uint32_t m = 2; m < 8; m++) {
        place_one(2, 20 + m, m);
    }
    place_one(9, later, MACHINES - 1);
    ck_assert_ptr_nonnull(placers.apart);
    same();
    for (uint32_t m = 0; m < 8; m++) {
        place_one((uint16_t)(1 + m % 3), later + 1 + m, m);
        same();
        place_one((uint16_t)(1 + m / 3), later + 20 + m, m);
        same();
    }
}
END_TEST

/* Which instance, among few and many, and near the edges. */
static uint16_t some_instance(struct omega_random *random)
{
    const uint32_t near = PLACERS_INSTANCES - 2 + omega_random_below(random, 5);
    switch (omega_random_below(random, 4)) {
    case 0:
        return (uint16_t)near;
    case 1:
        return (uint16_t)(OMEGA_INSTANCE_NONE - omega_random_below(random, 3));
    default:
        return (uint16_t)omega_random_below(random, 3);
    }
}

/* A pair that is taken out and put back, as by a machine event, is the same. */
static void put_back(uint32_t machine)
{
    const struct placers_pair pair = placers_get(&placers, machine);
    placers_put(&placers, machine, &pair);
}

START_TEST(as_a_plain_list)
{
    struct omega_random random;
    uint64_t version = 0;
    uint32_t moves = 0;
    omega_random_init(&random, (uint64_t)_i, "placers", 0);
    for (int step = 0; step < STEPS; step++) {
        uint32_t machines[8];
        const uint32_t count = 1 + omega_random_below(&random, 8);
        for (uint32_t i = 0; i < count; i++) {
            machines[i] = omega_random_below(&random, MACHINES);
        }
        version +=
            1 + (omega_random_below(&random, 50) == 0 ? omega_random_below(&random, PLACERS_RECENT)
                                                      : omega_random_below(&random, 100));
        const uint64_t base = placers.base;
        const uint16_t instance =
            _i == 0 ? (uint16_t)omega_random_below(&random, 4) : some_instance(&random);
        place(instance, version, machines, count);
        put_back(omega_random_below(&random, MACHINES));
        moves += placers.base != base;
        same();
    }
    ck_assert_uint_gt(moves, 10);
}
END_TEST

/* ---- in a store ---- */

/* Commits one task of a job of its own to the machine of a cell. */
static uint64_t commit_one(struct store *store, uint64_t id, uint16_t instance)
{
    const uint32_t machine = 0;
    plain_submit(store, id, 1, (struct omega_request){.cpu_milli = 1, .mem_mib = 1});
    const struct omega_result result = plain_commit(store, id, 1, &machine, instance);
    ck_assert_uint_eq(result.accepted, 1);
    return result.version;
}

/* Uses up versions. */
static void pass(struct store *store, uint32_t versions)
{
    omega_error_t err;
    for (uint32_t i = 0; i < versions; i++) {
        const struct omega_machine_event event = {
            .kind = i % 2 == 0 ? OMEGA_EVENT_DRAIN : OMEGA_EVENT_UNDRAIN, .machine = 0};
        const struct store_release_result *lost;
        uint32_t count;
        uint64_t version;
        ck_assert_int_eq(
            store_machine_event(store, &event, STORE_LOST_FAIL, &lost, &count, &version, &err),
            OMEGA_OK);
    }
}

/* A store makes room before it places: for versions that go on and on, and for any instance. */
START_TEST(a_store_tells_its_placers)
{
    static const uint16_t instances[] = {3, PLACERS_INSTANCES, 3, 4, 60000, 60000, 5};
    const struct omega_machine_spec spec = {.name = 1, .cpu_milli = 4000, .mem_mib = 4096};
    struct store_config config = {
        .machines = &spec,
        .machine_count = 1,
        .overcommit = {1000, 1000, 1000},
    };
    /* so many versions take ten minutes under valgrind */
    const uint32_t many = getenv("OMEGA_SLOW") != NULL ? 4 : PLACERS_RECENT - 2;
    struct catalogue *catalogue = catalogue_create();
    struct store *store = NULL;
    struct omega_machine machine;
    omega_error_t err;
    config.catalogue = catalogue;
    ck_assert_int_eq(store_open_memory(&config, &store, &err), OMEGA_OK);
    for (uint32_t i = 0; i < sizeof instances / sizeof *instances; i++) {
        want(0, instances[i], commit_one(store, i + 1, instances[i]));
        pass(store, i % 2 == 0 ? 2 : many);
        ck_assert_int_eq(store_machine(store, 0, &machine, &err), OMEGA_OK);
        for (int k = 0; k < 2; k++) {
            ck_assert_uint_eq(machine.placed_by[k], wanted[0].by[k]);
            ck_assert_uint_eq(machine.placed_version[k], wanted[0].version[k]);
        }
    }
    store_close(store);
    catalogue_destroy(catalogue);
}
END_TEST

static void add_cases(Suite *suite)
{
    TCase *tcase = tcase_create("memory_placers");
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, nobody_at_first);
    tcase_add_test(tcase, recent_ones_need_no_more);
    tcase_add_test(tcase, edges);
    tcase_add_test(tcase, old_ones_are_kept);
    tcase_add_loop_test(tcase, as_a_plain_list, 0, 4);
    tcase_add_test(tcase, a_store_tells_its_placers);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
}

CHECK_MAIN("cellstate/memory_placers", add_cases)
