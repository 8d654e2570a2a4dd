/* SPDX-License-Identifier: MIT */
/*
 * Metrics: counts what a run does and turns it into figures. The driver tells it what happened; it
 * decides nothing. What each figure means is defined once, in core/metrics/README.md.
 *
 * Three scopes: a scheduler (all its instances together), a workload, the cell. Times are
 * microseconds of experiment time. Counting starts at the end of the warm-up: an attempt or a job
 * belongs to the measured part if it began (was submitted) at or after it; time integrals are cut
 * at both ends. Events, machine events, losses, module counters and the digest are of the whole
 * run. Not thread-safe. Telling cannot fail; if memory ran out, metrics_status() says so.
 */
#ifndef OMEGA_CORE_METRICS_METRICS_H
#define OMEGA_CORE_METRICS_METRICS_H

#include "cellstate/store.h"
#include "core/base/histogram.h"

#define METRICS_COUNTERS_MAX 64     /* names of one scheduler's own counters */
#define METRICS_COUNTER_NAME_MAX 31 /* bytes of such a name */
#define METRICS_SAMPLES_MAX 100000  /* samples in the series */
#define METRICS_SERIES_MAX 1000000  /* samples x schedulers */
#define METRICS_DAY_US INT64_C(86400000000)
#define METRICS_SPEEDUP_ONE 1000 /* a speed-up of 1 in histograms: thousandths */
#define METRICS_DAYS_MAX 1000000 /* days x schedulers; a longer run has no daily figures */

/* What fragmentation is measured with, where it is. */
struct metrics_fragmentation {
    struct omega_request task; /* one more like this */
    int64_t step_us; /* from one sample to the next; 0 = not measured. Doubled until there are at
                        most METRICS_SAMPLES_MAX */
};

struct metrics;
struct metrics_refused;

/* Takes the record of a claim that was refused (core/metrics/conflicts.h), valid during the call.
 * Not told of in metrics_finish() or later. */
typedef void metrics_refused_sink(void *context, const struct metrics *metrics,
                                  const struct metrics_refused *claim);

struct metrics_config {
    const char *const *schedulers; /* names; copied */
    const uint32_t *instances;     /* instances of each scheduler */
    uint32_t scheduler_count;
    const char *const *workloads;
    uint32_t workload_count;
    int64_t warmup_us;
    int64_t horizon_us;
    int64_t series_step_us; /* distance of the samples in the series; 0 = no series. Doubled until
                               both limits above hold */
    struct metrics_fragmentation fragmentation;
    bool histograms; /* on by default: waits, queued, attempts_settled and view age are read
                               from them; off (they stay empty) only for timing */
    bool jobs;       /* keep a record per measured job, for jobs.csv */
    bool digest;     /* on by default; off only for timing */
    /* core/metrics/conflicts.h: */
    bool conflicts; /* on by default: who blocks whom; off only for timing, and then neither
                               of those below */
    bool machines;  /* count claims per machine: one increment a claim */
    metrics_refused_sink *refused; /* told of each refused claim; NULL: not asked for */
    void *refused_context;
    bool counterfactuals;   /* what each commit would have got in every other mode */
    uint32_t machine_count; /* of the cell */
};

/* One attempt, told when it has ended. */
struct metrics_attempt {
    uint32_t scheduler;
    uint32_t instance; /* among its scheduler's */
    uint32_t workload;
    uint32_t attempt; /* 1 for the job's first */
    int64_t start_us;
    int64_t end_us;
    uint32_t claims; /* 0: no-fit */
    bool gang_short; /* claims were found but fewer than the granularity needs: no transaction */
    bool redone;     /* conflicts have made it necessary: at its start the job had no more unplaced
                        tasks than they had taken claims (metrics_claims_taken()) since it last had
                        none */
    bool enough; /* a job with optional tasks has got its required ones: what it lacks is neither
                        a conflict of its transaction nor tried again */
    struct omega_result result;
    int64_t view_age_us; /* end of attempt - sync of the view */
    uint64_t view_age_versions;
};

