/* SPDX-License-Identifier: MIT */
/* An option whose default is outside its own range. */
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
        .name = "number",
        .help = "from 1 to 10, yet 11 by default",
        .type = OMEGA_OPTION_INT,
        .value = 11,
        .min = 1,
        .max = 10,
    },
};

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "bad_option_range",
    .summary = "must be refused",
    .state_size = sizeof(struct state),
    .options = options,
    .option_count = 1,
    .place = place_nothing,
};
