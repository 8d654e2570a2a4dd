/* SPDX-License-Identifier: MIT */
/* The run log's bytes: each kind of record comes back as it was put, and damage is named. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/base/codec.h"
#include "core/base/random.h"
#include "core/runlog/runlog_check.h"
#include "core/runlog/runlog_format.h"
#include "core/runlog/runlog_read.h"
#include "tests/support/check_main.h"

#define END_BLOCK_BYTES (RUNLOG_BLOCK_HEADER_SIZE + 16) /* two numbers in it */

/* ---- a small log ---- */

static const struct runlog_scheduler schedulers[] = {
    {"one", 2, OMEGA_DETECT_FINE, OMEGA_COMMIT_TASK, false, 0},
    {"two", 1, OMEGA_DETECT_COARSE, OMEGA_COMMIT_AT_LEAST, true, 3},
};
static const struct runlog_workload workloads[] = {{"jobs", 0}, {"others", 1}};
static struct omega_machine_spec machines[2];

static struct runlog_opening make_opening(struct catalogue *catalogue)
{
    uint32_t set = 0;
    ck_assert_int_eq(catalogue_constraints(catalogue, "kind=a;different_machines", &set, NULL), 0);
    ck_assert_int_eq(catalogue_attributes(catalogue, "kind=a", &set, NULL), 0);
    machines[0] = (struct omega_machine_spec){.cpu_milli = 4000, .mem_mib = 100, .attributes = set};
    machines[1] = (struct omega_machine_spec){
        .cpu_milli = 1, .mem_mib = OMEGA_MEM_MIB_MAX, .gpu_devices = 8, .absent = 1};
    machines[0].name = symbols_intern(catalogue_symbols(catalogue), "m-0");
    machines[1].name = symbols_intern(catalogue_symbols(catalogue), "m-1");
    return (struct runlog_opening){
        .experiment = "small",
        .text = "{}",
        .sha256 = "none",
        .recorded = "{\"files\":[]}",
        .variant = "v",
        .seed = UINT64_MAX,
        .segments = 1,
        .warmup_us = 5,
        .horizon_us = 1000,
        .overcommit = {1000, 1100, 1200},
        .release_raises_seq = true,
        .lost = STORE_LOST_FAIL,
        .schedulers = schedulers,
        .scheduler_count = 2,
        .workloads = workloads,
        .workload_count = 2,
        .catalogue = catalogue,
        .machines = machines,
        .machine_count = 2,
    };
}

/* Writes the records of one of so many segments into *bytes, for free(). */
static void write_segment(uint32_t segment, uint32_t segments, const struct runlog_record *records,
                          size_t count, char **bytes, size_t *size)
{
    struct catalogue *catalogue = catalogue_create();
    struct runlog_opening opening = make_opening(catalogue);
    struct runlog *log = NULL;
    FILE *out = open_memstream(bytes, size);
    opening.segment = segment;
    opening.segments = segments;
    ck_assert_int_eq(runlog_create(&opening, out, &log, NULL), OMEGA_OK);
    for (size_t i = 0; i < count; i++) {
        runlog_put(log, &records[i]);
    }
    ck_assert_int_eq(runlog_finish(log, NULL), OMEGA_OK);
    runlog_destroy(log);
    ck_assert_int_eq(fclose(out), 0);
    catalogue_destroy(catalogue);
}

static void write_log(const struct runlog_record *records, size_t count, char **bytes, size_t *size)
{
    write_segment(0, 1, records, count, bytes, size);
}

static struct runlog_reader *open_log(const char *bytes, size_t size, omega_error_t *err)
{
    struct runlog_reader *reader = NULL;
    FILE *in = fmemopen((void *)(uintptr_t)bytes, size, "r");
    ck_assert_ptr_nonnull(in);
    ck_assert_int_eq(runlog_reader_stream(in, "log", &reader, err), err->code);
    return reader;
}

/* ---- what is put comes back ---- */

