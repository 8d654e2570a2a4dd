/* SPDX-License-Identifier: MIT */
/*
 * Writing the run log; see core/runlog/README.md for its layout. Records go straight into the block
 * that is being filled: room is made once for a record, at its largest, so that no number of it
 * needs a check of its own.
 */
#include "core/runlog/runlog.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "core/base/codec.h"
#include "core/model/mapreduce.h"
#include "core/runlog/runlog_format.h"

#define NUMBER_MAX 10       /* bytes of a number at its largest */
#define RECORD_NUMBERS 32   /* of a record, without its lists */
#define CLAIM_NUMBERS 9     /* of a claim with its result */
#define PLACEMENT_NUMBERS 9 /* of an initial placement */
#define GROUP_NUMBERS 9
#define RUN_NUMBERS 4 /* of a run of placements that ended */

struct runlog {
    FILE *stream;
    uint8_t *bytes; /* the block being filled */
    uint8_t *at;
    size_t room;
    uint64_t machines; /* so far */
    uint64_t records;
    int status;               /* OMEGA_ENOMEM, OMEGA_EFULL: something was lost */
    struct runlog_mark *mark; /* or NULL */
    /* for differences: of the record before in this block */
    uint64_t last_version;
    uint64_t last_job;
    int64_t last_time;
};

const char *runlog_kind_name(uint8_t kind)
{
    static const char *const names[RUNLOG_KINDS] = {
        [0] = "?",
        [RUNLOG_PRELOAD] = "preload",
        [RUNLOG_SUBMISSION] = "submission",
        [RUNLOG_ATTEMPT] = "attempt",
        [RUNLOG_NOTHING] = "attempt without a transaction",
        [RUNLOG_TRANSACTION] = "transaction",
        [RUNLOG_RELEASE] = "release",
        [RUNLOG_MACHINE] = "machine event",
        [RUNLOG_ABANDONMENT] = "abandonment",
        [RUNLOG_RETRY] = "retry",
        [RUNLOG_COUNTER] = "counter",
        [RUNLOG_HORIZON] = "horizon",
        [RUNLOG_RESTART] = "restart",
    };
    return kind < RUNLOG_KINDS ? names[kind] : "?";
}

/* ---- blocks ---- */

static void put_block(FILE *stream, uint32_t type, const void *bytes, size_t size)
{
    struct codec_out header = {0};
    codec_put_u32(&header, type);
    codec_put_u64(&header, size);
    codec_put_u64(&header, XXH3_64bits_withSeed(bytes, size, type));
    fwrite(header.bytes, 1, header.size, stream);
    fwrite(bytes, 1, size, stream);
    codec_out_release(&header);
}

/* The same for a block made by the codec, which it releases. */
static int put_coded(FILE *stream, uint32_t type, struct codec_out *block, omega_error_t *err)
{
    bool failed = block->failed;
    if (!failed) {
        put_block(stream, type, block->bytes, block->size);
    }
    codec_out_release(block);
    return failed ? omega_error_set(err, OMEGA_ENOMEM, "no memory for the run log") : OMEGA_OK;
}

/* Moves a mark behind the block that was being written. */
static void move_mark(struct runlog_mark *mark, uint64_t bytes)
{
    uint64_t to = (mark->turn + 1) % 2;
    mark->whole[to].bytes = runlog_mark_bytes(mark) + bytes;
    mark->whole[to].records = mark->next;
    __atomic_store_n(&mark->turn, mark->turn + 1, __ATOMIC_RELEASE);
}

/* A block that is whole on the stream is there for good, so that the mark may go behind it. */
static void write_records(struct runlog *log, size_t size)
{
    struct runlog_mark *mark = log->mark;
    if (mark != NULL) {
        mark->next = log->records;
    }
    put_block(log->stream, RUNLOG_BLOCK_RECORDS, log->bytes, size);
    if (mark != NULL && fflush(log->stream) == 0) {
        move_mark(mark, RUNLOG_BLOCK_HEADER_SIZE + size);
    }
}

static void close_records(struct runlog *log)
{
    if (log->at > log->bytes) {
        write_records(log, (size_t)(log->at - log->bytes));
    }
    log->at = log->bytes;
    log->last_version = 0;
    log->last_job = 0;
    log->last_time = 0;
}

