/* SPDX-License-Identifier: MIT */
/* Submitting jobs to a scheduler of a standing cell, and waiting for them. */
#ifndef OMEGA_CORE_DRIVER_SUBMIT_H
#define OMEGA_CORE_DRIVER_SUBMIT_H

#include "core/driver/register.h"

struct submitter;

/* Microseconds since 1970: the experiment time of a standing cell. */
int64_t standing_now_us(void);

/* Prepares to submit to the cell at `directory`, opened as `store`, which outlives it. */
int submitter_open(struct store *store, const char *directory, struct submitter **submitter,
                   omega_error_t *err);
void submitter_close(struct submitter *submitter); /* NULL is allowed */

/* The scheduler of a name, or the only one there is where `name` is NULL. One that is not there yet
 * is waited for, for so long. OMEGA_EINVAL names those that there are. */
int submitter_find(struct submitter *submitter, const char *name, int64_t wait_ns,
                   struct register_entry *to, omega_error_t *err);

/*
 * Submits jobs, now, in their order, and wakes the scheduler. They get ids of their own, *first and
 * those behind it; `jobs` are in the numbers of the store's catalogue, and their ids and submit
 * times are changed. Each is kept once it is submitted: *done says how many are, also after an
 * error. OMEGA_EINVAL, and none is submitted, if one has optional tasks.
 */
int submitter_send(struct submitter *submitter, const struct register_entry *to,
                   struct omega_job *const *jobs, uint64_t count, uint64_t *first, uint64_t *done,
                   omega_error_t *err);

/* What has become of jobs. */
struct submitter_state {
    uint64_t pending;   /* jobs with tasks that wait to be placed */
    uint64_t abandoned; /* jobs given up by their scheduler */
    uint64_t tasks;     /* tasks that wait */
};

/* Looks at `count` jobs from id `first` on; those that are over and gone wait for nothing. */
int submitter_look(struct submitter *submitter, uint64_t first, uint64_t count,
                   struct submitter_state *state, omega_error_t *err);

/* Sleeps until the scheduler has told of something, at most for some 20 ms: what it tells may be
 * lost. */
int submitter_pause(struct submitter *submitter, const struct register_entry *to,
                    omega_error_t *err);

#endif
