/* SPDX-License-Identifier: MIT */
/*
 * The simulator's own structures, and what its files ask of each other: simulate.c (setting up, the
 * loop, the horizon), sim_jobs.c (arrivals, queues, attempts, commits), sim_ends.c (ends of tasks),
 * sim_machines.c (machine events).
 */
#ifndef OMEGA_CORE_DRIVER_SIMULATE_PRIVATE_H
#define OMEGA_CORE_DRIVER_SIMULATE_PRIVATE_H

#include "core/driver/driver.h"
#include "core/driver/events.h"

/* Tasks of one attempt that end together: `count` placements of one version. */
struct tasks_end {
    struct run_job *job;         /* NULL: pre-filled */
    struct store_place in_table; /* of the job */
    struct store_place placements;
    uint64_t version;
    uint32_t count;
    uint32_t first;       /* positions first, first + 1, ... */
    uint32_t positions[]; /* ... or, where first is UINT32_MAX, these */
};

/* A source with the job that it will submit next. */
struct arrival {
    struct job_source *source;
    struct run_job *next;
};

/* A machine event to come; a random one plans the next of its machine. */
struct machine_change {
    struct omega_machine_event event;
    bool random;
};

struct simulation {
    const struct run_config *config;
    struct metrics *metrics;
    struct store *store;
    char *scratch; /* directory of its cell on disk, or NULL */
    struct events events;
    bool is_far;       /* many machines: see CACHE_MACHINES_FAR */
    uint64_t prepared; /* order of the event that was prepared for last */
    struct eligibility *eligibility;
    struct runner *runners; /* by scheduler, then number */
    uint32_t runner_count;
    uint32_t *first_runner; /* per scheduler */
    struct assigner assigner;
    uint32_t *queued; /* per scheduler */
    struct arrival *arrivals;
    uint32_t arrival_count;
    bool machines_change; /* tasks may be lost */
    struct map jobs;      /* id -> live run_job; empty unless machines change */
    struct run_job *live_first;
    struct run_job *live_last;
    uint64_t submitted;
    int64_t now_us;
    int64_t room_due_us;            /* when fragmentation is to be looked at; INT64_MAX: never */
    struct machine_change *changes; /* those of the experiment */
    struct machine_change *failing; /* per machine: its next random one; NULL = no failures */
    struct omega_random *failures;  /* per machine */
    struct prefill_end *prefill_ends;
    uint32_t prefill_end_count;
    /* working memory */
    struct attempt_memory attempt_memory; /* of all runners: commits follow each other */
    struct run_job_spares spare_jobs;
    struct spares spare_ends; /* of a run of positions */
    uint64_t *ids;
    struct store_release_result *released;
    uint32_t release_room;
};

/* Records that memory ran out. */
int sim_no_memory(omega_error_t *err);

/* Plans an event; one after the horizon never happens and is dropped. */
int sim_push(struct simulation *sim, int64_t time_us, enum event_kind kind, void *what,
             omega_error_t *err);

/* now + delay, without overflow. */
int64_t sim_later(int64_t now_us, int64_t delay_us);

/* Tells the metrics what the cell holds from now on. */
void sim_tell_totals(struct simulation *sim);

/* ---- fragmentation: sim_room.c ---- */

/* Tells the metrics what is free in the cell, for each time before `before_us` when that is due. */
int sim_measure_room(struct simulation *sim, int64_t before_us, omega_error_t *err);

/* ---- the run log: run_log.c ---- */

/* Each does nothing where there is no log; all but machine events, releases and transactions that
 * installed something name the newest version. */
void sim_log_submission(const struct simulation *sim, const struct omega_job *job);
void sim_log_attempt(const struct simulation *sim, const struct runner *runner);
void sim_log_commit(const struct simulation *sim, const struct runner *runner,
                    const struct omega_result *result, int64_t duration_us);
void sim_log_release(const struct simulation *sim, uint64_t version, uint32_t count, bool changes);
void sim_log_release_run(const struct simulation *sim, uint64_t version, uint64_t first,
                         uint32_t count);
void sim_log_machine(const struct simulation *sim, const struct omega_machine_event *event,
                     uint64_t version, const struct store_release_result *lost, uint32_t count);
void sim_log_abandonment(const struct simulation *sim, uint64_t job, uint32_t tasks);
void sim_log_retry(const struct simulation *sim, uint64_t job);
/* The horizon, and what modules have counted. */
void sim_log_horizon(const struct simulation *sim);

/* ---- jobs: sim_jobs.c ---- */

/* Fetches a source's next job and plans its arrival. */
int sim_fetch(struct simulation *sim, struct arrival *arrival, omega_error_t *err);

/* Puts a job into its instance's queue and wakes the instance if it is idle. */
int sim_enqueue(struct simulation *sim, struct run_job *job, bool front, omega_error_t *err);

/* Lets a job go when nothing of it waits or runs any more. */
void sim_let_go_if_done(struct simulation *sim, struct run_job *job);

/* Gives up one of the holds that keep a job in memory. */
void sim_release_hold(struct simulation *sim, struct run_job *job);

/* Tells the metrics how a job ended or stands, once; and what became of some of its tasks. */
void sim_tell_job(struct simulation *sim, struct run_job *job, enum metrics_job_outcome outcome);
void sim_tell_tasks(struct simulation *sim, const struct run_job *job,
                    enum metrics_job_outcome outcome, uint32_t tasks);

/* Would the attempt not be made, had no conflict taken its job's claims? */
bool sim_redoes(const struct runner *runner);

int sim_on_arrival(struct simulation *sim, struct arrival *arrival, omega_error_t *err);
int sim_on_retry(struct simulation *sim, struct run_job *job, omega_error_t *err);
int sim_on_attempt(struct simulation *sim, struct runner *runner, omega_error_t *err);
int sim_on_commit(struct simulation *sim, struct runner *runner, omega_error_t *err);

/* ---- ends of tasks: sim_ends.c ---- */

/* One accepted placement, while the ends of its attempt are sorted. */
struct ending {
    int64_t time_us;
    uint32_t group;
    uint32_t position;
};

/* Plans one end of `count` placements of a version: positions from `first` on, or those of
 * `endings`. `job` is NULL for what was pre-filled. */
int sim_push_end(struct simulation *sim, struct run_job *job, uint64_t version, int64_t time_us,
                 uint32_t count, uint32_t first, const struct ending *endings, omega_error_t *err);

/* Plans when a commit's accepted tasks end: one event per (attempt, group, end time).
 * `duration_us` above 0 is what started() returned for all of them. */
int sim_plan_ends(struct simulation *sim, const struct runner *runner,
                  const struct omega_result *result, int64_t duration_us, omega_error_t *err);

/* Notes for the instance that placed it where one of its placements ended. OMEGA_ENOMEM. */
int sim_tell_instance(struct simulation *sim, const struct store_release_result *released);

/* Frees an end that has been planned. */
void sim_drop_end(struct simulation *sim, struct tasks_end *end);
int sim_on_tasks_end(struct simulation *sim, struct tasks_end *end, omega_error_t *err);

/* ---- machine events: sim_machines.c ---- */

/* Plans the next random failure or repair of a machine. */
int sim_plan_failure(struct simulation *sim, uint32_t machine, bool fails, omega_error_t *err);

int sim_on_machine(struct simulation *sim, const struct machine_change *change, omega_error_t *err);

#endif
