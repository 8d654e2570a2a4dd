/* SPDX-License-Identifier: MIT */
/*
 * One module planning one job on a view made by hand: for tests of modules and of their host.
 * Machines start with the same room; tests change the arrays of `view` as they like.
 */
#ifndef OMEGA_TESTS_SUPPORT_PLANNING_H
#define OMEGA_TESTS_SUPPORT_PLANNING_H

#include "core/plugin/instance.h"

#define PLANNING_GROUPS 4
#define PLANNING_COUNTERS 16

struct planning {
    struct module *module;
    struct instance *instance;
    struct catalogue *catalogue;
    struct store_view view;
    uint32_t *domain;     /* by machine; 0 at first */
    struct omega_task_group groups[PLANNING_GROUPS];
    struct omega_job job; /* id 7 */
    struct omega_pending pending;
    struct omega_pending_group pending_groups[PLANNING_GROUPS];
    uint32_t *tasks;
    uint8_t *placed;      /* by task; 1 = placed before, and not pending */
    struct instance_job given;
    const uint64_t *eligible[PLANNING_GROUPS]; /* given to the module if any is not NULL */
    /* after planning_place() */
    const struct omega_claim *claims;
    uint32_t count;
    omega_error_t err;
    char log[256];        /* the last message */
    struct planning_counter {
        char name[32]; /* "" = free */
        int64_t value;
    } counters[PLANNING_COUNTERS];
};

/* Opens a module by its name in the build's schedulers/ or tests/modules/ folder. */
int planning_module(const char *name, struct module **module, omega_error_t *err);

/* A module's instance with options (JSON text or NULL) and `machines` machines that have so much
 * CPU and memory free, and 8 free GPU devices each if `gpu`. Ends the test if that fails. */
void planning_open(struct planning *planning, const char *module, const char *options,
                   uint32_t machines, int32_t cpu_milli, int32_t mem_mib, bool gpu);

/* The same under compat-rng-shared: the instance's own seed is `seed`. No options, no GPUs. */
void planning_open_seeded(struct planning *planning, const char *module, uint32_t machines,
                          int32_t cpu_milli, int32_t mem_mib, uint64_t seed);

/* Adds a group of tasks to the job; returns its index. */
uint32_t planning_group(struct planning *planning, uint32_t count, uint32_t optional,
                        struct omega_request request, const char *constraints);

/* Plans the job once more; returns the code of instance_place(). */
int planning_place(struct planning *planning);

/* The value of a counter; 0 if the module never counted it. */
int64_t planning_counter(const struct planning *planning, const char *name);

void planning_close(struct planning *planning);

#endif
