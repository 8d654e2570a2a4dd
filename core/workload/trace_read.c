/* SPDX-License-Identifier: MIT */
/*
 * Reading the binary trace file; see core/workload/README.md for its layout. The bytes are not
 * trusted: each length, number, reference and checksum is checked before it is used.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/base/file.h"
#include "core/base/codec.h"
#include "core/workload/trace_format.h"
#include "core/workload/trace_private.h"

#define UNKNOWN UINT32_MAX /* a set that has not been parsed yet */

/* What a string of the file stands for in the catalogue; filled as it is first needed. */
struct string {
    uint32_t symbol;
    uint32_t constraints;
};

struct reader {
    const char *name; /* of the file, for messages */
    const uint8_t *bytes;
    size_t size;
    struct trace *trace;
    struct codec_in block; /* payload of the block being read */
    size_t block_at;       /* where that payload starts in the file */
    uint32_t block_number; /* from 1 */
    uint32_t type;         /* of that block */
    struct string *strings;
    uint32_t string_count;
    uint32_t string_room;
    /* of the record before in this block */
    uint64_t last_job;
    int64_t last_time;
    /* reused from job to job */
    struct omega_task_group *groups;
    int64_t *durations;
    size_t duration_count;
    size_t duration_room;
};

static const char *block_name(uint32_t type)
{
    static const char *const names[] = {
        [TRACE_BLOCK_ABOUT] = "about",
        [TRACE_BLOCK_STRINGS] = "strings",
        [TRACE_BLOCK_WORKLOADS] = "workloads",
        [TRACE_BLOCK_MACHINES] = "machines",
        [TRACE_BLOCK_EVENTS] = "events",
        [TRACE_BLOCK_JOBS] = "jobs",
        [TRACE_BLOCK_END] = "end",
    };
    return type >= TRACE_BLOCK_ABOUT && type <= TRACE_BLOCK_END ? names[type] : "unknown";
}

/* An error at the place reached in the block. */
static int corrupt(const struct reader *reader, omega_error_t *err, const char *what)
{
    return omega_error_set_at(err, OMEGA_ECORRUPT, reader->name, 0,
                              "block %" PRIu32 " (%s), byte %zu: %s", reader->block_number,
                              block_name(reader->type), reader->block_at + reader->block.at, what);
}

/* The same for an error that building the trace found: `cause` is not about this file yet. */
static int refused(const struct reader *reader, omega_error_t *err, const omega_error_t *cause)
{
    if (cause->code == OMEGA_ENOMEM) {
        return trace_no_memory(err);
    }
    return corrupt(reader, err, cause->text);
}

static int check_record(const struct reader *reader, omega_error_t *err)
{
    return reader->block.failed ? corrupt(reader, err, "the record is cut off or out of range")
                                : OMEGA_OK;
}

static uint32_t read_string(struct reader *reader)
{
    return (uint32_t)codec_number(&reader->block, reader->string_count);
}

static uint32_t read_symbol(struct reader *reader)
{
    return reader->strings[read_string(reader)].symbol;
}

static const char *read_text(struct reader *reader)
{
    return trace_text(reader->trace, read_symbol(reader));
}

static int read_about(struct reader *reader, omega_error_t *err)
{
    char text[TRACE_NAME_MAX + 1];
    omega_error_t cause = {0};
    codec_text(&reader->block, text, sizeof text);
    if (trace_set_source(reader->trace, text, &cause) != OMEGA_OK) {
        return refused(reader, err, &cause);
    }
    uint64_t notes = codec_number(&reader->block, TRACE_NOTES_MAX);
    for (uint64_t i = 0; i < notes && !reader->block.failed; i++) {
        codec_text(&reader->block, text, sizeof reader->trace->notes[0].text);
        trace_note(reader->trace, text, codec_number(&reader->block, UINT64_MAX));
    }
    return check_record(reader, err);
}

