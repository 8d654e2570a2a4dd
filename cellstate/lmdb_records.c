/* SPDX-License-Identifier: MIT */
/*
 * Records of the cell itself, its machines and texts: see lmdb_records.h. Offsets are written out
 * here and in the other files, so that a field is found in a dump of the cell.
 */
#include "cellstate/lmdb.h"
#include "cellstate/lmdb_records_private.h"
#include "cellstate/rules.h"

void record_seal(uint8_t *bytes, size_t size, uint64_t key, enum record_kind kind, uint16_t flags)
{
    record_seal_fixed(bytes, size, key, kind, flags);
}

int record_open(const uint8_t *bytes, size_t size, uint64_t key, enum record_kind kind,
                uint16_t flags_known)
{
    return record_open_inline(bytes, size, key, kind, flags_known);
}

/* ---- meta ---- */

enum {
    META_RELEASE_RAISES_SEQ = 1,
    META_KEEP_JOBS = 2,
    META_GPUS = 4,
    META_FLAGS = 7,
};

void record_encode_meta(const struct record_meta *meta, uint8_t bytes[RECORD_META_BYTES])
{
    put_u32(bytes + 8, meta->schema);
    put_u32(bytes + 12, meta->mode);
    put_u32(bytes + 16, meta->machine_count);
    put_u32(bytes + 20, meta->log_changes);
    put_u64(bytes + 24, meta->map_bytes);
    put_i32(bytes + 32, meta->overcommit.cpu_permille);
    put_i32(bytes + 36, meta->overcommit.mem_permille);
    put_i32(bytes + 40, meta->overcommit.gpu_permille);
    put_u32(bytes + 44, 0);
    memcpy(bytes + 48, meta->identity, sizeof meta->identity);
    int flags = (meta->release_raises_seq ? META_RELEASE_RAISES_SEQ : 0) |
                (meta->keep_jobs ? META_KEEP_JOBS : 0) | (meta->gpus ? META_GPUS : 0);
    record_seal_fixed(bytes, RECORD_META_BYTES, RECORD_META_KEY, RECORD_META, (uint16_t)flags);
}

static bool meta_is_sound(const struct record_meta *meta, const uint8_t *from)
{
    return meta->schema > 0 && load_u32(from + 12) <= LMDB_POWER &&
           meta->machine_count <= OMEGA_MACHINES_MAX && meta->log_changes > 0 &&
           meta->map_bytes > 0 && meta->overcommit.cpu_permille >= 0 &&
           meta->overcommit.mem_permille >= 0 && meta->overcommit.gpu_permille >= 0 &&
           load_u32(from + 44) == 0;
}

int record_decode_meta(const void *bytes, size_t size, struct record_meta *meta)
{
    const uint8_t *from = bytes;
    int rc =
        record_open_fixed(from, size, RECORD_META_BYTES, RECORD_META_KEY, RECORD_META, META_FLAGS);
    if (rc != OMEGA_OK) {
        return rc;
    }
    uint16_t flags = load_u16(from + 6);
    *meta = (struct record_meta){
        .schema = load_u32(from + 8),
        .mode = from[12],
        .release_raises_seq = (flags & META_RELEASE_RAISES_SEQ) != 0,
        .keep_jobs = (flags & META_KEEP_JOBS) != 0,
        .gpus = (flags & META_GPUS) != 0,
        .machine_count = load_u32(from + 16),
        .log_changes = load_u32(from + 20),
        .map_bytes = load_u64(from + 24),
        .overcommit = {load_i32(from + 32), load_i32(from + 36), load_i32(from + 40)},
    };
    memcpy(meta->identity, from + 48, sizeof meta->identity);
    if (meta->schema > LMDB_SCHEMA) {
        return OMEGA_EVERSION; /* what follows may mean something else there */
    }
    return meta_is_sound(meta, from) ? OMEGA_OK : OMEGA_ECORRUPT;
}

/* ---- head ---- */

