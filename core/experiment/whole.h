/* SPDX-License-Identifier: MIT */
/* A run put together from its points, which lie in one folder or in those of several shards. */
#ifndef OMEGA_CORE_EXPERIMENT_WHOLE_H
#define OMEGA_CORE_EXPERIMENT_WHOLE_H

#include "core/experiment/outputs.h"
#include "core/experiment/parts.h"
#include "core/experiment/summary.h"

struct whole {
    const struct experiment *experiment;
    struct parts *const *shards; /* by number; all of one run */
    uint32_t count;
};

/* Writes the files of the run from the points that are finished, in the order of points, and gives
 * them their names. Frees `outputs` either way. */
int whole_write(const struct whole *whole, struct outputs *outputs, const struct run_json *run,
                omega_error_t *err);

/* Writes the summary of these points. `series` and `conflicts` of the options are filled in. */
int whole_summary(const struct whole *whole, const struct summary_options *options, FILE *out,
                  omega_error_t *err);

#endif
