/* SPDX-License-Identifier: MIT */
/* Which instance of a scheduler gets a job: in turn, by a hash, or by its number. */
#include <stdlib.h>

#include "core/driver/driver.h"

uint32_t run_instance_id(const struct run_config *config, uint32_t scheduler, uint32_t number)
{
    uint32_t id = number;
    for (uint32_t s = 0; s < scheduler; s++) {
        id += config->schedulers[s].instances;
    }
    return id;
}

int assigner_init(struct assigner *assigner, const struct run_config *config)
{
    *assigner = (struct assigner){
        .config = config,
        .turn = calloc(config->scheduler_count + 1u, sizeof *assigner->turn),
        .arrived = calloc(config->workload_count + 1u, sizeof *assigner->arrived),
    };
    return assigner->turn == NULL || assigner->arrived == NULL ? OMEGA_ENOMEM : OMEGA_OK;
}

void assigner_fini(struct assigner *assigner)
{
    free(assigner->turn);
    free(assigner->arrived);
}

/* A hash of the user's name, or of the job's id where the user is unknown: never of a symbol's
 * number, which depends on where a trace was read from. */
static uint64_t assignment_hash(const struct catalogue *catalogue, const struct omega_job *job)
{
    uint64_t hash = job->id;
    if (job->user != 0) {
        hash = UINT64_C(0xcbf29ce484222325);
        for (const char *p = symbols_text(catalogue_symbols(catalogue), job->user); *p != '\0';
             p++) {
            hash = (hash ^ (uint8_t)*p) * UINT64_C(0x100000001b3);
        }
    }
    return omega_random_mix(&hash);
}

uint32_t assigner_next(struct assigner *assigner, const struct omega_job *job)
{
    const struct run_config *config = assigner->config;
    const struct run_workload *workload = &config->workloads[job->workload];
    const struct run_scheduler *scheduler = &config->schedulers[workload->scheduler];
    uint64_t arrived = ++assigner->arrived[job->workload];
    if (scheduler->assignment == RUN_ASSIGN_COUNTED) {
        return (uint32_t)((workload->jobs_before + arrived) % scheduler->instances);
    }
    if (scheduler->assignment == RUN_ASSIGN_HASH) {
        return (uint32_t)(assignment_hash(config->cell.catalogue, job) % scheduler->instances);
    }
    uint32_t number = assigner->turn[workload->scheduler];
    assigner->turn[workload->scheduler] = (number + 1) % scheduler->instances;
    return number;
}
