/* SPDX-License-Identifier: MIT */
/* Writing the binary trace file; see core/workload/README.md for its layout. */
#include <xxhash.h>

#include "core/base/file.h"
#include "core/base/codec.h"
#include "core/workload/trace_format.h"
#include "core/workload/trace_private.h"

struct writer {
    const struct trace *trace;
    FILE *stream;
    struct codec_out block;  /* the block being filled */
    struct symbols *strings; /* of the file, by first appearance */
    bool failed;             /* no memory */
    /* for differences: of the record before in this block */
    uint64_t last_job;
    int64_t last_time;
};

/* The file's number of a text. */
static uint32_t string_of(struct writer *writer, const char *text)
{
    uint32_t number = symbols_intern(writer->strings, text);
    writer->failed = writer->failed || number == SYMBOL_NONE;
    return number;
}

static void put_string(struct writer *writer, const char *text)
{
    codec_put_number(&writer->block, string_of(writer, text));
}

/* Writes the block, if it holds anything or must be there, and starts the next one. */
static void close_block(struct writer *writer, enum trace_block type, bool even_if_empty)
{
    struct codec_out header = {0};
    struct codec_out *block = &writer->block;
    if (block->size > 0 || even_if_empty) {
        codec_put_u32(&header, (uint32_t)type);
        codec_put_u64(&header, block->size);
        codec_put_u64(&header, XXH3_64bits_withSeed(block->bytes, block->size, type));
        fwrite(header.bytes, 1, header.size, writer->stream);
        if (block->size > 0) {
            fwrite(block->bytes, 1, block->size, writer->stream);
        }
    }
    writer->failed = writer->failed || block->failed || header.failed;
    codec_out_release(&header);
    block->size = 0;
    writer->last_job = 0;
    writer->last_time = 0;
}

/* Between records: closes a block that has become large. */
static void end_record(struct writer *writer, enum trace_block type)
{
    if (writer->block.size >= TRACE_BLOCK_SIZE) {
        close_block(writer, type, false);
    }
}

static void put_about(struct writer *writer)
{
    const struct trace *trace = writer->trace;
    codec_put_text(&writer->block, trace->source);
    codec_put_number(&writer->block, trace->note_count);
    for (uint32_t i = 0; i < trace->note_count; i++) {
        codec_put_text(&writer->block, trace->notes[i].text);
        codec_put_number(&writer->block, trace->notes[i].count);
    }
    close_block(writer, TRACE_BLOCK_ABOUT, true);
}

static const char *constraints_of(const struct writer *writer, const struct omega_task_group *group)
{
    return catalogue_constraints_text(writer->trace->catalogue, group->constraints);
}

static int machine_strings(struct writer *writer, const struct omega_machine_spec *machine,
                           char *attributes, omega_error_t *err)
{
    const struct trace *trace = writer->trace;
    string_of(writer, trace_text(trace, machine->name));
    string_of(writer, trace_text(trace, machine->platform));
    string_of(writer, trace_text(trace, machine->domain));
    int rc = trace_machine_attributes(trace, machine, attributes, TRACE_NAME_MAX + 1, err);
    string_of(writer, attributes);
    return rc;
}

static void job_strings(struct writer *writer, const struct omega_job *job)
{
    string_of(writer, trace_text(writer->trace, job->user));
    for (uint32_t g = 0; g < job->group_count; g++) {
        string_of(writer, constraints_of(writer, &job->groups[g]));
    }
}

/* Numbers all texts, so that their blocks can stand before what uses them. */
static int put_strings(struct writer *writer, omega_error_t *err)
{
    const struct trace *trace = writer->trace;
    char attributes[TRACE_NAME_MAX + 1];
    for (uint32_t i = 0; i < trace->workload_count; i++) {
        string_of(writer, trace->workloads[i]);
    }
    for (uint32_t i = 0; i < trace->machine_count; i++) {
        int rc = machine_strings(writer, &trace->machines[i], attributes, err);
        if (rc != OMEGA_OK) {
            return rc;
        }
    }
    for (uint32_t i = 0; i < trace->job_count; i++) {
        job_strings(writer, trace->jobs[i]);
    }
    for (uint32_t i = 1; i < symbols_count(writer->strings); i++) {
        codec_put_text(&writer->block, symbols_text(writer->strings, i));
        end_record(writer, TRACE_BLOCK_STRINGS);
    }
    close_block(writer, TRACE_BLOCK_STRINGS, false);
    return OMEGA_OK;
}

static void put_workloads(struct writer *writer)
{
    for (uint32_t i = 0; i < writer->trace->workload_count; i++) {
        put_string(writer, writer->trace->workloads[i]);
    }
    close_block(writer, TRACE_BLOCK_WORKLOADS, true);
}

static int put_machines(struct writer *writer, omega_error_t *err)
{
    const struct trace *trace = writer->trace;
    char attributes[TRACE_NAME_MAX + 1];
    for (uint32_t i = 0; i < trace->machine_count; i++) {
        const struct omega_machine_spec *machine = &trace->machines[i];
        int rc = trace_machine_attributes(trace, machine, attributes, sizeof attributes, err);
        if (rc != OMEGA_OK) {
            return rc;
        }
        put_string(writer, trace_text(trace, machine->name));
        put_string(writer, trace_text(trace, machine->platform));
        put_string(writer, trace_text(trace, machine->domain));
        put_string(writer, attributes);
        codec_put_number(&writer->block, (uint64_t)machine->cpu_milli);
        codec_put_number(&writer->block, (uint64_t)machine->mem_mib);
        codec_put_number(&writer->block, machine->gpu_devices);
        codec_put_number(&writer->block, machine->absent != 0);
        end_record(writer, TRACE_BLOCK_MACHINES);
    }
    close_block(writer, TRACE_BLOCK_MACHINES, false);
    return OMEGA_OK;
}

