/* SPDX-License-Identifier: MIT */
/* Proving the logs of a run: see check_log.h. */
#include "core/experiment/check_log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/experiment/log_figures.h"
#include "core/experiment/log_results.h"
#include "core/experiment/log_tables.h"
#include "core/experiment/log_text.h"
#include "core/experiment/messages.h"
#include "core/experiment/pool.h"
#include "core/experiment/run_logs.h"
#include "core/runlog/runlog_read.h"

struct checking {
    uint32_t most;
    FILE *out;
    struct check_log_report *report;
    struct log_results *results;
    struct log_tables *tables;
    struct log_text text;
    char **paths; /* of all segments */
    bool *taken;
    uint32_t path_count;
    uint32_t known; /* tables of which the last log says whether there should be some */
    uint32_t files; /* and those that there should be */
    /* the point at hand */
    struct runlog_merge *merge;
    const struct runlog_record *record;
    uint32_t skip;       /* tables that cannot be made again */
    uint64_t told;       /* violations of this point, or of the results */
    uint64_t violations; /* of this point */
};

/* ---- telling ---- */

static void tell(struct checking *checking, const char *text)
{
    checking->report->violations++;
    if (checking->told++ < checking->most) {
        message_write(text, checking->out);
        fputc('\n', checking->out);
    }
}

static void on_violation(void *context, const char *text)
{
    struct checking *checking = context;
    const struct runlog_reader *source =
        checking->record == NULL ? NULL : runlog_merge_source(checking->merge);
    char line[1024];
    checking->violations++;
    if (source == NULL) {
        snprintf(line, sizeof line, "at the end: %s", text);
    } else {
        snprintf(line, sizeof line, "%s: record %" PRIu64 " (version %" PRIu64 "): %s",
                 runlog_reader_name(source), runlog_reader_number(source),
                 checking->record->version, text);
    }
    tell(checking, line);
}

static void on_difference(void *context, const char *text)
{
    struct checking *checking = context;
    char line[1024];
    snprintf(line, sizeof line, "%s: %s", log_results_path(checking->results), text);
    tell(checking, line);
}

static void on_table_difference(void *context, const char *text)
{
    tell(context, text);
}

/* A file that is damaged is a violation; other errors are errors. */
static int judge(struct checking *checking, const omega_error_t *cause, omega_error_t *err)
{
    char line[1024];
    if (cause->code != OMEGA_ECORRUPT && cause->code != OMEGA_EVERSION &&
        cause->code != OMEGA_EINVAL) {
        *err = *cause;
        return err->code;
    }
    omega_error_format(cause, line, sizeof line);
    checking->violations++;
    tell(checking, line);
    return OMEGA_OK;
}

/* ---- one point ---- */

static void count(struct checking *checking, const struct runlog_record *record)
{
    checking->report->records++;
    if (record->kind == RUNLOG_TRANSACTION) {
        checking->report->transactions++;
        checking->report->claims += record->txn.claim_count;
    }
}

/* Plays all records; *cause is what stopped the reading. */
static int play(struct checking *checking, struct runlog_check *check, struct log_figures *figures,
                omega_error_t *cause)
{
    const struct runlog_effect *effect = NULL;
    int more = 1;
    log_figures_begin(figures, check);
    while ((more = runlog_merge_next(checking->merge, &checking->record, cause)) == 1) {
        count(checking, checking->record);
        log_figures_before(figures, check, checking->record->time_us);
        int rc = runlog_check_record(check, checking->record, &effect, cause);
        if (rc <= 0) {
            return rc;
        }
        log_figures_add(figures, check, checking->record, effect);
    }
    checking->record = NULL;
    if (more == 0) {
        runlog_check_end(check);
    }
    return more;
}

/* Names and modes of the run, as far as rows and tables tell them. */
struct described {
    struct point point;
    const char **names; /* of schedulers, then of workloads */
    struct run_scheduler *schedulers;
    struct pool pool; /* of the point's parameters */
};

