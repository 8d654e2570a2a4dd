/* SPDX-License-Identifier: MIT */
/*
 * A row of `make bench-sim` on omega: by the simulator, called as a library, with modules and
 * metrics on, in one process and without files. bare_loop.c is its limit. The row `day-1` is the
 * same as bench/experiments/load-day.json.
 *
 * usage: sim [OPTION] ROW [SEED]
 *   --digest            with the digest of the run
 *   --counterfactuals   with what each commit would have got in every other mode
 *   --log FILE          with a run log, the time of which includes that of closing the file
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/support/bench.h"
#include "bench/support/rows.h"
#include "core/base/large.h"
#include "core/driver/run.h"

static const char *const names[ROW_KINDS] = {"batch", "service"};

struct sim {
    const struct row *row;
    uint64_t seed;
    int64_t horizon_us;
    const char *log; /* NULL: none */
    struct catalogue *catalogue;
    struct omega_machine_spec *machines;
    struct module *module;
    struct distribution fill_cpu_milli;
    struct distribution fill_mem_mib;
    struct run_decision decisions[ROW_KINDS][ROW_KINDS]; /* per scheduler, per workload */
    struct run_workload workloads[ROW_KINDS];
    struct run_scheduler schedulers[ROW_KINDS];
    uint32_t instances[ROW_KINDS];
    struct metrics_config measured;
    struct metrics *metrics;
};

/* Options that switch something on. */
static const struct flag {
    const char *name;
    size_t field; /* a bool of struct sim */
} flags[] = {
    {"--digest", offsetof(struct sim, measured.digest)},
    {"--counterfactuals", offsetof(struct sim, measured.counterfactuals)},
};

static struct distribution exponential(double mean)
{
    return (struct distribution){.type = DISTRIBUTION_EXPONENTIAL, .a = mean};
}

static struct distribution constant(double value)
{
    return (struct distribution){.type = DISTRIBUTION_CONSTANT, .a = value};
}

/* ---- what the simulator is given ---- */

static int open_machines(struct sim *sim, omega_error_t *err)
{
    uint32_t count = sim->row->machines;
    sim->catalogue = catalogue_create();
    sim->machines = large_calloc(count, sizeof(*sim->machines));
    if (sim->catalogue == NULL || sim->machines == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for %u machines", count);
    }
    for (uint32_t m = 0; m < count; m++) {
        char name[16];
        snprintf(name, sizeof(name), "m%u", m);
        sim->machines[m].name = symbols_intern(catalogue_symbols(sim->catalogue), name);
        sim->machines[m].cpu_milli = ROW_CPU_MILLI;
        sim->machines[m].mem_mib = ROW_MEM_MIB;
    }
    return 0;
}

static int open_workload(struct sim *sim, uint32_t k, omega_error_t *err)
{
    const struct row_kind *kind = &sim->row->kinds[k];
    struct generator_config config = {
        .workload = k,
        .precedence = k == 0 ? 100 : 200,
        .interarrival_s = exponential(kind->gap_s),
        .tasks = exponential(kind->tasks),
        .duration_s = exponential(kind->duration_s),
        .cpu_milli = constant(kind->cpu_milli),
        .mem_mib = constant(kind->mem_mib),
        .rate_factor = 1,
        .end_us = sim->horizon_us,
    };
    sim->workloads[k] = (struct run_workload){.name = names[k], .scheduler = k, .pickiness = 1};
    return generator_open(&config, sim->seed, &sim->workloads[k].source, err);
}

static void open_scheduler(struct sim *sim, uint32_t k)
{
    const struct row_kind *kind = &sim->row->kinds[k];
    sim->decisions[k][k] = (struct run_decision){kind->job_us, kind->task_us};
    sim->schedulers[k] = (struct run_scheduler){
        .name = names[k],
        .module = sim->module,
        .instances = kind->instances,
        .decisions = sim->decisions[k],
        .detection = sim->row->fine ? OMEGA_DETECT_FINE : OMEGA_DETECT_COARSE,
        .granularity = OMEGA_COMMIT_TASK,
        .retry = {.delay_us = ROW_RETRY_US,
                  .backoff = 1,
                  .delay_max_us = 3600 * ROW_SECOND,
                  .attempts_max = ROW_ATTEMPTS_MAX,
                  .attempts_unplaced_max = ROW_ATTEMPTS_UNPLACED_MAX},
    };
}

/* As for an experiment that records its summary, but for the digest. */
static int open_metrics(struct sim *sim, omega_error_t *err)
{
    for (uint32_t k = 0; k < ROW_KINDS; k++) {
        sim->instances[k] = sim->row->kinds[k].instances;
    }
    struct metrics_config *measured = &sim->measured;
    measured->schedulers = names;
    measured->instances = sim->instances;
    measured->scheduler_count = ROW_KINDS;
    measured->workloads = names;
    measured->workload_count = ROW_KINDS;
    measured->horizon_us = sim->horizon_us;
    measured->series_step_us = sim->horizon_us / 200;
    measured->histograms = true;
    measured->conflicts = true;
    measured->machine_count = sim->row->machines;
    sim->metrics = metrics_create(measured);
    return sim->metrics == NULL ? omega_error_set(err, OMEGA_ENOMEM, "no memory for metrics") : 0;
}

static int sim_open(struct sim *sim, omega_error_t *err)
{
    int rc = open_machines(sim, err);
    if (rc == 0) {
        rc = module_open("batch", NULL, &sim->module, err);
    }
    for (uint32_t k = 0; rc == 0 && k < ROW_KINDS; k++) {
        rc = open_workload(sim, k, err);
        open_scheduler(sim, k);
    }
    return rc == 0 ? open_metrics(sim, err) : rc;
}

