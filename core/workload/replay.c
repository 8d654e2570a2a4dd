/* SPDX-License-Identifier: MIT */
/*
 * Replay: a trace's jobs as a job source; see trace.h for what the configuration means.
 *
 * The replay walks a list of entries: as recorded, the chosen jobs in their order, `copies` entries
 * each; with no_departures, the same entries shuffled anew for each list. The submit time of a
 * place in the list is always that of the chosen job which stands there before shuffling.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/workload/trace_private.h"

#define LISTS_MAX 1000000u /* lists that follow each other to reach a demand */
#define COPIES_MAX 1000000u

typedef __int128 int128;

struct replay {
    struct job_source source; /* first */
    const struct trace *trace;
    struct replay_config config;
    struct omega_random random;
    uint32_t *workload_map;
    uint32_t *chosen; /* indices of the jobs that are replayed, by submit time */
    uint32_t chosen_count;
    uint32_t *order;  /* no_departures: entry -> place in `chosen`, shuffled */
    uint64_t entries; /* of one list: chosen jobs x copies */
    uint64_t next;    /* entry of the current list */
    uint32_t list;    /* current one, from 0 */
    uint32_t lists;
    int64_t first_us; /* scaled submit time of the first chosen job */
    int64_t span_us;  /* from there to the last one's */
    int128 wanted;    /* demand of which the replay ends, or 0: the lists' end */
    int128 asked;     /* demand of the jobs given so far */
    struct omega_job job;
    struct omega_task_group *groups; /* of the job given last, where they differ from the trace's */
    int64_t *durations;
};

/* value x scale, rounded to nearest; the same on every machine: one IEEE product. */
static int64_t scale_time(int64_t value, double scale)
{
    return scale == 1.0 ? value : (int64_t)((double)value * scale + 0.5);
}

static int64_t scale_duration(int64_t duration_us, double scale)
{
    if (duration_us == OMEGA_NEVER || duration_us == 0) {
        return duration_us;
    }
    int64_t scaled = scale_time(duration_us, scale);
    return scaled == 0 ? 1 : scaled;
}

static bool fits(int64_t value, double scale)
{
    return (double)value * scale <= (double)TRACE_TIME_MAX;
}

static int check_config(const struct replay_config *config, omega_error_t *err)
{
    if (!(config->time_scale > 0) || !isfinite(config->time_scale) ||
        !(config->duration_scale > 0) || !isfinite(config->duration_scale)) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "time scale %g and duration scale %g, expected numbers above 0",
                               config->time_scale, config->duration_scale);
    }
    if (config->copies < 1 || config->copies > COPIES_MAX) {
        return omega_error_set(err, OMEGA_EINVAL, "%" PRIu32 " copies, expected 1 to %u",
                               config->copies, COPIES_MAX);
    }
    if (!(config->demand >= 0) || !isfinite(config->demand) ||
        (config->demand > 0 && !config->no_departures)) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "demand %g, expected 0, or with no_departures a share above 0",
                               config->demand);
    }
    if (config->demand_resource < REPLAY_CPU || config->demand_resource > REPLAY_GPU ||
        config->capacity < 0) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "demand of resource %d of a capacity of %" PRId64
                               ", expected a resource of 0 to 2 and a capacity of at least 0",
                               config->demand_resource, config->capacity);
    }
    return OMEGA_OK;
}

static int64_t longest_duration(const struct omega_job *job)
{
    int64_t longest = 0;
    for (uint32_t g = 0; g < job->group_count; g++) {
        const struct omega_task_group *group = &job->groups[g];
        uint32_t count = group->task_duration_us == NULL ? 1 : group->count + group->optional;
        for (uint32_t i = 0; i < count; i++) {
            int64_t duration = omega_task_duration(group, group->first_task + i);
            longest = duration != OMEGA_NEVER && duration > longest ? duration : longest;
        }
    }
    return longest;
}

/* Refuses a job whose times overflow when scaled. */
static int check_times(const struct replay *replay, const struct omega_job *job, omega_error_t *err)
{
    const struct replay_config *config = &replay->config;
    if (!fits(job->submit_us, config->time_scale)) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "time scale %g brings the submission of job %" PRIu64
                               " beyond %" PRId64 " us, expected a smaller one",
                               config->time_scale, job->id, TRACE_TIME_MAX);
    }
    if (config->duration_scale > 1 && !config->no_departures &&
        !fits(longest_duration(job), config->duration_scale)) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "duration scale %g brings a task of job %" PRIu64 " beyond %" PRId64
                               " us, expected a smaller one",
                               config->duration_scale, job->id, OMEGA_DURATION_MAX);
    }
    return OMEGA_OK;
}

