/* SPDX-License-Identifier: MIT */
/*
 * The live driver: a run whose time is spent, not modelled. Every scheduler instance, the feeder of
 * jobs and the executor of tasks are processes of their own on one cell on disk, and the conflicts
 * they meet are real. What came of it is told by the segments of the run log, one a process, and by
 * nothing else (core/driver/README.md).
 */
#ifndef OMEGA_CORE_DRIVER_LIVE_H
#define OMEGA_CORE_DRIVER_LIVE_H

#include "core/driver/run.h"

#define LIVE_SPEEDUP_MAX 1e6
#define LIVE_INSTANCES_MAX 256u /* processes, besides the others */

struct live_options {
    /* experiment time / real time, > 0: arrivals, durations, retry delays and emulated decision
     * times pass so much faster. What planning and committing really take is not scaled: it takes
     * so much more of the experiment's time */
    double speedup;
    bool emulate; /* an attempt takes its decision time besides what it really takes to plan */
    int metrics;  /* a socket of metrics_listen(), where figures are served meanwhile; 0: none */
};

/* One segment of the run log: begun by runlog_create() with `live`, and nothing of its opening is
 * left in the stream's buffer. */
struct live_segment {
    struct runlog *log;
    FILE *stream;
};

/* Real time spent on something, by one scheduler instance. */
struct live_spent {
    uint64_t count;
    uint64_t total_ns;
    uint64_t max_ns;
};

/* What a scheduler instance did in real time: neither scaled nor part of the results. */
struct live_times {
    struct live_spent plan;   /* syncing the view and placing */
    struct live_spent commit; /* transactions */
};

struct live_report {
    double wall_s;            /* from experiment time 0 to the end of the last process */
    struct live_times *times; /* of each instance, by scheduler, then number: the caller's room */
};

/* How many segments a run has: those of the feeder, of the executor, of each scheduler instance,
 * and that of the process that calls run_live(), in this order. */
uint32_t live_segments(const struct run_config *config);

/*
 * Makes the cell that config->store asks for (on disk), pre-fills it, starts all processes, waits
 * for the horizon and proves the cell (A, B, E, I). `metrics` are told of the pre-fill and hold the
 * counters of modules behind it; what there is to count besides is in the segments, which are
 * complete then. config->runlog is not looked at, and config->log is called in the processes, too.
 *
 * OMEGA_EINVAL for what has no live form: machine events and failures, optional tasks, a memory
 * store. OMEGA_EIO names a process that ended before its time, and how. OMEGA_EINTR: config->stop
 * or config->progress asked for it, and the processes have ended in order. A cell with a directory
 * of its own stays, however the run ends, once time has begun. Ignores SIGPIPE.
 */
int run_live(const struct run_config *config, const struct live_options *options,
             const struct live_segment *segments, struct metrics *metrics,
             struct store_report *report, struct store_counters *counters,
             struct live_report *times, omega_error_t *err);

#endif
