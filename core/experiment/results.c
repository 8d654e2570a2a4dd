/* SPDX-License-Identifier: MIT */
/* Rows of a point's results: see results.h. */
#include "core/experiment/conflict_records.h"

#include "core/experiment/results_days.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NOT_A_NUMBER __builtin_nan("")

const char *const results_columns[] = {
    "scope", "variant", "seed", ROW_PARAMETERS_COLUMN, "name",
    /* jobs and tasks */
    "jobs_submitted", "jobs_scheduled", "jobs_begun", "jobs_finished", "jobs_running",
    "jobs_pending", "jobs_abandoned", "jobs_failed", "tasks_submitted", "tasks_finished",
    "tasks_failed", "tasks_abandoned", "tasks_pending", "tasks_running",
    /* waits */
    "wait_first_mean_s", "wait_first_mean_censored", "wait_first_p50_s", "wait_first_p50_censored",
    "wait_first_p90_s", "wait_first_p90_censored", "wait_first_p99_s", "wait_first_p99_censored",
    "wait_first_max_s", "wait_first_max_censored", "wait_first_never", "wait_full_mean_s",
    "wait_full_mean_censored", "wait_full_p50_s", "wait_full_p50_censored", "wait_full_p90_s",
    "wait_full_p90_censored", "wait_full_p99_s", "wait_full_p99_censored", "wait_full_max_s",
    "wait_full_max_censored", "wait_full_never", "queued_mean_s", "queued_p90_s", "queued_max_s",
    /* attempts, transactions, claims */
    "attempts", "attempts_no_fit", "attempts_short", "attempts_begun", "attempts_per_job",
    "attempts_settled_mean", "attempts_settled_p90", "attempts_settled_max", "transactions",
    "transactions_successful", "transactions_conflicting", "transactions_refused", "claims",
    "claims_accepted", "claims_conflicting", "claims_refused", "claims_aborted",
    "conflict_fraction", "claim_conflict_fraction", "view_age_mean_s", "view_age_p90_s",
    "view_age_max_s", "view_age_mean_versions", "busy_s", "busy_useful_s", "busy_wasted_s",
    "busy_no_fit_s", "busy_cut_s", "busy_conflicting_s", "busy_redone_s",
    /* conflicts */
    "claims_no_longer_fits", "claims_seq_changed", "claims_spurious", "claims_sole_rival",
    "transactions_spurious", "spurious_fraction", "view_age_conflicting_mean_s",
    "view_age_conflicting_p90_s", "view_age_conflicting_max_s",
    "view_age_conflicting_mean_versions", "would_conflict_fine_task", "would_conflict_fine_machine",
    "would_conflict_fine_at_least", "would_conflict_fine_all", "would_conflict_fine_gang",
    "would_conflict_coarse_task", "would_conflict_coarse_machine", "would_conflict_coarse_at_least",
    "would_conflict_coarse_all", "would_conflict_coarse_gang",
    /* schedulers */
    "instances", "busyness", "busyness_useful", "busyness_wasted", "busyness_no_fit",
    "busyness_cut", "busyness_conflicting", "busyness_no_conflicts", "busyness_reference",
    "busyness_instances", "busyness_day_median", "busyness_day_mad", "busyness_days",
    "busyness_useful_day_median", "busyness_useful_day_mad", "busyness_useful_days",
    "busyness_wasted_day_median", "busyness_wasted_day_mad", "busyness_wasted_days",
    "busyness_no_fit_day_median", "busyness_no_fit_day_mad", "busyness_no_fit_days",
    "busyness_no_conflicts_day_median", "busyness_no_conflicts_day_mad",
    "busyness_no_conflicts_days", "busyness_reference_day_median", "busyness_reference_day_mad",
    "busyness_reference_days", "conflict_fraction_day_median", "conflict_fraction_day_mad",
    "conflict_fraction_days", "wait_first_day_median_s", "wait_first_day_mad_s",
    "wait_first_days_s", "queue_mean", "queue_max", "counters",
    /* the cell */
    "measured_s", "events", "losses", "machine_events_add", "machine_events_remove",
    "machine_events_drain", "machine_events_undrain", "machine_events_capacity", "cpu_utilisation",
    "mem_utilisation", "gpu_utilisation", "cpu_fragmentation", "mem_fragmentation",
    "gpu_fragmentation", "final_cpu_fragmentation", "final_mem_fragmentation",
    "final_gpu_fragmentation", "final_cpu_used_milli", "final_mem_used_mib", "final_gpu_used_milli",
    "final_cpu_capacity_milli", "final_mem_capacity_mib", "final_gpu_capacity_milli", "version",
    "digest", "check", "check_machines", "check_placements", "check_above_limit", NULL};

