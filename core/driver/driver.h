/* SPDX-License-Identifier: MIT */
/*
 * What drivers share: a job on its way through the cell, a scheduler instance with its queue,
 * and the attempt as two functions. A driver only decides how the time between them passes.
 */
#ifndef OMEGA_CORE_DRIVER_DRIVER_H
#define OMEGA_CORE_DRIVER_DRIVER_H

#include "cellstate/store_view.h"
#include "core/base/cache.h"
#include "core/base/map.h"
#include "core/base/spares.h"
#include "core/driver/run.h"
#include "core/plugin/instance.h"

struct runner;

/* To be used again. */
struct run_job_spares {
    struct spares jobs;        /* of one group whose tasks all run alike, as most are */
    struct spare_sizes placed; /* of all jobs */
};

/* A job from its arrival until nothing of it is left, with `job` in one block. Freed when `holds`
 * falls to 0. */
struct run_job {
    struct omega_job *job;
    struct run_job *queue_next;
    struct run_job *live_previous; /* all live jobs, by arrival */
    struct run_job *live_next;
    struct runner *runner;
    struct store_place in_table; /* the simulator's: where the store keeps it */
    const uint64_t **eligible;   /* per group; NULL = all machines */
    uint8_t *placed;             /* per task slot, or NULL as long as all are alike: none is placed
                                  where `placements` is 0, otherwise all. Made by
                                  run_job_keep_placed(), with OMEGA_MARKS_BEHIND. Not kept for
                                  jobs with optional tasks, which commit once */
    uint32_t *machine_of;        /* per task slot of a different_machines group: where it runs, or
                                  UINT32_MAX; NULL if the job has no such group */
    struct omega_claim *last_claims;
    struct omega_claim_result *last_results;
    uint32_t last_count;
    uint32_t attempts;
    uint64_t task_attempts; /* unplaced tasks at the start of each attempt, summed up */
    uint32_t tries;         /* attempts since it last had nothing unplaced */
    uint32_t unplaced;      /* required tasks */
    uint32_t given_up; /* required tasks that were unplaced when it was abandoned, or lost since */
    uint32_t running;
    uint32_t failed;
    uint32_t placements; /* ever made */
    uint32_t conflicts;
    uint64_t taken; /* claims taken by conflicts since it last had nothing unplaced */
    double retry_delay_us;
    int64_t queued_since_us; /* when it last came into a queue */
    int64_t given_us;        /* how long it runs, by its module; 0: not said */
    int64_t queued_us;       /* time in queues, up to the start of its last attempt */
    int64_t first_attempt_us;
    int64_t fully_scheduled_us;
    bool waiting; /* in a queue, in an attempt, or with a retry to come */
    bool abandoned;
    bool reported;
    uint32_t holds; /* one while it is live, one per end-of-tasks event to come */
};

/* Working memory of attempts. Instances share one if each has done with what the store said of its
 * commit before the next one commits. Plans, which are kept longer, are their own, but for the list
 * of tasks in order: that stays as it is. All 0 is an empty one. */
struct attempt_memory {
    struct task_list *in_order;         /* tasks that are their own index; the largest list first */
    struct omega_claim *claims;         /* in full, of a plan in short: see attempt_claims() */
    const struct runner *claims_of;     /* whose; NULL: nobody's */
    struct omega_claim_result *results; /* of the last commit: see attempt_results() */
    const struct runner *results_of;    /* who made it */
    bool is_brief;                      /* commits tell nothing of accepted claims: see
                                           attempt_tell_results() */
    struct omega_brief brief;           /* of the last commit */
    struct omega_inquiry *inquiry;      /* what commits are asked for besides; NULL: nothing */
    uint32_t room;                      /* claims that fit */
};

/* One scheduler instance. */
struct runner {
    struct instance *instance;
    struct store_view *view;
    const struct run_scheduler *config;
    uint32_t scheduler; /* index of its scheduler */
    uint32_t number;    /* among the instances of its scheduler */
    uint16_t id;        /* unique in the cell: names it in transactions */
    uint32_t incarnation;
    struct run_job *first;
    struct run_job *last;
    uint32_t queued;
    bool awake; /* an attempt goes on, or will be looked for at this instant */
    /* the attempt */
    struct run_job *job;
    struct store_place in_table; /* of the job: asked for where *job would have to be waited for */
    int64_t start_us;
    int64_t decision_us;
    uint32_t asked; /* tasks of the job that were unplaced at its start */
    struct instance_plan plan;
    bool falls_short; /* fewer claims than the granularity needs: no transaction */
    uint64_t synced_version;
    int64_t synced_us;
    bool must_refresh;             /* not synced yet, or the last commit refused something */
    void (*synced)(void *context); /* NULL, or called when the view has been brought up to date */
    void *synced_context;
    uint32_t *told; /* INTERVAL: machines where own placements ended since the last commit */
    uint32_t told_count;
    uint32_t told_room;
    struct run_job_spares *spares; /* those of all its jobs, set behind runner_open(); NULL: none */
    struct attempt_memory *memory; /* set behind runner_open() */
    uint32_t *tasks;               /* what is left of a job, some of which is placed */
    uint32_t tasks_room;
    struct omega_pending_group *groups;
    uint32_t *minimum;      /* per group: claims needed */
    uint32_t *group_claims; /* per group: claims made */
    uint32_t groups_room;
    /* where a module's log and counters go */
    const struct run_config *run;
    struct metrics *metrics;
};