static int read_strings(struct reader *reader, omega_error_t *err)
{
    char text[TRACE_NAME_MAX + 1];
    while (reader->block.at < reader->block.size) {
        codec_text(&reader->block, text, sizeof text);
        if (reader->block.failed) {
            return check_record(reader, err);
        }
        void *items = reader->strings;
        int rc = trace_grow(&items, reader->string_count + 1, &reader->string_room, UINT32_MAX / 2,
                            sizeof *reader->strings, "strings", err);
        reader->strings = items;
        if (rc != OMEGA_OK) {
            return rc;
        }
        uint32_t symbol = symbols_intern(catalogue_symbols(reader->trace->catalogue), text);
        if (symbol == SYMBOL_NONE) {
            return trace_no_memory(err);
        }
        reader->strings[++reader->string_count] = (struct string){symbol, UNKNOWN};
    }
    return OMEGA_OK;
}

static int read_workloads(struct reader *reader, omega_error_t *err)
{
    while (reader->block.at < reader->block.size && !reader->block.failed) {
        omega_error_t cause = {0};
        uint32_t expected = reader->trace->workload_count;
        uint32_t index = 0;
        if (trace_workload(reader->trace, read_text(reader), &index, &cause) != OMEGA_OK) {
            return refused(reader, err, &cause);
        }
        if (index != expected) {
            return corrupt(reader, err, "a workload comes twice, expected different names");
        }
    }
    return check_record(reader, err);
}

static int read_machine(struct reader *reader, omega_error_t *err)
{
    struct codec_in *block = &reader->block;
    struct omega_machine_spec machine = {0};
    machine.name = read_symbol(reader);
    machine.platform = read_symbol(reader);
    machine.domain = read_symbol(reader);
    const char *attributes = read_text(reader);
    machine.cpu_milli = (int32_t)codec_number(block, OMEGA_CPU_MILLI_MAX);
    machine.mem_mib = (int32_t)codec_number(block, OMEGA_MEM_MIB_MAX);
    machine.gpu_devices = (uint8_t)codec_number(block, OMEGA_GPU_DEVICES_MAX);
    machine.absent = (uint8_t)codec_number(block, 1);
    omega_error_t cause = {0};
    if (block->failed) {
        return check_record(reader, err);
    }
    if (catalogue_machine_attributes(reader->trace->catalogue, attributes, machine.platform,
                                     machine.domain, &machine.attributes, &cause) != OMEGA_OK ||
        trace_add_machine(reader->trace, &machine, &cause) != OMEGA_OK) {
        return refused(reader, err, &cause);
    }
    return OMEGA_OK;
}

/* A time that is given as the difference from the one before. */
static int64_t read_time(struct reader *reader)
{
    reader->last_time +=
        (int64_t)codec_number(&reader->block, (uint64_t)(TRACE_TIME_MAX - reader->last_time));
    return reader->last_time;
}

static int read_event(struct reader *reader, omega_error_t *err)
{
    struct codec_in *block = &reader->block;
    struct omega_machine_event event = {0};
    event.time_us = read_time(reader);
    event.machine = (uint32_t)codec_number(block, UINT32_MAX);
    event.kind = (uint8_t)codec_number(block, OMEGA_EVENT_CAPACITY);
    event.cpu_milli = (int32_t)codec_number(block, OMEGA_CPU_MILLI_MAX);
    event.mem_mib = (int32_t)codec_number(block, OMEGA_MEM_MIB_MAX);
    event.gpu_devices = (uint8_t)codec_number(block, OMEGA_GPU_DEVICES_MAX);
    omega_error_t cause = {0};
    if (block->failed) {
        return check_record(reader, err);
    }
    if (trace_add_event(reader->trace, &event, &cause) != OMEGA_OK) {
        return refused(reader, err, &cause);
    }
    return OMEGA_OK;
}

static int64_t duration_of(uint64_t number)
{
    return number == TRACE_DURATION_NEVER ? OMEGA_NEVER : (int64_t)(number - TRACE_DURATION_FIRST);
}