static bool reserve(struct runlog *log, size_t more)
{
    size_t size = (size_t)(log->at - log->bytes);
    if (size + more <= log->room) {
        return true;
    }
    uint8_t *grown = realloc(log->bytes, size + more);
    if (grown == NULL) {
        log->status = OMEGA_ENOMEM;
        return false;
    }
    log->bytes = grown;
    log->at = grown + size;
    log->room = size + more;
    return true;
}

/* ---- the opening ---- */

static void put_tables(struct codec_out *block, const struct runlog_opening *opening)
{
    codec_put_number(block, opening->scheduler_count);
    for (uint32_t i = 0; i < opening->scheduler_count; i++) {
        const struct runlog_scheduler *scheduler = &opening->schedulers[i];
        codec_put_text(block, scheduler->name);
        codec_put_number(block, scheduler->instances);
        codec_put_number(block, scheduler->detection);
        codec_put_number(block, scheduler->granularity);
        codec_put_number(block, scheduler->places_at_end);
        codec_put_number(block, scheduler->at_least);
    }
    codec_put_number(block, opening->workload_count);
    for (uint32_t i = 0; i < opening->workload_count; i++) {
        codec_put_text(block, opening->workloads[i].name);
        codec_put_number(block, opening->workloads[i].scheduler);
    }
    uint32_t constraints = catalogue_constraints_count(opening->catalogue);
    codec_put_number(block, constraints);
    for (uint32_t i = 1; i < constraints; i++) {
        codec_put_text(block, catalogue_constraints_text(opening->catalogue, i));
    }
    uint32_t attributes = catalogue_attributes_count(opening->catalogue);
    codec_put_number(block, attributes);
    for (uint32_t i = 1; i < attributes; i++) {
        codec_put_text(block, catalogue_attributes_text(opening->catalogue, i));
    }
}

static int put_opening(FILE *stream, const struct runlog_opening *opening, omega_error_t *err)
{
    struct codec_out block = {0};
    codec_put_text(&block, opening->experiment);
    codec_put_text(&block, opening->text);
    codec_put_text(&block, opening->sha256);
    codec_put_text(&block, opening->variant);
    codec_put_number(&block, opening->seed);
    codec_put_number(&block, opening->segment);
    codec_put_number(&block, opening->segments);
    codec_put_number(&block, (uint64_t)opening->warmup_us);
    codec_put_number(&block, (uint64_t)opening->horizon_us);
    codec_put_number(&block, (uint64_t)opening->overcommit.cpu_permille);
    codec_put_number(&block, (uint64_t)opening->overcommit.mem_permille);
    codec_put_number(&block, (uint64_t)opening->overcommit.gpu_permille);
    codec_put_number(&block, opening->release_raises_seq);
    codec_put_number(&block, opening->drops_cut_attempts);
    codec_put_number(&block, opening->lost);
    codec_put_number(&block, opening->compat);
    put_tables(&block, opening);
    codec_put_text(&block, opening->recorded == NULL ? "" : opening->recorded);
    codec_put_number(&block, opening->assignment);
    codec_put_number(&block, opening->live);
    return put_coded(stream, RUNLOG_BLOCK_OPENING, &block, err);
}

static int put_machines(struct runlog *log, const struct runlog_opening *opening,
                        omega_error_t *err)
{
    struct codec_out block = {0};
    const struct symbols *symbols = catalogue_symbols(opening->catalogue);
    int rc = OMEGA_OK;
    for (uint32_t i = 0; rc == OMEGA_OK && i < opening->machine_count; i++) {
        const struct omega_machine_spec *machine = &opening->machines[i];
        codec_put_text(&block, symbols_text(symbols, machine->name));
        codec_put_number(&block, machine->attributes);
        codec_put_number(&block, (uint64_t)machine->cpu_milli);
        codec_put_number(&block, (uint64_t)machine->mem_mib);
        codec_put_number(&block, machine->gpu_devices);
        codec_put_number(&block, machine->absent != 0);
        log->machines++;
        if (block.size >= RUNLOG_BLOCK_SIZE || i + 1 == opening->machine_count) {
            rc = put_coded(log->stream, RUNLOG_BLOCK_MACHINES, &block, err);
        }
    }
    return rc;
}

