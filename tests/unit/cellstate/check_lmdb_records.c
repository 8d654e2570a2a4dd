/* SPDX-License-Identifier: MIT */
/* The records on disk: what is written is read again, damage and nonsense are refused, and the
 * bytes are those of format 1. Records are decoded from blocks of exactly their size. */
#include "cellstate/lmdb_records.h"

#include <stdio.h>

#include "cellstate/lmdb.h"
#include "cellstate/lmdb_records_private.h"
#include "cellstate/rules.h"
#include "core/base/random.h"
#include "tests/support/check_main.h"
#include "tests/support/record_repair.h"

#define EXAMPLE_MAX 384
#define ROUNDS 2000
#define SLOTS_MAX 200u

static struct omega_random rnd;

static uint32_t below(uint32_t bound)
{
    return omega_random_below(&rnd, bound);
}

static bool chance(void)
{
    return below(2) == 0;
}

static int32_t below_max(void)
{
    return (int32_t)(omega_random_u64(&rnd) >> 33);
}

static uint64_t some_version(void)
{
    return omega_random_u64(&rnd) >> (20 + below(44));
}

/* ---- one example of each kind, and its bytes ---- */

struct example {
    const char *name;
    enum record_kind kind;
    uint64_t key;
    size_t size;
    uint8_t bytes[EXAMPLE_MAX];
    const char *hex;
};

static const struct record_meta meta_example = {
    .schema = 1,
    .mode = LMDB_POWER,
    .release_raises_seq = true,
    .gpus = true,
    .machine_count = 12000,
    .log_changes = 16384,
    .map_bytes = UINT64_C(17179869184),
    .overcommit = {1000, 1100, 2000},
    .identity = {0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad,
                 0xae, 0xaf},
};

static const struct record_head head_example = {
    .counters = {101, 102, 103, 104, 105, 106, 107, 108, 109},
    .totals = {-1, 2, 3, 4, 5, 6},
};

static const struct omega_machine machine_example = {
    .seq = 11,
    .placed_version = {22, 21},
    .placed_by = {3, OMEGA_INSTANCE_NONE},
    .state = OMEGA_MACHINE_DRAINING,
    .gpu_limit_milli = 1000,
    .cpu_limit_milli = 64000,
    .mem_limit_mib = 131072,
    .cpu_used_milli = 15,
    .mem_used_mib = 150,
    .releases = 7,
    .index = 77,
    .may_exceed = 1,
    .band_cpu_milli = {1, 2, 3, 4, 5},
    .band_mem_mib = {10, 20, 30, 40, 50},
    .cpu_capacity_milli = 32000,
    .mem_capacity_mib = 65536,
};

static const struct omega_machine_spec spec_example = {
    .name = 5,
    .platform = 6,
    .domain = 7,
    .attributes = 8,
    .cpu_milli = 64000,
    .mem_mib = 262144,
    .gpu_devices = 8,
    .absent = 1,
};

static const struct store_placement placement_example = {
    .id = UINT64_C(9) << 20 | 3,
    .job = 12,
    .task = 13,
    .machine = 14,
    .request = {.cpu_milli = 1500, .mem_mib = 2048, .gpu_milli = 1000, .gpu_devices = 2},
    .instance = 4,
    .devices = 0x81,
    .band = OMEGA_BAND_PRODUCTION,
};

static const int64_t durations_example[] = {10, 20, OMEGA_NEVER};
static const struct omega_task_group groups_example[] = {
    {0, 2, 0, 9, {1000, 512, 250, 1, 0}, 5000000, NULL},
    {2, 1, 2, 0, {1, 2, 0, 0, 0}, 0, durations_example},
};
static const struct omega_job job_example = {
    .id = 99,
    .submit_us = 1000000,
    .workload = 2,
    .user = 3,
    .precedence = -5,
    .group_count = 2,
    .tasks = 3,
    .slots = 5,
    .mapreduce = {31, 32, 33, 34, 35},
    .groups = groups_example,
};
static const char *const constraints_example[] = {"kind=ssd;different_machines", ""};
static const bool different_example[] = {true, false};

static const struct record_job_state state_example = {
    .slots = 11,
    .submitted = 11,
    .pending = 1,
    .running = 2,
    .finished = 3,
    .failed = 4,
    .abandoned = 1,
    .given_up = true,
    .over = true,
    .instance = 6,
    .attempt = 70000,
};
static const uint8_t placed_example[] = {1, 0, 1, 1, 0, 0, 0, 1, 0, 1, 1};

/* Part 1 of a job of 2059 tasks has the bits of 11. */
#define TASKS_PART UINT64_C(1)

static const struct record_change change_example = {
    .version = 500,
    .job = 99,
    .instance = 6,
    .kind = RECORD_CHANGE_COMMIT,
    .detail = 1,
    .incarnation = 3,
    .attempt = 4,
    .machine_count = 2,
    .item_count = 1,
    .seqs = true,
    .releases = true,
    .limits = true,
    .gpus = true,
};
static const struct record_change_machine change_machines_example[] = {
    {77, 100, 200, 7, 12, 64000, 131072, {1, 2, 3, 4, 5, 6, 7, -8}},
    {78, -1, -1, 0, 1, 0, 0, {0}},
};
static const struct record_change_item change_item_example = {
    .placement = UINT64_C(500) << 20, .task = 4, .machine = 77, .devices = 3};

static const struct record_instance instance_example = {
    .incarnation = 3,
    .attempt = 4,
    .job = 99,
    .result = {.version = 500, .accepted = 2, .conflicts = 1, .refused = 1, .aborted = 1},
    .claim_count = 5,
    .module = "first_fit",
};
static const struct omega_claim_result results_example[] = {
    {UINT64_C(500) << 20, 0, OMEGA_INSTANCE_NONE, OMEGA_ACCEPTED, 0, 0},
    {0, 499, 7, OMEGA_CONFLICT_NO_LONGER_FITS, 1, 0},
    {0, 0, OMEGA_INSTANCE_NONE, OMEGA_ABORTED, 0, 0},
    {UINT64_C(500) << 20 | 1, 0, OMEGA_INSTANCE_NONE, OMEGA_ACCEPTED, 0, 0},
    {0, 0, OMEGA_INSTANCE_NONE, OMEGA_REFUSED_MACHINE_DOWN, 1, 0},
};

static struct omega_machine gpu_machine_example(void)
{
    struct omega_machine machine = machine_example;
    machine.gpu_devices = 2;
    machine.band_gpu_milli[0][0] = 500;
    machine.band_gpu_milli[4][1] = 1000;
    return machine;
}

static const char meta_hex[] = "fb167fb301010500"
                               "0100000002000000e02e0000004000000000000004000000e80300004c040000"
                               "d007000000000000a0a1a2a3a4a5a6a7a8a9aaabacadaeaf";
static const char head_hex[] = "654fa97901020000"
                               "6500000000000000660000000000000067000000000000006800000000000000"
                               "69000000000000006a000000000000006b000000000000006c00000000000000"
                               "6d00000000000000ffffffffffffffff02000000000000000300000000000000"
                               "040000000000000005000000000000000600000000000000";
static const char machine_hex[] =
    "dad15d6701030000"
    "0b00000000000000160000000000000015000000000000000300ffff0200e803"
    "00fa00000000020007000000010000000f000000020000000300000004000000"
    "0500000096000000140000001e0000002800000032000000007d000000000100";
static const char gpu_machine_hex[] =
    "44cbc63801030100"
    "0b00000000000000160000000000000015000000000000000300ffff0202e803"
    "00fa00000000020007000000010000000f000000020000000300000004000000"
    "0500000096000000140000001e0000002800000032000000007d000000000100"
    "f401000000000000000000000000000000000000000000000000000000000000"
    "0000000000000000000000000000000000000000000000000000000000000000"
    "0000e803000000000000000000000000";
static const char spec_hex[] = "420340b401040000"
                               "0500000006000000070000000800000000fa0000000004000801000000000000";
static const char text_hex[] = "78f93a2701050000"
                               "060000007261636b2d31000000000000";
static const char placement_hex[] =
    "08185d2401060000"
    "0c000000000000000d0000000e000000dc05000000080000e803028104000300";
static const char job_hex[] = "7d039ace01070000"
                              "40420f000000000002000000fbffffff02000000030000001f00000020000000"
                              "2100000000000000220000000000000023000000000000000200000000000000"
                              "e803000000020000fa0001011b000000404b4c00000000000100000002000000"
                              "010000000200000000000002000000000000000000000000626f626b696e643d"
                              "7373643b646966666572656e745f6d616368696e65730000";
static const char durations_hex[] = "901031c0010b0000"
                                    "0a000000000000001400000000000000ffffffffffffff7f";
static const char tasks_hex[] = "d8914d7e010c0000"
                                "8d06000000000000000000000000000000000000000000000000000000000000"
                                "0000000000000000000000000000000000000000000000000000000000000000"
                                "0000000000000000000000000000000000000000000000000000000000000000"
                                "0000000000000000000000000000000000000000000000000000000000000000"
                                "0000000000000000000000000000000000000000000000000000000000000000"
                                "0000000000000000000000000000000000000000000000000000000000000000"
                                "0000000000000000000000000000000000000000000000000000000000000000"
                                "0000000000000000000000000000000000000000000000000000000000000000";
static const char task_machine_hex[] = "a40f407e010d0000"
                                       "0200000000000000";
