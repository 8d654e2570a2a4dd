/* SPDX-License-Identifier: MIT */
/* Proving the logs of a run: see check_log.h. */
#include "core/experiment/check_log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/experiment/log_figures.h"
#include "core/experiment/log_gaps.h"
#include "core/experiment/log_points.h"
#include "core/experiment/log_results.h"
#include "core/experiment/log_tables.h"
#include "core/experiment/log_text.h"
#include "core/experiment/messages.h"
#include "core/experiment/pool.h"

struct checking {
    const char *cells; /* or NULL */
    uint32_t most;
    FILE *out;
    struct check_log_report *report;
    struct log_results *results; /* NULL: the run is unfinished */
    struct log_tables *tables;
    struct log_text text;
    struct log_points *points;
    uint32_t known; /* tables of which the last log says whether there should be some */
    uint32_t files; /* and those that there should be */
    /* the point at hand */
    struct runlog_merge *merge;
    const struct runlog_record *record;
    struct log_gaps *gaps;
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

/* Plays one record, behind what is missing before it. 1, 0 if nothing behind it can be checked. */
static int play_record(struct checking *checking, struct runlog_check *check,
                       struct log_figures *figures, omega_error_t *cause)
{
    const struct runlog_effect *effect = NULL;
    const struct runlog_record *record = checking->record;
    int rc = log_gaps_before(checking->gaps, check, record, cause);
    if (rc == 1) {
        count(checking, record);
        bool whole = log_gaps_none(checking->gaps);
        if (whole) {
            log_figures_before(figures, check, record->time_us);
        }
        rc = runlog_check_record(check, record, &effect, cause);
        if (rc == 1 && whole) {
            log_figures_add(figures, check, record, effect);
        }
    }
    return rc;
}

/* Plays all records; *cause is what stopped the reading. */
static int play(struct checking *checking, struct runlog_check *check, struct log_figures *figures,
                omega_error_t *cause)
{
    int more = 1;
    log_figures_begin(figures, check);
    while ((more = runlog_merge_next(checking->merge, &checking->record, cause)) == 1) {
        more = play_record(checking, check, figures, cause);
        if (more != 1) {
            return more;
        }
    }
    checking->record = NULL;
    more = more == 0 ? log_gaps_end(checking->gaps, check, cause) : more;
    if (more == 1) {
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
    bool other = known != checking->known || recorded.files != checking->files;
    if (other && checking->results != NULL) {
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
    if (rc == OMEGA_OK && checking->violations == 0 && log_gaps_none(checking->gaps) &&
        checking->results != NULL) {
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

/* ---- all points ---- */

/* Proves a point, and tells what of its log is missing. */
static int check_merged(struct checking *checking, omega_error_t *err)
{
    struct check_log_report *report = checking->report;
    struct log_gaps_counts counts;
    int rc = log_gaps_open(checking->merge, checking->cells, &checking->gaps, err);
    rc = rc == OMEGA_OK ? prove(checking, runlog_merge_opening(checking->merge), err) : rc;
    if (rc == OMEGA_OK) {
        log_gaps_counts(checking->gaps, &counts);
        log_gaps_tell(checking->gaps, checking->out);
        report->cut += counts.cut;
        report->missing += counts.missing;
        report->repaired += counts.repaired;
        report->submissions += counts.submissions;
        report->incomplete = report->incomplete || counts.incomplete;
    }
    log_gaps_close(checking->gaps);
    checking->gaps = NULL;
    return rc;
}

/* A segment that ends within its opening: of which point nobody knows. */
static int tell_cut(struct checking *checking, const omega_error_t *cause)
{
    char line[1024];
    omega_error_format(cause, line, sizeof line);
    message_write(line, checking->out);
    fputc('\n', checking->out);
    checking->report->incomplete = true;
    return OMEGA_OK;
}

/* The point whose segments are merged; `cause` says why they are not. */
static int check_point(struct checking *checking, const omega_error_t *cause, omega_error_t *err)
{
    checking->told = 0;
    checking->violations = 0;
    checking->record = NULL;
    if (cause->code == OMEGA_ECUT) {
        return tell_cut(checking, cause);
    }
    checking->report->points++;
    return cause->code == OMEGA_OK ? check_merged(checking, err) : judge(checking, cause, err);
}

static int check_points(struct checking *checking, omega_error_t *err)
{
    int rc = OMEGA_OK;
    int more = 1;
    while (rc == OMEGA_OK && more != 0) {
        omega_error_t cause = {0};
        uint32_t segments = 0;
        more = log_points_next(checking->points, &checking->merge, &segments, &cause);
        if (more != 0) {
            checking->report->segments += more == 1 ? segments : 0;
            rc = check_point(checking, &cause, err);
        }
        runlog_merge_close(checking->merge);
        checking->merge = NULL;
    }
    bool whole = checking->report->cut + checking->report->missing == 0;
    checking->report->tables = whole ? checking->report->tables : 0;
    if (rc == OMEGA_OK && checking->report->violations == 0 && whole && checking->results != NULL) {
        checking->told = 0;
        log_results_rest(checking->results, on_difference, checking);
        log_tables_rest(checking->tables, checking->skip, on_table_difference, checking);
    }
    return rc;
}

/* Reads what the logs are held against. */
static int open_results(struct checking *checking, const char *directory, omega_error_t *err)
{
    struct check_log_report *report = checking->report;
    report->unfinished = log_points_unfinished(checking->points);
    if (report->unfinished) {
        return log_tables_create(directory, &checking->tables, err);
    }
    int rc = log_results_open(directory, &checking->results, err);
    rc = rc == OMEGA_OK ? log_tables_open(directory, &checking->tables, err) : rc;
    for (int file = OUTPUT_TABLE_FIRST; rc == OMEGA_OK && file <= OUTPUT_TABLE_LAST; file++) {
        bool there = log_tables_has(checking->tables, (enum output_file)file);
        report->tables |= (uint32_t)there << file;
    }
    return rc;
}

int check_log(const char *directory, const char *cells, uint32_t most, FILE *out,
              struct check_log_report *report, omega_error_t *err)
{
    omega_error_t own = {0};
    err = err == NULL ? &own : err;
    *report = (struct check_log_report){.recorded = true};
    struct checking checking = {.cells = cells, .most = most, .out = out, .report = report};
    int rc = log_points_open(directory, &checking.points, err);
    rc = rc == OMEGA_OK ? open_results(&checking, directory, err) : rc;
    if (rc == OMEGA_OK) {
        rc = check_points(&checking, err);
        report->tables &= ~checking.skip;
    }
    log_results_close(checking.results);
    log_tables_close(checking.tables);
    log_text_clear(&checking.text);
    log_points_close(checking.points);
    return rc;
}
