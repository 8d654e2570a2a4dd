/* SPDX-License-Identifier: MIT */
/* Machine events of an experiment: a list, a file, or failures from distributions. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/experiment/experiment_private.h"

struct event_fields {
    int64_t time_us;
    const char *machine;
    int event;
    int32_t cpu_milli;
    int32_t mem_mib;
    uint32_t gpu_devices;
};

static const char *const kinds[] = {"add", "remove", "drain", "undrain", "capacity", NULL};

#define EVENT_AT(member) offsetof(struct event_fields, member)

static const struct field_spec event_specs[] = {
    {"time_s", FIELD_TIME, EVENT_AT(time_us), true, 0, SECONDS_MAX, NULL},
    {"machine", FIELD_TEXT, EVENT_AT(machine), true, 0, 0, NULL},
    {"event", FIELD_CHOICE, EVENT_AT(event), true, 0, 0, kinds},
    {"cpu_milli", FIELD_INT32, EVENT_AT(cpu_milli), false, 0, OMEGA_CPU_MILLI_MAX, NULL},
    {"mem_mib", FIELD_INT32, EVENT_AT(mem_mib), false, 0, OMEGA_MEM_MIB_MAX, NULL},
    {"gpu_devices", FIELD_UINT32, EVENT_AT(gpu_devices), false, 0, OMEGA_GPU_DEVICES_MAX, NULL},
    {NULL, FIELD_VALUE, 0, false, 0, 0, NULL},
};

int events_append(struct point_parts *parts, const struct omega_machine_event *events,
                  uint32_t count, omega_error_t *err)
{
    if (count == 0) {
        return 0;
    }
    uint64_t total = (uint64_t)parts->event_count + count;
    if (total > UINT32_MAX / 2) {
        return omega_error_set(err, OMEGA_EINVAL, "%llu machine events, expected fewer",
                               (unsigned long long)total);
    }
    if (total > parts->event_room) {
        uint32_t room = (uint32_t)(total < 64 ? 64 : 2 * total);
        struct omega_machine_event *grown = pool_alloc(&parts->pool, room, sizeof *grown);
        if (grown == NULL) {
            return out_of_memory(err);
        }
        if (parts->event_count > 0) {
            memcpy(grown, parts->events, parts->event_count * sizeof *grown);
        }
        parts->events = grown;
        parts->event_room = room;
    }
    memcpy(parts->events + parts->event_count, events, count * sizeof *events);
    parts->event_count = (uint32_t)total;
    return 0;
}

/* Merge sort from the bottom up: stable, so that events of one time keep their order. */
int events_sort(struct point_parts *parts, omega_error_t *err)
{
    uint32_t count = parts->event_count;
    bool sorted = true;
    for (uint32_t i = 1; i < count; i++) {
        sorted = sorted && parts->events[i - 1].time_us <= parts->events[i].time_us;
    }
    if (sorted) {
        return 0;
    }
    struct omega_machine_event *to = calloc(count, sizeof *to);
    if (to == NULL) {
        return out_of_memory(err);
    }
    for (uint32_t width = 1; width<count; width = width> count / 2 ? count : 2 * width) {
        struct omega_machine_event *from = parts->events;
        for (uint32_t low = 0; low < count;) {
            uint32_t middle = width < count - low ? low + width : count;
            uint32_t high = width < count - middle ? middle + width : count;
            uint32_t a = low;
            uint32_t b = middle;
            for (uint32_t i = low; i < high; i++) {
                bool first = b == high || (a < middle && from[a].time_us <= from[b].time_us);
                to[i] = first ? from[a++] : from[b++];
            }
            low = high;
        }
        memcpy(parts->events, to, count * sizeof *to);
    }
    free(to);
    return 0;
}

/* ---- a list ---- */

/* For every symbol the machine of that name, UINT32_MAX where there is none. */
static uint32_t *index_names(struct point_parts *parts, uint32_t *symbols)
{
    *symbols = symbols_count(catalogue_symbols(parts->catalogue));
    uint32_t *index = pool_alloc(&parts->pool, *symbols, sizeof *index);
    if (index == NULL) {
        return NULL;
    }
    memset(index, 0xff, *symbols * sizeof *index);
    for (uint32_t i = 0; i < parts->machine_count; i++) {
        index[parts->machines[i].name] = i;
    }
    return index;
}

