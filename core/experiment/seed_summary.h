/* SPDX-License-Identifier: MIT */
/* What schedulers did over the seeds: a line for each scheduler of each variant and, in a sweep,
 * each assignment, with means and their intervals. Made from the rows of the results. */
#ifndef OMEGA_CORE_EXPERIMENT_SEED_SUMMARY_H
#define OMEGA_CORE_EXPERIMENT_SEED_SUMMARY_H

#include <stdio.h>

#include "core/base/error.h"
#include "core/experiment/row.h"

struct seed_summary;

/* With a column for each of the parameters (none without a sweep), whose paths stay with the
 * caller. NULL without memory; destroy accepts NULL. */
struct seed_summary *seed_summary_create(const struct parameters *parameters);
void seed_summary_destroy(struct seed_summary *summary);

/* Takes the rows of a point, lines of JSON, in the order of points. OMEGA_ECORRUPT if they are
 * none; OMEGA_ENOMEM. */
int seed_summary_add(struct seed_summary *summary, const char *rows, omega_error_t *err);

/* Writes the table of the points so far. */
void seed_summary_write(struct seed_summary *summary, FILE *out);

#endif