static const struct omega_claim claims[] = {
    {.seq = 7, .synced = 90, .task = 4, .machine = 1, .group = 3, .devices = 0x81},
    {.seq = UINT64_MAX, .synced = 95, .task = 2, .machine = 0, .group = 0},
    {.seq = 0, .synced = 90, .task = 3, .machine = 1, .group = 1},
};
static const struct omega_claim_result results[] = {
    {.outcome = OMEGA_CONFLICT_SEQ_CHANGED, .rival = 2, .rival_version = 93, .other_refuses = 1},
    {.outcome = OMEGA_ACCEPTED, .rival = OMEGA_INSTANCE_NONE},
    {.outcome = OMEGA_ABORTED, .rival = OMEGA_INSTANCE_NONE},
};
static const uint32_t minimum[] = {1, 0, 0, 2};

START_TEST(a_transaction_comes_back)
{
    struct runlog_record record = {
        .kind = RUNLOG_TRANSACTION,
        .changes = true,
        .version = 97,
        .time_us = 900,
        .attempt = {.job = UINT64_MAX,
                    .attempt = 3,
                    .instance = 2,
                    .planned = true,
                    .synced = 90,
                    .synced_us = 600},
        .txn = {.incarnation = 4,
                .detection = OMEGA_DETECT_COARSE,
                .granularity = OMEGA_COMMIT_AT_LEAST,
                .group_minimum = minimum,
                .group_count = 4,
                .claim_count = 3,
                .claims = claims},
        .results = results,
        .duration_us = 77,
    };
    char *bytes = NULL;
    size_t size = 0;
    omega_error_t err = {0};
    const struct runlog_record *read = NULL;
    write_log(&record, 1, &bytes, &size);
    struct runlog_reader *reader = open_log(bytes, size, &err);
    ck_assert_int_eq(runlog_reader_next(reader, &read, &err), 1);
    ck_assert(read->kind == RUNLOG_TRANSACTION && read->changes && read->version == 97);
    ck_assert(read->time_us == 900 && read->duration_us == 77);
    ck_assert_mem_eq(&read->attempt, &record.attempt, sizeof record.attempt);
    ck_assert(read->txn.job == UINT64_MAX && read->txn.attempt == 3 && read->txn.synced == 90);
    ck_assert(read->txn.incarnation == 4 && read->txn.detection == OMEGA_DETECT_COARSE);
    ck_assert(read->txn.granularity == OMEGA_COMMIT_AT_LEAST && read->txn.group_count == 4);
    ck_assert_mem_eq(read->txn.group_minimum, minimum, sizeof minimum);
    ck_assert_uint_eq(read->txn.claim_count, 3);
    ck_assert_mem_eq(read->txn.claims, claims, sizeof claims);
    ck_assert_mem_eq(read->results, results, sizeof results);
    ck_assert_int_eq(runlog_reader_next(reader, &read, &err), 0);
    runlog_reader_close(reader);
    free(bytes);
}
END_TEST

/* A submission with MapReduce numbers, and one without. */
START_TEST(submissions_come_back)
{
    struct omega_task_group group = {.count = 2, .optional = 7, .constraints = 1, .duration_us = 5};
    struct omega_job jobs[] = {
        {.id = 9, .workload = 1, .precedence = -3, .group_count = 1, .groups = &group},
        {.id = 3, .workload = 0, .group_count = 1, .groups = &group},
    };
    jobs[0].mapreduce = (struct omega_mapreduce){UINT32_MAX, 0, OMEGA_DURATION_MAX, 0, 2};
    struct runlog_record records[2];
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(omega_job_seal(&jobs[i], &group, NULL), OMEGA_OK);
        records[i] = (struct runlog_record){.kind = RUNLOG_SUBMISSION, .job = &jobs[i]};
    }
    char *bytes = NULL;
    size_t size = 0;
    omega_error_t err = {0};
    const struct runlog_record *read = NULL;
    write_log(records, 2, &bytes, &size);
    struct runlog_reader *reader = open_log(bytes, size, &err);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(runlog_reader_next(reader, &read, &err), 1);
        ck_assert_uint_eq(read->job->id, jobs[i].id);
        ck_assert_int_eq(read->job->precedence, jobs[i].precedence);
        ck_assert_mem_eq(&read->job->mapreduce, &jobs[i].mapreduce, sizeof jobs[i].mapreduce);
        ck_assert_uint_eq(read->job->slots, 9);
        ck_assert_int_eq(read->job->groups[0].duration_us, 5);
    }
    runlog_reader_close(reader);
    free(bytes);
}
END_TEST

