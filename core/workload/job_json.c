/* SPDX-License-Identifier: MIT */
/* A job as a JSON object: every key is known, every value in its range. */
#include "core/workload/job_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 4096u /* bytes of a name or a constraint set, as in traces */

struct reading {
    struct catalogue *catalogue;
    omega_error_t *err;
    char where[40]; /* "groups[3]: ", for messages */
    struct omega_task_group *groups;
    int64_t **durations; /* per group: its list, owned; NULL: none */
    uint32_t count;
};

/* ---- values ---- */

static int fail(const struct reading *reading, const char *key, const char *what,
                const char *expected)
{
    return omega_error_set(reading->err, OMEGA_EINVAL, "%s'%.60s' %s, expected %s", reading->where,
                           key, what, expected);
}

/* A whole number; what is absent stays as it is. */
static int read_whole(const struct reading *reading, const json_t *object, const char *key,
                      int64_t min, int64_t max, int64_t *value)
{
    const json_t *found = json_object_get(object, key);
    if (found == NULL) {
        return OMEGA_OK;
    }
    *value = json_integer_value(found);
    if (!json_is_integer(found) || *value < min || *value > max) {
        return omega_error_set(reading->err, OMEGA_EINVAL,
                               "%s'%s' is not what it takes, expected a whole number from %" PRId64
                               " to %" PRId64,
                               reading->where, key, min, max);
    }
    return OMEGA_OK;
}

/* A text of bounded length without control characters; "" where it is absent. */
static int read_text(const struct reading *reading, const json_t *object, const char *key,
                     const char **text)
{
    const json_t *found = json_object_get(object, key);
    *text = found == NULL ? "" : json_string_value(found);
    if (*text == NULL || strlen(*text) != (found == NULL ? 0 : json_string_length(found)) ||
        strlen(*text) > TEXT_MAX) {
        return fail(reading, key, "is not what it takes", "a text of at most 4096 bytes");
    }
    for (const char *p = *text; *p != '\0'; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f) {
            return fail(reading, key, "holds a control character", "none");
        }
    }
    return OMEGA_OK;
}

/* Refuses keys that are in neither table, NULL at the end of each. */
static int check_keys(const struct reading *reading, const json_t *object, const char *const *keys,
                      const char *const *more)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        bool known = false;
        for (const char *const *at = keys; *at != NULL; at++) {
            known = known || strcmp(*at, key) == 0;
        }
        for (const char *const *at = more; *at != NULL; at++) {
            known = known || strcmp(*at, key) == 0;
        }
        if (!known) {
            return fail(reading, key, "is no key of it", "those of core/workload/README.md");
        }
    }
    return OMEGA_OK;
}

/* ---- groups ---- */

static const char *const group_keys[] = {"tasks",       "optional",    "cpu_milli",
                                         "mem_mib",     "gpu_devices", "gpu_milli",
                                         "duration_us", "constraints", NULL};

static int read_duration(const struct reading *reading, const json_t *value, int64_t *duration_us)
{
    *duration_us = json_is_integer(value) ? json_integer_value(value) : OMEGA_NEVER;
    if ((value != NULL && !json_is_null(value) && !json_is_integer(value)) ||
        (json_is_integer(value) && (*duration_us < 0 || *duration_us > OMEGA_DURATION_MAX))) {
        return fail(reading, "duration_us", "is not what it takes",
                    "microseconds up to 10^18, null (never ends), or a list of them");
    }
    return OMEGA_OK;
}

/* The duration of a group, or the list of its tasks' durations. */
static int read_durations(struct reading *reading, const json_t *object, uint32_t g)
{
    struct omega_task_group *group = &reading->groups[g];
    const json_t *value = json_object_get(object, "duration_us");
    size_t tasks = (size_t)group->count + group->optional;
    if (!json_is_array(value)) {
        return read_duration(reading, value, &group->duration_us);
    }
    if (json_array_size(value) != tasks) {
        return fail(reading, "duration_us", "is a list of another length",
                    "one entry for each task");
    }
    reading->durations[g] = malloc((tasks + 1) * sizeof(int64_t));
    if (reading->durations[g] == NULL) {
        return omega_error_set(reading->err, OMEGA_ENOMEM, "no memory for a job");
    }
    group->task_duration_us = reading->durations[g];
    int rc = OMEGA_OK;
    for (size_t i = 0; rc == OMEGA_OK && i < tasks; i++) {
        rc = read_duration(reading, json_array_get(value, i), &reading->durations[g][i]);
    }
    return rc;
}

static int read_group(struct reading *reading, const json_t *object, uint32_t g)
{
    struct omega_task_group *group = &reading->groups[g];
    int64_t tasks = 1;
    int64_t optional = 0;
    int64_t cpu_milli = 0;
    int64_t mem_mib = 0;
    int64_t gpu_devices = 0;
    int64_t gpu_milli = 0;
    const char *constraints;
    int rc = read_whole(reading, object, "tasks", 0, OMEGA_TASKS_MAX, &tasks);
    rc = rc ? rc : read_whole(reading, object, "optional", 0, OMEGA_TASKS_MAX, &optional);
    rc = rc ? rc : read_whole(reading, object, "cpu_milli", 0, OMEGA_CPU_MILLI_MAX, &cpu_milli);
    rc = rc ? rc : read_whole(reading, object, "mem_mib", 0, OMEGA_MEM_MIB_MAX, &mem_mib);
    rc = rc ? rc
            : read_whole(reading, object, "gpu_devices", 0, OMEGA_GPU_DEVICES_MAX, &gpu_devices);
    rc = rc ? rc : read_whole(reading, object, "gpu_milli", 0, OMEGA_GPU_DEVICE_MILLI, &gpu_milli);
    rc = rc ? rc : read_text(reading, object, "constraints", &constraints);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (gpu_devices > 0 && json_object_get(object, "gpu_milli") == NULL) {
        gpu_milli = OMEGA_GPU_DEVICE_MILLI;
    }
    group->count = (uint32_t)tasks;
    group->optional = (uint32_t)optional;
    group->request = (struct omega_request){
        .cpu_milli = (int32_t)cpu_milli,
        .mem_mib = (int32_t)mem_mib,
        .gpu_milli = (int16_t)gpu_milli,
        .gpu_devices = (uint8_t)gpu_devices,
    };
    rc = catalogue_constraints(reading->catalogue, constraints, &group->constraints, reading->err);
    return rc == OMEGA_OK ? read_durations(reading, object, g) : rc;
}

