/* SPDX-License-Identifier: MIT */
/*
 * A small run for driver tests: equal machines, jobs from a list, schedulers by module name. The
 * fixture owns everything; change `config` and its parts between fixture_open() and fixture_run().
 */
#ifndef OMEGA_TESTS_SUPPORT_FIXTURE_H
#define OMEGA_TESTS_SUPPORT_FIXTURE_H

#include "core/driver/run.h"

#define FIXTURE_SCHEDULERS 2
#define FIXTURE_WORKLOADS 2
#define FIXTURE_GROUPS 4 /* of one job */
#define FIXTURE_BUSY_EVENTS 120
#define FIXTURE_BUSY_JOBS 300

#define MS INT64_C(1000)
#define S INT64_C(1000000)

/* A job, or a further group of one: then submit_us, workload and user say nothing. */
struct fixture_job {
    int64_t submit_us;
    uint32_t workload;
    uint32_t tasks;
    uint32_t optional;
    int32_t cpu_milli;
    int32_t mem_mib;
    int64_t duration_us;
    const int64_t *task_duration_us; /* or NULL */
    const char *constraints;         /* or NULL */
    uint8_t gpu_devices;
    int16_t gpu_milli;
    const char *user;                /* or NULL */
    const struct fixture_job *group; /* the next group, or NULL */
};

struct fixture {
    struct run_config config;
    struct catalogue *catalogue;
    struct omega_machine_spec *machines;
    struct run_workload workloads[FIXTURE_WORKLOADS];
    struct run_scheduler schedulers[FIXTURE_SCHEDULERS];
    struct run_decision decisions[FIXTURE_SCHEDULERS][FIXTURE_WORKLOADS];
    struct module *modules[FIXTURE_SCHEDULERS];
    json_t *options[FIXTURE_SCHEDULERS];
    const char *names[FIXTURE_SCHEDULERS];
    uint32_t instances[FIXTURE_SCHEDULERS];
    /* after fixture_run(): */
    struct metrics *metrics;
    struct metrics_cell cell;
    struct metrics_scope scope[FIXTURE_SCHEDULERS];
    struct store_report report;
    struct store_counters counters;
    char log[8192]; /* what modules logged, a line each, as far as there is room */
    omega_error_t err;
};

/* One scheduler "first" with one instance of `module`, taking workload 0 ("w0") and 1 ("w1"):
 * decision 100 ms + 5 ms a task, fine, per task, retry after 1 s at the back, sync at each attempt.
 * `module` is a name in the build's schedulers/ or tests/modules/ folder. Ends the test on failure.
 * */
void fixture_open(struct fixture *fixture, uint32_t machines, int32_t cpu_milli, int32_t mem_mib,
                  const char *module, int64_t horizon_us);

/* Adds a second scheduler "second" that takes workload 1. */
void fixture_second(struct fixture *fixture, const char *module);

/* Sets a scheduler's options from JSON text. */
void fixture_options(struct fixture *fixture, uint32_t scheduler, const char *options);

/* A job of workload 0 with one group of tasks that ask for 1 MiB each. */
struct fixture_job a_job(int64_t submit_us, uint32_t tasks, int32_t cpu_milli, int64_t duration_us);

/* Opens a cell of 20 machines and two schedulers with two instances each, under ends, removals,
 * drains and capacity changes during decisions: 300 jobs with shares and whole devices,
 * different_machines, and every third one with a second group; `optional` gives every fourth one
 * optional tasks. `events` and `jobs` have room for what the constants above say. */
void fixture_busy(struct fixture *fixture, const char *module, bool optional,
                  struct omega_machine_event *events, struct fixture_job *jobs);

/* Runs on a list of jobs by rising submit time (copied); returns run_simulate()'s code. May be
 * called again: the figures are then those of the last run. A run that ends well must leave tasks
 * by outcome alike in metrics and store (invariant I), or the test fails. */
int fixture_run(struct fixture *fixture, const struct fixture_job *jobs, uint32_t count);

/* The same, and ends the test where the run fails. */
void fixture_run_ok(struct fixture *fixture, const struct fixture_job *jobs, uint32_t count);

/* A job's record in the last run, by its number from 1. */
const struct metrics_job *fixture_record(const struct fixture *fixture, uint64_t job);

void fixture_close(struct fixture *fixture);

#endif
