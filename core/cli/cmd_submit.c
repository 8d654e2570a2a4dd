/* SPDX-License-Identifier: MIT */
/* omega submit: submits jobs to a scheduler of a cell on disk. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cli/cell_private.h"
#include "core/live/submit.h"
#include "core/experiment/row.h"
#include "core/workload/readers.h"

#define START_WAIT_S_MAX 3600u

static const char help[] =
    "usage: omega submit --cell DIR [OPTIONS] FILE|-\n\n"
    "Submits jobs to a scheduler of a cell, all at once, and prints their ids. FILE, or the\n"
    "standard input, holds a JSON object a line, such as\n"
    "  {\"tasks\":10,\"cpu_milli\":1000,\"mem_mib\":2048,\"duration_us\":30000000}\n"
    "or a jobs.csv, whose ids and submit times are not used. A job is kept once its id is "
    "printed,\n"
    "also while its scheduler does not work: then it waits for it. All jobs are checked before "
    "the\n"
    "first one is submitted. Keys and columns: core/workload/README.md in the source tree\n\n"
    "  --cell DIR         the cell\n"
    "  --to NAME          the scheduler (the only one there is)\n"
    "  --start-wait S     wait so many seconds for it, if it is just being started (0)\n"
    "  --wait             until the tasks of each job have been placed, or it has been given up:\n"
    "                     then exit code 1, as where its end is not known any more\n"
    "  --json             a JSON object instead of each line\n"
    "  --help             this text\n\n"
    "exit codes: 0 done, 1 failed, 2 wrong usage\n";

struct arguments {
    const char *cell;
    const char *to;
    const char *file;
    const char *start_wait; /* or NULL */
    uint32_t start_wait_s;
    bool wait;
    bool json;
};

struct submission {
    const struct arguments *a;
    struct store *store;
    struct submitter *submitter;
    struct trace *trace; /* the jobs */
    struct register_entry to;
    uint64_t done; /* so many of them are submitted */
    struct submitter_state state;
};

/* ---- jobs ---- */

/* The first byte that is no blank tells objects from a table. */
static bool holds_json(FILE *stream)
{
    int c;
    do {
        c = getc(stream);
    } while (c == ' ' || c == '\t' || c == '\r' || c == '\n');
    if (c != EOF) {
        ungetc(c, stream);
    }
    return c == '{';
}

static int read_jobs(struct submission *submission, omega_error_t *err)
{
    const char *path = submission->a->file;
    bool input = strcmp(path, "-") == 0;
    const char *name = input ? "standard input" : path;
    FILE *stream = input ? stdin : fopen(path, "re");
    if (stream == NULL) {
        return omega_error_set_errno(err, path, "cannot open");
    }
    submission->trace = trace_create(lmdb_catalogue(submission->store));
    int rc = submission->trace == NULL
                 ? omega_error_set(err, OMEGA_ENOMEM, "no memory for the jobs")
                 : (holds_json(stream) ? reader_json_jobs : reader_csv_jobs)(submission->trace,
                                                                             stream, name, err);
    if (!input) {
        fclose(stream);
    }
    rc = rc == OMEGA_OK ? trace_seal(submission->trace, err) : rc;
    if (rc == OMEGA_OK && submission->trace->job_count == 0) {
        rc = omega_error_set_at(err, OMEGA_EINVAL, name, 0, "holds no job, expected at least one");
    }
    return rc;
}

/* ---- output ---- */

/* One line for each run of ids. They may have gaps: others submit at the same time. */
static void print_run(const struct submission *submission, uint64_t first, uint64_t count)
{
    const struct register_entry *to = &submission->to;
    if (submission->a->json) {
        struct row row = {0};
        row_text(&row, "scheduler", to->name);
        row_count(&row, "instance", to->number - REGISTER_SCHEDULERS);
        row_count(&row, "first", first);
        row_count(&row, "jobs", count);
        row_write_json(&row, stdout);
        putchar('\n');
    } else if (count == 1) {
        printf("job %" PRIu64 " submitted to %s\n", first, to->name);
    } else {
        printf("%" PRIu64 " jobs submitted to %s: %" PRIu64 " to %" PRIu64 "\n", count, to->name,
               first, first + count - 1);
    }
}

static void print_ids(const struct submission *submission)
{
    struct omega_job *const *jobs = submission->trace->jobs;
    uint64_t begin = 0;
    for (uint64_t i = 1; i <= submission->done; i++) {
        if (i == submission->done || jobs[i]->id != jobs[i - 1]->id + 1) {
            print_run(submission, jobs[begin]->id, i - begin);
            begin = i;
        }
    }
    fflush(stdout); /* whoever reads them need not wait for what becomes of the jobs */
}

