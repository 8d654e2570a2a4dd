/* SPDX-License-Identifier: MIT */
/*
 * What is missing from the log of a live run whose processes were killed: versions between its
 * records, which the change log of the cell may still hold, ends of segments, and the horizon.
 */
#ifndef OMEGA_CORE_EXPERIMENT_LOG_GAPS_H
#define OMEGA_CORE_EXPERIMENT_LOG_GAPS_H

#include "core/runlog/runlog_check.h"
#include "core/runlog/runlog_read.h"

struct log_gaps;

struct log_gaps_counts {
    uint64_t cut; /* segments */
    uint64_t repaired;
    uint64_t submissions; /* that were made from the table of jobs */
    uint64_t missing;
    bool incomplete;
};

/* Of the log of one point. `cells` is the cell of the run, or a folder with one for each point, or
 * NULL. OMEGA_EINVAL where it has none for this one, or one of another run; errors of opening a
 * cell. The segments are files, whose names are those of their readers. */
int log_gaps_open(const struct runlog_merge *merge, const char *cells, struct log_gaps **gaps,
                  omega_error_t *err);
void log_gaps_close(struct log_gaps *gaps); /* NULL is allowed */

/* Before the next record is played: plays the submissions and versions that are missing before it,
 * or tells the checker of them. 1; 0 if nothing behind can be checked. Errors of reading the
 * cell. */
int log_gaps_before(struct log_gaps *gaps, struct runlog_check *check,
                    const struct runlog_record *record, omega_error_t *err);

/* When the last record was played: where the horizon is missing, plays what the cell tells of
 * afterwards. 1; 0 if nothing more could be checked. Errors of reading the cell. */
int log_gaps_end(struct log_gaps *gaps, struct runlog_check *check, omega_error_t *err);

/* True as long as nothing is missing, or repaired, and no segment was cut. */
bool log_gaps_none(const struct log_gaps *gaps);

void log_gaps_counts(const struct log_gaps *gaps, struct log_gaps_counts *counts);

/* Names what is missing, a line each. */
void log_gaps_tell(const struct log_gaps *gaps, FILE *out);

#endif
