/* SPDX-License-Identifier: MIT */
/* Records that commits write: placements, changes and instances with their results: see
 * lmdb_records.h. */
#include "cellstate/lmdb_records_private.h"

/* ---- placements ---- */

RECORD_FLATTEN void record_encode_placement(const struct store_placement *placement,
                                            uint8_t bytes[RECORD_PLACEMENT_BYTES])
{
    put_u64(bytes + 8, placement->job);
    put_pair(bytes + 16, (int32_t)placement->task, (int32_t)placement->machine);
    put_pair(bytes + 24, placement->request.cpu_milli, placement->request.mem_mib);
    put_u64(bytes + 32, (uint16_t)placement->request.gpu_milli |
                            (uint64_t)placement->request.gpu_devices << 16 |
                            (uint64_t)placement->devices << 24 |
                            (uint64_t)placement->instance << 32 | (uint64_t)placement->band << 48);
    record_seal_fixed(bytes, RECORD_PLACEMENT_BYTES, placement->id, RECORD_PLACEMENT, 0);
}

static inline bool placement_is_sound(const struct store_placement *placement)
{
    const struct omega_request *request = &placement->request;
    bool gpus = placement->devices == 0 && request->gpu_devices == 0 && request->gpu_milli == 0;
    return (request->cpu_milli | request->mem_mib) >= 0 && placement->band < OMEGA_BANDS &&
           placement->machine < OMEGA_MACHINES_MAX &&
           (placement->job == 0 || placement->task < OMEGA_TASKS_MAX) &&
           (gpus || (record_gpu_request_sound(request) &&
                     __builtin_popcount(placement->devices) == request->gpu_devices));
}

RECORD_FLATTEN int record_decode_placement(const void *bytes, size_t size, uint64_t id,
                                           struct store_placement *placement)
{
    const uint8_t *from = bytes;
    int rc = record_open_fixed(from, size, RECORD_PLACEMENT_BYTES, id, RECORD_PLACEMENT, 0);
    if (rc != OMEGA_OK) {
        return rc;
    }
    *placement = (struct store_placement){
        .id = id,
        .job = load_u64(from + 8),
        .task = load_u32(from + 16),
        .machine = load_u32(from + 20),
        .request = {.cpu_milli = load_i32(from + 24),
                    .mem_mib = load_i32(from + 28),
                    .gpu_milli = (int16_t)load_u16(from + 32),
                    .gpu_devices = from[34]},
        .instance = load_u16(from + 36),
        .devices = from[35],
        .band = from[38],
    };
    return placement_is_sound(placement) && from[39] == 0 ? OMEGA_OK : OMEGA_ECORRUPT;
}

/* ---- the change log ---- */

#define ITEM_MACHINE_BITS 24 /* of 32; the rest is the devices */
/* where they begin, from where the machines end */
#define ITEMS (RECORD_CHANGE_BYTES - CHANGE_MACHINES)

size_t record_change_bytes(const struct record_change *change)
{
    return record_change_size(change);
}

void record_put_change_machine(uint8_t *bytes, const struct record_change *change, uint32_t i,
                               const struct record_change_machine *machine)
{
    uint8_t *to = bytes + CHANGE_MACHINES + i * record_change_stride(change);
    put_pair(to, (int32_t)machine->index, machine->free_cpu_milli);
    put_i32(to + 8, machine->free_mem_mib);
    if (change->seqs) {
        put_u64(to + record_change_seq_at(), machine->seq);
    }
    if (change->releases) {
        put_u32(to + record_change_releases_at(change), machine->releases);
    }
    if (change->limits) {
        put_pair(to + record_change_limits_at(change), machine->cpu_limit_milli,
                 machine->mem_limit_mib);
    }
    if (change->gpus) {
        put_i16s(to + record_change_gpus_at(change), machine->free_gpu_milli,
                 OMEGA_GPU_DEVICES_MAX);
    }
}

void record_put_change_item(uint8_t *bytes, const struct record_change *change, uint32_t i,
                            const struct record_change_item *item)
{
    uint8_t *to =
        bytes + record_change_shown(change) + ITEMS + (size_t)i * RECORD_CHANGE_ITEM_BYTES;
    put_u64(to, item->placement);
    put_pair(to + 8, (int32_t)item->task,
             (int32_t)(item->machine | (uint32_t)item->devices << ITEM_MACHINE_BITS));
}

