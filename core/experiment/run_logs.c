/* SPDX-License-Identifier: MIT */
/* The logs of a run: see run_logs.h. */
#include "core/experiment/run_logs.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/experiment/output_tables.h"

#define COPY_BYTES ((size_t)64 << 10)

static int no_memory(omega_error_t *err)
{
    return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
}

/* ---- the log of one point ---- */

struct run_log {
    struct file_out *file;
    struct runlog *log;
};

/* `given` holds what does not follow from experiment and point. */
static int begin(const struct experiment *experiment, const struct point *point,
                 const struct runlog_opening *given, FILE *stream, struct runlog **log,
                 omega_error_t *err)
{
    const struct run_config *config = &point->config;
    struct runlog_opening opening;
    struct runlog_scheduler *schedulers = calloc(config->scheduler_count + 1u, sizeof *schedulers);
    struct runlog_workload *workloads = calloc(config->workload_count + 1u, sizeof *workloads);
    int rc = schedulers == NULL || workloads == NULL ? no_memory(err) : OMEGA_OK;
    if (rc == OMEGA_OK) {
        run_log_opening(config, schedulers, workloads, &opening);
        opening.experiment = experiment_name(experiment);
        opening.text = given->text;
        opening.sha256 = experiment_sha256(experiment);
        opening.recorded = given->recorded;
        opening.variant = point->variant;
        opening.assignment = point->assignment;
        opening.segment = given->segment;
        opening.segments = given->segments;
        opening.live = point->lives;
        rc = runlog_create(&opening, stream, log, err);
    }
    free(schedulers);
    free(workloads);
    return rc;
}

int run_log_segment(const struct experiment *experiment, const struct point *point,
                    uint32_t segment, uint32_t segments, FILE *stream, struct runlog **log,
                    omega_error_t *err)
{
    char *text = NULL;
    char *recorded = output_recorded_text(experiment_record(experiment), point);
    int rc = recorded == NULL ? no_memory(err) : experiment_text(experiment, &text, err);
    if (rc == OMEGA_OK) {
        const struct runlog_opening given = {
            .text = text, .recorded = recorded, .segment = segment, .segments = segments};
        rc = begin(experiment, point, &given, stream, log, err);
    }
    free(recorded);
    free(text);
    return rc;
}

int run_log_begin(const struct experiment *experiment, struct point *point, const char *path,
                  struct run_log **out, omega_error_t *err)
{
    struct run_log *log = calloc(1, sizeof *log);
    *out = NULL;
    int rc = log == NULL ? no_memory(err) : file_out_open(path, &log->file, err);
    if (rc == OMEGA_OK) {
        rc = run_log_segment(experiment, point, 0, 1, file_out_stream(log->file), &log->log, err);
    }
    if (rc != OMEGA_OK) {
        run_log_abort(log);
        return rc;
    }
    point->config.runlog = log->log;
    *out = log;
    return OMEGA_OK;
}

int run_log_end(struct run_log *log, struct point *point, omega_error_t *err)
{
    int rc = runlog_finish(log->log, err);
    point->config.runlog = NULL;
    if (rc == OMEGA_OK) {
        rc = file_out_commit(log->file, err);
        log->file = NULL;
    }
    run_log_abort(log);
    return rc;
}

void run_log_abort(struct run_log *log)
{
    if (log != NULL) {
        runlog_destroy(log->log);
        file_out_abort(log->file);
        free(log);
    }
}

/* ---- those of a run ---- */

struct placing {
    char *from;
    char *to;
};

struct run_logs {
    char *directory; /* of the logs */
    struct placing *placings;
    uint32_t count;
    uint32_t room;
};

int run_logs_create(const char *directory, struct run_logs **out, omega_error_t *err)
{
    struct run_logs *logs = calloc(1, sizeof *logs);
    *out = NULL;
    if (logs == NULL || asprintf(&logs->directory, "%s/" RUN_LOGS_FOLDER, directory) < 0) {
        free(logs);
        return no_memory(err);
    }
    *out = logs;
    return OMEGA_OK;
}

