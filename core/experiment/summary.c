/* SPDX-License-Identifier: MIT */
/* The summary of a run: see summary.h. */
#include "core/experiment/summary.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/experiment/conflict_summary.h"
#include "core/experiment/outputs.h"
#include "core/experiment/seed_summary.h"
#include "core/experiment/table.h"

struct summary {
    const struct summary_options *options;
    FILE *out;
    struct table *schedulers;
    struct table *workloads; /* shown where a scheduler takes several of them */
    struct table *cells;
    struct table *days;          /* shown where a point has several of them */
    struct table *fragmentation; /* shown where it was measured */
    struct conflict_summary *conflicts;
    bool mixed;
    bool by_day;
    bool fragmented;
    bool seeds;    /* a column for them: the points differ by more than their variant */
    uint64_t rows; /* of JSON, so far */
    char *kept;    /* directory of the first cell that stays */
    uint32_t kept_count;
    struct parameter at[PARAMETERS_MAX]; /* their paths */
    struct seed_summary *over_seeds;     /* where there are several, or a sweep; else NULL */
    bool swept;                          /* over_seeds stands instead of the other tables */
};

#define SCHEDULER_FIGURES                                                                          \
    "scheduler", "jobs", "scheduled", "wait mean [s]", "wait p90 [s]", "busyness",                 \
        "conflict fraction", "attempts/job", "abandoned", NULL
#define WORKLOAD_FIGURES                                                                           \
    "workload", "jobs", "scheduled", "wait mean [s]", "wait p90 [s]", "abandoned", NULL
#define CELL_FIGURES                                                                               \
    "CPU use", "at end", "mem use", "at end", "GPU use", "at end", "placed", "digest", "check", NULL

#define DAY_FIGURES                                                                                \
    "scheduler", "days", "busyness/day", "MAD", "useful", "wasted", "no-fit", "no conflicts",      \
        "MAD", "conflict fraction", "MAD", NULL
#define FRAGMENTATION_FIGURES                                                                      \
    "CPU stranded", "at end", "mem stranded", "at end", "GPU stranded", "at end", NULL

static const char *const scheduler_headings[] = {"variant", SCHEDULER_FIGURES};
static const char *const scheduler_seed_headings[] = {"variant", "seed", SCHEDULER_FIGURES};
static const char *const workload_headings[] = {"variant", WORKLOAD_FIGURES};
static const char *const workload_seed_headings[] = {"variant", "seed", WORKLOAD_FIGURES};
static const char *const cell_headings[] = {"variant", CELL_FIGURES};
static const char *const cell_seed_headings[] = {"variant", "seed", CELL_FIGURES};
static const char *const day_headings[] = {"variant", DAY_FIGURES};
static const char *const day_seed_headings[] = {"variant", "seed", DAY_FIGURES};
static const char *const fragmentation_headings[] = {"variant", FRAGMENTATION_FIGURES};
static const char *const fragmentation_seed_headings[] = {"variant", "seed", FRAGMENTATION_FIGURES};

static bool make_tables(struct summary *summary)
{
    bool seeds = summary->seeds;
    summary->schedulers =
        table_create(seeds ? scheduler_seed_headings : scheduler_headings, seeds ? 3 : 2);
    summary->workloads =
        table_create(seeds ? workload_seed_headings : workload_headings, seeds ? 3 : 2);
    summary->cells = table_create(seeds ? cell_seed_headings : cell_headings, 1);
    summary->days = table_create(seeds ? day_seed_headings : day_headings, seeds ? 3 : 2);
    summary->fragmentation =
        table_create(seeds ? fragmentation_seed_headings : fragmentation_headings, 1);
    summary->conflicts = conflict_summary_create(seeds);
    return summary->schedulers != NULL && summary->workloads != NULL && summary->cells != NULL &&
           summary->days != NULL && summary->fragmentation != NULL && summary->conflicts != NULL;
}

static bool make_over_seeds(struct summary *summary)
{
    struct parameters parameters;
    experiment_parameters(summary->options->experiment, 0, summary->at, &parameters);
    summary->swept = parameters.count > 0;
    if (summary->swept || summary->seeds) {
        summary->over_seeds = seed_summary_create(&parameters);
        return summary->over_seeds != NULL;
    }
    return true;
}