RECORD_FLATTEN void record_encode_head(const struct record_head *head,
                                       uint8_t bytes[RECORD_HEAD_RECORD_BYTES])
{
    const struct store_counters *counters = &head->counters;
    const struct store_totals *totals = &head->totals;
    put_u64(bytes + 8, counters->version);
    put_u64(bytes + 16, counters->tasks_submitted);
    put_u64(bytes + 24, counters->tasks_pending);
    put_u64(bytes + 32, counters->tasks_running);
    put_u64(bytes + 40, counters->tasks_finished);
    put_u64(bytes + 48, counters->tasks_abandoned);
    put_u64(bytes + 56, counters->tasks_failed);
    put_u64(bytes + 64, counters->losses);
    put_u64(bytes + 72, counters->jobs);
    put_u64(bytes + 80, (uint64_t)totals->cpu_used_milli);
    put_u64(bytes + 88, (uint64_t)totals->mem_used_mib);
    put_u64(bytes + 96, (uint64_t)totals->gpu_used_milli);
    put_u64(bytes + 104, (uint64_t)totals->cpu_capacity_milli);
    put_u64(bytes + 112, (uint64_t)totals->mem_capacity_mib);
    put_u64(bytes + 120, (uint64_t)totals->gpu_capacity_milli);
    record_seal_fixed(bytes, RECORD_HEAD_RECORD_BYTES, RECORD_HEAD_KEY, RECORD_HEAD, 0);
}

RECORD_FLATTEN int record_decode_head(const void *bytes, size_t size, struct record_head *head)
{
    const uint8_t *from = bytes;
    int rc =
        record_open_fixed(from, size, RECORD_HEAD_RECORD_BYTES, RECORD_HEAD_KEY, RECORD_HEAD, 0);
    if (rc != OMEGA_OK) {
        return rc;
    }
    head->counters = (struct store_counters){
        .version = load_u64(from + 8),
        .tasks_submitted = load_u64(from + 16),
        .tasks_pending = load_u64(from + 24),
        .tasks_running = load_u64(from + 32),
        .tasks_finished = load_u64(from + 40),
        .tasks_abandoned = load_u64(from + 48),
        .tasks_failed = load_u64(from + 56),
        .losses = load_u64(from + 64),
        .jobs = load_u64(from + 72),
    };
    head->totals = (struct store_totals){
        .cpu_used_milli = (int64_t)load_u64(from + 80),
        .mem_used_mib = (int64_t)load_u64(from + 88),
        .gpu_used_milli = (int64_t)load_u64(from + 96),
        .cpu_capacity_milli = (int64_t)load_u64(from + 104),
        .mem_capacity_mib = (int64_t)load_u64(from + 112),
        .gpu_capacity_milli = (int64_t)load_u64(from + 120),
    };
    return head->counters.version <= OMEGA_VERSION_MAX ? OMEGA_OK : OMEGA_ECORRUPT;
}

/* ---- machines ---- */

#define MACHINE_GPUS 1u /* flag: use of devices, by band, follows */
#define DEVICES (OMEGA_BANDS * OMEGA_GPU_DEVICES_MAX)

/* All 40 values or-ed together, four at a time: not 0 if a device is used; its sign bits tell
 * whether a value is below 0. */
static inline uint64_t any_gpu(const struct omega_machine *machine)
{
    uint64_t any = 0;
    for (size_t i = 0; i < sizeof machine->band_gpu_milli; i += sizeof any) {
        uint64_t four;
        memcpy(&four, (const uint8_t *)machine->band_gpu_milli + i, sizeof four);
        any |= four;
    }
    return any;
}

RECORD_FLATTEN size_t record_encode_machine(const struct omega_machine *machine,
                                            uint8_t bytes[RECORD_MACHINE_BYTES_MAX])
{
    put_u64(bytes + 8, machine->seq);
    put_u64(bytes + 16, machine->placed_version[0]);
    put_u64(bytes + 24, machine->placed_version[1]);
    put_u64(bytes + 32, machine->placed_by[0] | (uint64_t)machine->placed_by[1] << 16 |
                            (uint64_t)machine->state << 32 | (uint64_t)machine->gpu_devices << 40 |
                            (uint64_t)(uint16_t)machine->gpu_limit_milli << 48);
    put_pair(bytes + 40, machine->cpu_limit_milli, machine->mem_limit_mib);
    put_pair(bytes + 48, (int32_t)machine->releases, machine->may_exceed);
    const int32_t *cpu = machine->band_cpu_milli; /* sums in place of the first: split_bands() */
    const int32_t *mem = machine->band_mem_mib;
    put_pair(bytes + 56, machine->cpu_used_milli, cpu[1]);
    put_pair(bytes + 64, cpu[2], cpu[3]);
    put_pair(bytes + 72, cpu[4], machine->mem_used_mib);
    put_pair(bytes + 80, mem[1], mem[2]);
    put_pair(bytes + 88, mem[3], mem[4]);
    put_pair(bytes + 96, machine->cpu_capacity_milli, machine->mem_capacity_mib);
    /* tasks on devices that an event has taken away leave the machine above its limit: use of
     * devices, which lies on a line of memory of its own, is looked at there only */
    if (machine->gpu_devices == 0 && (machine->may_exceed == 0 || any_gpu(machine) == 0)) {
        record_seal_fixed(bytes, RECORD_MACHINE_BYTES, machine->index, RECORD_MACHINE, 0);
        return RECORD_MACHINE_BYTES;
    }
    put_i16s(bytes + RECORD_MACHINE_BYTES, machine->band_gpu_milli[0], DEVICES);
    record_seal_fixed(bytes, RECORD_MACHINE_BYTES_MAX, machine->index, RECORD_MACHINE,
                      MACHINE_GPUS);
    return RECORD_MACHINE_BYTES_MAX;
}