const char *const results_mapreduce_columns[RESULTS_MAPREDUCE_COLUMNS] = {
    "mapreduce_jobs", "mapreduce_gained", "speedup_mean", "speedup_p50",
    "speedup_p80",    "speedup_p95",      "speedup_max"};

/* ---- distributions of waits and the like ---- */

struct wait_keys {
    const char *mean;
    const char *mean_censored;
    const char *quantile[3];
    const char *censored[3];
    const char *max;
    const char *max_censored;
    const char *never;
};

static const struct wait_keys first_keys = {
    "wait_first_mean_s",
    "wait_first_mean_censored",
    {"wait_first_p50_s", "wait_first_p90_s", "wait_first_p99_s"},
    {"wait_first_p50_censored", "wait_first_p90_censored", "wait_first_p99_censored"},
    "wait_first_max_s",
    "wait_first_max_censored",
    "wait_first_never",
};

static const struct wait_keys full_keys = {
    "wait_full_mean_s",
    "wait_full_mean_censored",
    {"wait_full_p50_s", "wait_full_p90_s", "wait_full_p99_s"},
    {"wait_full_p50_censored", "wait_full_p90_censored", "wait_full_p99_censored"},
    "wait_full_max_s",
    "wait_full_max_censored",
    "wait_full_never",
};

static uint64_t known_values(const struct histogram *histogram)
{
    return histogram_count(histogram) - histogram_censored(histogram);
}

static double mean_of(const struct histogram *histogram)
{
    return histogram_count(histogram) == 0 ? NOT_A_NUMBER : histogram_mean(histogram);
}

static double max_of(const struct histogram *histogram)
{
    return histogram_count(histogram) == 0 ? NOT_A_NUMBER : (double)histogram_max(histogram);
}

static double quantile_of(const struct histogram *histogram, double q, bool *censored)
{
    *censored = false;
    return histogram_count(histogram) == 0 ? NOT_A_NUMBER
                                           : (double)histogram_quantile(histogram, q, censored);
}

/* A job that never began, or was never scheduled, makes mean and maximum lower bounds. */
static void add_waits(struct row *row, const struct wait_keys *keys,
                      const struct histogram *histogram)
{
    static const double quantiles[3] = {0.5, 0.9, 0.99};
    row_seconds(row, keys->mean, mean_of(histogram));
    row_bool(row, keys->mean_censored, histogram_censored(histogram) > 0);
    for (int i = 0; i < 3; i++) {
        bool censored;
        row_seconds(row, keys->quantile[i], quantile_of(histogram, quantiles[i], &censored));
        row_bool(row, keys->censored[i], censored);
    }
    row_seconds(row, keys->max, max_of(histogram));
    row_bool(row, keys->max_censored, histogram_censored(histogram) > 0);
    row_count(row, keys->never, histogram_censored(histogram));
}

static void add_queued(struct row *row, const struct histogram *histogram)
{
    bool censored;
    row_seconds(row, "queued_mean_s", mean_of(histogram));
    row_seconds(row, "queued_p90_s", quantile_of(histogram, 0.9, &censored));
    row_seconds(row, "queued_max_s", max_of(histogram));
}

/* ---- schedulers and workloads ---- */

static void begin_row(struct row *row, const struct point *point, const char *scope,
                      const char *name)
{
    row->size = 0;
    row_text(row, "scope", scope);
    row_text(row, "variant", point->variant);
    row_count(row, "seed", point->seed);
    row_parameters(row, &point->parameters);
    row_text(row, "name", name);
}

