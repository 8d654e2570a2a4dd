/* SPDX-License-Identifier: MIT */
/*
 * The digest of a trace: XXH3-128 over machines, events and jobs in their order, every number as
 * eight little-endian bytes and every name as its length and bytes. It depends neither on the
 * version of the trace file nor on how a catalogue or the workloads are numbered.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/base/codec.h"
#include "core/workload/trace_private.h"

#define FLUSH_SIZE 65536

struct hash {
    XXH3_state_t *state;
    struct codec_out out;
};

static void flush(struct hash *hash)
{
    if (hash->out.size > 0) {
        XXH3_128bits_update(hash->state, hash->out.bytes, hash->out.size);
        hash->out.size = 0;
    }
}

static void add_number(struct hash *hash, int64_t value)
{
    codec_put_u64(&hash->out, (uint64_t)value);
    if (hash->out.size >= FLUSH_SIZE) {
        flush(hash);
    }
}

static void add_text(struct hash *hash, const char *text)
{
    size_t length = strlen(text);
    add_number(hash, (int64_t)length);
    codec_put_bytes(&hash->out, text, length);
}

static int add_machines(struct hash *hash, const struct trace *trace, omega_error_t *err)
{
    char attributes[TRACE_NAME_MAX + 1];
    add_number(hash, trace->machine_count);
    for (uint32_t i = 0; i < trace->machine_count; i++) {
        const struct omega_machine_spec *machine = &trace->machines[i];
        int rc = trace_machine_attributes(trace, machine, attributes, sizeof attributes, err);
        if (rc != OMEGA_OK) {
            return rc;
        }
        add_text(hash, trace_text(trace, machine->name));
        add_text(hash, trace_text(trace, machine->platform));
        add_text(hash, trace_text(trace, machine->domain));
        add_text(hash, attributes);
        add_number(hash, machine->cpu_milli);
        add_number(hash, machine->mem_mib);
        add_number(hash, machine->gpu_devices);
        add_number(hash, machine->absent != 0);
    }
    return OMEGA_OK;
}

static void add_events(struct hash *hash, const struct trace *trace)
{
    add_number(hash, trace->event_count);
    for (uint32_t i = 0; i < trace->event_count; i++) {
        const struct omega_machine_event *event = &trace->events[i];
        add_number(hash, event->time_us);
        add_number(hash, event->machine);
        add_number(hash, event->kind);
        add_number(hash, event->cpu_milli);
        add_number(hash, event->mem_mib);
        add_number(hash, event->gpu_devices);
    }
}

static void add_group(struct hash *hash, const struct trace *trace,
                      const struct omega_task_group *group)
{
    add_number(hash, group->count);
    add_number(hash, group->optional);
    add_text(hash, catalogue_constraints_text(trace->catalogue, group->constraints));
    add_number(hash, group->request.cpu_milli);
    add_number(hash, group->request.mem_mib);
    add_number(hash, group->request.gpu_devices);
    add_number(hash, group->request.gpu_milli);
    uint32_t durations = group->task_duration_us == NULL ? 1 : group->count + group->optional;
    add_number(hash, durations);
    for (uint32_t i = 0; i < durations; i++) {
        add_number(hash, omega_task_duration(group, group->first_task + i));
    }
}

static void add_job(struct hash *hash, const struct trace *trace, const struct omega_job *job)
{
    add_number(hash, (int64_t)job->id);
    add_number(hash, job->submit_us);
    add_text(hash, trace->workloads[job->workload]);
    add_text(hash, trace_text(trace, job->user));
    add_number(hash, job->precedence);
    add_number(hash, job->mapreduce.map_activities);
    add_number(hash, job->mapreduce.reduce_activities);
    add_number(hash, job->mapreduce.map_mean_us);
    add_number(hash, job->mapreduce.reduce_mean_us);
    add_number(hash, job->mapreduce.workers_asked);
    add_number(hash, job->group_count);
    for (uint32_t g = 0; g < job->group_count; g++) {
        add_group(hash, trace, &job->groups[g]);
    }
}

static int add_all(struct hash *hash, const struct trace *trace, omega_error_t *err)
{
    int rc = add_machines(hash, trace, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    add_events(hash, trace);
    add_number(hash, trace->job_count);
    for (uint32_t i = 0; i < trace->job_count; i++) {
        add_job(hash, trace, trace->jobs[i]);
    }
    flush(hash);
    return hash->out.failed ? trace_no_memory(err) : OMEGA_OK;
}

int trace_digest(const struct trace *trace, char out[33], omega_error_t *err)
{
    struct hash hash = {.state = XXH3_createState()};
    out[0] = '\0';
    if (hash.state == NULL) {
        return trace_no_memory(err);
    }
    XXH3_128bits_reset(hash.state);
    int rc = add_all(&hash, trace, err);
    if (rc == OMEGA_OK) {
        XXH128_hash_t value = XXH3_128bits_digest(hash.state);
        snprintf(out, 33, "%016" PRIx64 "%016" PRIx64, value.high64, value.low64);
    }
    XXH3_freeState(hash.state);
    codec_out_release(&hash.out);
    return rc;
}
