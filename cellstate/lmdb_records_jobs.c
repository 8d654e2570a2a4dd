/* SPDX-License-Identifier: MIT */
/* Records of jobs and of what became of them: see lmdb_records.h. */
#include "cellstate/lmdb_records_private.h"

/* ---- jobs ---- */

#define JOB_BYTES 64u   /* before the groups; then come texts */
#define GROUP_BYTES 32u /* of each group */

enum {
    GROUP_DIFFERENT = 1,
    GROUP_DURATIONS = 2,
    GROUP_FLAGS = 3,
};

size_t record_job_bytes(const struct omega_job *job, const char *user,
                        const char *const *constraints)
{
    size_t size = JOB_BYTES + strlen(user);
    for (uint32_t g = 0; g < job->group_count; g++) {
        size += GROUP_BYTES + strlen(constraints[g]);
    }
    return record_round(size);
}

static void put_group(uint8_t *to, const struct omega_task_group *group, bool different,
                      size_t constraints_length)
{
    put_u32(to, group->count);
    put_u32(to + 4, group->optional);
    put_i32(to + 8, group->request.cpu_milli);
    put_i32(to + 12, group->request.mem_mib);
    put_u16(to + 16, (uint16_t)group->request.gpu_milli);
    to[18] = group->request.gpu_devices;
    to[19] = (uint8_t)((different ? GROUP_DIFFERENT : 0) |
                       (group->task_duration_us != NULL ? GROUP_DURATIONS : 0));
    put_u32(to + 20, (uint32_t)constraints_length);
    put_u64(to + 24, (uint64_t)group->duration_us);
}

static void put_job(uint8_t *bytes, const struct omega_job *job, size_t user_length)
{
    put_u64(bytes + 8, (uint64_t)job->submit_us);
    put_u32(bytes + 16, job->workload);
    put_i32(bytes + 20, job->precedence);
    put_u32(bytes + 24, job->group_count);
    put_u32(bytes + 28, (uint32_t)user_length);
    put_u32(bytes + 32, job->mapreduce.map_activities);
    put_u32(bytes + 36, job->mapreduce.reduce_activities);
    put_u64(bytes + 40, (uint64_t)job->mapreduce.map_mean_us);
    put_u64(bytes + 48, (uint64_t)job->mapreduce.reduce_mean_us);
    put_u32(bytes + 56, job->mapreduce.workers_asked);
    put_u32(bytes + 60, 0);
}

void record_encode_job(const struct omega_job *job, const char *user,
                       const char *const *constraints, const bool *different, uint8_t *bytes)
{
    size_t size = record_job_bytes(job, user, constraints);
    memset(bytes + size - 8, 0, 8);
    put_job(bytes, job, strlen(user));
    uint8_t *to = bytes + JOB_BYTES;
    for (uint32_t g = 0; g < job->group_count; g++) {
        put_group(to, &job->groups[g], different != NULL && different[g], strlen(constraints[g]));
        to += GROUP_BYTES;
    }
    memcpy(to, user, strlen(user));
    to += strlen(user);
    for (uint32_t g = 0; g < job->group_count; g++) {
        memcpy(to, constraints[g], strlen(constraints[g]));
        to += strlen(constraints[g]);
    }
    record_seal(bytes, size, job->id, RECORD_JOB, 0);
}

static bool duration_is_sound(uint64_t duration_us)
{
    return duration_us <= (uint64_t)OMEGA_DURATION_MAX || duration_us == (uint64_t)OMEGA_NEVER;
}

static bool group_is_sound(const uint8_t *from)
{
    struct omega_request request = {
        .cpu_milli = load_i32(from + 8),
        .mem_mib = load_i32(from + 12),
        .gpu_milli = (int16_t)load_u16(from + 16),
        .gpu_devices = from[18],
    };
    uint64_t slots = (uint64_t)load_u32(from) + load_u32(from + 4);
    bool listed = (from[19] & GROUP_DURATIONS) != 0; /* then the one for all does not count */
    return slots > 0 && slots <= OMEGA_TASKS_MAX && request.cpu_milli >= 0 &&
           request.cpu_milli <= OMEGA_CPU_MILLI_MAX && request.mem_mib >= 0 &&
           request.mem_mib <= OMEGA_MEM_MIB_MAX && record_gpu_request_sound(&request) &&
           from[19] <= GROUP_FLAGS && load_u32(from + 20) <= RECORD_TEXT_MAX &&
           (listed || duration_is_sound(load_u64(from + 24)));
}