static int find_machine(struct point_parts *parts, const struct field *field, const char *name,
                        const uint32_t *index, uint32_t symbols, uint32_t *machine,
                        omega_error_t *err)
{
    uint32_t symbol = symbols_find(catalogue_symbols(parts->catalogue), name, strlen(name));
    *machine = symbol < symbols ? index[symbol] : UINT32_MAX;
    if (*machine == UINT32_MAX) {
        struct field member = field_member(field, "machine");
        const char *first =
            symbols_text(catalogue_symbols(parts->catalogue), parts->machines[0].name);
        return field_fail(&member, err, "there is no machine '%.60s', expected a name such as '%s'",
                          name, first);
    }
    return 0;
}

static int check_event(const struct field *field, const struct event_fields *given,
                       omega_error_t *err)
{
    bool sized = given->cpu_milli > 0 && given->mem_mib > 0;
    if (given->event == OMEGA_EVENT_CAPACITY && !sized) {
        return field_fail(field, err,
                          "a change of capacity, expected 'cpu_milli' and 'mem_mib' "
                          "above 0");
    }
    if (given->event != OMEGA_EVENT_CAPACITY && given->event != OMEGA_EVENT_ADD &&
        (given->cpu_milli > 0 || given->mem_mib > 0 || given->gpu_devices > 0)) {
        return field_fail(field, err, "a capacity, expected one with 'add' and 'capacity' only");
    }
    return 0;
}

static int read_list(struct point_parts *parts, const struct field *list, omega_error_t *err)
{
    size_t count;
    uint32_t symbols = 0;
    uint32_t *index = NULL;
    if (field_array(list, 0, EXPERIMENT_EVENTS_MAX, &count, err) != 0) {
        return err->code;
    }
    if (parts->files && (index = index_names(parts, &symbols)) == NULL) {
        return out_of_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        struct field entry = field_entry(list, i);
        struct event_fields given = {0};
        struct omega_machine_event event = {0};
        if (field_read(&entry, event_specs, &given, err) != 0 ||
            check_event(&entry, &given, err) != 0) {
            return err->code;
        }
        if (!parts->files) {
            continue;
        }
        event.time_us = given.time_us;
        event.kind = (uint8_t)given.event;
        event.cpu_milli = given.cpu_milli;
        event.mem_mib = given.mem_mib;
        event.gpu_devices = (uint8_t)given.gpu_devices;
        if (find_machine(parts, &entry, given.machine, index, symbols, &event.machine, err) != 0 ||
            events_append(parts, &event, 1, err) != 0) {
            return err->code;
        }
    }
    return 0;
}

/* ---- the machines' states ---- */

/* The last entry of the list that says this of the machine: the one that is too many. */
static struct field find_entry(const struct field *list, const struct omega_machine_event *event,
                               const char *machine)
{
    for (size_t i = json_array_size(list->value); i > 0; i--) {
        struct field entry = field_entry(list, i - 1);
        const char *name = json_string_value(json_object_get(entry.value, "machine"));
        const char *kind = json_string_value(json_object_get(entry.value, "event"));
        double time_s = json_number_value(json_object_get(entry.value, "time_s"));
        if (name != NULL && kind != NULL && strcmp(name, machine) == 0 &&
            strcmp(kind, kinds[event->kind]) == 0 && field_microseconds(time_s) == event->time_us) {
            return entry;
        }
    }
    return *list;
}