static const char state_hex[] = "c872234101080600"
                                "0b0000000b000000010000000200000003000000040000000100000070110100"
                                "06000000000000008d06000000000000";
static const char change_hex[] = "e8f269f501090f00"
                                 "f401000000000000020000000100000006000001c93c29d64d00000064000000"
                                 "c80000000c000000000000000700000000fa0000000002000100020003000400"
                                 "050006000700f8ff4e000000ffffffffffffffff010000000000000000000000"
                                 "0000000000000000000000000000000000000000000000006300000000000000"
                                 "03000000040000000000401f00000000040000004d000003";
static const char instance_hex[] =
    "bd9de78d010a0900"
    "03000000040000006300000000000000f4010000000000000200000001000000"
    "0100000001000000050000000100000066697273745f66697400000000000000"
    "00c10a00440000000700f30100000000";

static void encode_change_example(struct example *example)
{
    struct record_change change = change_example;
    example->size = record_change_bytes(&change);
    record_put_change_item(example->bytes, &change, 0, &change_item_example);
    record_put_change_machine(example->bytes, &change, 1, &change_machines_example[1]);
    record_put_change_machine(example->bytes, &change, 0, &change_machines_example[0]);
    record_finish_change(&change, example->key, example->bytes);
}

/* All records of a job, in the order of the enumeration. */
static void encode_job_examples(struct example *job, struct example *instance)
{
    struct example *durations = job + 1;
    struct example *state = job + 2;
    struct example *tasks = job + 3;
    struct example *machine = job + 4;
    job->size = record_job_bytes(&job_example, "bob", constraints_example);
    record_encode_job(&job_example, "bob", constraints_example, different_example, job->bytes);
    durations->size = record_durations_bytes(record_encode_durations(&job_example, NULL));
    ck_assert_uint_eq(record_encode_durations(&job_example, durations->bytes), 3);
    state->size = record_job_state_bytes(state_example.slots);
    record_encode_job_state(&state_example, placed_example, state->key, state->bytes);
    tasks->key = record_part_key(99, TASKS_PART);
    tasks->size = RECORD_TASKS_BYTES;
    record_encode_tasks(placed_example, record_tasks_in(2059, TASKS_PART), tasks->key,
                        tasks->bytes);
    machine->key = record_part_key(99, UINT64_C(1) << 32 | 77);
    machine->size = RECORD_TASK_MACHINE_BYTES;
    record_encode_task_machine(2, machine->key, machine->bytes);
    instance->size = record_instance_bytes(&instance_example, results_example);
    record_encode_instance(&instance_example, results_example, instance->key, instance->bytes);
}

enum {
    EX_META,
    EX_HEAD,
    EX_MACHINE,
    EX_GPU_MACHINE,
    EX_SPEC,
    EX_TEXT,
    EX_PLACEMENT,
    EX_JOB,
    EX_DURATIONS,
    EX_STATE,
    EX_TASKS,
    EX_TASK_MACHINE,
    EX_CHANGE,
    EX_INSTANCE,
    EXAMPLES,
};

/* All examples, encoded over bytes that are not zero, so that a byte left alone shows. */
static void encode_examples(struct example examples[EXAMPLES])
{
    static const struct example fresh[EXAMPLES] = {
        {"meta", RECORD_META, RECORD_META_KEY, RECORD_META_BYTES, {0}, meta_hex},
        {"head", RECORD_HEAD, RECORD_HEAD_KEY, RECORD_HEAD_RECORD_BYTES, {0}, head_hex},
        {"machine", RECORD_MACHINE, 77, 0, {0}, machine_hex},
        {"machine with devices", RECORD_MACHINE, 77, 0, {0}, gpu_machine_hex},
        {"spec", RECORD_SPEC, 77, RECORD_SPEC_BYTES, {0}, spec_hex},
        {"text", RECORD_TEXT, 5, 0, {0}, text_hex},
        {"placement",
         RECORD_PLACEMENT,
         UINT64_C(9) << 20 | 3,
         RECORD_PLACEMENT_BYTES,
         {0},
         placement_hex},
        {"job", RECORD_JOB, 99, 0, {0}, job_hex},
        {"durations", RECORD_DURATIONS, 99, 0, {0}, durations_hex},
        {"job state", RECORD_JOB_STATE, 99, 0, {0}, state_hex},
        {"tasks", RECORD_TASKS, 0, 0, {0}, tasks_hex},
        {"machine of a task", RECORD_TASK_MACHINE, 0, 0, {0}, task_machine_hex},
        {"change", RECORD_CHANGE, 500, 0, {0}, change_hex},
        {"instance", RECORD_INSTANCE, 6, 0, {0}, instance_hex},
    };
    memcpy(examples, fresh, sizeof fresh);
    for (int i = 0; i < EXAMPLES; i++) {
        memset(examples[i].bytes, 0xee, sizeof examples[i].bytes);
    }
    struct omega_machine machine = gpu_machine_example();
    record_encode_meta(&meta_example, examples[EX_META].bytes);
    record_encode_head(&head_example, examples[EX_HEAD].bytes);
    examples[EX_MACHINE].size = record_encode_machine(&machine_example, examples[EX_MACHINE].bytes);
    examples[EX_GPU_MACHINE].size = record_encode_machine(&machine, examples[EX_GPU_MACHINE].bytes);
    record_encode_spec(&spec_example, 77, examples[EX_SPEC].bytes);
    examples[EX_TEXT].size = record_text_bytes(6);
    record_encode_text("rack-1", 6, 5, examples[EX_TEXT].bytes);
    record_encode_placement(&placement_example, examples[EX_PLACEMENT].bytes);
    encode_job_examples(&examples[EX_JOB], &examples[EX_INSTANCE]);
    encode_change_example(&examples[EX_CHANGE]);
}

/* Decodes from a block of exactly `size` bytes. */
static int decode(enum record_kind kind, const uint8_t *bytes, size_t size, uint64_t key)
{
    union {
        struct record_meta meta;
        struct record_head head;
        struct omega_machine machine;
        struct omega_machine_spec spec;
        struct store_placement placement;
        struct record_job job;
        struct record_job_state state;
        struct record_change change;
        struct record_instance instance;
    } out;
    uint8_t placed[RECORD_TASKS_EACH];
    const uint8_t *durations;
    const char *text;
    size_t length;
    uint32_t task;
    uint8_t *exact = malloc(size > 0 ? size : 1);
    ck_assert_ptr_nonnull(exact);
    memcpy(exact, bytes, size);
    int rc = 1;
    switch (kind) {
    case RECORD_META:
        rc = record_decode_meta(exact, size, &out.meta);
        break;
    case RECORD_HEAD:
        rc = record_decode_head(exact, size, &out.head);
        break;
    case RECORD_MACHINE:
        rc = record_decode_machine(exact, size, key, &out.machine);
        break;
    case RECORD_SPEC:
        rc = record_decode_spec(exact, size, key, &out.spec);
        break;
    case RECORD_TEXT:
        rc = record_decode_text(exact, size, key, &text, &length);
        break;
    case RECORD_PLACEMENT:
        rc = record_decode_placement(exact, size, key, &out.placement);
        break;
    case RECORD_JOB:
        rc = record_decode_job(exact, size, key, &out.job);
        break;
    case RECORD_JOB_STATE:
        rc = record_decode_job_state(exact, size, key, &out.state);
        break;
    case RECORD_DURATIONS:
        rc = record_decode_durations(exact, size, key, 3, &durations);
        break;
    case RECORD_TASKS:
        rc = record_decode_tasks(exact, size, key, record_tasks_in(2059, TASKS_PART), placed);
        break;
    case RECORD_TASK_MACHINE:
        rc = record_decode_task_machine(exact, size, key, &task);
        break;
    case RECORD_CHANGE:
        rc = record_decode_change(exact, size, key, &out.change);
        break;
    case RECORD_INSTANCE:
        rc = record_decode_instance(exact, size, key, &out.instance);
        break;
    }
    free(exact);
    return rc;
}

static int decode_example(const struct example *example, size_t size)
{
    return decode(example->kind, example->bytes, size, example->key);
}

/* Structs with padding are compared field by field. */
#define SAME(a, b, field) ck_assert_msg((a).field == (b).field, "%s is another", #field)

static void to_hex(const struct example *example, char hex[2 * EXAMPLE_MAX + 1])
{
    for (size_t i = 0; i < example->size; i++) {
        snprintf(hex + 2 * i, 3, "%02x", example->bytes[i]);
    }
}

START_TEST(test_bytes)
{
    struct example examples[EXAMPLES];
    encode_examples(examples);
    for (int i = 0; i < EXAMPLES; i++) {
        char hex[2 * EXAMPLE_MAX + 1];
        to_hex(&examples[i], hex);
        ck_assert_msg(strcmp(hex, examples[i].hex) == 0, "%s: is %s, expected %s", examples[i].name,
                      hex, examples[i].hex);
        ck_assert_int_eq(decode_example(&examples[i], examples[i].size), OMEGA_OK);
    }
}
END_TEST