/* Adds the groups of a job up: tasks, those with durations of their own, bytes of constraints. */
static bool add_groups(struct record_job *job, size_t *texts)
{
    uint64_t tasks = 0;
    uint64_t slots = 0;
    for (uint32_t g = 0; g < job->job.group_count; g++) {
        const uint8_t *from = job->groups + (size_t)g * GROUP_BYTES;
        if (!group_is_sound(from)) {
            return false;
        }
        uint64_t all = (uint64_t)load_u32(from) + load_u32(from + 4);
        tasks += load_u32(from);
        slots += all;
        job->listed += (from[19] & GROUP_DURATIONS) != 0 ? (size_t)all : 0;
        *texts += load_u32(from + 20);
        job->spreads = job->spreads || (from[19] & GROUP_DIFFERENT) != 0;
    }
    job->job.tasks = (uint32_t)tasks;
    job->job.slots = (uint32_t)slots;
    return tasks > 0 && slots <= OMEGA_TASKS_MAX;
}

/* Finds the parts behind the fixed one and checks them; together they make up `size`. */
static bool job_is_sound(struct record_job *job, const uint8_t *from, size_t size)
{
    size_t texts = job->user_length;
    if (job->job.group_count == 0 || job->job.group_count > OMEGA_GROUPS_MAX ||
        job->user_length > RECORD_TEXT_MAX || load_u32(from + 60) != 0 ||
        size - JOB_BYTES < job->job.group_count * GROUP_BYTES || !add_groups(job, &texts)) {
        return false;
    }
    size_t fixed = JOB_BYTES + job->job.group_count * GROUP_BYTES;
    if (record_round(fixed + texts) != size || !record_zero(from, fixed + texts, size)) {
        return false;
    }
    job->user = (const char *)from + fixed;
    job->texts = job->user + job->user_length;
    return memchr(job->user, '\0', texts) == NULL;
}

int record_decode_job(const void *bytes, size_t size, uint64_t id, struct record_job *job)
{
    const uint8_t *from = bytes;
    int rc = record_open(from, size, id, RECORD_JOB, 0);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (size < JOB_BYTES || id == 0) {
        return OMEGA_ECORRUPT;
    }
    *job = (struct record_job){
        .job = {.id = id,
                .submit_us = (int64_t)load_u64(from + 8),
                .workload = load_u32(from + 16),
                .precedence = load_i32(from + 20),
                .group_count = load_u32(from + 24),
                .mapreduce = {.map_activities = load_u32(from + 32),
                              .reduce_activities = load_u32(from + 36),
                              .map_mean_us = (int64_t)load_u64(from + 40),
                              .reduce_mean_us = (int64_t)load_u64(from + 48),
                              .workers_asked = load_u32(from + 56)}},
        .user_length = load_u32(from + 28),
        .groups = from + JOB_BYTES,
    };
    return job_is_sound(job, from, size) ? OMEGA_OK : OMEGA_ECORRUPT;
}

void record_job_group(const struct record_job *job, uint32_t index,
                      struct record_group_cursor *cursor, struct record_group *group)
{
    const uint8_t *from = job->groups + (size_t)index * GROUP_BYTES;
    *group = (struct record_group){
        .group = {.first_task = cursor->first_task,
                  .count = load_u32(from),
                  .optional = load_u32(from + 4),
                  .request = {.cpu_milli = load_i32(from + 8),
                              .mem_mib = load_i32(from + 12),
                              .gpu_milli = (int16_t)load_u16(from + 16),
                              .gpu_devices = from[18]},
                  .duration_us = (int64_t)load_u64(from + 24)},
        .different = (from[19] & GROUP_DIFFERENT) != 0,
        .constraints = job->texts + cursor->texts,
        .constraints_length = load_u32(from + 20),
        .listed = (from[19] & GROUP_DURATIONS) != 0,
    };
    uint32_t slots = group->group.count + group->group.optional;
    if (group->listed && job->durations != NULL) {
        group->durations = job->durations + cursor->durations * sizeof(int64_t);
        cursor->durations += slots;
    }
    cursor->texts += group->constraints_length;
    cursor->first_task += slots;
}

int64_t record_group_duration(const struct record_group *group, uint32_t i)
{
    return (int64_t)load_u64(group->durations + (size_t)i * sizeof(int64_t));
}

/* ---- durations ---- */