/* How a job ended, or stood at the horizon. */
enum metrics_job_outcome {
    METRICS_JOB_FINISHED = 0,
    METRICS_JOB_RUNNING = 1, /* not ended by the horizon, no required task waits to be placed */
    METRICS_JOB_PENDING = 2, /* at the horizon one does, for the first time or after a loss */
    METRICS_JOB_ABANDONED = 3,
    METRICS_JOB_FAILED = 4,
};

struct metrics_job {
    uint64_t job;
    uint32_t workload;
    uint32_t scheduler;
    int64_t submitted_us;
    int64_t first_attempt_us;   /* -1: never */
    int64_t fully_scheduled_us; /* -1: never */
    int64_t queued_us;          /* in a queue before its attempts, the one that it waits for at the
                                   horizon left out */
    uint32_t attempts;          /* begun, one cut at the horizon included unless the run drops it */
    uint64_t task_attempts;     /* required tasks unplaced at the start of each of these attempts */
    uint32_t conflicts;         /* claims in conflict, over all attempts */
    uint32_t tasks;             /* required */
    uint32_t placed;   /* claims accepted: of optional tasks, and again after a loss, too */
    uint32_t unplaced; /* required tasks that wait at the horizon, or were given up */
    uint8_t outcome;   /* enum metrics_job_outcome */
    bool mapreduce;    /* a MapReduce job: the workers asked for are its tasks */
    int64_t asked_us;  /* MapReduce: its duration with these; OMEGA_NEVER: it has no end */
    int64_t given_us;  /* MapReduce: what its module has said for those it got; 0: nothing */
};

/* NULL without memory; metrics_destroy(NULL) is allowed. Names and counts are copied. */
struct metrics *metrics_create(const struct metrics_config *config);
void metrics_destroy(struct metrics *metrics);

/* 0, or OMEGA_ENOMEM if something told was lost for want of memory: the figures are incomplete. */
int metrics_status(const struct metrics *metrics);

/* A job arrived, with so many required tasks. */
void metrics_submitted(struct metrics *metrics, uint32_t scheduler, uint32_t workload,
                       int64_t submitted_us, uint32_t tasks);

/* So many optional tasks of a job were placed: only now they count as submitted (invariant I). */
void metrics_optional(struct metrics *metrics, uint32_t scheduler, uint32_t workload,
                      int64_t submitted_us, uint32_t tasks);

/* An attempt ended. Also the first attempt's start is told here: job wait time is
 * start_us - submitted_us at attempt 1. */
void metrics_attempt(struct metrics *metrics, const struct metrics_attempt *attempt,
                     int64_t submitted_us);

/* An attempt was still going on at the horizon: counts its time up to there as busy, and the job's
 * wait if it is the first one; no attempt, claims or transaction. end_us, claims and result are not
 * looked at. */
void metrics_attempt_cut(struct metrics *metrics, const struct metrics_attempt *attempt,
                         int64_t submitted_us);

/* The same for an attempt that ended at attempt->end_us, with the process that made it. */
void metrics_attempt_lost(struct metrics *metrics, const struct metrics_attempt *attempt,
                          int64_t submitted_us);

/* A job's last required task was placed for the first time. */
void metrics_fully_scheduled(struct metrics *metrics, uint32_t scheduler, uint32_t workload,
                             int64_t submitted_us, int64_t now_us);

/* A job ended, or the horizon came: told once per job. One that never had an attempt, or never was
 * fully scheduled (abandoned ones too), counts as waiting longer than any other. */
void metrics_job(struct metrics *metrics, const struct metrics_job *job);

/* Tasks that ended (finished, failed, abandoned; a lost task returns or fails), and, told at the
 * horizon, those still running or pending. */
void metrics_tasks(struct metrics *metrics, uint32_t scheduler, uint32_t workload,
                   int64_t submitted_us, enum metrics_job_outcome outcome, uint64_t tasks);
