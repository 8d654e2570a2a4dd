/* SPDX-License-Identifier: MIT */
/* Traces in memory: building, checking and sorting; see trace.h. */
#include "core/workload/trace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/workload/trace_private.h"

#define NOTES_BEYOND "further assumptions, not listed one by one"

int trace_no_memory(omega_error_t *err)
{
    return omega_error_set(err, OMEGA_ENOMEM, "no memory for the trace");
}

/* Makes room for one more item of `size` bytes, at most `max` of them. */
int trace_grow(void **items, uint32_t count, uint32_t *room, uint32_t max, size_t size,
               const char *what, omega_error_t *err)
{
    if (count < *room) {
        return OMEGA_OK;
    }
    if (count >= max) {
        return omega_error_set(err, OMEGA_EINVAL, "more than %" PRIu32 " %s, expected fewer", max,
                               what);
    }
    uint32_t wanted = *room == 0 ? 16 : *room > max / 2 ? max : 2 * *room;
    void *grown = realloc(*items, wanted * size);
    if (grown == NULL) {
        return trace_no_memory(err);
    }
    *items = grown;
    *room = wanted;
    return OMEGA_OK;
}

struct trace *trace_create(struct catalogue *catalogue)
{
    struct trace *trace = calloc(1, sizeof *trace);
    if (trace == NULL) {
        return NULL;
    }
    trace->owns_catalogue = catalogue == NULL;
    trace->catalogue = catalogue != NULL ? catalogue : catalogue_create();
    trace->source = strdup("");
    if (trace->catalogue == NULL || trace->source == NULL) {
        trace_destroy(trace);
        return NULL;
    }
    return trace;
}

void trace_destroy(struct trace *trace)
{
    if (trace == NULL) {
        return;
    }
    for (uint32_t i = 0; i < trace->job_count; i++) {
        free(trace->jobs[i]);
    }
    for (uint32_t i = 0; i < trace->workload_count; i++) {
        free(trace->workloads[i]);
    }
    free(trace->jobs);
    free(trace->workloads);
    free(trace->events);
    free(trace->machines);
    free(trace->source);
    map_clear(&trace->machine_of);
    if (trace->owns_catalogue) {
        catalogue_destroy(trace->catalogue);
    }
    free(trace);
}

/* Names end up in CSV files and messages: one line each, of bounded length. */
int trace_check_name(const char *what, const char *name, bool may_be_empty, omega_error_t *err)
{
    size_t length = strlen(name);
    if (length > TRACE_NAME_MAX || (length == 0 && !may_be_empty)) {
        return omega_error_set(err, OMEGA_EINVAL, "%s name of %zu bytes, expected %d to %u", what,
                               length, may_be_empty ? 0 : 1, TRACE_NAME_MAX);
    }
    for (const char *p = name; *p != '\0'; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f) {
            return omega_error_set(err, OMEGA_EINVAL,
                                   "%s name '%.40s' holds a control character, expected none", what,
                                   name);
        }
    }
    return OMEGA_OK;
}

int trace_set_source(struct trace *trace, const char *source, omega_error_t *err)
{
    if (trace_check_name("source", source, true, err) != OMEGA_OK) {
        return OMEGA_EINVAL;
    }
    char *copy = strdup(source);
    if (copy == NULL) {
        return trace_no_memory(err);
    }
    free(trace->source);
    trace->source = copy;
    return OMEGA_OK;
}

static int check_capacity(int32_t cpu_milli, int32_t mem_mib, uint8_t gpu_devices,
                          omega_error_t *err)
{
    if (cpu_milli < 0 || cpu_milli > OMEGA_CPU_MILLI_MAX || mem_mib < 0 ||
        mem_mib > OMEGA_MEM_MIB_MAX || gpu_devices > OMEGA_GPU_DEVICES_MAX) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "capacity of %" PRId32 " milli-cores, %" PRId32
                               " MiB and %d GPU devices, expected 0 to %d, 0 to %d and 0 to %d",
                               cpu_milli, mem_mib, gpu_devices, OMEGA_CPU_MILLI_MAX,
                               OMEGA_MEM_MIB_MAX, OMEGA_GPU_DEVICES_MAX);
    }
    return OMEGA_OK;
}

static int check_machine(const struct trace *trace, const struct omega_machine_spec *machine,
                         omega_error_t *err)
{
    const char *name = trace_text(trace, machine->name);
    int rc = trace_check_name("machine", name, false, err);
    if (rc == OMEGA_OK) {
        rc = trace_check_name("platform", trace_text(trace, machine->platform), true, err);
    }
    if (rc == OMEGA_OK) {
        rc = trace_check_name("domain", trace_text(trace, machine->domain), true, err);
    }
    if (rc == OMEGA_OK) {
        rc = check_capacity(machine->cpu_milli, machine->mem_mib, machine->gpu_devices, err);
    }
    if (rc == OMEGA_OK && map_get(&trace->machine_of, (uint64_t)machine->name + 1) != NULL) {
        rc = omega_error_set(err, OMEGA_EINVAL, "machine '%s' comes twice, expected one of a name",
                             name);
    }
    return rc;
}