START_TEST(ends_come_back)
{
    struct store_release_result released[] = {
        {.placement = omega_placement_id(5, 0), .released = 1},
        {.placement = omega_placement_id(5, 1), .released = 1},
        {.placement = omega_placement_id(5, 2)},
        {.placement = omega_placement_id(9, OMEGA_CLAIMS_MAX - 1), .released = 1},
        {.placement = omega_placement_id(5, 3), .released = 1},
    };
    struct runlog_record record = {
        .kind = RUNLOG_MACHINE,
        .changes = true,
        .version = 7,
        .time_us = 40,
        .event = {.time_us = 40,
                  .machine = 1,
                  .kind = OMEGA_EVENT_CAPACITY,
                  .gpu_devices = 8,
                  .cpu_milli = 3,
                  .mem_mib = OMEGA_MEM_MIB_MAX},
        .released = released,
        .released_count = 5,
    };
    char *bytes = NULL;
    size_t size = 0;
    omega_error_t err = {0};
    const struct runlog_record *read = NULL;
    write_log(&record, 1, &bytes, &size);
    struct runlog_reader *reader = open_log(bytes, size, &err);
    ck_assert_int_eq(runlog_reader_next(reader, &read, &err), 1);
    ck_assert_mem_eq(&read->event, &record.event, sizeof record.event);
    ck_assert_uint_eq(read->released_count, 5);
    ck_assert_mem_eq(read->released, released, sizeof released);
    runlog_reader_close(reader);
    free(bytes);
}
END_TEST

/* The bytes of a log with one record are those of a log with the other one. */
static void expect_same(const struct runlog_record *record, const struct runlog_record *other)
{
    char *bytes[2] = {NULL, NULL};
    size_t sizes[2] = {0, 0};
    write_log(record, 1, &bytes[0], &sizes[0]);
    write_log(other, 1, &bytes[1], &sizes[1]);
    ck_assert_uint_eq(sizes[0], sizes[1]);
    ck_assert_mem_eq(bytes[0], bytes[1], sizes[0]);
    free(bytes[0]);
    free(bytes[1]);
}

START_TEST(a_run_of_ends_is_the_same)
{
    struct store_release_result released[3];
    for (uint32_t i = 0; i < 3; i++) {
        released[i] =
            (struct store_release_result){.placement = omega_placement_id(5, 2 + i), .released = 1};
    }
    struct runlog_record listed = {
        .kind = RUNLOG_RELEASE,
        .changes = true,
        .version = 7,
        .time_us = 40,
        .released = released,
        .released_count = 3,
    };
    struct runlog_record run = listed;
    run.released = NULL;
    run.first_released = released[0].placement;
    expect_same(&listed, &run);
}
END_TEST

/* What is not told of a brief transaction in short follows from it. */
START_TEST(a_transaction_in_short_is_the_same)
{
    static const uint32_t tasks[] = {1, 2, 5};
    static const uint32_t where[] = {0, 1, 0};
    static const uint64_t seqs[] = {3, UINT64_MAX, 0};
    static uint32_t others[] = {1, 77, 77};
    struct omega_claim full[3] = {{.seq = 0}};
    struct omega_claim_result told[3] = {{.outcome = OMEGA_ACCEPTED}};
    struct omega_claim_result untold[3];
    struct omega_brief brief = {others, 1};
    for (uint32_t i = 0; i < 3; i++) {
        full[i] = (struct omega_claim){
            .seq = seqs[i], .synced = 90, .task = tasks[i], .machine = where[i]};
    }
    told[1] = results[0];
    memset(untold, 0xa5, sizeof untold);
    untold[1] = results[0];
    struct runlog_record record = {
        .kind = RUNLOG_TRANSACTION,
        .changes = true,
        .version = 97,
        .attempt = {.job = 1, .attempt = 1, .planned = true, .synced = 90},
        .txn = {.group_count = 1, .claim_count = 3, .synced = 90, .claims = full},
        .results = told,
    };
    struct runlog_record in_short = record;
    in_short.txn.claims = NULL;
    in_short.txn.tasks = tasks;
    in_short.txn.machines = where;
    in_short.txn.seqs = seqs;
    expect_same(&record, &in_short);
    in_short.txn.brief = &brief;
    in_short.results = untold;
    expect_same(&record, &in_short);
}
END_TEST