/* Reads a group's list of durations behind those of the groups before. */
static int read_duration_list(struct reader *reader, uint64_t slots, omega_error_t *err)
{
    if (slots == 0 || slots > OMEGA_TASKS_MAX || slots > reader->block.size - reader->block.at) {
        return corrupt(reader, err, "a list of no durations, or of more than the block has bytes");
    }
    if (reader->duration_count + slots > reader->duration_room) {
        size_t room = 2 * (reader->duration_count + (size_t)slots);
        int64_t *grown = realloc(reader->durations, room * sizeof *grown);
        if (grown == NULL) {
            return trace_no_memory(err);
        }
        reader->durations = grown;
        reader->duration_room = room;
    }
    for (uint64_t i = 0; i < slots; i++) {
        uint64_t number =
            codec_number(&reader->block, (uint64_t)OMEGA_DURATION_MAX + TRACE_DURATION_FIRST);
        if (number == TRACE_DURATION_LIST) {
            return corrupt(reader, err, "a list of durations in another");
        }
        reader->durations[reader->duration_count++] = duration_of(number);
    }
    return OMEGA_OK;
}

static int read_constraints(struct reader *reader, uint32_t *id, omega_error_t *err)
{
    struct string *string = &reader->strings[read_string(reader)];
    omega_error_t cause = {0};
    if (string->constraints == UNKNOWN &&
        catalogue_constraints(reader->trace->catalogue, trace_text(reader->trace, string->symbol),
                              &string->constraints, &cause) != OMEGA_OK) {
        return refused(reader, err, &cause);
    }
    *id = string->constraints;
    return OMEGA_OK;
}

