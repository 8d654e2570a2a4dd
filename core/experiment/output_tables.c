/* SPDX-License-Identifier: MIT */
/* The tables of a run: see output_tables.h. */
#include "core/experiment/output_tables.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/experiment/conflict_records.h"

static const char *const names[OUTPUT_FILES] = {
    [OUTPUT_RESULTS_JSONL] = "results.jsonl",
    [OUTPUT_RESULTS_CSV] = "results.csv",
    [OUTPUT_HISTOGRAMS] = "histograms.jsonl",
    [OUTPUT_SERIES] = "series.csv",
    [OUTPUT_JOBS] = "jobs.csv",
    [OUTPUT_CONFLICTS] = "conflicts.csv",
    [OUTPUT_COUNTERFACTUALS] = "counterfactuals.csv",
    [OUTPUT_MACHINES] = "machines.csv",
    [OUTPUT_REFUSED] = "refused.csv",
    [OUTPUT_EXPERIMENT] = OUTPUT_EXPERIMENT_NAME,
    [OUTPUT_SUMS] = OUTPUT_SUMS_NAME,
    [OUTPUT_RUN] = "run.json",
};

const char *output_name(enum output_file file)
{
    return names[file];
}

bool output_is_recorded(enum output_file file, const struct experiment_record *record)
{
    const bool recorded[OUTPUT_FILES] = {
        [OUTPUT_RESULTS_JSONL] = true,
        [OUTPUT_RESULTS_CSV] = true,
        [OUTPUT_HISTOGRAMS] = record->histograms,
        [OUTPUT_SERIES] = record->series,
        [OUTPUT_JOBS] = record->jobs,
        [OUTPUT_CONFLICTS] = record->conflicts,
        [OUTPUT_COUNTERFACTUALS] = record->counterfactuals,
        [OUTPUT_MACHINES] = record->machines,
        [OUTPUT_REFUSED] = record->refused,
        [OUTPUT_EXPERIMENT] = true,
        [OUTPUT_SUMS] = true,
        [OUTPUT_RUN] = true,
    };
    return recorded[file];
}

/* ---- heads and rows ---- */

/* The columns of results.csv, into `columns`. */
static const char *const *columns_of(bool mapreduce, const char *columns[ROW_VALUES_MAX])
{
    size_t count = 0;
    for (; results_columns[count] != NULL; count++) {
        columns[count] = results_columns[count];
    }
    for (size_t i = 0; mapreduce && i < RESULTS_MAPREDUCE_COLUMNS; i++) {
        columns[count++] = results_mapreduce_columns[i];
    }
    assert(count < ROW_VALUES_MAX);
    columns[count] = NULL;
    return columns;
}

void output_table_head(enum output_file file, bool mapreduce, const struct parameters *parameters,
                       FILE *out)
{
    const char *columns[ROW_VALUES_MAX];
    switch (file) {
    case OUTPUT_RESULTS_CSV:
        row_write_head(columns_of(mapreduce, columns), parameters, out);
        break;
    case OUTPUT_SERIES:
        records_series_head(parameters, out);
        break;
    case OUTPUT_JOBS:
        records_jobs_head(mapreduce, parameters, out);
        break;
    case OUTPUT_CONFLICTS:
    case OUTPUT_COUNTERFACTUALS:
    case OUTPUT_MACHINES:
    case OUTPUT_REFUSED:
        conflict_table_head((enum conflict_table)(file - OUTPUT_CONFLICTS), parameters, out);
        break;
    default:
        break;
    }
}

/* Where rows of results.csv go. */
struct csv_rows {
    const char *columns[ROW_VALUES_MAX];
    FILE *out;
};

static void write_csv(void *context, const struct row *row)
{
    const struct csv_rows *csv = context;
    row_write_csv(row, csv->columns, csv->out);
}

static int results_csv_rows(bool mapreduce, const struct point_result *result, FILE *out,
                            omega_error_t *err)
{
    struct csv_rows csv = {.out = out};
    columns_of(mapreduce, csv.columns);
    return results_rows(result, write_csv, &csv, err);
}

int output_table_rows(enum output_file file, bool mapreduce, const struct point_result *result,
                      FILE *out, omega_error_t *err)
{
    switch (file) {
    case OUTPUT_RESULTS_CSV:
        return results_csv_rows(mapreduce, result, out, err);
    case OUTPUT_HISTOGRAMS:
        records_histograms(result, out);
        break;
    case OUTPUT_SERIES:
        records_series(result, out);
        break;
    case OUTPUT_JOBS:
        records_jobs(result, mapreduce, out);
        break;
    case OUTPUT_CONFLICTS:
    case OUTPUT_COUNTERFACTUALS:
    case OUTPUT_MACHINES:
        conflict_table_rows((enum conflict_table)(file - OUTPUT_CONFLICTS), result, out);
        break;
    default:
        break;
    }
    return OMEGA_OK;
}

/* ---- what a log says ---- */

char *output_recorded_text(const struct experiment_record *record, const struct point *point)
{
    json_t *files = json_array();
    for (int file = OUTPUT_TABLE_FIRST; file <= OUTPUT_TABLE_LAST; file++) {
        if (output_is_recorded((enum output_file)file, record)) {
            json_array_append_new(files, json_string(names[file]));
        }
    }
    json_t *recorded = json_pack("{s:o, s:I, s:b}", "files", files, "series_step_us",
                                 (json_int_t)(record->series ? point->metrics.series_step_us : 0),
                                 "mapreduce", record->mapreduce);
    char *text = recorded == NULL ? NULL : json_dumps(recorded, JSON_COMPACT);
    json_decref(recorded);
    return text;
}

static int add_file(const char *name, struct output_recorded *out, omega_error_t *err)
{
    for (int file = OUTPUT_TABLE_FIRST; name != NULL && file <= OUTPUT_TABLE_LAST; file++) {
        if (strcmp(names[file], name) == 0) {
            out->files |= 1u << file;
            return OMEGA_OK;
        }
    }
    return omega_error_set(
        err, OMEGA_ECORRUPT,
        "the log names '%.64s' among what was recorded, expected tables of omega",
        name == NULL ? "" : name);
}

int output_recorded_read(const char *text, struct output_recorded *out, omega_error_t *err)
{
    json_t *recorded = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const json_t *files = json_object_get(recorded, "files");
    const json_t *step = json_object_get(recorded, "series_step_us");
    const json_t *mapreduce = json_object_get(recorded, "mapreduce");
    int rc = OMEGA_OK;
    *out = (struct output_recorded){.series_step_us = json_integer_value(step),
                                    .mapreduce = json_is_true(mapreduce)};
    if (!json_is_array(files) || !json_is_integer(step) || out->series_step_us < 0 ||
        !json_is_boolean(mapreduce)) {
        rc = omega_error_set(err, OMEGA_ECORRUPT,
                             "the log says '%.64s' of what was recorded, expected \"files\", "
                             "\"series_step_us\" and \"mapreduce\"",
                             text);
    }
    for (size_t i = 0; rc == OMEGA_OK && i < json_array_size(files); i++) {
        rc = add_file(json_string_value(json_array_get(files, i)), out, err);
    }
    json_decref(recorded);
    return rc;
}
