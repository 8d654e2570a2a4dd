/* SPDX-License-Identifier: MIT */
/* The summary of a run: a table for people on standard output, or the same rows as JSON. */
#ifndef OMEGA_CORE_EXPERIMENT_SUMMARY_H
#define OMEGA_CORE_EXPERIMENT_SUMMARY_H

#include "core/experiment/results.h"

struct summary;

/* NULL without memory; summary_destroy(NULL) is allowed. */
struct summary *summary_create(const struct experiment *experiment, bool json);
void summary_destroy(struct summary *summary);

/* Takes what it needs of a point. */
int summary_point(struct summary *summary, const struct point_result *result, omega_error_t *err);

/* Writes the summary of the points so far; `directory` is where the files are, `argv` the command
 * line from the subcommand on. */
void summary_write(struct summary *summary, const char *directory, int argc, char *const *argv,
                   FILE *out);

#endif