static int check_opening(const struct runlog_opening *opening, omega_error_t *err)
{
    uint64_t instances = 0;
    for (uint32_t i = 0; i < opening->scheduler_count; i++) {
        instances += opening->schedulers[i].instances;
    }
    if (opening->scheduler_count > RUNLOG_SCHEDULERS_MAX || instances > RUNLOG_INSTANCES_MAX ||
        opening->workload_count > RUNLOG_WORKLOADS_MAX || strlen(opening->text) > RUNLOG_TEXT_MAX) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "the experiment is too large for a run log, expected at most %u "
                               "schedulers, %u instances, %u workloads and %u bytes",
                               RUNLOG_SCHEDULERS_MAX, RUNLOG_INSTANCES_MAX, RUNLOG_WORKLOADS_MAX,
                               RUNLOG_TEXT_MAX);
    }
    return OMEGA_OK;
}

int runlog_create(const struct runlog_opening *opening, FILE *stream, struct runlog **out,
                  omega_error_t *err)
{
    *out = NULL;
    int rc = check_opening(opening, err);
    struct runlog *log = rc == OMEGA_OK ? calloc(1, sizeof *log) : NULL;
    if (log == NULL) {
        return rc != OMEGA_OK ? rc : omega_error_set(err, OMEGA_ENOMEM, "no memory for a run log");
    }
    log->stream = stream;
    struct codec_out header = {0};
    codec_put_bytes(&header, RUNLOG_MAGIC, RUNLOG_MAGIC_SIZE);
    codec_put_u32(&header, RUNLOG_VERSION);
    fwrite(header.bytes, 1, header.size, stream);
    codec_out_release(&header);
    rc = put_opening(stream, opening, err);
    rc = rc == OMEGA_OK ? put_machines(log, opening, err) : rc;
    if (rc == OMEGA_OK && !reserve(log, 2 * RUNLOG_BLOCK_SIZE)) {
        rc = omega_error_set(err, OMEGA_ENOMEM, "no memory for a run log");
    }
    if (rc != OMEGA_OK) {
        runlog_destroy(log);
        return rc;
    }
    *out = log;
    return OMEGA_OK;
}

/* ---- records ---- */

