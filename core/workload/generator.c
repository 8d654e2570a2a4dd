/* SPDX-License-Identifier: MIT */
/*
 * The generator: a job source that draws its jobs from distributions; see workload.h. Each property
 * has a random stream of its own, so that a change of one leaves the draws of the others alone.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/workload/workload.h"

#define US_PER_S 1e6
#define US_BEYOND 9e18 /* gaps and durations above are cut, int64 holds them: beyond any horizon */

struct generator {
    struct job_source source;
    struct generator_config config;
    struct omega_random interarrival;
    struct omega_random tasks;
    struct omega_random duration;
    struct omega_random cpu;
    struct omega_random memory;
    struct omega_random maps;
    struct omega_random reduces;
    struct omega_random map_duration;
    struct omega_random reduce_duration;
    int64_t now_us; /* of the job given last */
    uint64_t made;
    bool ended;
    struct omega_job job;
    struct omega_task_group group;
};

/* Rounds seconds to microseconds, not below `least`. */
static int64_t microseconds(double seconds, int64_t least)
{
    double us = seconds * US_PER_S;
    if (!(us < US_BEYOND)) {
        return (int64_t)US_BEYOND;
    }
    return us > (double)least ? (int64_t)(us + 0.5) : least;
}

#define NAME_BYTES 80

/* What the workload is called in messages. */
static void name_workload(const struct generator_config *config, char out[NAME_BYTES])
{
    if (config->name != NULL) {
        snprintf(out, NAME_BYTES, "%s", config->name);
    } else {
        snprintf(out, NAME_BYTES, "%" PRIu32, config->workload);
    }
}

/* Draws a whole number, times a factor: rounded up, at least `least`; more than `max` is an
 * error. */
static int draw_times(const struct generator *generator, const struct distribution *distribution,
                      struct omega_random *random, double factor, int32_t least, const char *what,
                      int32_t max, int32_t *out, omega_error_t *err)
{
    double drawn = distribution_draw(distribution, random) * factor;
    if (drawn > max) {
        char name[NAME_BYTES];
        name_workload(&generator->config, name);
        return omega_error_set(err, OMEGA_EINVAL,
                               "workload '%s' draws %g for %s of a job, expected at most %" PRId32,
                               name, drawn, what, max);
    }
    *out = least;
    if (drawn > least) {
        *out = (int32_t)drawn;
        *out += *out < drawn;
    }
    return OMEGA_OK;
}

/* Draws a whole number: rounded up, at least 1; more than `max` is an error. */
static int draw_whole(const struct generator *generator, const struct distribution *distribution,
                      struct omega_random *random, const char *what, int32_t max, int32_t *out,
                      omega_error_t *err)
{
    return draw_times(generator, distribution, random, 1.0, 1, what, max, out, err);
}

/* Moves to the next submission; false when there is none before the end. */
static bool advance(struct generator *generator)
{
    const struct generator_config *config = &generator->config;
    if (generator->ended || (config->jobs_max != 0 && generator->made == config->jobs_max)) {
        return false;
    }
    double seconds = distribution_draw(&config->interarrival_s, &generator->interarrival);
    int64_t gap_us = microseconds(seconds / config->rate_factor, 0);
    if (__builtin_add_overflow(generator->now_us, gap_us, &generator->now_us) ||
        generator->now_us >= config->end_us) {
        generator->ended = true;
        return false;
    }
    generator->made++;
    return true;
}

static int64_t draw_duration(const struct distribution *distribution, struct omega_random *random)
{
    int64_t us = microseconds(distribution_draw(distribution, random), 1);
    return us < OMEGA_DURATION_MAX ? us : OMEGA_DURATION_MAX;
}

/* Draws the activities of the next job, whose group has its tasks. The duration and the optional
 * tasks follow from them. */
