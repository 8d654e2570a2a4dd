/* SPDX-License-Identifier: MIT */
/*
 * Jobs as lines of JSON, one object a line: what `omega submit` reads. They have no ids and no
 * times: they are numbered as they come, and all are submitted when they are read.
 */
#include <stdlib.h>
#include <string.h>

#include "core/workload/csv.h"
#include "core/workload/job_json.h"
#include "core/workload/readers.h"

/* An error at a line: `cause` is about no file yet. */
static int at_line(const char *name, long line, const omega_error_t *cause, omega_error_t *err)
{
    return omega_error_set_at(err, cause->code, name, line, "%s", cause->text);
}

static int add_job(struct trace *trace, const char *text, size_t size, omega_error_t *err)
{
    json_error_t error;
    struct omega_job *job = NULL;
    json_t *object = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL) {
        return omega_error_set(err, OMEGA_EINVAL, "is no JSON (%.120s), expected an object",
                               error.text);
    }
    int rc = job_from_json(object, trace->catalogue, &job, err);
    json_decref(object);
    if (rc == OMEGA_OK) {
        job->id = trace->job_count + 1u;
        rc = trace_workload(trace, "jobs", &job->workload, err);
    }
    rc = rc == OMEGA_OK ? trace_add_job(trace, job, err) : rc;
    free(job);
    return rc;
}

/* Reads the next line into *text; its length, 0 at the end, or an error. */
static int next_line(FILE *stream, const char *name, long line, char **text, size_t *room,
                     size_t *length, omega_error_t *err)
{
    size_t used = 0;
    int c = EOF;
    while (used <= CSV_LINE_MAX && (c = getc_unlocked(stream)) != EOF) {
        if (used + 1 >= *room) {
            size_t more = *room == 0 ? 4096 : 2 * *room;
            char *grown = realloc(*text, more);
            if (grown == NULL) {
                return omega_error_set(err, OMEGA_ENOMEM, "no memory for a line of '%s'", name);
            }
            *text = grown;
            *room = more;
        }
        (*text)[used++] = (char)c;
        if (c == '\n') {
            break;
        }
    }
    *length = used;
    if (used > CSV_LINE_MAX) {
        return omega_error_set_at(err, OMEGA_EINVAL, name, line,
                                  "the line is longer than %u bytes, expected one job",
                                  CSV_LINE_MAX);
    }
    return ferror(stream) ? omega_error_set_errno(err, name, "cannot read") : OMEGA_OK;
}

static bool is_blank(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (strchr(" \t\r\n", text[i]) == NULL || text[i] == '\0') {
            return false;
        }
    }
    return true;
}

int reader_json_jobs(struct trace *trace, FILE *stream, const char *name, omega_error_t *err)
{
    char *text = NULL;
    size_t room = 0;
    size_t length = 0;
    int rc = OMEGA_OK;
    for (long line = 1; rc == OMEGA_OK; line++) {
        omega_error_t cause = {0};
        rc = next_line(stream, name, line, &text, &room, &length, err);
        if (rc != OMEGA_OK || length == 0) {
            break;
        }
        if (!is_blank(text, length) && add_job(trace, text, length, &cause) != OMEGA_OK) {
            rc = at_line(name, line, &cause, err);
        }
    }
    free(text);
    return rc;
}
