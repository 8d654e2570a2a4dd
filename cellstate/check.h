/* SPDX-License-Identifier: MIT */
/* What the two proofs of a cell share: check.c's, machine by machine, and the one at a glance. */
#ifndef OMEGA_CELLSTATE_CHECK_H
#define OMEGA_CELLSTATE_CHECK_H

#include "cellstate/store_view.h"

/* A live view that is to be compared with the machines, or NULL, and one of a single machine, to do
 * it with. */
struct check_view {
    const struct store_view *live;
    struct store_view *expected;
};

/* By how much a placement that has ended has raised its machine's sequence in all. */
static inline uint64_t check_seq_of_an_end(const struct store *store)
{
    return 1u + store->release_raises_seq;
}

/* A of a machine's record, and whether the view shows it. Adds to the report. */
void check_record(const struct omega_machine *machine, const struct check_view *view,
                  struct store_report *report);

/* I, with the number of placements that belong to a job. Adds to the report. */
void check_tasks(struct store *store, uint64_t of_jobs, struct store_report *report);

/* True if nothing is used of a machine's devices: there is nothing to add up, as in most cells. */
bool check_devices_are_idle(const struct omega_machine *machine);

/* True if all is sound that check.c proves of what a store shows; the report says so then. False,
 * and then nothing in the report holds, if anything may be wrong, and where it cannot tell: where
 * something runs on devices, where more has ended on a machine than its stamp can count, and of a
 * store that does not tell what comes in runs. */
bool check_glance(struct store *store, const struct check_view *view, struct store_report *report);

#endif
