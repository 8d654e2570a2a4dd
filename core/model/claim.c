/* SPDX-License-Identifier: MIT */
/* Claims: names of detections, granularities and outcomes, and what notes have to be. */
#include "core/model/claim.h"

const char *const omega_detection_names[OMEGA_DETECTIONS + 1] = {
    [OMEGA_DETECT_FINE] = "fine",
    [OMEGA_DETECT_COARSE] = "coarse",
};

const char *const omega_granularity_names[OMEGA_GRANULARITIES + 1] = {
    [OMEGA_COMMIT_TASK] = "task",         [OMEGA_COMMIT_MACHINE] = "machine",
    [OMEGA_COMMIT_AT_LEAST] = "at_least", [OMEGA_COMMIT_ALL] = "all",
    [OMEGA_COMMIT_GANG] = "gang",
};

const char *omega_outcome_name(uint8_t outcome)
{
    static const char *const names[OMEGA_OUTCOMES] = {
        [OMEGA_ACCEPTED] = "accepted",
        [OMEGA_CONFLICT_NO_LONGER_FITS] = "no_longer_fits",
        [OMEGA_CONFLICT_SEQ_CHANGED] = "seq_changed",
        [OMEGA_REFUSED_MACHINE_CHANGED] = "machine_changed",
        [OMEGA_REFUSED_MACHINE_DOWN] = "machine_down",
        [OMEGA_REFUSED_NOT_ALLOWED] = "not_allowed",
        [OMEGA_REFUSED_OVER_LIMIT] = "over_limit",
        [OMEGA_REFUSED_CONSTRAINT] = "constraint",
        [OMEGA_REFUSED_ALREADY_PLACED] = "already_placed",
        [OMEGA_REFUSED_VICTIM_GONE] = "victim_gone",
        [OMEGA_ABORTED] = "aborted",
    };
    return outcome < OMEGA_OUTCOMES ? names[outcome] : "unknown";
}

bool omega_notes_are_sound(const struct omega_txn_note *notes, uint32_t count, uint32_t first,
                           uint32_t end, uint32_t machine_count)
{
    uint64_t least = first;
    for (uint32_t i = 0; i < count; i++) {
        if (notes[i].task < least || notes[i].machine >= machine_count) {
            return false;
        }
        least = (uint64_t)notes[i].task + 1;
    }
    return count == 0 || notes[count - 1].task < end; /* the largest of them */
}
