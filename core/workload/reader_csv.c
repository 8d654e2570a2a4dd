/* SPDX-License-Identifier: MIT */
/*
 * Format csv, our own: jobs.csv, machines.csv and, where machines come and go, events.csv. This
 * file reads machines and events; reader_csv_jobs.c reads jobs. The columns are described in
 * core/workload/README.md.
 */
#include <stdlib.h>
#include <string.h>

#include "core/workload/csv.h"
#include "core/workload/readers.h"
#include "core/workload/trace_private.h"

const char *const reader_csv_machine_columns[] = {"machine",  "cpu_milli", "mem_mib", "gpu_devices",
                                                  "platform", "domain",    "absent",  "attributes"};
const char *const reader_csv_event_columns[] = {"time_us",   "machine", "event",
                                                "cpu_milli", "mem_mib", "gpu_devices"};

static int intern(struct trace *trace, const char *text, uint32_t *symbol, omega_error_t *err)
{
    *symbol = symbols_intern(catalogue_symbols(trace->catalogue), text);
    return *symbol == SYMBOL_NONE ? trace_no_memory(err) : OMEGA_OK;
}

/* Fields 1 to 3 and 6: numbers of a machine. */
static int machine_numbers(const struct csv *csv, struct omega_machine_spec *machine,
                           omega_error_t *err)
{
    int64_t cpu_milli;
    int64_t mem_mib;
    int64_t gpu_devices;
    int64_t absent;
    int rc = csv_integer(csv, 1, 0, OMEGA_CPU_MILLI_MAX, &cpu_milli, err);
    if (rc == OMEGA_OK) {
        rc = csv_integer(csv, 2, 0, OMEGA_MEM_MIB_MAX, &mem_mib, err);
    }
    if (rc == OMEGA_OK) {
        rc = csv_integer_or(csv, 3, 0, OMEGA_GPU_DEVICES_MAX, 0, &gpu_devices, err);
    }
    if (rc == OMEGA_OK) {
        rc = csv_integer_or(csv, 6, 0, 1, 0, &absent, err);
    }
    if (rc != OMEGA_OK) {
        return rc;
    }
    machine->cpu_milli = (int32_t)cpu_milli;
    machine->mem_mib = (int32_t)mem_mib;
    machine->gpu_devices = (uint8_t)gpu_devices;
    machine->absent = (uint8_t)absent;
    return OMEGA_OK;
}

