/* SPDX-License-Identifier: MIT */
/*
 * A small cell for the tests of this folder: identical machines, jobs of one group, and short ways
 * to claim, commit and release that assert what has to go well.
 */
#ifndef OMEGA_TESTS_UNIT_CELLSTATE_CELL_FIXTURE_H
#define OMEGA_TESTS_UNIT_CELLSTATE_CELL_FIXTURE_H

#include <string.h>

#include "cellstate/store_view.h"
#include "tests/support/check_main.h"
#include "tests/support/store_factory.h"

#define CELL_MACHINES 4u
#define CELL_CLAIMS_MAX 16u

/* What cell_commit() reads and writes. */
struct cell_txn {
    struct omega_transaction txn;
    struct omega_claim claims[CELL_CLAIMS_MAX];
    uint32_t minimum[2];
    struct omega_claim_result results[CELL_CLAIMS_MAX];
    struct omega_result result;
};

struct cell {
    struct catalogue *catalogue;
    struct omega_machine_spec specs[CELL_MACHINES];
    struct store_config config;
    struct store *store;
    struct cell_txn t;
    omega_error_t err;
};

/* Four machines with 4 cores, 4096 MiB and 2 GPU devices; machine 3 starts down. */
static inline void cell_describe(struct cell *cell)
{
    memset(cell, 0, sizeof(*cell));
    cell->catalogue = catalogue_create();
    ck_assert_ptr_nonnull(cell->catalogue);
    for (uint32_t m = 0; m < CELL_MACHINES; m++) {
        cell->specs[m] = (struct omega_machine_spec){
            .name = m + 1,
            .platform = 10 + m,
            .domain = 20 + m,
            .cpu_milli = 4000,
            .mem_mib = 4096,
            .gpu_devices = 2,
            .absent = m == 3,
        };
    }
    cell->config = (struct store_config){
        .catalogue = cell->catalogue,
        .machines = cell->specs,
        .machine_count = CELL_MACHINES,
        .overcommit = {1000, 1000, 1000},
    };
}

/* Opens what cell_describe() and the test have described. */
static inline void cell_start(struct cell *cell, int factory)
{
    int rc = store_factory_at(factory)->open(&cell->config, &cell->store, &cell->err);
    ck_assert_msg(rc == 0, "%s", cell->err.text);
}

static inline void cell_open(struct cell *cell, int factory)
{
    cell_describe(cell);
    cell_start(cell, factory);
}

static inline void cell_close(struct cell *cell)
{
    struct store_report report = {0};
    ck_assert_int_eq(store_check(cell->store, &report, &cell->err), 0);
    ck_assert_msg(report.violations == 0, "%s", report.first);
    store_close(cell->store);
    catalogue_destroy(cell->catalogue);
}

/* Submits a job of one group (or two alike, with `groups` 2) of `count` required and `optional`
 * further tasks each. */
static inline void cell_submit_groups(struct cell *cell, uint64_t id, uint32_t groups,
                                      uint32_t count, uint32_t optional,
                                      struct omega_request request, const char *constraints)
{
    struct omega_task_group group[2] = {{0}};
    struct omega_job job = {.id = id, .precedence = 120, .group_count = groups, .groups = group};
    uint32_t set = 0;
    ck_assert_int_eq(catalogue_constraints(cell->catalogue, constraints, &set, &cell->err), 0);
    for (uint32_t g = 0; g < groups; g++) {
        group[g] = (struct omega_task_group){
            .first_task = g * (count + optional),
            .count = count,
            .optional = optional,
            .constraints = set,
            .request = request,
            .duration_us = 1000,
        };
        job.tasks += count;
        job.slots += count + optional;
    }
    int rc = store_submit(cell->store, &job, &cell->err);
    ck_assert_msg(rc == 0, "%s", cell->err.text);
}

static inline void cell_submit(struct cell *cell, uint64_t id, uint32_t count, int32_t cpu_milli)
{
    struct omega_request request = {.cpu_milli = cpu_milli, .mem_mib = 1};
    cell_submit_groups(cell, id, 1, count, 0, request, "");
}

static inline struct omega_machine cell_machine(struct cell *cell, uint32_t index)
{
    struct omega_machine machine;
    ck_assert_int_eq(store_machine(cell->store, index, &machine, &cell->err), 0);
    return machine;
}

static inline struct store_counters cell_counters(struct cell *cell)
{
    struct store_counters counters;
    store_counters(cell->store, &counters);
    return counters;
}

