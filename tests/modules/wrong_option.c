/* SPDX-License-Identifier: MIT */
/* Divides by an option that may be 0. */
#include "tests/modules/nearly.h"

struct state {
    int64_t every;
};

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    const struct state *own = state;
    if ((int64_t)pending->job->id % own->every == 0 || pending->attempt > 0) {
        nearly_place(pending, view, txn);
    }
}

static const struct omega_option options[] = {
    {
        .name = "every",
        .help = "jobs",
        .type = OMEGA_OPTION_INT,
        .offset = offsetof(struct state, every),
        .value = 2,
        .min = 0,
        .max = 9,
    },
};

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_option",
    .summary = "wrong on purpose",
    .state_size = sizeof(struct state),
    .options = options,
    .option_count = 1,
    .place = place,
};