size_t record_durations_bytes(size_t listed)
{
    return RECORD_HEAD_BYTES + listed * sizeof(int64_t);
}

size_t record_encode_durations(const struct omega_job *job, uint8_t *bytes)
{
    size_t listed = 0;
    for (uint32_t g = 0; g < job->group_count; g++) {
        const struct omega_task_group *group = &job->groups[g];
        uint32_t tasks = group->task_duration_us == NULL ? 0 : group->count + group->optional;
        for (uint32_t i = 0; bytes != NULL && i < tasks; i++) {
            put_u64(bytes + record_durations_bytes(listed + i),
                    (uint64_t)group->task_duration_us[i]);
        }
        listed += tasks;
    }
    if (bytes != NULL) {
        record_seal(bytes, record_durations_bytes(listed), job->id, RECORD_DURATIONS, 0);
    }
    return listed;
}

int record_decode_durations(const void *bytes, size_t size, uint64_t id, size_t listed,
                            const uint8_t **durations)
{
    const uint8_t *from = bytes;
    int rc = record_open(from, size, id, RECORD_DURATIONS, 0);
    if (rc != OMEGA_OK) {
        return rc;
    }
    *durations = from + RECORD_HEAD_BYTES;
    bool sound = size == record_durations_bytes(listed);
    for (size_t i = 0; sound && i < listed; i++) {
        sound = duration_is_sound(load_u64(*durations + i * sizeof(int64_t)));
    }
    return sound ? OMEGA_OK : OMEGA_ECORRUPT;
}

/* ---- a bit per task ---- */

static size_t bitmap_bytes(uint32_t tasks)
{
    return ((size_t)tasks + 63) / 64 * 8;
}

/* Eight tasks at a time: the lowest bits of eight bytes become one byte, and back. */
static inline uint8_t pack_bits(const uint8_t *placed)
{
    uint64_t bits = load_u64(placed) & UINT64_C(0x0101010101010101);
    return (uint8_t)(bits * UINT64_C(0x0102040810204080) >> 56);
}

static inline void unpack_bits(uint8_t bits, uint8_t *placed)
{
    uint64_t spread = bits * UINT64_C(0x0101010101010101) & UINT64_C(0x8040201008040201);
    put_u64(placed, (spread + UINT64_C(0x7f7f7f7f7f7f7f7f)) >> 7 & UINT64_C(0x0101010101010101));
}

static void put_bitmap(uint8_t *to, const uint8_t *placed, uint32_t tasks)
{
    memset(to + bitmap_bytes(tasks) - 8, 0, 8);
    uint32_t i = 0;
    for (; tasks - i >= 8; i += 8) {
        to[i / 8] = pack_bits(placed + i);
    }
    for (; i < tasks; i++) {
        to[i / 8] |= (uint8_t)((placed[i] & 1) << i % 8);
    }
}

static void load_bitmap(uint8_t *placed, const uint8_t *from, uint32_t tasks)
{
    uint32_t i = 0;
    for (; tasks - i >= 8; i += 8) {
        unpack_bits(from[i / 8], placed + i);
    }
    for (; i < tasks; i++) {
        placed[i] = from[i / 8] >> i % 8 & 1;
    }
}

/* No bit behind the last task is set. */
static bool bitmap_is_sound(const uint8_t *from, uint32_t tasks)
{
    uint64_t last = load_u64(from + bitmap_bytes(tasks) - 8);
    return tasks % 64 == 0 || last >> tasks % 64 == 0;
}

/* ---- what became of a job ---- */

#define STATE_BYTES 48u /* before the bitmap */

enum {
    STATE_STARTED = 1,
    STATE_GIVEN_UP = 2,
    STATE_OVER = 4,
    STATE_FLAGS = 7,
};

size_t record_job_state_bytes(uint32_t slots)
{
    return STATE_BYTES + bitmap_bytes(record_tasks_in(slots, 0));
}

void record_encode_job_state(const struct record_job_state *state, const uint8_t *placed,
                             uint64_t id, uint8_t *bytes)
{
    put_u32(bytes + 8, state->slots);
    put_u32(bytes + 12, state->submitted);
    put_u32(bytes + 16, state->pending);
    put_u32(bytes + 20, state->running);
    put_u32(bytes + 24, state->finished);
    put_u32(bytes + 28, state->failed);
    put_u32(bytes + 32, state->abandoned);
    put_u32(bytes + 36, state->attempt);
    put_u64(bytes + 40, state->instance | state->given << 16);
    put_bitmap(bytes + STATE_BYTES, placed, record_tasks_in(state->slots, 0));
    int flags = (state->started ? STATE_STARTED : 0) | (state->given_up ? STATE_GIVEN_UP : 0) |
                (state->over ? STATE_OVER : 0);
    record_seal(bytes, record_job_state_bytes(state->slots), id, RECORD_JOB_STATE, (uint16_t)flags);
}