int run_logs_add(struct run_logs *logs, const char *path, const char *label, omega_error_t *err)
{
    if (logs->count == logs->room) {
        uint32_t room = logs->room == 0 ? 16 : 2 * logs->room;
        struct placing *grown = reallocarray(logs->placings, room, sizeof *grown);
        if (grown == NULL) {
            return no_memory(err);
        }
        logs->placings = grown;
        logs->room = room;
    }
    struct placing *placing = &logs->placings[logs->count];
    *placing = (struct placing){.from = strdup(path)};
    if (placing->from == NULL ||
        asprintf(&placing->to, "%s/%s" RUN_LOGS_SUFFIX, logs->directory, label) < 0) {
        free(placing->from);
        return no_memory(err);
    }
    logs->count++;
    return OMEGA_OK;
}

static int copy_bytes(FILE *from, const struct placing *placing, omega_error_t *err)
{
    struct file_out *file;
    char *bytes = malloc(COPY_BYTES);
    int rc = bytes == NULL ? no_memory(err) : file_out_open(placing->to, &file, err);
    if (rc == OMEGA_OK) {
        size_t n;
        while ((n = fread(bytes, 1, COPY_BYTES, from)) > 0) {
            fwrite(bytes, 1, n, file_out_stream(file));
        }
        if (ferror(from)) {
            rc = omega_error_set_errno(err, placing->from, "cannot read");
            file_out_abort(file);
        } else {
            rc = file_out_commit(file, err);
        }
    }
    free(bytes);
    return rc;
}

/* For file systems without links, and from one to another. */
static int copy(const struct placing *placing, omega_error_t *err)
{
    FILE *from = fopen(placing->from, "re");
    if (from == NULL) {
        return omega_error_set_errno(err, placing->from, "cannot open");
    }
    int rc = copy_bytes(from, placing, err);
    fclose(from);
    return rc;
}

/* A second name is enough, since a log does not change any more. */
static int place(const struct placing *placing, omega_error_t *err)
{
    if (unlink(placing->to) != 0 && errno != ENOENT) {
        return omega_error_set_errno(err, placing->to, "cannot remove");
    }
    return link(placing->from, placing->to) == 0 ? OMEGA_OK : copy(placing, err);
}

static int compare_placings(const void *a, const void *b)
{
    return strcmp(((const struct placing *)a)->to, ((const struct placing *)b)->to);
}

static int remove_old(const struct run_logs *logs, omega_error_t *err)
{
    char **paths;
    uint32_t count;
    int rc = run_logs_list(logs->directory, &paths, &count, err);
    for (uint32_t i = 0; rc == OMEGA_OK && i < count; i++) {
        struct placing key = {.to = paths[i]};
        bool is_new = logs->count > 0 && bsearch(&key, logs->placings, logs->count, sizeof key,
                                                 compare_placings) != NULL;
        if (!is_new && unlink(paths[i]) != 0) {
            rc = omega_error_set_errno(err, paths[i], "cannot remove");
        }
    }
    run_logs_free_list(paths, count);
    return rc;
}

int run_logs_commit(struct run_logs *logs, omega_error_t *err)
{
    int rc = logs->count > 0 ? file_make_directory(logs->directory, err) : OMEGA_OK;
    if (logs->count > 0) {
        qsort(logs->placings, logs->count, sizeof *logs->placings, compare_placings);
    }
    for (uint32_t i = 0; rc == OMEGA_OK && i < logs->count; i++) {
        rc = place(&logs->placings[i], err);
    }
    rc = rc == OMEGA_OK ? remove_old(logs, err) : rc;
    rmdir(logs->directory); /* if it is empty */
    return rc;
}

void run_logs_destroy(struct run_logs *logs)
{
    if (logs == NULL) {
        return;
    }
    for (uint32_t i = 0; i < logs->count; i++) {
        free(logs->placings[i].from);
        free(logs->placings[i].to);
    }
    free(logs->placings);
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
