/* SPDX-License-Identifier: MIT */
/* A small run for driver tests: see fixture.h. */
#include "tests/support/fixture.h"

#include <check.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- jobs from a list ---- */

struct list_source {
    struct job_source base;
    struct catalogue *catalogue;
    const struct fixture_job *jobs;
    uint32_t count;
    uint32_t next;
    struct omega_job job;
    struct omega_task_group group;
};

static int list_next(struct job_source *source, const struct omega_job **job, omega_error_t *err)
{
    struct list_source *list = (struct list_source *)(void *)source;
    if (list->next == list->count) {
        return 0;
    }
    const struct fixture_job *given = &list->jobs[list->next++];
    list->group = (struct omega_task_group){
        .count = given->tasks,
        .optional = given->optional,
        .request =
            {
                .cpu_milli = given->cpu_milli,
                .mem_mib = given->mem_mib,
                .gpu_milli = given->gpu_milli,
                .gpu_devices = given->gpu_devices,
            },
        .duration_us = given->duration_us,
        .task_duration_us = given->task_duration_us,
    };
    list->job = (struct omega_job){
        .submit_us = given->submit_us,
        .workload = given->workload,
        .precedence = 100,
        .group_count = 1,
        .groups = &list->group,
    };
    if (given->constraints != NULL) {
        int rc = catalogue_constraints(list->catalogue, given->constraints,
                                       &list->group.constraints, err);
        if (rc != OMEGA_OK) {
            return rc;
        }
    }
    *job = &list->job;
    int rc = omega_job_seal(&list->job, &list->group, err);
    return rc == OMEGA_OK ? 1 : rc;
}

static void list_close(struct job_source *source)
{
    free(source);
}

static const struct job_source_ops list_ops = {
    .name = "list",
    .next = list_next,
    .close = list_close,
};

/* ---- modules of the build ---- */

static void open_module(const char *name, struct module **module)
{
    char self[512];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    ck_assert_int_gt(length, 0);
    self[length] = '\0';
    /* the build's root is the folder that holds tests/ */
    char *cut = strstr(self, "/tests/unit/");
    ck_assert_ptr_nonnull(cut);
    *cut = '\0';
    char path[1024];
    snprintf(path, sizeof path, "%s/schedulers/%s.so", self, name);
    if (access(path, R_OK) != 0) {
        snprintf(path, sizeof path, "%s/tests/modules/%s.so", self, name);
    }
    omega_error_t err = {.code = 0};
    int rc = module_open(path, NULL, module, &err);
    ck_assert_msg(rc == OMEGA_OK, "%s: %s", path, err.text);
}

static void set_scheduler(struct fixture *fixture, uint32_t s, const char *name, const char *module)
{
    open_module(module, &fixture->modules[s]);
    for (uint32_t w = 0; w < FIXTURE_WORKLOADS; w++) {
        fixture->decisions[s][w] = (struct run_decision){.job_us = 100000, .task_us = 5000};
    }
    fixture->schedulers[s] = (struct run_scheduler){
        .name = name,
        .module = fixture->modules[s],
        .instances = 1,
        .decisions = fixture->decisions[s],
        .at_least = 1,
        .retry =
            {
                .delay_us = 1000000,
                .backoff = 1,
                .delay_max_us = 3600 * INT64_C(1000000),
                .attempts_max = 1000,
                .attempts_unplaced_max = 100,
            },
    };
    fixture->config.scheduler_count = s + 1;
}

void fixture_open(struct fixture *fixture, uint32_t machines, int32_t cpu_milli, int32_t mem_mib,
                  const char *module, int64_t horizon_us)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->catalogue = catalogue_create();
    fixture->machines = calloc(machines, sizeof *fixture->machines);
    ck_assert_ptr_nonnull(fixture->catalogue);
    ck_assert_ptr_nonnull(fixture->machines);
    for (uint32_t i = 0; i < machines; i++) {
        char name[32];
        snprintf(name, sizeof name, "m%u", i);
        fixture->machines[i] = (struct omega_machine_spec){
            .name = symbols_intern(catalogue_symbols(fixture->catalogue), name),
            .cpu_milli = cpu_milli,
            .mem_mib = mem_mib,
        };
    }
    fixture->config = (struct run_config){
        .seed = 1,
        .horizon_us = horizon_us,
        .cell =
            {
                .catalogue = fixture->catalogue,
                .machines = fixture->machines,
                .machine_count = machines,
                .overcommit = {1000, 1000, 1000},
            },
        .workloads = fixture->workloads,
        .workload_count = FIXTURE_WORKLOADS,
        .schedulers = fixture->schedulers,
    };
    fixture->workloads[0] = (struct run_workload){.name = "w0", .pickiness = 1};
    fixture->workloads[1] = (struct run_workload){.name = "w1", .pickiness = 1};
    set_scheduler(fixture, 0, "first", module);
}

void fixture_second(struct fixture *fixture, const char *module)
{
    set_scheduler(fixture, 1, "second", module);
    fixture->workloads[1].scheduler = 1;
}

int fixture_run(struct fixture *fixture, const struct fixture_job *jobs, uint32_t count)
{
    struct run_config *config = &fixture->config;
    struct list_source *list = calloc(1, sizeof *list);
    ck_assert_ptr_nonnull(list);
    list->base.ops = &list_ops;
    list->catalogue = fixture->catalogue;
    list->jobs = jobs;
    list->count = count;
    fixture->workloads[0].source = &list->base;
    for (uint32_t s = 0; s < config->scheduler_count; s++) {
        fixture->names[s] = fixture->schedulers[s].name;
        fixture->instances[s] = fixture->schedulers[s].instances;
    }
    static const char *const workloads[] = {"w0", "w1"};
    struct metrics_config measured = {
        .schedulers = fixture->names,
        .instances = fixture->instances,
        .scheduler_count = config->scheduler_count,
        .workloads = workloads,
        .workload_count = FIXTURE_WORKLOADS,
        .warmup_us = config->warmup_us,
        .horizon_us = config->horizon_us,
        .histograms = true,
        .jobs = true,
        .digest = true,
    };
    metrics_destroy(fixture->metrics);
    fixture->metrics = metrics_create(&measured);
    ck_assert_ptr_nonnull(fixture->metrics);
    omega_error_clear(&fixture->err);
    int rc =
        run_simulate(config, fixture->metrics, &fixture->report, &fixture->counters, &fixture->err);
    job_source_close(&list->base);
    fixture->workloads[0].source = NULL;
    if (rc == OMEGA_OK) {
        metrics_read_cell(fixture->metrics, &fixture->cell);
        for (uint32_t s = 0; s < config->scheduler_count; s++) {
            metrics_read_scheduler(fixture->metrics, s, &fixture->scope[s]);
        }
    }
    return rc;
}

void fixture_close(struct fixture *fixture)
{
    metrics_destroy(fixture->metrics);
    for (uint32_t s = 0; s < FIXTURE_SCHEDULERS; s++) {
        module_close(fixture->modules[s]);
    }
    catalogue_destroy(fixture->catalogue);
    free(fixture->machines);
    memset(fixture, 0, sizeof *fixture);
}
