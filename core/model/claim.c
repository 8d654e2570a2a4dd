/* SPDX-License-Identifier: MIT */
/* Claims: names of detections, granularities and outcomes, and what claims in short have to be. */
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

/* So many numbers are looked at without a branch, and by the signs of differences, so that it
 * becomes vector code. */
#define TOGETHER 32u

static bool rise_together(const uint32_t *tasks)
{
    uint32_t wrong = 0; /* below 0, as a signed number, if anything is */
    for (uint32_t i = 0; i < TOGETHER; i++) {
        wrong |= tasks[i] | (tasks[i + 1] - tasks[i] - 1);
    }
    return wrong <= INT32_MAX;
}

bool omega_tasks_rise(const uint32_t *tasks, uint32_t count, uint32_t end)
{
    uint32_t i = 0;
    while (count - i > TOGETHER && rise_together(&tasks[i])) {
        i += TOGETHER;
    }
    while (i + 1 < count && tasks[i] < tasks[i + 1]) {
        i++;
    }
    return count == 0 || (i == count - 1 && tasks[i] < end); /* the largest of them */
}

static bool exist_together(const uint32_t *machines, uint32_t machine_count)
{
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < TOGETHER; i++) {
        wrong |= machines[i] | (machine_count - 1 - machines[i]);
    }
    return wrong <= INT32_MAX;
}

bool omega_machines_exist(const uint32_t *machines, uint32_t count, uint32_t machine_count)
{
    uint32_t i = 0;
    while (count - i >= TOGETHER && exist_together(&machines[i], machine_count)) {
        i += TOGETHER;
    }
    while (i < count && machines[i] < machine_count) {
        i++;
    }
    return i == count;
}