/* What became of them, once all are settled. */
static void print_outcome(const struct submission *submission)
{
    const struct submitter_state *state = &submission->state;
    if (submission->a->json) {
        struct row row = {0};
        row_count(&row, "jobs", state->settled);
        row_count(&row, "placed", state->settled - state->abandoned - state->unknown);
        row_count(&row, "abandoned", state->abandoned);
        row_count(&row, "unknown", state->unknown);
        row_write_json(&row, stdout);
        putchar('\n');
        return;
    }
    if (state->abandoned > 0) {
        printf("%" PRIu64 " of them given up\n", state->abandoned);
    }
    if (state->unknown > 0) {
        printf("%" PRIu64 " of them gone: ended or given up\n", state->unknown);
    }
    if (state->abandoned + state->unknown == 0) {
        puts("all tasks placed");
    }
}

/* ---- the command ---- */

static int look(struct submission *submission, omega_error_t *err)
{
    return submitter_look(submission->submitter, &submission->to, submission->trace->jobs,
                          submission->done, &submission->state, err);
}

static int wait_placed(struct submission *submission, omega_error_t *err)
{
    if (!submission->to.lives) {
        fprintf(stderr, "omega: warning: '%s' does not work now, and is waited for\n",
                submission->to.name);
    }
    int rc = look(submission, err);
    while (rc == OMEGA_OK && submission->state.settled < submission->done) {
        rc = submitter_pause(submission->submitter, &submission->to, err);
        rc = rc == OMEGA_OK ? look(submission, err) : rc;
    }
    return rc;
}

/* What was submitted is told, also if not all could be. */
static int send(struct submission *submission, omega_error_t *err)
{
    struct trace *trace = submission->trace;
    int rc = submitter_send(submission->submitter, &submission->to, trace->jobs, trace->job_count,
                            true, &submission->done, err);
    if (submission->done > 0) {
        print_ids(submission);
    }
    if (rc == OMEGA_OK && submission->a->wait) {
        rc = wait_placed(submission, err);
        if (rc == OMEGA_OK) {
            print_outcome(submission);
        }
    }
    return rc;
}

static int submit(const struct arguments *a, omega_error_t *err)
{
    struct submission submission = {.a = a};
    int rc = cell_open(a->cell, false, &submission.store, err);
    if (rc == OMEGA_OK) {
        rc = submitter_open(submission.store, a->cell, &submission.submitter, err);
    }
    if (rc == OMEGA_OK) {
        rc = submitter_find(submission.submitter, a->to, a->start_wait_s * INT64_C(1000000000),
                            &submission.to, err);
    }
    rc = rc == OMEGA_OK ? read_jobs(&submission, err) : rc;
    rc = rc == OMEGA_OK ? send(&submission, err) : rc;
    submitter_close(submission.submitter);
    trace_destroy(submission.trace);
    store_close(submission.store);
    return rc == OMEGA_OK && submission.state.abandoned + submission.state.unknown > 0 ? 1 : rc;
}

static bool read_seconds(const char *text, uint32_t *seconds)
{
    size_t digits = strspn(text, "0123456789");
    unsigned long value = digits == 0 || digits > 9 ? ULONG_MAX : strtoul(text, NULL, 10);
    *seconds = (uint32_t)value;
    return text[digits] == '\0' && value <= START_WAIT_S_MAX;
}

static int check_arguments(int argc, char **argv, struct arguments *a)
{
    if (a->start_wait != NULL && !read_seconds(a->start_wait, &a->start_wait_s)) {
        return command_usage("submit",
                             "--start-wait: '%.40s' is no number of seconds, expected 0 to %u",
                             a->start_wait, START_WAIT_S_MAX);
    }
    if (a->cell == NULL || optind != argc - 1) {
        return command_usage("submit", "expected --cell and one file, or '-'");
    }
    a->file = argv[optind];
    return COMMAND_DONE;
}

int cmd_submit(int argc, char **argv)
{
    struct arguments a = {.cell = NULL};
    const struct command_option options[] = {{.name = "cell", .value = &a.cell},
                                             {.name = "to", .value = &a.to},
                                             {.name = "start-wait", .value = &a.start_wait},
                                             {.name = "wait", .given = &a.wait},
                                             {.name = "json", .given = &a.json},
                                             {.name = NULL}};
    omega_error_t err = {0};
    int code;
    if (!command_options("submit", help, options, argc, argv, &code)) {
        return code;
    }
    code = check_arguments(argc, argv, &a);
    if (code != COMMAND_DONE) {
        return code;
    }
    int rc = submit(&a, &err);
    return rc < 0 ? command_failed(&err) : rc == 0 ? COMMAND_DONE : COMMAND_FAILED;
}
