/* SPDX-License-Identifier: MIT */
/*
 * What the files of the record codec share: little-endian loads and stores at any address, the head
 * of a record and its checksum. Inline: a commit makes dozens of records of constant size, and a
 * checksum over a constant size takes a few nanoseconds.
 */
#ifndef OMEGA_CELLSTATE_LMDB_RECORDS_PRIVATE_H
#define OMEGA_CELLSTATE_LMDB_RECORDS_PRIVATE_H

#include <endian.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "cellstate/lmdb_records.h"

/* On encoders and decoders of records of constant size: with all calls inline the compiler knows
 * how long the checksummed bytes are, which halves the time. */
#define RECORD_FLATTEN __attribute__((flatten))

#define RECORD_CHECKED 8u /* the checksum is over all bytes from here, and over key and head */

static inline uint16_t load_u16(const uint8_t *from)
{
    uint16_t value;
    memcpy(&value, from, sizeof value);
    return le16toh(value);
}

static inline uint32_t load_u32(const uint8_t *from)
{
    uint32_t value;
    memcpy(&value, from, sizeof value);
    return le32toh(value);
}

static inline uint64_t load_u64(const uint8_t *from)
{
    uint64_t value;
    memcpy(&value, from, sizeof value);
    return le64toh(value);
}

static inline int32_t load_i32(const uint8_t *from)
{
    return (int32_t)load_u32(from);
}

static inline void put_u16(uint8_t *to, uint16_t value)
{
    value = htole16(value);
    memcpy(to, &value, sizeof value);
}

static inline void put_u32(uint8_t *to, uint32_t value)
{
    value = htole32(value);
    memcpy(to, &value, sizeof value);
}

static inline void put_u64(uint8_t *to, uint64_t value)
{
    value = htole64(value);
    memcpy(to, &value, sizeof value);
}

static inline void put_i32(uint8_t *to, int32_t value)
{
    put_u32(to, (uint32_t)value);
}

/* Two neighbours at once: the checksum reads words of 8 bytes at multiples of 8, and a CPU waits
 * for a word that was written in halves. */
static inline void put_pair(uint8_t *to, int32_t first, int32_t second)
{
    put_u64(to, (uint32_t)first | (uint64_t)(uint32_t)second << 32);
}

/* Arrays are copied at once; the loops do nothing where the CPU is little-endian. */
static inline void load_i32s(int32_t *values, const uint8_t *from, size_t count)
{
    memcpy(values, from, count * sizeof *values);
    for (size_t i = 0; __BYTE_ORDER != __LITTLE_ENDIAN && i < count; i++) {
        values[i] = load_i32(from + i * sizeof *values);
    }
}

static inline void put_i16s(uint8_t *to, const int16_t *values, size_t count)
{
    memcpy(to, values, count * sizeof *values);
    for (size_t i = 0; __BYTE_ORDER != __LITTLE_ENDIAN && i < count; i++) {
        put_u16(to + i * sizeof *values, (uint16_t)values[i]);
    }
}

static inline void load_i16s(int16_t *values, const uint8_t *from, size_t count)
{
    memcpy(values, from, count * sizeof *values);
    for (size_t i = 0; __BYTE_ORDER != __LITTLE_ENDIAN && i < count; i++) {
        values[i] = (int16_t)load_u16(from + i * sizeof *values);
    }
}

/* Sizes of records and their parts are multiples of 8. */
static inline size_t record_round(size_t size)
{
    return (size + 7) / 8 * 8;
}

/* Are the bytes from `from` to `to` zero? */
static inline bool record_zero(const uint8_t *bytes, size_t from, size_t to)
{
    uint8_t any = 0;
    for (size_t i = from; i < to; i++) {
        any |= bytes[i];
    }
    return any == 0;
}

/* Key, format, kind and flags are mixed in at the end: a seed would cost long records more than the
 * checksum itself. The multiplications scatter them, so that they do not cancel out. */
static inline __attribute__((always_inline)) uint32_t record_checksum(const uint8_t *bytes,
                                                                      size_t size, uint64_t key)
{
    uint64_t place = key * UINT64_C(0x9e3779b97f4a7c15);
    place = (place ^ place >> 32 ^ load_u32(bytes + 4)) * UINT64_C(0xff51afd7ed558ccd);
    uint64_t hash = XXH3_64bits(bytes + RECORD_CHECKED, size - RECORD_CHECKED);
    return (uint32_t)(hash ^ place >> 32);
}

