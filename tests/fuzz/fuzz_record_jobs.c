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
        if (bad) {
            abort();
        }
    }
}

static void decode(const uint8_t *bytes, size_t size, uint64_t key)
{
    static uint8_t placed[RECORD_TASKS_EACH];
    const uint8_t *durations;
    size_t listed = size / sizeof(int64_t) - 1;
    uint32_t tasks = (uint32_t)(key % RECORD_TASKS_EACH) + 1;
    struct record_job job;
    struct record_job_state state;
    if (record_decode_job(bytes, size, key, &job) == OMEGA_OK) {
        read_job(&job, (struct record_group_cursor){0});
    } else if (record_decode_job_state(bytes, size, key, &state) == OMEGA_OK) {
        record_job_state_placed(&state, placed);
    } else if (record_decode_durations(bytes, size, key, listed, &durations) == OMEGA_OK) {
        struct record_group group = {.durations = durations};
        while (listed > 0) {
            if (record_group_duration(&group, (uint32_t)--listed) < 0) {
                abort();
            }
        }
    } else if (record_decode_tasks(bytes, size, key, tasks, placed) != OMEGA_OK) {
        (void)record_decode_task_machine(bytes, size, key, &tasks);
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
