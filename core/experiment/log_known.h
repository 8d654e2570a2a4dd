/* SPDX-License-Identifier: MIT */
/* How much of the log of a live run is known, where segments were cut or versions are missing. */
#ifndef OMEGA_CORE_EXPERIMENT_LOG_KNOWN_H
#define OMEGA_CORE_EXPERIMENT_LOG_KNOWN_H

#include <signal.h>

#include "core/runlog/runlog_read.h"

/* Reads all segments of a log once more, by the names of their files: *until_us is the time before
 * which nothing is missing, INT64_MAX for a log that is whole, 0 where a segment is missing. Errors
 * as of runlog_reader_open(). `stop` is looked at before each record, and may be NULL: other than 0
 * ends the reading with OMEGA_EINTR. */
int log_known_until(const struct runlog_merge *merge, const volatile sig_atomic_t *stop,
                    int64_t *until_us, omega_error_t *err);

#endif
