/* SPDX-License-Identifier: MIT */
/* Tries the same machine again and again where the tasks must be on different ones. */
#include "tests/modules/nearly.h"

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    struct omega_tasks run = {0};
    (void)state;
    while (omega_tasks_next(&run, pending, false)) {
        struct omega_place place = omega_place_group(pending, view, run.group);
        for (uint32_t i = 0; i < run.count;) {
            uint32_t machine = omega_place_first(&place, 0, place.machine_count);
            if (machine == OMEGA_NO_MACHINE) {
                break;
            }
            i += omega_txn_claim(txn, run.group, run.tasks[i], machine) != OMEGA_TXN_DECLINED;
        }
    }
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_declined",
    .summary = "wrong on purpose",
    .place = place,
};