START_TEST(test_sizes)
{
    static const size_t sizes[EXAMPLES] = {64,  128, 104, 184, 40, 24,  40,
                                           160, 32,  56,  264, 16, 160, 88};
    struct example examples[EXAMPLES];
    encode_examples(examples);
    for (int i = 0; i < EXAMPLES; i++) {
        ck_assert_msg(examples[i].size == sizes[i], "%s: has %zu bytes, expected %zu",
                      examples[i].name, examples[i].size, sizes[i]);
    }
    ck_assert_uint_eq(record_text_bytes(0), 16);
    ck_assert_uint_eq(record_text_bytes(4), 16);
    ck_assert_uint_eq(record_text_bytes(5), 24);
    ck_assert_uint_eq(record_job_state_bytes(1), 56);
    ck_assert_uint_eq(record_job_state_bytes(64), 56);
    ck_assert_uint_eq(record_job_state_bytes(65), 48 + 16);
    ck_assert_uint_eq(record_job_state_bytes(2048), 48 + 256);
    ck_assert_uint_eq(record_job_state_bytes(OMEGA_TASKS_MAX), 48 + 256);
    ck_assert_uint_eq(record_tasks_in(2048, 0), 2048);
    ck_assert_uint_eq(record_tasks_in(2048, 1), 0);
    ck_assert_uint_eq(record_tasks_in(2049, 1), 1);
    ck_assert_uint_eq(record_tasks_in(OMEGA_TASKS_MAX, 511), 2048);
    ck_assert_uint_eq(record_tasks_in(OMEGA_TASKS_MAX, 512), 0);
    struct record_change change = {.gpus = true};
    ck_assert_uint_eq(record_change_bytes(&change), RECORD_CHANGE_BYTES);
    change = (struct record_change){.machine_count = 3, .item_count = 2};
    ck_assert_uint_eq(record_change_bytes(&change), 48 + 40 + 2 * 16); /* 3 * 12, rounded */
    change.seqs = true;
    ck_assert_uint_eq(record_change_bytes(&change), 48 + 64 + 2 * 16); /* 3 * 20, rounded */
    change.releases = true;
    ck_assert_uint_eq(record_change_bytes(&change), 48 + 3 * 24 + 2 * 16);
    change.limits = true;
    ck_assert_uint_eq(record_change_bytes(&change), 48 + 3 * 32 + 2 * 16);
    change.gpus = true;
    change.machine_count = UINT32_MAX;
    change.item_count = UINT32_MAX;
    ck_assert_uint_eq(record_change_bytes(&change), 48 + (size_t)UINT32_MAX * (48 + 16));
}
END_TEST

/* ---- damage ---- */

START_TEST(test_flipped)
{
    struct example examples[EXAMPLES];
    encode_examples(examples);
    for (int i = 0; i < EXAMPLES; i++) {
        for (size_t at = 0; at < examples[i].size; at++) {
            uint8_t was = examples[i].bytes[at];
            for (unsigned flip = 1; flip <= 0xff; flip = flip < 0x80 ? flip * 2 : flip + 0x7f) {
                examples[i].bytes[at] = (uint8_t)(was ^ flip);
                ck_assert_msg(decode_example(&examples[i], examples[i].size) == OMEGA_ECORRUPT,
                              "%s: byte %zu may be flipped by %x", examples[i].name, at, flip);
            }
            examples[i].bytes[at] = was;
        }
        ck_assert_int_eq(decode_example(&examples[i], examples[i].size), OMEGA_OK);
    }
}
END_TEST

/* Meta and head have no other key than their own. */
START_TEST(test_other_key)
{
    struct example examples[EXAMPLES];
    encode_examples(examples);
    for (int i = EX_MACHINE; i < EXAMPLES; i++) {
        for (int bit = 0; bit < 64; bit++) {
            uint64_t other = examples[i].key ^ UINT64_C(1) << bit;
            ck_assert_msg(decode(examples[i].kind, examples[i].bytes, examples[i].size, other) ==
                              OMEGA_ECORRUPT,
                          "%s: may be read by key %llu", examples[i].name,
                          (unsigned long long)other);
        }
    }
}
END_TEST

/* Cut or longer, as it is and with its checksum repaired. */
START_TEST(test_other_size)
{
    struct example examples[EXAMPLES];
    encode_examples(examples);
    for (int i = 0; i < EXAMPLES; i++) {
        struct example *example = &examples[i];
        memset(example->bytes + example->size, 0, sizeof example->bytes - example->size);
        for (size_t size = 0; size <= example->size + 64; size++) {
            if (size == example->size) {
                continue;
            }
            struct example other = *example;
            ck_assert_msg(decode_example(&other, size) == OMEGA_ECORRUPT, "%s: may have %zu bytes",
                          other.name, size);
            if (size >= RECORD_CHECKED) {
                record_repair(other.bytes, size, other.key);
                ck_assert_msg(decode_example(&other, size) == OMEGA_ECORRUPT,
                              "%s: may have %zu bytes with their checksum", other.name, size);
            }
        }
    }
}
END_TEST

/* Formats, kinds and flags that are not this one's; whatever its size, a newer format is told. */
START_TEST(test_other_head)
{
    struct example examples[EXAMPLES];
    encode_examples(examples);
    for (int i = 0; i < EXAMPLES; i++) {
        for (size_t size = RECORD_HEAD_BYTES; size <= examples[i].size; size += 4) {
            struct example newer = examples[i];
            newer.bytes[4] = RECORD_FORMAT + 1;
            record_repair(newer.bytes, size, newer.key);
            ck_assert_int_eq(decode_example(&newer, size), OMEGA_EVERSION);
        }
        struct example other = examples[i];
        other.bytes[4] = 0;
        record_repair(other.bytes, other.size, other.key);
        ck_assert_int_eq(decode_example(&other, other.size), OMEGA_ECORRUPT);
        for (unsigned kind = 0; kind < 256; kind++) {
            other = examples[i];
            other.bytes[5] = (uint8_t)kind;
            record_repair(other.bytes, other.size, other.key);
            ck_assert_int_eq(decode_example(&other, other.size),
                             kind == other.kind ? OMEGA_OK : OMEGA_ECORRUPT);
        }
        other = examples[i];
        other.bytes[7] ^= 0x10;
        record_repair(other.bytes, other.size, other.key);
        ck_assert_int_eq(decode_example(&other, other.size), OMEGA_ECORRUPT);
    }
}
END_TEST

/* ---- fields out of range ---- */

struct range_row {
    int example;
    size_t offset;
    size_t width;
    uint64_t value;
    const char *what;
};

#define MINUS_ONE UINT64_MAX

