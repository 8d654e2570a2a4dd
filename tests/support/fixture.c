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
    struct omega_task_group groups[FIXTURE_GROUPS];
};

static int fill_group(const struct list_source *list, const struct fixture_job *given,
                      struct omega_task_group *group, omega_error_t *err)
{
    *group = (struct omega_task_group){
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
    return given->constraints == NULL ? OMEGA_OK
                                      : catalogue_constraints(list->catalogue, given->constraints,
                                                              &group->constraints, err);
}

static int list_next(struct job_source *source, const struct omega_job **job, omega_error_t *err)
{
    struct list_source *list = (struct list_source *)(void *)source;
    if (list->next == list->count) {
        return 0;
    }
    const struct fixture_job *given = &list->jobs[list->next++];
    list->job = (struct omega_job){
        .submit_us = given->submit_us,
        .workload = given->workload,
        .precedence = 100,
        .groups = list->groups,
    };
    if (given->user != NULL) {
        list->job.user = symbols_intern(catalogue_symbols(list->catalogue), given->user);
    }
    for (const struct fixture_job *group = given; group != NULL; group = group->group) {
        ck_assert_uint_lt(list->job.group_count, FIXTURE_GROUPS);
        int rc = fill_group(list, group, &list->groups[list->job.group_count++], err);
        if (rc != OMEGA_OK) {
            return rc;
        }
    }
    *job = &list->job;
    int rc = omega_job_seal(&list->job, list->groups, err);
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

void fixture_options(struct fixture *fixture, uint32_t scheduler, const char *options)
{
    json_decref(fixture->options[scheduler]);
    fixture->options[scheduler] = json_loads(options, 0, NULL);
    ck_assert_ptr_nonnull(fixture->options[scheduler]);
    fixture->schedulers[scheduler].options = fixture->options[scheduler];
}

struct fixture_job a_job(int64_t submit_us, uint32_t tasks, int32_t cpu_milli, int64_t duration_us)
{
    return (struct fixture_job){
        .submit_us = submit_us,
        .tasks = tasks,
        .cpu_milli = cpu_milli,
        .mem_mib = 1,
        .duration_us = duration_us,
    };
}

/* ---- a busy cell ---- */

static void busy_events(struct fixture *f, struct omega_machine_event *events)
{
    static const uint8_t kinds[] = {OMEGA_EVENT_REMOVE, OMEGA_EVENT_ADD,     OMEGA_EVENT_CAPACITY,
                                    OMEGA_EVENT_DRAIN,  OMEGA_EVENT_UNDRAIN, OMEGA_EVENT_CAPACITY};
    for (uint32_t i = 0; i < FIXTURE_BUSY_EVENTS; i++) {
        uint32_t machine = (i / 6) % 20;
        events[i] = (struct omega_machine_event){
            .time_us = (3 * (int64_t)i + 3) * S + 500 * MS,
            .machine = machine,
            .kind = kinds[i % 6],
        };
        if (events[i].kind == OMEGA_EVENT_CAPACITY) {
            bool less = i % 6 == 2;
            events[i].cpu_milli = less ? 1500 : 4000;
            events[i].mem_mib = less ? 30 : 64;
            events[i].gpu_devices = f->machines[machine].gpu_devices == 0 ? 0 : less ? 2 : 4;
        }
    }
    f->config.events = events;
    f->config.event_count = FIXTURE_BUSY_EVENTS;
}

static void busy_jobs(bool optional, struct fixture_job *jobs)
{
    static struct fixture_job second = {
        .tasks = 2, .cpu_milli = 250, .mem_mib = 3, .duration_us = 6 * S};
    for (int i = 0; i < FIXTURE_BUSY_JOBS; i++) {
        struct fixture_job *job = &jobs[i];
        *job = a_job(i * S, 1 + (uint32_t)i % 9, 300 + 100 * (i % 7), 5 * S + (i % 11) * 700 * MS);
        job->workload = i % 3 == 0;
        job->mem_mib = 1 + i % 8;
        if (i % 5 == 0) {
            job->gpu_devices = 1;
            job->gpu_milli = i % 2 == 0 ? 400 : 1000;
        }
        job->constraints = i % 7 == 0 ? "different_machines" : NULL;
        job->optional = optional && i % 4 == 0 ? 3 : 0;
        job->group = i % 3 == 1 ? &second : NULL;
    }
}

void fixture_busy(struct fixture *fixture, const char *module, bool optional,
                  struct omega_machine_event *events, struct fixture_job *jobs)
{
    fixture_open(fixture, 20, 4000, 64, module, 400 * S);
    fixture_second(fixture, module);
    for (uint32_t i = 0; i < 20; i++) {
        fixture->machines[i].gpu_devices = i % 3 == 0 ? 4 : 0;
        fixture->machines[i].domain = 1 + i % 4;
    }
    for (int s = 0; s < FIXTURE_SCHEDULERS; s++) {
        fixture->schedulers[s].instances = 2;
        fixture->decisions[s][0] = (struct run_decision){.job_us = 900 * MS, .task_us = 10 * MS};
        fixture->decisions[s][1] = (struct run_decision){.job_us = 2 * S, .task_us = 10 * MS};
    }
    busy_events(fixture, events);
    busy_jobs(optional, jobs);
}

/* ---- running ---- */

static void keep_log(void *context, const char *scheduler, enum omega_log_level level,
                     const char *message)
{
    (void)scheduler;
    (void)level;
    struct fixture *fixture = context;
    size_t length = strlen(fixture->log);
    snprintf(fixture->log + length, sizeof fixture->log - length, "%s\n", message);
}

/* Metrics and store count tasks by themselves: they must agree. */
static void check_tasks(const struct fixture *fixture)
{
    const struct store_counters *counters = &fixture->counters;
    struct store_counters told = *counters;
    told.tasks_submitted = 0;
    told.tasks_pending = 0;
    told.tasks_running = 0;
    told.tasks_finished = 0;
    told.tasks_abandoned = 0;
    told.tasks_failed = 0;
    for (uint32_t s = 0; s < fixture->config.scheduler_count; s++) {
        const struct metrics_scope *scope = &fixture->scope[s];
        told.tasks_submitted += scope->tasks_submitted;
        told.tasks_pending += scope->tasks_pending;
        told.tasks_running += scope->tasks_running;
        told.tasks_finished += scope->tasks_finished;
        told.tasks_abandoned += scope->tasks_abandoned;
        told.tasks_failed += scope->tasks_failed;
    }
    ck_assert_uint_eq(told.tasks_submitted, counters->tasks_submitted);
    ck_assert_uint_eq(told.tasks_pending, counters->tasks_pending);
    ck_assert_uint_eq(told.tasks_running, counters->tasks_running);
    ck_assert_uint_eq(told.tasks_finished, counters->tasks_finished);
    ck_assert_uint_eq(told.tasks_abandoned, counters->tasks_abandoned);
    ck_assert_uint_eq(told.tasks_failed, counters->tasks_failed);
    ck_assert_uint_eq(fixture->cell.losses, counters->losses);
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
    fixture->log[0] = '\0';
    config->log = keep_log;
    config->context = fixture;
    int rc =
        run_simulate(config, fixture->metrics, &fixture->report, &fixture->counters, &fixture->err);
    job_source_close(&list->base);
    fixture->workloads[0].source = NULL;
    if (rc == OMEGA_OK) {
        metrics_read_cell(fixture->metrics, &fixture->cell);
        for (uint32_t s = 0; s < config->scheduler_count; s++) {
            metrics_read_scheduler(fixture->metrics, s, &fixture->scope[s]);
        }
        if (config->warmup_us == 0) {
            check_tasks(fixture);
        }
    }
    return rc;
}

void fixture_run_ok(struct fixture *fixture, const struct fixture_job *jobs, uint32_t count)
{
    int rc = fixture_run(fixture, jobs, count);
    ck_assert_msg(rc == OMEGA_OK, "%s", fixture->err.text);
}

const struct metrics_job *fixture_record(const struct fixture *fixture, uint64_t job)
{
    const struct metrics_job *record;
    for (uint64_t i = 0; (record = metrics_read_job(fixture->metrics, i)) != NULL; i++) {
        if (record->job == job) {
            return record;
        }
    }
    ck_abort_msg("job %lu has no record", (unsigned long)job);
    return NULL;
}

void fixture_close(struct fixture *fixture)
{
    metrics_destroy(fixture->metrics);
    for (uint32_t s = 0; s < FIXTURE_SCHEDULERS; s++) {
        module_close(fixture->modules[s]);
        json_decref(fixture->options[s]);
    }
    catalogue_destroy(fixture->catalogue);
    free(fixture->machines);
    memset(fixture, 0, sizeof *fixture);
}
