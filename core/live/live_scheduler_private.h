/* SPDX-License-Identifier: MIT */
/* Inside of an instance of a live run: live_scheduler.c (attempts), live_queue.c (jobs). */
#ifndef OMEGA_CORE_LIVE_LIVE_SCHEDULER_PRIVATE_H
#define OMEGA_CORE_LIVE_LIVE_SCHEDULER_PRIVATE_H

#include "core/live/live_private.h"

struct live_scheduler {
    struct live_process *process;
    struct runner runner;
    struct attempt_memory memory; /* its own */
    struct eligibility *eligibility;
    struct events retries; /* struct run_job, that wait to be queued again */
    struct map jobs;       /* those at hand, by id */
    struct run_job *found; /* at the last look, by queue_next */
    struct run_job **found_end;
    uint64_t next_id;   /* jobs below it have been looked at ... */
    uint64_t known_id;  /* ... and these ever, before tasks were lost */
    uint64_t losses;    /* that have been looked at, as counted in its slot */
    int64_t since_us;   /* see lmdb_give_way() */
    int status;         /* of what the store calls back ... */
    omega_error_t *err; /* ... and why */
};

/* Queues the jobs of the table that are this instance's and not at hand: new ones, and those of
 * which tasks were lost. */
int live_find_jobs(struct live_scheduler *scheduler, omega_error_t *err);

/* Queues those whose delay is over. */
void live_take_retries(struct live_scheduler *scheduler);

/* Takes the first job of the queue, which has one. */
struct run_job *live_dequeue(struct live_scheduler *scheduler);

/* Have tasks been lost since jobs were looked for? */
bool live_has_lost(const struct live_scheduler *scheduler);

/* Brings the job of the attempt to what the table says of it now. */
int live_look_again(struct live_scheduler *scheduler, omega_error_t *err);

/* Lets go of a job. */
void live_drop_job(struct live_scheduler *scheduler, struct run_job *job);

/* Lets go of all jobs. */
void live_drop_jobs(struct live_scheduler *scheduler);

#endif