static const struct range_row range_rows[] = {
    {EX_META, 8, 4, 0, "schema"},
    {EX_META, 12, 1, LMDB_POWER + 1, "mode"},
    {EX_META, 13, 1, 1, "reserved"},
    {EX_META, 15, 1, 1, "reserved"},
    {EX_META, 16, 4, OMEGA_MACHINES_MAX + 1, "machines"},
    {EX_META, 20, 4, 0, "log"},
    {EX_META, 24, 8, 0, "map"},
    {EX_META, 32, 4, MINUS_ONE, "over-commit of CPU"},
    {EX_META, 36, 4, MINUS_ONE, "over-commit of memory"},
    {EX_META, 40, 4, MINUS_ONE, "over-commit of GPU"},
    {EX_META, 44, 4, 1, "reserved"},
    {EX_META, 6, 2, 8, "flags"},
    {EX_HEAD, 8, 8, OMEGA_VERSION_MAX + 1, "version"},
    {EX_HEAD, 6, 2, 1, "flags"},
    {EX_MACHINE, 6, 2, 1, "flag of devices"},
    {EX_MACHINE, 6, 2, 2, "flags"},
    {EX_MACHINE, 8, 8, OMEGA_SEQ_MAX + 1, "sequence"},
    {EX_MACHINE, 36, 1, OMEGA_MACHINE_DRAINING + 1, "state"},
    {EX_MACHINE, 37, 1, 1, "devices that are not there"},
    {EX_MACHINE, 40, 4, MINUS_ONE, "CPU limit"},
    {EX_MACHINE, 44, 4, MINUS_ONE, "memory limit"},
    {EX_MACHINE, 52, 1, 2, "may exceed"},
    {EX_MACHINE, 53, 1, 1, "reserved"},
    {EX_MACHINE, 55, 1, 1, "reserved"},
    {EX_MACHINE, 56, 4, MINUS_ONE, "sum of CPU"},
    {EX_MACHINE, 72, 4, MINUS_ONE, "CPU of the last band"},
    {EX_MACHINE, 56, 4, 13, "sum of CPU"},
    {EX_MACHINE, 76, 4, MINUS_ONE, "sum of memory"},
    {EX_MACHINE, 92, 4, MINUS_ONE, "memory of the last band"},
    {EX_MACHINE, 92, 4, INT32_MAX - 99, "sum of memory"},
    {EX_MACHINE, 96, 4, MINUS_ONE, "CPU capacity"},
    {EX_MACHINE, 100, 4, MINUS_ONE, "memory capacity"},
    {EX_GPU_MACHINE, 6, 2, 0, "flag of devices"},
    {EX_GPU_MACHINE, 6, 2, 3, "flags"},
    {EX_GPU_MACHINE, 37, 1, OMEGA_GPU_DEVICES_MAX + 1, "devices"},
    {EX_GPU_MACHINE, 104, 2, MINUS_ONE, "use of the first device"},
    {EX_GPU_MACHINE, 182, 2, MINUS_ONE, "use of the last device"},
    {EX_SPEC, 24, 4, MINUS_ONE, "CPU"},
    {EX_SPEC, 28, 4, MINUS_ONE, "memory"},
    {EX_SPEC, 32, 1, OMEGA_GPU_DEVICES_MAX + 1, "devices"},
    {EX_SPEC, 33, 1, 2, "absent"},
    {EX_SPEC, 34, 1, 1, "reserved"},
    {EX_SPEC, 39, 1, 1, "reserved"},
    {EX_SPEC, 6, 2, 1, "flags"},
    {EX_TEXT, 8, 4, 5, "length, padding not zero"},
    {EX_TEXT, 8, 4, 7, "length, NUL inside"},
    {EX_TEXT, 8, 4, 13, "length"},
    {EX_TEXT, 8, 4, 4, "length"},
    {EX_TEXT, 8, 4, UINT32_MAX, "length"},
    {EX_TEXT, 14, 1, 0, "NUL inside"},
    {EX_TEXT, 18, 1, 1, "padding"},
    {EX_TEXT, 23, 1, 1, "padding"},
    {EX_TEXT, 6, 2, 1, "flags"},
    {EX_PLACEMENT, 16, 4, OMEGA_TASKS_MAX, "task"},
    {EX_PLACEMENT, 20, 4, OMEGA_MACHINES_MAX, "machine"},
    {EX_PLACEMENT, 24, 4, MINUS_ONE, "CPU"},
    {EX_PLACEMENT, 28, 4, MINUS_ONE, "memory"},
    {EX_PLACEMENT, 32, 2, 0, "no share of devices"},
    {EX_PLACEMENT, 32, 2, 999, "a share of two devices"},
    {EX_PLACEMENT, 34, 1, 0, "no devices"},
    {EX_PLACEMENT, 34, 1, 3, "three devices, two chosen"},
    {EX_PLACEMENT, 35, 1, 0, "two devices, none chosen"},
    {EX_PLACEMENT, 38, 1, OMEGA_BANDS, "band"},
    {EX_PLACEMENT, 39, 1, 1, "reserved"},
    {EX_PLACEMENT, 6, 2, 1, "flags"},
    {EX_JOB, 24, 4, 0, "no groups"},
    {EX_JOB, 24, 4, 1, "one group"},
    {EX_JOB, 24, 4, 3, "three groups"},
    {EX_JOB, 24, 4, OMEGA_GROUPS_MAX + 1, "groups"},
    {EX_JOB, 24, 4, UINT32_MAX, "groups"},
    {EX_JOB, 28, 4, 4, "user too long, NUL inside"},
    {EX_JOB, 28, 4, 2, "user too short, padding not zero"},
    {EX_JOB, 28, 4, UINT32_MAX, "user"},
    {EX_JOB, 60, 4, 1, "reserved"},
    {EX_JOB, 64, 4, 0, "no tasks in a group"},
    {EX_JOB, 64, 4, UINT32_MAX, "tasks"},
    {EX_JOB, 64, 4, OMEGA_TASKS_MAX + 1, "tasks of a group"},
    {EX_JOB, 64, 4, OMEGA_TASKS_MAX - 2, "tasks of the job"},
    {EX_JOB, 68, 4, UINT32_MAX, "optional tasks"},
    {EX_JOB, 72, 4, MINUS_ONE, "CPU"},
    {EX_JOB, 72, 4, OMEGA_CPU_MILLI_MAX + 1, "CPU"},
    {EX_JOB, 76, 4, MINUS_ONE, "memory"},
    {EX_JOB, 76, 4, OMEGA_MEM_MIB_MAX + 1, "memory"},
    {EX_JOB, 80, 2, 0, "share of nothing"},
    {EX_JOB, 80, 2, 1001, "more than a device"},
    {EX_JOB, 80, 2, MINUS_ONE, "share"},
    {EX_JOB, 82, 1, 0, "share of no device"},
    {EX_JOB, 82, 1, 2, "share of two devices"},
    {EX_JOB, 83, 1, 4, "flags of a group"},
    {EX_JOB, 84, 4, 26, "constraints too short"},
    {EX_JOB, 84, 4, 28, "constraints too long, NUL inside"},
    {EX_JOB, 84, 4, RECORD_TEXT_MAX + 1, "constraints"},
    {EX_JOB, 84, 4, UINT32_MAX, "constraints"},
    {EX_JOB, 88, 8, MINUS_ONE, "duration"},
    {EX_JOB, 88, 8, OMEGA_DURATION_MAX + 1, "duration"},
    {EX_JOB, 128, 1, 0, "NUL in the user"},
    {EX_JOB, 136, 1, 0, "NUL in constraints"},
    {EX_JOB, 158, 1, 1, "padding"},
    {EX_JOB, 159, 1, 1, "padding"},
    {EX_JOB, 6, 2, 1, "flags"},
    {EX_DURATIONS, 8, 8, MINUS_ONE, "first duration of a list"},
    {EX_DURATIONS, 24, 8, OMEGA_DURATION_MAX + 1, "last duration of a list"},
    {EX_DURATIONS, 6, 2, 1, "flags"},
    {EX_STATE, 8, 4, 0, "slots"},
    {EX_STATE, 8, 4, 10, "bits beyond the slots"},
    {EX_STATE, 8, 4, 65, "slots"},
    {EX_STATE, 8, 4, OMEGA_TASKS_MAX + 1, "slots"},
    {EX_STATE, 12, 4, 12, "submitted"},
    {EX_STATE, 16, 4, 12, "pending"},
    {EX_STATE, 20, 4, 12, "running"},
    {EX_STATE, 24, 4, 12, "finished"},
    {EX_STATE, 28, 4, 12, "failed"},
    {EX_STATE, 32, 4, 12, "abandoned"},
    {EX_STATE, 42, 1, 1, "reserved"},
    {EX_STATE, 47, 1, 1, "reserved"},
    {EX_STATE, 49, 1, 0x0e, "a bit beyond the slots"},
    {EX_STATE, 55, 1, 0x80, "a bit beyond the slots"},
    {EX_STATE, 6, 2, 8, "flags"},
    {EX_TASKS, 9, 1, 0x0e, "a bit beyond the tasks"},
    {EX_TASKS, 15, 1, 0x80, "a bit beyond the tasks"},
    {EX_TASKS, 16, 1, 1, "padding"},
    {EX_TASKS, 263, 1, 0x80, "padding"},
    {EX_TASKS, 6, 2, 1, "flags"},
    {EX_TASK_MACHINE, 8, 4, OMEGA_TASKS_MAX, "task"},
    {EX_TASK_MACHINE, 12, 4, 1, "reserved"},
    {EX_TASK_MACHINE, 6, 2, 1, "flags"},
    {EX_CHANGE, 8, 8, 0, "version"},
    {EX_CHANGE, 8, 8, OMEGA_VERSION_MAX + 1, "version"},
    {EX_CHANGE, 16, 4, 1, "fewer machines"},
    {EX_CHANGE, 16, 4, 3, "more machines"},
    {EX_CHANGE, 16, 4, UINT32_MAX, "machines"},
    {EX_CHANGE, 20, 4, 0, "fewer items"},
    {EX_CHANGE, 20, 4, UINT32_MAX, "items"},
    {EX_CHANGE, 26, 1, RECORD_CHANGE_KINDS, "kind"},
    {EX_CHANGE, 27, 1, OMEGA_BANDS, "band"},
    {EX_CHANGE, 32, 4, OMEGA_MACHINES_MAX, "first machine"},
    {EX_CHANGE, 44, 8, OMEGA_SEQ_MAX + 1, "sequence"},
    {EX_CHANGE, 80, 4, OMEGA_MACHINES_MAX, "second machine"},
    {EX_CHANGE, 36, 4, (uint64_t)-2, "free CPU"},
    {EX_CHANGE, 40, 4, (uint64_t)-2, "free memory"},
    {EX_CHANGE, 56, 4, MINUS_ONE, "CPU limit"},
    {EX_CHANGE, 60, 4, MINUS_ONE, "memory limit"},
    {EX_CHANGE, 6, 2, 0, "no flag of what machines carry"},
    {EX_CHANGE, 6, 2, 14, "flags without sequences"},
    {EX_CHANGE, 6, 2, 13, "flags without release counts"},
    {EX_CHANGE, 6, 2, 11, "flags without limits"},
    {EX_CHANGE, 6, 2, 7, "flags without devices"},
    {EX_CHANGE, 6, 2, 31, "flags"},
    {EX_INSTANCE, 6, 2, 8, "length of the name, padding not zero"},
    {EX_INSTANCE, 6, 2, 10, "length of the name, NUL inside"},
    {EX_INSTANCE, 6, 2, RECORD_MODULE_MAX + 1, "length of the name"},
    {EX_INSTANCE, 6, 2, UINT16_MAX, "length of the name"},
    {EX_INSTANCE, 16, 8, 0, "results of no job"},
    {EX_INSTANCE, 24, 8, OMEGA_VERSION_MAX + 1, "version"},
    {EX_INSTANCE, 32, 4, 3, "accepted"},
    {EX_INSTANCE, 32, 4, 1, "accepted"},
    {EX_INSTANCE, 36, 4, 2, "conflicts"},
    {EX_INSTANCE, 40, 4, UINT32_MAX, "refused"},
    {EX_INSTANCE, 44, 4, 0, "aborted"},
    {EX_INSTANCE, 48, 4, 4, "fewer claims"},
    {EX_INSTANCE, 48, 4, 6, "more claims"},
    {EX_INSTANCE, 48, 4, UINT32_MAX, "claims"},
    {EX_INSTANCE, 52, 4, 0, "fewer rivals"},
    {EX_INSTANCE, 52, 4, UINT32_MAX, "rivals"},
    {EX_INSTANCE, 60, 1, 0, "NUL in the name"},
    {EX_INSTANCE, 65, 1, 'x', "padding of the name"},
    {EX_INSTANCE, 72, 1, OMEGA_ABORTED, "an outcome more"},
    {EX_INSTANCE, 72, 1, 0x40, "flag of an accepted claim"},
    {EX_INSTANCE, 73, 1, 0x41, "a rival too much"},
    {EX_INSTANCE, 73, 1, 0xd1, "flags of a claim"},
    {EX_INSTANCE, 74, 1, OMEGA_OUTCOMES, "outcome"},
    {EX_INSTANCE, 74, 1, 0x0f, "outcome"},
    {EX_INSTANCE, 74, 1, 0x8a, "a rival too few"},
    {EX_INSTANCE, 75, 1, 0x80, "rival of an accepted claim"},
    {EX_INSTANCE, 77, 1, 1, "padding of claims"},
    {EX_INSTANCE, 79, 1, 0x40, "padding of claims"},
    {EX_INSTANCE, 80, 8, OMEGA_INSTANCE_NONE, "no rival"},
    {EX_INSTANCE, 80, 8, (OMEGA_VERSION_MAX + 1) << 16, "version of a rival"},
};