/* What became of an attempt. */
enum settlement {
    SETTLED_DONE = 0,  /* all required tasks are placed */
    SETTLED_RETRY = 1, /* tasks are left: again after job->retry_delay_us */
    SETTLED_ABANDON = 2,
};

/* Begins an attempt for runner->job, fills runner->decision_us, and plans it unless the scheduler
 * places at the end of its decisions. */
int attempt_begin(struct runner *runner, struct store *store, int64_t now_us, omega_error_t *err);

/* sync + place: shows the newest state (or what the policy allows) and lets the module claim. A
 * driver calls it when the decision time is over, where config->place says RUN_PLACE_END. */
int attempt_plan(struct runner *runner, struct store *store, int64_t now_us, omega_error_t *err);

/* Takes an attempt that is in progress out of what its job counts. */
void attempt_drop(struct runner *runner);

/* commit + settle: commits the claims and decides what becomes of the job. *result holds what the
 * store said (all 0 without a transaction), attempt_results() what it said of each claim;
 * *duration_us is 0, or what started() of an elastic job returned. */
int attempt_end(struct runner *runner, struct store *store, struct omega_result *result,
                int64_t *duration_us, enum settlement *settlement, omega_error_t *err);

/* What the store said of each claim of the attempt that attempt_end() has just committed. */
const struct omega_claim_result *attempt_results(const struct runner *runner);

/* Fills in what a brief commit has left out of them; for who needs them all the same. */
void attempt_tell_results(const struct runner *runner, const struct omega_result *result);

/* The transaction of the attempt that attempt_end() committed, in full: for logs and digests. */
void attempt_transaction(const struct runner *runner, struct omega_transaction *txn);
/* The same as it was planned: in short, where the plan is. */
void attempt_planned(const struct runner *runner, struct omega_transaction *txn);

/* The attempt's claims, in full. Where they have to be made, they are in the attempt's memory until
 * another attempt's are, or until one is planned. */
const struct omega_claim *attempt_claims(const struct runner *runner);

/* Opens the store that config->store asks for, the cell being config->cell. *scratch is the
 * directory of its cell, which is listed (run_scratch_list()), or NULL: it has none. */
int run_store_open(const struct run_config *config, struct store **store, char **scratch,
                   omega_error_t *err);
/* Closes a store (NULL is allowed), removes its cell unless `keep`, and frees `scratch`. The error,
 * which names the directory, says that it could not be removed. */
int run_store_close(struct store *store, char *scratch, bool keep, omega_error_t *err);

/* Creates and destroys an instance with its view. runner_close() takes a zeroed runner too. */
int runner_open(struct runner *runner, const struct run_config *config, struct store *store,
                struct metrics *metrics, uint32_t scheduler, uint32_t number, uint16_t id,
                omega_error_t *err);
void runner_close(struct runner *runner, struct store *store);

/* Notes that a placement of this instance ended on a machine. */
int runner_tell(struct runner *runner, uint32_t machine);

/* A job for the driver: takes a copy. NULL without memory. `spares`, the same in all three calls
 * for a job, keeps what it takes; NULL: nothing is kept. */
struct run_job *run_job_create(const struct omega_job *job, uint64_t id,
                               struct run_job_spares *spares);
void run_job_destroy(struct run_job *job, struct run_job_spares *spares);
/* Asks for what every job has in its block, of one that will be looked at next: in a long queue it
 * has lain for long. NULL: of none. */
CACHE_ASKS run_job_prefetch(const struct run_job *job)
{
    cache_ask(job,
              sizeof(struct run_job) + sizeof(struct omega_job) + sizeof(struct omega_task_group));
}

/* Makes job->placed, if it has none yet; OMEGA_ENOMEM. */
int run_job_keep_placed(struct run_job *job, struct run_job_spares *spares);

/* Forgets where a task ran. */
void run_job_vacate(struct run_job *job, uint32_t task);

