/* SPDX-License-Identifier: MIT */
/* The memory store's table of jobs. */
#include <stdlib.h>

#include "cellstate/memory_private.h"

int memory_submit(struct store *store, const struct omega_job *job, omega_error_t *err)
{
    struct memory *memory = memory_of(store);
    int rc = jobs_check_job(job, store->catalogue, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (memory_job(memory, job->id) != NULL) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "job %llu cannot be submitted: expected an id above 0 that is new",
                               (unsigned long long)job->id);
    }
    struct job_entry *entry = jobs_entry_create(job, memory->base.catalogue, &memory->spare_jobs);
    if (entry == NULL || id_table_put(&memory->jobs, job->id, entry) != OMEGA_OK) {
        jobs_entry_destroy(entry, &memory->spare_jobs);
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for job %llu",
                               (unsigned long long)job->id);
    }
    jobs_submitted(entry, &memory->counters);
    return OMEGA_OK;
}

void memory_forget_if_over(struct memory *memory, struct job_entry *entry)
{
    if (jobs_over(entry)) {
        id_table_remove(&memory->jobs, entry->id);
        memory->counters.jobs--;
        jobs_entry_destroy(entry, &memory->spare_jobs);
    }
}

int memory_abandon(struct store *store, uint64_t job, uint32_t *tasks, uint64_t *version,
                   omega_error_t *err)
{
    struct memory *memory = memory_of(store);
    struct job_entry *entry = memory_job(memory, job);
    if (entry == NULL || entry->given_up) {
        return omega_error_set(err, OMEGA_EINVAL, "job %llu cannot be abandoned: it is %s",
                               (unsigned long long)job,
                               entry == NULL ? "not in the table" : "abandoned already");
    }
    *tasks = jobs_give_up(entry, &memory->counters);
    *version = memory->counters.version;
    memory_forget_if_over(memory, entry);
    return OMEGA_OK;
}
