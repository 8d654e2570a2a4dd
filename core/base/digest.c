/* SPDX-License-Identifier: MIT */
/*
 * The digest of a run: see digest.h. Records are collected and hashed in batches, since one call of
 * XXH3 for 48 bytes would cost more than filling them.
 */
#include "core/base/digest.h"

#include <stdio.h>
#include <stdlib.h>

#define XXH_INLINE_ALL /* the same hash, compiled into the one place that is hot */
#include <xxhash.h>

#define BATCH 85 /* records: just under 4 KiB */

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "records are hashed as they lie in memory, which must be little-endian");

struct record {
    uint64_t version;
    int64_t time_us;
    uint64_t job;
    uint32_t kind;
    uint32_t task;
    uint32_t machine;
    uint32_t devices;
    uint32_t accepted;
    uint32_t zero;
};

_Static_assert(sizeof(struct record) == 48, "a record has no padding");

struct digest {
    uint32_t count; /* of records not hashed yet */
    struct record records[BATCH];
    XXH3_state_t *state;
};

struct digest *digest_create(void)
{
    struct digest *digest = calloc(1, sizeof *digest);
    if (digest == NULL) {
        return NULL;
    }
    digest->state = XXH3_createState();
    if (digest->state == NULL) {
        free(digest);
        return NULL;
    }
    XXH3_128bits_reset(digest->state);
    return digest;
}

void digest_destroy(struct digest *digest)
{
    if (digest != NULL) {
        XXH3_freeState(digest->state);
        free(digest);
    }
}

static __attribute__((noinline)) void flush(struct digest *digest)
{
    XXH3_128bits_update(digest->state, digest->records, digest->count * sizeof *digest->records);
    digest->count = 0;
}

void digest_add(struct digest *digest, uint64_t version, int64_t time_us, enum digest_kind kind,
                uint64_t job, uint32_t task, uint32_t machine, uint32_t devices, uint32_t accepted)
{
    digest->records[digest->count] = (struct record){
        .version = version,
        .time_us = time_us,
        .job = job,
        .kind = (uint32_t)kind,
        .task = task,
        .machine = machine,
        .devices = devices,
        .accepted = accepted,
        .zero = 0,
    };
    if (++digest->count == BATCH) {
        flush(digest);
    }
}

void digest_text(struct digest *digest, char out[33])
{
    flush(digest);
    XXH128_hash_t hash = XXH3_128bits_digest(digest->state);
    snprintf(out, 33, "%016llx%016llx", (unsigned long long)hash.high64,
             (unsigned long long)hash.low64);
}