static inline uint8_t *put(uint8_t *at, uint64_t value)
{
    while (value >= 0x80) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

static inline uint8_t *put_signed(uint8_t *at, int64_t value)
{
    uint64_t doubled = (uint64_t)value << 1;
    return put(at, value < 0 ? ~doubled : doubled);
}

/* a - b, which may lie on either side of 0. */
static inline uint8_t *put_difference(uint8_t *at, uint64_t a, uint64_t b)
{
    return put_signed(at, (int64_t)(a - b));
}

static uint8_t *put_job_id(uint8_t *at, struct runlog *log, uint64_t job)
{
    at = put_difference(at, job, log->last_job);
    log->last_job = job;
    return at;
}

static uint8_t *put_duration(uint8_t *at, int64_t duration_us)
{
    return put(at, duration_us == OMEGA_NEVER ? RUNLOG_DURATION_NEVER
                                              : (uint64_t)duration_us + RUNLOG_DURATION_FIRST);
}

static uint8_t *put_placements(uint8_t *at, const struct runlog_record *record)
{
    at = put(at, record->placement_count);
    for (uint32_t i = 0; i < record->placement_count; i++) {
        const struct store_placement *placement = &record->placements[i];
        at = put(at, placement->machine);
        at = put(at, (uint64_t)placement->request.cpu_milli);
        at = put(at, (uint64_t)placement->request.mem_mib);
        at = put(at, placement->request.gpu_devices);
        at = put(at, (uint64_t)placement->request.gpu_milli);
        at = put(at, placement->devices);
        at = put(at, placement->band);
        at = put_duration(at, record->ends_us[i]);
    }
    return at;
}

static uint8_t *put_group(uint8_t *at, const struct omega_task_group *group)
{
    at = put(at, group->count);
    at = put(at, group->optional);
    at = put(at, group->constraints);
    at = put(at, (uint64_t)group->request.cpu_milli);
    at = put(at, (uint64_t)group->request.mem_mib);
    at = put(at, group->request.gpu_devices);
    at = put(at, (uint64_t)group->request.gpu_milli);
    if (group->task_duration_us == NULL) {
        return put_duration(at, group->duration_us);
    }
    at = put(at, RUNLOG_DURATION_LIST);
    for (uint32_t i = 0; i < group->count + group->optional; i++) {
        at = put_duration(at, group->task_duration_us[i]);
    }
    return at;
}

static uint8_t *put_submission(uint8_t *at, struct runlog *log, const struct omega_job *job)
{
    at = put_job_id(at, log, job->id);
    at = put(at, job->workload);
    at = put_signed(at, job->precedence);
    if (omega_job_is_mapreduce(job)) {
        at = put(at, 0); /* no number of groups: that follows */
        at = put(at, job->mapreduce.map_activities);
        at = put(at, job->mapreduce.reduce_activities);
        at = put(at, (uint64_t)job->mapreduce.map_mean_us);
        at = put(at, (uint64_t)job->mapreduce.reduce_mean_us);
        at = put(at, job->mapreduce.workers_asked);
    }
    at = put(at, job->group_count);
    for (uint32_t g = 0; g < job->group_count; g++) {
        at = put_group(at, &job->groups[g]);
    }
    return at;
}

static uint8_t *put_attempt(uint8_t *at, struct runlog *log, const struct runlog_record *record)
{
    const struct runlog_attempt *attempt = &record->attempt;
    at = put_job_id(at, log, attempt->job);
    at = put(at, attempt->attempt);
    at = put(at, attempt->instance);
    at = put(at, attempt->planned);
    if (attempt->planned) {
        at = put_difference(at, record->version, attempt->synced);
        at = put_signed(at, record->time_us - attempt->synced_us);
    }
    return at;
}

static uint8_t *put_result(uint8_t *at, const struct omega_claim_result *result, uint64_t version)
{
    at = put(at, (uint64_t)result->outcome << 1 | result->other_refuses);
    if (result->rival == OMEGA_INSTANCE_NONE) {
        return put(at, 0);
    }
    at = put(at, result->rival + 1u);
    return put_difference(at, version, result->rival_version);
}

static uint8_t *put_claims(uint8_t *at, const struct runlog_record *record)
{
    const struct omega_transaction *txn = &record->txn;
    uint32_t other = 0;
    uint32_t expected = 0; /* tasks tend to come in a row */
    at = put(at, txn->claim_count);
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        const struct omega_claim claim = omega_transaction_claim(txn, i);
        const bool refused = omega_is_other(txn, record->results, i, &other);
        uint32_t flags = (claim.devices != 0 ? RUNLOG_CLAIM_DEVICES : 0u) |
                         (refused ? RUNLOG_CLAIM_REFUSED : 0u);
        at = put(at, (uint32_t)claim.group << RUNLOG_CLAIM_GROUP_SHIFT | flags);
        at = put_signed(at, (int64_t)claim.task - expected);
        at = put(at, claim.machine);
        at = put(at, claim.seq);
        at = put_difference(at, claim.synced, record->attempt.synced);
        if ((flags & RUNLOG_CLAIM_DEVICES) != 0) {
            at = put(at, claim.devices);
        }
        if (refused) {
            at = put_result(at, &record->results[i], record->version);
        }
        expected = claim.task + 1;
    }
    return at;
}

static uint8_t *put_transaction(uint8_t *at, const struct runlog_record *record)
{
    const struct omega_transaction *txn = &record->txn;
    at = put(at, txn->incarnation);
    at = put(at, txn->detection);
    at = put(at, txn->granularity);
    uint32_t groups = txn->granularity == OMEGA_COMMIT_AT_LEAST ? txn->group_count : 0;
    at = put(at, groups);
    for (uint32_t g = 0; g < groups; g++) {
        at = put(at, txn->group_minimum[g]);
    }
    at = put(at, (uint64_t)record->duration_us);
    return put_claims(at, record);
}