static int read_groups(struct reading *reading, const json_t *object, const json_t *list)
{
    static const char *const none[] = {NULL};
    int rc = OMEGA_OK;
    if (list == NULL) {
        return read_group(reading, object, 0);
    }
    for (uint32_t g = 0; rc == OMEGA_OK && g < reading->count; g++) {
        const json_t *entry = json_array_get(list, g);
        snprintf(reading->where, sizeof reading->where, "groups[%" PRIu32 "]: ", g);
        rc = json_is_object(entry)
                 ? check_keys(reading, entry, group_keys, none)
                 : fail(reading, "groups", "has an entry that is no object", "objects");
        rc = rc == OMEGA_OK ? read_group(reading, entry, g) : rc;
    }
    reading->where[0] = '\0';
    return rc;
}

/* ---- the job ---- */

static const char *const job_keys[] = {"user", "precedence", "mapreduce", "groups", NULL};

static int read_mapreduce(const struct reading *reading, const json_t *object,
                          struct omega_mapreduce *out)
{
    static const char *const keys[] = {"map_activities", "reduce_activities", "map_mean_us",
                                       "reduce_mean_us", "workers_asked",     NULL};
    static const char *const none[] = {NULL};
    int64_t values[5] = {0};
    if (object == NULL) {
        return OMEGA_OK;
    }
    if (!json_is_object(object)) {
        return fail(reading, "mapreduce", "is no object", "one");
    }
    int rc = check_keys(reading, object, keys, none);
    for (size_t i = 0; rc == OMEGA_OK && i < 5; i++) {
        bool time = i == 2 || i == 3;
        rc = read_whole(reading, object, keys[i], 0, time ? OMEGA_DURATION_MAX : UINT32_MAX,
                        &values[i]);
    }
    *out = (struct omega_mapreduce){
        .map_activities = (uint32_t)values[0],
        .reduce_activities = (uint32_t)values[1],
        .map_mean_us = values[2],
        .reduce_mean_us = values[3],
        .workers_asked = (uint32_t)values[4],
    };
    return rc;
}

/* Everything but the groups. */
static int read_head(const struct reading *reading, const json_t *object, struct omega_job *job)
{
    int64_t precedence = 0;
    const char *user;
    int rc = read_whole(reading, object, "precedence", INT32_MIN, INT32_MAX, &precedence);
    rc = rc == OMEGA_OK ? read_text(reading, object, "user", &user) : rc;
    rc = rc == OMEGA_OK
             ? read_mapreduce(reading, json_object_get(object, "mapreduce"), &job->mapreduce)
             : rc;
    if (rc != OMEGA_OK) {
        return rc;
    }
    job->precedence = (int32_t)precedence;
    job->user = user[0] == '\0' ? 0 : symbols_intern(catalogue_symbols(reading->catalogue), user);
    return job->user == SYMBOL_NONE
               ? omega_error_set(reading->err, OMEGA_ENOMEM, "no memory for a job")
               : OMEGA_OK;
}

static int read_job(struct reading *reading, const json_t *object, struct omega_job *job)
{
    static const char *const none[] = {NULL};
    const json_t *list = json_object_get(object, "groups");
    if (!json_is_object(object)) {
        return omega_error_set(reading->err, OMEGA_EINVAL, "a job is no object, expected one");
    }
    size_t count = list == NULL ? 1 : json_array_size(list);
    if (count == 0 || count > OMEGA_GROUPS_MAX) {
        return fail(reading, "groups", "is not what it takes", "a list of 1 to 1024 task groups");
    }
    reading->count = (uint32_t)count;
    int rc = check_keys(reading, object, job_keys, list == NULL ? group_keys : none);
    rc = rc == OMEGA_OK ? read_head(reading, object, job) : rc;
    if (rc != OMEGA_OK) {
        return rc;
    }
    reading->groups = calloc(count, sizeof *reading->groups);
    reading->durations = calloc(count, sizeof *reading->durations);
    if (reading->groups == NULL || reading->durations == NULL) {
        return omega_error_set(reading->err, OMEGA_ENOMEM, "no memory for a job");
    }
    rc = read_groups(reading, object, list);
    job->groups = reading->groups;
    job->group_count = reading->count;
    return rc == OMEGA_OK ? omega_job_seal(job, reading->groups, reading->err) : rc;
}

int job_from_json(const json_t *object, struct catalogue *catalogue, struct omega_job **out,
                  omega_error_t *err)
{
    struct reading reading = {.catalogue = catalogue, .err = err};
    struct omega_job job = {.id = 0};
    *out = NULL;
    int rc = read_job(&reading, object, &job);
    if (rc == OMEGA_OK && (*out = omega_job_copy(&job)) == NULL) {
        rc = omega_error_set(err, OMEGA_ENOMEM, "no memory for a job");
    }
    for (uint32_t g = 0; reading.durations != NULL && g < reading.count; g++) {
        free(reading.durations[g]);
    }
    free(reading.durations);
    free(reading.groups);
    return rc;
}