void record_finish_change(const struct record_change *change, uint64_t key, uint8_t *bytes)
{
    size_t shown = record_change_shown(change);
    size_t ends = CHANGE_MACHINES + change->machine_count * record_change_stride(change);
    memset(bytes + ends, 0, shown - ends);
    put_u64(bytes + shown, change->job);
    put_pair(bytes + shown + 8, (int32_t)change->incarnation, (int32_t)change->attempt);
    put_u64(bytes + 8, change->version);
    put_pair(bytes + 16, (int32_t)change->machine_count, (int32_t)change->item_count);
    put_u64(bytes + 24,
            change->instance | (uint64_t)change->kind << 16 | (uint64_t)change->detail << 24 |
                (uint64_t)record_change_checksum(bytes, shown, record_change_size(change)) << 32);
    int flags = (change->seqs ? CHANGE_SEQS : 0) | (change->releases ? CHANGE_RELEASES : 0) |
                (change->limits ? CHANGE_LIMITS : 0) | (change->gpus ? CHANGE_GPUS : 0);
    record_seal(bytes, shown, key, RECORD_CHANGE, (uint16_t)flags);
}

/* Free room is at least -1, limits are at least 0, as rules make them, and a view can show the
 * sequence; padding is 0. */
static bool change_content_is_sound(const struct record_change *change)
{
    size_t stride = record_change_stride(change);
    size_t limits = record_change_limits_at(change);
    bool bad = false;
    for (uint32_t i = 0; i < change->machine_count; i++) {
        const uint8_t *at = change->machines + i * stride;
        bad |= load_u32(at) >= OMEGA_MACHINES_MAX;
        bad |= load_i32(at + 4) < -1 || load_i32(at + 8) < -1;
        bad |= change->seqs && load_u64(at + record_change_seq_at()) > OMEGA_SEQ_MAX;
        bad |= change->limits && (load_i32(at + limits) | load_i32(at + limits + 4)) < 0;
    }
    size_t ends = change->machine_count * stride;
    return !bad && record_zero(change->machines, ends, record_round(ends));
}

int record_decode_change(const void *bytes, size_t size, uint64_t key, struct record_change *change)
{
    const uint8_t *from = bytes;
    int rc = record_decode_change_shown(bytes, size, key, change);
    if (rc != OMEGA_OK) {
        return rc;
    }
    size_t shown = record_change_shown(change);
    change->job = load_u64(from + shown);
    change->incarnation = load_u32(from + shown + 8);
    change->attempt = load_u32(from + shown + 12);
    change->items = from + shown + ITEMS;
    bool sound = load_u32(from + CHANGE_CHECKSUM) == record_change_checksum(from, shown, size) &&
                 change_content_is_sound(change);
    return sound ? OMEGA_OK : OMEGA_ECORRUPT;
}

void record_change_machine(const struct record_change *change, uint32_t i,
                           struct record_change_machine *machine)
{
    const uint8_t *from = change->machines + i * record_change_stride(change);
    size_t limits = record_change_limits_at(change);
    *machine = (struct record_change_machine){
        .index = load_u32(from),
        .free_cpu_milli = load_i32(from + 4),
        .free_mem_mib = load_i32(from + 8),
        .releases = change->releases ? load_u32(from + record_change_releases_at(change)) : 0,
        .seq = change->seqs ? load_u64(from + record_change_seq_at()) : 0,
        .cpu_limit_milli = change->limits ? load_i32(from + limits) : 0,
        .mem_limit_mib = change->limits ? load_i32(from + limits + 4) : 0,
    };
    if (change->gpus) {
        load_i16s(machine->free_gpu_milli, from + record_change_gpus_at(change),
                  OMEGA_GPU_DEVICES_MAX);
    }
}

