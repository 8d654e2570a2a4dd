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
    uint64_t violations; /* 0: all is proved */
};

/* Checks the logs in DIRECTORY/log and the results in DIRECTORY. The first `most` violations of
 * each point go to `out`, a line each: "FILE: record K (version V): what is wrong, expected what".
 * They are reported, no error; so is a segment that is damaged, or of another version.
 * OMEGA_EINVAL where there is no log; OMEGA_EIO, OMEGA_ENOMEM. */
int check_log(const char *directory, uint32_t most, FILE *out, struct check_log_report *report,
              omega_error_t *err);

#endif