START_TEST(the_opening_comes_back)
{
    char *bytes = NULL;
    size_t size = 0;
    omega_error_t err = {0};
    write_log(NULL, 0, &bytes, &size);
    struct runlog_reader *reader = open_log(bytes, size, &err);
    const struct runlog_opening *opening = runlog_reader_opening(reader);
    ck_assert_str_eq(opening->experiment, "small");
    ck_assert_str_eq(opening->recorded, "{\"files\":[]}");
    ck_assert_str_eq(opening->variant, "v");
    ck_assert(opening->seed == UINT64_MAX && opening->horizon_us == 1000);
    ck_assert(opening->release_raises_seq && opening->lost == STORE_LOST_FAIL);
    ck_assert(opening->scheduler_count == 2 && opening->schedulers[1].places_at_end);
    ck_assert_uint_eq(opening->schedulers[1].at_least, 3);
    ck_assert_str_eq(opening->workloads[1].name, "others");
    ck_assert(opening->machine_count == 2 && opening->machines[1].absent == 1);
    ck_assert_str_eq(catalogue_attributes_text(opening->catalogue, opening->machines[0].attributes),
                     "kind=a");
    runlog_reader_close(reader);
    free(bytes);
}
END_TEST

/* ---- damage ---- */

START_TEST(damage_is_named)
{
    uint64_t opening_end = 0;
    struct runlog_record record = {.kind = RUNLOG_HORIZON, .time_us = 1000};
    char *bytes = NULL;
    size_t size = 0;
    write_log(&record, 1, &bytes, &size);
    for (size_t at = 0; at < size; at++) {
        omega_error_t err = {0};
        const struct runlog_record *read = NULL;
        bytes[at] = (char)(bytes[at] ^ 0x40);
        struct runlog_reader *reader = open_log(bytes, size, &err);
        while (reader != NULL && runlog_reader_next(reader, &read, &err) == 1) {
        }
        bool opens = at < RUNLOG_HEADER_SIZE + 12; /* its length: it seems to end too early */
        ck_assert_msg(err.code == OMEGA_ECORRUPT || err.code == OMEGA_EVERSION ||
                          (opens && err.code == OMEGA_ECUT),
                      "byte %zu: %s", at, err.text);
        ck_assert_str_eq(err.source, "log");
        runlog_reader_close(reader);
        bytes[at] = (char)(bytes[at] ^ 0x40);
    }
    memcpy(&opening_end, bytes + RUNLOG_HEADER_SIZE + 4, sizeof opening_end);
    opening_end += RUNLOG_HEADER_SIZE + RUNLOG_BLOCK_HEADER_SIZE;
    for (size_t length = 1; length < size; length++) {
        omega_error_t err = {0};
        const struct runlog_record *read = NULL;
        struct runlog_reader *reader = open_log(bytes, length, &err);
        while (reader != NULL && runlog_reader_next(reader, &read, &err) == 1) {
        }
        ck_assert_int_eq(err.code,
                         reader == NULL && opening_end > length ? OMEGA_ECUT : OMEGA_ECORRUPT);
        runlog_reader_close(reader);
    }
    free(bytes);
}
END_TEST

