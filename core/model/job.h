/* SPDX-License-Identifier: MIT */
/*
 * Jobs: what is scheduled. A job is a list of task groups; the tasks of a group are alike.
 *
 * A task is named by (job id, task index). Indices run through the groups: group g holds
 * [first_task, first_task + count + optional). The first `count` of them are required; the
 * `optional` ones behind may stay unplaced for ever, which is neither a conflict nor a retry.
 */
#ifndef OMEGA_CORE_MODEL_JOB_H
#define OMEGA_CORE_MODEL_JOB_H

#include <stddef.h>

#include "core/base/error.h"
#include "core/model/resources.h"

#define OMEGA_NEVER INT64_MAX      /* a duration: runs beyond any horizon */
#define OMEGA_TASKS_MAX (1u << 20) /* tasks of one job, optional ones included */
#define OMEGA_GROUPS_MAX 1024u     /* task groups of one job */
#define OMEGA_DURATION_MAX INT64_C(1000000000000000000) /* about 31,000 years in microseconds */

struct omega_task_group {
    uint32_t first_task;             /* index of this group's first task within the job */
    uint32_t count;                  /* required tasks; may be 0 if optional > 0, but not in all
                                        groups of a job */
    uint32_t optional;               /* further tasks a scheduler may add */
    uint32_t constraints;            /* constraint set in the cell's catalogue; 0 = none */
    struct omega_request request;    /* of each task */
    int64_t duration_us;             /* of each task; OMEGA_NEVER for no end */
    const int64_t *task_duration_us; /* NULL, or count + optional durations, one per task */
};

/* What a MapReduce scheduler needs to know to choose a number of workers; all 0 for other jobs. */
struct omega_mapreduce {
    uint32_t map_activities;    /* any of them runs on any worker, one at a time */
    uint32_t reduce_activities; /* start when all maps are done */
    int64_t map_mean_us;        /* how long an activity takes, 0 to OMEGA_DURATION_MAX */
    int64_t reduce_mean_us;
    uint32_t workers_asked; /* as recorded; what counts are the required tasks of the job */
};

struct omega_job {
    uint64_t id;        /* never reused in a cell; from 1 */
    int64_t submit_us;  /* experiment time */
    uint32_t workload;  /* index of its workload in the experiment */
    uint32_t user;      /* symbol in the catalogue; 0 = unknown */
    int32_t precedence; /* the one cell-wide scale; see omega_band_of */
    uint32_t group_count;
    uint32_t tasks; /* required tasks, over all groups */
    uint32_t slots; /* required and optional tasks, over all groups */
    struct omega_mapreduce mapreduce;
    const struct omega_task_group *groups;
};

/* Fills first_task of the groups and tasks and slots of the job from the groups' counts, and checks
 * the ranges promised above (also of requests and durations). `job->groups` must point to `groups`.
 * Returns OMEGA_EINVAL with what is wrong. Pure. */
int omega_job_seal(struct omega_job *job, struct omega_task_group *groups, omega_error_t *err);

/* Is this job sealed: are its counts those of its groups, and all ranges kept? Returns 0, or
 * OMEGA_EINVAL with what is wrong. Pure. */
int omega_job_check(const struct omega_job *job, omega_error_t *err);

/* A copy of a sealed job with its groups and durations in one block; free() releases it.
 * Returns NULL without memory. */
struct omega_job *omega_job_copy(const struct omega_job *job);
/* The same in the caller's memory, aligned as malloc() does it, of which it takes so much. */
size_t omega_job_copy_bytes(const struct omega_job *job);
struct omega_job *omega_job_copy_to(const struct omega_job *job, void *memory);

/* Duration of a task of a group; `task` is the job-wide index. */
static inline int64_t omega_task_duration(const struct omega_task_group *group, uint32_t task)
{
    return group->task_duration_us == NULL ? group->duration_us
                                           : group->task_duration_us[task - group->first_task];
}

/* True if any group has optional tasks: the job commits once, at least its required tasks. */
static inline bool omega_job_is_elastic(const struct omega_job *job)
{
    return job->slots > job->tasks;
}

#endif