/* Writes the head of a record whose other bytes are there; for a `size` that is constant. */
static inline __attribute__((always_inline)) void
record_seal_fixed(uint8_t *bytes, size_t size, uint64_t key, enum record_kind kind, uint16_t flags)
{
    bytes[4] = RECORD_FORMAT;
    bytes[5] = (uint8_t)kind;
    put_u16(bytes + 6, flags);
    put_u32(bytes, record_checksum(bytes, size, key));
}

static inline __attribute__((always_inline)) int record_open_inline(const uint8_t *bytes,
                                                                    size_t size, uint64_t key,
                                                                    enum record_kind kind,
                                                                    uint16_t flags_known)
{
    if (size < RECORD_HEAD_BYTES || load_u32(bytes) != record_checksum(bytes, size, key)) {
        return OMEGA_ECORRUPT;
    }
    if (load_u32(bytes + 4) == (RECORD_FORMAT | (uint32_t)kind << 8)) {
        return OMEGA_OK; /* at once for the usual record, without flags */
    }
    if (bytes[4] > RECORD_FORMAT) {
        return OMEGA_EVERSION;
    }
    bool known = bytes[4] == RECORD_FORMAT && bytes[5] == kind &&
                 (load_u16(bytes + 6) & (uint16_t)~flags_known) == 0;
    return known ? OMEGA_OK : OMEGA_ECORRUPT;
}

/* The same two for any size. record_open() checks all of the head: 0, OMEGA_ECORRUPT or
 * OMEGA_EVERSION. */
void record_seal(uint8_t *bytes, size_t size, uint64_t key, enum record_kind kind, uint16_t flags);
int record_open(const uint8_t *bytes, size_t size, uint64_t key, enum record_kind kind,
                uint16_t flags_known);

/* Opens a record that must have `expected` bytes, a constant. */
static inline __attribute__((always_inline)) int
record_open_fixed(const uint8_t *bytes, size_t size, size_t expected, uint64_t key,
                  enum record_kind kind, uint16_t flags_known)
{
    if (size == expected) {
        return record_open_inline(bytes, expected, key, kind, flags_known);
    }
    int rc = record_open(bytes, size, key, kind, flags_known);
    return rc == OMEGA_OK ? OMEGA_ECORRUPT : rc;
}

/* What tasks may ask for of GPUs: nothing, a share of one device, or whole ones. */
static inline bool record_gpu_request_sound(const struct omega_request *request)
{
    if (request->gpu_devices == 0) {
        return request->gpu_milli == 0;
    }
    bool share = request->gpu_devices == 1 && request->gpu_milli >= 1 &&
                 request->gpu_milli < OMEGA_GPU_DEVICE_MILLI;
    return share || (request->gpu_devices <= OMEGA_GPU_DEVICES_MAX &&
                     request->gpu_milli == OMEGA_GPU_DEVICE_MILLI);
}

/* ---- what a view shows of a machine, straight from its record ---- */

#define RECORD_MACHINE_BYTES 104u /* without GPUs */

/* One that has GPUs: the long way. */
int record_show_gpu_machine(const void *bytes, size_t size, uint64_t index,
                            struct record_change_machine *shown);

/* Equal to decoding the record and asking the rules, several times quicker, and without a look at
 * ranges, which the checksum vouches for. Here, since a view looks at all machines in one loop. */
static inline __attribute__((always_inline)) int
record_show_machine(const void *bytes, size_t size, uint64_t index,
                    struct record_change_machine *shown)
{
    const uint8_t *from = bytes;
    if (size != RECORD_MACHINE_BYTES) {
        return record_show_gpu_machine(bytes, size, index, shown);
    }
    int rc = record_open_inline(from, RECORD_MACHINE_BYTES, index, RECORD_MACHINE, 0);
    if (rc != OMEGA_OK) {
        return rc;
    }
    bool takes = from[36] == OMEGA_MACHINE_UP && from[52] == 0;       /* rules_takes() */
    int64_t cpu = (int64_t)load_i32(from + 40) - load_i32(from + 56); /* limit - use */
    int64_t mem = (int64_t)load_i32(from + 44) - load_i32(from + 76);
    shown->index = (uint32_t)index;
    shown->free_cpu_milli = takes ? (int32_t)cpu : -1;
    shown->free_mem_mib = takes ? (int32_t)mem : -1;
    shown->releases = load_u32(from + 48);
    shown->seq = load_u64(from + 8);
    shown->cpu_limit_milli = load_i32(from + 40);
    shown->mem_limit_mib = load_i32(from + 44);
    memset(shown->free_gpu_milli, 0, sizeof shown->free_gpu_milli);
    return OMEGA_OK;
}

