/* SPDX-License-Identifier: MIT */
/* Keeps the job of the attempt before. */
#include "tests/modules/nearly.h"

struct state {
    const struct omega_job *last;
    uint64_t again;
};

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    struct state *own = state;
    own->again += own->last != NULL && own->last->id == pending->job->id;
    own->last = pending->job;
    nearly_place(pending, view, txn);
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_keeps_job",
    .summary = "wrong on purpose",
    .state_size = sizeof(struct state),
    .place = place,
};
