/* SPDX-License-Identifier: MIT */
/* A module on a view made by hand: see planning.h. */
#include "tests/support/planning.h"

#include <check.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cellstate/compat.h"

int planning_module(const char *name, struct module **module, omega_error_t *err)
{
    char self[PATH_MAX / 2];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    ck_assert(length > 0);
    self[length] = '\0';
    char *tests = strstr(self, "/tests/unit/"); /* B/tests/unit/...: B holds the modules */
    ck_assert_msg(tests != NULL, "'%s' is not below tests/unit in a build folder", self);
    *tests = '\0';
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/schedulers/%s.so", self, name);
    if (access(path, F_OK) != 0) {
        snprintf(path, sizeof(path), "%s/tests/modules/%s.so", self, name);
    }
    return module_open(path, NULL, module, err);
}

static void keep_log(void *context, enum omega_log_level level, const char *message)
{
    struct planning *planning = context;
    snprintf(planning->log, sizeof(planning->log), "%d: %s", (int)level, message);
}

static bool keep_count(void *context, const char *name, int64_t delta)
{
    struct planning *planning = context;
    for (int i = 0; i < PLANNING_COUNTERS; i++) {
        struct planning_counter *counter = &planning->counters[i];
        if (counter->name[0] == '\0' || strcmp(counter->name, name) == 0) {
            snprintf(counter->name, sizeof(counter->name), "%s", name);
            counter->value += delta;
            return true;
        }
    }
    return false;
}

static void fill_view(struct planning *planning, uint32_t machines, int32_t cpu_milli,
                      int32_t mem_mib, bool gpu)
{
    struct store_view *view = &planning->view;
    ck_assert_int_eq(store_view_allocate(view, machines, gpu), 0);
    for (uint32_t m = 0; m < machines; m++) {
        view->entry[m].room.cpu_milli = cpu_milli;
        view->entry[m].room.mem_mib = mem_mib;
        view->entry[m].limit.cpu_milli = cpu_milli;
        view->entry[m].limit.mem_mib = mem_mib;
        for (uint32_t d = 0; gpu && d < OMEGA_GPU_DEVICES_MAX; d++) {
            view->free_gpu_milli[m * OMEGA_GPU_DEVICES_MAX + d] = OMEGA_GPU_DEVICE_MILLI;
        }
        if (gpu) {
            store_view_derive_gpu(view, m);
        }
    }
    planning->domain = calloc(machines + 1, sizeof(uint32_t));
    ck_assert_ptr_nonnull(planning->domain);
    view->shown.domain = planning->domain;
    view->shown.platform = planning->domain;
}

/* `config` says what is not the same for all. */
static void open_instance(struct planning *planning, const char *module,
                          struct instance_config config, int32_t cpu_milli, int32_t mem_mib,
                          bool gpu)
{
    memset(planning, 0, sizeof(*planning));
    int rc = planning_module(module, &planning->module, &planning->err);
    ck_assert_msg(rc == 0, "%s", planning->err.text);
    planning->catalogue = catalogue_create();
    fill_view(planning, config.machine_count, cpu_milli, mem_mib, gpu);
    config.module = planning->module;
    config.scheduler = "tested";
    config.catalogue = planning->catalogue;
    config.context = planning;
    config.log = keep_log;
    config.count = keep_count;
    rc = instance_create(&config, &planning->instance, &planning->err);
    ck_assert_msg(rc == 0, "%s", planning->err.text);
    planning->job.id = 7;
    planning->job.submit_us = 1;
    planning->pending.attempt = 1;
}

void planning_open(struct planning *planning, const char *module, const char *options,
                   uint32_t machines, int32_t cpu_milli, int32_t mem_mib, bool gpu)
{
    json_t *given = options == NULL ? NULL : json_loads(options, 0, NULL);
    struct instance_config config = {.options = given, .seed = 1, .machine_count = machines};
    open_instance(planning, module, config, cpu_milli, mem_mib, gpu);
    json_decref(given);
}

void planning_open_seeded(struct planning *planning, const char *module, uint32_t machines,
                          int32_t cpu_milli, int32_t mem_mib, uint64_t seed)
{
    struct instance_config config = {
        .seed = seed, .compat = COMPAT_RNG_SHARED, .machine_count = machines};
    open_instance(planning, module, config, cpu_milli, mem_mib, false);
}

uint32_t planning_group(struct planning *planning, uint32_t count, uint32_t optional,
                        struct omega_request request, const char *constraints)
{
    uint32_t g = planning->job.group_count++;
    ck_assert_uint_lt(g, PLANNING_GROUPS);
    planning->groups[g] = (struct omega_task_group){
        .count = count,
        .optional = optional,
        .request = request,
        .duration_us = 1000000,
    };
    int rc = catalogue_constraints(planning->catalogue, constraints == NULL ? "" : constraints,
                                   &planning->groups[g].constraints, &planning->err);
    ck_assert_msg(rc == 0, "%s", planning->err.text);
    planning->job.groups = planning->groups;
    rc = omega_job_seal(&planning->job, planning->groups, &planning->err);
    ck_assert_msg(rc == 0, "%s", planning->err.text);
    uint32_t slots = planning->job.slots;
    planning->tasks = realloc(planning->tasks, slots * sizeof(uint32_t));
    planning->placed = realloc(planning->placed, slots);
    memset(planning->placed, 0, slots);
    return g;
}

/* Lists what is not placed, as a driver does. */
static void list_pending(struct planning *planning)
{
    uint32_t *next = planning->tasks;
    for (uint32_t g = 0; g < planning->job.group_count; g++) {
        const struct omega_task_group *group = &planning->groups[g];
        struct omega_pending_group *pending = &planning->pending_groups[g];
        *pending = (struct omega_pending_group){.tasks = next};
        for (uint32_t i = 0; i < group->count + group->optional; i++) {
            if (planning->placed[group->first_task + i] == 0) {
                *next++ = group->first_task + i;
                pending->required += i < group->count;
                pending->optional += i >= group->count;
            }
        }
    }
}

int planning_place(struct planning *planning)
{
    list_pending(planning);
    planning->pending.job = &planning->job;
    planning->pending.groups = planning->pending_groups;
    planning->given.pending = &planning->pending;
    planning->given.placed = planning->placed;
    planning->given.eligible = NULL;
    for (int g = 0; g < PLANNING_GROUPS; g++) {
        if (planning->eligible[g] != NULL) {
            planning->given.eligible = planning->eligible;
        }
    }
    uint64_t before = store_view_hash(&planning->view);
    omega_error_clear(&planning->err);
    planning->claims = NULL;
    planning->count = 0;
    int rc = instance_place(planning->instance, &planning->given, &planning->view,
                            &planning->claims, &planning->count, &planning->err);
    ck_assert_uint_eq(store_view_hash(&planning->view), before);
    return rc;
}

int64_t planning_counter(const struct planning *planning, const char *name)
{
    for (int i = 0; i < PLANNING_COUNTERS && planning->counters[i].name[0] != '\0'; i++) {
        if (strcmp(planning->counters[i].name, name) == 0) {
            return planning->counters[i].value;
        }
    }
    return 0;
}

void planning_close(struct planning *planning)
{
    instance_destroy(planning->instance);
    module_close(planning->module);
    catalogue_destroy(planning->catalogue);
    store_view_free_arrays(&planning->view);
    free(planning->domain);
    free(planning->tasks);
    free(planning->placed);
}