/* For commits that are asked for what the metrics want. attempt_memory_close() takes an empty one
 * too. */
int attempt_memory_open(struct attempt_memory *memory, const struct metrics *metrics, bool is_brief,
                        omega_error_t *err);
void attempt_memory_close(struct attempt_memory *memory);
/* Makes room for so many claims, and for what is said of them; OMEGA_ENOMEM. */
int attempt_memory_reserve(struct attempt_memory *memory, uint32_t claims);
/* The numbers 0, 1, 2, ... , at least so many; NULL without memory. They stay until the memory is
 * closed. */
const uint32_t *attempt_memory_in_order(struct attempt_memory *memory, uint32_t count);

/* Which machines a job may use: constraints and pickiness as bitmaps, each made once. */
struct eligibility;
struct eligibility *eligibility_create(const struct run_config *config);
void eligibility_destroy(struct eligibility *eligibility); /* NULL is allowed */
/* From now on a job draws its subset by its id, and not in its turn: where several processes ask
 * for different jobs. */
void eligibility_by_id(struct eligibility *eligibility);
/* Fills job->eligible; draws the job's random subset of machines where its workload is picky.
 * OMEGA_ENOMEM. */
int eligibility_of(struct eligibility *eligibility, struct run_job *job, omega_error_t *err);

/* Tells the run log, if there is one, of a batch of the initial state. */
void run_log_preload(const struct run_config *config, uint64_t version,
                     const struct store_placement *placements, const int64_t *ends_us,
                     uint32_t count);

/* Where a record of the run log belongs: behind a version, at a time. */
struct log_place {
    struct runlog *log; /* NULL: nothing is logged */
    uint64_t version;   /* the one that a release made; of all others, but transactions, which know
                           theirs, the newest one */
    int64_t time_us;
};
void run_log_submission(const struct log_place *place, const struct omega_job *job);
void run_log_attempt(const struct log_place *place, const struct runner *runner);
void run_log_commit(const struct log_place *place, const struct runner *runner,
                    const struct omega_result *result, int64_t duration_us);
/* A transaction that was sent before, by somebody else: its attempt, and what the store said. */
void run_log_transaction(const struct log_place *place, const struct runlog_attempt *attempt,
                         const struct omega_transaction *txn,
                         const struct omega_claim_result *results,
                         const struct omega_result *result, int64_t duration_us);
/* The attempt that the runner makes; `planned`: its view has been synced. */
struct runlog_attempt run_log_attempt_of(const struct runner *runner, bool planned);
/* An instance begins anew. */
void run_log_restart(const struct log_place *place, uint16_t instance, uint32_t incarnation);
void run_log_release(const struct log_place *place, const struct store_release_result *released,
                     uint32_t count, bool changes);
/* The same of placements that follow each other, all of which have ended. */
void run_log_release_run(const struct log_place *place, uint64_t first, uint32_t count);
/* A machine event, which is a change, with what was lost by it. */
void run_log_machine(const struct log_place *place, const struct omega_machine_event *event,
                     const struct store_release_result *lost, uint32_t count);
void run_log_abandonment(const struct log_place *place, uint64_t job, uint32_t tasks);
void run_log_retry(const struct log_place *place, uint64_t job);
void run_log_counter(const struct log_place *place, uint32_t scheduler, const char *name,
                     int64_t value);
void run_log_horizon(const struct log_place *place);

/* How long a machine stays up, or down: a draw in us, at least 1. */
#define RUN_FAILURES_STREAM "machine-failures" /* one for each machine */
int64_t run_failure_delay_us(const struct distribution *distribution, struct omega_random *random);

/* The number of an instance among all, by scheduler, then number: its id in transactions. */
uint32_t run_instance_id(const struct run_config *config, uint32_t scheduler, uint32_t number);

/* Which instance of its scheduler gets a job, by the scheduler's assignment: jobs are told in the
 * order of their arrival, with their ids. */
struct assigner {
    const struct run_config *config;
    uint32_t *turn;    /* per scheduler: round robin */
    uint64_t *arrived; /* per workload: jobs so far */
};
int assigner_init(struct assigner *assigner, const struct run_config *config); /* OMEGA_ENOMEM */
void assigner_fini(struct assigner *assigner); /* takes a zeroed one, too */
uint32_t assigner_next(struct assigner *assigner, const struct omega_job *job);

/* Fills the cell before time 0. *ends gets one entry per placement that ends: free() it. */
struct prefill_end {
    int64_t time_us;
    uint64_t placement;
};
int prefill_cell(const struct run_config *config, struct store *store, struct metrics *metrics,
                 struct prefill_end **ends, uint32_t *end_count, omega_error_t *err);

#endif