int trace_add_machine(struct trace *trace, const struct omega_machine_spec *machine,
                      omega_error_t *err)
{
    int rc = check_machine(trace, machine, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    void *items = trace->machines;
    rc = trace_grow(&items, trace->machine_count, &trace->machine_room, OMEGA_MACHINES_MAX,
                    sizeof *machine, "machines", err);
    trace->machines = items;
    if (rc != OMEGA_OK) {
        return rc;
    }
    uintptr_t position = (uintptr_t)trace->machine_count + 1;
    if (map_put(&trace->machine_of, (uint64_t)machine->name + 1, (void *)position) != 0) {
        return trace_no_memory(err);
    }
    trace->machines[trace->machine_count++] = *machine;
    return OMEGA_OK;
}

uint32_t trace_find_machine(const struct trace *trace, const char *name)
{
    uint32_t symbol = symbols_find(catalogue_symbols(trace->catalogue), name, strlen(name));
    void *position = map_get(&trace->machine_of, (uint64_t)symbol + 1);
    return symbol == SYMBOL_NONE || position == NULL ? UINT32_MAX
                                                     : (uint32_t)((uintptr_t)position - 1);
}

int trace_add_event(struct trace *trace, const struct omega_machine_event *event,
                    omega_error_t *err)
{
    if (event->machine >= trace->machine_count) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "event of machine %" PRIu32 ", expected one below %" PRIu32,
                               event->machine, trace->machine_count);
    }
    if (event->time_us < 0 || event->time_us > TRACE_TIME_MAX) {
        return omega_error_set(err, OMEGA_EINVAL, "event at %" PRId64 " us, expected 0 to %" PRId64,
                               event->time_us, TRACE_TIME_MAX);
    }
    if (event->kind > OMEGA_EVENT_CAPACITY) {
        return omega_error_set(err, OMEGA_EINVAL, "event kind %d, expected 0 to %d", event->kind,
                               OMEGA_EVENT_CAPACITY);
    }
    int rc = check_capacity(event->cpu_milli, event->mem_mib, event->gpu_devices, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    void *items = trace->events;
    rc = trace_grow(&items, trace->event_count, &trace->event_room, TRACE_EVENTS_MAX, sizeof *event,
                    "machine events", err);
    trace->events = items;
    if (rc != OMEGA_OK) {
        return rc;
    }
    struct omega_machine_event *added = &trace->events[trace->event_count++];
    *added = *event;
    if (event->kind != OMEGA_EVENT_ADD && event->kind != OMEGA_EVENT_CAPACITY) {
        added->cpu_milli = 0; /* nobody reads them: equal events look alike */
        added->mem_mib = 0;
        added->gpu_devices = 0;
    }
    return OMEGA_OK;
}

int trace_workload(struct trace *trace, const char *name, uint32_t *index, omega_error_t *err)
{
    for (uint32_t i = 0; i < trace->workload_count; i++) {
        if (strcmp(trace->workloads[i], name) == 0) {
            *index = i;
            return OMEGA_OK;
        }
    }
    int rc = trace_check_name("workload", name, false, err);
    void *items = trace->workloads;
    if (rc == OMEGA_OK) {
        rc = trace_grow(&items, trace->workload_count, &trace->workload_room, TRACE_WORKLOADS_MAX,
                        sizeof *trace->workloads, "workloads", err);
        trace->workloads = items;
    }
    if (rc != OMEGA_OK) {
        return rc;
    }
    char *copy = strdup(name);
    if (copy == NULL) {
        return trace_no_memory(err);
    }
    *index = trace->workload_count;
    trace->workloads[trace->workload_count++] = copy;
    return OMEGA_OK;
}

void trace_note(struct trace *trace, const char *text, uint64_t count)
{
    if (count == 0) {
        return;
    }
    uint32_t i = 0;
    while (i < trace->note_count && strcmp(trace->notes[i].text, text) != 0) {
        i++;
    }
    if (i == TRACE_NOTES_MAX) {
        i--;
        text = NOTES_BEYOND;
    }
    struct trace_note *note = &trace->notes[i];
    if (i == trace->note_count || i == TRACE_NOTES_MAX - 1) {
        snprintf(note->text, sizeof note->text, "%s", text);
        trace->note_count = i + 1;
    }
    note->count += count;
}
