/* SPDX-License-Identifier: MIT */
/* Decision times that a run has recorded: see recorded_times.h. */
#include "core/experiment/recorded_times.h"

#include <stdlib.h>

#include "core/base/random.h"

#define STREAM "recorded-times"

/* A sorted list has its times by instance, then number of tasks, in the order of adding. */
struct entry {
    struct recorded_time time;
    uint64_t order;
};

struct of_instance {
    struct omega_random random;
    uint64_t first; /* of its times in `pool` */
    uint64_t count;
    struct recorded_counts counts;
};

struct recorded_times {
    uint64_t seed;
    struct entry *entries; /* by job, then attempt, once they are sealed ... */
    struct entry *pool;    /* ... and by instance, then number of tasks */
    uint64_t count;
    uint64_t room;
    uint64_t *first_of_job; /* its first entry; of job j at j, and `count` behind the last job */
    uint64_t last_job;
    struct of_instance *instances; /* RUN_INSTANCES_MAX */
};

static int no_memory(omega_error_t *err)
{
    return omega_error_set(err, OMEGA_ENOMEM, "no memory for recorded times");
}

int recorded_times_create(uint64_t seed, struct recorded_times **out, omega_error_t *err)
{
    struct recorded_times *times = calloc(1, sizeof *times);
    *out = NULL;
    if (times == NULL) {
        return no_memory(err);
    }
    times->seed = seed;
    times->instances = calloc(RUN_INSTANCES_MAX, sizeof *times->instances);
    if (times->instances == NULL) {
        free(times);
        return no_memory(err);
    }
    for (uint32_t i = 0; i < RUN_INSTANCES_MAX; i++) {
        omega_random_init(&times->instances[i].random, seed, STREAM, i);
    }
    *out = times;
    return OMEGA_OK;
}

void recorded_times_destroy(struct recorded_times *times)
{
    if (times != NULL) {
        free(times->entries);
        free(times->pool);
        free(times->first_of_job);
        free(times->instances);
        free(times);
    }
}

int recorded_times_add(struct recorded_times *times, const struct recorded_time *time,
                       omega_error_t *err)
{
    if (times->count == times->room) {
        uint64_t room = times->room == 0 ? 1024 : 2 * times->room;
        struct entry *grown = reallocarray(times->entries, room, sizeof *grown);
        if (grown == NULL) {
            return no_memory(err);
        }
        times->entries = grown;
        times->room = room;
    }
    times->entries[times->count] = (struct entry){.time = *time, .order = times->count};
    times->count++;
    times->last_job = time->job > times->last_job ? time->job : times->last_job;
    return OMEGA_OK;
}

/* ---- sealing ---- */

static int compare_orders(const struct entry *a, const struct entry *b)
{
    return a->order < b->order ? -1 : a->order > b->order;
}

static int compare_attempts(const void *left, const void *right)
{
    const struct entry *a = left;
    const struct entry *b = right;
    if (a->time.job != b->time.job) {
        return a->time.job < b->time.job ? -1 : 1;
    }
    if (a->time.attempt != b->time.attempt) {
        return a->time.attempt < b->time.attempt ? -1 : 1;
    }
    return compare_orders(a, b);
}

static int compare_tasks(const void *left, const void *right)
{
    const struct entry *a = left;
    const struct entry *b = right;
    if (a->time.instance != b->time.instance) {
        return a->time.instance < b->time.instance ? -1 : 1;
    }
    if (a->time.unplaced != b->time.unplaced) {
        return a->time.unplaced < b->time.unplaced ? -1 : 1;
    }
    return compare_orders(a, b);
}

/* Leaves the first of the entries of each attempt. */
static void drop_repeated(struct recorded_times *times)
{
    uint64_t kept = 0;
    for (uint64_t i = 0; i < times->count; i++) {
        const struct recorded_time *time = &times->entries[i].time;
        const struct recorded_time *last = kept == 0 ? NULL : &times->entries[kept - 1].time;
        if (last == NULL || last->job != time->job || last->attempt != time->attempt) {
            times->entries[kept++] = times->entries[i];
        }
    }
    times->count = kept;
}

