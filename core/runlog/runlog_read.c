/* SPDX-License-Identifier: MIT */
/* Reading a segment of a run log: see runlog_read.h, and core/runlog/README.md for the layout. */
#include "core/runlog/runlog_read.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/base/codec.h"
#include "core/runlog/runlog_format.h"

#define PIECE ((size_t)1 << 20) /* so much is read at a time: a length is not believed */
#define NUMBERS_OF_A_CLAIM 5    /* at least */
#define NUMBERS_OF_A_PLACEMENT 8

struct runlog_reader {
    FILE *stream;
    char *name;
    struct codec_in block; /* payload of the block being read */
    uint8_t *bytes;        /* of it */
    size_t room;
    uint64_t block_at; /* where it starts in the file */
    uint64_t file_at;  /* where the next block starts */
    uint32_t type;     /* of that block */
    uint64_t number;   /* of the record read last, from 1 */
    uint32_t version;
    bool cut; /* there are no records: the file ends before the first of them */
    /* the opening */
    struct runlog_opening opening;
    struct catalogue *catalogue;
    struct symbols *texts;
    struct runlog_scheduler schedulers[RUNLOG_SCHEDULERS_MAX];
    struct runlog_workload *workloads;
    struct omega_machine_spec *machines;
    uint32_t machine_room;
    uint32_t instances;
    /* the record, and what its lists are read into */
    struct runlog_record record;
    uint64_t last_version;
    uint64_t last_job;
    int64_t last_time;
    struct omega_job job;
    struct omega_task_group *groups;
    int64_t *durations;
    size_t duration_room;
    struct omega_claim *claims;
    struct omega_claim_result *results;
    uint32_t claim_room;
    uint32_t *minimum;
    struct store_placement *placements;
    int64_t *ends_us;
    uint32_t placement_room;
    struct store_release_result *released;
    uint32_t released_room;
};

/* ---- errors ---- */

static int no_memory(omega_error_t *err)
{
    return omega_error_set(err, OMEGA_ENOMEM, "no memory to read the run log");
}

static int corrupt(const struct runlog_reader *reader, omega_error_t *err, const char *what)
{
    return omega_error_set_at(err, OMEGA_ECORRUPT, reader->name, 0,
                              "record %" PRIu64 ", byte %" PRIu64 ": %s", reader->number,
                              reader->block_at + reader->block.at, what);
}

static int check_numbers(const struct runlog_reader *reader, omega_error_t *err)
{
    return reader->block.failed ? corrupt(reader, err, "cut off or out of range, expected a record")
                                : OMEGA_OK;
}

/* ---- blocks ---- */

/* The file ends where more is expected. That a live run's does is no damage: a process was killed
 * while it wrote. Whose it is nobody knows before the opening was read. */
static int ended(const struct runlog_reader *reader, omega_error_t *err)
{
    bool may = reader->opening.live || reader->opening.segments == 0;
    corrupt(reader, err, "the file ends, expected more");
    if (may && err != NULL) {
        err->code = OMEGA_ECUT;
    }
    return may ? OMEGA_ECUT : OMEGA_ECORRUPT;
}

/* Reads so many bytes behind what the block holds, a piece at a time. */
static int read_bytes(struct runlog_reader *reader, size_t size, omega_error_t *err)
{
    for (size_t got = 0; got < size;) {
        size_t piece = size - got < PIECE ? size - got : PIECE;
        if (reader->room < got + piece) {
            size_t room = 2 * (got + piece);
            uint8_t *grown = realloc(reader->bytes, room);
            if (grown == NULL) {
                return no_memory(err);
            }
            reader->bytes = grown;
            reader->room = room;
        }
        size_t n = fread(reader->bytes + got, 1, piece, reader->stream);
        got += n;
        if (n < piece) {
            reader->block = (struct codec_in){.at = got};
            return ferror(reader->stream) ? omega_error_set_errno(err, reader->name, "cannot read")
                                          : ended(reader, err);
        }
    }
    reader->block = (struct codec_in){.bytes = reader->bytes, .size = size};
    return OMEGA_OK;
}

