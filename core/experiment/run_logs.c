/* SPDX-License-Identifier: MIT */
/* The logs of a run: see run_logs.h. */
#include "core/experiment/run_logs.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"

struct run_logs {
    const struct experiment *experiment;
    char *directory; /* of the logs */
    struct file_out **files;
    char **paths;
    uint32_t count; /* of files; the last may still be written */
    struct runlog *log;
};

static int no_memory(omega_error_t *err)
{
    return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
}

int run_logs_create(const char *directory, const struct experiment *experiment,
                    struct run_logs **out, omega_error_t *err)
{
    struct run_logs *logs = calloc(1, sizeof *logs);
    *out = NULL;
    if (logs == NULL || asprintf(&logs->directory, "%s/" RUN_LOGS_FOLDER, directory) < 0) {
        free(logs);
        return no_memory(err);
    }
    uint32_t points = experiment_point_count(experiment);
    logs->experiment = experiment;
    logs->files = calloc(points, sizeof *logs->files);
    logs->paths = calloc(points, sizeof *logs->paths);
    if (logs->files == NULL || logs->paths == NULL) {
        run_logs_destroy(logs);
        return no_memory(err);
    }
    *out = logs;
    return OMEGA_OK;
}

/* ---- writing ---- */

static int begin_log(struct run_logs *logs, struct point *point, const char *text, FILE *stream,
                     omega_error_t *err)
{
    const struct run_config *config = &point->config;
    struct runlog_opening opening;
    struct runlog_scheduler *schedulers = calloc(config->scheduler_count + 1u, sizeof *schedulers);
    struct runlog_workload *workloads = calloc(config->workload_count + 1u, sizeof *workloads);
    int rc = schedulers == NULL || workloads == NULL ? no_memory(err) : OMEGA_OK;
    if (rc == OMEGA_OK) {
        run_log_opening(config, schedulers, workloads, &opening);
        opening.experiment = experiment_name(logs->experiment);
        opening.text = text;
        opening.sha256 = experiment_sha256(logs->experiment);
        opening.variant = point->variant;
        rc = runlog_create(&opening, stream, &logs->log, err);
    }
    free(schedulers);
    free(workloads);
    return rc;
}

int run_logs_begin(struct run_logs *logs, struct point *point, omega_error_t *err)
{
    char *path = NULL;
    char *text = NULL;
    const char *dash = point->variant[0] == '\0' ? "" : "-";
    if (asprintf(&path, "%s/%s%sseed-%" PRIu64 RUN_LOGS_SUFFIX, logs->directory, point->variant,
                 dash, point->seed) < 0) {
        return no_memory(err);
    }
    int rc = file_make_directory(logs->directory, err);
    rc = rc == OMEGA_OK ? file_out_open(path, &logs->files[logs->count], err) : rc;
    if (rc != OMEGA_OK) {
        free(path);
        return rc;
    }
    logs->paths[logs->count++] = path;
    rc = experiment_text(logs->experiment, &text, err);
    if (rc == OMEGA_OK) {
        FILE *stream = file_out_stream(logs->files[logs->count - 1]);
        rc = begin_log(logs, point, text, stream, err);
    }
    free(text);
    point->config.runlog = logs->log;
    return rc;
}

int run_logs_end(struct run_logs *logs, struct point *point, omega_error_t *err)
{
    int rc = runlog_finish(logs->log, err);
    runlog_destroy(logs->log);
    logs->log = NULL;
    point->config.runlog = NULL;
    return rc == OMEGA_OK ? file_out_settle(logs->files[logs->count - 1], err) : rc;
}

/* ---- naming ---- */

/* A log that was begun and has not ended. */
static void drop_unfinished(struct run_logs *logs)
{
    if (logs->log != NULL) {
        runlog_destroy(logs->log);
        logs->log = NULL;
        file_out_abort(logs->files[--logs->count]);
        free(logs->paths[logs->count]);
    }
}

static bool is_new(const struct run_logs *logs, const char *path)
{
    for (uint32_t i = 0; i < logs->count; i++) {
        if (strcmp(logs->paths[i], path) == 0) {
            return true;
        }
    }
    return false;
}

static int remove_old(const struct run_logs *logs, omega_error_t *err)
{
    char **paths;
    uint32_t count;
    int rc = run_logs_list(logs->directory, &paths, &count, err);
    for (uint32_t i = 0; rc == OMEGA_OK && i < count; i++) {
        if (!is_new(logs, paths[i]) && unlink(paths[i]) != 0) {
            rc = omega_error_set_errno(err, paths[i], "cannot remove");
        }
    }
    run_logs_free_list(paths, count);
    return rc;
}

int run_logs_commit(struct run_logs *logs, omega_error_t *err)
{
    drop_unfinished(logs);
    int rc = OMEGA_OK;
    for (uint32_t i = 0; rc == OMEGA_OK && i < logs->count; i++) {
        rc = file_out_commit(logs->files[i], err);
        logs->files[i] = NULL;
    }
    return rc == OMEGA_OK ? remove_old(logs, err) : rc;
}

void run_logs_destroy(struct run_logs *logs)
{
    if (logs == NULL) {
        return;
    }
    drop_unfinished(logs);
    for (uint32_t i = 0; i < logs->count; i++) {
        file_out_abort(logs->files[i]);
        free(logs->paths[i]);
    }
    if (logs->directory != NULL) {
        rmdir(logs->directory); /* if it is empty */
    }
    free(logs->files);
    free(logs->paths);
    free(logs->directory);
    free(logs);
}

/* ---- listing ---- */

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_log(const char *name)
{
    size_t length = strlen(name);
    size_t suffix = strlen(RUN_LOGS_SUFFIX);
    return length > suffix && strcmp(name + length - suffix, RUN_LOGS_SUFFIX) == 0;
}

static int add_path(char ***paths, uint32_t *count, const char *directory, const char *name)
{
    char **grown = reallocarray(*paths, *count + 1u, sizeof *grown);
    if (grown == NULL) {
        return OMEGA_ENOMEM;
    }
    *paths = grown;
    if (asprintf(&grown[*count], "%s/%s", directory, name) < 0) {
        return OMEGA_ENOMEM;
    }
    ++*count;
    return OMEGA_OK;
}

int run_logs_list(const char *directory, char ***paths, uint32_t *count, omega_error_t *err)
{
    *paths = NULL;
    *count = 0;
    DIR *open = opendir(directory);
    if (open == NULL) {
        return errno == ENOENT || errno == ENOTDIR
                   ? OMEGA_OK
                   : omega_error_set_errno(err, directory, "cannot list");
    }
    int rc = OMEGA_OK;
    struct dirent *entry;
    while (rc == OMEGA_OK && (entry = readdir(open)) != NULL) {
        if (is_log(entry->d_name) && add_path(paths, count, directory, entry->d_name) != OMEGA_OK) {
            rc = no_memory(err);
        }
    }
    closedir(open);
    if (*count > 0) {
        qsort(*paths, *count, sizeof **paths, compare_paths);
    }
    return rc;
}

void run_logs_free_list(char **paths, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        free(paths[i]);
    }
    free(paths);
}
