/* SPDX-License-Identifier: MIT */
/* Writing a trace as the CSV format: jobs.csv, machines.csv, and events.csv if there are any. */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/workload/csv.h"
#include "core/workload/readers.h"
#include "core/workload/trace_private.h"

#define FILES 3

static void put_header(FILE *out, const char *const *columns, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        fprintf(out, "%s%s", i == 0 ? "" : ",", columns[i]);
    }
    putc('\n', out);
}

static void put_duration(FILE *out, int64_t duration_us)
{
    if (duration_us != OMEGA_NEVER) {
        fprintf(out, "%" PRId64, duration_us);
    }
}

static void put_durations(FILE *out, const struct omega_task_group *group)
{
    if (group->task_duration_us == NULL) {
        put_duration(out, group->duration_us);
        return;
    }
    for (uint32_t i = 0; i < group->count + group->optional; i++) {
        fputs(i == 0 ? "" : ";", out);
        put_duration(out, group->task_duration_us[i]);
    }
}

static void put_mapreduce(FILE *out, const struct omega_mapreduce *mapreduce)
{
    fprintf(out, ",%" PRIu32 ",%" PRIu32 ",%" PRId64 ",%" PRId64 ",%" PRIu32,
            mapreduce->map_activities, mapreduce->reduce_activities, mapreduce->map_mean_us,
            mapreduce->reduce_mean_us, mapreduce->workers_asked);
}

static void put_group(FILE *out, const struct trace *trace, const struct omega_job *job, uint32_t g,
                      bool mapreduce)
{
    const struct omega_task_group *group = &job->groups[g];
    fprintf(out, "%" PRIu64 ",%" PRId64 ",", job->id, job->submit_us);
    csv_write_text(out, trace->workloads[job->workload]);
    putc(',', out);
    csv_write_text(out, trace_text(trace, job->user));
    fprintf(out, ",%" PRId32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32, job->precedence, g, group->count,
            group->optional);
    fprintf(out, ",%" PRId32 ",%" PRId32 ",%d,%d,", group->request.cpu_milli,
            group->request.mem_mib, group->request.gpu_devices, group->request.gpu_milli);
    put_durations(out, group);
    putc(',', out);
    csv_write_text(out, catalogue_constraints_text(trace->catalogue, group->constraints));
    if (mapreduce) {
        put_mapreduce(out, &job->mapreduce);
    }
    putc('\n', out);
}

static int put_jobs(FILE *out, const struct trace *trace, omega_error_t *err)
{
    (void)err;
    bool mapreduce = false;
    for (uint32_t i = 0; i < trace->job_count; i++) {
        mapreduce = mapreduce || omega_job_is_mapreduce(trace->jobs[i]);
    }
    put_header(out, reader_csv_job_columns,
               mapreduce ? READER_CSV_JOB_COLUMNS_MAPREDUCE : READER_CSV_JOB_COLUMNS);
    for (uint32_t i = 0; i < trace->job_count; i++) {
        for (uint32_t g = 0; g < trace->jobs[i]->group_count; g++) {
            put_group(out, trace, trace->jobs[i], g, mapreduce);
        }
    }
    return OMEGA_OK;
}

static int put_machines(FILE *out, const struct trace *trace, omega_error_t *err)
{
    char attributes[TRACE_NAME_MAX + 1];
    put_header(out, reader_csv_machine_columns, READER_CSV_MACHINE_COLUMNS);
    for (uint32_t i = 0; i < trace->machine_count; i++) {
        const struct omega_machine_spec *machine = &trace->machines[i];
        int rc = trace_machine_attributes(trace, machine, attributes, sizeof attributes, err);
        if (rc != OMEGA_OK) {
            return rc;
        }
        csv_write_text(out, trace_text(trace, machine->name));
        fprintf(out, ",%" PRId32 ",%" PRId32 ",%d,", machine->cpu_milli, machine->mem_mib,
                machine->gpu_devices);
        csv_write_text(out, trace_text(trace, machine->platform));
        putc(',', out);
        csv_write_text(out, trace_text(trace, machine->domain));
        fprintf(out, ",%d,", machine->absent != 0);
        csv_write_text(out, attributes);
        putc('\n', out);
    }
    return OMEGA_OK;
}

static int put_events(FILE *out, const struct trace *trace, omega_error_t *err)
{
    (void)err;
    put_header(out, reader_csv_event_columns, READER_CSV_EVENT_COLUMNS);
    for (uint32_t i = 0; i < trace->event_count; i++) {
        const struct omega_machine_event *event = &trace->events[i];
        bool sized = event->cpu_milli != 0 || event->mem_mib != 0 || event->gpu_devices != 0;
        fprintf(out, "%" PRId64 ",", event->time_us);
        csv_write_text(out, trace_text(trace, trace->machines[event->machine].name));
        fprintf(out, ",%s", omega_machine_event_name(event->kind));
        if (sized || event->kind == OMEGA_EVENT_CAPACITY) {
            fprintf(out, ",%" PRId32 ",%" PRId32 ",%d\n", event->cpu_milli, event->mem_mib,
                    event->gpu_devices);
        } else {
            fputs(",,,\n", out);
        }
    }
    return OMEGA_OK;
}

static int write_table(const char *directory, const char *name, const struct trace *trace,
                       int (*put)(FILE *, const struct trace *, omega_error_t *),
                       struct file_out **out, omega_error_t *err)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", directory, name) < 0) {
        return trace_no_memory(err);
    }
    int rc = file_out_open(path, out, err);
    free(path);
    return rc == OMEGA_OK ? put(file_out_stream(*out), trace, err) : rc;
}

/* An events.csv of an earlier export would be taken for this trace's; it is not ours to remove. */
static int check_no_events(const char *directory, omega_error_t *err)
{
    char *path = NULL;
    if (asprintf(&path, "%s/events.csv", directory) < 0) {
        return trace_no_memory(err);
    }
    bool there = access(path, F_OK) == 0;
    int rc = !there ? OMEGA_OK
                    : omega_error_set_at(err, OMEGA_EINVAL, path, 0,
                                         "is there already, but the trace has no machine events; "
                                         "expected a directory without this file");
    free(path);
    return rc;
}

int trace_export_csv(const struct trace *trace, const char *directory, omega_error_t *err)
{
    struct file_out *files[FILES] = {NULL, NULL, NULL};
    uint32_t count = trace->event_count > 0 ? FILES : FILES - 1;
    int rc = file_make_directory(directory, err);
    if (rc == OMEGA_OK && count < FILES) {
        rc = check_no_events(directory, err);
    }
    if (rc == OMEGA_OK) {
        rc = write_table(directory, "jobs.csv", trace, put_jobs, &files[0], err);
    }
    if (rc == OMEGA_OK) {
        rc = write_table(directory, "machines.csv", trace, put_machines, &files[1], err);
    }
    if (rc == OMEGA_OK && count == FILES) {
        rc = write_table(directory, "events.csv", trace, put_events, &files[2], err);
    }
    for (uint32_t i = 0; rc == OMEGA_OK && i < count; i++) {
        rc = file_out_commit(files[i], err);
        files[i] = NULL;
    }
    for (uint32_t i = 0; i < FILES; i++) {
        file_out_abort(files[i]);
    }
    return rc;
}
