/* SPDX-License-Identifier: MIT */
/* The files of a run: see outputs.h. */
#include "core/experiment/outputs.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/experiment/conflict_records.h"
#include "core/experiment/run_logs.h"

static const char *const file_names[OUTPUT_FILES] = {
    [OUTPUT_RESULTS_JSONL] = "results.jsonl",
    [OUTPUT_RESULTS_CSV] = "results.csv",
    [OUTPUT_HISTOGRAMS] = "histograms.jsonl",
    [OUTPUT_SERIES] = "series.csv",
    [OUTPUT_JOBS] = "jobs.csv",
    [OUTPUT_CONFLICTS] = "conflicts.csv",
    [OUTPUT_COUNTERFACTUALS] = "counterfactuals.csv",
    [OUTPUT_MACHINES] = "machines.csv",
    [OUTPUT_REFUSED] = "refused.csv",
    [OUTPUT_RUN] = "run.json",
};

struct outputs {
    const struct experiment *experiment;
    char *paths[OUTPUT_FILES];
    struct file_out *files[OUTPUT_FILES];
    struct run_logs *logs;
    struct run_point *points;
    uint32_t count;
    struct timespec began;
    char *directory;
    size_t there; /* bytes of the directory's path that were there before us */
    const char *columns[ROW_VALUES_MAX]; /* of results.csv, NULL at the end */
};

#define RUN_JSON_BYTES_MAX ((size_t)64 << 20)

static bool is_recorded(const struct experiment *experiment, int file)
{
    const struct experiment_record *record = experiment_record(experiment);
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
        [OUTPUT_RUN] = true,
    };
    return recorded[file];
}

static FILE *stream(const struct outputs *outputs, int file)
{
    return outputs->files[file] == NULL ? NULL : file_out_stream(outputs->files[file]);
}

/* The columns of results.csv: those of MapReduce jobs only where there are any. */
static void choose_columns(struct outputs *outputs)
{
    size_t count = 0;
    for (; results_columns[count] != NULL; count++) {
        outputs->columns[count] = results_columns[count];
    }
    if (experiment_record(outputs->experiment)->mapreduce) {
        for (size_t i = 0; i < RESULTS_MAPREDUCE_COLUMNS; i++) {
            outputs->columns[count++] = results_mapreduce_columns[i];
        }
    }
    assert(count < ROW_VALUES_MAX);
}

static void write_heads(const struct outputs *outputs)
{
    FILE *jsonl = stream(outputs, OUTPUT_RESULTS_JSONL);
    results_head(outputs->experiment, jsonl);
    fputc('\n', jsonl);
    for (size_t i = 0; outputs->columns[i] != NULL; i++) {
        fprintf(stream(outputs, OUTPUT_RESULTS_CSV), "%s%s", i == 0 ? "" : ",",
                outputs->columns[i]);
    }
    fputc('\n', stream(outputs, OUTPUT_RESULTS_CSV));
    if (stream(outputs, OUTPUT_SERIES) != NULL) {
        records_series_head(stream(outputs, OUTPUT_SERIES));
    }
    if (stream(outputs, OUTPUT_JOBS) != NULL) {
        records_jobs_head(experiment_record(outputs->experiment)->mapreduce,
                          stream(outputs, OUTPUT_JOBS));
    }
    for (int table = 0; table < CONFLICT_TABLES; table++) {
        if (stream(outputs, OUTPUT_CONFLICTS + table) != NULL) {
            conflict_table_head((enum conflict_table)table,
                                stream(outputs, OUTPUT_CONFLICTS + table));
        }
    }
}

/* ---- the directory ---- */

