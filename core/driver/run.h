/* SPDX-License-Identifier: MIT */
/*
 * One run: a cell, its workloads and its schedulers, in virtual time. Everything an experiment says
 * has become plain data here; the drivers read no JSON and no experiment file.
 */
#ifndef OMEGA_CORE_DRIVER_RUN_H
#define OMEGA_CORE_DRIVER_RUN_H

#include <signal.h>

#include "cellstate/lmdb.h"
#include "core/metrics/metrics.h"
#include "core/plugin/module.h"
#include "core/runlog/runlog.h"
#include "core/workload/workload.h"

#define RUN_SCHEDULERS_MAX 256u
#define RUN_INSTANCES_MAX 4096u /* of all schedulers */

/* t_decision = job_us + task_us x unplaced tasks at the start of the attempt (the paper's formula,
 * section 2 of EuroSys 2013). */
struct run_decision {
    int64_t job_us;
    int64_t task_us;
};

enum run_queue_end {
    RUN_QUEUE_BACK = 0,
    RUN_QUEUE_FRONT = 1,
};

/* What happens to a job whose attempt left required tasks unplaced. */
struct run_retry {
    int64_t delay_us;     /* before it is queued again, after the first attempt */
    double backoff;       /* the delay grows by this factor with each attempt; 1 = constant */
    int64_t delay_max_us; /* limit of that growth */
    enum run_queue_end queue;
    uint32_t attempts_max;          /* abandoned after this many; 0 = never */
    uint32_t attempts_unplaced_max; /* the same, where no task was ever placed */
};

enum run_assignment {
    RUN_ASSIGN_ROUND_ROBIN = 0, /* jobs of a scheduler go to its instances in turn */
    RUN_ASSIGN_HASH = 1,        /* by a hash of the user, or of the job where the user is unknown */
    RUN_ASSIGN_COUNTED = 2,     /* the n-th job of the run goes to instance n modulo their number,
                                   counted from 1, one workload behind the other */
};

/* When the module places: the claims are committed when the decision time is over either way. */
enum run_place {
    RUN_PLACE_START = 0, /* before it passes, on the view of then */
    RUN_PLACE_END = 1,   /* behind it: nothing can come between view and commit */
};

/* What becomes of an attempt that is in progress at the horizon. */
enum run_cut {
    RUN_CUT_COUNTED = 0, /* begun, and busy up to there */
    RUN_CUT_DROPPED = 1, /* counted nowhere, as if it had not begun */
};

enum run_sync {
    RUN_SYNC_ATTEMPT = 0,  /* newest state at each attempt, planned on the live arrays */
    RUN_SYNC_PRIVATE = 1,  /* newest state at each attempt, on a private copy: same results */
    RUN_SYNC_INTERVAL = 2, /* private copy, refreshed at an attempt when it is interval_us old */
};

struct run_scheduler {
    const char *name;
    const struct module *module;
    const json_t *options;
    uint32_t instances;
    enum run_assignment assignment;
    enum run_place place;
    const struct run_decision *decisions; /* per workload of the run */
    enum omega_detection detection;
    enum omega_granularity granularity;
    uint32_t at_least; /* AT_LEAST: tasks of each group, at most those unplaced */
    enum run_sync sync;
    int64_t interval_us;
    struct run_retry retry;
};

/* Pre-fill: never-ending (or ending) one-task placements by random first fit before time 0, or as
 * an instance of a module places them, until the next one would bring use of CPU or memory above
 * the target. OMEGA_EINVAL if too many in a row fit no machine. */
struct run_prefill {
    double cpu_utilisation; /* share of capacity; 0 = no pre-fill */
    double mem_utilisation; /* 0 = no limit by memory */
    const struct distribution *cpu_milli;
    const struct distribution *mem_mib;
    const struct distribution *duration_s; /* NULL = never ends */
    int32_t precedence;
    const struct module *module; /* NULL = random first fit of the driver's own */
};

/* Failures from distributions: each machine up for a time drawn from `up_s`, then down for one
 * drawn from `down_s`, and so on. Stream: (seed, "machine-failures", machine). */
struct run_failures {
    const struct distribution *up_s; /* NULL = no failures */
    const struct distribution *down_s;
};

