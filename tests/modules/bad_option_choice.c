/* SPDX-License-Identifier: MIT */
/* A choice without choices. */
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
        .name = "mode",
        .help = "one of nothing",
        .type = OMEGA_OPTION_CHOICE,
    },
};

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "bad_option_choice",
    .summary = "must be refused",
    .state_size = sizeof(struct state),
    .options = options,
    .option_count = 1,
    .place = place_nothing,
};