static void put_events(struct writer *writer)
{
    struct codec_out *block = &writer->block;
    for (uint32_t i = 0; i < writer->trace->event_count; i++) {
        const struct omega_machine_event *event = &writer->trace->events[i];
        codec_put_number(block, (uint64_t)(event->time_us - writer->last_time));
        writer->last_time = event->time_us;
        codec_put_number(block, event->machine);
        codec_put_number(block, event->kind);
        codec_put_number(block, (uint64_t)event->cpu_milli);
        codec_put_number(block, (uint64_t)event->mem_mib);
        codec_put_number(block, event->gpu_devices);
        end_record(writer, TRACE_BLOCK_EVENTS);
    }
    close_block(writer, TRACE_BLOCK_EVENTS, false);
}

static void put_durations(struct codec_out *block, const struct omega_task_group *group)
{
    if (group->task_duration_us == NULL) {
        codec_put_number(block, group->duration_us == OMEGA_NEVER
                                    ? TRACE_DURATION_NEVER
                                    : (uint64_t)group->duration_us + TRACE_DURATION_FIRST);
        return;
    }
    codec_put_number(block, TRACE_DURATION_LIST);
    uint64_t slots = (uint64_t)group->count + group->optional;
    for (uint64_t i = 0; i < slots; i++) {
        int64_t duration = group->task_duration_us[i];
        codec_put_number(block, duration == OMEGA_NEVER
                                    ? TRACE_DURATION_NEVER
                                    : (uint64_t)duration + TRACE_DURATION_FIRST);
    }
}

static void put_group(struct writer *writer, const struct omega_task_group *group)
{
    struct codec_out *block = &writer->block;
    codec_put_number(block, group->count);
    codec_put_number(block, group->optional);
    put_string(writer, constraints_of(writer, group));
    codec_put_number(block, (uint64_t)group->request.cpu_milli);
    codec_put_number(block, (uint64_t)group->request.mem_mib);
    codec_put_number(block, group->request.gpu_devices);
    codec_put_number(block, (uint64_t)group->request.gpu_milli);
    put_durations(block, group);
}

static void put_mapreduce(struct codec_out *block, const struct omega_mapreduce *mapreduce)
{
    codec_put_number(block, mapreduce->map_activities);
    codec_put_number(block, mapreduce->reduce_activities);
    codec_put_number(block, (uint64_t)mapreduce->map_mean_us);
    codec_put_number(block, (uint64_t)mapreduce->reduce_mean_us);
    codec_put_number(block, mapreduce->workers_asked);
}

static void put_job(struct writer *writer, const struct omega_job *job)
{
    struct codec_out *block = &writer->block;
    codec_put_signed(block, (int64_t)(job->id - writer->last_job));
    codec_put_number(block, (uint64_t)(job->submit_us - writer->last_time));
    writer->last_job = job->id;
    writer->last_time = job->submit_us;
    codec_put_number(block, job->workload);
    put_string(writer, trace_text(writer->trace, job->user));
    codec_put_signed(block, job->precedence);
    bool mapreduce = omega_job_is_mapreduce(job);
    codec_put_number(block, mapreduce);
    if (mapreduce) {
        put_mapreduce(block, &job->mapreduce);
    }
    codec_put_number(block, job->group_count);
    for (uint32_t g = 0; g < job->group_count; g++) {
        put_group(writer, &job->groups[g]);
    }
}

static void put_jobs(struct writer *writer)
{
    for (uint32_t i = 0; i < writer->trace->job_count; i++) {
        put_job(writer, writer->trace->jobs[i]);
        end_record(writer, TRACE_BLOCK_JOBS);
    }
    close_block(writer, TRACE_BLOCK_JOBS, false);
}

static void put_end(struct writer *writer)
{
    struct codec_out *block = &writer->block;
    codec_put_u64(block, symbols_count(writer->strings) - 1);
    codec_put_u64(block, writer->trace->workload_count);
    codec_put_u64(block, writer->trace->machine_count);
    codec_put_u64(block, writer->trace->event_count);
    codec_put_u64(block, writer->trace->job_count);
    close_block(writer, TRACE_BLOCK_END, true);
}

static int put_all(struct writer *writer, omega_error_t *err)
{
    codec_put_bytes(&writer->block, TRACE_MAGIC, TRACE_MAGIC_SIZE);
    codec_put_u32(&writer->block, TRACE_VERSION);
    fwrite(writer->block.bytes, 1, writer->block.size, writer->stream);
    writer->block.size = 0;
    put_about(writer);
    int rc = put_strings(writer, err);
    if (rc == OMEGA_OK) {
        put_workloads(writer);
        rc = put_machines(writer, err);
    }
    if (rc != OMEGA_OK) {
        return rc;
    }
    put_events(writer);
    put_jobs(writer);
    put_end(writer);
    return writer->failed ? trace_no_memory(err) : OMEGA_OK;
}

int trace_write(const struct trace *trace, const char *path, omega_error_t *err)
{
    struct file_out *out = NULL;
    int rc = file_out_open(path, &out, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    struct writer writer = {.trace = trace, .stream = file_out_stream(out)};
    writer.strings = symbols_create();
    rc = writer.strings == NULL ? trace_no_memory(err) : put_all(&writer, err);
    symbols_destroy(writer.strings);
    codec_out_release(&writer.block);
    if (rc != OMEGA_OK) {
        file_out_abort(out);
        return rc;
    }
    return file_out_commit(out, err);
}
