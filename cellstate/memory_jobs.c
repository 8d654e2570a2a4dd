/* SPDX-License-Identifier: MIT */
/* The memory store's table of jobs: what is pending, and invariant I. */
#include <stdlib.h>
#include <string.h>

#include "cellstate/memory_private.h"

void memory_free_job(struct job_entry *entry)
{
    if (entry != NULL) {
        free(entry->groups);
        free(entry->state);
        free(entry->machine_of);
        free(entry);
    }
}

static struct job_entry *new_entry(struct memory *memory, const struct omega_job *job)
{
    struct job_entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL) {
        return NULL;
    }
    entry->id = job->id;
    entry->group_count = job->group_count;
    entry->slots = job->slots;
    entry->pending = job->tasks;
    entry->precedence = job->precedence;
    entry->elastic = omega_job_is_elastic(job);
    entry->groups = malloc(job->group_count * sizeof *entry->groups);
    entry->state = calloc(job->slots, 1);
    if (entry->groups == NULL || entry->state == NULL) {
        memory_free_job(entry);
        return NULL;
    }
    memcpy(entry->groups, job->groups, job->group_count * sizeof *entry->groups);
    for (uint32_t g = 0; g < job->group_count; g++) {
        struct omega_task_group *group = &entry->groups[g];
        group->task_duration_us = NULL;
        const struct omega_constraint_set *set =
            catalogue_constraint_set(memory->base.catalogue, group->constraints);
        entry->spreads = entry->spreads || set->different_machines;
    }
    if (entry->spreads) {
        entry->machine_of = malloc(job->slots * sizeof *entry->machine_of);
        if (entry->machine_of == NULL) {
            memory_free_job(entry);
            return NULL;
        }
        memset(entry->machine_of, 0xff, job->slots * sizeof *entry->machine_of);
    }
    return entry;
}

int memory_submit(struct store *store, const struct omega_job *job, omega_error_t *err)
{
    struct memory *memory = memory_of(store);
    if (job->id == 0 || memory_job(memory, job->id) != NULL) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "job %llu cannot be submitted: expected an id above 0 that is new",
                               (unsigned long long)job->id);
    }
    struct job_entry *entry = new_entry(memory, job);
    if (entry == NULL || map_put(&memory->jobs, job->id, entry) != OMEGA_OK) {
        memory_free_job(entry);
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for job %llu",
                               (unsigned long long)job->id);
    }
    memory->counters.jobs++;
    memory->counters.tasks_submitted += job->tasks;
    memory->counters.tasks_pending += job->tasks;
    return OMEGA_OK;
}

void memory_forget_if_done(struct memory *memory, struct job_entry *entry)
{
    if (entry->pending == 0 && entry->running == 0) {
        map_remove(&memory->jobs, entry->id);
        memory->counters.jobs--;
        memory_free_job(entry);
    }
}

int memory_abandon(struct store *store, uint64_t job, uint32_t *tasks, omega_error_t *err)
{
    struct memory *memory = memory_of(store);
    struct job_entry *entry = memory_job(memory, job);
    if (entry == NULL || entry->abandoned) {
        return omega_error_set(err, OMEGA_EINVAL, "job %llu cannot be abandoned: it is %s",
                               (unsigned long long)job,
                               entry == NULL ? "not in the table" : "abandoned already");
    }
    *tasks = entry->pending;
    memory->counters.tasks_pending -= entry->pending;
    memory->counters.tasks_abandoned += entry->pending;
    entry->pending = 0;
    entry->abandoned = true;
    memory_forget_if_done(memory, entry);
    return OMEGA_OK;
}

void memory_tasks_ended(struct memory *memory, struct job_entry *entry, uint32_t tasks,
                        enum store_release_reason reason)
{
    struct store_counters *counters = &memory->counters;
    entry->running -= tasks;
    counters->tasks_running -= tasks;
    *(reason == STORE_FINISHED ? &counters->tasks_finished : &counters->tasks_failed) += tasks;
    memory_forget_if_done(memory, entry);
}

void memory_task_lost(struct memory *memory, struct job_entry *entry, uint32_t task,
                      enum store_loss_policy policy)
{
    struct store_counters *counters = &memory->counters;
    entry->running--;
    counters->tasks_running--;
    if (entry->abandoned) {
        counters->tasks_abandoned++;
    } else if (policy == STORE_LOST_FAIL || entry->elastic) {
        counters->tasks_failed++;
    } else {
        entry->state[task] = SLOT_UNPLACED;
        entry->pending++;
        counters->tasks_pending++;
    }
    memory_forget_if_done(memory, entry);
}
