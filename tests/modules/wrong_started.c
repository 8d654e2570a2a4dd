/* SPDX-License-Identifier: MIT */
/* Forgets to say how long a job with optional tasks runs. */
#include "tests/modules/nearly.h"

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    (void)state;
    nearly_place(pending, view, txn);
}

static int64_t started(void *state, const struct omega_job *job, uint32_t accepted)
{
    (void)state;
    return accepted > job->tasks ? job->groups[0].duration_us : 0;
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_started",
    .summary = "wrong on purpose",
    .place = place,
    .started = started,
};