/* A release of one placement more than there may be, in two runs of a few bytes each. */
static void append_release(FILE *out, uint32_t count)
{
    struct codec_out block = {0};
    uint64_t numbers[] = {(uint64_t)RUNLOG_RELEASE << 1 | 1, 0, 0, count, 0, 0, 0, 0, 0, 2};
    numbers[6] = (uint64_t)(count - 1) << 1;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        codec_put_number(&block, numbers[i]);
    }
    uint32_t type = RUNLOG_BLOCK_RECORDS;
    uint64_t length = block.size;
    uint64_t checksum = XXH3_64bits_withSeed(block.bytes, block.size, type);
    fwrite(&type, sizeof type, 1, out);
    fwrite(&length, sizeof length, 1, out);
    fwrite(&checksum, sizeof checksum, 1, out);
    fwrite(block.bytes, 1, block.size, out);
    codec_out_release(&block);
}

/* Bytes are not believed to make more of themselves than a writer could have meant. */
START_TEST(as_many_ends_as_there_may_be)
{
    char *bytes = NULL;
    size_t size = 0;
    omega_error_t err = {0};
    const struct runlog_record *read = NULL;
    write_log(NULL, 0, &bytes, &size);
    char *more = NULL;
    size_t more_size = 0;
    FILE *out = open_memstream(&more, &more_size);
    fwrite(bytes, 1, size - END_BLOCK_BYTES, out);
    append_release(out, RUNLOG_RELEASED_MAX + (_i == 1));
    ck_assert_int_eq(fclose(out), 0);
    struct runlog_reader *reader = open_log(more, more_size, &err);
    ck_assert_int_eq(runlog_reader_next(reader, &read, &err), _i == 0 ? 1 : OMEGA_ECORRUPT);
    ck_assert(_i == 1 || read->released_count == RUNLOG_RELEASED_MAX);
    runlog_reader_close(reader);
    free(bytes);
    free(more);
}
END_TEST

/* Nor is more written than is read. */
START_TEST(more_ends_are_not_written)
{
    char *bytes = NULL;
    size_t size = 0;
    omega_error_t err = {0};
    struct catalogue *catalogue = catalogue_create();
    struct runlog_opening opening = make_opening(catalogue);
    struct runlog *log = NULL;
    struct store_release_result *released = calloc(RUNLOG_RELEASED_MAX + 1, sizeof *released);
    struct runlog_record record = {
        .kind = RUNLOG_RELEASE, .released = released, .released_count = RUNLOG_RELEASED_MAX + 1};
    FILE *out = open_memstream(&bytes, &size);
    ck_assert_int_eq(runlog_create(&opening, out, &log, NULL), OMEGA_OK);
    runlog_put(log, &record);
    ck_assert_int_eq(runlog_finish(log, &err), OMEGA_EFULL);
    ck_assert_ptr_nonnull(strstr(err.text, "more placements ended at once"));
    runlog_destroy(log);
    fclose(out);
    free(bytes);
    free(released);
    catalogue_destroy(catalogue);
}
END_TEST

START_TEST(another_version_is_refused)
{
    char *bytes = NULL;
    size_t size = 0;
    omega_error_t err = {0};
    write_log(NULL, 0, &bytes, &size);
    bytes[RUNLOG_MAGIC_SIZE] = 9;
    ck_assert_ptr_null(open_log(bytes, size, &err));
    ck_assert_int_eq(err.code, OMEGA_EVERSION);
    ck_assert_str_eq(err.text, "is a run log of version 9, expected version 1 to 2");
    runlog_reader_close(NULL);
    runlog_merge_close(NULL);
    runlog_check_destroy(NULL);
    runlog_destroy(NULL);
    free(bytes);
}
END_TEST

/* ---- live ---- */

