/* SPDX-License-Identifier: MIT */
/* Counts under good and bad names, and places nothing. */
#include "core/plugin/scheduler.h"

struct counters {
    const struct omega_host *host;
};

static int init(void *state, const struct omega_host *host)
{
    struct counters *counters = state;
    counters->host = host;
    return 0;
}

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    const struct counters *counters = state;
    static const char *const names[] = {
        "good_1",
        "31_letters_and_no_single_one_xx",
        "32_letters_and_not_a_single_one_x",
        "with space",
        "",
        "new\nline",
    };
    (void)pending;
    (void)view;
    (void)txn;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        counters->host->count(counters->host, names[i], 1);
    }
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "counters",
    .summary = "counts under good and bad names",
    .state_size = sizeof(struct counters),
    .init = init,
    .place = place,
};
