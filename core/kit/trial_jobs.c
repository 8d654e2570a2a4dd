/* SPDX-License-Identifier: MIT */
/* The jobs of a trial: drawn one by one. */
#include <stdlib.h>
#include <string.h>

#include "core/kit/trial_private.h"

#define MEAN_US 100000000u /* at most, of the activities of a MapReduce job */

static uint32_t between(struct trial *trial, uint32_t least, uint32_t most)
{
    return least + omega_random_below(&trial->random, most - least + 1);
}

/* Memory for a job of so many tasks. */
static int reserve(struct trial *trial, uint32_t slots)
{
    if (slots <= trial->slots) {
        return 0;
    }
    free(trial->tasks);
    free(trial->placed);
    free(trial->machine_of);
    free(trial->last_claims);
    free(trial->last_results);
    free(trial->results);
    free(trial->sent);
    trial->tasks = calloc(slots, sizeof *trial->tasks);
    trial->placed = calloc(slots, sizeof *trial->placed);
    trial->machine_of = calloc(slots, sizeof *trial->machine_of);
    trial->last_claims = calloc(slots, sizeof *trial->last_claims);
    trial->last_results = calloc(slots, sizeof *trial->last_results);
    trial->results = calloc(slots, sizeof *trial->results);
    trial->sent = calloc(slots, sizeof *trial->sent);
    trial->slots = slots;
    if (trial->tasks == NULL || trial->placed == NULL || trial->machine_of == NULL ||
        trial->last_claims == NULL || trial->last_results == NULL || trial->results == NULL ||
        trial->sent == NULL) {
        return finding_unable(trial->finding, "no memory for a job of %u tasks", slots);
    }
    return 0;
}

/* Here as below, a draw a statement: their order is part of what a seed stands for. */
static struct omega_request draw_request(struct trial *trial)
{
    struct omega_request request = {.cpu_milli = (int32_t)between(trial, 100, 2000)};
    request.mem_mib = (int32_t)between(trial, 64, 4096);
    uint32_t kind = trial->plan.gpus ? omega_random_below(&trial->random, 3) : 0;
    if (kind == 1) {
        request.gpu_devices = 1;
        request.gpu_milli = (int16_t)between(trial, 100, OMEGA_GPU_DEVICE_MILLI - 1);
    } else if (kind == 2) {
        request.gpu_devices = (uint8_t)between(trial, 1, 4);
        request.gpu_milli = OMEGA_GPU_DEVICE_MILLI;
    }
    return request;
}

/* Those that started() may look at: some have no end. */
static int64_t draw_duration(struct trial *trial)
{
    if (!trial->plan.optional) {
        return 1000000;
    }
    uint32_t us = between(trial, 1, MEAN_US);
    return us % 8 == 0 ? OMEGA_NEVER : us;
}

static void draw_group(struct trial *trial, uint32_t index)
{
    const struct trial_plan *plan = &trial->plan;
    uint32_t set = plan->constraints ? omega_random_below(&trial->random, TRIAL_CONSTRAINTS) : 0;
    uint32_t subset = plan->constraints ? omega_random_below(&trial->random, TRIAL_SUBSETS + 1) : 0;
    uint32_t count = plan->all_tasks ? plan->tasks : between(trial, 1, plan->tasks);
    uint32_t optional = plan->optional ? between(trial, 0, plan->tasks) : 0;
    struct omega_task_group *group = &trial->job.groups[index];
    *group = (struct omega_task_group){
        .count = count,
        .optional = optional,
        .constraints = trial->constraints[set],
        .request = draw_request(trial),
    };
    group->duration_us = draw_duration(trial);
    trial->job.eligible[index] = set == 0 && subset == 0 ? NULL : trial->eligible[set][subset];
}

/* What a job with optional tasks has to do: nothing that is known, or maps and reduces. Some have
 * nothing to reduce, need no more workers than they ask for, or are as large as any can be. */
static void draw_mapreduce(struct trial *trial, struct omega_job *job)
{
    uint32_t kind = omega_random_below(&trial->random, 8);
    struct omega_mapreduce numbers = {.workers_asked = job->tasks};
    if (kind < 3) {
        return;
    }
    numbers.map_activities = between(trial, 1, 2 * job->slots);
    numbers.map_mean_us = between(trial, 0, MEAN_US);
    if (kind == 3) {
        numbers.map_activities = UINT32_MAX;
        numbers.map_mean_us = OMEGA_DURATION_MAX;
    } else if (kind > 4) {
        numbers.reduce_activities = between(trial, 1, 2 * job->slots);
        numbers.reduce_mean_us = between(trial, 0, MEAN_US);
    }
    job->mapreduce = numbers;
}

int trial_job_draw(struct trial *trial)
{
    static const int32_t precedences[] = {50, 100, 116, 120, 360};
    struct trial_job *job = &trial->job;
    omega_error_t err = {0};
    int32_t precedence = precedences[omega_random_below(&trial->random, 5)];
    uint32_t groups = between(trial, 1, trial->plan.groups);
    *job = (struct trial_job){.job = {
                                  .id = ++trial->last_job,
                                  .submit_us = trial->now_us,
                                  .precedence = precedence,
                                  .group_count = groups,
                                  .groups = job->groups,
                              }};
    for (uint32_t g = 0; g < job->job.group_count; g++) {
        draw_group(trial, g);
    }
    int rc = omega_job_seal(&job->job, job->groups, &err);
    if (rc == OMEGA_OK && omega_job_is_elastic(&job->job)) {
        draw_mapreduce(trial, &job->job);
    }
    rc = rc == OMEGA_OK ? store_submit(trial->store, &job->job, &err) : rc;
    if (rc != OMEGA_OK) {
        return finding_unable(trial->finding, "%s", err.text);
    }
    if (reserve(trial, job->job.slots) != 0) {
        return -1;
    }
    job->unplaced = job->job.tasks;
    trial->finding->asked += job->job.tasks;
    memset(trial->placed, 0, job->job.slots);
    memset(trial->machine_of, 0xff, job->job.slots * sizeof *trial->machine_of);
    return 0;
}

bool trial_job_spreads(const struct trial *trial, uint32_t group)
{
    uint32_t set = trial->job.groups[group].constraints;
    return set != 0 && catalogue_constraint_set(trial->catalogue, set)->different_machines;
}