/* A segment of a run of two, with a submission and a retry behind version 0. */
static struct runlog_reader *open_segment(uint32_t segment, bool live, int64_t first_us,
                                          uint64_t then_version, int64_t then_us)
{
    static char *kept[4];
    static uint32_t used;
    struct catalogue *catalogue = catalogue_create();
    struct runlog_opening opening = make_opening(catalogue);
    struct omega_task_group group = {
        .count = 1, .request = {.cpu_milli = 1, .mem_mib = 1}, .duration_us = 1};
    struct omega_job job = {.id = segment + 1, .group_count = 1, .groups = &group};
    ck_assert_int_eq(omega_job_seal(&job, &group, NULL), 0);
    struct runlog_record submission = {.kind = RUNLOG_SUBMISSION, .time_us = first_us, .job = &job};
    struct runlog_record retry = {
        .kind = RUNLOG_RETRY, .version = then_version, .time_us = then_us, .job_id = segment + 1};
    struct runlog *log = NULL;
    size_t size = 0;
    free(kept[used % 4]);
    char **bytes = &kept[used++ % 4];
    FILE *out = open_memstream(bytes, &size);
    opening.segment = segment;
    opening.segments = 2;
    opening.live = live;
    ck_assert_int_eq(runlog_create(&opening, out, &log, NULL), OMEGA_OK);
    runlog_put(log, &submission);
    runlog_put(log, &retry);
    ck_assert_int_eq(runlog_finish(log, NULL), OMEGA_OK);
    runlog_destroy(log);
    ck_assert_int_eq(fclose(out), 0);
    catalogue_destroy(catalogue);
    omega_error_t err = {0};
    struct runlog_reader *reader = open_log(*bytes, size, &err);
    ck_assert_ptr_nonnull(reader);
    ck_assert_int_eq(runlog_reader_opening(reader)->live, live);
    return reader;
}

/* In the order of versions 10, 50, (v1) 30, 60: live, the third is raised to 50. */
START_TEST(times_of_live_segments_do_not_fall)
{
    bool live = _i == 1;
    struct runlog_reader *readers[] = {open_segment(0, live, 10, 1, 30),
                                       open_segment(1, live, 50, 2, 60)};
    static const int64_t plain[] = {10, 50, 30, 60};
    static const int64_t raised[] = {10, 50, 50, 60};
    struct runlog_merge *merge = NULL;
    const struct runlog_record *record = NULL;
    ck_assert_int_eq(runlog_merge_open(readers, 2, &merge, NULL), OMEGA_OK);
    ck_assert_uint_eq(runlog_merge_opening(merge)->segments, 2);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(runlog_merge_next(merge, &record, NULL), 1);
        ck_assert_int_eq(record->time_us, (live ? raised : plain)[i]);
        if (record->kind == RUNLOG_SUBMISSION) {
            ck_assert_int_eq(record->job->submit_us, record->time_us);
        }
    }
    ck_assert_int_eq(runlog_merge_next(merge, &record, NULL), 0);
    runlog_merge_close(merge);
}
END_TEST

/* Segments of a live run and of another one are not of one run. */
START_TEST(live_and_simulated_do_not_mix)
{
    struct runlog_reader *readers[] = {open_segment(0, true, 1, 1, 2),
                                       open_segment(1, false, 1, 1, 2)};
    struct runlog_merge *merge = NULL;
    omega_error_t err = {0};
    ck_assert_int_eq(runlog_merge_open(readers, 2, &merge, &err), OMEGA_EINVAL);
    ck_assert_ptr_null(merge);
}
END_TEST

#define MERGED_SEGMENTS 13u
#define MERGED_RECORDS 40u /* of the largest one */

/* Where a record belongs: behind which version, whether it makes the next one, when, and whose. */
struct place {
    uint64_t behind;
    bool changes;
    int64_t time_us;
    uint32_t segment;
    uint64_t number;
};

static int compare_places(const void *left, const void *right)
{
    const struct place *a = left;
    const struct place *b = right;
    int order = (a->behind > b->behind) - (a->behind < b->behind);
    order = order != 0 ? order : a->changes - b->changes;
    order = order != 0 ? order : (a->time_us > b->time_us) - (a->time_us < b->time_us);
    order = order != 0 ? order : (a->segment > b->segment) - (a->segment < b->segment);
    return order != 0 ? order : (a->number > b->number) - (a->number < b->number);
}