static void add_jobs(struct row *row, const struct metrics_scope *scope)
{
    row_count(row, "jobs_submitted", scope->jobs_submitted);
    row_count(row, "jobs_scheduled", known_values(scope->wait_full));
    row_count(row, "jobs_begun", scope->jobs_begun);
    row_count(row, "jobs_finished", scope->jobs_by_outcome[METRICS_JOB_FINISHED]);
    row_count(row, "jobs_running", scope->jobs_by_outcome[METRICS_JOB_RUNNING]);
    row_count(row, "jobs_pending", scope->jobs_by_outcome[METRICS_JOB_PENDING]);
    row_count(row, "jobs_abandoned", scope->jobs_by_outcome[METRICS_JOB_ABANDONED]);
    row_count(row, "jobs_failed", scope->jobs_by_outcome[METRICS_JOB_FAILED]);
    row_count(row, "tasks_submitted", scope->tasks_submitted);
    row_count(row, "tasks_finished", scope->tasks_finished);
    row_count(row, "tasks_failed", scope->tasks_failed);
    row_count(row, "tasks_abandoned", scope->tasks_abandoned);
    row_count(row, "tasks_pending", scope->tasks_pending);
    row_count(row, "tasks_running", scope->tasks_running);
}

static void add_attempts(struct row *row, const struct metrics_scope *scope)
{
    bool censored;
    row_count(row, "attempts", scope->attempts);
    row_count(row, "attempts_no_fit", scope->attempts_no_fit);
    row_count(row, "attempts_short", scope->attempts_short);
    row_count(row, "attempts_begun", scope->attempts_begun);
    row_real(row, "attempts_per_job", metrics_attempts_per_job(scope));
    row_real(row, "attempts_settled_mean", mean_of(scope->attempts_settled));
    row_real(row, "attempts_settled_p90", quantile_of(scope->attempts_settled, 0.9, &censored));
    row_real(row, "attempts_settled_max", max_of(scope->attempts_settled));
    row_count(row, "transactions", scope->transactions);
    row_count(row, "transactions_successful", scope->transactions_successful);
    row_count(row, "transactions_conflicting", scope->transactions_conflicting);
    row_count(row, "transactions_refused", scope->transactions_refused);
    row_count(row, "claims", scope->claims);
    row_count(row, "claims_accepted", scope->claims_accepted);
    row_count(row, "claims_conflicting", scope->claims_conflicting);
    row_count(row, "claims_refused", scope->claims_refused);
    row_count(row, "claims_aborted", scope->claims_aborted);
    row_real(row, "conflict_fraction", metrics_conflict_fraction(scope));
    row_real(row, "claim_conflict_fraction", metrics_claim_conflict_fraction(scope));
    row_seconds(row, "view_age_mean_s", mean_of(scope->view_age));
    row_seconds(row, "view_age_p90_s", quantile_of(scope->view_age, 0.9, &censored));
    row_seconds(row, "view_age_max_s", max_of(scope->view_age));
    row_real(row, "view_age_mean_versions", mean_of(scope->view_age_versions));
    row_seconds(row, "busy_s", (double)scope->busy_us);
    row_seconds(row, "busy_useful_s", (double)scope->busy_useful_us);
    row_seconds(row, "busy_wasted_s", (double)metrics_busy_wasted(scope));
    row_seconds(row, "busy_no_fit_s", (double)scope->busy_no_fit_us);
    row_seconds(row, "busy_cut_s", (double)scope->busy_cut_us);
    row_seconds(row, "busy_conflicting_s", (double)scope->busy_conflicting_us);
    row_seconds(row, "busy_redone_s", (double)scope->busy_redone_us);
}

/* Only where there are MapReduce jobs. */
static void add_speedups(struct row *row, const struct metrics_scope *scope)
{
    static const double quantiles[] = {0.5, 0.8, 0.95};
    const struct histogram *speedup = scope->speedup;
    bool censored;
    if (scope->mapreduce_jobs == 0) {
        return;
    }
    row_count(row, results_mapreduce_columns[0], scope->mapreduce_jobs);
    row_count(row, results_mapreduce_columns[1], scope->mapreduce_gained);
    row_real(row, results_mapreduce_columns[2], mean_of(speedup) / METRICS_SPEEDUP_ONE);
    for (int i = 0; i < 3; i++) {
        row_real(row, results_mapreduce_columns[3 + i],
                 quantile_of(speedup, quantiles[i], &censored) / METRICS_SPEEDUP_ONE);
    }
    row_real(row, results_mapreduce_columns[6], max_of(speedup) / METRICS_SPEEDUP_ONE);
}

