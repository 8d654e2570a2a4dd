/* SPDX-License-Identifier: MIT */
/*
 * The digest of a run: XXH3-128 over fixed 48-byte little-endian records, one per claim, release
 * and machine event, in version order. Two runs with equal digests did the same things at the same
 * times.
 */
#ifndef OMEGA_CORE_BASE_DIGEST_H
#define OMEGA_CORE_BASE_DIGEST_H

#include <stdint.h>

enum digest_kind {
    DIGEST_CLAIM = 1,
    DIGEST_RELEASE = 2,
    DIGEST_LOSS = 3,
    DIGEST_MACHINE_EVENT = 4, /* task = event kind, job = capacity (cpu << 32 | mem) */
    DIGEST_PRELOAD = 5,
};

struct digest;

/* NULL without memory; digest_destroy(NULL) is allowed. */
struct digest *digest_create(void);
void digest_destroy(struct digest *digest);

/* Adds one record: version, time, kind, job, task, machine, device mask, accepted, packed as
 * u64 version, i64 time_us, u64 job, u32 kind, u32 task, u32 machine, u32 devices, u32 accepted,
 * u32 zero. */
void digest_add(struct digest *digest, uint64_t version, int64_t time_us, enum digest_kind kind,
                uint64_t job, uint32_t task, uint32_t machine, uint32_t devices, uint32_t accepted);

/* The digest of all records so far, as 32 hex digits and a NUL. More may be added afterwards. */
void digest_text(struct digest *digest, char out[33]);

#endif
