/* SPDX-License-Identifier: MIT */
/*
 * A trial: one instance of a module plans random jobs, one after the other, on a small cell that
 * changes under its hands: rivals commit between its view and its commit, tasks end, machines go
 * and come back. Deterministic: what happens depends on the plan and on what the module claims.
 */
#ifndef OMEGA_CORE_KIT_TRIAL_H
#define OMEGA_CORE_KIT_TRIAL_H

#include "core/kit/finding.h"
#include "core/plugin/module.h"

/* What the module plans on. */
enum trial_memory {
    TRIAL_LIVE = 0,   /* the store's own arrays, at the same addresses at each call */
    TRIAL_LENT = 1,   /* copies that it can read only */
    TRIAL_RETIRED = 2 /* the same at fresh addresses, and not to be read after the call */
};

struct trial_plan {
    uint64_t seed;
    uint32_t machines; /* 0: an empty cell */
    uint32_t known;    /* machines that the instance is told of at init; 0 = all */
    uint32_t jobs;     /* to plan */
    uint32_t groups;   /* a job has up to so many groups, at least 1 */
    uint32_t tasks;    /* a group has up to so many tasks, at least 1 */
    bool all_tasks;    /* each group has just so many */
    uint32_t attempts; /* of a job, at most */
    uint32_t fill;     /* per cent of CPU, memory or GPU above which tasks end; 100: only when a job
                           does not fit */
    bool roomy;        /* machines so large that everything fits on each of them */
    bool picks;        /* every other claim or so is held back, and told as over the limit */
    bool stuffed;      /* before every other job rivals take all the room there is */
    bool absent;       /* all machines are down */
    bool gpus;         /* machines have some, and tasks ask for them */
    bool constraints;  /* jobs have constraints, and random sets of machines they may use */
    bool optional;     /* jobs have optional tasks */
    bool rivals;       /* others place on machines that the module has claimed */
    bool events;       /* machines are drained and removed, come back, and change capacity */
    enum trial_memory memory;
    uint8_t pattern; /* what the stack below a call holds, and, if not 0, small pieces of fresh
                           memory when the instance begins */
    uint32_t number; /* of the instance among those of its scheduler */
};

struct trial;

/* Makes cell and instance; `options` (NULL = none) are the module's. What fails is noted in the
 * finding, which outlives the trial, and -1 returned. */
int trial_create(const struct module *module, const json_t *options, const struct trial_plan *plan,
                 struct finding *finding, struct trial **trial);
/* NULL is allowed. */
void trial_destroy(struct trial *trial);

/* Plans the next job to its end. Returns 1; 0 if there is none left; -1, with the reason noted. */
int trial_step(struct trial *trial);

/* Plans all jobs that are left, or as many as the time allows. Returns 0 or -1. */
int trial_run(struct trial *trial);

/* Ends the instance and makes a new one on the same cell. Returns 0 or -1. */
int trial_renew(struct trial *trial);

/* Ends everything that runs on the cell. Returns 0 or -1. */
int trial_drain(struct trial *trial);

/* A trial from its creation to its end. Returns 0 or -1. */
int trial_all(const struct module *module, const json_t *options, const struct trial_plan *plan,
              struct finding *finding);

#endif
