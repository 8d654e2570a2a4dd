/* SPDX-License-Identifier: MIT */
/* Plain jobs for the tests of the memory store: of one group, committed in short. */
#ifndef OMEGA_TESTS_UNIT_CELLSTATE_PLAIN_FIXTURE_H
#define OMEGA_TESTS_UNIT_CELLSTATE_PLAIN_FIXTURE_H

#include "cellstate/store.h"
#include "tests/support/check_main.h"

#define PLAIN_TASKS_MAX 500u

static inline void plain_submit(struct store *store, uint64_t id, uint32_t tasks,
                                struct omega_request request)
{
    omega_error_t err;
    struct omega_task_group group = {.count = tasks, .request = request, .duration_us = 1000};
    struct omega_job job = {.id = id, .precedence = 120, .group_count = 1, .groups = &group};
    ck_assert_int_eq(omega_job_seal(&job, &group, &err), OMEGA_OK);
    ck_assert_int_eq(store_submit(store, &job, &err), OMEGA_OK);
}

/* Commits all tasks of a job, task by task and fine-grained, each to its machine. */
static inline struct omega_result plain_commit(struct store *store, uint64_t job, uint32_t tasks,
                                               const uint32_t *machines, uint16_t instance)
{
    uint32_t all[PLAIN_TASKS_MAX];
    static const uint64_t seqs[PLAIN_TASKS_MAX]; /* which nobody looks at */
    struct omega_claim_result results[PLAIN_TASKS_MAX];
    struct omega_result result;
    omega_error_t err;
    ck_assert_uint_le(tasks, PLAIN_TASKS_MAX);
    for (uint32_t t = 0; t < tasks; t++) {
        all[t] = t;
    }
    const struct omega_transaction txn = {
        .job = job,
        .attempt = 1,
        .instance = instance,
        .detection = OMEGA_DETECT_FINE,
        .granularity = OMEGA_COMMIT_TASK,
        .precedence = 120,
        .group_count = 1,
        .claim_count = tasks,
        .tasks = all,
        .machines = machines,
        .seqs = seqs,
    };
    ck_assert_int_eq(store_commit(store, &txn, results, &result, &err), OMEGA_OK);
    return result;
}

#endif
