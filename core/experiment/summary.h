/* SPDX-License-Identifier: MIT */
/*
 * The summary of a run: tables for people on standard output, or the rows as JSON. Each point
 * leaves what it adds in its part; of a sweep the tables show means over seeds, made from the
 * rows.
 */
#ifndef OMEGA_CORE_EXPERIMENT_SUMMARY_H
#define OMEGA_CORE_EXPERIMENT_SUMMARY_H

#include "core/experiment/part.h"
#include "core/experiment/results.h"

/* Writes what a point adds to the summary, for its part. OMEGA_ENOMEM. */
int summary_point(const struct experiment *experiment, const struct point_result *result, FILE *out,
                  omega_error_t *err);

struct summary;

/* How a summary is made and ends. */
struct summary_options {
    const struct experiment *experiment;
    const char *directory; /* where the files are */
    bool json;
    bool series; /* files that there are, to be named */
    bool conflicts;
    int argc; /* the command line from the subcommand on, to be repeated; none: 0 */
    char *const *argv;
};

/* NULL without memory; summary_destroy(NULL) is allowed. The options stay with the caller. */
struct summary *summary_create(const struct summary_options *options, FILE *out);
void summary_destroy(struct summary *summary);

/* Takes what it needs of a point, in the order of points; JSON is written at once. */
int summary_add(struct summary *summary, struct part *part, omega_error_t *err);

/* Writes the tables, or ends the JSON. */
void summary_write(struct summary *summary);

#endif
