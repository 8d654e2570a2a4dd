/* SPDX-License-Identifier: MIT */
/*
 * A scheduler instance: a module's state with its host services, and the planning of one attempt on
 * a view. Breaches of the module's contract become OMEGA_EMODULE errors that name module and job.
 */
#ifndef OMEGA_CORE_PLUGIN_INSTANCE_H
#define OMEGA_CORE_PLUGIN_INSTANCE_H

#include "cellstate/store_view.h"
#include "core/plugin/module.h"

struct instance_config {
    const struct module *module;
    const char *scheduler; /* its name in the experiment; outlives the instance */
    const json_t *options; /* NULL = none */
    const struct catalogue *catalogue;
    uint64_t seed;
    uint64_t stream; /* index of its random stream, unique in the experiment */
    uint32_t compat; /* of the cell: compat-rng-shared (cellstate/compat.h) */
    uint32_t number; /* among the instances of its scheduler */
    uint32_t machine_count;
    void *context; /* passed to the two functions below */
    void (*log)(void *context, enum omega_log_level level, const char *message);
    /* Returns false if the name is one too many. */
    bool (*count)(void *context, const char *name, int64_t delta);
};

struct instance;

/* Allocates the state, writes the options, calls init(). OMEGA_EMODULE if that refuses. */
int instance_create(const struct instance_config *config, struct instance **instance,
                    omega_error_t *err);
/* Calls fini() and frees; NULL is allowed. */
void instance_destroy(struct instance *instance);

/* What the module has been offered; owned by the instance. It should stay as it is. */
const struct omega_host *instance_host(const struct instance *instance);

/* One job to plan. */
struct instance_job {
    const struct omega_pending *pending; /* its groups list tasks that are not placed */
    int64_t now_us;                      /* experiment time */
    const uint64_t *const *eligible;     /* per group, see struct omega_view; NULL = all machines */
    const uint8_t *placed;               /* per task slot: 1 if it is placed and may not be claimed;
                                        NULL: none is */
    /* per task slot: where a task of a different_machines group runs, or UINT32_MAX; NULL = none of
     * the job does */
    const uint32_t *machine_of;
};

/* What place() has claimed: `count` claims, in full or in short (struct omega_transaction). Tasks
 * in short stand in the list of job->pending, which has to last as long as the plan. */
struct instance_plan {
    uint32_t count;
    const struct omega_claim *claims; /* NULL: in short */
    const uint32_t *tasks;
    const uint32_t *machines;
    const uint64_t *seqs;
};

/*
 * Calls place() on the view and takes its claims back from the view again, which then shows exactly
 * what it did before. The plan, in short wherever it can be, stays valid until the next call.
 * Returns 0 or OMEGA_EMODULE.
 */
int instance_plan(struct instance *instance, const struct instance_job *job,
                  struct store_view *view, struct instance_plan *plan, omega_error_t *err);
/* The claims of the last plan, which came in short, in full; *claims has room for as many. */
void instance_fill_claims(const struct instance *instance, struct omega_claim *claims);

/* Plans, and gives the claims in full, which are the instance's until the next call; OMEGA_ENOMEM
 * as well. */
int instance_place(struct instance *instance, const struct instance_job *job,
                   struct store_view *view, const struct omega_claim **claims, uint32_t *count,
                   omega_error_t *err);

/* Calls started(); *duration_us is 0 if the module has none. OMEGA_EMODULE if that claims tasks,
 * gives up, or returns anything but 1 to OMEGA_DURATION_MAX and OMEGA_NEVER. */
int instance_started(struct instance *instance, const struct omega_job *job, uint32_t accepted,
                     int64_t *duration_us, omega_error_t *err);

#endif