/* In the place of the first band lies the sum over all of them, which views want; the first band is
 * what the others leave of it. Negative values turn up in *signs. */
static inline int32_t split_bands(int32_t *bands, int32_t *signs)
{
    int32_t sum = bands[0];
    int64_t first = sum;
    *signs |= sum;
    for (int band = 1; band < OMEGA_BANDS; band++) {
        first -= bands[band];
        *signs |= bands[band];
    }
    *signs |= first < 0 ? -1 : 0;
    bands[0] = (int32_t)first;
    return sum;
}

/* Splits use by band and checks ranges: nothing is negative, and versions can be versions. */
static inline bool machine_is_sound(struct omega_machine *machine, const uint8_t *from, bool gpus)
{
    int32_t signs = machine->cpu_limit_milli | machine->mem_limit_mib |
                    machine->cpu_capacity_milli | machine->mem_capacity_mib;
    machine->cpu_used_milli = split_bands(machine->band_cpu_milli, &signs);
    machine->mem_used_mib = split_bands(machine->band_mem_mib, &signs);
    bool sound =
        signs >= 0 && load_u32(from + 52) <= 1 && machine->placed_version[0] <= OMEGA_VERSION_MAX &&
        machine->placed_version[1] <= OMEGA_VERSION_MAX &&
        machine->state <= OMEGA_MACHINE_DRAINING && machine->gpu_devices <= OMEGA_GPU_DEVICES_MAX;
    if (!gpus) {
        return sound && machine->gpu_devices == 0;
    }
    uint64_t used = any_gpu(machine);
    return sound && (machine->gpu_devices > 0 || used != 0) &&
           (used & UINT64_C(0x8000800080008000)) == 0;
}

RECORD_FLATTEN int record_decode_machine(const void *bytes, size_t size, uint64_t index,
                                         struct omega_machine *machine)
{
    const uint8_t *from = bytes;
    bool gpus = size == RECORD_MACHINE_BYTES_MAX;
    int rc = gpus ? record_open_fixed(from, size, RECORD_MACHINE_BYTES_MAX, index, RECORD_MACHINE,
                                      MACHINE_GPUS)
                  : record_open_fixed(from, size, RECORD_MACHINE_BYTES, index, RECORD_MACHINE,
                                      MACHINE_GPUS);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if ((load_u16(from + 6) != 0) != gpus || index >= OMEGA_MACHINES_MAX ||
        load_u64(from + 8) > OMEGA_SEQ_MAX) {
        return OMEGA_ECORRUPT;
    }
    machine->seq = load_u64(from + 8);
    machine->placed_version[0] = load_u64(from + 16);
    machine->placed_version[1] = load_u64(from + 24);
    machine->placed_by[0] = load_u16(from + 32);
    machine->placed_by[1] = load_u16(from + 34);
    machine->state = from[36];
    machine->gpu_devices = from[37];
    machine->gpu_limit_milli = (int16_t)load_u16(from + 38);
    machine->cpu_limit_milli = load_i32(from + 40);
    machine->mem_limit_mib = load_i32(from + 44);
    machine->releases = load_u32(from + 48);
    machine->index = (uint32_t)index;
    machine->may_exceed = from[52];
    memset(machine->reserved, 0, sizeof machine->reserved);
    machine->changes = 0;
    load_i32s(machine->band_cpu_milli, from + 56, OMEGA_BANDS);
    load_i32s(machine->band_mem_mib, from + 76, OMEGA_BANDS);
    machine->cpu_capacity_milli = load_i32(from + 96);
    machine->mem_capacity_mib = load_i32(from + 100);
    if (gpus) {
        load_i16s(machine->band_gpu_milli[0], from + RECORD_MACHINE_BYTES, DEVICES);
    } else {
        memset(machine->band_gpu_milli, 0, sizeof machine->band_gpu_milli);
    }
    return machine_is_sound(machine, from, gpus) ? OMEGA_OK : OMEGA_ECORRUPT;
}