/* ---- what views show of a change ---- */

enum {
    CHANGE_SEQS = 1, /* flags: what machines carry, in this order, behind index and free room */
    CHANGE_RELEASES = 2,
    CHANGE_LIMITS = 4,
    CHANGE_GPUS = 8,
    CHANGE_FLAGS = 15,
};

#define CHANGE_MACHINES 32u /* where they begin */

/* Where each of what a machine carries lies in its bytes, and how many these are. */
static inline size_t record_change_seq_at(void)
{
    return RECORD_CHANGE_MACHINE_BYTES;
}
static inline size_t record_change_releases_at(const struct record_change *change)
{
    return record_change_seq_at() + (change->seqs ? RECORD_CHANGE_SEQ_BYTES : 0);
}
static inline size_t record_change_limits_at(const struct record_change *change)
{
    return record_change_releases_at(change) + (change->releases ? RECORD_CHANGE_RELEASE_BYTES : 0);
}
static inline size_t record_change_gpus_at(const struct record_change *change)
{
    return record_change_limits_at(change) + (change->limits ? RECORD_CHANGE_LIMIT_BYTES : 0);
}
static inline size_t record_change_stride(const struct record_change *change)
{
    return record_change_gpus_at(change) + (change->gpus ? RECORD_CHANGE_GPU_BYTES : 0);
}

/* Where the machines end. */
static inline size_t record_change_shown(const struct record_change *change)
{
    return CHANGE_MACHINES + record_round(change->machine_count * record_change_stride(change));
}

static inline size_t record_change_size(const struct record_change *change)
{
    return record_change_shown(change) + (RECORD_CHANGE_BYTES - CHANGE_MACHINES) +
           (size_t)change->item_count * RECORD_CHANGE_ITEM_BYTES;
}

/* The checksum, inside the one at the head of the record, over what lies behind the machines. */
#define CHANGE_CHECKSUM 28u /* where it lies */
static inline uint32_t record_change_checksum(const uint8_t *bytes, size_t shown, size_t size)
{
    return (uint32_t)XXH3_64bits(bytes + shown, size - shown);
}

/* Reads what tells how a change is laid out; false unless it makes up `size`. */
static inline bool record_change_layout(const uint8_t *bytes, size_t size,
                                        struct record_change *change)
{
    if (size < RECORD_CHANGE_BYTES) {
        return false;
    }
    uint16_t flags = load_u16(bytes + 6);
    change->machine_count = load_u32(bytes + 16);
    change->item_count = load_u32(bytes + 20);
    change->seqs = (flags & CHANGE_SEQS) != 0;
    change->releases = (flags & CHANGE_RELEASES) != 0;
    change->limits = (flags & CHANGE_LIMITS) != 0;
    change->gpus = (flags & CHANGE_GPUS) != 0;
    change->machines = bytes + CHANGE_MACHINES;
    return record_change_size(change) == size;
}

/* Reads what views show of a change, all of which the checksum at its head vouches for, ranges of
 * machines included, and what kind of change by whom it is; not for which job, and no items. */
static inline int record_decode_change_shown(const void *bytes, size_t size, uint64_t key,
                                             struct record_change *change)
{
    const uint8_t *from = bytes;
    bool fits = record_change_layout(from, size, change);
    int rc = record_open(from, fits ? record_change_shown(change) : size, key, RECORD_CHANGE,
                         CHANGE_FLAGS);
    if (rc != OMEGA_OK || !fits) {
        return rc == OMEGA_OK ? OMEGA_ECORRUPT : rc;
    }
    change->version = load_u64(from + 8);
    change->instance = load_u16(from + 24);
    change->kind = from[26];
    change->detail = from[27];
    bool sound = change->version > 0 && change->version <= OMEGA_VERSION_MAX &&
                 change->kind < RECORD_CHANGE_KINDS &&
                 (change->kind != RECORD_CHANGE_COMMIT || change->detail < OMEGA_BANDS);
    return sound ? OMEGA_OK : OMEGA_ECORRUPT;
}

#endif
