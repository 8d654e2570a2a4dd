/* SPDX-License-Identifier: MIT */
/* An option whose name no experiment could write plainly. */
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
        .name = "two words",
        .help = "a name with a blank",
        .type = OMEGA_OPTION_INT,
        .max = 10,
    },
};

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "bad_option_name",
    .summary = "must be refused",
    .state_size = sizeof(struct state),
    .options = options,
    .option_count = 1,
    .place = place_nothing,
};
