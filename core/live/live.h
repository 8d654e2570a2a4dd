/* SPDX-License-Identifier: MIT */
/*
 * The live driver: a run whose time is spent, not modelled. Every scheduler instance, the feeder of
 * jobs and the executor of tasks are processes of their own on one cell on disk, and the conflicts
 * they meet are real. What came of it is told by the segments of the run log, one a process, and by
 * nothing else (core/live/README.md).
 */
#ifndef OMEGA_CORE_LIVE_LIVE_H
#define OMEGA_CORE_LIVE_LIVE_H

#include "core/driver/run.h"

#define LIVE_SPEEDUP_MAX 1e6
#define LIVE_INSTANCES_MAX 256u /* processes, besides the others */

/* How a process is started again that ended before its time. */
struct live_restart {
    double delay_s;     /* real time before it, >= 0 */
    double backoff;     /* the delay grows by this factor with each one in a row, >= 1 */
    double delay_max_s; /* limit of that growth */
    uint32_t limit;     /* in a row, with nothing done in between: one more ends the run; 0: none */
};

struct live_options {
    /* experiment time / real time, > 0: arrivals, durations, retry delays and emulated decision
     * times pass so much faster. What planning and committing really take is not scaled: it takes
     * so much more of the experiment's time */
    double speedup;
    bool emulate; /* an attempt takes its decision time besides what it really takes to plan */
    int metrics;  /* where a server of figures is told of the cell (metrics_tell()); 0: nowhere */
    bool threads; /* of one process, instead of processes: then what follows does not count */
    struct live_restart restart;
    double deadline_s;    /* real time: a process that shows no progress for so long hangs */
    uint32_t flood_per_s; /* an instance that makes so many attempts in a second, none of which gets
                             anything, floods; 0: none does */
};

/* Why a process was started again. */
enum live_cause {
    LIVE_KILLED = 0,  /* ended by a signal that did not come from here */
    LIVE_FAILED = 1,  /* ended with an error */
    LIVE_HUNG = 2,    /* showed no progress until its deadline, or was stopped for so long */
    LIVE_FLOODED = 3, /* many attempts, nothing placed */
    LIVE_BLOCKED = 4, /* was stopped while it held the lock of the writers */
    LIVE_CAUSES,
};

#define LIVE_NAME_BYTES 160

/* What became of one process of a run. */
struct live_restarts {
    char process[LIVE_NAME_BYTES]; /* "instance 0 of scheduler 'batch'" */
    uint32_t by_cause[LIVE_CAUSES];
    char last[400]; /* an error's text: why it was the last time; "" = never */
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
    /* of each process but the caller's, in the order of segments: the caller's room */
    struct live_restarts *restarts;
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
 * A process that ends before its time, hangs, floods or blocks the cell is named by config->log and
 * started again, as options->restart says; nothing is lost by it, and times->restarts tells.
 *
 * OMEGA_EINVAL for what has no live form: compatibility rules, a memory store. OMEGA_EIO, or the
 * error of the process, names one that is not started again, and how it ended. OMEGA_EINTR:
 * config->stop or config->progress asked for it, and the processes have ended in order. A cell with
 * a directory of its own stays, however the run ends, once time has begun. Ignores SIGPIPE.
 */
int run_live(const struct run_config *config, const struct live_options *options,
             const struct live_segment *segments, struct metrics *metrics,
             struct store_report *report, struct store_counters *counters,
             struct live_report *times, omega_error_t *err);

#endif
