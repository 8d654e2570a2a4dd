/* SPDX-License-Identifier: MIT */
/* Records of jobs and of what became of them: see lmdb_records.h. */
#include "cellstate/lmdb_records_private.h"

/* ---- jobs ---- */

#define JOB_BYTES 64u   /* before the groups; then come durations and texts */
#define GROUP_BYTES 32u /* of each group */

enum {
    GROUP_DIFFERENT = 1,
    GROUP_DURATIONS = 2,
    GROUP_FLAGS = 3,
};

/* Durations in a group's list, if it has one. */
static size_t durations_of(const struct omega_task_group *group)
{
    return group->task_duration_us == NULL ? 0 : (size_t)group->count + group->optional;
}

size_t record_job_bytes(const struct omega_job *job, const char *user,
                        const char *const *constraints)
{
    size_t size = JOB_BYTES + strlen(user);
    for (uint32_t g = 0; g < job->group_count; g++) {
        size += GROUP_BYTES + durations_of(&job->groups[g]) * sizeof(int64_t);
        size += strlen(constraints[g]);
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
    for (uint32_t g = 0; g < job->group_count; g++) {
        size_t count = durations_of(&job->groups[g]);
        for (size_t i = 0; i < count; i++, to += sizeof(int64_t)) {
            put_u64(to, (uint64_t)job->groups[g].task_duration_us[i]);
        }
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

/* Adds the groups of a job up: tasks, durations in lists, bytes of constraints. */
static bool add_groups(struct record_job *job, size_t *durations, size_t *texts)
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
        *durations += (from[19] & GROUP_DURATIONS) != 0 ? (size_t)all : 0;
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
    size_t durations = 0;
    size_t texts = job->user_length;
    if (job->job.group_count == 0 || job->job.group_count > OMEGA_GROUPS_MAX ||
        job->user_length > RECORD_TEXT_MAX || load_u32(from + 60) != 0 ||
        size - JOB_BYTES < job->job.group_count * GROUP_BYTES ||
        !add_groups(job, &durations, &texts)) {
        return false;
    }
    size_t fixed = JOB_BYTES + job->job.group_count * GROUP_BYTES;
    size_t used = fixed + durations * sizeof(int64_t) + texts;
    if (record_round(used) != size || !record_zero(from, used, size)) {
        return false;
    }
    job->durations = from + fixed;
    job->user = (const char *)from + fixed + durations * sizeof(int64_t);
    job->texts = job->user + job->user_length;
    for (size_t i = 0; i < durations; i++) {
        if (!duration_is_sound(load_u64(job->durations + i * sizeof(int64_t)))) {
            return false;
        }
    }
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
    };
    uint32_t slots = group->group.count + group->group.optional;
    if ((from[19] & GROUP_DURATIONS) != 0) {
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

/* ---- what became of a job ---- */

#define STATE_BYTES 48u /* before the bitmap, then the machines */

enum {
    STATE_STARTED = 1,
    STATE_GIVEN_UP = 2,
    STATE_OVER = 4,
    STATE_SPREADS = 8,
    STATE_FLAGS = 15,
};

static size_t bitmap_bytes(uint32_t slots)
{
    return ((size_t)slots + 63) / 64 * 8;
}

size_t record_job_state_bytes(uint32_t slots, bool spreads)
{
    return STATE_BYTES + bitmap_bytes(slots) + (spreads ? ((size_t)slots + 1) / 2 * 8 : 0);
}

/* Eight slots at a time: the lowest bits of eight bytes become one byte, and back. */
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

static void put_bitmap(uint8_t *to, const uint8_t *placed, uint32_t slots)
{
    memset(to + bitmap_bytes(slots) - 8, 0, 8);
    uint32_t i = 0;
    for (; slots - i >= 8; i += 8) {
        to[i / 8] = pack_bits(placed + i);
    }
    for (; i < slots; i++) {
        to[i / 8] |= (uint8_t)((placed[i] & 1) << i % 8);
    }
}

void record_encode_job_state(const struct record_job_state *state, const uint8_t *placed,
                             const uint32_t *machine_of, uint64_t id, uint8_t *bytes)
{
    uint32_t slots = state->slots;
    put_u32(bytes + 8, slots);
    put_u32(bytes + 12, state->submitted);
    put_u32(bytes + 16, state->pending);
    put_u32(bytes + 20, state->running);
    put_u32(bytes + 24, state->finished);
    put_u32(bytes + 28, state->failed);
    put_u32(bytes + 32, state->abandoned);
    put_u32(bytes + 36, state->attempt);
    put_u64(bytes + 40, state->instance);
    put_bitmap(bytes + STATE_BYTES, placed, slots);
    size_t size = record_job_state_bytes(slots, machine_of != NULL);
    if (machine_of != NULL) {
        uint8_t *to = bytes + STATE_BYTES + bitmap_bytes(slots);
        memset(bytes + size - 8, 0, 8);
        for (uint32_t i = 0; i < slots; i++) {
            put_u32(to + (size_t)i * sizeof *machine_of, machine_of[i]);
        }
    }
    int flags = (state->started ? STATE_STARTED : 0) | (state->given_up ? STATE_GIVEN_UP : 0) |
                (state->over ? STATE_OVER : 0) | (machine_of != NULL ? STATE_SPREADS : 0);
    record_seal(bytes, size, id, RECORD_JOB_STATE, (uint16_t)flags);
}

/* No count is above the slots, no bit behind the last slot is set, machines can be machines. */
static bool state_is_sound(const struct record_job_state *state, const uint8_t *from, size_t size)
{
    bool bad = (load_u64(from + 40) >> 16) != 0;
    for (size_t at = 12; at <= 32; at += 4) {
        bad |= load_u32(from + at) > state->slots;
    }
    uint32_t used = state->slots % 64;
    uint64_t last = load_u64(state->placed + bitmap_bytes(state->slots) - 8);
    bad |= used != 0 && last >> used != 0;
    for (uint32_t i = 0; state->machine_of != NULL && i < state->slots; i++) {
        uint32_t machine = load_u32(state->machine_of + (size_t)i * sizeof machine);
        bad |= machine >= OMEGA_MACHINES_MAX && machine != UINT32_MAX;
    }
    if (state->machine_of != NULL && state->slots % 2 != 0) {
        bad |= load_u32(from + size - 4) != 0;
    }
    return !bad;
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
    bool spreads = (flags & STATE_SPREADS) != 0;
    if (slots == 0 || slots > OMEGA_TASKS_MAX || record_job_state_bytes(slots, spreads) != size) {
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
        .placed = from + STATE_BYTES,
        .machine_of = spreads ? from + STATE_BYTES + bitmap_bytes(slots) : NULL,
    };
    return state_is_sound(state, from, size) ? OMEGA_OK : OMEGA_ECORRUPT;
}

void record_job_state_slots(const struct record_job_state *state, uint8_t *placed,
                            uint32_t *machine_of)
{
    uint32_t i = 0;
    for (; state->slots - i >= 8; i += 8) {
        unpack_bits(state->placed[i / 8], placed + i);
    }
    for (; i < state->slots; i++) {
        placed[i] = state->placed[i / 8] >> i % 8 & 1;
    }
    for (i = 0; machine_of != NULL && i < state->slots; i++) {
        machine_of[i] = state->machine_of == NULL
                            ? UINT32_MAX
                            : load_u32(state->machine_of + (size_t)i * sizeof *machine_of);
    }
}