int events_check(struct point_parts *parts, const struct field *field, omega_error_t *err)
{
    uint8_t *states = calloc((size_t)parts->machine_count + 1, 1);
    if (states == NULL) {
        return out_of_memory(err);
    }
    for (uint32_t i = 0; i < parts->machine_count; i++) {
        states[i] = parts->machines[i].absent ? OMEGA_MACHINE_DOWN : OMEGA_MACHINE_UP;
    }
    for (uint32_t i = 0; i < parts->event_count; i++) {
        const struct omega_machine_event *event = &parts->events[i];
        uint8_t *state = &states[event->machine];
        int after = omega_machine_state_after(*state, event->kind);
        if (after < 0) {
            const char *machine = symbols_text(catalogue_symbols(parts->catalogue),
                                               parts->machines[event->machine].name);
            struct field entry = find_entry(field, event, machine);
            field_fail(&entry, err,
                       "'%s' of machine '%.60s' at %.12g s, which is %s then, expected add when "
                       "down, drain when up, undrain when draining, remove or capacity when not "
                       "down",
                       kinds[event->kind], machine, (double)event->time_us / 1e6,
                       omega_machine_state_name(*state));
            break;
        }
        *state = (uint8_t)after;
    }
    free(states);
    return err->code;
}

/* ---- a file ---- */

/* The reader of events.csv finds machines by name in a trace: one that has these machines only. */
static int read_file(struct point_parts *parts, const struct field *field, omega_error_t *err)
{
    const char *path;
    omega_error_t cause = {0};
    if (files_resolve(parts, field, &path, err) != 0 || !parts->files) {
        return err->code;
    }
    struct trace *trace = trace_create(parts->catalogue);
    int rc = trace == NULL ? out_of_memory(err) : 0;
    for (uint32_t i = 0; rc == 0 && i < parts->machine_count; i++) {
        rc = trace_add_machine(trace, &parts->machines[i], err);
    }
    if (rc == 0 && trace_read_events_csv(path, trace, &cause) != 0) {
        rc = field_fail_with(field, &cause, err);
    }
    if (rc == 0) {
        rc = events_append(parts, trace->events, trace->event_count, err);
    }
    trace_destroy(trace);
    return rc;
}

/* ---- failures from distributions ---- */

struct failure_fields {
    json_t *time_to_failure_s;
    json_t *time_to_repair_s;
};

static const struct field_spec failure_specs[] = {
    {"time_to_failure_s", FIELD_VALUE, offsetof(struct failure_fields, time_to_failure_s), true, 0,
     0, NULL},
    {"time_to_repair_s", FIELD_VALUE, offsetof(struct failure_fields, time_to_repair_s), true, 0, 0,
     NULL},
    {NULL, FIELD_VALUE, 0, false, 0, 0, NULL},
};

/* Machines that fail and return without time passing would never let a run end. */
static int check_mean(const struct field *field, const struct distribution *distribution,
                      omega_error_t *err)
{
    if (!(distribution_mean(distribution) >= 1e-3)) {
        return field_fail(field, err, "a mean below 0.001 s, expected more");
    }
    return 0;
}

static int read_failures(struct point *point, const struct field *field, omega_error_t *err)
{
    struct failure_fields given = {0};
    struct run_failures *failures = &point->config.failures;
    if (field_read(field, failure_specs, &given, err) != 0) {
        return err->code;
    }
    struct field up = field_member(field, "time_to_failure_s");
    struct field down = field_member(field, "time_to_repair_s");
    if (distribution_read(point->parts, &up, &failures->up_s, err) != 0 ||
        distribution_read(point->parts, &down, &failures->down_s, err) != 0 ||
        check_mean(&up, failures->up_s, err) != 0 ||
        check_mean(&down, failures->down_s, err) != 0) {
        return err->code;
    }
    return 0;
}

int events_read(struct point *point, const struct field *field, omega_error_t *err)
{
    if (field->value == NULL) {
        return 0;
    }
    if (json_is_string(field->value)) {
        return read_file(point->parts, field, err);
    }
    if (json_is_object(field->value)) {
        return read_failures(point, field, err);
    }
    if (json_is_array(field->value)) {
        return read_list(point->parts, field, err);
    }
    return field_fail(field, err,
                      "%s, expected a list of events, the name of a file, or an object with "
                      "'time_to_failure_s' and 'time_to_repair_s'",
                      field_kind(field->value));
}
