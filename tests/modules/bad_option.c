/* SPDX-License-Identifier: MIT */
/* An option whose field lies beyond the state. */
#include "core/plugin/scheduler.h"

struct state {
    int64_t number;
};

static void place_nothing(void *state, const struct omega_pending *pending,
                          const struct omega_view *view, struct omega_txn *txn)
{
    (void)state;
    (void)pending;
    (void)view;
    (void)txn;
}

static const struct omega_option options[] = {
    {
        .name = "beyond",
        .help = "writes behind the state",
        .type = OMEGA_OPTION_INT,
        .offset = sizeof(struct state),
        .max = 10,
    },
};

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "bad_option",
    .summary = "must be refused",
    .state_size = sizeof(struct state),
    .options = options,
    .option_count = 1,
    .place = place_nothing,
};
