/* SPDX-License-Identifier: MIT */
/* Fuzz target: records on disk of jobs and of what became of them. The input is as for
 * fuzz_record.c; of what a decoder finds good, every entry is read. */
#include <stdlib.h>

#include "cellstate/lmdb_records_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_job(const struct record_job *job, struct record_group_cursor cursor)
{
    struct record_group group;
    for (uint32_t g = 0; g < job->job.group_count; g++) {
        record_job_group(job, g, &cursor, &group);
        bool bad = memchr(group.constraints, '\0', group.constraints_length) != NULL;
        uint32_t listed = group.durations == NULL ? 0 : group.group.count + group.group.optional;
        while (!bad && listed-- > 0) {
            bad = record_group_duration(&group, listed) < 0;
        }
        if (bad) {
            abort();
        }
    }
}

static void decode(const uint8_t *bytes, size_t size, uint64_t key)
{
    static uint8_t placed[OMEGA_TASKS_MAX];
    static uint32_t machine_of[OMEGA_TASKS_MAX];
    struct record_job job;
    struct record_job_state state;
    if (record_decode_job(bytes, size, key, &job) == OMEGA_OK) {
        read_job(&job, (struct record_group_cursor){0});
    } else if (record_decode_job_state(bytes, size, key, &state) == OMEGA_OK) {
        record_job_state_slots(&state, placed, machine_of);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = size < 8 + RECORD_HEAD_BYTES ? NULL : malloc(size - 8);
    if (copy != NULL) {
        memcpy(copy, data + 8, size -= 8);
        decode(copy, size, load_u64(data));
        put_u32(copy, record_checksum(copy, size, load_u64(data)));
        decode(copy, size, load_u64(data));
    }
    free(copy);
    return 0;
}
