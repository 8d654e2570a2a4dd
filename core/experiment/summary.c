/* SPDX-License-Identifier: MIT */
/* The summary of a run: see summary.h. */
#include "core/experiment/summary.h"

#include <inttypes.h>
#include <stdlib.h>

#include "core/experiment/table.h"

struct summary {
    const struct experiment *experiment;
    struct table *schedulers;
    struct table *workloads; /* shown where a scheduler takes several of them */
    struct table *cells;
    bool mixed;
    bool seeds; /* a column for them: the points differ by more than their variant */
    bool json;
    char *text; /* JSON: the rows so far, behind `memory` */
    size_t size;
    FILE *memory;
    uint64_t rows;
};

#define SCHEDULER_FIGURES                                                                          \
    "scheduler", "jobs", "scheduled", "wait mean [s]", "wait p90 [s]", "busyness",                 \
        "conflict fraction", "attempts/job", "abandoned", NULL
#define WORKLOAD_FIGURES                                                                           \
    "workload", "jobs", "scheduled", "wait mean [s]", "wait p90 [s]", "abandoned", NULL
#define CELL_FIGURES "CPU use", "memory use", "GPU use", "tasks placed", "digest", "check", NULL

static const char *const scheduler_headings[] = {"variant", SCHEDULER_FIGURES};
static const char *const scheduler_seed_headings[] = {"variant", "seed", SCHEDULER_FIGURES};
static const char *const workload_headings[] = {"variant", WORKLOAD_FIGURES};
static const char *const workload_seed_headings[] = {"variant", "seed", WORKLOAD_FIGURES};
static const char *const cell_headings[] = {"variant", CELL_FIGURES};
static const char *const cell_seed_headings[] = {"variant", "seed", CELL_FIGURES};

struct summary *summary_create(const struct experiment *experiment, bool json)
{
    struct summary *summary = calloc(1, sizeof *summary);
    if (summary == NULL) {
        return NULL;
    }
    bool seeds = experiment_point_count(experiment) > experiment_variant_count(experiment);
    summary->experiment = experiment;
    summary->json = json;
    summary->seeds = seeds;
    summary->schedulers =
        table_create(seeds ? scheduler_seed_headings : scheduler_headings, seeds ? 3 : 2);
    summary->workloads =
        table_create(seeds ? workload_seed_headings : workload_headings, seeds ? 3 : 2);
    summary->cells = table_create(seeds ? cell_seed_headings : cell_headings, 1);
    summary->memory = open_memstream(&summary->text, &summary->size);
    if (summary->schedulers == NULL || summary->workloads == NULL || summary->cells == NULL ||
        summary->memory == NULL) {
        summary_destroy(summary);
        return NULL;
    }
    return summary;
}

void summary_destroy(struct summary *summary)
{
    if (summary == NULL) {
        return;
    }
    if (summary->memory != NULL) {
        fclose(summary->memory);
    }
    free(summary->text);
    table_destroy(summary->schedulers);
    table_destroy(summary->workloads);
    table_destroy(summary->cells);
    free(summary);
}

static void begin(const struct summary *summary, struct table *table, const struct point *point)
{
    table_cell(table, "%s", point->variant[0] == '\0' ? "-" : point->variant);
    if (summary->seeds) {
        table_cell(table, "%" PRIu64, point->seed);
    }
}

/* A mean that leaves jobs out which wait still is a lower bound, and so is a censored quantile. */
static void add_waits(struct table *table, const struct histogram *wait)
{
    bool censored = false;
    uint64_t never = histogram_censored(wait);
    double none = __builtin_nan("");
    double mean = histogram_count(wait) == never ? none : histogram_mean(wait) / 1e6;
    double p90 =
        histogram_count(wait) == 0 ? none : (double)histogram_quantile(wait, 0.9, &censored) / 1e6;
    table_figure_as(table, never > 0 ? "> " : "", mean, "");
    table_figure_as(table, censored ? "> " : "", p90, "");
}

/* Jobs, how many of them were fully scheduled (cut, not rounded: 100 % means all), and waits. */
static void add_jobs(struct table *table, const struct metrics_scope *scope)
{
    uint64_t jobs = scope->jobs_submitted;
    uint64_t scheduled = histogram_count(scope->wait_full) - histogram_censored(scope->wait_full);
    table_cell(table, "%" PRIu64, jobs);
    if (jobs == 0) {
        table_cell(table, "-");
    } else if (scheduled == jobs) {
        table_cell(table, "100 %%");
    } else {
        table_cell(table, "%" PRIu64 ".%" PRIu64 " %%", scheduled * 100 / jobs,
                   scheduled * 1000 / jobs % 10);
    }
    add_waits(table, scope->wait_first);
}