static int read_machine(struct trace *trace, const struct csv *csv, omega_error_t *err)
{
    struct omega_machine_spec machine = {0};
    omega_error_t cause = {0};
    int rc = machine_numbers(csv, &machine, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (intern(trace, csv->fields[0], &machine.name, &cause) != OMEGA_OK ||
        intern(trace, csv->fields[4], &machine.platform, &cause) != OMEGA_OK ||
        intern(trace, csv->fields[5], &machine.domain, &cause) != OMEGA_OK ||
        catalogue_machine_attributes(trace->catalogue, csv->fields[7], machine.platform,
                                     machine.domain, &machine.attributes, &cause) != OMEGA_OK ||
        trace_add_machine(trace, &machine, &cause) != OMEGA_OK) {
        return csv_fail_with(csv, &cause, err);
    }
    return OMEGA_OK;
}

static int event_kind(const struct csv *csv, uint8_t *kind, omega_error_t *err)
{
    for (uint8_t k = 0; omega_machine_event_name(k) != NULL; k++) {
        if (strcmp(omega_machine_event_name(k), csv->fields[2]) == 0) {
            *kind = k;
            return OMEGA_OK;
        }
    }
    return csv_fail(csv, OMEGA_EINVAL, err,
                    "event '%.40s', expected add, remove, drain, undrain or capacity",
                    csv->fields[2]);
}

/* Fields 3 to 5: the new capacity; only `capacity` needs one, and only `add` may have one too. */
static int event_capacity(const struct csv *csv, struct omega_machine_event *event,
                          omega_error_t *err)
{
    const int64_t max[] = {OMEGA_CPU_MILLI_MAX, OMEGA_MEM_MIB_MAX, OMEGA_GPU_DEVICES_MAX};
    int64_t value[3];
    bool takes = event->kind == OMEGA_EVENT_CAPACITY || event->kind == OMEGA_EVENT_ADD;
    for (uint32_t i = 0; i < 3; i++) {
        const char *text = csv->fields[3 + i];
        if (!takes && text[0] != '\0' && strcmp(text, "0") != 0) {
            return csv_fail(csv, OMEGA_EINVAL, err,
                            "%s '%.40s' of an event '%s', expected empty: only add and capacity "
                            "take one",
                            csv->columns[3 + i], text, csv->fields[2]);
        }
        int rc = event->kind == OMEGA_EVENT_CAPACITY && i < 2
                     ? csv_integer(csv, 3 + i, 0, max[i], &value[i], err)
                     : csv_integer_or(csv, 3 + i, 0, max[i], 0, &value[i], err);
        if (rc != OMEGA_OK) {
            return rc;
        }
    }
    event->cpu_milli = (int32_t)value[0];
    event->mem_mib = (int32_t)value[1];
    event->gpu_devices = (uint8_t)value[2];
    return OMEGA_OK;
}

static int read_event(struct trace *trace, const struct csv *csv, omega_error_t *err)
{
    struct omega_machine_event event = {0};
    omega_error_t cause = {0};
    int rc = csv_integer(csv, 0, 0, TRACE_TIME_MAX, &event.time_us, err);
    if (rc == OMEGA_OK) {
        rc = event_kind(csv, &event.kind, err);
    }
    if (rc == OMEGA_OK) {
        rc = event_capacity(csv, &event, err);
    }
    if (rc != OMEGA_OK) {
        return rc;
    }
    event.machine = trace_find_machine(trace, csv->fields[1]);
    if (event.machine == UINT32_MAX) {
        return csv_fail(csv, OMEGA_EINVAL, err,
                        "unknown machine '%.80s', expected one of the cell's machines",
                        csv->fields[1]);
    }
    rc = trace_add_event(trace, &event, &cause);
    return rc == OMEGA_OK ? rc : csv_fail_with(csv, &cause, err);
}

/* Reads a whole file of records with the given header. */
static int read_table(struct trace *trace, FILE *stream, const char *name,
                      const char *const *columns, uint32_t count,
                      int (*read)(struct trace *, const struct csv *, omega_error_t *),
                      omega_error_t *err)
{
    struct csv csv;
    csv_init(&csv, stream, name);
    int rc = csv_header(&csv, columns, count, count, err);
    while (rc == OMEGA_OK) {
        int got = csv_next(&csv, err);
        if (got != 1) {
            rc = got;
            break;
        }
        rc = read(trace, &csv, err);
    }
    csv_release(&csv);
    return rc;
}

int reader_csv_machines(struct trace *trace, FILE *stream, const char *name, omega_error_t *err)
{
    return read_table(trace, stream, name, reader_csv_machine_columns, READER_CSV_MACHINE_COLUMNS,
                      read_machine, err);
}

/* ---- events that contradict each other ---- */

/* Where an event was read. */
struct event_row {
    int64_t time_us;
    long line;
};

/* Reads all rows of an events.csv; rows[i] tells where the event i of this file was read. */
static int read_events(struct trace *trace, struct csv *csv, struct event_row **rows,
                       omega_error_t *err)
{
    uint32_t first = trace->event_count;
    uint32_t room = 0;
    int got;
    while ((got = csv_next(csv, err)) == 1) {
        uint32_t i = trace->event_count - first;
        void *items = *rows;
        int rc =
            trace_grow(&items, i, &room, TRACE_EVENTS_MAX, sizeof **rows, "machine events", err);
        *rows = items;
        rc = rc == OMEGA_OK ? read_event(trace, csv, err) : rc;
        if (rc != OMEGA_OK) {
            return rc;
        }
        (*rows)[i] =
            (struct event_row){.time_us = trace->events[first + i].time_us, .line = csv->line};
    }
    return got;
}

static int compare_rows(const void *a, const void *b)
{
    const struct event_row *x = a;
    const struct event_row *y = b;
    if (x->time_us != y->time_us) {
        return x->time_us < y->time_us ? -1 : 1;
    }
    return (x->line > y->line) - (x->line < y->line);
}

int reader_csv_events(struct trace *trace, FILE *stream, const char *name, omega_error_t *err)
{
    struct event_row *rows = NULL;
    struct csv csv;
    omega_error_t cause = {0};
    uint32_t bad = 0;
    bool alone = trace->event_count == 0; /* all events of the trace are from this file */
    csv_init(&csv, stream, name);
    int rc = csv_header(&csv, reader_csv_event_columns, READER_CSV_EVENT_COLUMNS,
                        READER_CSV_EVENT_COLUMNS, err);
    rc = rc == OMEGA_OK ? read_events(trace, &csv, &rows, err) : rc;
    rc = rc == OMEGA_OK ? trace_sort_events(trace, err) : rc;
    if (rc == OMEGA_OK && alone && trace_check_events(trace, &bad, &cause) != OMEGA_OK) {
        qsort(rows, trace->event_count, sizeof *rows, compare_rows); /* now as the events are */
        csv.line = cause.code == OMEGA_EINVAL ? rows[bad].line : csv.line;
        rc = csv_fail_with(&csv, &cause, err);
    }
    free(rows);
    csv_release(&csv);
    return rc;
}

int trace_read_events_csv(const char *path, struct trace *trace, omega_error_t *err)
{
    int rc = readers_parse_file(reader_csv_events, trace, path, err);
    return rc == OMEGA_OK ? trace_sort_events(trace, err) : rc;
}

static int read_csv(struct trace *trace, const char *const *inputs, uint32_t count,
                    omega_error_t *err)
{
    if (count < 2 || count > 3) {
        return omega_error_set(err, OMEGA_EINVAL, "%u input files for format csv, expected: %s",
                               count, reader_csv.inputs);
    }
    int rc = readers_parse_file(reader_csv_machines, trace, inputs[1], err);
    if (rc == OMEGA_OK) {
        rc = readers_parse_file(reader_csv_jobs, trace, inputs[0], err);
    }
    if (rc == OMEGA_OK && count == 3) {
        rc = readers_parse_file(reader_csv_events, trace, inputs[2], err);
    }
    return rc;
}

const struct trace_reader reader_csv = {
    .format = "csv",
    .inputs = "JOBS.csv MACHINES.csv [EVENTS.csv]",
    .summary = "our own: jobs, machines and machine events as three tables",
    .read = read_csv,
};