/* Placements from one on that follow each other, of one version and with the same answer. */
static uint8_t *put_run(uint8_t *at, const struct runlog_record *record, uint64_t first,
                        uint32_t length, uint8_t released)
{
    at = put_difference(at, record->version, omega_placement_version(first));
    at = put(at, omega_placement_position(first));
    return put(at, (uint64_t)length << 1 | released);
}

static uint8_t *put_released(uint8_t *at, const struct runlog_record *record)
{
    const struct store_release_result *released = record->released;
    at = put(at, record->released_count);
    if (released == NULL && record->released_count > 0) {
        return put_run(at, record, record->first_released, record->released_count, 1);
    }
    for (uint32_t i = 0; i < record->released_count;) {
        uint32_t length = 1;
        while (i + length < record->released_count &&
               released[i + length].placement == released[i].placement + length &&
               released[i + length].released == released[i].released) {
            length++;
        }
        at = put_run(at, record, released[i].placement, length, released[i].released);
        i += length;
    }
    return at;
}

static uint8_t *put_machine_event(uint8_t *at, const struct runlog_record *record)
{
    const struct omega_machine_event *event = &record->event;
    at = put(at, event->machine);
    at = put(at, event->kind);
    at = put(at, (uint64_t)event->cpu_milli);
    at = put(at, (uint64_t)event->mem_mib);
    at = put(at, event->gpu_devices);
    return put_released(at, record);
}

static uint8_t *put_counter(uint8_t *at, const struct runlog_record *record)
{
    size_t length = strlen(record->name);
    at = put(at, record->scheduler);
    at = put_signed(at, record->value);
    at = put(at, length);
    memcpy(at, record->name, length);
    return at + length;
}

static uint8_t *put_body(uint8_t *at, struct runlog *log, const struct runlog_record *record)
{
    switch ((enum runlog_kind)record->kind) {
    case RUNLOG_PRELOAD:
        return put_placements(at, record);
    case RUNLOG_SUBMISSION:
        return put_submission(at, log, record->job);
    case RUNLOG_ATTEMPT:
        return put_attempt(at, log, record);
    case RUNLOG_NOTHING:
        at = put_attempt(at, log, record);
        return put(at, record->attempt.claims);
    case RUNLOG_TRANSACTION:
        at = put_attempt(at, log, record);
        return put_transaction(at, record);
    case RUNLOG_RELEASE:
        return put_released(at, record);
    case RUNLOG_MACHINE:
        return put_machine_event(at, record);
    case RUNLOG_ABANDONMENT:
        at = put_job_id(at, log, record->job_id);
        return put(at, record->tasks);
    case RUNLOG_RETRY:
        return put_job_id(at, log, record->job_id);
    case RUNLOG_COUNTER:
        return put_counter(at, record);
    case RUNLOG_RESTART:
        at = put(at, record->instance);
        return put(at, record->incarnation);
    case RUNLOG_HORIZON:
    case RUNLOG_KINDS:
        break;
    }
    return at;
}

/* How many bytes a record takes at most. */
static size_t bytes_of(const struct runlog_record *record)
{
    size_t numbers = RECORD_NUMBERS;
    switch ((enum runlog_kind)record->kind) {
    case RUNLOG_PRELOAD:
        numbers += (size_t)record->placement_count * PLACEMENT_NUMBERS;
        break;
    case RUNLOG_SUBMISSION:
        for (uint32_t g = 0; g < record->job->group_count; g++) {
            const struct omega_task_group *group = &record->job->groups[g];
            numbers += GROUP_NUMBERS;
            numbers += group->task_duration_us == NULL ? 0 : group->count + group->optional;
        }
        break;
    case RUNLOG_TRANSACTION:
        numbers += (size_t)record->txn.claim_count * CLAIM_NUMBERS + record->txn.group_count;
        break;
    case RUNLOG_RELEASE:
    case RUNLOG_MACHINE:
        numbers += (record->released == NULL ? 1 : (size_t)record->released_count) * RUN_NUMBERS;
        break;
    case RUNLOG_COUNTER:
        numbers += strlen(record->name);
        break;
    default:
        break;
    }
    return numbers * NUMBER_MAX;
}