/* Finds the jobs of the workloads that are not left out, and the largest job's size. */
static int choose_jobs(struct replay *replay, uint32_t *groups_max, uint32_t *slots_max,
                       omega_error_t *err)
{
    const struct trace *trace = replay->trace;
    replay->chosen = malloc(((size_t)trace->job_count + 1) * sizeof *replay->chosen);
    if (replay->chosen == NULL) {
        return trace_no_memory(err);
    }
    for (uint32_t i = 0; i < trace->job_count; i++) {
        const struct omega_job *job = trace->jobs[i];
        if (replay->workload_map != NULL && replay->workload_map[job->workload] == UINT32_MAX) {
            continue;
        }
        int rc = check_times(replay, job, err);
        if (rc != OMEGA_OK) {
            return rc;
        }
        *groups_max = job->group_count > *groups_max ? job->group_count : *groups_max;
        *slots_max = job->slots > *slots_max ? job->slots : *slots_max;
        replay->chosen[replay->chosen_count++] = i;
    }
    return OMEGA_OK;
}

static const struct omega_job *chosen_job(const struct replay *replay, uint32_t place)
{
    return replay->trace->jobs[replay->chosen[place]];
}

static int64_t submit_of(const struct replay *replay, uint32_t place)
{
    return scale_time(chosen_job(replay, place)->submit_us, replay->config.time_scale);
}

/* What the required tasks of a job ask for. */
static int128 demand_of(const struct omega_job *job, int resource)
{
    int128 sum = 0;
    for (uint32_t g = 0; g < job->group_count; g++) {
        sum += (int128)job->groups[g].count * trace_request_of(&job->groups[g].request, resource);
    }
    return sum;
}

/* Finds how many lists it takes to reach the demand. */
static int plan_demand(struct replay *replay, omega_error_t *err)
{
    const struct replay_config *config = &replay->config;
    replay->lists = 1;
    if (config->demand == 0 || replay->chosen_count == 0) {
        return OMEGA_OK;
    }
    int64_t capacity = config->capacity;
    if (capacity == 0) {
        capacity = trace_capacity(replay->trace, config->demand_resource);
    }
    int128 each = 0;
    for (uint32_t i = 0; i < replay->chosen_count; i++) {
        each += demand_of(chosen_job(replay, i), config->demand_resource);
    }
    each *= config->copies;
    double wanted = config->demand * (double)capacity;
    if (capacity == 0 || each == 0 || wanted / (double)each > LISTS_MAX) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "demand %g of a capacity of %" PRId64
                               " cannot be reached by jobs that ask for %.0f in all",
                               config->demand, capacity, (double)each);
    }
    /* at most LISTS_MAX x each, far below 2^127 */
    replay->wanted = (int128)wanted > 0 ? (int128)wanted : 1;
    replay->lists = (uint32_t)((replay->wanted + each - 1) / each);
    return OMEGA_OK;
}

static void shuffle(struct replay *replay)
{
    for (uint64_t i = 0; i < replay->entries; i++) {
        replay->order[i] = (uint32_t)(i / replay->config.copies);
    }
    for (uint64_t i = replay->entries; i > 1; i--) {
        uint32_t j = omega_random_below(&replay->random, (uint32_t)i);
        uint32_t kept = replay->order[i - 1];
        replay->order[i - 1] = replay->order[j];
        replay->order[j] = kept;
    }
}

static int plan_entries(struct replay *replay, omega_error_t *err)
{
    replay->entries = (uint64_t)replay->chosen_count * replay->config.copies;
    if (replay->chosen_count > 0) {
        replay->first_us = submit_of(replay, 0);
        replay->span_us = submit_of(replay, replay->chosen_count - 1) - replay->first_us;
    }
    if (!replay->config.no_departures) {
        return OMEGA_OK;
    }
    if (replay->entries > UINT32_MAX / 2) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "%" PRIu64 " jobs to shuffle, expected at most %u", replay->entries,
                               UINT32_MAX / 2);
    }
    replay->order = malloc((replay->entries + 1) * sizeof *replay->order);
    if (replay->order == NULL) {
        return trace_no_memory(err);
    }
    shuffle(replay);
    return OMEGA_OK;
}

/* The submit time of an entry: lists follow each other, compressed into the span of one. */
static int64_t entry_time(const struct replay *replay, uint32_t place)
{
    int64_t offset = submit_of(replay, place) - replay->first_us;
    int128 total = (int128)replay->list * replay->span_us + offset;
    return replay->first_us + (int64_t)(total / replay->lists);
}