static void add_scheduler(struct summary *summary, const struct point_result *result,
                          uint32_t index, int64_t measured_us)
{
    struct metrics_scope scope;
    struct table *table = summary->schedulers;
    metrics_read_scheduler(result->metrics, index, &scope);
    double attempts = histogram_count(scope.attempts_per_job) == 0
                          ? __builtin_nan("")
                          : histogram_mean(scope.attempts_per_job);
    begin(summary, table, result->point);
    if (scope.instances > 1) {
        table_cell(table, "%s x%u", scope.name, scope.instances);
    } else {
        table_cell(table, "%s", scope.name);
    }
    add_jobs(table, &scope);
    table_figure(table, metrics_busyness(&scope, measured_us));
    table_figure(table, metrics_conflict_fraction(&scope));
    table_figure(table, attempts);
    table_cell(table, "%" PRIu64, scope.jobs_by_outcome[METRICS_JOB_ABANDONED]);
}

static void add_workload(struct summary *summary, const struct point_result *result, uint32_t index)
{
    struct metrics_scope scope;
    metrics_read_workload(result->metrics, index, &scope);
    begin(summary, summary->workloads, result->point);
    table_cell(summary->workloads, "%s", scope.name);
    add_jobs(summary->workloads, &scope);
    table_cell(summary->workloads, "%" PRIu64, scope.jobs_by_outcome[METRICS_JOB_ABANDONED]);
}

static void add_cell(struct summary *summary, const struct point_result *result,
                     const struct metrics_cell *cell)
{
    struct table *table = summary->cells;
    uint64_t placed = 0;
    for (uint32_t i = 0; i < metrics_scheduler_count(result->metrics); i++) {
        struct metrics_scope scope;
        metrics_read_scheduler(result->metrics, i, &scope);
        placed += scope.claims_accepted;
    }
    begin(summary, table, result->point);
    table_figure_as(table, "", cell->cpu_utilisation * 100, " %");
    table_figure_as(table, "", cell->mem_utilisation * 100, " %");
    if (cell->final.gpu_capacity_milli > 0) {
        table_figure_as(table, "", cell->gpu_utilisation * 100, " %");
    } else {
        table_cell(table, "-");
    }
    table_cell(table, "%" PRIu64, placed);
    table_cell(table, "%s", cell->digest);
    table_cell(table, "A B I hold (%" PRIu64 " machines, %" PRIu64 " placements)",
               result->report.machines, result->report.placements);
}

static void add_row(void *context, const struct row *row)
{
    struct summary *summary = context;
    fputs(summary->rows++ == 0 ? "\n" : ",\n", summary->memory);
    row_write_json(row, summary->memory);
}

int summary_point(struct summary *summary, const struct point_result *result, omega_error_t *err)
{
    struct metrics_cell cell;
    if (summary->json) {
        return results_rows(result, add_row, summary, err);
    }
    metrics_read_cell(result->metrics, &cell);
    for (uint32_t i = 0; i < metrics_scheduler_count(result->metrics); i++) {
        add_scheduler(summary, result, i, cell.measured_us);
    }
    for (uint32_t i = 0; i < metrics_workload_count(result->metrics); i++) {
        add_workload(summary, result, i);
    }
    summary->mixed |=
        metrics_workload_count(result->metrics) > metrics_scheduler_count(result->metrics);
    add_cell(summary, result, &cell);
    return 0;
}

static void write_json(struct summary *summary, const char *directory, FILE *out)
{
    fflush(summary->memory);
    fputs("{\"experiment\":", out);
    row_put_json_text(experiment_name(summary->experiment), out);
    fputs(",\"experiment_sha256\":", out);
    row_put_json_text(experiment_sha256(summary->experiment), out);
    fputs(",\"out\":", out);
    row_put_json_text(directory, out);
    fputs(",\"rows\":[", out);
    fputs(summary->text, out);
    fputs("\n]}\n", out);
}

void summary_write(struct summary *summary, const char *directory, FILE *out)
{
    if (summary->json) {
        write_json(summary, directory, out);
        return;
    }
    bool series = experiment_record(summary->experiment)->series;
    fprintf(out, "\n");
    table_write(summary->schedulers, out);
    if (summary->mixed) {
        fprintf(out, "\n");
        table_write(summary->workloads, out);
    }
    fprintf(
        out,
        "\n  wait: from submission to the start of a job's first attempt; > x: some wait still\n"
        "  busyness: share of time spent in attempts; conflict fraction: conflicting / "
        "successful transactions\n\n");
    table_write(summary->cells, out);
    fprintf(out,
            "\nresults: %s/results.jsonl and results.csv; over time: %s/%s\n"
            "try next: omega run %s --seed 2      the same with other random numbers\n"
            "          omega schedulers           the modules there are, with their options\n"
            "          core/experiment/README.md  every key of an experiment file, every column\n",
            directory, directory, series ? "series.csv" : "results.csv",
            experiment_file(summary->experiment));
}
