/* SPDX-License-Identifier: MIT */
/* Playing a log that is expected to be sound, to know what happened and to count its figures. */
#ifndef OMEGA_CORE_EXPERIMENT_LOG_PLAY_H
#define OMEGA_CORE_EXPERIMENT_LOG_PLAY_H

#include <signal.h>

#include "core/experiment/log_figures.h"
#include "core/runlog/runlog_read.h"

/* Is shown each record of a log with what it did, before it is counted: OMEGA_OK, or an error that
 * ends the playing. */
typedef int log_seen(void *context, const struct runlog_record *record,
                     const struct runlog_effect *effect, omega_error_t *err);

/* What a log accounts for at its end. */
struct log_played {
    struct metrics *metrics; /* the caller's to destroy */
    struct store_report report;
    struct store_counters counters;
};

/* Proves and counts all that is merged; `seen` may be NULL. With `until_us` above 0 the run is
 * played as if its horizon came then: what is later, or missing then, is not looked at. The first
 * violation is an OMEGA_ECORRUPT error, and nothing is played then. `stop` is looked at before each
 * record, and may be NULL: other than 0 ends the playing with OMEGA_EINTR. */
int log_play(struct runlog_merge *merge, const struct log_figures_options *options,
             int64_t until_us, log_seen *seen, void *context, const volatile sig_atomic_t *stop,
             struct log_played *played, omega_error_t *err);

#endif