/* "[0.1,0.2]", to be freed; NULL without memory. */
static char *instances_text(const struct metrics_scope *scope, double measured_us)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < scope->instances; i++) {
        fputc(i == 0 ? '[' : ',', out);
        row_put_real((double)scope->instance_busy_us[i] / measured_us, "null", out);
    }
    fputs(scope->instances == 0 ? "[]" : "]", out);
    return fclose(out) == 0 ? text : NULL;
}

/* {"name":7}, to be freed; NULL without memory. */
static char *counters_text(const struct metrics *metrics, uint32_t scheduler)
{
    char *text = NULL;
    size_t size;
    const char *name;
    int64_t value;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        return NULL;
    }
    fputc('{', out);
    for (uint32_t i = 0; metrics_read_counter(metrics, scheduler, i, &name, &value); i++) {
        fputs(i == 0 ? "" : ",", out);
        row_put_json_text(name, out);
        fprintf(out, ":%" PRId64, value);
    }
    fputc('}', out);
    return fclose(out) == 0 ? text : NULL;
}

/* Shares of the instances' time. */
static void add_busyness(struct row *row, const struct metrics_scope *scope, int64_t measured_us)
{
    int64_t wasted = metrics_busy_wasted(scope);
    row_real(row, "busyness", metrics_busyness(scope, measured_us));
    row_real(row, "busyness_useful", metrics_busy_share(scope, scope->busy_useful_us, measured_us));
    row_real(row, "busyness_wasted", metrics_busy_share(scope, wasted, measured_us));
    row_real(row, "busyness_no_fit", metrics_busy_share(scope, scope->busy_no_fit_us, measured_us));
    row_real(row, "busyness_cut", metrics_busy_share(scope, scope->busy_cut_us, measured_us));
    row_real(row, "busyness_conflicting",
             metrics_busy_share(scope, scope->busy_conflicting_us, measured_us));
    row_real(row, "busyness_no_conflicts", metrics_busyness_no_conflicts(scope, measured_us));
    row_real(row, "busyness_reference",
             metrics_busy_share(scope, scope->busy_useful_us + wasted, measured_us));
}

static int scheduler_row(const struct point_result *result, uint32_t index, struct row *row,
                         void (*each)(void *context, const struct row *row), void *context,
                         omega_error_t *err)
{
    struct metrics_scope scope;
    struct metrics_cell cell;
    metrics_read_scheduler(result->metrics, index, &scope);
    metrics_read_cell(result->metrics, &cell);
    double measured = (double)cell.measured_us;
    char *instances = instances_text(&scope, measured);
    char *counters = counters_text(result->metrics, index);
    struct results_days days = {{NULL}};
    if (instances == NULL || counters == NULL ||
        results_days_make(result->metrics, index, &days) != 0) {
        free(instances);
        free(counters);
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    begin_row(row, result->point, "scheduler", scope.name);
    add_jobs(row, &scope);
    add_waits(row, &first_keys, scope.wait_first);
    add_waits(row, &full_keys, scope.wait_full);
    add_queued(row, scope.queued);
    add_attempts(row, &scope);
    conflict_row_scheduler(row, result, index);
    row_count(row, "instances", scope.instances);
    add_busyness(row, &scope, cell.measured_us);
    row_json(row, "busyness_instances", instances);
    results_days_add(row, result->metrics, index, &days);
    row_real(row, "queue_mean", scope.queue_mean);
    row_count(row, "queue_max", scope.queue_max);
    row_json(row, "counters", counters);
    add_speedups(row, &scope);
    each(context, row);
    free(instances);
    results_days_free(&days);
    free(counters);
    return 0;
}

static void workload_row(const struct point_result *result, uint32_t index, struct row *row)
{
    struct metrics_scope scope;
    metrics_read_workload(result->metrics, index, &scope);
    begin_row(row, result->point, "workload", scope.name);
    add_jobs(row, &scope);
    add_waits(row, &first_keys, scope.wait_first);
    add_waits(row, &full_keys, scope.wait_full);
    add_queued(row, scope.queued);
    add_attempts(row, &scope);
    conflict_row_workload(row, result, index);
    add_speedups(row, &scope);
}

/* ---- the cell ---- */

static void add_cell(struct row *row, const struct metrics_cell *cell)
{
    static const char *const kinds[] = {"machine_events_add", "machine_events_remove",
                                        "machine_events_drain", "machine_events_undrain",
                                        "machine_events_capacity"};
    row_seconds(row, "measured_s", (double)cell->measured_us);
    row_count(row, "events", cell->events);
    row_count(row, "losses", cell->losses);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        row_count(row, kinds[i], cell->machine_events[i]);
    }
    row_real(row, "cpu_utilisation", cell->cpu_utilisation);
    row_real(row, "mem_utilisation", cell->mem_utilisation);
    row_real(row, "gpu_utilisation", cell->gpu_utilisation);
    row_real(row, "cpu_fragmentation", cell->cpu_fragmentation);
    row_real(row, "mem_fragmentation", cell->mem_fragmentation);
    row_real(row, "gpu_fragmentation", cell->gpu_fragmentation);
    row_real(row, "final_cpu_fragmentation", cell->final_cpu_fragmentation);
    row_real(row, "final_mem_fragmentation", cell->final_mem_fragmentation);
    row_real(row, "final_gpu_fragmentation", cell->final_gpu_fragmentation);
    row_whole(row, "final_cpu_used_milli", cell->final.cpu_used_milli);
    row_whole(row, "final_mem_used_mib", cell->final.mem_used_mib);
    row_whole(row, "final_gpu_used_milli", cell->final.gpu_used_milli);
    row_whole(row, "final_cpu_capacity_milli", cell->final.cpu_capacity_milli);
    row_whole(row, "final_mem_capacity_mib", cell->final.mem_capacity_mib);
    row_whole(row, "final_gpu_capacity_milli", cell->final.gpu_capacity_milli);
}