void record_change_item(const struct record_change *change, uint32_t i,
                        struct record_change_item *item)
{
    const uint8_t *from = change->items + (size_t)i * RECORD_CHANGE_ITEM_BYTES;
    *item = (struct record_change_item){
        .placement = load_u64(from),
        .task = load_u32(from + 8),
        .machine = load_u32(from + 12) & (OMEGA_MACHINES_MAX - 1),
        .devices = from[15],
    };
}

/* ---- scheduler instances ---- */

/*
 * Behind the fixed part come the module's name, padded; a byte per claim, padded; and for each
 * claim that says so, in their order, a rival in 8 bytes: version << 16 | instance. A claim's byte
 * is its outcome, with two flags; those that were accepted have neither flag nor rival.
 */
#define INSTANCE_BYTES 56u

enum {
    CLAIM_OUTCOME = 0x0f,
    CLAIM_OTHER_REFUSES = 0x40,
    CLAIM_RIVAL = 0x80,
};

#define EACH_BYTE(byte) ((byte)*UINT64_C(0x0101010101010101))

static inline bool has_rival(const struct omega_claim_result *result)
{
    return result->outcome != OMEGA_ACCEPTED &&
           (result->rival != OMEGA_INSTANCE_NONE || result->rival_version != 0);
}

size_t record_instance_bytes(const struct record_instance *instance,
                             const struct omega_claim_result *results)
{
    size_t rivals = 0;
    for (uint32_t i = 0; i < instance->claim_count; i++) {
        rivals += has_rival(&results[i]);
    }
    return INSTANCE_BYTES + record_round(strlen(instance->module)) +
           record_round(instance->claim_count) + rivals * 8;
}

/* Writes the claims' bytes and rivals, and returns how many rivals there are. */
static uint32_t put_results(const struct omega_claim_result *results, uint32_t count,
                            uint8_t *outcomes)
{
    uint8_t *rivals = outcomes + record_round(count);
    uint32_t rival_count = 0;
    memset(outcomes + count, 0, record_round(count) - count);
    for (uint32_t i = 0; i < count; i++) {
        const struct omega_claim_result *result = &results[i];
        outcomes[i] = result->outcome;
        if (result->outcome != OMEGA_ACCEPTED && result->other_refuses) {
            outcomes[i] |= CLAIM_OTHER_REFUSES;
        }
        if (has_rival(result)) {
            outcomes[i] |= CLAIM_RIVAL;
            put_u64(rivals + (size_t)rival_count++ * 8,
                    result->rival_version << 16 | result->rival);
        }
    }
    return rival_count;
}

void record_encode_instance(const struct record_instance *instance,
                            const struct omega_claim_result *results, uint64_t key, uint8_t *bytes)
{
    size_t length = strlen(instance->module);
    size_t named = INSTANCE_BYTES + record_round(length);
    put_u32(bytes + 8, instance->incarnation);
    put_u32(bytes + 12, instance->attempt);
    put_u64(bytes + 16, instance->job);
    put_u64(bytes + 24, instance->result.version);
    put_u32(bytes + 32, instance->result.accepted);
    put_u32(bytes + 36, instance->result.conflicts);
    put_u32(bytes + 40, instance->result.refused);
    put_u32(bytes + 44, instance->result.aborted);
    put_u32(bytes + 48, instance->claim_count);
    memcpy(bytes + INSTANCE_BYTES, instance->module, length);
    memset(bytes + INSTANCE_BYTES + length, 0, named - INSTANCE_BYTES - length);
    uint32_t rivals = put_results(results, instance->claim_count, bytes + named);
    put_u32(bytes + 52, rivals);
    size_t size = named + record_round(instance->claim_count) + (size_t)rivals * 8;
    record_seal(bytes, size, key, RECORD_INSTANCE, (uint16_t)length);
}

/* Checks the claims' bytes, eight at a time: they agree with the counts of accepted claims and of
 * rivals. */
