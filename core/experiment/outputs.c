/* SPDX-License-Identifier: MIT */
/* The files of a run: see outputs.h. */
#include "core/experiment/outputs.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/sha256.h"
#include "core/experiment/conflict_records.h"
#include "core/experiment/output_tables.h"
#include "core/experiment/run_logs.h"

struct outputs {
    char *paths[OUTPUT_FILES];
    struct file_out *files[OUTPUT_FILES];
    struct run_logs *logs;
    json_t *points; /* for run.json */
    char *directory;
    size_t there; /* bytes of the directory's path that were there before us */
};

#define RUN_JSON_BYTES_MAX ((size_t)64 << 20)

static FILE *stream(const struct outputs *outputs, int file)
{
    return outputs->files[file] == NULL ? NULL : file_out_stream(outputs->files[file]);
}

static int sync_streams(const struct outputs *outputs, omega_error_t *err)
{
    for (int i = 0; i < OUTPUT_FILES; i++) {
        FILE *file = stream(outputs, i);
        errno = 0;
        if (file != NULL && (fflush(file) != 0 || ferror(file) != 0 ||
                             (fsync(fileno(file)) != 0 && errno != EINVAL))) {
            errno = errno == 0 ? EIO : errno;
            return omega_error_set_errno(err, outputs->paths[i], "cannot write");
        }
    }
    return 0;
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

static int open_directory(struct outputs *outputs, const char *directory, omega_error_t *err)
{
    for (int i = 0; i < OUTPUT_FILES; i++) {
        if (asprintf(&outputs->paths[i], "%s/%s", directory, output_name((enum output_file)i)) <
            0) {
            outputs->paths[i] = NULL;
            return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
        }
    }
    int rc = note_directory(outputs, directory, err);
    rc = rc == 0 ? file_make_directory(directory, err) : rc;
    rc = rc == 0 ? check_names(outputs, err) : rc;
    return rc == 0 ? run_logs_create(directory, &outputs->logs, err) : rc;
}

int outputs_open(const char *directory, struct outputs **out, omega_error_t *err)
{
    struct outputs *outputs = calloc(1, sizeof *outputs);
    *out = NULL;
    if (outputs == NULL || (outputs->points = json_array()) == NULL) {
        free(outputs);
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    int rc = open_directory(outputs, directory, err);
    if (rc != 0) {
        outputs_abort(outputs);
        return rc;
    }
    *out = outputs;
    return 0;
}

/* ---- sections of parts ---- */

int outputs_heads(const struct experiment *experiment, struct part_writer *head, omega_error_t *err)
{
    const struct experiment_record *record = experiment_record(experiment);
    struct parameter at[PARAMETERS_MAX];
    struct parameters parameters;
    char *text = NULL;
    int rc = experiment_text(experiment, &text, err);
    if (rc != 0) {
        return rc;
    }
    experiment_parameters(experiment, 0, at, &parameters);
    FILE *jsonl = part_section(head, output_name(OUTPUT_RESULTS_JSONL));
    results_head(experiment, jsonl);
    fputc('\n', jsonl);
    for (int i = OUTPUT_TABLE_FIRST; i <= OUTPUT_TABLE_LAST; i++) {
        enum output_file file = (enum output_file)i;
        if (output_is_recorded(file, record)) {
            output_table_head(file, record->mapreduce, &parameters,
                              part_section(head, output_name(file)));
        }
    }
    fputs(text, part_section(head, output_name(OUTPUT_EXPERIMENT)));
    free(text);
    return 0;
}

static void write_refused(void *context, const struct metrics *metrics,
                          const struct metrics_refused *claim)
{
    const struct outputs_refused *refused = context;
    conflict_refused_row(refused->point, metrics, claim, refused->out);
}

void outputs_point_begin(const struct experiment *experiment, struct point *point,
                         struct outputs_refused *refused, struct part_writer *part)
{
    if (output_is_recorded(OUTPUT_REFUSED, experiment_record(experiment))) {
        refused->point = point;
        refused->out = part_section(part, output_name(OUTPUT_REFUSED));
        point->metrics.refused = write_refused;
        point->metrics.refused_context = refused;
    }
}

static void write_row_json(void *context, const struct row *row)
{
    row_write_json(row, context);
    fputc('\n', context);
}

int outputs_point(const struct experiment *experiment, const struct point_result *result,
                  struct part_writer *part, omega_error_t *err)
{
    const struct experiment_record *record = experiment_record(experiment);
    FILE *jsonl = part_section(part, output_name(OUTPUT_RESULTS_JSONL));
    int rc = results_rows(result, write_row_json, jsonl, err);
    for (int i = OUTPUT_TABLE_FIRST; rc == 0 && i < OUTPUT_REFUSED; i++) {
        enum output_file file = (enum output_file)i;
        if (output_is_recorded(file, record)) {
            rc = output_table_rows(file, record->mapreduce, result,
                                   part_section(part, output_name(file)), err);
        }
    }
    return rc;
}

/* ---- putting parts together ---- */

/* Copies the sections of the files before `end`. */
static int copy_sections(const struct outputs *outputs, struct part *part, enum output_file end,
                         omega_error_t *err)
{
    int rc = 0;
    for (int i = 0; rc == 0 && i < (int)end; i++) {
        if (outputs->files[i] != NULL) {
            rc = part_copy(part, output_name((enum output_file)i), stream(outputs, i), err);
        }
    }
    return rc;
}

int outputs_begin(struct outputs *outputs, struct part *head, omega_error_t *err)
{
    int rc = 0;
    for (int i = 0; rc == 0 && i < OUTPUT_FILES; i++) {
        if (i >= OUTPUT_SUMS || part_size(head, output_name((enum output_file)i)) >= 0) {
            rc = file_out_open(outputs->paths[i], &outputs->files[i], err);
        }
    }
    return rc == 0 ? copy_sections(outputs, head, OUTPUT_SUMS, err) : rc;
}

int outputs_add(struct outputs *outputs, struct part *part, omega_error_t *err)
{
    json_t *ran = json_object_get(part_about(part), "ran");
    int rc = copy_sections(outputs, part, OUTPUT_EXPERIMENT, err);
    if (rc == 0 && json_array_append(outputs->points, ran) != 0) {
        rc = omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    return rc;
}

int outputs_add_log(struct outputs *outputs, const char *path, const char *label,
                    omega_error_t *err)
{
    return run_logs_add(outputs->logs, path, label, err);
}

/* Everything is written and synced before the first file gets its name. */
static int name_files(struct outputs *outputs, omega_error_t *err)
{
    int rc = sync_streams(outputs, err);
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

/* A line for each file before it, as sha256sum writes and checks them. */
static int write_sums(struct outputs *outputs, omega_error_t *err)
{
    FILE *out = stream(outputs, OUTPUT_SUMS);
    int rc = sync_streams(outputs, err);
    for (int i = 0; rc == 0 && i < OUTPUT_SUMS; i++) {
        char sha256[SHA256_HEX];
        if (outputs->files[i] != NULL) {
            rc = sha256_file(file_out_temporary(outputs->files[i]), sha256, err);
            fprintf(out, "%s  %s\n", sha256, output_name((enum output_file)i));
        }
    }
    return rc;
}

int outputs_commit(struct outputs *outputs, const struct run_json *run, omega_error_t *err)
{
    struct run_json whole = *run;
    whole.points = outputs->points;
    int rc = run_json_write(&whole, stream(outputs, OUTPUT_RUN), err);
    rc = rc == 0 ? write_sums(outputs, err) : rc;
    rc = rc == 0 ? name_files(outputs, err) : rc;
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
    json_decref(outputs->points);
    free(outputs);
}