/* A segment with random records, in its own order: segment 5 has none. */
static struct runlog_reader *open_random(struct omega_random *random, uint32_t segment,
                                         char **bytes, struct place *places, size_t *count)
{
    struct place own[MERGED_RECORDS];
    struct runlog_record records[MERGED_RECORDS];
    uint32_t own_count = segment == 5 ? 0 : 1 + omega_random_below(random, MERGED_RECORDS);
    size_t size = 0;
    omega_error_t err = {0};
    for (uint32_t i = 0; i < own_count; i++) {
        own[i] = (struct place){.behind = omega_random_below(random, 30),
                                .changes = omega_random_below(random, 3) == 0,
                                .time_us = (int64_t)omega_random_below(random, 4),
                                .segment = segment};
    }
    qsort(own, own_count, sizeof *own, compare_places);
    for (uint32_t i = 0; i < own_count; i++) {
        own[i].number = i + 1;
        places[(*count)++] = own[i];
        records[i] = (struct runlog_record){.kind = own[i].changes ? RUNLOG_MACHINE : RUNLOG_RETRY,
                                            .changes = own[i].changes,
                                            .version = own[i].behind + own[i].changes,
                                            .time_us = own[i].time_us,
                                            .job_id = 1,
                                            .event = {.machine = 0, .kind = OMEGA_EVENT_DRAIN}};
    }
    write_segment(segment, MERGED_SEGMENTS, records, own_count, bytes, &size);
    struct runlog_reader *reader = open_log(*bytes, size, &err);
    ck_assert_msg(reader != NULL, "%s", err.text);
    return reader;
}

/* What is merged of many segments comes in the order of all their records, sorted. */
START_TEST(segments_are_merged_in_order)
{
    struct omega_random random;
    struct place places[MERGED_SEGMENTS * MERGED_RECORDS];
    struct runlog_reader *readers[MERGED_SEGMENTS];
    char *bytes[MERGED_SEGMENTS];
    struct runlog_merge *merge = NULL;
    const struct runlog_record *record = NULL;
    size_t count = 0;
    omega_random_init(&random, (uint64_t)_i, "merge", 0);
    for (uint32_t i = 0; i < MERGED_SEGMENTS; i++) {
        readers[i] = open_random(&random, i, &bytes[i], places, &count);
    }
    qsort(places, count, sizeof *places, compare_places);
    ck_assert_int_eq(runlog_merge_open(readers, MERGED_SEGMENTS, &merge, NULL), OMEGA_OK);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(runlog_merge_next(merge, &record, NULL), 1);
        const struct runlog_reader *source = runlog_merge_source(merge);
        ck_assert_uint_eq(runlog_reader_opening(source)->segment, places[i].segment);
        ck_assert_uint_eq(runlog_reader_number(source), places[i].number);
        ck_assert_uint_eq(record->version, places[i].behind + places[i].changes);
    }
    ck_assert_int_eq(runlog_merge_next(merge, &record, NULL), 0);
    ck_assert_int_eq(runlog_merge_next(merge, &record, NULL), 0);
    runlog_merge_close(merge);
    for (uint32_t i = 0; i < MERGED_SEGMENTS; i++) {
        free(bytes[i]);
    }
}
END_TEST

static char violation[256];

static void note_violation(void *context, const char *text)
{
    (void)context;
    snprintf(violation, sizeof violation, "%s", text);
}

