/* SPDX-License-Identifier: MIT */
/* Names of outcomes. */
#include "core/model/claim.h"

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