void runlog_put(struct runlog *log, const struct runlog_record *record)
{
    if (record->released_count > RUNLOG_RELEASED_MAX) {
        log->status = OMEGA_EFULL;
        return;
    }
    if (!reserve(log, bytes_of(record))) {
        return;
    }
    uint8_t *at = log->at;
    at = put(at, (uint64_t)record->kind << 1 | record->changes);
    at = put_signed(at, record->time_us - log->last_time);
    at = put_difference(at, record->version, log->last_version);
    log->last_time = record->time_us;
    log->last_version = record->version;
    log->at = put_body(at, log, record);
    log->records++;
    if (log->at - log->bytes >= (ptrdiff_t)RUNLOG_BLOCK_SIZE) {
        close_records(log);
    }
}

/* ---- segments that outlive their writers ---- */

void runlog_follow(struct runlog *log, struct runlog_mark *mark)
{
    log->mark = mark;
    log->records = runlog_mark_records(mark);
}

void runlog_sync(struct runlog *log)
{
    close_records(log);
}

uint64_t runlog_records(const struct runlog *log)
{
    return log->records;
}

int runlog_mark_init(struct runlog_mark *mark, FILE *stream, omega_error_t *err)
{
    off_t at = fflush(stream) == 0 ? ftello(stream) : -1;
    if (at < 0) {
        return omega_error_set_errno(err, NULL, "cannot write the run log");
    }
    *mark = (struct runlog_mark){.whole[0].bytes = (uint64_t)at};
    return OMEGA_OK;
}

/* Is the block behind the mark whole? Its writer may have died just before it moved the mark. */
static bool is_whole(int fd, off_t at, uint64_t size, uint64_t *whole)
{
    uint8_t head[RUNLOG_BLOCK_HEADER_SIZE];
    if (size < sizeof head || pread(fd, head, sizeof head, at) != (ssize_t)sizeof head) {
        return false;
    }
    struct codec_in header = {.bytes = head, .size = sizeof head};
    uint32_t type = codec_u32(&header);
    uint64_t length = codec_u64(&header);
    uint64_t sum = codec_u64(&header);
    *whole = sizeof head + length;
    uint8_t *bytes =
        type == RUNLOG_BLOCK_RECORDS && length == size - sizeof head ? malloc(length) : NULL;
    bool same = bytes != NULL &&
                pread(fd, bytes, length, at + (off_t)sizeof head) == (ssize_t)length &&
                XXH3_64bits_withSeed(bytes, length, type) == sum;
    free(bytes);
    return same;
}

int runlog_mend(struct runlog_mark *mark, FILE *stream, omega_error_t *err)
{
    int fd = fileno(stream);
    struct stat status;
    uint64_t at = runlog_mark_bytes(mark);
    uint64_t whole = 0;
    if (fstat(fd, &status) == 0 && (uint64_t)status.st_size > at &&
        is_whole(fd, (off_t)at, (uint64_t)status.st_size - at, &whole)) {
        move_mark(mark, whole);
        at += whole;
    }
    if (ftruncate(fd, (off_t)at) != 0 || lseek(fd, (off_t)at, SEEK_SET) != (off_t)at) {
        return omega_error_set_errno(err, NULL, "cannot mend the run log");
    }
    return OMEGA_OK;
}

int runlog_finish(struct runlog *log, omega_error_t *err)
{
    struct codec_out block = {0};
    close_records(log);
    codec_put_u64(&block, log->machines);
    codec_put_u64(&block, log->records);
    int rc = put_coded(log->stream, RUNLOG_BLOCK_END, &block, err);
    if (rc == OMEGA_OK && log->status != OMEGA_OK) {
        rc = omega_error_set(err, log->status,
                             log->status == OMEGA_ENOMEM
                                 ? "no memory for the run log"
                                 : "more placements ended at once than a record of the run log "
                                   "has room for");
    }
    if (rc == OMEGA_OK && (fflush(log->stream) != 0 || ferror(log->stream))) {
        rc = omega_error_set(err, OMEGA_EIO, "cannot write the run log");
    }
    return rc;
}

void runlog_destroy(struct runlog *log)
{
    if (log != NULL) {
        free(log->bytes);
        free(log);
    }
}
