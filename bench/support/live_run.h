/* SPDX-License-Identifier: MIT */
/* A run of several processes of live_worker.h on a fresh cell, and what it is summed up to. */
#ifndef OMEGA_BENCH_SUPPORT_LIVE_RUN_H
#define OMEGA_BENCH_SUPPORT_LIVE_RUN_H

#include "bench/support/live_worker.h"
#include "core/base/histogram.h"

/* Makes a cell in the directory `path` and lets options->processes work on it for so long: what
 * they report, in memory of its own (munmap() it). The cell stays. Whatever fails ends the
 * process. */
struct live_shared *live_run(const struct live_options *options, const char *path);

/* Processes summed up. */
struct live_summary {
    struct live_counts counts;
    double seconds;
    struct histogram *latencies[LIVE_LATENCIES];
};

void live_summary_open(struct live_summary *summary);
void live_summary_add(struct live_summary *summary, const struct live_report *report);
void live_summary_close(struct live_summary *summary);

/* Conflicting per successful transactions. */
double live_conflict_fraction(const struct live_counts *counts);
/* A quantile of a latency in us. */
double live_quantile_us(const struct live_summary *summary, int which, double q);

/* Sets where modules are found: those of the build that this program belongs to, unless the user
 * says otherwise. */
void live_find_modules(void);

#endif