static bool outcomes_are_sound(const struct record_instance *instance)
{
    uint64_t bad = 0;
    uint32_t refused = 0;
    uint32_t rivals = 0;
    for (size_t i = 0; i < record_round(instance->claim_count); i += 8) {
        uint64_t eight = load_u64(instance->outcomes + i);
        uint64_t outcome = eight & EACH_BYTE(CLAIM_OUTCOME);
        uint64_t not_accepted = (outcome + EACH_BYTE(0x7f)) & EACH_BYTE(0x80);
        uint64_t rival = eight & EACH_BYTE(CLAIM_RIVAL);
        bad |= (outcome + EACH_BYTE(0x80 - OMEGA_OUTCOMES)) & EACH_BYTE(0x80);
        bad |= eight & EACH_BYTE(0x30);
        bad |= (rival | (eight & EACH_BYTE(CLAIM_OTHER_REFUSES)) << 1) & ~not_accepted;
        refused += (uint32_t)__builtin_popcountll(not_accepted);
        rivals += (uint32_t)__builtin_popcountll(rival);
    }
    const struct omega_result *result = &instance->result;
    uint64_t others = (uint64_t)result->conflicts + result->refused + result->aborted;
    return bad == 0 && rivals == instance->rival_count && refused == others &&
           others + result->accepted == instance->claim_count;
}

static bool rivals_are_sound(const struct record_instance *instance)
{
    for (size_t i = 0; i < instance->rival_count; i++) {
        uint64_t rival = load_u64(instance->rivals + i * 8);
        if (rival == OMEGA_INSTANCE_NONE || rival >> 16 > OMEGA_VERSION_MAX) {
            return false;
        }
    }
    return true;
}

/* Finds the parts behind the fixed one and checks them; together they make up `size`. */
static bool instance_is_sound(struct record_instance *instance, const uint8_t *from, size_t size)
{
    size_t length = load_u16(from + 6);
    size_t named = INSTANCE_BYTES + record_round(length);
    size_t claimed = named + record_round(instance->claim_count);
    if (length > RECORD_MODULE_MAX || instance->claim_count > OMEGA_CLAIMS_MAX ||
        instance->result.version > OMEGA_VERSION_MAX ||
        (instance->job == 0 && instance->claim_count > 0) ||
        claimed + (size_t)instance->rival_count * 8 != size) {
        return false;
    }
    memcpy(instance->module, from + INSTANCE_BYTES, length);
    instance->outcomes = from + named;
    instance->rivals = from + claimed;
    return strlen(instance->module) == length &&
           record_zero(from, INSTANCE_BYTES + length, named) &&
           record_zero(from, named + instance->claim_count, claimed) &&
           outcomes_are_sound(instance) && rivals_are_sound(instance);
}

int record_decode_instance(const void *bytes, size_t size, uint64_t key,
                           struct record_instance *instance)
{
    const uint8_t *from = bytes;
    int rc = record_open(from, size, key, RECORD_INSTANCE, UINT16_MAX);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (size < INSTANCE_BYTES) {
        return OMEGA_ECORRUPT;
    }
    *instance = (struct record_instance){
        .incarnation = load_u32(from + 8),
        .attempt = load_u32(from + 12),
        .job = load_u64(from + 16),
        .result = {.version = load_u64(from + 24),
                   .accepted = load_u32(from + 32),
                   .conflicts = load_u32(from + 36),
                   .refused = load_u32(from + 40),
                   .aborted = load_u32(from + 44)},
        .claim_count = load_u32(from + 48),
        .rival_count = load_u32(from + 52),
    };
    return instance_is_sound(instance, from, size) ? OMEGA_OK : OMEGA_ECORRUPT;
}

void record_instance_results(const struct record_instance *instance,
                             struct omega_claim_result *results)
{
    uint32_t accepted = 0;
    const uint8_t *rivals = instance->rivals;
    for (uint32_t i = 0; i < instance->claim_count; i++) {
        uint8_t claim = instance->outcomes[i];
        results[i] = (struct omega_claim_result){
            .rival = OMEGA_INSTANCE_NONE,
            .outcome = claim & CLAIM_OUTCOME,
            .other_refuses = (claim & CLAIM_OTHER_REFUSES) != 0,
        };
        if (results[i].outcome == OMEGA_ACCEPTED) {
            results[i].placement = omega_placement_id(instance->result.version, accepted++);
        } else if ((claim & CLAIM_RIVAL) != 0) {
            results[i].rival = load_u16(rivals);
            results[i].rival_version = load_u64(rivals) >> 16;
            rivals += 8;
        }
    }
}
