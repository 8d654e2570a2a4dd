/* SPDX-License-Identifier: MIT */
/* Does not know that tasks may ask for GPUs. */
#include "tests/modules/nearly.h"

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    struct omega_tasks run = {0};
    (void)state;
    while (omega_tasks_next(&run, pending, false)) {
        struct omega_place place = omega_place_group(pending, view, run.group);
        place.request.gpu_devices = 0;
        for (uint32_t i = 0, machine = 0; i < run.count && machine != OMEGA_NO_MACHINE;) {
            machine = omega_place_first(&place, machine, place.machine_count);
            if (machine != OMEGA_NO_MACHINE) {
                int rc = omega_txn_claim(txn, run.group, run.tasks[i], machine);
                i += rc == 0;
                machine += rc != 0;
            }
        }
    }
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_devices",
    .summary = "wrong on purpose",
    .place = place,
};