START_TEST(test_ranges)
{
    struct example examples[EXAMPLES];
    encode_examples(examples);
    for (size_t i = 0; i < sizeof range_rows / sizeof *range_rows; i++) {
        const struct range_row *row = &range_rows[i];
        struct example bad = examples[row->example];
        uint64_t value = htole64(row->value);
        memcpy(bad.bytes + row->offset, &value, row->width);
        ck_assert_msg(memcmp(bad.bytes, examples[row->example].bytes, bad.size) != 0,
                      "%s: %s at %zu changes nothing", bad.name, row->what, row->offset);
        record_repair(bad.bytes, bad.size, bad.key);
        ck_assert_msg(decode_example(&bad, bad.size) == OMEGA_ECORRUPT, "%s: %s at %zu may be %llu",
                      bad.name, row->what, row->offset, (unsigned long long)row->value);
    }
}
END_TEST

/* What a table of single fields cannot show. */
START_TEST(test_ranges_together)
{
    struct example examples[EXAMPLES];
    encode_examples(examples);
    /* no devices and none used, in a record of the longer size */
    struct example gpu = examples[EX_GPU_MACHINE];
    gpu.bytes[37] = 0;
    record_repair(gpu.bytes, gpu.size, gpu.key);
    ck_assert_int_eq(decode_example(&gpu, gpu.size), OMEGA_OK); /* used, but gone */
    memset(gpu.bytes + 104, 0, 80);
    record_repair(gpu.bytes, gpu.size, gpu.key);
    ck_assert_int_eq(decode_example(&gpu, gpu.size), OMEGA_ECORRUPT);
    /* a job with optional tasks only */
    struct example job = examples[EX_JOB];
    put_u32(job.bytes + 64, 0);
    put_u32(job.bytes + 68, 2);
    record_repair(job.bytes, job.size, job.key);
    ck_assert_int_eq(decode_example(&job, job.size), OMEGA_OK);
    put_u32(job.bytes + 96, 0);
    put_u32(job.bytes + 100, 3);
    record_repair(job.bytes, job.size, job.key);
    ck_assert_int_eq(decode_example(&job, job.size), OMEGA_ECORRUPT);
    /* keys that cannot be */
    job = examples[EX_JOB];
    record_repair(job.bytes, job.size, 0);
    ck_assert_int_eq(decode(RECORD_JOB, job.bytes, job.size, 0), OMEGA_ECORRUPT);
    struct example machine = examples[EX_MACHINE];
    record_repair(machine.bytes, machine.size, OMEGA_MACHINES_MAX);
    ck_assert_int_eq(decode(RECORD_MACHINE, machine.bytes, machine.size, OMEGA_MACHINES_MAX),
                     OMEGA_ECORRUPT);
    /* padding behind machines whose bytes are no multiple of 8 */
    struct record_change one = {.version = 1, .machine_count = 1, .seqs = true};
    struct example change = {.kind = RECORD_CHANGE, .size = record_change_bytes(&one)};
    record_put_change_machine(change.bytes, &one, 0, &change_machines_example[0]);
    record_finish_change(&one, change.key, change.bytes);
    ck_assert_int_eq(decode_example(&change, change.size), OMEGA_OK);
    change.bytes[32 + 20] = 1;
    record_repair(change.bytes, change.size, change.key);
    ck_assert_int_eq(decode_example(&change, change.size), OMEGA_ECORRUPT);
    /* an initial placement has a task of any number */
    struct store_placement initial = placement_example;
    initial.job = 0;
    initial.task = UINT32_MAX;
    record_encode_placement(&initial, examples[EX_PLACEMENT].bytes);
    ck_assert_int_eq(decode_example(&examples[EX_PLACEMENT], RECORD_PLACEMENT_BYTES), OMEGA_OK);
}
END_TEST

START_TEST(test_newer_schema)
{
    struct record_meta meta = meta_example;
    struct record_meta read = {0};
    uint8_t bytes[RECORD_META_BYTES];
    meta.schema = LMDB_SCHEMA + 1;
    meta.mode = 77;
    record_encode_meta(&meta, bytes);
    ck_assert_int_eq(record_decode_meta(bytes, sizeof bytes, &read), OMEGA_EVERSION);
    ck_assert_uint_eq(read.schema, LMDB_SCHEMA + 1);
}
END_TEST

/* ---- round trips ---- */

START_TEST(test_meta_and_head)
{
    uint8_t bytes[RECORD_HEAD_RECORD_BYTES];
    for (int round = 0; round < ROUNDS; round++) {
        struct record_meta meta;
        struct record_meta read_meta;
        memset(&meta, 0, sizeof meta);
        memset(&read_meta, 0xff, sizeof read_meta);
        meta.schema = LMDB_SCHEMA;
        meta.mode = (uint8_t)below(LMDB_POWER + 1);
        meta.release_raises_seq = chance();
        meta.keep_jobs = chance();
        meta.gpus = chance();
        meta.machine_count = below(OMEGA_MACHINES_MAX + 1);
        meta.log_changes = 1 + below(UINT32_MAX);
        meta.map_bytes = omega_random_u64(&rnd) | 1;
        meta.overcommit = (struct omega_overcommit){below_max(), below_max(), below_max()};
        for (size_t i = 0; i < sizeof meta.identity; i++) {
            meta.identity[i] = (uint8_t)below(256);
        }
        record_encode_meta(&meta, bytes);
        ck_assert_int_eq(record_decode_meta(bytes, RECORD_META_BYTES, &read_meta), OMEGA_OK);
        SAME(meta, read_meta, schema);
        SAME(meta, read_meta, mode);
        SAME(meta, read_meta, release_raises_seq);
        SAME(meta, read_meta, keep_jobs);
        SAME(meta, read_meta, gpus);
        SAME(meta, read_meta, machine_count);
        SAME(meta, read_meta, log_changes);
        SAME(meta, read_meta, map_bytes);
        SAME(meta, read_meta, overcommit.cpu_permille);
        SAME(meta, read_meta, overcommit.mem_permille);
        SAME(meta, read_meta, overcommit.gpu_permille);
        ck_assert_mem_eq(meta.identity, read_meta.identity, sizeof meta.identity);
        uint64_t numbers[15];
        struct record_head head;
        struct record_head read_head;
        ck_assert_uint_eq(sizeof head, sizeof numbers);
        for (size_t i = 0; i < 15; i++) {
            numbers[i] = i == 0 ? some_version() : omega_random_u64(&rnd);
        }
        memcpy(&head, numbers, sizeof head);
        record_encode_head(&head, bytes);
        ck_assert_int_eq(record_decode_head(bytes, sizeof bytes, &read_head), OMEGA_OK);
        ck_assert_mem_eq(&head, &read_head, sizeof head);
    }
}
END_TEST

static int32_t fill_bands(int32_t bands[OMEGA_BANDS])
{
    int32_t sum = 0;
    for (int band = 0; band < OMEGA_BANDS; band++) {
        bands[band] = chance() ? 0 : below_max() % (INT32_MAX - sum);
        sum += bands[band];
    }
    return sum;
}

static struct omega_machine random_machine(void)
{
    struct omega_machine machine;
    memset(&machine, 0, sizeof machine);
    machine.seq = omega_seq(omega_random_u64(&rnd));
    machine.placed_version[0] = omega_random_u64(&rnd) & OMEGA_VERSION_MAX;
    machine.placed_version[1] = omega_random_u64(&rnd) & OMEGA_VERSION_MAX;
    machine.placed_by[0] = (uint16_t)below(65536);
    machine.placed_by[1] = (uint16_t)below(65536);
    machine.state = (uint8_t)below(3);
    machine.gpu_devices = (uint8_t)(chance() ? 0 : below(9));
    machine.gpu_limit_milli = (int16_t)below(65536);
    machine.cpu_limit_milli = below_max();
    machine.mem_limit_mib = below_max();
    machine.cpu_used_milli = fill_bands(machine.band_cpu_milli);
    machine.mem_used_mib = fill_bands(machine.band_mem_mib);
    machine.releases = below(UINT32_MAX);
    machine.index = below(OMEGA_MACHINES_MAX);
    machine.may_exceed = chance();
    machine.cpu_capacity_milli = below_max();
    machine.mem_capacity_mib = below_max();
    for (uint32_t used = below(4); used > 0; used--) {
        machine.band_gpu_milli[below(OMEGA_BANDS)][below(8)] = (int16_t)below(INT16_MAX + 1);
        machine.may_exceed |= machine.gpu_devices == 0; /* as the rules leave it */
    }
    return machine;
}

