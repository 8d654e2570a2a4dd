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
};

struct fixture {
    struct run_config config;
    struct catalogue *catalogue;
    struct omega_machine_spec *machines;
    struct run_workload workloads[FIXTURE_WORKLOADS];
    struct run_scheduler schedulers[FIXTURE_SCHEDULERS];
    struct run_decision decisions[FIXTURE_SCHEDULERS][FIXTURE_WORKLOADS];
    struct module *modules[FIXTURE_SCHEDULERS];
    const char *names[FIXTURE_SCHEDULERS];
    uint32_t instances[FIXTURE_SCHEDULERS];
    /* after fixture_run(): */
    struct metrics *metrics;
    struct metrics_cell cell;
    struct metrics_scope scope[FIXTURE_SCHEDULERS];
    struct store_report report;
    struct store_counters counters;
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

/* Runs on a list of jobs by rising submit time (copied); returns run_simulate()'s code. May be
 * called again: the figures are then those of the last run. */
int fixture_run(struct fixture *fixture, const struct fixture_job *jobs, uint32_t count);

void fixture_close(struct fixture *fixture);

#endif