/* Reads the next block, which must be of one of the types from `least` to `most`. */
static int read_block(struct runlog_reader *reader, uint32_t least, uint32_t most,
                      omega_error_t *err)
{
    reader->block_at = reader->file_at;
    int rc = read_bytes(reader, RUNLOG_BLOCK_HEADER_SIZE, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    uint32_t type = codec_u32(&reader->block);
    uint64_t length = codec_u64(&reader->block);
    uint64_t checksum = codec_u64(&reader->block);
    if (type < least || type > most) {
        return corrupt(reader, err, "a block of another type, expected the next of its order");
    }
    if (length > RUNLOG_BLOCK_MAX) {
        return corrupt(reader, err, "a block of more bytes than there may be in one");
    }
    reader->block_at += RUNLOG_BLOCK_HEADER_SIZE;
    rc = read_bytes(reader, (size_t)length, err);
    if (rc == OMEGA_OK && XXH3_64bits_withSeed(reader->bytes, (size_t)length, type) != checksum) {
        rc = corrupt(reader, err, "the checksum of this block is not that of its bytes");
    }
    reader->type = type;
    reader->file_at = reader->block_at + length;
    reader->last_version = 0;
    reader->last_job = 0;
    reader->last_time = 0;
    return rc;
}

/* Is what there is of a header the beginning of one? */
static bool is_begun(const struct runlog_reader *reader)
{
    size_t got = reader->block.at < RUNLOG_MAGIC_SIZE ? reader->block.at : RUNLOG_MAGIC_SIZE;
    return memcmp(reader->bytes, RUNLOG_MAGIC, got) == 0;
}

static int read_header(struct runlog_reader *reader, omega_error_t *err)
{
    int rc = read_bytes(reader, RUNLOG_HEADER_SIZE, err);
    if (rc != OMEGA_OK || memcmp(reader->bytes, RUNLOG_MAGIC, RUNLOG_MAGIC_SIZE) != 0) {
        return rc == OMEGA_EIO || (rc == OMEGA_ECUT && is_begun(reader))
                   ? rc
                   : omega_error_set_at(err, OMEGA_ECORRUPT, reader->name, 0,
                                        "is no run log, expected '" RUNLOG_MAGIC
                                        "' at its beginning");
    }
    reader->block.at = RUNLOG_MAGIC_SIZE;
    uint32_t version = codec_u32(&reader->block);
    if (version < RUNLOG_VERSION_OLDEST || version > RUNLOG_VERSION) {
        return omega_error_set_at(err, OMEGA_EVERSION, reader->name, 0,
                                  "is a run log of version %" PRIu32 ", expected version %u to %u",
                                  version, RUNLOG_VERSION_OLDEST, RUNLOG_VERSION);
    }
    reader->version = version;
    reader->file_at = RUNLOG_HEADER_SIZE;
    return OMEGA_OK;
}

/* ---- the opening ---- */

/* A text that lives as long as the reader. "" if it cannot be read, NULL without memory. */
static const char *read_text(struct runlog_reader *reader)
{
    struct codec_in *block = &reader->block;
    size_t length = (size_t)codec_number(block, RUNLOG_TEXT_MAX);
    if (block->failed || block->size - block->at < length ||
        memchr(block->bytes + block->at, '\0', length) != NULL) {
        block->failed = true;
        return "";
    }
    const char *bytes = (const char *)block->bytes + block->at;
    uint32_t symbol = symbols_intern_n(reader->texts, bytes, length);
    block->at += length;
    return symbol == SYMBOL_NONE ? NULL : symbols_text(reader->texts, symbol);
}

static int read_schedulers(struct runlog_reader *reader, omega_error_t *err)
{
    struct codec_in *block = &reader->block;
    struct runlog_opening *opening = &reader->opening;
    opening->schedulers = reader->schedulers;
    opening->scheduler_count = (uint32_t)codec_number(block, RUNLOG_SCHEDULERS_MAX);
    for (uint32_t i = 0; i < opening->scheduler_count; i++) {
        struct runlog_scheduler *scheduler = &reader->schedulers[i];
        scheduler->name = read_text(reader);
        scheduler->instances =
            (uint32_t)codec_number(block, RUNLOG_INSTANCES_MAX - reader->instances);
        scheduler->detection = (uint8_t)codec_number(block, OMEGA_DETECT_COARSE);
        scheduler->granularity = (uint8_t)codec_number(block, OMEGA_COMMIT_GANG);
        scheduler->places_at_end = codec_number(block, 1) != 0;
        scheduler->at_least = (uint32_t)codec_number(block, UINT32_MAX);
        reader->instances += scheduler->instances;
        if (scheduler->instances == 0) {
            block->failed = true;
        }
        if (scheduler->name == NULL) {
            return no_memory(err);
        }
    }
    opening->workload_count = (uint32_t)codec_number(block, RUNLOG_WORKLOADS_MAX);
    reader->workloads = calloc(opening->workload_count + 1u, sizeof *reader->workloads);
    opening->workloads = reader->workloads;
    for (uint32_t i = 0; reader->workloads != NULL && i < opening->workload_count; i++) {
        reader->workloads[i].name = read_text(reader);
        reader->workloads[i].scheduler = (uint32_t)codec_number(block, RUNLOG_SCHEDULERS_MAX);
        if (reader->workloads[i].scheduler >= opening->scheduler_count) {
            block->failed = true;
        }
        if (reader->workloads[i].name == NULL) {
            return no_memory(err);
        }
    }
    return reader->workloads == NULL ? no_memory(err) : check_numbers(reader, err);
}

/* Sets are numbered as they come, so the catalogue must give them the same numbers. */
static int read_sets(struct runlog_reader *reader,
                     int (*add)(struct catalogue *catalogue, const char *text, uint32_t *id,
                                omega_error_t *err),
                     omega_error_t *err)
{
    uint32_t count = (uint32_t)codec_number(&reader->block, UINT32_MAX);
    for (uint32_t i = 1; i < count && !reader->block.failed; i++) {
        omega_error_t cause = {0};
        uint32_t id = 0;
        const char *text = read_text(reader);
        if (text == NULL || add(reader->catalogue, text, &id, &cause) == OMEGA_ENOMEM) {
            return no_memory(err);
        }
        if (!reader->block.failed && (cause.code != OMEGA_OK || id != i)) {
            return corrupt(reader, err, "a set that is none, or comes twice");
        }
    }
    return check_numbers(reader, err);
}

/* Which tables the run leaves ("" is the same as a log that is too old to say so), the
 * assignment of its sweep, and whether it is live. */
static int read_recorded(struct runlog_reader *reader, omega_error_t *err)
{
    if (reader->version == RUNLOG_VERSION_OLDEST) {
        return OMEGA_OK;
    }
    const char *recorded = read_text(reader);
    reader->opening.recorded = recorded == NULL || recorded[0] == '\0' ? NULL : recorded;
    reader->opening.assignment = (uint32_t)codec_number(&reader->block, UINT32_MAX);
    reader->opening.live = codec_number(&reader->block, 1) == 1;
    return recorded == NULL ? no_memory(err) : check_numbers(reader, err);
}

static int read_opening(struct runlog_reader *reader, omega_error_t *err)
{
    struct codec_in *block = &reader->block;
    struct runlog_opening *opening = &reader->opening;
    opening->experiment = read_text(reader);
    opening->text = read_text(reader);
    opening->sha256 = read_text(reader);
    opening->variant = read_text(reader);
    if (opening->experiment == NULL || opening->text == NULL || opening->sha256 == NULL ||
        opening->variant == NULL) {
        return no_memory(err);
    }
    opening->seed = codec_number(block, UINT64_MAX);
    opening->segment = (uint32_t)codec_number(block, RUNLOG_SEGMENTS_MAX);
    opening->segments = (uint32_t)codec_number(block, RUNLOG_SEGMENTS_MAX);
    opening->warmup_us = (int64_t)codec_number(block, INT64_MAX);
    opening->horizon_us = (int64_t)codec_number(block, INT64_MAX);
    opening->overcommit.cpu_permille = (int32_t)codec_number(block, INT32_MAX);
    opening->overcommit.mem_permille = (int32_t)codec_number(block, INT32_MAX);
    opening->overcommit.gpu_permille = (int32_t)codec_number(block, INT16_MAX);
    opening->release_raises_seq = codec_number(block, 1) != 0;
    opening->drops_cut_attempts = codec_number(block, 1) != 0;
    opening->lost = (uint8_t)codec_number(block, STORE_LOST_FAIL);
    opening->compat = (uint32_t)codec_number(block, UINT32_MAX);
    opening->catalogue = reader->catalogue;
    if (opening->warmup_us > opening->horizon_us || opening->segment >= opening->segments) {
        block->failed = true;
    }
    int rc = check_numbers(reader, err);
    rc = rc == OMEGA_OK ? read_schedulers(reader, err) : rc;
    rc = rc == OMEGA_OK ? read_sets(reader, catalogue_constraints, err) : rc;
    rc = rc == OMEGA_OK ? read_sets(reader, catalogue_attributes, err) : rc;
    rc = rc == OMEGA_OK ? read_recorded(reader, err) : rc;
    if (rc == OMEGA_OK && block->at < block->size) {
        rc = corrupt(reader, err, "bytes behind the opening, expected none");
    }
    return rc;
}

static int read_machine(struct runlog_reader *reader, omega_error_t *err)
{
    struct codec_in *block = &reader->block;
    struct runlog_opening *opening = &reader->opening;
    if (opening->machine_count == reader->machine_room) {
        uint32_t room = reader->machine_room == 0 ? 1024 : 2 * reader->machine_room;
        struct omega_machine_spec *grown =
            reallocarray(reader->machines, room, sizeof *reader->machines);
        if (grown == NULL) {
            return no_memory(err);
        }
        reader->machines = grown;
        reader->machine_room = room;
    }
    struct omega_machine_spec *machine = &reader->machines[opening->machine_count];
    *machine = (struct omega_machine_spec){0};
    const char *name = read_text(reader);
    machine->name =
        name == NULL ? SYMBOL_NONE : symbols_intern(catalogue_symbols(reader->catalogue), name);
    machine->attributes = (uint32_t)codec_number(block, UINT32_MAX);
    machine->cpu_milli = (int32_t)codec_number(block, OMEGA_CPU_MILLI_MAX);
    machine->mem_mib = (int32_t)codec_number(block, OMEGA_MEM_MIB_MAX);
    machine->gpu_devices = (uint8_t)codec_number(block, OMEGA_GPU_DEVICES_MAX);
    machine->absent = (uint8_t)codec_number(block, 1);
    if (machine->name == SYMBOL_NONE) {
        return no_memory(err);
    }
    if (machine->attributes >= catalogue_attributes_count(reader->catalogue) ||
        opening->machine_count == OMEGA_MACHINES_MAX) {
        block->failed = true;
    }
    opening->machine_count++;
    return check_numbers(reader, err);
}

/* Reads all blocks of machines, and the first block behind them. A file that is cut there has its
 * opening all the same, if its last machines fill no block: then there are no more. */
static int read_machines(struct runlog_reader *reader, omega_error_t *err)
{
    omega_error_t cause = {0};
    int rc = OMEGA_OK;
    size_t size = RUNLOG_BLOCK_SIZE;
    do {
        rc = read_block(reader, RUNLOG_BLOCK_MACHINES, RUNLOG_BLOCK_END, &cause);
        size = rc == OMEGA_OK ? reader->block.size : size;
        while (rc == OMEGA_OK && reader->type == RUNLOG_BLOCK_MACHINES &&
               reader->block.at < reader->block.size) {
            rc = read_machine(reader, &cause);
        }
    } while (rc == OMEGA_OK && reader->type == RUNLOG_BLOCK_MACHINES);
    if (rc == OMEGA_ECUT && size < RUNLOG_BLOCK_SIZE) {
        reader->cut = true;
        rc = OMEGA_OK;
    } else if (rc != OMEGA_OK && err != NULL) {
        *err = cause;
    }
    reader->opening.machines = reader->machines;
    return rc;
}

/* ---- records ---- */

static uint64_t read_difference(struct codec_in *block, uint64_t from)
{
    return from + (uint64_t)codec_signed(block, INT64_MIN, INT64_MAX);
}

/* The version that lies so far before the record's. */
static uint64_t read_version_before(struct runlog_reader *reader)
{
    return reader->record.version - (uint64_t)codec_signed(&reader->block, INT64_MIN, INT64_MAX);
}

static uint64_t read_job_id(struct runlog_reader *reader)
{
    reader->last_job = read_difference(&reader->block, reader->last_job);
    return reader->last_job;
}

/* A count of things that take at least `bytes` bytes each. */
static uint32_t read_count(struct runlog_reader *reader, uint32_t most, size_t bytes)
{
    struct codec_in *block = &reader->block;
    uint32_t count = (uint32_t)codec_number(block, most);
    if ((block->size - block->at) / bytes < count) {
        block->failed = true;
    }
    return block->failed ? 0 : count;
}

/* Makes room for `count` things of an array, at most OMEGA_TASKS_MAX or OMEGA_CLAIMS_MAX. */
static int make_room(void **array, uint32_t *room, uint32_t count, size_t size, omega_error_t *err)
{
    if (count > *room) {
        void *grown = reallocarray(*array, (size_t)count * 2, size);
        if (grown == NULL) {
            return no_memory(err);
        }
        *array = grown;
        *room = count * 2;
    }
    return OMEGA_OK;
}

static struct omega_request read_request(struct codec_in *block)
{
    struct omega_request request = {0};
    request.cpu_milli = (int32_t)codec_number(block, OMEGA_CPU_MILLI_MAX);
    request.mem_mib = (int32_t)codec_number(block, OMEGA_MEM_MIB_MAX);
    request.gpu_devices = (uint8_t)codec_number(block, OMEGA_GPU_DEVICES_MAX);
    request.gpu_milli = (int16_t)codec_number(block, OMEGA_GPU_DEVICE_MILLI);
    return request;
}

/* 1, which says that a list follows, is -1. */
static int64_t duration_of(uint64_t number)
{
    return number == RUNLOG_DURATION_NEVER ? OMEGA_NEVER
                                           : (int64_t)(number - RUNLOG_DURATION_FIRST);
}

static int read_placements(struct runlog_reader *reader, omega_error_t *err)
{
    struct codec_in *block = &reader->block;
    uint32_t count = read_count(reader, OMEGA_CLAIMS_MAX, NUMBERS_OF_A_PLACEMENT);
    if (count > reader->placement_room) {
        uint32_t room = 0;
        if (make_room((void **)&reader->ends_us, &room, count, sizeof *reader->ends_us, err) !=
                OMEGA_OK ||
            make_room((void **)&reader->placements, &reader->placement_room, count,
                      sizeof *reader->placements, err) != OMEGA_OK) {
            return OMEGA_ENOMEM;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        struct store_placement *placement = &reader->placements[i];
        *placement = (struct store_placement){.instance = OMEGA_INSTANCE_NONE};
        placement->machine = (uint32_t)codec_number(block, UINT32_MAX);
        placement->request = read_request(block);
        placement->devices = (uint8_t)codec_number(block, UINT8_MAX);
        placement->band = (uint8_t)codec_number(block, OMEGA_BANDS - 1);
        reader->ends_us[i] =
            duration_of(codec_number(block, (uint64_t)OMEGA_DURATION_MAX + RUNLOG_DURATION_FIRST));
    }
    reader->record.placements = reader->placements;
    reader->record.ends_us = reader->ends_us;
    reader->record.placement_count = count;
    return OMEGA_OK;
}

/* Durations of a list are found later, as the array still moves: `listed` says where they start. */
static int read_durations(struct runlog_reader *reader, struct omega_task_group *group,
                          size_t *count, size_t *listed, omega_error_t *err)
{
    struct codec_in *block = &reader->block;
    const uint64_t most = (uint64_t)OMEGA_DURATION_MAX + RUNLOG_DURATION_FIRST;
    uint64_t number = codec_number(block, most);
    *listed = SIZE_MAX;
    group->duration_us = duration_of(number);
    if (number != RUNLOG_DURATION_LIST) {
        return OMEGA_OK;
    }
    size_t slots = (size_t)group->count + group->optional;
    *listed = *count;
    if (slots == 0 || slots > block->size - block->at) {
        block->failed = true;
        return OMEGA_OK;
    }
    if (*count + slots > reader->duration_room) {
        size_t room = 2 * (*count + slots);
        int64_t *grown = reallocarray(reader->durations, room, sizeof *grown);
        if (grown == NULL) {
            return no_memory(err);
        }
        reader->durations = grown;
        reader->duration_room = room;
    }
    for (size_t i = 0; i < slots; i++) {
        reader->durations[(*count)++] = duration_of(codec_number(block, most));
    }
    return OMEGA_OK;
}

static int read_groups(struct runlog_reader *reader, omega_error_t *err)
{
    struct codec_in *block = &reader->block;
    size_t listed[OMEGA_GROUPS_MAX];
    size_t durations = 0;
    for (uint32_t g = 0; g < reader->job.group_count; g++) {
        struct omega_task_group *group = &reader->groups[g];
        *group = (struct omega_task_group){0};
        group->count = (uint32_t)codec_number(block, OMEGA_TASKS_MAX);
        group->optional = (uint32_t)codec_number(block, OMEGA_TASKS_MAX);
        group->constraints = (uint32_t)codec_number(block, UINT32_MAX);
        group->request = read_request(block);
        int rc = read_durations(reader, group, &durations, &listed[g], err);
        if (rc != OMEGA_OK) {
            return rc;
        }
    }
    for (uint32_t g = 0; !block->failed && g < reader->job.group_count; g++) {
        reader->groups[g].task_duration_us =
            listed[g] == SIZE_MAX ? NULL : reader->durations + listed[g];
    }
    return OMEGA_OK;
}

/* The number of groups, with the MapReduce numbers before it where it begins with 0. */
static void read_group_count(struct codec_in *block, struct omega_job *job)
{
    job->group_count = (uint32_t)codec_number(block, OMEGA_GROUPS_MAX);
    if (job->group_count > 0) {
        return;
    }
    struct omega_mapreduce *numbers = &job->mapreduce;
    numbers->map_activities = (uint32_t)codec_number(block, UINT32_MAX);
    numbers->reduce_activities = (uint32_t)codec_number(block, UINT32_MAX);
    numbers->map_mean_us = (int64_t)codec_number(block, (uint64_t)OMEGA_DURATION_MAX);
    numbers->reduce_mean_us = (int64_t)codec_number(block, (uint64_t)OMEGA_DURATION_MAX);
    numbers->workers_asked = (uint32_t)codec_number(block, UINT32_MAX);
    job->group_count = (uint32_t)codec_number(block, OMEGA_GROUPS_MAX);
}

static int read_submission(struct runlog_reader *reader, omega_error_t *err)
{
    struct codec_in *block = &reader->block;
    struct omega_job *job = &reader->job;
    *job = (struct omega_job){.submit_us = reader->record.time_us};
    job->id = read_job_id(reader);
    job->workload = (uint32_t)codec_number(block, RUNLOG_WORKLOADS_MAX);
    job->precedence = (int32_t)codec_signed(block, INT32_MIN, INT32_MAX);
    read_group_count(block, job);
    job->groups = reader->groups;
    int rc = read_groups(reader, err);
    if (rc != OMEGA_OK || block->failed) {
        return rc;
    }
    omega_error_t cause = {0};
    for (uint32_t g = 0; g < job->group_count; g++) {
        if (reader->groups[g].constraints >= catalogue_constraints_count(reader->catalogue)) {
            return corrupt(reader, err, "a constraint set that the opening does not list");
        }
    }
    if (omega_job_seal(job, reader->groups, &cause) != OMEGA_OK) {
        return corrupt(reader, err, cause.text);
    }
    reader->record.job = job;
    return OMEGA_OK;
}

static void read_attempt(struct runlog_reader *reader)
{
    struct codec_in *block = &reader->block;
    struct runlog_attempt *attempt = &reader->record.attempt;
    attempt->job = read_job_id(reader);
    attempt->attempt = (uint32_t)codec_number(block, UINT32_MAX);
    attempt->instance = (uint16_t)codec_number(block, RUNLOG_INSTANCES_MAX);
    attempt->planned = codec_number(block, 1) != 0;
    if (attempt->instance >= reader->instances) {
        block->failed = true;
    }
    if (attempt->planned) {
        attempt->synced = read_version_before(reader);
        uint64_t age = (uint64_t)codec_signed(block, INT64_MIN, INT64_MAX);
        attempt->synced_us = (int64_t)((uint64_t)reader->record.time_us - age);
    }
}

static void read_result(struct runlog_reader *reader, struct omega_claim_result *result)
{
    struct codec_in *block = &reader->block;
    uint64_t outcome = codec_number(block, 2 * OMEGA_OUTCOMES - 1);
    result->outcome = (uint8_t)(outcome >> 1);
    result->other_refuses = (uint8_t)(outcome & 1);
    uint64_t rival = codec_number(block, OMEGA_INSTANCE_NONE);
    if (rival > 0) {
        result->rival = (uint16_t)(rival - 1);
        result->rival_version = read_version_before(reader);
    }
}

static void read_claim(struct runlog_reader *reader, uint32_t expected, struct omega_claim *claim,
                       struct omega_claim_result *result)
{
    struct codec_in *block = &reader->block;
    *claim = (struct omega_claim){0};
    *result = (struct omega_claim_result){.rival = OMEGA_INSTANCE_NONE};
    uint32_t head =
        (uint32_t)codec_number(block, ((uint32_t)OMEGA_GROUPS_MAX << RUNLOG_CLAIM_GROUP_SHIFT) - 1);
    claim->group = (uint16_t)(head >> RUNLOG_CLAIM_GROUP_SHIFT);
    claim->task = (uint32_t)(expected + codec_signed(block, -(int64_t)OMEGA_TASKS_MAX,
                                                     (int64_t)OMEGA_TASKS_MAX));
    claim->machine = (uint32_t)codec_number(block, UINT32_MAX);
    claim->seq = codec_number(block, UINT64_MAX);
    claim->synced = read_difference(block, reader->record.attempt.synced);
    if ((head & RUNLOG_CLAIM_DEVICES) != 0) {
        claim->devices = (uint8_t)codec_number(block, UINT8_MAX);
    }
    if ((head & RUNLOG_CLAIM_REFUSED) != 0) {
        read_result(reader, result);
    }
}

static int read_transaction(struct runlog_reader *reader, omega_error_t *err)
{
    struct codec_in *block = &reader->block;
    struct runlog_record *record = &reader->record;
    struct omega_transaction *txn = &record->txn;
    txn->job = record->attempt.job;
    txn->attempt = record->attempt.attempt;
    txn->instance = record->attempt.instance;
    txn->synced = record->attempt.synced;
    txn->incarnation = (uint32_t)codec_number(block, UINT32_MAX);
    txn->detection = (uint8_t)codec_number(block, OMEGA_DETECT_COARSE);
    txn->granularity = (uint8_t)codec_number(block, OMEGA_COMMIT_GANG);
    txn->group_count = (uint32_t)codec_number(block, OMEGA_GROUPS_MAX);
    for (uint32_t g = 0; g < txn->group_count; g++) {
        reader->minimum[g] = (uint32_t)codec_number(block, OMEGA_TASKS_MAX);
    }
    txn->group_minimum = txn->granularity == OMEGA_COMMIT_AT_LEAST ? reader->minimum : NULL;
    record->duration_us = (int64_t)codec_number(block, INT64_MAX);
    txn->claim_count = read_count(reader, OMEGA_CLAIMS_MAX, NUMBERS_OF_A_CLAIM);
    if (txn->claim_count > reader->claim_room) {
        uint32_t room = 0;
        int rc = make_room((void **)&reader->results, &room, txn->claim_count,
                           sizeof *reader->results, err);
        rc = rc == OMEGA_OK ? make_room((void **)&reader->claims, &reader->claim_room,
                                        txn->claim_count, sizeof *reader->claims, err)
                            : rc;
        if (rc != OMEGA_OK) {
            return rc;
        }
    }
    uint32_t expected = 0;
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        read_claim(reader, expected, &reader->claims[i], &reader->results[i]);
        expected = reader->claims[i].task + 1;
    }
    txn->claims = reader->claims;
    record->results = reader->results;
    return OMEGA_OK;
}

static int read_released(struct runlog_reader *reader, omega_error_t *err)
{
    struct codec_in *block = &reader->block;
    /* a run of bytes says a million placements: the count itself has to be believable */
    uint32_t count = (uint32_t)codec_number(block, RUNLOG_RELEASED_MAX);
    uint32_t got = 0;
    while (got < count && !block->failed) {
        uint64_t version = read_version_before(reader);
        uint32_t position = (uint32_t)codec_number(block, OMEGA_CLAIMS_MAX - 1);
        uint32_t run = (uint32_t)codec_number(block, 2 * OMEGA_CLAIMS_MAX + 1);
        uint32_t length = run >> 1;
        if (length == 0 || length > count - got || length > OMEGA_CLAIMS_MAX - position ||
            version > OMEGA_VERSION_MAX) {
            block->failed = true;
        }
        int rc = block->failed ? OMEGA_OK
                               : make_room((void **)&reader->released, &reader->released_room,
                                           got + length, sizeof *reader->released, err);
        if (rc != OMEGA_OK) {
            return rc;
        }
        for (uint32_t i = 0; !block->failed && i < length; i++) {
            reader->released[got++] = (struct store_release_result){
                .placement = omega_placement_id(version, position + i),
                .released = run & 1,
            };
        }
    }
    reader->record.released = reader->released;
    reader->record.released_count = got;
    return OMEGA_OK;
}

static int read_machine_event(struct runlog_reader *reader, omega_error_t *err)
{
    struct codec_in *block = &reader->block;
    struct omega_machine_event *event = &reader->record.event;
    event->time_us = reader->record.time_us;
    event->machine = (uint32_t)codec_number(block, UINT32_MAX);
    event->kind = (uint8_t)codec_number(block, OMEGA_EVENT_CAPACITY);
    event->cpu_milli = (int32_t)codec_number(block, OMEGA_CPU_MILLI_MAX);
    event->mem_mib = (int32_t)codec_number(block, OMEGA_MEM_MIB_MAX);
    event->gpu_devices = (uint8_t)codec_number(block, OMEGA_GPU_DEVICES_MAX);
    return read_released(reader, err);
}

static int read_counter(struct runlog_reader *reader, omega_error_t *err)
{
    struct codec_in *block = &reader->block;
    struct runlog_record *record = &reader->record;
    record->scheduler = (uint32_t)codec_number(block, RUNLOG_SCHEDULERS_MAX);
    record->value = codec_signed(block, INT64_MIN, INT64_MAX);
    record->name = read_text(reader);
    if (record->scheduler >= reader->opening.scheduler_count) {
        block->failed = true;
    }
    return record->name == NULL ? no_memory(err) : OMEGA_OK;
}

static int read_body(struct runlog_reader *reader, omega_error_t *err)
{
    struct runlog_record *record = &reader->record;
    switch ((enum runlog_kind)record->kind) {
    case RUNLOG_PRELOAD:
        return read_placements(reader, err);
    case RUNLOG_SUBMISSION:
        return read_submission(reader, err);
    case RUNLOG_ATTEMPT:
        read_attempt(reader);
        return OMEGA_OK;
    case RUNLOG_NOTHING:
        read_attempt(reader);
        record->attempt.claims = (uint32_t)codec_number(&reader->block, OMEGA_CLAIMS_MAX);
        return OMEGA_OK;
    case RUNLOG_TRANSACTION:
        read_attempt(reader);
        return read_transaction(reader, err);
    case RUNLOG_RELEASE:
        return read_released(reader, err);
    case RUNLOG_MACHINE:
        return read_machine_event(reader, err);
    case RUNLOG_ABANDONMENT:
        record->job_id = read_job_id(reader);
        record->tasks = (uint32_t)codec_number(&reader->block, OMEGA_TASKS_MAX);
        return OMEGA_OK;
    case RUNLOG_RETRY:
        record->job_id = read_job_id(reader);
        return OMEGA_OK;
    case RUNLOG_COUNTER:
        return read_counter(reader, err);
    case RUNLOG_RESTART:
        record->instance = (uint16_t)codec_number(&reader->block, RUNLOG_INSTANCES_MAX);
        record->incarnation = (uint32_t)codec_number(&reader->block, UINT32_MAX);
        reader->block.failed = reader->block.failed || record->instance >= reader->instances;
        return OMEGA_OK;
    case RUNLOG_HORIZON:
        return OMEGA_OK;
    case RUNLOG_KINDS:
        break;
    }
    return corrupt(reader, err, "a record of no known kind");
}

static int read_record(struct runlog_reader *reader, omega_error_t *err)
{
    struct codec_in *block = &reader->block;
    struct runlog_record *record = &reader->record;
    *record = (struct runlog_record){0};
    reader->number++;
    uint32_t kind = (uint32_t)codec_number(block, 2 * RUNLOG_KINDS - 1);
    record->kind = (uint8_t)(kind >> 1);
    record->changes = (kind & 1) != 0;
    record->time_us = (int64_t)read_difference(block, (uint64_t)reader->last_time);
    record->version = read_difference(block, reader->last_version);
    if (record->time_us < 0 || record->version > OMEGA_VERSION_MAX) {
        block->failed = true;
    }
    reader->last_time = record->time_us;
    reader->last_version = record->version;
    int rc = check_numbers(reader, err);
    rc = rc == OMEGA_OK ? read_body(reader, err) : rc;
    return rc == OMEGA_OK ? check_numbers(reader, err) : rc;
}

/* The end block, and nothing behind it. */
static int read_end(struct runlog_reader *reader, omega_error_t *err)
{
    uint64_t machines = codec_u64(&reader->block);
    uint64_t records = codec_u64(&reader->block);
    int rc = check_numbers(reader, err);
    if (rc == OMEGA_OK &&
        (machines != reader->opening.machine_count || records != reader->number)) {
        rc = omega_error_set_at(err, OMEGA_ECORRUPT, reader->name, 0,
                                "holds %u machines and %" PRIu64 " records, its end says %" PRIu64
                                " and %" PRIu64,
                                reader->opening.machine_count, reader->number, machines, records);
    }
    if (rc == OMEGA_OK && (reader->block.at < reader->block.size || fgetc(reader->stream) != EOF)) {
        rc = corrupt(reader, err, "bytes behind the end, expected none");
    }
    return rc;
}

int runlog_reader_next(struct runlog_reader *reader, const struct runlog_record **record,
                       omega_error_t *err)
{
    int rc = reader->cut ? ended(reader, err) : OMEGA_OK;
    while (rc == OMEGA_OK && reader->type == RUNLOG_BLOCK_RECORDS &&
           reader->block.at == reader->block.size) {
        rc = read_block(reader, RUNLOG_BLOCK_RECORDS, RUNLOG_BLOCK_END, err);
    }
    if (rc != OMEGA_OK || reader->type == RUNLOG_BLOCK_END) {
        return rc == OMEGA_OK ? read_end(reader, err) : rc;
    }
    rc = read_record(reader, err);
    *record = &reader->record;
    return rc == OMEGA_OK ? 1 : rc;
}

/* ---- opening and closing ---- */

static int open_reader(struct runlog_reader *reader, const char *name, omega_error_t *err)
{
    reader->name = strdup(name);
    reader->texts = symbols_create();
    reader->catalogue = catalogue_create();
    reader->groups = calloc(OMEGA_GROUPS_MAX, sizeof *reader->groups);
    reader->minimum = calloc(OMEGA_GROUPS_MAX, sizeof *reader->minimum);
    if (reader->name == NULL || reader->texts == NULL || reader->catalogue == NULL ||
        reader->groups == NULL || reader->minimum == NULL) {
        return no_memory(err);
    }
    int rc = read_header(reader, err);
    rc = rc == OMEGA_OK ? read_block(reader, RUNLOG_BLOCK_OPENING, RUNLOG_BLOCK_OPENING, err) : rc;
    rc = rc == OMEGA_OK ? read_opening(reader, err) : rc;
    return rc == OMEGA_OK ? read_machines(reader, err) : rc;
}

int runlog_reader_stream(FILE *stream, const char *name, struct runlog_reader **out,
                         omega_error_t *err)
{
    struct runlog_reader *reader = calloc(1, sizeof *reader);
    *out = NULL;
    if (reader == NULL) {
        fclose(stream);
        return no_memory(err);
    }
    reader->stream = stream;
    int rc = open_reader(reader, name, err);
    if (rc != OMEGA_OK) {
        runlog_reader_close(reader);
        return rc;
    }
    *out = reader;
    return OMEGA_OK;
}

int runlog_reader_open(const char *path, struct runlog_reader **reader, omega_error_t *err)
{
    FILE *stream = fopen(path, "re");
    *reader = NULL;
    if (stream == NULL) {
        return omega_error_set_errno(err, path, "cannot open");
    }
    return runlog_reader_stream(stream, path, reader, err);
}

void runlog_reader_close(struct runlog_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    fclose(reader->stream);
    symbols_destroy(reader->texts);
    catalogue_destroy(reader->catalogue);
    free(reader->name);
    free(reader->bytes);
    free(reader->workloads);
    free(reader->machines);
    free(reader->groups);
    free(reader->durations);
    free(reader->claims);
    free(reader->results);
    free(reader->minimum);
    free(reader->placements);
    free(reader->ends_us);
    free(reader->released);
    free(reader);
}

const struct runlog_opening *runlog_reader_opening(const struct runlog_reader *reader)
{
    return &reader->opening;
}

const char *runlog_reader_name(const struct runlog_reader *reader)
{
    return reader->name;
}

uint64_t runlog_reader_number(const struct runlog_reader *reader)
{
    return reader->number;
}