/* Notes how much of the path is there already, for take_back_directory(). */
static int note_directory(struct outputs *outputs, const char *directory, omega_error_t *err)
{
    struct stat status;
    outputs->directory = strdup(directory);
    if (outputs->directory == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    size_t length = strlen(directory);
    while (length > 0 && stat(outputs->directory, &status) != 0) {
        while (length > 0 && outputs->directory[length - 1] != '/') {
            length--;
        }
        while (length > 0 && outputs->directory[length - 1] == '/') {
            length--;
        }
        outputs->directory[length] = '\0';
    }
    outputs->there = length;
    memcpy(outputs->directory, directory, strlen(directory) + 1);
    return 0;
}

/* Removes the directories that were made for this run as far as they are empty. */
static void take_back_directory(struct outputs *outputs)
{
    char *path = outputs->directory;
    size_t length = path == NULL ? 0 : strlen(path);
    while (length > outputs->there && rmdir(path) == 0) {
        while (length > 0 && path[length - 1] == '/') {
            length--;
        }
        while (length > 0 && path[length - 1] != '/') {
            length--;
        }
        while (length > 0 && path[length - 1] == '/') {
            length--;
        }
        path[length] = '\0';
    }
}

/* Whether an earlier run of omega has left its run.json here. */
static bool is_ours(const char *run_json)
{
    char *bytes;
    size_t size;
    omega_error_t ignored = {0};
    if (file_read_all(run_json, RUN_JSON_BYTES_MAX, &bytes, &size, &ignored) != 0) {
        return false;
    }
    json_t *run = json_loadb(bytes, size, 0, NULL);
    bool ours = json_is_object(run) && json_object_get(run, "omega") != NULL;
    json_decref(run);
    free(bytes);
    return ours;
}

static int somebody_elses(const char *path, omega_error_t *err)
{
    return omega_error_set_at(err, OMEGA_EINVAL, path, 0,
                              "is there already, without the run.json of a run of omega: "
                              "expected another --out directory, or remove this file");
}

static int check_logs(const char *directory, omega_error_t *err)
{
    char *folder;
    char **paths;
    uint32_t count;
    if (asprintf(&folder, "%s/" RUN_LOGS_FOLDER, directory) < 0) {
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    int rc = run_logs_list(folder, &paths, &count, err);
    if (rc == 0 && count > 0) {
        rc = somebody_elses(paths[0], err);
    }
    run_logs_free_list(paths, count);
    free(folder);
    return rc;
}

/* Files of our names that somebody else has written are neither replaced nor removed. */
static int check_names(const struct outputs *outputs, omega_error_t *err)
{
    struct stat status;
    if (is_ours(outputs->paths[OUTPUT_RUN])) {
        return 0;
    }
    for (int i = 0; i < OUTPUT_FILES; i++) {
        if (lstat(outputs->paths[i], &status) == 0) {
            return somebody_elses(outputs->paths[i], err);
        }
    }
    return check_logs(outputs->directory, err);
}

static int open_files(struct outputs *outputs, const char *directory, omega_error_t *err)
{
    for (int i = 0; i < OUTPUT_FILES; i++) {
        if (asprintf(&outputs->paths[i], "%s/%s", directory, file_names[i]) < 0) {
            outputs->paths[i] = NULL;
            return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
        }
    }
    int rc = note_directory(outputs, directory, err);
    if (rc == 0) {
        rc = file_make_directory(directory, err);
    }
    if (rc == 0) {
        rc = check_names(outputs, err);
    }
    if (rc == 0) {
        rc = run_logs_create(directory, outputs->experiment, &outputs->logs, err);
    }
    for (int i = 0; rc == 0 && i < OUTPUT_FILES; i++) {
        if (is_recorded(outputs->experiment, i)) {
            rc = file_out_open(outputs->paths[i], &outputs->files[i], err);
        }
    }
    return rc;
}

int outputs_open(const char *directory, const struct experiment *experiment, struct outputs **out,
                 omega_error_t *err)
{
    struct outputs *outputs = calloc(1, sizeof *outputs);
    *out = NULL;
    if (outputs == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    outputs->experiment = experiment;
    outputs->points = calloc(experiment_point_count(experiment), sizeof *outputs->points);
    clock_gettime(CLOCK_MONOTONIC, &outputs->began);
    int rc = outputs->points == NULL ? omega_error_set(err, OMEGA_ENOMEM, "out of memory")
                                     : open_files(outputs, directory, err);
    if (rc != 0) {
        outputs_abort(outputs);
        return rc;
    }
    choose_columns(outputs);
    write_heads(outputs);
    *out = outputs;
    return 0;
}

static void write_row(void *context, const struct row *row)
{
    const struct outputs *outputs = context;
    FILE *jsonl = stream(outputs, OUTPUT_RESULTS_JSONL);
    row_write_json(row, jsonl);
    fputc('\n', jsonl);
    row_write_csv(row, outputs->columns, stream(outputs, OUTPUT_RESULTS_CSV));
}

static int check_streams(const struct outputs *outputs, bool sync, omega_error_t *err)
{
    for (int i = 0; i < OUTPUT_FILES; i++) {
        FILE *file = stream(outputs, i);
        errno = 0;
        if (file != NULL && (fflush(file) != 0 || ferror(file) != 0 ||
                             (sync && fsync(fileno(file)) != 0 && errno != EINVAL))) {
            errno = errno == 0 ? EIO : errno;
            return omega_error_set_errno(err, outputs->paths[i], "cannot write");
        }
    }
    return 0;
}

int outputs_point(struct outputs *outputs, const struct point_result *result, omega_error_t *err)
{
    struct rusage usage = {0};
    int rc = results_rows(result, write_row, outputs, err);
    if (rc != 0) {
        return rc;
    }
    if (stream(outputs, OUTPUT_HISTOGRAMS) != NULL) {
        records_histograms(result, stream(outputs, OUTPUT_HISTOGRAMS));
    }
    if (stream(outputs, OUTPUT_SERIES) != NULL) {
        records_series(result, stream(outputs, OUTPUT_SERIES));
    }
    if (stream(outputs, OUTPUT_JOBS) != NULL) {
        records_jobs(result, experiment_record(outputs->experiment)->mapreduce,
                     stream(outputs, OUTPUT_JOBS));
    }
    for (int table = 0; table < CONFLICT_TABLES; table++) {
        if (stream(outputs, OUTPUT_CONFLICTS + table) != NULL) {
            conflict_table_rows((enum conflict_table)table, result,
                                stream(outputs, OUTPUT_CONFLICTS + table));
        }
    }
    getrusage(RUSAGE_SELF, &usage);
    const struct run_store *store = &result->point->config.store;
    bool on_disk = store->kind == RUN_STORE_LMDB;
    outputs->points[outputs->count++] = (struct run_point){
        .variant = result->point->variant,
        .seed = result->point->seed,
        .wall_s = result->wall_s,
        .max_rss_kib = usage.ru_maxrss,
        .store = on_disk ? "lmdb" : "memory",
        .mode = on_disk ? lmdb_mode_name(store->options.mode) : NULL,
    };
    return check_streams(outputs, false, err);
}

/* Everything is written and synced before the first file gets its name. */
static int name_files(struct outputs *outputs, omega_error_t *err)
{
    int rc = check_streams(outputs, true, err);
    for (int i = 0; rc == 0 && i < OUTPUT_FILES; i++) {
        struct file_out *file = outputs->files[i];
        outputs->files[i] = NULL;
        if (file != NULL) {
            rc = file_out_commit(file, err);
        } else if (unlink(outputs->paths[i]) != 0 && errno != ENOENT) {
            rc = omega_error_set_errno(err, outputs->paths[i], "cannot remove");
        }
    }
    return rc == 0 ? run_logs_commit(outputs->logs, err) : rc;
}

int outputs_log_begin(struct outputs *outputs, struct point *point, omega_error_t *err)
{
    return run_logs_begin(outputs->logs, point, err);
}

int outputs_log_end(struct outputs *outputs, struct point *point, omega_error_t *err)
{
    return run_logs_end(outputs->logs, point, err);
}

int outputs_commit(struct outputs *outputs, bool complete, int argc, char *const *argv,
                   omega_error_t *err)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double wall_s = (double)(now.tv_sec - outputs->began.tv_sec) +
                    (double)(now.tv_nsec - outputs->began.tv_nsec) / 1e9;
    int rc = run_json_write(outputs->experiment, outputs->points, outputs->count, complete, wall_s,
                            argc, argv, stream(outputs, OUTPUT_RUN), err);
    if (rc == 0) {
        rc = name_files(outputs, err);
    }
    outputs_abort(outputs);
    return rc;
}

void outputs_abort(struct outputs *outputs)
{
    if (outputs == NULL) {
        return;
    }
    for (int i = 0; i < OUTPUT_FILES; i++) {
        file_out_abort(outputs->files[i]);
        free(outputs->paths[i]);
    }
    run_logs_destroy(outputs->logs);
    take_back_directory(outputs);
    free(outputs->directory);
    free(outputs->points);
    free(outputs);
}