struct summary *summary_create(const struct summary_options *options, FILE *out)
{
    struct summary *summary = calloc(1, sizeof *summary);
    if (summary == NULL) {
        return NULL;
    }
    summary->options = options;
    summary->out = out;
    summary->seeds =
        experiment_point_count(options->experiment) > experiment_variant_count(options->experiment);
    if (!make_tables(summary) || !make_over_seeds(summary)) {
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
    free(summary->kept);
    table_destroy(summary->schedulers);
    table_destroy(summary->workloads);
    table_destroy(summary->cells);
    table_destroy(summary->days);
    table_destroy(summary->fragmentation);
    conflict_summary_destroy(summary->conflicts);
    seed_summary_destroy(summary->over_seeds);
    free(summary);
}

static void begin(const struct summary *summary, struct table *table, const struct point *point)
{
    table_cell(table, "%s", point->variant[0] == '\0' ? "-" : point->variant);
    if (summary->seeds) {
        table_cell(table, "%" PRIu64, point->seed);
    }
}

/* With jobs that have not begun the mean is a lower bound, and so is a quantile that falls on such
 * a job. */
static void add_waits(struct table *table, const struct histogram *wait)
{
    bool censored = false;
    bool none = histogram_count(wait) == 0;
    double mean = none ? __builtin_nan("") : histogram_mean(wait) / 1e6;
    double p90 = none ? __builtin_nan("") : (double)histogram_quantile(wait, 0.9, &censored) / 1e6;
    table_figure_as(table, histogram_censored(wait) > 0 ? "> " : "", mean, "");
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

static void add_name(struct table *table, const struct metrics_scope *scope)
{
    if (scope->instances > 1) {
        table_cell(table, "%s x%u", scope->name, scope->instances);
    } else {
        table_cell(table, "%s", scope->name);
    }
}

/* Medians of the daily values, those of which the spread matters most with their MAD. */
static void add_days(struct summary *summary, const struct point_result *result, uint32_t index)
{
    static const struct {
        enum metrics_daily figure;
        bool spread;
    } shown[] = {
        {METRICS_DAILY_BUSYNESS, true},     {METRICS_DAILY_USEFUL, false},
        {METRICS_DAILY_WASTED, false},      {METRICS_DAILY_NO_FIT, false},
        {METRICS_DAILY_NO_CONFLICTS, true}, {METRICS_DAILY_CONFLICT_FRACTION, true},
    };
    struct metrics_scope scope;
    struct table *table = summary->days;
    metrics_read_scheduler(result->metrics, index, &scope);
    begin(summary, table, result->point);
    add_name(table, &scope);
    table_cell(table, "%u", metrics_day_count(result->metrics));
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        struct metrics_spread spread;
        metrics_read_spread(result->metrics, index, shown[i].figure, &spread);
        table_figure(table, spread.median);
        if (shown[i].spread) {
            table_figure(table, spread.mad);
        }
    }
}

static void add_scheduler(struct summary *summary, const struct point_result *result,
                          uint32_t index, int64_t measured_us)
{
    struct metrics_scope scope;
    struct table *table = summary->schedulers;
    metrics_read_scheduler(result->metrics, index, &scope);
    begin(summary, table, result->point);
    add_name(table, &scope);
    add_jobs(table, &scope);
    table_figure(table, metrics_busyness(&scope, measured_us));
    table_figure(table, metrics_conflict_fraction(&scope));
    table_figure(table, metrics_attempts_per_job(&scope));
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

/* A resource's use over time and at the horizon; neither without capacity. */
static void add_use(struct table *table, double mean, int64_t used, int64_t capacity)
{
    double none = __builtin_nan("");
    table_figure_as(table, "", capacity > 0 ? mean * 100 : none, " %");
    table_figure_as(table, "", capacity > 0 ? (double)used / (double)capacity * 100 : none, " %");
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
    add_use(table, cell->cpu_utilisation, cell->final.cpu_used_milli,
            cell->final.cpu_capacity_milli);
    add_use(table, cell->mem_utilisation, cell->final.mem_used_mib, cell->final.mem_capacity_mib);
    add_use(table, cell->gpu_utilisation, cell->final.gpu_used_milli,
            cell->final.gpu_capacity_milli);
    table_cell(table, "%" PRIu64, placed);
    table_cell(table, "%s", cell->digest);
    table_cell(table, "A B I hold (%" PRIu64 " machines, %" PRIu64 " placements)",
               result->report.machines, result->report.placements);
}

static void add_fragmentation(struct summary *summary, const struct point_result *result,
                              const struct metrics_cell *cell)
{
    const double shares[] = {
        cell->cpu_fragmentation,       cell->final_cpu_fragmentation, cell->mem_fragmentation,
        cell->final_mem_fragmentation, cell->gpu_fragmentation,       cell->final_gpu_fragmentation,
    };
    begin(summary, summary->fragmentation, result->point);
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        table_figure_as(summary->fragmentation, "", shares[i] * 100, " %");
    }
}

static void take_point(struct summary *summary, const struct point_result *result)
{
    struct metrics_cell cell;
    metrics_read_cell(result->metrics, &cell);
    for (uint32_t i = 0; i < metrics_scheduler_count(result->metrics); i++) {
        add_scheduler(summary, result, i, cell.measured_us);
        add_days(summary, result, i);
    }
    for (uint32_t i = 0; i < metrics_workload_count(result->metrics); i++) {
        add_workload(summary, result, i);
    }
    summary->mixed |=
        metrics_workload_count(result->metrics) > metrics_scheduler_count(result->metrics);
    summary->by_day |= metrics_day_count(result->metrics) > 1;
    summary->fragmented |= result->point->metrics.fragmentation.step_us > 0;
    add_cell(summary, result, &cell);
    add_fragmentation(summary, result, &cell);
}

/* ---- what a point leaves in its part: the cells of the tables ---- */

static json_t *save_table(const struct table *table)
{
    json_t *cells = json_array();
    table_save(table, cells);
    return cells;
}

static json_t *save(const struct summary *summary, const char *kept)
{
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:b,s:b,s:b,s:s?}", "schedulers",
                     save_table(summary->schedulers), "workloads", save_table(summary->workloads),
                     "cells", save_table(summary->cells), "days", save_table(summary->days),
                     "fragmentation", save_table(summary->fragmentation), "conflicts",
                     conflict_summary_save(summary->conflicts), "mixed", summary->mixed, "by_day",
                     summary->by_day, "fragmented", summary->fragmented, "kept", kept);
}

