/* SPDX-License-Identifier: MIT */
/* Proving the logs of a run: see check_log.h. */
#include "core/experiment/check_log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/sha256.h"
#include "core/experiment/log_figures.h"
#include "core/experiment/log_results.h"
#include "core/experiment/log_tables.h"
#include "core/experiment/messages.h"
#include "core/experiment/pool.h"
#include "core/experiment/run_logs.h"
#include "core/metrics/conflicts.h"
#include "core/runlog/runlog_read.h"

struct checking {
    uint32_t most;
    FILE *out;
    struct check_log_report *report;
    struct log_results *results;
    struct log_tables *tables;
    char **paths; /* of all segments */
    bool *taken;
    uint32_t path_count;
    /* the point at hand */
    struct runlog_merge *merge;
    const struct runlog_record *record;
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

static int check_text(const struct runlog_opening *opening, omega_error_t *err)
{
    char sha256[SHA256_HEX];
    struct sha256 sha;
    sha256_init(&sha);
    sha256_add(&sha, opening->text, strlen(opening->text));
    sha256_finish(&sha, sha256);
    return strcmp(sha256, opening->sha256) == 0
               ? OMEGA_OK
               : omega_error_set(err, OMEGA_ECORRUPT,
                                 "the experiment has SHA-256 %s, expected %s, which the log names",
                                 sha256, opening->sha256);
}

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

/* Names and modes of the run, as far as rows and tables tell them. The tables are the caller's. */
static void describe(const struct runlog_opening *opening, const char **names,
                     struct run_scheduler *schedulers, struct point *point)
{
    for (uint32_t i = 0; i < opening->scheduler_count; i++) {
        names[i] = opening->schedulers[i].name;
        schedulers[i].detection = (enum omega_detection)opening->schedulers[i].detection;
        schedulers[i].granularity = (enum omega_granularity)opening->schedulers[i].granularity;
    }
    *point = (struct point){
        .variant = opening->variant,
        .assignment = opening->assignment,
        .seed = opening->seed,
        .config = {.cell = {.catalogue = opening->catalogue,
                            .machines = opening->machines,
                            .machine_count = opening->machine_count},
                   .schedulers = schedulers,
                   .scheduler_count = opening->scheduler_count},
        .metrics = {.schedulers = names, .scheduler_count = opening->scheduler_count},
    };
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
        rc = log_tables_compare(checking->tables, result, fields, on_table_difference, checking,
                                err);
    }
    return rc;
}

static int compare(struct checking *checking, const struct runlog_opening *opening,
                   const struct parameters *parameters, const struct runlog_check *check,
                   struct metrics *metrics, omega_error_t *err)
{
    struct point point;
    struct point_result result = {.point = &point, .metrics = metrics};
    const char **names = calloc(opening->scheduler_count + 1u, sizeof *names);
    struct run_scheduler *schedulers = calloc(opening->scheduler_count + 1u, sizeof *schedulers);
    int rc = OMEGA_ENOMEM;
    if (names == NULL || schedulers == NULL) {
        omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    } else {
        describe(opening, names, schedulers, &point);
        point.metrics.counterfactuals = metrics_wants_counterfactuals(metrics);
        runlog_check_report(check, &result.report);
        runlog_check_counters(check, &result.counters);
        point.parameters = *parameters;
        rc = compare_all(checking, opening, &result, err);
    }
    free((void *)names);
    free(schedulers);
    return rc;
}

/* What of conflicts is counted again: what the experiment asks for, and what there are tables of to
 * be compared. */
static struct log_figures_options asked_for(const struct checking *checking,
                                            const struct runlog_opening *opening)
{
    json_t *experiment = json_loads(opening->text, 0, NULL);
    struct log_figures_options options = {
        .machines = log_tables_has(checking->tables, CONFLICT_TABLE_MACHINES),
        .refused = log_tables_has(checking->tables, CONFLICT_TABLE_REFUSED),
        .counterfactuals = json_is_true(json_object_get(experiment, "counterfactuals")),
    };
    json_decref(experiment);
    return options;
}

/* Proves the run whose segments are merged; what it finds is told. */
static int prove(struct checking *checking, const struct runlog_opening *opening,
                 omega_error_t *err)
{
    struct runlog_check *check = NULL;
    struct log_figures_options options = asked_for(checking, opening);
    struct parameters parameters = {0};
    struct pool pool = {0}; /* of the parameters */
    omega_error_t cause = {0};
    bool sound =
        check_text(opening, &cause) == OMEGA_OK &&
        parameters_of_text(opening->text, opening->assignment, &pool, &parameters, &cause) ==
            OMEGA_OK &&
        fragmentation_of_text(opening->text, opening->variant, opening->assignment,
                              opening->horizon_us, &options.fragmentation, &cause) == OMEGA_OK;
    struct log_figures *figures = log_figures_create(opening, &options);
    int rc = figures == NULL ? omega_error_set(err, OMEGA_ENOMEM, "out of memory")
                             : runlog_check_create(opening, on_violation, checking, &check, err);
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
        rc = compare(checking, opening, &parameters, check, log_figures_metrics(figures), err);
    }
    runlog_check_destroy(check);
    log_figures_destroy(figures);
    pool_release(&pool);
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
        log_tables_rest(checking->tables, on_table_difference, checking);
    }
    return rc;
}

int check_log(const char *directory, uint32_t most, FILE *out, struct check_log_report *report,
              omega_error_t *err)
{
    omega_error_t own = {0};
    err = err == NULL ? &own : err;
    *report = (struct check_log_report){0};
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
    for (int table = 0; rc == OMEGA_OK && table < CONFLICT_TABLES; table++) {
        bool there = log_tables_has(checking.tables, (enum conflict_table)table);
        report->tables |= (uint32_t)there << table;
    }
    if (rc == OMEGA_OK) {
        checking.taken = calloc(checking.path_count, sizeof *checking.taken);
        rc = checking.taken == NULL ? omega_error_set(err, OMEGA_ENOMEM, "out of memory")
                                    : check_points(&checking, err);
    }
    log_results_close(checking.results);
    log_tables_close(checking.tables);
    run_logs_free_list(checking.paths, checking.path_count);
    free(checking.taken);
    free(folder);
    return rc;
}
