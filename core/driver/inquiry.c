/* SPDX-License-Identifier: MIT */
/* What commits are asked for besides their results, and telling metrics of it. */
#include <stdlib.h>

#include "core/driver/simulate_private.h"
#include "core/metrics/conflicts.h"

int inquiry_open(struct runner *runner, omega_error_t *err)
{
    if (!metrics_wants_causes(runner->metrics)) {
        return OMEGA_OK;
    }
    runner->inquiry = calloc(1, sizeof *runner->inquiry);
    if (runner->inquiry == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for a scheduler instance");
    }
    runner->inquiry->counterfactuals = metrics_wants_counterfactuals(runner->metrics);
    return OMEGA_OK;
}

void inquiry_close(struct runner *runner)
{
    if (runner->inquiry != NULL) {
        free(runner->inquiry->causes);
        free(runner->inquiry);
    }
}

int inquiry_reserve(struct runner *runner, uint32_t claims)
{
    if (runner->inquiry == NULL) {
        return OMEGA_OK;
    }
    struct omega_cause *causes =
        reallocarray(runner->inquiry->causes, claims, sizeof *runner->inquiry->causes);
    runner->inquiry->causes = causes == NULL ? runner->inquiry->causes : causes;
    return causes == NULL ? OMEGA_ENOMEM : OMEGA_OK;
}

void sim_tell_transaction(struct simulation *sim, const struct runner *runner,
                          const struct metrics_attempt *attempt)
{
    const struct run_job *job = runner->job;
    if (runner->plan.count == 0 || runner->falls_short ||
        !metrics_looks_into(sim->metrics, attempt)) {
        return;
    }
    struct omega_transaction txn;
    attempt_planned(runner, &txn);
    struct metrics_commit commit = {
        .txn = &txn,
        .results = runner->results,
        .elastic = omega_job_is_elastic(job->job),
        /* what was accepted is not among the unplaced any more */
        .whole = runner->plan.count >= job->unplaced + attempt->result.accepted,
    };
    metrics_commit(sim->metrics, attempt, &commit);
}