int summary_point(const struct experiment *experiment, const struct point_result *result, FILE *out,
                  omega_error_t *err)
{
    struct summary_options options = {.experiment = experiment};
    struct summary *summary = summary_create(&options, out);
    json_t *saved = NULL;
    if (summary != NULL && !summary->swept &&
        conflict_summary_point(summary->conflicts, result) == OMEGA_OK) {
        take_point(summary, result);
    }
    if (summary != NULL) {
        saved = save(summary, result->point->config.store.directory);
    }
    int rc = saved == NULL || json_dumpf(saved, out, JSON_COMPACT) != 0
                 ? omega_error_set(err, OMEGA_ENOMEM, "out of memory for the summary")
                 : 0;
    json_decref(saved);
    summary_destroy(summary);
    return rc;
}

static void load(struct summary *summary, const json_t *saved)
{
    const char *kept = json_string_value(json_object_get(saved, "kept"));
    table_load(summary->schedulers, json_object_get(saved, "schedulers"));
    table_load(summary->workloads, json_object_get(saved, "workloads"));
    table_load(summary->cells, json_object_get(saved, "cells"));
    table_load(summary->days, json_object_get(saved, "days"));
    table_load(summary->fragmentation, json_object_get(saved, "fragmentation"));
    conflict_summary_load(summary->conflicts, json_object_get(saved, "conflicts"));
    summary->mixed |= json_is_true(json_object_get(saved, "mixed"));
    summary->by_day |= json_is_true(json_object_get(saved, "by_day"));
    summary->fragmented |= json_is_true(json_object_get(saved, "fragmented"));
    if (kept != NULL && summary->kept_count++ == 0) {
        summary->kept = strdup(kept);
    }
}

/* ---- adding points ---- */

static void begin_json(const struct summary *summary)
{
    FILE *out = summary->out;
    fputs("{\"experiment\":", out);
    row_put_json_text(experiment_name(summary->options->experiment), out);
    fputs(",\"experiment_sha256\":", out);
    row_put_json_text(experiment_sha256(summary->options->experiment), out);
    fputs(",\"out\":", out);
    row_put_json_text(summary->options->directory, out);
    fputs(",\"rows\":[", out);
}

static void write_rows(struct summary *summary, const char *rows)
{
    if (summary->rows == 0) {
        begin_json(summary);
    }
    for (const char *at = rows; *at != '\0';) {
        int length = (int)strcspn(at, "\n");
        fprintf(summary->out, "%s%.*s", summary->rows++ == 0 ? "\n" : ",\n", length, at);
        at += length + (at[length] == '\n');
    }
}

int summary_add(struct summary *summary, struct part *part, omega_error_t *err)
{
    char *rows = NULL;
    char *text = NULL;
    int rc = part_text(part, OUTPUTS_SUMMARY, &text, err);
    bool wanted = summary->options->json || summary->over_seeds != NULL;
    rc = rc == 0 && wanted ? part_text(part, OUTPUTS_RESULTS, &rows, err) : rc;
    if (rc == 0) {
        json_t *saved = json_loads(text, 0, NULL);
        load(summary, saved);
        json_decref(saved);
    }
    if (rc == 0 && summary->options->json) {
        write_rows(summary, rows);
    } else if (rc == 0 && summary->over_seeds != NULL) {
        rc = seed_summary_add(summary->over_seeds, rows, err);
    }
    free(rows);
    free(text);
    return rc;
}

