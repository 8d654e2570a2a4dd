/* SPDX-License-Identifier: MIT */
/*
 * Workloads: where jobs come from. A job source gives jobs by rising submit time; a generator makes
 * them up, a trace replays them. Which jobs come, and when, depends on the source's configuration
 * and seed only, never on what a scheduler does with them.
 */
#ifndef OMEGA_CORE_WORKLOAD_WORKLOAD_H
#define OMEGA_CORE_WORKLOAD_WORKLOAD_H

#include "core/base/distribution.h"
#include "core/model/catalogue.h"
#include "core/model/mapreduce.h"

struct job_source;

struct job_source_ops {
    const char *name;
    /* See job_source_next(). */
    int (*next)(struct job_source *source, const struct omega_job **job, omega_error_t *err);
    void (*close)(struct job_source *source);
};

/* Every source begins with this. */
struct job_source {
    const struct job_source_ops *ops;
};

/* The next job, sealed, with `workload` set and id 0 (the driver numbers jobs as they arrive).
 * Returns 1 and *job, owned by the source until its next call; 0 at the end; negative on error. */
static inline int job_source_next(struct job_source *source, const struct omega_job **job,
                                  omega_error_t *err)
{
    return source->ops->next(source, job, err);
}

/* NULL is allowed. */
static inline void job_source_close(struct job_source *source)
{
    if (source != NULL) {
        source->ops->close(source);
    }
}

#define GENERATOR_ACTIVITIES_MAX 1000000000 /* of a phase of a job */

/* Jobs that are MapReduce jobs: each task is a worker. The duration of a job follows from the
 * performance model (core/model/mapreduce.h) for the workers asked for, and its optional tasks are
 * the further workers that are of use to it. */
struct generator_mapreduce {
    bool enabled;                /* the rest counts only then */
    struct distribution maps;    /* map activities, rounded up, at least 1 */
    struct distribution reduces; /* reduce activities, rounded up, at least 0 */
    bool maps_per_worker;        /* they are drawn as so many for each worker asked for */
    bool reduces_per_worker;
    struct distribution map_s; /* mean duration of a map activity of the job; at least 1 us */
    struct distribution reduce_s;
    uint32_t workers_max; /* asked for and optional together, unless more are asked for */
};

/* A generated workload: jobs of one task group, alike but for what is drawn. */
struct generator_config {
    uint32_t workload;   /* index in the experiment; also the index of its random streams */
    const char *name;    /* for messages, owned by the caller; NULL = by its index */
    uint32_t user;
    int32_t precedence;
    uint32_t constraints;           /* constraint set of every job */
    struct distribution interarrival_s; /* seconds between submissions */
    struct distribution tasks;      /* per job: rounded up, at least 1; workers asked for */
    struct distribution duration_s; /* of all tasks of a job; at least 1 us. Not MapReduce */
    struct distribution cpu_milli;  /* per task, one draw a job: rounded up, at least 1 */
    struct distribution mem_mib;    /* per task, one draw a job: rounded up, at least 1 */
    double optional_factor;         /* optional tasks = factor x tasks, rounded down; 0 = none.
                                       Not MapReduce */
    struct generator_mapreduce mapreduce;
    uint8_t gpu_devices;
    int16_t gpu_milli;
    double rate_factor;             /* divides the gaps; > 0 */
    int64_t first_us;               /* the first gap starts here */
    int64_t end_us;                 /* no submission at or after this time */
    uint64_t jobs_max;              /* 0 = no limit */
};

/* Opens a generator. Streams, each its own: "interarrival", "tasks", "duration", "cpu", "memory",
 * and "maps", "reduces", "map-duration", "reduce-duration" for MapReduce jobs, named by (seed,
 * purpose, config->workload). `config` is copied, but its distributions' tables
 * belong to the caller and outlive the source. */
int generator_open(const struct generator_config *config, uint64_t seed,
                   struct job_source **source, omega_error_t *err);

#endif
