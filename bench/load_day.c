/* SPDX-License-Identifier: MIT */
/*
 * The load day on omega: 10,000 machines and 8.7 million tasks in one simulated day, by the
 * simulator with modules and metrics on, in one process and without files. The same experiment is
 * bench/experiments/load-day.json; bare_loop.c is its limit.
 *
 * usage: load_day [--no-metrics | --log FILE] [SEED [HOURS]]
 *   --no-metrics   without digest, histograms and series: what those cost
 *   --log FILE     with a run log, the time of which includes that of closing the file
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "core/driver/run.h"

#define MACHINES 10000u
#define SECOND INT64_C(1000000)
#define KINDS 2u /* batch and service: a workload and a scheduler each */

static const char *const names[KINDS] = {"batch", "service"};
static const uint32_t instances[KINDS] = {1, 1};
static const struct run_decision decisions[KINDS] = {{100000, 5000}, {100000, 5000}};

struct day {
    uint64_t seed;
    int64_t horizon_us;
    bool measure;    /* digest, histograms and series */
    const char *log; /* NULL: none */
    struct catalogue *catalogue;
    struct omega_machine_spec *machines;
    struct module *module;
    struct run_workload workloads[KINDS];
    struct run_scheduler schedulers[KINDS];
    struct metrics *metrics;
};

static struct distribution exponential(double mean)
{
    return (struct distribution){.type = DISTRIBUTION_EXPONENTIAL, .a = mean};
}

static struct distribution constant(double value)
{
    return (struct distribution){.type = DISTRIBUTION_CONSTANT, .a = value};
}

static int open_machines(struct day *day, omega_error_t *err)
{
    day->catalogue = catalogue_create();
    day->machines = calloc(MACHINES, sizeof(*day->machines));
    if (day->catalogue == NULL || day->machines == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for %u machines", MACHINES);
    }
    for (uint32_t m = 0; m < MACHINES; m++) {
        char name[16];
        snprintf(name, sizeof(name), "m%u", m);
        day->machines[m].name = symbols_intern(catalogue_symbols(day->catalogue), name);
        day->machines[m].cpu_milli = 4000;
        day->machines[m].mem_mib = 16384;
    }
    return 0;
}

static int open_workload(struct day *day, uint32_t kind, double gap_s, double tasks,
                         double duration_s, omega_error_t *err)
{
    struct generator_config config = {
        .workload = kind,
        .precedence = kind == 0 ? 100 : 200,
        .interarrival_s = exponential(gap_s),
        .tasks = exponential(tasks),
        .duration_s = exponential(duration_s),
        .cpu_milli = constant(1000),
        .mem_mib = constant(2048),
        .rate_factor = 1,
        .end_us = day->horizon_us,
    };
    day->workloads[kind] =
        (struct run_workload){.name = names[kind], .scheduler = kind, .pickiness = 1};
    return generator_open(&config, day->seed, &day->workloads[kind].source, err);
}

static int open_schedulers(struct day *day, omega_error_t *err)
{
    int rc = module_open("batch", NULL, &day->module, err);
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        day->schedulers[kind] = (struct run_scheduler){
            .name = names[kind],
            .module = day->module,
            .instances = instances[kind],
            .decisions = decisions,
            .detection = OMEGA_DETECT_COARSE,
            .granularity = OMEGA_COMMIT_TASK,
            .retry = {.delay_us = SECOND,
                      .backoff = 1,
                      .delay_max_us = 3600 * SECOND,
                      .attempts_max = 1000,
                      .attempts_unplaced_max = 100},
        };
    }
    return rc;
}

static int open_metrics(struct day *day, omega_error_t *err)
{
    struct metrics_config config = {
        .schedulers = names,
        .instances = instances,
        .scheduler_count = KINDS,
        .workloads = names,
        .workload_count = KINDS,
        .horizon_us = day->horizon_us,
        .series_step_us = day->measure ? day->horizon_us / 200 : 0,
        .histograms = day->measure,
        .digest = day->measure,
    };
    day->metrics = metrics_create(&config);
    return day->metrics == NULL ? omega_error_set(err, OMEGA_ENOMEM, "no memory for metrics") : 0;
}