/* So many tasks were lost with a machine that was removed. */
void metrics_losses(struct metrics *metrics, uint64_t tasks);
/* A machine event happened. */
void metrics_machine_event(struct metrics *metrics, enum omega_machine_event_kind kind);

/* The cell's totals changed at `now_us` (times never fall); `totals` are those from now on. Before
 * the first call the cell is empty. */
void metrics_totals(struct metrics *metrics, int64_t now_us, const struct store_totals *totals);

/* What machines that take new tasks have free, and how much of it is stranded: on machines where
 * the task does not fit, and on devices that have less than it asks of one. */
struct metrics_room {
    int64_t cpu_free_milli;
    int64_t mem_free_mib;
    int64_t gpu_free_milli;
    int64_t cpu_stranded_milli;
    int64_t mem_stranded_mib;
    int64_t gpu_stranded_milli;
};

/* When the next sample of fragmentation is due: the cell as it is behind all that happens at that
 * time; INT64_MAX: none. The last one is at the horizon. */
int64_t metrics_room_due(const struct metrics *metrics);
/* The task to measure it with. */
const struct omega_request *metrics_room_task(const struct metrics *metrics);
/* Adds a machine to what is free in the cell. */
void metrics_room_add(struct metrics_room *room, const struct omega_machine *machine,
                      const struct omega_request *task);
/* The sample that is due. */
void metrics_room(struct metrics *metrics, const struct metrics_room *room);

/* Jobs waiting in a scheduler's queues from now on. */
void metrics_queue(struct metrics *metrics, int64_t now_us, uint32_t scheduler, uint32_t length);

/* A module's own counter. False if it was ignored: one name too many, or a name too long. */
bool metrics_count(struct metrics *metrics, uint32_t scheduler, const char *name, int64_t delta);

/* One event was handled by the driver. */
void metrics_event(struct metrics *metrics);

/* Is there a digest? It goes by each end of a task: if not, drivers need not find out what each
 * was. */
bool metrics_wants_digest(const struct metrics *metrics);

/* The digest's records, in version order; see core/base/digest.h. Free with config.digest off.
 * A commit's accepted claims come first, in order, then the others; releases that were
 * not_running leave no record; the initial state has time 0. */
void metrics_digest_commit(struct metrics *metrics, int64_t now_us,
                           const struct omega_transaction *txn,
                           const struct omega_claim_result *results,
                           const struct omega_result *result);
void metrics_digest_release(struct metrics *metrics, int64_t now_us, uint64_t version,
                            const struct store_release_result *results, uint32_t count, bool lost);
void metrics_digest_machine(struct metrics *metrics, int64_t now_us, uint64_t version,
                            const struct omega_machine_event *event);
void metrics_digest_preload(struct metrics *metrics, uint64_t version,
                            const struct store_placement *placements, uint32_t count);

/* The horizon, or an earlier end of the run: closes integrals and series and adds the scopes up.
 * Call once, then read: figures read before are 0 and histograms empty. */
void metrics_finish(struct metrics *metrics, int64_t now_us);

/* ---- reading ---- */

