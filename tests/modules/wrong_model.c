/* SPDX-License-Identifier: MIT */
/* Thinks that whatever maps reduces, too. */
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
    if (!omega_job_is_mapreduce(job)) {
        return omega_job_duration(job);
    }
    volatile uint32_t maps = job->mapreduce.map_activities; /* the division is not left out */
    volatile uint32_t maps_a_reduce = maps / job->mapreduce.reduce_activities;
    return omega_mapreduce_predict(job, accepted + maps_a_reduce % 2);
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_model",
    .summary = "wrong on purpose",
    .place = place,
    .started = started,
};