/* Copies the groups of the job to be given, with durations as configured. */
static void change_durations(struct replay *replay, const struct omega_job *from)
{
    const struct replay_config *config = &replay->config;
    int64_t *next = replay->durations;
    for (uint32_t g = 0; g < from->group_count; g++) {
        struct omega_task_group *group = &replay->groups[g];
        *group = from->groups[g];
        if (config->no_departures) {
            group->duration_us = OMEGA_NEVER;
            group->task_duration_us = NULL;
        } else if (group->task_duration_us == NULL) {
            group->duration_us = scale_duration(group->duration_us, config->duration_scale);
        } else {
            uint32_t slots = group->count + group->optional;
            for (uint32_t i = 0; i < slots; i++) {
                next[i] = scale_duration(group->task_duration_us[i], config->duration_scale);
            }
            group->task_duration_us = next;
            next += slots;
        }
    }
    replay->job.groups = replay->groups;
}

/* Moves to the next entry that there is. False at the end of the last list. */
static bool has_entry(struct replay *replay)
{
    if (replay->wanted > 0 && replay->asked >= replay->wanted) {
        return false;
    }
    if (replay->next == replay->entries && replay->list + 1 < replay->lists) {
        replay->list++;
        replay->next = 0;
        shuffle(replay);
    }
    return replay->next < replay->entries;
}

static int replay_next(struct job_source *source, const struct omega_job **job, omega_error_t *err)
{
    struct replay *replay = (struct replay *)source;
    const struct replay_config *config = &replay->config;
    (void)err;
    *job = NULL;
    if (!has_entry(replay)) {
        return 0;
    }
    uint32_t place = (uint32_t)(replay->next / config->copies);
    int64_t submit_us = entry_time(replay, place);
    if (submit_us >= config->end_us) {
        return 0;
    }
    const struct omega_job *from =
        chosen_job(replay, replay->order == NULL ? place : replay->order[replay->next]);
    replay->next++;
    replay->job = *from;
    replay->job.id = 0;
    replay->job.submit_us = submit_us;
    if (replay->workload_map != NULL) {
        replay->job.workload = replay->workload_map[from->workload];
    }
    if (config->no_departures || config->duration_scale != 1.0) {
        change_durations(replay, from);
    }
    if (replay->wanted > 0) {
        replay->asked += demand_of(from, config->demand_resource);
    }
    *job = &replay->job;
    return 1;
}

static void replay_close(struct job_source *source)
{
    struct replay *replay = (struct replay *)source;
    free(replay->workload_map);
    free(replay->chosen);
    free(replay->order);
    free(replay->groups);
    free(replay->durations);
    free(replay);
}

static const struct job_source_ops replay_ops = {
    .name = "replay",
    .next = replay_next,
    .close = replay_close,
};

static int copy_map(struct replay *replay, const uint32_t *map, omega_error_t *err)
{
    size_t size = replay->trace->workload_count * sizeof *map;
    if (map == NULL || size == 0) {
        return OMEGA_OK;
    }
    replay->workload_map = malloc(size);
    if (replay->workload_map == NULL) {
        return trace_no_memory(err);
    }
    memcpy(replay->workload_map, map, size);
    return OMEGA_OK;
}

static int prepare(struct replay *replay, omega_error_t *err)
{
    uint32_t groups_max = 0;
    uint32_t slots_max = 0;
    int rc = copy_map(replay, replay->config.workload_map, err);
    replay->config.workload_map = NULL;
    rc = rc == OMEGA_OK ? choose_jobs(replay, &groups_max, &slots_max, err) : rc;
    rc = rc == OMEGA_OK ? plan_demand(replay, err) : rc;
    rc = rc == OMEGA_OK ? plan_entries(replay, err) : rc;
    if (rc != OMEGA_OK) {
        return rc;
    }
    replay->groups = calloc((size_t)groups_max + 1, sizeof *replay->groups);
    replay->durations = calloc((size_t)slots_max + 1, sizeof *replay->durations);
    return replay->groups == NULL || replay->durations == NULL ? trace_no_memory(err) : OMEGA_OK;
}

int replay_open(const struct trace *trace, const struct replay_config *config, uint64_t seed,
                struct job_source **source, omega_error_t *err)
{
    *source = NULL;
    int rc = check_config(config, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    struct replay *replay = calloc(1, sizeof *replay);
    if (replay == NULL) {
        return trace_no_memory(err);
    }
    replay->source.ops = &replay_ops;
    replay->trace = trace;
    replay->config = *config;
    omega_random_init(&replay->random, seed, "replay-shuffle", 0);
    rc = prepare(replay, err);
    if (rc != OMEGA_OK) {
        replay_close(&replay->source);
        return rc;
    }
    *source = &replay->source;
    return OMEGA_OK;
}