struct run_workload {
    const char *name;
    uint32_t scheduler;        /* index of the scheduler that its jobs go to */
    uint64_t jobs_before;      /* COUNTED: jobs of the workloads before it */
    double pickiness;          /* share of machines a job may use; 1 = all */
    struct job_source *source; /* NULL if another workload's source brings its jobs (a trace) */
};

enum run_store_kind {
    RUN_STORE_MEMORY = 0,
    RUN_STORE_LMDB = 1,
};

/* Where the cell state lives while the run goes on; results are the same whichever (invariant F).
 * All 0: in memory. */
struct run_store {
    enum run_store_kind kind;
    /* LMDB: where the cell is made, and stays if the run comes to its end; NULL: in a directory of
     * its own in $TMPDIR or /tmp, which is removed when the run ends */
    const char *directory;
    struct lmdb_options options; /* LMDB */
};

/* Decision times as another run has recorded them. */
struct run_recording {
    /* How long, in us, an attempt takes instead of `formula_us`, its scheduler's decision time: the
     * instance by its number among all, the job by its number in the order of submission, 1 for its
     * first attempt, and how many tasks are unplaced at its start. Called once an attempt */
    int64_t (*decision_us)(void *context, uint16_t instance, uint64_t job, uint32_t attempt,
                           uint32_t unplaced, int64_t formula_us);
    void *context;
    bool live; /* it was a live one: jobs draw their random subsets of machines by their ids */
};

struct run_config {
    uint64_t seed;
    uint32_t scheduler_stream; /* other than 0: other random numbers for the schedulers, and for
                                  them only */
    int64_t horizon_us;
    int64_t warmup_us;
    struct store_config cell;
    struct run_store store;
    const struct omega_machine_event *events; /* by time */
    uint32_t event_count;
    struct run_failures failures;
    enum store_loss_policy lost;
    enum run_cut cut;
    struct run_prefill prefill;
    const struct run_workload *workloads;
    uint32_t workload_count;
    const struct run_scheduler *schedulers;
    uint32_t scheduler_count;
    const struct run_recording *recording; /* simulator: NULL: decision times are the schedulers' */
    struct runlog *runlog;             /* told of everything that happens; NULL: there is no log */
    const volatile sig_atomic_t *stop; /* or NULL: looked at after each event; not 0 ends the run
                                          with OMEGA_EINTR */
    /* progress, or NULL: called now and then with the experiment time reached and jobs submitted;
     * returns other than 0 to stop the run with OMEGA_EINTR */
    int (*progress)(void *context, int64_t now_us, uint64_t jobs);
    void (*log)(void *context, const char *scheduler, enum omega_log_level level,
                const char *message); /* or NULL */
    void *context;
};

/* Fills in what the log of a run opens with, all but the experiment's name, text and SHA-256, and
 * the variant. The tables, of scheduler_count and workload_count entries, are the caller's. */
void run_log_opening(const struct run_config *config, struct runlog_scheduler *schedulers,
                     struct runlog_workload *workloads, struct runlog_opening *opening);

/* Runs in virtual time and tells `metrics` what happened, metrics_finish() included. At the end the
 * store is checked (A, B, I); a violation is an OMEGA_ECORRUPT error with its text. `report` gets
 * the check's figures and may be NULL. A store that fails ends the run: OMEGA_EFULL is one on disk
 * that has no room left. */
int run_simulate(const struct run_config *config, struct metrics *metrics,
                 struct store_report *report, struct store_counters *counters, omega_error_t *err);

/* Lists the directory of a cell that is being made or used up, and is to go if this process ends
 * before it is unlisted. `path` stays valid until then, and is known by its pointer. The first 64
 * at one time are listed. */
void run_scratch_list(const char *path);
void run_scratch_unlist(const char *path);

/* Says what else may lie in the directory of a listed cell, by a function that unlinks it and is
 * async-signal-safe; the one that was told last is called. From any thread. */
void run_scratch_clean_with(void (*clean)(int directory_fd));

/* Lists nothing any more, in a copy of the process that did. */
void run_scratch_forget_all(void);

/* Removes what is listed, for a process that is about to end: each cell's files, and the directory
 * if nothing else is in it. Async-signal-safe; what used the cells may not go on afterwards. */
void run_scratch_unlink_all(void);

#endif
