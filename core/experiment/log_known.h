/* SPDX-License-Identifier: MIT */
/* How much of the log of a live run is known, where segments were cut or versions are missing. */
#ifndef OMEGA_CORE_EXPERIMENT_LOG_KNOWN_H
#define OMEGA_CORE_EXPERIMENT_LOG_KNOWN_H

#include "core/runlog/runlog_read.h"

/* Reads all segments of a log once more, by the names of their files: *until_us is the time before
 * which nothing is missing, INT64_MAX for a log that is whole, 0 where a segment is missing. Errors
 * as of runlog_reader_open(). */
int log_known_until(const struct runlog_merge *merge, int64_t *until_us, omega_error_t *err);

#endif