/* Durations of a list are found later, as the array still moves: `listed` says where they start. */
static int read_group(struct reader *reader, struct omega_task_group *group, size_t *listed,
                      omega_error_t *err)
{
    struct codec_in *block = &reader->block;
    memset(group, 0, sizeof *group);
    group->count = (uint32_t)codec_number(block, OMEGA_TASKS_MAX);
    group->optional = (uint32_t)codec_number(block, OMEGA_TASKS_MAX);
    int rc = read_constraints(reader, &group->constraints, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    group->request.cpu_milli = (int32_t)codec_number(block, OMEGA_CPU_MILLI_MAX);
    group->request.mem_mib = (int32_t)codec_number(block, OMEGA_MEM_MIB_MAX);
    group->request.gpu_devices = (uint8_t)codec_number(block, OMEGA_GPU_DEVICES_MAX);
    group->request.gpu_milli = (int16_t)codec_number(block, OMEGA_GPU_DEVICE_MILLI);
    uint64_t number = codec_number(block, (uint64_t)OMEGA_DURATION_MAX + TRACE_DURATION_FIRST);
    *listed = SIZE_MAX;
    if (number != TRACE_DURATION_LIST) {
        group->duration_us = duration_of(number);
        return check_record(reader, err);
    }
    *listed = reader->duration_count;
    rc = read_duration_list(reader, (uint64_t)group->count + group->optional, err);
    return rc == OMEGA_OK ? check_record(reader, err) : rc;
}

static int read_groups(struct reader *reader, uint32_t count, omega_error_t *err)
{
    size_t listed[OMEGA_GROUPS_MAX];
    reader->duration_count = 0;
    for (uint32_t g = 0; g < count; g++) {
        int rc = read_group(reader, &reader->groups[g], &listed[g], err);
        if (rc != OMEGA_OK) {
            return rc;
        }
    }
    for (uint32_t g = 0; g < count; g++) {
        if (listed[g] != SIZE_MAX) {
            reader->groups[g].task_duration_us = reader->durations + listed[g];
        }
    }
    return OMEGA_OK;
}

static void read_mapreduce(struct codec_in *block, struct omega_mapreduce *mapreduce)
{
    mapreduce->map_activities = (uint32_t)codec_number(block, UINT32_MAX);
    mapreduce->reduce_activities = (uint32_t)codec_number(block, UINT32_MAX);
    mapreduce->map_mean_us = (int64_t)codec_number(block, (uint64_t)OMEGA_DURATION_MAX);
    mapreduce->reduce_mean_us = (int64_t)codec_number(block, (uint64_t)OMEGA_DURATION_MAX);
    mapreduce->workers_asked = (uint32_t)codec_number(block, UINT32_MAX);
}

static int read_job(struct reader *reader, omega_error_t *err)
{
    struct codec_in *block = &reader->block;
    struct omega_job job = {0};
    job.id = reader->last_job + (uint64_t)codec_signed(block, INT64_MIN, INT64_MAX);
    reader->last_job = job.id;
    job.submit_us = read_time(reader);
    job.workload = (uint32_t)codec_number(block, TRACE_WORKLOADS_MAX);
    job.user = read_symbol(reader);
    job.precedence = (int32_t)codec_signed(block, INT32_MIN, INT32_MAX);
    if (codec_number(block, 1) == 1) {
        read_mapreduce(block, &job.mapreduce);
    }
    job.group_count = (uint32_t)codec_number(block, OMEGA_GROUPS_MAX);
    job.groups = reader->groups;
    int rc = check_record(reader, err);
    if (rc == OMEGA_OK) {
        rc = read_groups(reader, job.group_count, err);
    }
    if (rc != OMEGA_OK) {
        return rc;
    }
    omega_error_t cause = {0};
    if (trace_add_job(reader->trace, &job, &cause) != OMEGA_OK) {
        return refused(reader, err, &cause);
    }
    return OMEGA_OK;
}

static int read_records(struct reader *reader, int (*read)(struct reader *, omega_error_t *),
                        omega_error_t *err)
{
    while (reader->block.at < reader->block.size) {
        int rc = read(reader, err);
        if (rc != OMEGA_OK) {
            return rc;
        }
    }
    return OMEGA_OK;
}

static int read_end(struct reader *reader, omega_error_t *err)
{
    const struct trace *trace = reader->trace;
    const uint64_t expected[] = {reader->string_count, trace->workload_count, trace->machine_count,
                                 trace->event_count, trace->job_count};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        uint64_t count = codec_u64(&reader->block);
        if (!reader->block.failed && count != expected[i]) {
            return corrupt(reader, err, "the counts are not those of what came before");
        }
    }
    if (reader->block_at + reader->block.size != reader->size) {
        return corrupt(reader, err, "bytes behind the last block, expected none");
    }
    return check_record(reader, err);
}

static int read_block(struct reader *reader, omega_error_t *err)
{
    switch (reader->type) {
    case TRACE_BLOCK_ABOUT:
        return read_about(reader, err);
    case TRACE_BLOCK_STRINGS:
        return read_strings(reader, err);
    case TRACE_BLOCK_WORKLOADS:
        return read_workloads(reader, err);
    case TRACE_BLOCK_MACHINES:
        return read_records(reader, read_machine, err);
    case TRACE_BLOCK_EVENTS:
        return read_records(reader, read_event, err);
    case TRACE_BLOCK_JOBS:
        return read_records(reader, read_job, err);
    case TRACE_BLOCK_END:
        return read_end(reader, err);
    default:
        return corrupt(reader, err, "unknown type of block");
    }
}

