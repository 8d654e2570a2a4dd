/* SPDX-License-Identifier: MIT */
/*
 * One random history: a store and the second model driven side by side by the same random jobs,
 * transactions planned on views of every age, releases, machine events and nonsense.
 *
 * history.c makes the steps, history_plan.c the transactions, history_compare.c compares. The seed
 * alone decides a history, so a failing one comes back with OMEGA_SEED. One history in four has
 * some jobs of thousands of tasks, since a store may keep such a job in several records.
 */
#ifndef OMEGA_TESTS_MODEL_HISTORY_H
#define OMEGA_TESTS_MODEL_HISTORY_H

#include "cellstate/store_view.h"
#include "core/base/random.h"
#include "tests/model/model.h"
#include "tests/support/store_factory.h"

#define HISTORY_INSTANCES 5u
#define HISTORY_MACHINES_MAX 30u
#define HISTORY_GROUPS_MAX 3u
#define HISTORY_CLAIMS_MAX 64u /* more than are planned of any job here, and a spare for nonsense */
#define HISTORY_SLOTS_MAX 12u  /* more than the slots of a group that is not large */
#define HISTORY_LARGE 2000u    /* a group of so many slots or more is planned here and there only */
#define HISTORY_JOBS_KEPT 24u  /* the newest ones are planned, abandoned and asked for */
#define HISTORY_ENDED_KEPT 32u

struct history_job {
    struct omega_job job;
    struct omega_task_group groups[HISTORY_GROUPS_MAX];
};

/* A scheduler instance: a view, what it must show, and the transaction it has planned. */
struct history_instance {
    struct store_view *view;
    uint16_t id;
    bool live;
    bool planned;
    uint32_t refresh_percent;
    struct model_figures shown[HISTORY_MACHINES_MAX]; /* as of the last sync of each machine */
    uint64_t synced[HISTORY_MACHINES_MAX];
    struct omega_transaction txn;
    struct omega_claim claims[HISTORY_CLAIMS_MAX];
    uint32_t minimum[HISTORY_GROUPS_MAX];
};

struct history {
    uint64_t seed;
    uint32_t step;
    const char *doing;
    struct omega_random random;
    struct omega_random sizes; /* whether there are large jobs, and what is planned of them */
    bool large_jobs;
    struct catalogue *catalogue;
    uint32_t different_machines; /* a constraint set */
    bool gpus;
    uint32_t machine_count;
    struct omega_machine_spec specs[HISTORY_MACHINES_MAX];
    const struct store_factory *factory;
    struct store *store;
    struct model *model;
    struct history_instance instances[HISTORY_INSTANCES];
    uint64_t jobs; /* submitted so far; the last ones are in `kept` by id % HISTORY_JOBS_KEPT */
    struct history_job kept[HISTORY_JOBS_KEPT];
    uint64_t ended[HISTORY_ENDED_KEPT]; /* placement ids that no longer run */
    uint32_t ended_count;
    uint64_t outcomes[OMEGA_OUTCOMES]; /* how often each came up */
};

/* Fails the running test with seed and step unless the condition holds; then a printf of why. */
#define EXPECT(history, condition, ...)                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            history_fail(history, #condition, __VA_ARGS__);                                        \
        }                                                                                          \
    } while (0)
_Noreturn void history_fail(const struct history *history, const char *condition,
                            const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Runs the history of `seed` over `factory`; fails the running test where store and model differ.
 * Adds how often each outcome came up to `outcomes`. */
void history_run(uint64_t seed, uint32_t steps, const struct store_factory *factory,
                 uint64_t outcomes[OMEGA_OUTCOMES]);

/* history_plan.c: plans a transaction on the instance's view, and leaves the view as it was. */
void history_plan(struct history *h, struct history_instance *instance);
/* Commits it to both, compares, and absorbs its machines. */
void history_commit(struct history *h, struct history_instance *instance);
/* Syncs the instance's view. */
void history_refresh(struct history *h, struct history_instance *instance);

/* history_compare.c: machines, placements, counters, totals, the check, and a fresh view. */
void history_compare(struct history *h);
void history_compare_view(const struct history *h, const struct history_instance *instance);
void history_compare_results(const struct history *h, const struct omega_transaction *txn,
                             const struct omega_claim_result *got,
                             const struct omega_claim_result *want);
void history_compare_releases(const struct history *h, const struct store_release_result *got,
                              const struct store_release_result *want, size_t count);

static inline bool history_chance(struct history *h, uint32_t percent)
{
    return omega_random_below(&h->random, 100) < percent;
}

static inline uint32_t history_below(struct history *h, uint32_t bound)
{
    return omega_random_below(&h->random, bound);
}

#endif
