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

/* What it has of its points, as an array; and adds such an array. NULL: no memory. */
json_t *conflict_summary_save(const struct conflict_summary *summary);
void conflict_summary_load(struct conflict_summary *summary, const json_t *saved);

/* Writes the tables, each behind an empty line; nothing if no point had a conflict. */
void conflict_summary_write(const struct conflict_summary *summary, FILE *out);

#endif
