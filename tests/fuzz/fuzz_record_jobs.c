/* SPDX-License-Identifier: MIT */
/* Fuzz target: records on disk of jobs and of what became of them. Of what a
 * decoder finds good, every entry is read. */
#include "tests/fuzz/record_input.h"

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
    record_input(data, size, decode);
    return 0;
}