/* Finds the next block and checks length, checksum and order. */
static int open_block(struct reader *reader, omega_error_t *err)
{
    uint32_t last_type = reader->type;
    size_t start = reader->block_at + reader->block.size;
    struct codec_in header = {.bytes = reader->bytes, .size = reader->size, .at = start};
    reader->type = codec_u32(&header);
    uint64_t length = codec_u64(&header);
    uint64_t checksum = codec_u64(&header);
    reader->block_number++;
    reader->block_at = start;
    reader->block = (struct codec_in){0};
    reader->last_job = 0;
    reader->last_time = 0;
    if (header.failed) {
        return corrupt(reader, err, "the file ends before its last block");
    }
    if (length > TRACE_BLOCK_MAX) {
        return corrupt(reader, err, "the block's length is out of range");
    }
    if (length > reader->size - header.at) {
        return corrupt(reader, err, "the file ends within this block");
    }
    const uint8_t *payload = reader->bytes + header.at;
    if (XXH3_64bits_withSeed(payload, length, reader->type) != checksum) {
        return corrupt(reader, err, "the block is damaged: its checksum is another");
    }
    bool repeats = reader->type == TRACE_BLOCK_STRINGS || reader->type >= TRACE_BLOCK_MACHINES;
    if (reader->type < last_type || (reader->type == last_type && !repeats)) {
        return corrupt(reader, err, "the block is out of order");
    }
    reader->block = (struct codec_in){.bytes = payload, .size = (size_t)length};
    reader->block_at = header.at;
    return OMEGA_OK;
}

static int read_header(struct reader *reader, omega_error_t *err)
{
    if (reader->size < TRACE_HEADER_SIZE ||
        memcmp(reader->bytes, TRACE_MAGIC, TRACE_MAGIC_SIZE) != 0) {
        return omega_error_set_at(err, OMEGA_ECORRUPT, reader->name, 0,
                                  "is not a trace file, expected it to begin with '%s'",
                                  TRACE_MAGIC);
    }
    struct codec_in header = {.bytes = reader->bytes, .size = reader->size, .at = TRACE_MAGIC_SIZE};
    uint32_t version = codec_u32(&header);
    if (version != TRACE_VERSION) {
        return omega_error_set_at(err, OMEGA_EVERSION, reader->name, 0,
                                  "is a trace file of version %" PRIu32 ", expected version %u",
                                  version, TRACE_VERSION);
    }
    reader->block_at = TRACE_HEADER_SIZE;
    return OMEGA_OK;
}

static int read_all(struct reader *reader, omega_error_t *err)
{
    int rc = read_header(reader, err);
    while (rc == OMEGA_OK && reader->type != TRACE_BLOCK_END) {
        rc = open_block(reader, err);
        if (rc == OMEGA_OK) {
            rc = read_block(reader, err);
        }
        if (rc == OMEGA_OK && reader->block.at != reader->block.size) {
            rc = corrupt(reader, err, "the block is longer than what it holds");
        }
    }
    omega_error_t cause = {0};
    if (rc == OMEGA_OK && trace_seal(reader->trace, &cause) != OMEGA_OK) {
        rc = refused(reader, err, &cause);
    }
    return rc;
}

int trace_decode(const uint8_t *bytes, size_t size, const char *name, struct catalogue *catalogue,
                 struct trace **trace, omega_error_t *err)
{
    struct reader reader = {.name = name, .bytes = bytes, .size = size};
    *trace = NULL;
    reader.trace = trace_create(catalogue);
    reader.groups = calloc(OMEGA_GROUPS_MAX, sizeof *reader.groups);
    reader.strings = calloc(1, sizeof *reader.strings); /* number 0: "", no constraints */
    reader.string_room = 1;
    int rc = reader.trace == NULL || reader.groups == NULL || reader.strings == NULL
                 ? trace_no_memory(err)
                 : read_all(&reader, err);
    free(reader.strings);
    free(reader.groups);
    free(reader.durations);
    if (rc != OMEGA_OK) {
        trace_destroy(reader.trace);
        return rc;
    }
    *trace = reader.trace;
    return OMEGA_OK;
}

int trace_read(const char *path, struct catalogue *catalogue, struct trace **trace,
               omega_error_t *err)
{
    char *bytes = NULL;
    size_t size = 0;
    *trace = NULL;
    int rc = file_read_all(path, (size_t)TRACE_FILE_MAX, &bytes, &size, err);
    if (rc == OMEGA_OK) {
        rc = trace_decode((const uint8_t *)bytes, size, path, catalogue, trace, err);
    }
    free(bytes);
    return rc;
}