static void index_jobs(struct recorded_times *times)
{
    uint64_t at = 0;
    for (uint64_t job = 0; job <= times->last_job + 1; job++) {
        while (at < times->count && times->entries[at].time.job < job) {
            at++;
        }
        times->first_of_job[job] = at;
    }
}

static void index_instances(struct recorded_times *times)
{
    for (uint64_t i = 0; i < times->count; i++) {
        struct of_instance *instance = &times->instances[times->pool[i].time.instance];
        instance->first = instance->count == 0 ? i : instance->first;
        instance->count++;
    }
}

/* ---- asking ---- */

/* The first of an instance's times with at least so many tasks; its count if there is none. */
static uint64_t from_tasks(const struct entry *times, uint64_t count, uint64_t tasks)
{
    uint64_t low = 0;
    uint64_t high = count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (times[middle].time.unplaced < tasks) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The number of tasks that is nearest to what is asked for; of two as near the smaller one. */
static uint32_t nearest_tasks(const struct entry *times, uint64_t count, uint32_t tasks)
{
    uint64_t at = from_tasks(times, count, tasks);
    if (at == count) {
        return times[count - 1].time.unplaced;
    }
    uint32_t above = times[at].time.unplaced;
    if (at == 0) {
        return above;
    }
    uint32_t below = times[at - 1].time.unplaced;
    return tasks - below <= above - tasks ? below : above;
}

static int64_t draw(const struct recorded_times *times, struct of_instance *instance,
                    uint32_t unplaced)
{
    const struct entry *own = &times->pool[instance->first];
    uint32_t tasks = nearest_tasks(own, instance->count, unplaced);
    uint64_t first = from_tasks(own, instance->count, tasks);
    uint64_t end = from_tasks(own, instance->count, (uint64_t)tasks + 1);
    return own[first + omega_random_below(&instance->random, (uint32_t)(end - first))].time.us;
}

/* The entry of an attempt, or NULL. Attempts of a job are few, and most have their own place. */
static const struct recorded_time *find(const struct recorded_times *times, uint64_t job,
                                        uint32_t attempt)
{
    if (job > times->last_job) {
        return NULL;
    }
    uint64_t low = times->first_of_job[job];
    uint64_t high = times->first_of_job[job + 1];
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        const struct recorded_time *time = &times->entries[middle].time;
        if (time->attempt == attempt) {
            return time;
        }
        low = time->attempt < attempt ? middle + 1 : low;
        high = time->attempt < attempt ? high : middle;
    }
    return NULL;
}

static int64_t decision_us(void *context, uint16_t instance, uint64_t job, uint32_t attempt,
                           uint32_t unplaced, int64_t formula_us)
{
    struct recorded_times *times = context;
    struct of_instance *asked = &times->instances[instance];
    const struct recorded_time *time = find(times, job, attempt);
    if (time != NULL) {
        asked->counts.recorded++;
        asked->counts.strange +=
            attempt == 1 && (time->unplaced != unplaced || time->instance != instance);
        return time->us;
    }
    if (asked->count == 0) {
        asked->counts.formula++;
        return formula_us;
    }
    asked->counts.drawn++;
    return draw(times, asked, unplaced);
}

int recorded_times_seal(struct recorded_times *times, struct run_recording *recording,
                        omega_error_t *err)
{
    if (times->count > 0) {
        qsort(times->entries, times->count, sizeof *times->entries, compare_attempts);
    }
    drop_repeated(times);
    times->first_of_job = calloc(times->last_job + 2, sizeof *times->first_of_job);
    times->pool = calloc(times->count + 1, sizeof *times->pool);
    if (times->first_of_job == NULL || times->pool == NULL) {
        return no_memory(err);
    }
    index_jobs(times);
    for (uint64_t i = 0; i < times->count; i++) {
        times->pool[i] = times->entries[i];
    }
    qsort(times->pool, times->count, sizeof *times->pool, compare_tasks);
    index_instances(times);
    recording->decision_us = decision_us;
    recording->context = times;
    return OMEGA_OK;
}

void recorded_times_counts(const struct recorded_times *times, uint16_t instance,
                           struct recorded_counts *counts)
{
    *counts = times->instances[instance].counts;
    counts->known = times->instances[instance].count;
}