static int draw_mapreduce(struct generator *generator, omega_error_t *err)
{
    const struct generator_mapreduce *config = &generator->config.mapreduce;
    struct omega_mapreduce *numbers = &generator->job.mapreduce;
    struct omega_task_group *group = &generator->group;
    int32_t maps = 0;
    int32_t reduces = 0;
    int rc = draw_times(generator, &config->maps, &generator->maps,
                        config->maps_per_worker ? group->count : 1.0, 1, "the map activities",
                        GENERATOR_ACTIVITIES_MAX, &maps, err);
    if (rc == OMEGA_OK) {
        rc = draw_times(generator, &config->reduces, &generator->reduces,
                        config->reduces_per_worker ? group->count : 1.0, 0, "the reduce activities",
                        GENERATOR_ACTIVITIES_MAX, &reduces, err);
    }
    if (rc != OMEGA_OK) {
        return rc;
    }
    *numbers = (struct omega_mapreduce){
        .map_activities = (uint32_t)maps,
        .reduce_activities = (uint32_t)reduces,
        .map_mean_us = draw_duration(&config->map_s, &generator->map_duration),
        .reduce_mean_us = draw_duration(&config->reduce_s, &generator->reduce_duration),
        .workers_asked = group->count,
    };
    group->duration_us = omega_mapreduce_duration(numbers, group->count);
    group->optional = omega_mapreduce_optional(numbers, config->workers_max);
    return OMEGA_OK;
}

/* Draws duration and optional tasks of the next job, whose group has its tasks. */
static int draw_plain(struct generator *generator, omega_error_t *err)
{
    const struct generator_config *config = &generator->config;
    double optional = config->optional_factor * generator->group.count;
    if (optional > OMEGA_TASKS_MAX) {
        char name[NAME_BYTES];
        name_workload(config, name);
        return omega_error_set(err, OMEGA_EINVAL,
                               "workload '%s' adds %g optional tasks to a job of %" PRIu32
                               ", expected at most %u together",
                               name, optional, generator->group.count, OMEGA_TASKS_MAX);
    }
    generator->group.optional = (uint32_t)optional;
    generator->group.duration_us = draw_duration(&config->duration_s, &generator->duration);
    return OMEGA_OK;
}

/* Draws the task group of the next job. */
static int draw_group(struct generator *generator, omega_error_t *err)
{
    const struct generator_config *config = &generator->config;
    struct omega_request *request = &generator->group.request;
    int32_t tasks = 0;
    int rc = draw_whole(generator, &config->tasks, &generator->tasks, "the tasks",
                        (int32_t)OMEGA_TASKS_MAX, &tasks, err);
    if (rc == OMEGA_OK) {
        rc = draw_whole(generator, &config->cpu_milli, &generator->cpu, "the milli-cores",
                        OMEGA_CPU_MILLI_MAX, &request->cpu_milli, err);
    }
    if (rc == OMEGA_OK) {
        rc = draw_whole(generator, &config->mem_mib, &generator->memory, "the MiB",
                        OMEGA_MEM_MIB_MAX, &request->mem_mib, err);
    }
    if (rc != OMEGA_OK) {
        return rc;
    }
    generator->group.count = (uint32_t)tasks;
    return config->mapreduce.enabled ? draw_mapreduce(generator, err) : draw_plain(generator, err);
}

static int generator_next(struct job_source *source, const struct omega_job **job,
                          omega_error_t *err)
{
    struct generator *generator = (struct generator *)source;
    if (!advance(generator)) {
        return 0;
    }
    int rc = draw_group(generator, err);
    if (rc == OMEGA_OK) {
        generator->job.submit_us = generator->now_us;
        rc = omega_job_seal(&generator->job, &generator->group, err);
    }
    if (rc != OMEGA_OK) {
        generator->ended = true;
        return rc;
    }
    *job = &generator->job;
    return 1;
}

static void generator_close(struct job_source *source)
{
    free(source);
}

static const struct job_source_ops generator_ops = {
    .name = "generator",
    .next = generator_next,
    .close = generator_close,
};

