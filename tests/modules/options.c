/* SPDX-License-Identifier: MIT */
/* A module with an option of every type: what the loader's tests read back. */
#include "core/plugin/scheduler.h"

struct state {
    double real;
    int64_t number;
    int mode;
    bool flag;
};

static void place_nothing(void *state, const struct omega_pending *pending,
                          const struct omega_view *view, struct omega_txn *txn)
{
    (void)state;
    (void)pending;
    (void)view;
    (void)txn;
}

static const char *const modes[] = {"fast", "fair", "slow", NULL};

static const struct omega_option options[] = {
    {
        .name = "number",
        .help = "a whole number",
        .type = OMEGA_OPTION_INT,
        .offset = offsetof(struct state, number),
        .value = 32,
        .min = -10,
        .max = 100000,
    },
    {
        .name = "real",
        .help = "a share",
        .type = OMEGA_OPTION_REAL,
        .offset = offsetof(struct state, real),
        .value = 0.5,
        .min = 0,
        .max = 1,
    },
    {
        .name = "mode",
        .help = "one of three",
        .type = OMEGA_OPTION_CHOICE,
        .offset = offsetof(struct state, mode),
        .value = 1,
        .choices = modes,
    },
    {
        .name = "flag",
        .help = "yes or no",
        .type = OMEGA_OPTION_BOOL,
        .offset = offsetof(struct state, flag),
        .value = 1,
    },
};

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "options",
    .summary = "has an option of every type and places nothing",
    .state_size = sizeof(struct state),
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .place = place_nothing,
};