static void cell_row(const struct point_result *result, const struct metrics_cell *cell,
                     struct row *row)
{
    const struct store_counters *counters = &result->counters;
    begin_row(row, result->point, "cell", "cell");
    row_count(row, "tasks_submitted", counters->tasks_submitted);
    row_count(row, "tasks_finished", counters->tasks_finished);
    row_count(row, "tasks_failed", counters->tasks_failed);
    row_count(row, "tasks_abandoned", counters->tasks_abandoned);
    row_count(row, "tasks_pending", counters->tasks_pending);
    row_count(row, "tasks_running", counters->tasks_running);
    add_cell(row, cell);
    row_count(row, "version", counters->version);
    row_text(row, "digest", cell->digest);
    row_text(row, "check", result->report.violations == 0 ? "A B I hold" : result->report.first);
    row_count(row, "check_machines", result->report.machines);
    row_count(row, "check_placements", result->report.placements);
    row_count(row, "check_above_limit", result->report.above_limit);
}

int results_rows(const struct point_result *result,
                 void (*each)(void *context, const struct row *row), void *context,
                 omega_error_t *err)
{
    struct row row;
    struct metrics_cell cell;
    for (uint32_t i = 0; i < metrics_scheduler_count(result->metrics); i++) {
        int rc = scheduler_row(result, i, &row, each, context, err);
        if (rc != 0) {
            return rc;
        }
    }
    for (uint32_t i = 0; i < metrics_workload_count(result->metrics); i++) {
        workload_row(result, i, &row);
        each(context, &row);
    }
    metrics_read_cell(result->metrics, &cell);
    cell_row(result, &cell, &row);
    each(context, &row);
    return 0;
}

void results_head(const struct experiment *experiment, FILE *out)
{
    fprintf(out, "{\"schema\":%d,\"omega\":\"" OMEGA_VERSION "\",\"experiment\":", RESULTS_SCHEMA);
    row_put_json_text(experiment_name(experiment), out);
    fprintf(out, ",\"experiment_sha256\":\"%s\",\"inputs\":[", experiment_sha256(experiment));
    const struct experiment_input *input;
    for (uint32_t i = 0; (input = experiment_input(experiment, i)) != NULL; i++) {
        fputs(i == 0 ? "{\"file\":" : ",{\"file\":", out);
        row_put_json_text(input->name, out);
        fprintf(out, ",\"sha256\":\"%s\"}", input->sha256);
    }
    fputs("]}", out);
}
