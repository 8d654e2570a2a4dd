/* SPDX-License-Identifier: MIT */
/* The part of a run's summary that says who blocks whom, and on which machines. */
#ifndef OMEGA_CORE_EXPERIMENT_CONFLICT_SUMMARY_H
#define OMEGA_CORE_EXPERIMENT_CONFLICT_SUMMARY_H

#include <stdio.h>

#include "core/experiment/results.h"

struct conflict_summary;

/* `seeds`: with a column for them. NULL without memory; destroy accepts NULL. */
struct conflict_summary *conflict_summary_create(bool seeds);
void conflict_summary_destroy(struct conflict_summary *summary);

/* Adds a point: its worst pairs of schedulers, and its hottest machines. Nothing without conflicts.
 * OMEGA_ENOMEM. */
int conflict_summary_point(struct conflict_summary *summary, const struct point_result *result);

/* Writes the tables, each behind an empty line; nothing if no point had a conflict. */
void conflict_summary_write(const struct conflict_summary *summary, FILE *out);

#endif