/* A placement of the initial state that is due at 100 us ends: before, then, later. */
START_TEST(tasks_of_live_runs_may_end_late)
{
    static const struct {
        bool live;
        int64_t end_us;
        const char *violation;
    } cases[] = {
        {false, 100, ""},
        {false, 150, "I: task 0 of job 0 ends at 150 us, expected 100"},
        {true, 100, ""},
        {true, 150, ""},
        {true, 99, "I: task 0 of job 0 ends at 99 us, expected 100 or later"},
    };
    struct catalogue *catalogue = catalogue_create();
    struct runlog_opening opening = make_opening(catalogue);
    struct store_placement placement = {.request = {.cpu_milli = 1, .mem_mib = 1}};
    struct store_release_result end = {.placement = omega_placement_id(1, 0), .released = 1};
    int64_t due_us = 100;
    struct runlog_check *check = NULL;
    const struct runlog_effect *effect = NULL;
    struct runlog_record preload = {.kind = RUNLOG_PRELOAD,
                                    .changes = true,
                                    .version = 1,
                                    .placements = &placement,
                                    .placement_count = 1,
                                    .ends_us = &due_us};
    struct runlog_record release = {.kind = RUNLOG_RELEASE,
                                    .changes = true,
                                    .version = 2,
                                    .time_us = cases[_i].end_us,
                                    .released = &end,
                                    .released_count = 1};
    opening.live = cases[_i].live;
    violation[0] = '\0';
    ck_assert_int_eq(runlog_check_create(&opening, note_violation, NULL, &check, NULL), 0);
    ck_assert_int_eq(runlog_check_record(check, &preload, &effect, NULL), 1);
    ck_assert_int_eq(runlog_check_record(check, &release, &effect, NULL), 1);
    ck_assert_str_eq(violation, cases[_i].violation);
    runlog_check_destroy(check);
    catalogue_destroy(catalogue);
}
END_TEST

/* At the horizon an executor may not have got to an end; a simulator has. */
START_TEST(a_live_executor_may_be_behind_at_the_horizon)
{
    struct catalogue *catalogue = catalogue_create();
    struct runlog_opening opening = make_opening(catalogue);
    struct store_placement placement = {.request = {.cpu_milli = 1, .mem_mib = 1}};
    int64_t due_us = 100;
    struct runlog_check *check = NULL;
    const struct runlog_effect *effect = NULL;
    struct runlog_record preload = {.kind = RUNLOG_PRELOAD,
                                    .changes = true,
                                    .version = 1,
                                    .placements = &placement,
                                    .placement_count = 1,
                                    .ends_us = &due_us};
    struct runlog_record horizon = {
        .kind = RUNLOG_HORIZON, .version = 1, .time_us = opening.horizon_us};
    opening.live = _i == 1;
    violation[0] = '\0';
    ck_assert_int_eq(runlog_check_create(&opening, note_violation, NULL, &check, NULL), 0);
    ck_assert_int_eq(runlog_check_record(check, &preload, &effect, NULL), 1);
    ck_assert_int_eq(runlog_check_record(check, &horizon, &effect, NULL), 1);
    runlog_check_end(check);
    ck_assert_str_eq(violation, opening.live ? ""
                                             : "I: task 0 of job 0 still runs at the horizon, "
                                               "expected its end at 100 us");
    runlog_check_destroy(check);
    catalogue_destroy(catalogue);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "transaction", a_transaction_comes_back);
    check_case(suite, "ends", ends_come_back);
    check_case(suite, "ends", a_run_of_ends_is_the_same);
    check_case(suite, "ends", a_transaction_in_short_is_the_same);
    check_case(suite, "submissions come back", submissions_come_back);
    check_case(suite, "opening", the_opening_comes_back);
    check_case(suite, "damage", damage_is_named);
    check_case(suite, "version", another_version_is_refused);
    check_case(suite, "ends not written", more_ends_are_not_written);
    TCase *ends = tcase_create("ends");
    tcase_add_loop_test(ends, as_many_ends_as_there_may_be, 0, 2);
    suite_add_tcase(suite, ends);
    TCase *live = tcase_create("live");
    tcase_add_loop_test(live, times_of_live_segments_do_not_fall, 0, 2);
    tcase_add_loop_test(live, segments_are_merged_in_order, 0, 20);
    tcase_add_loop_test(live, tasks_of_live_runs_may_end_late, 0, 5);
    tcase_add_loop_test(live, a_live_executor_may_be_behind_at_the_horizon, 0, 2);
    suite_add_tcase(suite, live);
    check_case(suite, "live and simulated", live_and_simulated_do_not_mix);
}

CHECK_MAIN("runlog", add_cases)