/* One scope's figures. Waits in microseconds; see core/metrics/README.md for each. */
struct metrics_scope {
    const char *name;
    uint64_t jobs_submitted;
    uint64_t jobs_begun; /* of those submitted, at least one attempt had begun by the end */
    uint64_t jobs_by_outcome[METRICS_JOB_FAILED + 1];
    uint64_t tasks_submitted; /* required, and optional ones placed */
    uint64_t tasks_pending;   /* at the horizon */
    uint64_t tasks_running;   /* at the horizon */
    uint64_t tasks_finished;
    uint64_t tasks_failed;
    uint64_t tasks_abandoned;
    uint64_t attempts_begun; /* of jobs_begun, one cut at the horizon included */
    uint64_t attempts;
    uint64_t attempts_no_fit;          /* claimed nothing */
    uint64_t attempts_short;           /* claimed fewer than the granularity needs */
    uint64_t transactions;             /* sent to the store: successful + conflicting + refused */
    uint64_t transactions_successful;  /* no claim in conflict, at least one accepted; or enough */
    uint64_t transactions_conflicting; /* at least one claim in conflict, and not enough */
    uint64_t transactions_refused;     /* the others */
    uint64_t claims;
    uint64_t claims_accepted;
    uint64_t claims_conflicting;
    uint64_t claims_refused;
    uint64_t claims_aborted;
    /* Time in attempts, summed over instances: the sum of the five below, each attempt being in one
     * of them; */
    int64_t busy_us;
    int64_t busy_useful_us;      /* its transaction was successful */
    int64_t busy_conflicting_us; /* its transaction conflicted */
    int64_t busy_refused_us;     /* its transaction was refused */
    int64_t busy_no_fit_us;      /* it had no transaction */
    int64_t busy_cut_us;         /* it was going on at the horizon */
    int64_t busy_redone_us;      /* of busy_us, in attempts that conflicts have made necessary */
    uint32_t instances;          /* 0 for workloads */
    const int64_t *instance_busy_us;
    double queue_mean;  /* jobs waiting in its queues, over the measured part; NaN for workloads */
    uint32_t queue_max; /* the most that waited at once for any time at all; 0 for workloads */
    const struct histogram *wait_first;        /* submission to start of the first attempt */
    const struct histogram *wait_full;         /* submission to fully scheduled */
    const struct histogram *queued;            /* per job begun: its time in queues */
    const struct histogram *attempts_settled;  /* per job fully scheduled or abandoned */
    const struct histogram *view_age;          /* microseconds, per transaction */
    const struct histogram *view_age_versions; /* versions it was behind, per transaction */
    uint64_t mapreduce_jobs;                   /* of jobs_submitted, MapReduce jobs */
    uint64_t mapreduce_gained;       /* of these, faster than with the workers asked for */
    const struct histogram *speedup; /* thousandths (METRICS_SPEEDUP_ONE), per MapReduce job that
                                        had the workers it asked for: metrics_speedup() */
};

struct metrics_cell {
    int64_t measured_us; /* end - warm-up; the end is the horizon or where the run stopped */
    uint64_t events;
    uint64_t losses;
    uint64_t machine_events[OMEGA_EVENT_CAPACITY + 1];
    double cpu_utilisation; /* integral of use / integral of capacity; 0 without capacity */
    double mem_utilisation;
    double gpu_utilisation;
    double cpu_fragmentation; /* stranded / free, each summed up over the samples; NaN if nothing
                                 was free, or it was not measured */
    double mem_fragmentation;
    double gpu_fragmentation;
    double final_cpu_fragmentation; /* of the last sample */
    double final_mem_fragmentation;
    double final_gpu_fragmentation;
    struct store_totals final; /* at the horizon */
    char digest[33];           /* "" with config.digest off */
};

/* Figures that are also given by day: the measured part is cut into days of 24 hours from its begin
 * on, the last being as long as it lasts. */
enum metrics_daily {
    METRICS_DAILY_BUSYNESS = 0,
    METRICS_DAILY_USEFUL,
    METRICS_DAILY_WASTED,
    METRICS_DAILY_NO_FIT,
    METRICS_DAILY_NO_CONFLICTS,
    METRICS_DAILY_REFERENCE,
    METRICS_DAILY_CONFLICT_FRACTION,
    METRICS_DAILY_WAIT_FIRST, /* microseconds */
    METRICS_DAILY_FIGURES,
};

/* How daily values lie: days without a value are left out; NaN if no day has one. */
struct metrics_spread {
    double median;
    double mad; /* median absolute deviation from the median, as it is (not scaled) */
};

