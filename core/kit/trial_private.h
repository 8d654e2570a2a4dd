/* SPDX-License-Identifier: MIT */
/*
 * What the files of a trial share: trial.c (its life, the course of a job), trial_cell.c (the
 * machines and what happens to them), trial_jobs.c (random jobs) and trial_attempt.c (a call).
 */
#ifndef OMEGA_CORE_KIT_TRIAL_PRIVATE_H
#define OMEGA_CORE_KIT_TRIAL_PRIVATE_H

#include "cellstate/store_view.h"
#include "core/kit/lend.h"
#include "core/kit/trial.h"
#include "core/plugin/instance.h"

#define TRIAL_GROUPS 4u
#define TRIAL_CONSTRAINTS 6u
#define TRIAL_SUBSETS 3u    /* random sets of machines, beside "all" */
#define TRIAL_RUNNING 4096u /* placements that can be ended one by one */
#define TRIAL_COUNTERS 64u  /* names that a scheduler may count under, as scheduler.h promises */
#define TRIAL_COUNTER_BYTES 32u

/* A job on its way. */
struct trial_job {
    struct omega_job job;
    struct omega_task_group groups[TRIAL_GROUPS];
    const uint64_t *eligible[TRIAL_GROUPS];
    uint32_t attempt;
    uint32_t unplaced; /* required tasks */
    uint32_t last_count;
};

struct trial {
    struct trial_plan plan;
    struct finding *finding;
    const struct module *module;
    const json_t *options;
    struct omega_random random;
    /* the cell */
    struct catalogue *catalogue;
    struct omega_machine_spec *specs;
    struct store *store;
    struct store_view *view; /* live */
    uint32_t constraints[TRIAL_CONSTRAINTS];
    uint64_t *eligible[TRIAL_CONSTRAINTS][TRIAL_SUBSETS + 1]; /* bitmaps */
    int64_t now_us;
    uint64_t last_job;
    /* placements by age, in a ring */
    uint64_t running[TRIAL_RUNNING];
    uint32_t running_first;
    uint32_t running_count;
    /* the instance */
    struct instance *instance;
    struct omega_host host;                             /* as the instance was given it */
    char counters[TRIAL_COUNTERS][TRIAL_COUNTER_BYTES]; /* names that it counts under */
    uint32_t counter_count;
    struct lender *lender; /* NULL: it plans on `view` */
    uint32_t planned;      /* jobs */
    struct trial_job job;
    /* working memory, of `slots` entries, the present job's largest */
    uint32_t slots;
    uint32_t *tasks;
    uint8_t *placed;
    uint32_t *machine_of;
    struct omega_claim *last_claims;
    struct omega_claim_result *last_results;
    struct omega_claim_result *results;
    struct omega_claim *sent; /* what is committed of the claims, where some are held back */
    const struct omega_claim *claims; /* of the present attempt */
    uint32_t claim_count;
};

/* Makes the cell: catalogue, machines, store, bitmaps. Returns 0 or -1; what was made stays. */
int trial_cell_create(struct trial *trial);
void trial_cell_destroy(struct trial *trial);

/* Ends the oldest placements until use is below the plan's; `stuck`: one job did not fit. */
int trial_cell_release(struct trial *trial, bool stuck);

/* Ends all placements. */
int trial_cell_clear(struct trial *trial);

/* Lets a random machine change. */
int trial_cell_event(struct trial *trial);

/* A rival takes all the room on a machine, if there is any. */
int trial_cell_rival(struct trial *trial, uint32_t machine);

/* Remembers a placement, so that it ends some time. */
int trial_cell_placed(struct trial *trial, uint64_t placement);

/* Draws the next job and submits it. */
int trial_job_draw(struct trial *trial);

/* True if a group of the job asks for different machines. */
bool trial_job_spreads(const struct trial *trial, uint32_t group);

/* One attempt of the present job: shows the cell, calls place(), commits. */
int trial_attempt(struct trial *trial);

#endif