static bool uses_devices(const struct omega_machine *machine)
{
    static const int16_t none[OMEGA_BANDS][OMEGA_GPU_DEVICES_MAX];
    return memcmp(machine->band_gpu_milli, none, sizeof none) != 0;
}

START_TEST(test_machines)
{
    for (int round = 0; round < 10 * ROUNDS; round++) {
        struct omega_machine machine = random_machine();
        struct omega_machine read;
        uint8_t bytes[RECORD_MACHINE_BYTES_MAX];
        uint8_t again[RECORD_MACHINE_BYTES_MAX];
        memset(&read, 0xff, sizeof read);
        size_t size = record_encode_machine(&machine, bytes);
        ck_assert_uint_eq(size, machine.gpu_devices > 0 || uses_devices(&machine) ? 184 : 104);
        ck_assert_int_eq(record_decode_machine(bytes, size, machine.index, &read), OMEGA_OK);
        ck_assert_mem_eq(&machine, &read, sizeof machine);
        ck_assert_uint_eq(record_encode_machine(&read, again), size);
        ck_assert_mem_eq(bytes, again, size);
    }
}
END_TEST

/* What a view reads straight from a record is what the rules say of the machine, and a damaged
 * record is refused there too. */
START_TEST(test_shown_machines)
{
    for (int round = 0; round < 10 * ROUNDS; round++) {
        struct omega_machine machine = random_machine();
        machine.gpu_limit_milli = (int16_t)below(2001);
        for (size_t i = 0; i < OMEGA_BANDS * OMEGA_GPU_DEVICES_MAX; i++) {
            machine.band_gpu_milli[i / OMEGA_GPU_DEVICES_MAX][i % OMEGA_GPU_DEVICES_MAX] %= 200;
        }
        struct record_change_machine shown;
        uint8_t bytes[RECORD_MACHINE_BYTES_MAX];
        memset(&shown, 0xff, sizeof shown);
        size_t size = record_encode_machine(&machine, bytes);
        ck_assert_int_eq(record_show_machine(bytes, size, machine.index, &shown), OMEGA_OK);
        ck_assert_uint_eq(shown.index, machine.index);
        ck_assert_int_eq(shown.free_cpu_milli, rules_free_cpu(&machine));
        ck_assert_int_eq(shown.free_mem_mib, rules_free_mem(&machine));
        ck_assert_uint_eq(shown.releases, machine.releases);
        ck_assert_uint_eq(shown.seq, machine.seq);
        ck_assert_int_eq(shown.cpu_limit_milli, machine.cpu_limit_milli);
        ck_assert_int_eq(shown.mem_limit_mib, machine.mem_limit_mib);
        for (uint32_t d = 0; size == RECORD_MACHINE_BYTES_MAX && d < OMEGA_GPU_DEVICES_MAX; d++) {
            ck_assert_int_eq(shown.free_gpu_milli[d], rules_free_gpu(&machine, d));
        }
        ck_assert_int_eq(record_show_machine(bytes, size, machine.index ^ 1, &shown),
                         OMEGA_ECORRUPT);
        bytes[below((uint32_t)size)] ^= (uint8_t)(1 + below(255));
        ck_assert_int_ne(record_show_machine(bytes, size, machine.index, &shown), OMEGA_OK);
    }
}
END_TEST

START_TEST(test_specs_and_texts)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct omega_machine_spec spec = {
            .name = below(UINT32_MAX),
            .platform = below(UINT32_MAX),
            .domain = below(UINT32_MAX),
            .attributes = below(UINT32_MAX),
            .cpu_milli = below_max(),
            .mem_mib = below_max(),
            .gpu_devices = (uint8_t)below(9),
            .absent = (uint8_t)below(2),
        };
        struct omega_machine_spec read;
        uint8_t bytes[128];
        memset(&read, 0xff, sizeof read);
        uint64_t key = omega_random_u64(&rnd);
        record_encode_spec(&spec, key, bytes);
        ck_assert_int_eq(record_decode_spec(bytes, RECORD_SPEC_BYTES, key, &read), OMEGA_OK);
        ck_assert_mem_eq(&spec, &read, sizeof spec);
        char text[100];
        const char *read_text;
        size_t read_length;
        size_t length = below(sizeof text);
        for (size_t i = 0; i < length; i++) {
            text[i] = (char)(1 + below(255));
        }
        record_encode_text(text, length, key, bytes);
        ck_assert_int_eq(
            record_decode_text(bytes, record_text_bytes(length), key, &read_text, &read_length),
            OMEGA_OK);
        ck_assert_uint_eq(read_length, length);
        ck_assert(memcmp(read_text, text, length) == 0);
    }
}
END_TEST

START_TEST(test_longest_text)
{
    for (size_t length = RECORD_TEXT_MAX; length <= RECORD_TEXT_MAX + 1; length++) {
        const char *read_text;
        size_t read_length;
        size_t size = record_text_bytes(length);
        char *text = malloc(length);
        uint8_t *bytes = malloc(size);
        ck_assert(text != NULL && bytes != NULL);
        memset(text, 'x', length);
        record_encode_text(text, length, 1, bytes);
        ck_assert_int_eq(record_decode_text(bytes, size, 1, &read_text, &read_length),
                         length == RECORD_TEXT_MAX ? OMEGA_OK : OMEGA_ECORRUPT);
        free(text);
        free(bytes);
    }
}
END_TEST

/* A request that may be, and devices for it. */
static struct omega_request random_request(uint8_t *devices)
{
    struct omega_request request = {
        .cpu_milli = (int32_t)below(OMEGA_CPU_MILLI_MAX + 1),
        .mem_mib = (int32_t)below(OMEGA_MEM_MIB_MAX + 1),
    };
    *devices = chance() ? 0 : (uint8_t)below(256);
    request.gpu_devices = (uint8_t)__builtin_popcount(*devices);
    if (request.gpu_devices > 0) {
        bool share = request.gpu_devices == 1 && chance();
        request.gpu_milli = (int16_t)(share ? 1 + below(999) : 1000);
    }
    return request;
}

START_TEST(test_placements)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct store_placement placement;
        struct store_placement read;
        uint8_t bytes[RECORD_PLACEMENT_BYTES];
        memset(&placement, 0, sizeof placement);
        memset(&read, 0xff, sizeof read);
        placement.id = omega_random_u64(&rnd);
        placement.job = chance() ? 0 : omega_random_u64(&rnd);
        placement.task = below(OMEGA_TASKS_MAX);
        placement.machine = below(OMEGA_MACHINES_MAX);
        placement.request = random_request(&placement.devices);
        placement.instance = (uint16_t)below(65536);
        placement.band = (uint8_t)below(OMEGA_BANDS);
        record_encode_placement(&placement, bytes);
        ck_assert_int_eq(record_decode_placement(bytes, sizeof bytes, placement.id, &read),
                         OMEGA_OK);
        ck_assert_mem_eq(&placement, &read, sizeof placement);
    }
}
END_TEST

#define GROUPS 6

/* A job with random groups, in arrays of its own. */
struct random_job {
    struct omega_job job;
    struct omega_task_group groups[GROUPS];
    int64_t durations[GROUPS][40];
    const char *constraints[GROUPS];
    bool different[GROUPS];
    const char *user;
};

static int64_t random_duration(void)
{
    static const int64_t special[] = {0, OMEGA_DURATION_MAX, OMEGA_NEVER};
    return chance() ? special[below(3)] : (int64_t)(omega_random_u64(&rnd) >> 8);
}

static void make_job(struct random_job *out)
{
    static const char *const texts[] = {"", "a=b", "kind=ssd|hdd;rack!=7;different_machines"};
    memset(out, 0, sizeof *out);
    out->user = texts[below(3)];
    out->job.id = omega_random_u64(&rnd) | 1;
    out->job.submit_us = (int64_t)omega_random_u64(&rnd);
    out->job.workload = below(UINT32_MAX);
    out->job.precedence = (int32_t)below(UINT32_MAX);
    out->job.group_count = 1 + below(GROUPS);
    out->job.mapreduce.map_activities = below(UINT32_MAX);
    out->job.mapreduce.reduce_activities = below(UINT32_MAX);
    out->job.mapreduce.map_mean_us = (int64_t)omega_random_u64(&rnd);
    out->job.mapreduce.reduce_mean_us = (int64_t)omega_random_u64(&rnd);
    out->job.mapreduce.workers_asked = below(UINT32_MAX);
    for (uint32_t g = 0; g < out->job.group_count; g++) {
        struct omega_task_group *group = &out->groups[g];
        uint8_t devices;
        group->count = (g == 0) + below(20);
        group->optional = (group->count == 0) + below(20);
        group->request = random_request(&devices);
        group->duration_us = random_duration();
        group->task_duration_us = chance() ? NULL : out->durations[g];
        for (int i = 0; i < 40; i++) {
            out->durations[g][i] = random_duration();
        }
        out->constraints[g] = texts[below(3)];
        out->different[g] = chance();
    }
    out->job.groups = out->groups;
    ck_assert_int_eq(omega_job_seal(&out->job, out->groups, NULL), OMEGA_OK);
}