/* Begins a transaction as of the newest state: fine, per task. */
static inline void cell_begin(struct cell *cell, uint64_t job, uint16_t instance)
{
    memset(&cell->t, 0, sizeof(cell->t));
    cell->t.txn = (struct omega_transaction){
        .job = job,
        .attempt = 1,
        .instance = instance,
        .precedence = 120,
        .synced = cell_counters(cell).version,
        .group_count = 1,
        .group_minimum = cell->t.minimum,
        .claims = cell->t.claims,
    };
}

/* Claims a task of group 0 with CPU (and 1 MiB) alone; the test may change the claim it returns. */
static inline struct omega_claim *cell_claim(struct cell *cell, uint32_t task, uint32_t machine,
                                             int32_t cpu_milli)
{
    struct omega_claim *claim = &cell->t.claims[cell->t.txn.claim_count++];
    *claim = (struct omega_claim){
        .seq = cell_machine(cell, machine).seq,
        .synced = cell->t.txn.synced,
        .task = task,
        .machine = machine,
        .request = {.cpu_milli = cpu_milli, .mem_mib = 1},
    };
    return claim;
}

static inline int cell_try(struct cell *cell)
{
    omega_error_clear(&cell->err);
    return store_commit(cell->store, &cell->t.txn, cell->t.results, &cell->t.result, &cell->err);
}

static inline void cell_commit(struct cell *cell)
{
    int rc = cell_try(cell);
    ck_assert_msg(rc == 0, "%s", cell->err.text);
}

/* One task of a job of its own on a machine, accepted; returns the placement. */
static inline uint64_t cell_put(struct cell *cell, uint64_t job, uint32_t machine,
                                int32_t cpu_milli, uint16_t instance)
{
    cell_submit(cell, job, 1, cpu_milli);
    cell_begin(cell, job, instance);
    cell_claim(cell, 0, machine, cpu_milli);
    cell_commit(cell);
    ck_assert_uint_eq(cell->t.results[0].outcome, OMEGA_ACCEPTED);
    return cell->t.results[0].placement;
}

/* Releases one placement as finished; returns whether it was released. */
static inline bool cell_release(struct cell *cell, uint64_t placement)
{
    struct store_release_result result;
    uint64_t version = 0;
    ck_assert_int_eq(
        store_release(cell->store, &placement, 1, STORE_FINISHED, &result, &version, &cell->err),
        0);
    return result.released != 0;
}

/* A machine event that has to make sense; returns how many placements it lost. */
static inline uint32_t cell_event(struct cell *cell, uint32_t machine,
                                  enum omega_machine_event_kind kind, enum store_loss_policy policy)
{
    struct omega_machine_event event = {.machine = machine, .kind = (uint8_t)kind};
    const struct store_release_result *lost = NULL;
    uint32_t count = 0;
    uint64_t version = 0;
    int rc = store_machine_event(cell->store, &event, policy, &lost, &count, &version, &cell->err);
    ck_assert_msg(rc == 0, "%s", cell->err.text);
    return count;
}

/* Asserts the outcomes of the last commit, claim by claim. */
static inline void cell_outcomes(const struct cell *cell, uint32_t count, const uint8_t *want)
{
    ck_assert_uint_eq(cell->t.txn.claim_count, count);
    for (uint32_t i = 0; i < count; i++) {
        ck_assert_msg(cell->t.results[i].outcome == want[i], "claim %u is %s, expected %s", i,
                      omega_outcome_name(cell->t.results[i].outcome), omega_outcome_name(want[i]));
    }
}
#define CELL_OUTCOMES(cell, ...)                                                                   \
    cell_outcomes(cell, (uint32_t)sizeof((const uint8_t[]){__VA_ARGS__}),                          \
                  (const uint8_t[]){__VA_ARGS__})

/* How often a long loop runs over this store: `full` times, less often where all is slow. */
static inline uint32_t cell_loops(int factory, uint32_t full)
{
    bool slow = store_factory_at(factory)->slow || getenv("OMEGA_SLOW") != NULL;
    return slow ? full / 64 : full;
}

/* A test over every store: the test function finds its number in _i. */
static inline void cell_case(Suite *suite, const char *name, const TTest *test)
{
    TCase *tcase = tcase_create(name);
    tcase_add_loop_test(tcase, test, 0, store_factory_count());
    tcase_set_timeout(tcase, 120);
    suite_add_tcase(suite, tcase);
}

#endif
