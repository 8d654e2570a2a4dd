/* SPDX-License-Identifier: MIT */
/*
 * Proving the logs of a run: each is checked by itself (core/runlog/runlog_check.h), all figures
 * are counted again from it, and every field of the results beside it is held against them.
 */
#ifndef OMEGA_CORE_EXPERIMENT_CHECK_LOG_H
#define OMEGA_CORE_EXPERIMENT_CHECK_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/error.h"

struct check_log_report {
    uint64_t points;
    uint64_t segments;
    uint64_t records;
    uint64_t transactions;
    uint64_t claims;
    uint64_t fields;     /* of the results that were compared */
    uint32_t tables;     /* those that were compared: 1 << enum output_file, or-ed */
    bool recorded;       /* the logs say which tables there should be: none is missing */
    uint64_t violations; /* 0: nothing breaks a rule */
    /* of live runs: */
    uint64_t cut;         /* segments that end too early, or are missing: of them, records without a
                          version may be missing, and results are not compared */
    uint64_t repaired;    /* versions that were missing and taken from the change log of the cell */
    uint64_t submissions; /* that were missing and taken from its table of jobs */
    uint64_t missing;     /* versions that are missing */
    bool incomplete;      /* some are, or the horizon is: not all is proved */
    bool unfinished;      /* the run was ended before it was whole: it has no results */
};

/* Checks the logs in DIRECTORY/log and the results in DIRECTORY, or the logs that a run has left
 * that was ended before it was whole (log_points.h). Versions that are missing from the
 * log of a live run are taken from the cell of the run, where its change log still holds them:
 * `cells` is that cell, or the folder where each point has its own (the experiment's store.dir), or
 * NULL. Those that stay missing are named on `out`. The first `most` violations of
 * each point go to `out`, a line each: "FILE: record K (version V): what is wrong, expected what".
 * They are reported, no error; so is a segment that is damaged, or of another version.
 * OMEGA_EINVAL where there is no log; OMEGA_EIO, OMEGA_ENOMEM. */
int check_log(const char *directory, const char *cells, uint32_t most, FILE *out,
              struct check_log_report *report, omega_error_t *err);

#endif
