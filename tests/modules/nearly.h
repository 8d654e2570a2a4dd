/* SPDX-License-Identifier: MIT */
/*
 * First fit that does everything right, for modules that do one thing wrong: see wrong_*.c. Which
 * check of 'omega test-scheduler' finds what: tests/system/t3500-test-scheduler.sh.
 */
#ifndef OMEGA_TESTS_MODULES_NEARLY_H
#define OMEGA_TESTS_MODULES_NEARLY_H

#include "schedulers/placement.h"

/* Places the required tasks of all groups, from the first machine on. */
static inline void nearly_place(const struct omega_pending *pending, const struct omega_view *view,
                                struct omega_txn *txn)
{
    struct omega_tasks run = {0};
    while (omega_tasks_next(&run, pending, false)) {
        struct omega_place place = omega_place_group(pending, view, run.group);
        uint32_t machine = 0;
        for (uint32_t i = 0; i < run.count;) {
            machine = omega_place_first(&place, machine, place.machine_count);
            if (machine == OMEGA_NO_MACHINE) {
                break;
            }
            if (omega_txn_claim(txn, run.group, run.tasks[i], machine) == 0) {
                i++;
            } else {
                machine++;
            }
        }
    }
}

#endif