static void sim_close(struct sim *sim)
{
    metrics_destroy(sim->metrics);
    module_close(sim->module);
    for (uint32_t k = 0; k < ROW_KINDS; k++) {
        job_source_close(sim->workloads[k].source);
    }
    large_free(sim->machines);
    catalogue_destroy(sim->catalogue);
}

/* ---- the run ---- */

static int run_logged(struct sim *sim, struct run_config *config, omega_error_t *err)
{
    struct runlog_scheduler schedulers[ROW_KINDS];
    struct runlog_workload workloads[ROW_KINDS];
    struct runlog_opening opening;
    run_log_opening(config, schedulers, workloads, &opening);
    opening.experiment = sim->row->name;
    opening.text = "{}";
    opening.sha256 = "";
    opening.variant = "";
    FILE *out = fopen(sim->log, "w");
    if (out == NULL) {
        return omega_error_set_errno(err, sim->log, "cannot open");
    }
    int rc = runlog_create(&opening, out, &config->runlog, err);
    if (rc == 0) {
        rc = run_simulate(config, sim->metrics, NULL, NULL, err);
    }
    if (rc == 0) {
        rc = runlog_finish(config->runlog, err);
    }
    runlog_destroy(config->runlog);
    return fclose(out) == 0 || rc != 0 ? rc : omega_error_set_errno(err, sim->log, "cannot close");
}

static int sim_run(struct sim *sim, int64_t *ns, omega_error_t *err)
{
    sim->fill_cpu_milli = constant(ROW_FILL_CPU_MILLI);
    sim->fill_mem_mib = constant(ROW_FILL_MEM_MIB);
    struct run_config config = {
        .seed = sim->seed,
        .horizon_us = sim->horizon_us,
        .cell = {.catalogue = sim->catalogue,
                 .machines = sim->machines,
                 .machine_count = sim->row->machines,
                 .overcommit = {1000, 1000, 1000}},
        .prefill = {.cpu_utilisation = sim->row->prefill,
                    .cpu_milli = &sim->fill_cpu_milli,
                    .mem_mib = &sim->fill_mem_mib},
        .workloads = sim->workloads,
        .workload_count = ROW_KINDS,
        .schedulers = sim->schedulers,
        .scheduler_count = ROW_KINDS,
    };
    int64_t start = bench_cpu_ns();
    int rc = sim->log != NULL ? run_logged(sim, &config, err)
                              : run_simulate(&config, sim->metrics, NULL, NULL, err);
    *ns = bench_cpu_ns() - start;
    return rc;
}

/* The most jobs that waited at a time: the largest mean of a 200th of the run. */
static double longest_queue(const struct metrics *metrics)
{
    struct metrics_sample sample;
    double longest = 0;
    for (uint32_t i = 0; metrics_read_sample(metrics, i, &sample); i++) {
        double queued = sample.queue[0] + sample.queue[1];
        longest = queued > longest ? queued : longest;
    }
    return longest;
}

static void print_line(const struct sim *sim, int64_t ns)
{
    struct metrics_cell cell;
    metrics_read_cell(sim->metrics, &cell);
    struct row_figures figures = {.events = cell.events, .ns = ns, .digest = cell.digest};
    for (uint32_t k = 0; k < ROW_KINDS; k++) {
        struct metrics_scope scope;
        metrics_read_scheduler(sim->metrics, k, &scope);
        figures.tasks += scope.claims_accepted;
        figures.attempts += scope.attempts;
        figures.conflicting += scope.transactions_conflicting;
    }
    row_print("sim", sim->row, &figures);
    printf(" use=%.1f queue=%.0f\n", 100 * cell.cpu_utilisation, longest_queue(sim->metrics));
}

/* Switches on what an option names; false if it names nothing. */
static bool switch_on(struct sim *sim, const char *option)
{
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (strcmp(option, flags[i].name) == 0) {
            *(bool *)((char *)sim + flags[i].field) = true;
            return true;
        }
    }
    return false;
}

/* Takes the options off the command line, up to the row or to what is no option. */
static void read_options(struct sim *sim, int *argc, char ***argv)
{
    while (*argc > 1) {
        int taken = 1;
        if (strcmp((*argv)[1], "--log") == 0 && *argc > 2) {
            sim->log = (*argv)[2];
            taken = 2;
        } else if (!switch_on(sim, (*argv)[1])) {
            return;
        }
        *argc -= taken;
        *argv += taken;
    }
}

int main(int argc, char **argv)
{
    struct sim sim = {.row = NULL};
    large_heap();
    read_options(&sim, &argc, &argv);
    sim.row = argc > 1 ? row_find(argv[1]) : NULL;
    if (sim.row == NULL) {
        fprintf(stderr, "usage: sim [--digest] [--counterfactuals] [--log FILE] ROW [SEED]\n");
        return 2;
    }
    sim.seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    sim.horizon_us = sim.row->horizon_s * ROW_SECOND;
    omega_error_t err;
    omega_error_clear(&err);
    int64_t ns = 0;
    int rc = sim_open(&sim, &err);
    if (rc == 0) {
        rc = sim_run(&sim, &ns, &err);
    }
    if (rc == 0) {
        print_line(&sim, ns);
    } else {
        char text[512];
        omega_error_format(&err, text, sizeof(text));
        fprintf(stderr, "sim: %s\n", text);
    }
    sim_close(&sim);
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