static int day_open(struct day *day, omega_error_t *err)
{
    int rc = open_machines(day, err);
    if (rc == 0) {
        rc = open_workload(day, 0, 1, 100, 100, err);
    }
    if (rc == 0) {
        rc = open_workload(day, 1, 20, 10, 500, err);
    }
    if (rc == 0) {
        rc = open_schedulers(day, err);
    }
    return rc == 0 ? open_metrics(day, err) : rc;
}

static void day_close(struct day *day)
{
    metrics_destroy(day->metrics);
    module_close(day->module);
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        job_source_close(day->workloads[kind].source);
    }
    free(day->machines);
    catalogue_destroy(day->catalogue);
}

static double clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int run_logged(struct day *day, struct run_config *config, omega_error_t *err)
{
    struct runlog_scheduler schedulers[KINDS];
    struct runlog_workload workloads[KINDS];
    struct runlog_opening opening;
    run_log_opening(config, schedulers, workloads, &opening);
    opening.experiment = "load-day";
    opening.text = "{}";
    opening.sha256 = "";
    opening.variant = "";
    FILE *out = fopen(day->log, "w");
    if (out == NULL) {
        return omega_error_set_errno(err, day->log, "cannot open");
    }
    int rc = runlog_create(&opening, out, &config->runlog, err);
    if (rc == 0) {
        rc = run_simulate(config, day->metrics, NULL, NULL, err);
    }
    if (rc == 0) {
        rc = runlog_finish(config->runlog, err);
    }
    runlog_destroy(config->runlog);
    return fclose(out) == 0 || rc != 0 ? rc : omega_error_set_errno(err, day->log, "cannot close");
}

static int day_run(struct day *day, double *seconds, omega_error_t *err)
{
    struct run_config config = {
        .seed = day->seed,
        .horizon_us = day->horizon_us,
        .cell = {.catalogue = day->catalogue,
                 .machines = day->machines,
                 .machine_count = MACHINES,
                 .overcommit = {1000, 1000, 1000}},
        .workloads = day->workloads,
        .workload_count = KINDS,
        .schedulers = day->schedulers,
        .scheduler_count = KINDS,
    };
    double start = clock_seconds();
    int rc = day->log != NULL ? run_logged(day, &config, err)
                              : run_simulate(&config, day->metrics, NULL, NULL, err);
    *seconds = clock_seconds() - start;
    return rc;
}

static void print_line(const struct day *day, double seconds)
{
    struct metrics_cell cell;
    metrics_read_cell(day->metrics, &cell);
    uint64_t tasks = 0;
    uint64_t attempts = 0;
    uint64_t conflicting = 0;
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        struct metrics_scope scope;
        metrics_read_scheduler(day->metrics, kind, &scope);
        tasks += scope.claims_accepted;
        attempts += scope.attempts;
        conflicting += scope.transactions_conflicting;
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("program=load_day tasks=%llu attempts=%llu conflicting=%llu seconds=%.4f "
           "ns_per_task=%.2f tasks_per_s=%.0f events=%llu events_per_s=%.0f peak_rss_kib=%ld "
           "digest=%s\n",
           (unsigned long long)tasks, (unsigned long long)attempts, (unsigned long long)conflicting,
           seconds, 1e9 * seconds / (double)tasks, (double)tasks / seconds,
           (unsigned long long)cell.events, (double)cell.events / seconds, usage.ru_maxrss,
           cell.digest);
}

int main(int argc, char **argv)
{
    struct day day = {.measure = true};
    if (argc > 1 && strcmp(argv[1], "--no-metrics") == 0) {
        day.measure = false;
        argc--;
        argv++;
    } else if (argc > 2 && strcmp(argv[1], "--log") == 0) {
        day.log = argv[2];
        argc -= 2;
        argv += 2;
    }
    day.seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    day.horizon_us = (argc > 2 ? strtoll(argv[2], NULL, 10) : 24) * 3600 * SECOND;
    omega_error_t err;
    omega_error_clear(&err);
    double seconds = 0;
    int rc = day_open(&day, &err);
    if (rc == 0) {
        rc = day_run(&day, &seconds, &err);
    }
    if (rc == 0) {
        print_line(&day, seconds);
    } else {
        char text[512];
        omega_error_format(&err, text, sizeof(text));
        fprintf(stderr, "load_day: %s\n", text);
    }
    day_close(&day);
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
