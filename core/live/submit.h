/* SPDX-License-Identifier: MIT */
/* Submitting jobs to a scheduler of a standing cell, and waiting for them. */
#ifndef OMEGA_CORE_LIVE_SUBMIT_H
#define OMEGA_CORE_LIVE_SUBMIT_H

#include "core/live/register.h"

struct submitter;

/* Microseconds since 1970: the experiment time of a standing cell. */
int64_t standing_now_us(void);

/* Prepares to submit to the cell at `directory`, opened as `store`, which outlives it. */
int submitter_open(struct store *store, const char *directory, struct submitter **submitter,
                   omega_error_t *err);
void submitter_close(struct submitter *submitter); /* NULL is allowed */

/* The scheduler of a name, or the only one there is where `name` is NULL. One that is not there yet
 * is waited for, for so long. OMEGA_EINVAL names those that there are; OMEGA_ECORRUPT: it is none
 * of those that can be read, and one cannot be. */
int submitter_find(struct submitter *submitter, const char *name, int64_t wait_ns,
                   struct register_entry *to, omega_error_t *err);

/*
 * Submits jobs, now, in their order, and wakes the scheduler. `jobs` are in the numbers of the
 * store's catalogue; each gets an id of its own, which rise, and its submit time. Each is kept once
 * it is submitted: *done says how many are, also after an error. Ids are given out one submitter
 * after the other, some hundreds at a time: whoever `waits` waits for those before it; else 1 is
 * returned where somebody is at it.
 */
int submitter_send(struct submitter *submitter, const struct register_entry *to,
                   struct omega_job *const *jobs, uint64_t count, bool waits, uint64_t *done,
                   omega_error_t *err);

/* What has become of jobs; begins with zeros. */
struct submitter_state {
    uint64_t settled;   /* so many from the first on wait no more: placed, or given up */
    uint64_t abandoned; /* of these, jobs given up by their scheduler */
    uint64_t unknown;   /* of these, jobs that are gone: ended or given up */
};

/* Looks what has become of jobs that submitter_send() submitted last, from the first one that was
 * not settled at the look before. */
int submitter_look(struct submitter *submitter, const struct register_entry *to,
                   struct omega_job *const *jobs, uint64_t count, struct submitter_state *state,
                   omega_error_t *err);

/* Sleeps until the scheduler has told of something, at most for some 20 ms: what it tells may be
 * lost. */
int submitter_pause(struct submitter *submitter, const struct register_entry *to,
                    omega_error_t *err);

#endif