/* How many scopes of each kind there are; their indices are those of the configuration. */
uint32_t metrics_scheduler_count(const struct metrics *metrics);
uint32_t metrics_workload_count(const struct metrics *metrics);
/* Copies a scope's figures; what they point to belongs to `metrics` and lives as long. */
void metrics_read_scheduler(const struct metrics *metrics, uint32_t scheduler,
                            struct metrics_scope *out);
void metrics_read_workload(const struct metrics *metrics, uint32_t workload,
                           struct metrics_scope *out);
void metrics_read_cell(struct metrics *metrics, struct metrics_cell *out);

/* A scheduler's own counters, in order of first use; false past the end. */
bool metrics_read_counter(const struct metrics *metrics, uint32_t scheduler, uint32_t index,
                          const char **name, int64_t *value);

/* Days of the measured part, 0 before metrics_finish() and in a run that is too long for them. */
uint32_t metrics_day_count(const struct metrics *metrics);
/* A scheduler's figure of one day, from 0; NaN where its denominator is 0. */
double metrics_read_day(const struct metrics *metrics, uint32_t scheduler, uint32_t day,
                        enum metrics_daily figure);
/* Median and MAD of a scheduler's daily values. */
void metrics_read_spread(struct metrics *metrics, uint32_t scheduler, enum metrics_daily figure,
                         struct metrics_spread *out);

/* Samples of the series: means over each step of utilisation, of queue length and busyness per
 * scheduler. The first starts at the end of the warm-up, the last ends at the end of the run. */
struct metrics_sample {
    int64_t start_us;
    int64_t end_us;
    double cpu_utilisation;
    double mem_utilisation;
    double gpu_utilisation;
    double cpu_fragmentation; /* stranded / free, summed up over the samples of fragmentation within
                                 the step, its end included; NaN without any */
    double mem_fragmentation;
    double gpu_fragmentation;
    const double *queue;       /* per scheduler: mean jobs waiting */
    const uint32_t *queue_max; /* per scheduler: the most that waited at once */
    const double *busyness;    /* per scheduler: mean over its instances */
};
/* False past the end, and before metrics_finish(). */
bool metrics_read_sample(const struct metrics *metrics, uint32_t index, struct metrics_sample *out);

/* Job records by rising job, before metrics_finish() in the order they were told; NULL past the end
 * or without config.jobs. */
const struct metrics_job *metrics_read_job(const struct metrics *metrics, uint64_t index);

/* Figures derived from a scope, each defined once. NaN where the denominator is 0. */
/* conflicting / successful transactions */
double metrics_conflict_fraction(const struct metrics_scope *scope);
/* in conflict / claims */
double metrics_claim_conflict_fraction(const struct metrics_scope *scope);
/* attempts begun / jobs begun: how often a job had to be planned so far */
double metrics_attempts_per_job(const struct metrics_scope *scope);
/* share of its instances' time spent in attempts; NaN for a workload */
double metrics_busyness(const struct metrics_scope *scope, int64_t measured_us);
/* time in attempts whose transaction was sent and did not succeed: in conflict, or refused */
int64_t metrics_busy_wasted(const struct metrics_scope *scope);
/* busyness had there been no conflicts: without the attempts that they have made necessary */
double metrics_busyness_no_conflicts(const struct metrics_scope *scope, int64_t measured_us);
/* `busy_us`, a part of a scope's time in attempts, as a share of its instances' time */
double metrics_busy_share(const struct metrics_scope *scope, int64_t busy_us, int64_t measured_us);

/* How long a MapReduce job runs with the workers it got; -1 where there is nothing to compare: no
 * MapReduce job, or one that never had all that it asks for, or has no end. */
int64_t metrics_job_got_us(const struct metrics_job *job);
/* Its duration with the workers asked for / that one, in units of METRICS_SPEEDUP_ONE, rounded to
 * the nearest; -1 likewise. */
int64_t metrics_speedup(const struct metrics_job *job);

/* Claims of an attempt that conflicts have kept from being placed: those in conflict and, unless
 * something was refused for another reason, those that fell with them. */
uint32_t metrics_claims_taken(const struct omega_result *result);

#endif
