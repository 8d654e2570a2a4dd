/* SPDX-License-Identifier: MIT */
/* Turns the list of tasks round, in place. */
#include "tests/modules/nearly.h"

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    uint32_t *tasks = (uint32_t *)(uintptr_t)pending->groups[0].tasks;
    uint32_t count = pending->groups[0].required;
    (void)state;
    for (uint32_t i = 0; i < count / 2; i++) {
        uint32_t task = tasks[i];
        tasks[i] = tasks[count - 1 - i];
        tasks[count - 1 - i] = task;
    }
    nearly_place(pending, view, txn);
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_sorts",
    .summary = "wrong on purpose",
    .place = place,
};