static void check_group(const struct random_job *made, uint32_t g, const struct record_group *read)
{
    const struct omega_task_group *group = &made->groups[g];
    SAME(*group, read->group, first_task);
    SAME(*group, read->group, count);
    SAME(*group, read->group, optional);
    SAME(*group, read->group, duration_us);
    ck_assert_mem_eq(&group->request, &read->group.request, sizeof group->request);
    ck_assert_uint_eq(read->group.constraints, 0);
    ck_assert_ptr_null(read->group.task_duration_us);
    ck_assert_int_eq(made->different[g], read->different);
    ck_assert_uint_eq(read->constraints_length, strlen(made->constraints[g]));
    ck_assert(memcmp(read->constraints, made->constraints[g], read->constraints_length) == 0);
    ck_assert_int_eq(read->listed, made->groups[g].task_duration_us != NULL);
    ck_assert_int_eq(read->durations != NULL, read->listed);
    for (uint32_t i = 0; read->durations != NULL && i < group->count + group->optional; i++) {
        ck_assert_int_eq(record_group_duration(read, i), made->durations[g][i]);
    }
}

/* Writes and reads the durations of a job that has been read; the caller frees the bytes. */
static uint8_t *encode_durations(const struct omega_job *made, struct record_job *read)
{
    size_t listed = record_encode_durations(made, NULL);
    size_t size = record_durations_bytes(listed);
    uint8_t *bytes = malloc(size);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_uint_eq(read->listed, listed);
    ck_assert_uint_eq(record_encode_durations(made, bytes), listed);
    ck_assert_int_eq(record_decode_durations(bytes, size, made->id, listed, &read->durations),
                     OMEGA_OK);
    ck_assert_int_eq(record_decode_durations(bytes, size, made->id, listed + 1, &read->durations),
                     OMEGA_ECORRUPT);
    return bytes;
}

START_TEST(test_jobs)
{
    static struct random_job made;
    for (int round = 0; round < ROUNDS; round++) {
        make_job(&made);
        size_t size = record_job_bytes(&made.job, made.user, made.constraints);
        uint8_t *bytes = malloc(size);
        struct record_job read;
        record_encode_job(&made.job, made.user, made.constraints, made.different, bytes);
        ck_assert_uint_eq(size % 8, 0);
        ck_assert_int_eq(record_decode_job(bytes, size, made.job.id, &read), OMEGA_OK);
        ck_assert_uint_eq(read.user_length, strlen(made.user));
        ck_assert(memcmp(read.user, made.user, read.user_length) == 0);
        ck_assert_ptr_null(read.durations);
        uint8_t *list = encode_durations(&made.job, &read);
        struct record_group_cursor cursor = {0};
        bool spreads = false;
        for (uint32_t g = 0; g < made.job.group_count; g++) {
            struct record_group group;
            record_job_group(&read, g, &cursor, &group);
            check_group(&made, g, &group);
            spreads = spreads || made.different[g];
        }
        SAME(read.job, made.job, id);
        SAME(read.job, made.job, submit_us);
        SAME(read.job, made.job, workload);
        SAME(read.job, made.job, precedence);
        SAME(read.job, made.job, user);
        SAME(read.job, made.job, group_count);
        SAME(read.job, made.job, tasks);
        SAME(read.job, made.job, slots);
        SAME(read.job, made.job, mapreduce.map_activities);
        SAME(read.job, made.job, mapreduce.reduce_activities);
        SAME(read.job, made.job, mapreduce.map_mean_us);
        SAME(read.job, made.job, mapreduce.reduce_mean_us);
        SAME(read.job, made.job, mapreduce.workers_asked);
        ck_assert_int_eq(read.spreads, spreads);
        ck_assert_ptr_null(read.job.groups);
        free(bytes);
        free(list);
    }
}
END_TEST

/* The largest job that may be, and one task more. */
START_TEST(test_largest_job)
{
    for (uint32_t more = 0; more <= 1; more++) {
        struct omega_task_group group = {.count = OMEGA_TASKS_MAX - 5, .optional = 5 + more};
        struct omega_job job = {.id = 1, .group_count = 1, .groups = &group};
        const char *constraints = "";
        bool different = false;
        struct record_job read;
        group.task_duration_us = calloc(OMEGA_TASKS_MAX + 1, sizeof(int64_t));
        size_t size = record_job_bytes(&job, "", &constraints);
        uint8_t *bytes = malloc(size);
        ck_assert(group.task_duration_us != NULL && bytes != NULL);
        record_encode_job(&job, "", &constraints, &different, bytes);
        ck_assert_int_eq(record_decode_job(bytes, size, 1, &read),
                         more == 0 ? OMEGA_OK : OMEGA_ECORRUPT);
        ck_assert_uint_eq(record_encode_durations(&job, NULL), OMEGA_TASKS_MAX + more);
        free(bytes);
        free((void *)(uintptr_t)group.task_duration_us);
    }
}
END_TEST

/* Parts of all sizes, and no two parts of any jobs with the same key. */
START_TEST(test_tasks)
{
    ck_assert_uint_ne(record_part_key(1, 2), record_part_key(2, 1));
    for (uint32_t tasks = 1; tasks <= RECORD_TASKS_EACH; tasks += 1 + below(9)) {
        uint8_t placed[RECORD_TASKS_EACH];
        uint8_t read[RECORD_TASKS_EACH];
        uint8_t bytes[RECORD_TASKS_BYTES];
        for (uint32_t i = 0; i < tasks; i++) {
            placed[i] = chance();
        }
        placed[tasks - 1] = 1;
        memset(bytes, 0xff, sizeof bytes);
        record_encode_tasks(placed, tasks, tasks, bytes);
        memset(read, 0xff, sizeof read);
        ck_assert_int_eq(record_decode_tasks(bytes, sizeof bytes, tasks, tasks, read), OMEGA_OK);
        ck_assert_mem_eq(placed, read, tasks);
        ck_assert_int_eq(record_decode_tasks(bytes, sizeof bytes, tasks, tasks - 1, read),
                         OMEGA_ECORRUPT);
    }
}
END_TEST

/* As many groups as may be, and one more. */
START_TEST(test_most_groups)
{
    static struct omega_task_group groups[OMEGA_GROUPS_MAX + 1];
    static const char *constraints[OMEGA_GROUPS_MAX + 1];
    static const bool different[OMEGA_GROUPS_MAX + 1];
    for (uint32_t g = 0; g <= OMEGA_GROUPS_MAX; g++) {
        groups[g].count = 1;
        constraints[g] = "a";
    }
    for (uint32_t count = OMEGA_GROUPS_MAX; count <= OMEGA_GROUPS_MAX + 1; count++) {
        struct omega_job job = {.id = 1, .group_count = count, .groups = groups};
        struct record_job read;
        size_t size = record_job_bytes(&job, "", constraints);
        uint8_t *bytes = malloc(size);
        ck_assert_ptr_nonnull(bytes);
        record_encode_job(&job, "", constraints, different, bytes);
        ck_assert_int_eq(record_decode_job(bytes, size, 1, &read),
                         count == OMEGA_GROUPS_MAX ? OMEGA_OK : OMEGA_ECORRUPT);
        free(bytes);
    }
}
END_TEST

static struct record_job_state random_state(uint32_t slots)
{
    struct record_job_state state;
    memset(&state, 0, sizeof state);
    state.slots = slots;
    state.submitted = below(slots + 1);
    state.pending = below(slots + 1);
    state.running = below(slots + 1);
    state.finished = below(slots + 1);
    state.failed = below(slots + 1);
    state.abandoned = below(slots + 1);
    state.started = chance();
    state.given_up = chance();
    state.over = chance();
    state.instance = (uint16_t)below(65536);
    state.attempt = below(UINT32_MAX);
    state.given = state.started ? below(3) * (RECORD_GIVEN_MAX / 2) : 0;
    return state;
}

START_TEST(test_job_states)
{
    for (uint32_t round = 0; round < 4 * SLOTS_MAX; round++) {
        uint8_t placed[SLOTS_MAX];
        uint8_t read_placed[SLOTS_MAX];
        uint32_t slots = 1 + round / 4;
        struct record_job_state state = random_state(slots);
        struct record_job_state read;
        for (uint32_t i = 0; i < slots; i++) {
            placed[i] = chance();
        }
        size_t size = record_job_state_bytes(slots);
        uint8_t *bytes = malloc(size);
        record_encode_job_state(&state, placed, round, bytes);
        ck_assert_int_eq(record_decode_job_state(bytes, size, round, &read), OMEGA_OK);
        memset(read_placed, 0xff, slots);
        record_job_state_placed(&read, read_placed);
        ck_assert_mem_eq(placed, read_placed, slots);
        SAME(state, read, slots);
        SAME(state, read, submitted);
        SAME(state, read, pending);
        SAME(state, read, running);
        SAME(state, read, finished);
        SAME(state, read, failed);
        SAME(state, read, abandoned);
        SAME(state, read, started);
        SAME(state, read, given_up);
        SAME(state, read, over);
        SAME(state, read, instance);
        SAME(state, read, attempt);
        SAME(state, read, given);
        free(bytes);
    }
}
END_TEST

static struct record_change_machine random_change_machine(const struct record_change *change)
{
    struct record_change_machine machine;
    memset(&machine, 0, sizeof machine);
    machine.index = below(OMEGA_MACHINES_MAX);
    machine.free_cpu_milli = chance() ? -1 : below_max();
    machine.free_mem_mib = chance() ? -1 : below_max();
    machine.releases = change->releases ? below(UINT32_MAX) : 0;
    machine.seq = change->seqs ? omega_seq(omega_random_u64(&rnd)) : 0;
    machine.cpu_limit_milli = change->limits ? below_max() : 0;
    machine.mem_limit_mib = change->limits ? below_max() : 0;
    for (int i = 0; change->gpus && i < OMEGA_GPU_DEVICES_MAX; i++) {
        machine.free_gpu_milli[i] = (int16_t)below(65536);
    }
    return machine;
}