/* Checks a distribution and says which one an error is about. */
static int check_distribution(const struct distribution *distribution, const char *name,
                              omega_error_t *err)
{
    omega_error_t cause = {.code = OMEGA_OK};
    int rc = distribution_check(distribution, &cause);
    return rc == OMEGA_OK ? rc : omega_error_set(err, rc, "'%s': %s", name, cause.text);
}

static int check_distributions(const struct generator_config *config, omega_error_t *err)
{
    const struct generator_mapreduce *mapreduce = &config->mapreduce;
    const struct {
        const struct distribution *distribution;
        const char *name;
        bool unused;
    } all[] = {
        {&config->interarrival_s, "interarrival_s", false},
        {&config->tasks, "tasks", false},
        {&config->duration_s, "duration_s", mapreduce->enabled},
        {&config->cpu_milli, "cpu_milli", false},
        {&config->mem_mib, "mem_mib", false},
        {&mapreduce->maps, "map_activities", !mapreduce->enabled},
        {&mapreduce->reduces, "reduce_activities", !mapreduce->enabled},
        {&mapreduce->map_s, "map_s", !mapreduce->enabled},
        {&mapreduce->reduce_s, "reduce_s", !mapreduce->enabled},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        int rc =
            all[i].unused ? OMEGA_OK : check_distribution(all[i].distribution, all[i].name, err);
        if (rc != OMEGA_OK) {
            return rc;
        }
    }
    return OMEGA_OK;
}

static int check_config(const struct generator_config *config, omega_error_t *err)
{
    int rc = check_distributions(config, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (!isfinite(config->rate_factor) || !(config->rate_factor > 0.0)) {
        return omega_error_set(err, OMEGA_EINVAL, "rate factor is %g, expected above 0",
                               config->rate_factor);
    }
    if (!isfinite(config->optional_factor) || config->optional_factor < 0.0) {
        return omega_error_set(err, OMEGA_EINVAL, "optional factor is %g, expected 0 or more",
                               config->optional_factor);
    }
    if (config->first_us < 0) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "first gap starts at %" PRId64 " us, expected 0 or more",
                               config->first_us);
    }
    /* A smaller mean gap could round to 0 for ever, and time would stand still. */
    double mean_us = distribution_mean(&config->interarrival_s) / config->rate_factor * US_PER_S;
    if (config->jobs_max == 0 && !(mean_us >= 1.0)) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "mean gap between submissions is %g us, expected at least 1 unless "
                               "the number of jobs is limited",
                               mean_us);
    }
    return OMEGA_OK;
}

int generator_open(const struct generator_config *config, uint64_t seed, struct job_source **source,
                   omega_error_t *err)
{
    *source = NULL;
    int rc = check_config(config, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    struct generator *generator = calloc(1, sizeof *generator);
    if (generator == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for a generator");
    }
    generator->source.ops = &generator_ops;
    generator->config = *config;
    generator->now_us = config->first_us;
    omega_random_init(&generator->interarrival, seed, "interarrival", config->workload);
    omega_random_init(&generator->tasks, seed, "tasks", config->workload);
    omega_random_init(&generator->duration, seed, "duration", config->workload);
    omega_random_init(&generator->cpu, seed, "cpu", config->workload);
    omega_random_init(&generator->memory, seed, "memory", config->workload);
    omega_random_init(&generator->maps, seed, "maps", config->workload);
    omega_random_init(&generator->reduces, seed, "reduces", config->workload);
    omega_random_init(&generator->map_duration, seed, "map-duration", config->workload);
    omega_random_init(&generator->reduce_duration, seed, "reduce-duration", config->workload);
    generator->job = (struct omega_job){
        .workload = config->workload,
        .user = config->user,
        .precedence = config->precedence,
        .group_count = 1,
        .groups = &generator->group,
    };
    generator->group.constraints = config->constraints;
    generator->group.request.gpu_devices = config->gpu_devices;
    generator->group.request.gpu_milli = config->gpu_milli;
    *source = &generator->source;
    return OMEGA_OK;
}
