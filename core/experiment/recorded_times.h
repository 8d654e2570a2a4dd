/* SPDX-License-Identifier: MIT */
/*
 * The decision times that a run has recorded, as the simulator asks for them in a replay: that of
 * the same attempt of the same job; where that was not made, one of the same instance's at random,
 * of attempts with the nearest number of unplaced tasks; and for an instance without any the time
 * of its scheduler's formula.
 */
#ifndef OMEGA_CORE_EXPERIMENT_RECORDED_TIMES_H
#define OMEGA_CORE_EXPERIMENT_RECORDED_TIMES_H

#include "core/driver/run.h"

/* One attempt that began and ended. */
struct recorded_time {
    uint64_t job;      /* number in the order of submission, from 1 */
    uint32_t attempt;  /* 1 for the job's first */
    uint16_t instance; /* number among all */
    uint32_t unplaced; /* tasks, at its start */
    int64_t us;        /* from its start to its commit, or to its end without one */
};

/* How many times there are, and where those that were asked for came from. */
struct recorded_counts {
    uint64_t known;    /* of attempts that were added */
    uint64_t recorded; /* of the same attempt */
    uint64_t drawn;
    uint64_t formula;
    uint64_t strange; /* first attempts of a job that has another number of tasks than the one of
                         its number that was recorded: it is another run's */
};

struct recorded_times;

/* Empty. `seed` is that of the run: each instance draws from its stream (seed, "recorded-times",
 * instance). OMEGA_ENOMEM. */
int recorded_times_create(uint64_t seed, struct recorded_times **times, omega_error_t *err);
void recorded_times_destroy(struct recorded_times *times); /* NULL is allowed */

/* Adds an attempt, in any order; of two that are the same the first one counts. OMEGA_ENOMEM. */
int recorded_times_add(struct recorded_times *times, const struct recorded_time *time,
                       omega_error_t *err);

/* Makes them ready to be asked for, once all are added: fills in recording->decision_us and its
 * context. They outlive the run. OMEGA_ENOMEM. */
int recorded_times_seal(struct recorded_times *times, struct run_recording *recording,
                        omega_error_t *err);

/* What has been asked for of one instance so far. */
void recorded_times_counts(const struct recorded_times *times, uint16_t instance,
                           struct recorded_counts *counts);

#endif