/* No count is above the slots. */
static bool state_is_sound(const struct record_job_state *state, const uint8_t *from)
{
    bool bad = state->given != 0 && !state->started;
    for (size_t at = 12; at <= 32; at += 4) {
        bad |= load_u32(from + at) > state->slots;
    }
    return !bad && bitmap_is_sound(state->placed, record_tasks_in(state->slots, 0));
}

int record_decode_job_state(const void *bytes, size_t size, uint64_t id,
                            struct record_job_state *state)
{
    const uint8_t *from = bytes;
    int rc = record_open(from, size, id, RECORD_JOB_STATE, STATE_FLAGS);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (size < STATE_BYTES) {
        return OMEGA_ECORRUPT;
    }
    uint16_t flags = load_u16(from + 6);
    uint32_t slots = load_u32(from + 8);
    if (slots == 0 || slots > OMEGA_TASKS_MAX || record_job_state_bytes(slots) != size) {
        return OMEGA_ECORRUPT;
    }
    *state = (struct record_job_state){
        .slots = slots,
        .submitted = load_u32(from + 12),
        .pending = load_u32(from + 16),
        .running = load_u32(from + 20),
        .finished = load_u32(from + 24),
        .failed = load_u32(from + 28),
        .abandoned = load_u32(from + 32),
        .started = (flags & STATE_STARTED) != 0,
        .given_up = (flags & STATE_GIVEN_UP) != 0,
        .over = (flags & STATE_OVER) != 0,
        .instance = load_u16(from + 40),
        .attempt = load_u32(from + 36),
        .given = load_u64(from + 40) >> 16,
        .placed = from + STATE_BYTES,
    };
    return state_is_sound(state, from) ? OMEGA_OK : OMEGA_ECORRUPT;
}

void record_job_state_placed(const struct record_job_state *state, uint8_t *placed)
{
    load_bitmap(placed, state->placed, record_tasks_in(state->slots, 0));
}

/* ---- further tasks ---- */

void record_encode_tasks(const uint8_t *placed, uint32_t tasks, uint64_t key,
                         uint8_t bytes[RECORD_TASKS_BYTES])
{
    memset(bytes, 0, RECORD_TASKS_BYTES);
    put_bitmap(bytes + RECORD_HEAD_BYTES, placed, tasks);
    record_seal(bytes, RECORD_TASKS_BYTES, key, RECORD_TASKS, 0);
}

int record_decode_tasks(const void *bytes, size_t size, uint64_t key, uint32_t tasks,
                        uint8_t *placed)
{
    const uint8_t *from = bytes;
    int rc = record_open(from, size, key, RECORD_TASKS, 0);
    if (rc != OMEGA_OK) {
        return rc;
    }
    from += RECORD_HEAD_BYTES;
    if (size != RECORD_TASKS_BYTES || tasks == 0 || !bitmap_is_sound(from, tasks) ||
        !record_zero(from, bitmap_bytes(tasks), RECORD_TASKS_EACH / 8)) {
        return OMEGA_ECORRUPT;
    }
    load_bitmap(placed, from, tasks);
    return OMEGA_OK;
}

/* ---- machines of tasks ---- */

void record_encode_task_machine(uint32_t task, uint64_t key,
                                uint8_t bytes[RECORD_TASK_MACHINE_BYTES])
{
    put_u64(bytes + 8, task);
    record_seal_fixed(bytes, RECORD_TASK_MACHINE_BYTES, key, RECORD_TASK_MACHINE, 0);
}

int record_decode_task_machine(const void *bytes, size_t size, uint64_t key, uint32_t *task)
{
    const uint8_t *from = bytes;
    int rc = record_open_fixed(from, size, RECORD_TASK_MACHINE_BYTES, key, RECORD_TASK_MACHINE, 0);
    if (rc != OMEGA_OK) {
        return rc;
    }
    *task = load_u32(from + 8);
    return load_u64(from + 8) < OMEGA_TASKS_MAX ? OMEGA_OK : OMEGA_ECORRUPT;
}
