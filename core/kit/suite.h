/* SPDX-License-Identifier: MIT */
/*
 * The behaviour suite: what a scheduler module does wrong, by name. Each check tries the module out
 * in processes of its own, so that a module that crashes, hangs or ends the process is told like
 * any other.
 */
#ifndef OMEGA_CORE_KIT_SUITE_H
#define OMEGA_CORE_KIT_SUITE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"

#define SUITE_JOBS 1000000u /* jobs of the check for leaks, where nothing else is said */

struct suite_options {
    const char *module;    /* as module_open() takes it, from the current directory */
    const json_t *options; /* the module's, for all trials; NULL = its defaults */
    const char *only;      /* the one check to run; NULL = all */
    bool first;            /* stop at the first check that fails */
    uint64_t seed;
    uint64_t jobs;    /* of the check for leaks */
    uint32_t call_s;  /* a call into the module may take so long */
    uint32_t total_s; /* a trial is cut short after so long */
};

enum suite_outcome {
    SUITE_OK = 0,
    SUITE_FAILED = 1,
    SUITE_SKIPPED = 2, /* nothing could be found out: text says why */
};

struct suite_result {
    const char *check;
    enum suite_outcome outcome;
    char text[600]; /* what is wrong or why it was skipped; where all is well a note, or "" */
    int64_t wall_us;
};

/* Runs the suite and calls `report` after each check. Returns 0, whatever the checks found;
 * OMEGA_EINVAL if `only` names no check, OMEGA_EIO where processes cannot be made. */
int suite_run(const struct suite_options *options,
              void (*report)(void *context, const struct suite_result *result), void *context,
              omega_error_t *err);

/* Name and meaning of check `index`, in the order in which they run; NULL behind the last one. */
const char *suite_check_name(uint32_t index);
const char *suite_check_about(uint32_t index);

#endif