static struct record_change random_change(void)
{
    struct record_change change;
    memset(&change, 0, sizeof change);
    change.version = some_version() | 1;
    change.job = omega_random_u64(&rnd);
    change.instance = (uint16_t)below(65536);
    change.kind = (uint8_t)below(RECORD_CHANGE_KINDS);
    change.detail =
        (uint8_t)below(change.kind == RECORD_CHANGE_COMMIT ? (uint32_t)OMEGA_BANDS : 256);
    change.incarnation = below(UINT32_MAX);
    change.attempt = below(UINT32_MAX);
    change.machine_count = below(20);
    change.item_count = below(20);
    change.seqs = chance();
    change.releases = chance();
    change.limits = chance();
    change.gpus = chance();
    return change;
}

static void put_random_change(uint8_t *bytes, const struct record_change *change,
                              struct record_change_machine machines[20],
                              struct record_change_item items[20])
{
    for (uint32_t i = change->machine_count; i-- > 0;) {
        machines[i] = random_change_machine(change);
        record_put_change_machine(bytes, change, i, &machines[i]);
    }
    for (uint32_t i = 0; i < change->item_count; i++) {
        memset(&items[i], 0, sizeof items[i]);
        items[i].placement = omega_random_u64(&rnd);
        items[i].task = below(UINT32_MAX);
        items[i].machine = below(OMEGA_MACHINES_MAX);
        items[i].devices = (uint8_t)below(256);
        record_put_change_item(bytes, change, i, &items[i]);
    }
}

START_TEST(test_changes)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct record_change_machine machines[20];
        struct record_change_item items[20];
        struct record_change change = random_change();
        struct record_change read;
        size_t size = record_change_bytes(&change);
        uint8_t *bytes = malloc(size);
        uint64_t key = change.version % 16384;
        put_random_change(bytes, &change, machines, items);
        record_finish_change(&change, key, bytes);
        ck_assert_int_eq(record_decode_change(bytes, size, key, &read), OMEGA_OK);
        for (uint32_t i = 0; i < change.machine_count; i++) {
            struct record_change_machine machine;
            memset(&machine, 0xff, sizeof machine);
            record_change_machine(&read, i, &machine);
            ck_assert_mem_eq(&machine, &machines[i], sizeof machine);
        }
        for (uint32_t i = 0; i < change.item_count; i++) {
            struct record_change_item item;
            memset(&item, 0, sizeof item);
            record_change_item(&read, i, &item);
            ck_assert_uint_eq(item.placement, items[i].placement);
            ck_assert_uint_eq(item.task, items[i].task);
            ck_assert_uint_eq(item.machine, items[i].machine);
            ck_assert_uint_eq(item.devices, items[i].devices);
        }
        SAME(change, read, version);
        SAME(change, read, job);
        SAME(change, read, instance);
        SAME(change, read, kind);
        SAME(change, read, detail);
        SAME(change, read, incarnation);
        SAME(change, read, attempt);
        SAME(change, read, machine_count);
        SAME(change, read, item_count);
        SAME(change, read, seqs);
        SAME(change, read, releases);
        SAME(change, read, limits);
        SAME(change, read, gpus);
        free(bytes);
    }
}
END_TEST

/* What views read of a change is under the checksum at its head; they do not read on. */
START_TEST(test_shown_changes)
{
    struct example examples[EXAMPLES];
    struct record_change read;
    encode_examples(examples);
    struct example *change = &examples[EX_CHANGE];
    size_t shown = 32 + 2 * 48;
    for (size_t at = 0; at < change->size; at++) {
        change->bytes[at] ^= 0x40;
        uint8_t *exact = malloc(change->size);
        ck_assert_ptr_nonnull(exact);
        memcpy(exact, change->bytes, change->size);
        ck_assert_int_eq(record_decode_change_shown(exact, change->size, change->key, &read),
                         at < shown ? OMEGA_ECORRUPT : OMEGA_OK);
        free(exact);
        change->bytes[at] ^= 0x40;
    }
    ck_assert_int_eq(record_decode_change_shown(change->bytes, change->size, change->key, &read),
                     OMEGA_OK);
    for (uint32_t i = 0; i < 2; i++) {
        struct record_change_machine machine;
        memset(&machine, 0xff, sizeof machine);
        record_change_machine(&read, i, &machine);
        ck_assert_mem_eq(&machine, &change_machines_example[i], sizeof machine);
    }
    ck_assert_uint_eq(read.version, change_example.version);
}
END_TEST

static void random_results(struct record_instance *instance, struct omega_claim_result *results)
{
    for (uint32_t i = 0; i < instance->claim_count; i++) {
        struct omega_claim_result *result = &results[i];
        memset(result, 0, sizeof *result);
        result->outcome = (uint8_t)(chance() ? OMEGA_ACCEPTED : below(OMEGA_OUTCOMES));
        result->rival = OMEGA_INSTANCE_NONE;
        if (result->outcome == OMEGA_ACCEPTED) {
            result->placement =
                omega_placement_id(instance->result.version, instance->result.accepted++);
            continue;
        }
        result->other_refuses = chance();
        if (chance()) {
            result->rival = (uint16_t)below(65536);
            result->rival_version = some_version();
        }
        instance->rival_count += result->rival != OMEGA_INSTANCE_NONE || result->rival_version > 0;
        instance->result.conflicts += omega_outcome_is_conflict(result->outcome);
        instance->result.refused += omega_outcome_is_refusal(result->outcome);
        instance->result.aborted += result->outcome == OMEGA_ABORTED;
    }
}

START_TEST(test_instances)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct omega_claim_result results[100];
        struct omega_claim_result read_results[100];
        struct record_instance instance;
        struct record_instance read;
        memset(&instance, 0, sizeof instance);
        instance.incarnation = below(UINT32_MAX);
        instance.attempt = below(UINT32_MAX);
        instance.job = omega_random_u64(&rnd) | 1;
        instance.result.version = some_version();
        instance.claim_count = below(101);
        memset(instance.module, 'm', below(RECORD_MODULE_MAX + 1));
        random_results(&instance, results);
        size_t size = record_instance_bytes(&instance, results);
        uint8_t *bytes = malloc(size);
        record_encode_instance(&instance, results, 6, bytes);
        ck_assert_int_eq(record_decode_instance(bytes, size, 6, &read), OMEGA_OK);
        memset(read_results, 0xff, sizeof read_results);
        record_instance_results(&read, read_results);
        ck_assert(memcmp(results, read_results, instance.claim_count * sizeof *results) == 0);
        SAME(instance, read, incarnation);
        SAME(instance, read, attempt);
        SAME(instance, read, job);
        SAME(instance, read, result.version);
        SAME(instance, read, result.accepted);
        SAME(instance, read, result.conflicts);
        SAME(instance, read, result.refused);
        SAME(instance, read, result.aborted);
        SAME(instance, read, claim_count);
        SAME(instance, read, rival_count);
        ck_assert_str_eq(instance.module, read.module);
        free(bytes);
    }
}
END_TEST

/* What joined and has committed nothing has no results. */
START_TEST(test_instance_without_results)
{
    struct record_instance instance = {.incarnation = 1};
    struct record_instance read;
    uint8_t bytes[64];
    ck_assert_uint_eq(record_instance_bytes(&instance, NULL), 56);
    record_encode_instance(&instance, NULL, 0, bytes);
    ck_assert_int_eq(record_decode_instance(bytes, 56, 0, &read), OMEGA_OK);
    record_instance_results(&read, NULL);
    ck_assert_uint_eq(read.incarnation, 1);
    ck_assert_uint_eq(read.job, 0);
    ck_assert_uint_eq(read.claim_count, 0);
    ck_assert_str_eq(read.module, "");
}
END_TEST

static void add_cases(Suite *suite)
{
    omega_random_init(&rnd, 7, "records", 0);
    check_case(suite, "bytes", test_bytes);
    check_case(suite, "sizes", test_sizes);
    check_case(suite, "flipped", test_flipped);
    check_case(suite, "other key", test_other_key);
    check_case(suite, "other size", test_other_size);
    check_case(suite, "other head", test_other_head);
    check_case(suite, "ranges", test_ranges);
    check_case(suite, "ranges together", test_ranges_together);
    check_case(suite, "newer schema", test_newer_schema);
    check_case(suite, "meta and head", test_meta_and_head);
    check_case(suite, "machines", test_machines);
    check_case(suite, "shown machines", test_shown_machines);
    check_case(suite, "specs and texts", test_specs_and_texts);
    check_case(suite, "longest text", test_longest_text);
    check_case(suite, "placements", test_placements);
    check_case(suite, "jobs", test_jobs);
    check_case(suite, "largest job", test_largest_job);
    check_case(suite, "most groups", test_most_groups);
    check_case(suite, "job states", test_job_states);
    check_case(suite, "further tasks", test_tasks);
    check_case(suite, "changes", test_changes);
    check_case(suite, "changes as views read them", test_shown_changes);
    check_case(suite, "instances", test_instances);
    check_case(suite, "instance without results", test_instance_without_results);
}

CHECK_MAIN("lmdb records", add_cases)