/* One with GPUs takes the long way. */
int record_show_gpu_machine(const void *bytes, size_t size, uint64_t index,
                            struct record_change_machine *shown)
{
    struct omega_machine machine;
    int rc = record_decode_machine(bytes, size, index, &machine);
    if (rc == OMEGA_OK) {
        *shown = (struct record_change_machine){
            .index = machine.index,
            .free_cpu_milli = rules_free_cpu(&machine),
            .free_mem_mib = rules_free_mem(&machine),
            .releases = machine.releases,
            .seq = machine.seq,
            .cpu_limit_milli = machine.cpu_limit_milli,
            .mem_limit_mib = machine.mem_limit_mib,
        };
        for (uint32_t device = 0; device < OMEGA_GPU_DEVICES_MAX; device++) {
            shown->free_gpu_milli[device] = rules_free_gpu(&machine, device);
        }
    }
    return rc;
}

/* ---- specs ---- */

void record_encode_spec(const struct omega_machine_spec *spec, uint64_t index,
                        uint8_t bytes[RECORD_SPEC_BYTES])
{
    put_u32(bytes + 8, spec->name);
    put_u32(bytes + 12, spec->platform);
    put_u32(bytes + 16, spec->domain);
    put_u32(bytes + 20, spec->attributes);
    put_i32(bytes + 24, spec->cpu_milli);
    put_i32(bytes + 28, spec->mem_mib);
    bytes[32] = spec->gpu_devices;
    bytes[33] = spec->absent;
    memset(bytes + 34, 0, 6);
    record_seal_fixed(bytes, RECORD_SPEC_BYTES, index, RECORD_SPEC, 0);
}

int record_decode_spec(const void *bytes, size_t size, uint64_t index,
                       struct omega_machine_spec *spec)
{
    const uint8_t *from = bytes;
    int rc = record_open_fixed(from, size, RECORD_SPEC_BYTES, index, RECORD_SPEC, 0);
    if (rc != OMEGA_OK) {
        return rc;
    }
    *spec = (struct omega_machine_spec){
        .name = load_u32(from + 8),
        .platform = load_u32(from + 12),
        .domain = load_u32(from + 16),
        .attributes = load_u32(from + 20),
        .cpu_milli = load_i32(from + 24),
        .mem_mib = load_i32(from + 28),
        .gpu_devices = from[32],
        .absent = from[33],
    };
    bool sound = spec->cpu_milli >= 0 && spec->mem_mib >= 0 &&
                 spec->gpu_devices <= OMEGA_GPU_DEVICES_MAX && spec->absent <= 1 &&
                 record_zero(from, 34, RECORD_SPEC_BYTES);
    return sound ? OMEGA_OK : OMEGA_ECORRUPT;
}

/* ---- texts ---- */

#define TEXT_BYTES 12u /* before the text itself */

size_t record_text_bytes(size_t length)
{
    return record_round(TEXT_BYTES + length);
}

void record_encode_text(const char *text, size_t length, uint64_t key, uint8_t *bytes)
{
    size_t size = record_text_bytes(length);
    memset(bytes + size - 8, 0, 8);
    put_u32(bytes + 8, (uint32_t)length);
    memcpy(bytes + TEXT_BYTES, text, length);
    record_seal(bytes, size, key, RECORD_TEXT, 0);
}

int record_decode_text(const void *bytes, size_t size, uint64_t key, const char **text,
                       size_t *length)
{
    const uint8_t *from = bytes;
    int rc = record_open(from, size, key, RECORD_TEXT, 0);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (size < TEXT_BYTES) {
        return OMEGA_ECORRUPT;
    }
    *length = load_u32(from + 8);
    *text = (const char *)from + TEXT_BYTES;
    bool sound = *length <= RECORD_TEXT_MAX && record_text_bytes(*length) == size &&
                 memchr(*text, '\0', *length) == NULL &&
                 record_zero(from, TEXT_BYTES + *length, size);
    return sound ? OMEGA_OK : OMEGA_ECORRUPT;
}