/* An argument as a shell takes it. */
static void write_argument(const char *text, FILE *out)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789_-+=:,./@%";
    if (text[0] != '\0' && strspn(text, plain) == strlen(text)) {
        fputs(text, out);
        return;
    }
    fputc('\'', out);
    for (const char *at = text; *at != '\0'; at++) {
        fputs(*at == '\'' ? "'\\'" : "", out);
        fputc(*at, out);
        fputs(*at == '\'' ? "'" : "", out);
    }
    fputc('\'', out);
}

/* The command as it was typed but for its seed, which is put first: a "--" may come later. */
static void write_command(int argc, char *const *argv, const char *seed, FILE *out)
{
    write_argument(program_invocation_name, out);
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--seed") == 0) {
            i++;
            continue;
        }
        if (strncmp(argv[i], "--seed=", 7) == 0) {
            continue;
        }
        fputc(' ', out);
        write_argument(argv[i], out);
        if (i == 0) {
            fprintf(out, " --seed %s", seed);
        }
    }
}

static void write_files(const struct summary *summary)
{
    const struct summary_options *options = summary->options;
    FILE *out = summary->out;
    fprintf(out, "\nresults: %s/results.jsonl and results.csv", options->directory);
    if (options->series) {
        fprintf(out, "; over time: %s/series.csv", options->directory);
    }
    if (options->conflicts) {
        fprintf(out, "; who blocks whom: %s/conflicts.csv", options->directory);
    }
    if (summary->kept != NULL) {
        fprintf(out, "\ncells: %" PRIu32 " kept, %s: ", summary->kept_count,
                summary->kept_count > 1 ? "the first" : "look at it");
        write_argument(program_invocation_name, out);
        fputs(" cell show ", out);
        write_argument(summary->kept, out);
    }
    fputs("\n", out);
}

static void write_next(const struct summary *summary)
{
    const struct summary_options *options = summary->options;
    FILE *out = summary->out;
    char text[24];
    uint64_t seed = (experiment_point_seed(options->experiment, 0) + 1) & INT64_MAX;
    snprintf(text, sizeof text, "%" PRIu64, seed);
    fputs("try next: ", out);
    write_command(options->argc, options->argv, text, out);
    fputs("\n            the same with other random numbers\n          ", out);
    write_argument(program_invocation_name, out);
    fputs(" schedulers\n            the modules there are, with their options\n"
          "every key of an experiment file and every column: core/experiment/README.md, in the "
          "folder\n            that 'omega config --documents' names\n",
          out);
}

static void write_tables(struct summary *summary)
{
    FILE *out = summary->out;
    table_write(summary->schedulers, out);
    if (summary->mixed) {
        fprintf(out, "\n");
        table_write(summary->workloads, out);
    }
    fprintf(
        out,
        "\n  wait: from submission to the start of a job's first attempt; > x: some wait still\n"
        "  busyness: share of time spent in attempts; conflict fraction: conflicting / "
        "successful transactions\n");
    if (summary->over_seeds != NULL) {
        fputc('\n', out);
        seed_summary_write(summary->over_seeds, out);
    }
    conflict_summary_write(summary->conflicts, out);
    fprintf(out, "\n");
    if (summary->by_day) {
        table_write(summary->days, out);
        fputs("\n  medians of the daily values; MAD: their median distance from it; no conflicts: "
              "busyness\n  had every transaction succeeded at first\n\n",
              out);
    }
    table_write(summary->cells, out);
    fputs("\n  use: mean over time, and at the end of the run; placed: claims that were accepted\n",
          out);
    if (summary->fragmented) {
        fputs("\n", out);
        table_write(summary->fragmentation, out);
        fputs(
            "\n  stranded: of what is free, where one more task such as 'fragmentation' says does "
            "not fit\n",
            out);
    }
}

void summary_write(struct summary *summary)
{
    FILE *out = summary->out;
    if (summary->options->json) {
        fputs("\n]}\n", out);
        return;
    }
    fprintf(out, "\n");
    if (summary->swept) {
        seed_summary_write(summary->over_seeds, out);
    } else {
        write_tables(summary);
    }
    write_files(summary);
    if (summary->options->argc > 0 && !summary->swept) {
        write_next(summary);
    }
}
