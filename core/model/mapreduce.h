/* SPDX-License-Identifier: MIT */
/*
 * How long a MapReduce job runs with a number of workers: the one performance model, for the
 * generator of such jobs, the readers of traces and scheduler modules (which link to nothing, so
 * all of it is inline).
 *
 * The model is the idealised one of the Omega paper (section 6): a job has M map activities of a
 * mean duration m and R reduce activities of a mean duration r, known from earlier runs. A phase
 * is sped up linearly by workers up to the number of its activities, and reduces start when the
 * maps are done. With w workers the job takes
 *
 *     T(w) = M m / min(w, M) + R r / min(w, R)
 *
 * where a phase without activities takes no time. Each phase is rounded up to a microsecond.
 */
#ifndef OMEGA_CORE_MODEL_MAPREDUCE_H
#define OMEGA_CORE_MODEL_MAPREDUCE_H

#include "core/model/job.h"

__extension__ typedef unsigned __int128 omega_mapreduce_work; /* activities x microseconds */

/* True if a job carries MapReduce numbers. */
static inline bool omega_job_is_mapreduce(const struct omega_job *job)
{
    const struct omega_mapreduce *numbers = &job->mapreduce;
    return numbers->map_activities > 0 || numbers->reduce_activities > 0 ||
           numbers->map_mean_us != 0 || numbers->reduce_mean_us != 0 || numbers->workers_asked > 0;
}

/* work / parts, rounded up, at most OMEGA_DURATION_MAX. */
static inline int64_t omega_mapreduce_share(omega_mapreduce_work work, uint64_t parts)
{
    omega_mapreduce_work share = work / parts + (work % parts != 0);
    return share < (omega_mapreduce_work)OMEGA_DURATION_MAX ? (int64_t)share : OMEGA_DURATION_MAX;
}

/* One phase with `workers` >= 1, in microseconds. */
static inline int64_t omega_mapreduce_phase(uint32_t activities, int64_t mean_us, uint32_t workers)
{
    uint32_t at_once = workers < activities ? workers : activities;
    return at_once == 0
               ? 0
               : omega_mapreduce_share(
                     (omega_mapreduce_work)activities * (omega_mapreduce_work)mean_us, at_once);
}

/* T(workers) in microseconds, 1 to OMEGA_DURATION_MAX; `workers` >= 1, means >= 0. */
static inline int64_t omega_mapreduce_duration(const struct omega_mapreduce *numbers,
                                               uint32_t workers)
{
    int64_t us =
        omega_mapreduce_phase(numbers->map_activities, numbers->map_mean_us, workers) +
        omega_mapreduce_phase(numbers->reduce_activities, numbers->reduce_mean_us, workers);
    us = us > 0 ? us : 1;
    return us < OMEGA_DURATION_MAX ? us : OMEGA_DURATION_MAX;
}

/* The number of workers beyond which one more is of no use: the activities of the larger phase that
 * takes time; 0 if none does. */
static inline uint32_t omega_mapreduce_useful(const struct omega_mapreduce *numbers)
{
    uint32_t maps = numbers->map_mean_us > 0 ? numbers->map_activities : 0;
    uint32_t reduces = numbers->reduce_mean_us > 0 ? numbers->reduce_activities : 0;
    return maps > reduces ? maps : reduces;
}

/* The further workers of use beside `workers_asked`, as long as there are at most `most` of both: a
 * job's optional tasks. */
static inline uint32_t omega_mapreduce_optional(const struct omega_mapreduce *numbers,
                                                uint32_t most)
{
    uint32_t useful = omega_mapreduce_useful(numbers);
    useful = useful < most ? useful : most;
    return useful > numbers->workers_asked ? useful - numbers->workers_asked : 0;
}

/* How long a job of any kind runs once its required tasks run together: the longest of them, in
 * microseconds; OMEGA_NEVER if one has no end. */
static inline int64_t omega_job_duration(const struct omega_job *job)
{
    int64_t longest = 0;
    for (uint32_t g = 0; g < job->group_count; g++) {
        const struct omega_task_group *group = &job->groups[g];
        uint32_t count = group->task_duration_us == NULL && group->count > 0 ? 1 : group->count;
        for (uint32_t i = 0; i < count; i++) {
            int64_t duration = omega_task_duration(group, group->first_task + i);
            longest = duration > longest ? duration : longest;
        }
    }
    return longest;
}

/*
 * How long a MapReduce job runs with `workers` >= 1 in place of those it asks for, which are its
 * required tasks: D T(workers) / T(tasks), rounded up, D being the job's own duration. Where that
 * is T(tasks), as in generated workloads, it is T(workers); where a trace has recorded another one,
 * the model says by how much it changes. OMEGA_NEVER stays.
 */
static inline int64_t omega_mapreduce_predict(const struct omega_job *job, uint32_t workers)
{
    int64_t asked_us = omega_job_duration(job);
    if (asked_us == OMEGA_NEVER) {
        return OMEGA_NEVER;
    }
    int64_t model_us = omega_mapreduce_duration(&job->mapreduce, workers);
    int64_t base_us = omega_mapreduce_duration(&job->mapreduce, job->tasks);
    int64_t us = omega_mapreduce_share(
        (omega_mapreduce_work)asked_us * (omega_mapreduce_work)model_us, (uint64_t)base_us);
    return us > 0 ? us : 1;
}

#endif