static int describe(const struct runlog_opening *opening, struct described *out, omega_error_t *err)
{
    uint32_t schedulers = opening->scheduler_count;
    size_t names = (size_t)schedulers + opening->workload_count;
    *out = (struct described){0};
    out->names = calloc(names + 1, sizeof *out->names);
    out->schedulers = calloc(schedulers + 1u, sizeof *out->schedulers);
    if (out->names == NULL || out->schedulers == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    for (uint32_t i = 0; i < schedulers; i++) {
        out->names[i] = opening->schedulers[i].name;
        out->schedulers[i].detection = (enum omega_detection)opening->schedulers[i].detection;
        out->schedulers[i].granularity = (enum omega_granularity)opening->schedulers[i].granularity;
    }
    for (uint32_t i = 0; i < opening->workload_count; i++) {
        out->names[schedulers + i] = opening->workloads[i].name;
    }
    out->point = (struct point){
        .variant = opening->variant,
        .assignment = opening->assignment,
        .seed = opening->seed,
        .config = {.cell = {.catalogue = opening->catalogue,
                            .machines = opening->machines,
                            .machine_count = opening->machine_count},
                   .schedulers = out->schedulers,
                   .scheduler_count = schedulers},
        .metrics = {.schedulers = out->names,
                    .scheduler_count = schedulers,
                    .workloads = out->names + schedulers,
                    .workload_count = opening->workload_count},
    };
    return OMEGA_OK;
}

static void describe_end(struct described *described)
{
    free((void *)described->names);
    free(described->schedulers);
    pool_release(&described->pool);
}

static int compare_all(struct checking *checking, const struct runlog_opening *opening,
                       const struct point_result *result, omega_error_t *err)
{
    uint64_t *fields = &checking->report->fields;
    int rc = log_results_head(checking->results, opening, on_difference, checking, err);
    if (rc == OMEGA_OK) {
        rc = log_results_compare(checking->results, result, fields, on_difference, checking, err);
    }
    if (rc == OMEGA_OK) {
        rc = log_tables_compare(checking->tables, result, checking->skip, fields,
                                on_table_difference, checking, err);
    }
    return rc;
}

static int compare(struct checking *checking, const struct runlog_opening *opening,
                   const struct runlog_check *check, const struct point *point,
                   struct metrics *metrics, omega_error_t *err)
{
    struct point_result result = {.point = point, .metrics = metrics};
    runlog_check_report(check, &result.report);
    runlog_check_counters(check, &result.counters);
    return compare_all(checking, opening, &result, err);
}

/* Which tables there should be; a log of version 1 knows two only. Tells what is not as it should
 * be, once for all points that say the same. */
static int expect_tables(struct checking *checking, const struct runlog_opening *opening,
                         struct log_figures_options *options, omega_error_t *cause)
{
    uint32_t all = (2u << OUTPUT_TABLE_LAST) - (1u << OUTPUT_TABLE_FIRST);
    uint32_t asked = (uint32_t)options->counterfactuals << OUTPUT_COUNTERFACTUALS;
    struct output_recorded recorded = {.files = 1u << OUTPUT_RESULTS_CSV | asked};
    uint32_t known = 1u << OUTPUT_RESULTS_CSV | 1u << OUTPUT_COUNTERFACTUALS;
    bool says = opening->recorded != NULL;
    if (says && output_recorded_read(opening->recorded, &recorded, cause) != OMEGA_OK) {
        return cause->code;
    }
    known = says ? all : known;
    if (known != checking->known || recorded.files != checking->files) {
        log_tables_missed(checking->tables, known, recorded.files, on_table_difference, checking);
    }
    checking->known = known;
    checking->files = recorded.files;
    checking->report->recorded = checking->report->recorded && says;
    options->series_step_us = recorded.series_step_us;
    log_tables_mapreduce(checking->tables, recorded.mapreduce);
    /* how long its steps are is said nowhere else */
    checking->skip = recorded.series_step_us == 0 ? 1u << OUTPUT_SERIES : 0;
    return OMEGA_OK;
}

/* What is counted again besides: what the experiment asks for, and what there are tables of to be
 * compared. */
static int ask(struct checking *checking, const struct runlog_opening *opening,
               struct log_figures_options *options, omega_error_t *cause)
{
    int rc = log_text_read(&checking->text, opening, cause);
    *options = (struct log_figures_options){
        .jobs = log_tables_has(checking->tables, OUTPUT_JOBS),
        .machines = log_tables_has(checking->tables, OUTPUT_MACHINES),
        .refused = log_tables_has(checking->tables, OUTPUT_REFUSED) ? log_tables_refused : NULL,
        .refused_context = checking->tables,
        .counterfactuals = checking->text.counterfactuals,
    };
    rc = rc == OMEGA_OK ? expect_tables(checking, opening, options, cause) : rc;
    return rc == OMEGA_OK
               ? log_text_fragmentation(&checking->text, opening, &options->fragmentation, cause)
               : rc;
}

/* Plays the run of a point that is described but for its parameters, and compares. */
static int prove_point(struct checking *checking, const struct runlog_opening *opening,
                       struct described *described, omega_error_t *err)
{
    struct point *point = &described->point;
    struct runlog_check *check = NULL;
    struct log_figures_options options;
    omega_error_t cause = {0};
    bool sound = ask(checking, opening, &options, &cause) == OMEGA_OK &&
                 parameters_of_text(opening->text, opening->assignment, &described->pool,
                                    &point->parameters, &cause) == OMEGA_OK;
    struct log_figures *figures = log_figures_create(opening, &options);
    int rc = figures == NULL ? omega_error_set(err, OMEGA_ENOMEM, "out of memory")
                             : runlog_check_create(opening, on_violation, checking, &check, err);
    point->metrics.counterfactuals = options.counterfactuals;
    log_tables_begin(checking->tables, point);
    if (rc == OMEGA_OK && options.counterfactuals) {
        runlog_check_counterfactuals(check);
    }
    if (rc == OMEGA_OK && sound) {
        play(checking, check, figures, &cause);
    }
    checking->record = NULL;
    if (rc == OMEGA_OK && cause.code != OMEGA_OK) {
        rc = judge(checking, &cause, err);
    }
    if (rc == OMEGA_OK && metrics_status(log_figures_metrics(figures)) != OMEGA_OK) {
        rc = omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    if (rc == OMEGA_OK && checking->violations == 0) {
        rc = compare(checking, opening, check, point, log_figures_metrics(figures), err);
    }
    runlog_check_destroy(check);
    log_figures_destroy(figures);
    return rc;
}

/* Proves the run whose segments are merged; what it finds is told. */
static int prove(struct checking *checking, const struct runlog_opening *opening,
                 omega_error_t *err)
{
    struct described described;
    int rc = describe(opening, &described, err);
    rc = rc == OMEGA_OK ? prove_point(checking, opening, &described, err) : rc;
    describe_end(&described);
    return rc;
}

/* ---- finding the segments of a point ---- */

static bool is_same_point(const struct runlog_opening *a, const struct runlog_opening *b)
{
    return strcmp(a->variant, b->variant) == 0 && a->assignment == b->assignment &&
           a->seed == b->seed;
}

/* Opens the segments that belong to the first one, which is readers[0] of path `first`. */
static int open_rest(struct checking *checking, uint32_t first, struct runlog_reader **readers,
                     uint32_t *count, omega_error_t *cause)
{
    const struct runlog_opening *opening = runlog_reader_opening(readers[0]);
    for (uint32_t i = first + 1; opening->segments > *count && i < checking->path_count; i++) {
        struct runlog_reader *reader = NULL;
        if (checking->taken[i] || runlog_reader_open(checking->paths[i], &reader, NULL) != 0) {
            continue; /* told when its turn comes */
        }
        if (is_same_point(opening, runlog_reader_opening(reader))) {
            readers[(*count)++] = reader;
            checking->taken[i] = true;
        } else {
            runlog_reader_close(reader);
        }
    }
    return runlog_merge_open(readers, *count, &checking->merge, cause);
}

/* The point that the segment of a path belongs to. */
static int check_point(struct checking *checking, uint32_t path, omega_error_t *err)
{
    omega_error_t cause = {0};
    struct runlog_reader **readers = calloc(RUNLOG_SEGMENTS_MAX, sizeof(struct runlog_reader *));
    uint32_t count = 1;
    checking->told = 0;
    checking->violations = 0;
    checking->merge = NULL;
    checking->record = NULL;
    checking->report->points++;
    int rc = readers == NULL ? omega_error_set(err, OMEGA_ENOMEM, "out of memory") : OMEGA_OK;
    if (rc == OMEGA_OK && runlog_reader_open(checking->paths[path], &readers[0], &cause) == 0) {
        struct runlog_reader *first = readers[0];
        open_rest(checking, path, readers, &count, &cause);
        if (checking->merge != NULL) {
            checking->report->segments += count;
            rc = prove(checking, runlog_reader_opening(first), err);
        }
    }
    if (rc == OMEGA_OK && cause.code != OMEGA_OK) {
        rc = judge(checking, &cause, err);
    }
    runlog_merge_close(checking->merge);
    free(readers);
    return rc;
}

static int check_points(struct checking *checking, omega_error_t *err)
{
    int rc = OMEGA_OK;
    for (uint32_t i = 0; rc == OMEGA_OK && i < checking->path_count; i++) {
        if (!checking->taken[i]) {
            checking->taken[i] = true;
            rc = check_point(checking, i, err);
        }
    }
    if (rc == OMEGA_OK && checking->report->violations == 0) {
        checking->told = 0;
        log_results_rest(checking->results, on_difference, checking);
        log_tables_rest(checking->tables, checking->skip, on_table_difference, checking);
    }
    return rc;
}

int check_log(const char *directory, uint32_t most, FILE *out, struct check_log_report *report,
              omega_error_t *err)
{
    omega_error_t own = {0};
    err = err == NULL ? &own : err;
    *report = (struct check_log_report){.recorded = true};
    struct checking checking = {.most = most, .out = out, .report = report};
    char *folder = NULL;
    if (asprintf(&folder, "%s/" RUN_LOGS_FOLDER, directory) < 0) {
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    int rc = run_logs_list(folder, &checking.paths, &checking.path_count, err);
    if (rc == OMEGA_OK && checking.path_count == 0) {
        rc = omega_error_set_at(err, OMEGA_EINVAL, folder, 0,
                                "holds no log, expected the outputs of 'omega run --log'");
    }
    if (rc == OMEGA_OK) {
        rc = log_results_open(directory, &checking.results, err);
    }
    if (rc == OMEGA_OK) {
        rc = log_tables_open(directory, &checking.tables, err);
    }
    for (int file = OUTPUT_TABLE_FIRST; rc == OMEGA_OK && file <= OUTPUT_TABLE_LAST; file++) {
        bool there = log_tables_has(checking.tables, (enum output_file)file);
        report->tables |= (uint32_t)there << file;
    }
    if (rc == OMEGA_OK) {
        checking.taken = calloc(checking.path_count, sizeof *checking.taken);
        rc = checking.taken == NULL ? omega_error_set(err, OMEGA_ENOMEM, "out of memory")
                                    : check_points(&checking, err);
        report->tables &= ~checking.skip;
    }
    log_results_close(checking.results);
    log_tables_close(checking.tables);
    log_text_clear(&checking.text);
    run_logs_free_list(checking.paths, checking.path_count);
    free(checking.taken);
    free(folder);
    return rc;
}
