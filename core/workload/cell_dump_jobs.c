/* SPDX-License-Identifier: MIT */
/*
 * Jobs of a cell dump. Each is compared with its placements, which the dump has listed before:
 * where its tasks run is known from there, and a job that says otherwise is refused.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/workload/cell_dump_jobs_private.h"

struct job_line {
    struct omega_job job;
    struct lmdb_job state;
    const char *user;
    json_t *mapreduce;
    json_t *groups;
    json_t *placed;
    json_t *told;
};

#define JOB(key, type, member, max)                                                                \
    {                                                                                              \
        key, type, offsetof(struct job_line, member), 0, max                                       \
    }

static const struct dump_field job_fields[] = {
    {"type", DUMP_KIND, 0, 0, 0},
    {"id", DUMP_U64, offsetof(struct job_line, job.id), 1, UINT64_MAX},
    {"submit_us", DUMP_I64, offsetof(struct job_line, job.submit_us), INT64_MIN, INT64_MAX},
    JOB("workload", DUMP_U32, job.workload, UINT32_MAX),
    JOB("user", DUMP_TEXT, user, DUMP_TEXT_MAX),
    {"precedence", DUMP_I32, offsetof(struct job_line, job.precedence), INT32_MIN, INT32_MAX},
    JOB("mapreduce", DUMP_OPTIONAL, mapreduce, 0),
    JOB("groups", DUMP_VALUE, groups, 0),
    JOB("submitted", DUMP_U32, state.submitted, OMEGA_TASKS_MAX),
    JOB("pending", DUMP_U32, state.pending, OMEGA_TASKS_MAX),
    JOB("running", DUMP_U32, state.running, OMEGA_TASKS_MAX),
    JOB("finished", DUMP_U32, state.finished, OMEGA_TASKS_MAX),
    JOB("failed", DUMP_U32, state.failed, OMEGA_TASKS_MAX),
    JOB("abandoned", DUMP_U32, state.abandoned, OMEGA_TASKS_MAX),
    JOB("started", DUMP_BOOL, state.started, 0),
    JOB("told_us", DUMP_OPTIONAL, told, 0),
    JOB("given_up", DUMP_BOOL, state.given_up, 0),
    JOB("over", DUMP_BOOL, state.over, 0),
    JOB("instance", DUMP_INSTANCE, state.instance, OMEGA_INSTANCE_NONE - 1),
    JOB("attempt", DUMP_U32, state.attempt, UINT32_MAX),
    JOB("placed", DUMP_VALUE, placed, 0),
    {0},
};

#define MAPREDUCE(key, type, max)                                                                  \
    {                                                                                              \
#key, type, offsetof(struct omega_mapreduce, key), 0, max                                  \
    }

static const struct dump_field mapreduce_fields[] = {
    MAPREDUCE(map_activities, DUMP_U32, UINT32_MAX),
    MAPREDUCE(reduce_activities, DUMP_U32, UINT32_MAX),
    MAPREDUCE(map_mean_us, DUMP_I64, INT64_MAX),
    MAPREDUCE(reduce_mean_us, DUMP_I64, INT64_MAX),
    MAPREDUCE(workers_asked, DUMP_U32, UINT32_MAX),
    {0},
};

struct group_line {
    struct omega_task_group group;
    json_t *duration;
    const char *constraints;
};

#define GROUP(key, type, member, max)                                                              \
    {                                                                                              \
        key, type, offsetof(struct group_line, member), 0, max                                     \
    }

static const struct dump_field group_fields[] = {
    GROUP("tasks", DUMP_U32, group.count, OMEGA_TASKS_MAX),
    GROUP("optional", DUMP_U32, group.optional, OMEGA_TASKS_MAX),
    GROUP("cpu_milli", DUMP_I32, group.request.cpu_milli, OMEGA_CPU_MILLI_MAX),
    GROUP("mem_mib", DUMP_I32, group.request.mem_mib, OMEGA_MEM_MIB_MAX),
    GROUP("gpu_devices", DUMP_U8, group.request.gpu_devices, OMEGA_GPU_DEVICES_MAX),
    GROUP("gpu_milli", DUMP_I16, group.request.gpu_milli, OMEGA_GPU_DEVICE_MILLI),
    GROUP("duration_us", DUMP_VALUE, duration, 0),
    GROUP("constraints", DUMP_TEXT, constraints, DUMP_TEXT_MAX),
    {0},
};

/* A job being read. */
struct parts {
    struct omega_task_group *groups;
    const char **constraints;
    bool spreads;
};

void dump_free_job(struct lmdb_job *job)
{
    free((void *)(uintptr_t)job->job);
    free((void *)(uintptr_t)job->constraints);
    free((void *)(uintptr_t)job->placed);
    free((void *)(uintptr_t)job->machine_of);
}

/* ---- as submitted ---- */

static bool read_duration(const json_t *value, int64_t *duration_us)
{
    *duration_us = json_is_null(value) ? OMEGA_NEVER : json_integer_value(value);
    return json_is_null(value) ||
           (json_is_integer(value) && *duration_us >= 0 && *duration_us <= OMEGA_DURATION_MAX);
}

static int bad_duration(const struct dump_reader *reader)
{
    return dump_fail(reader, OMEGA_EINVAL,
                     "group: 'duration_us' is none, expected 0 to %" PRId64
                     ", null for a task that never ends, or a list of them, one for each task",
                     OMEGA_DURATION_MAX);
}

static int read_durations(const struct dump_reader *reader, const json_t *value,
                          struct omega_task_group *group)
{
    if (!json_is_array(value)) {
        return read_duration(value, &group->duration_us) ? OMEGA_OK : bad_duration(reader);
    }
    size_t count = json_array_size(value);
    if (count == 0 || count != (uint64_t)group->count + group->optional) {
        return bad_duration(reader);
    }
    int64_t *list = malloc(count * sizeof *list);
    if (list == NULL) {
        return dump_no_memory(reader);
    }
    group->task_duration_us = list; /* the caller frees it */
    for (size_t i = 0; i < count; i++) {
        if (!read_duration(json_array_get(value, i), &list[i])) {
            return bad_duration(reader);
        }
    }
    return OMEGA_OK;
}

static int read_group(struct dump_reader *reader, const json_t *value, size_t index,
                      struct parts *parts)
{
    struct catalogue *catalogue = reader->dump->catalogue;
    struct group_line line = {0};
    omega_error_t cause = {0};
    uint32_t set;
    int rc = dump_object(reader, value, "group", group_fields, &line);
    if (rc != OMEGA_OK) {
        return rc;
    }
    rc = catalogue_constraints(catalogue, line.constraints, &set, &cause);
    if (rc != OMEGA_OK) {
        return dump_fail_with(reader, &cause);
    }
    line.group.constraints = set;
    parts->constraints[index] = catalogue_constraints_text(catalogue, set);
    parts->spreads = parts->spreads || catalogue_constraint_set(catalogue, set)->different_machines;
    rc = read_durations(reader, line.duration, &line.group);
    parts->groups[index] = line.group;
    return rc;
}

static int read_groups(struct dump_reader *reader, const struct job_line *line, struct parts *parts)
{
    size_t count = json_array_size(line->groups); /* 0 for what is no array */
    if (count == 0 || count > OMEGA_GROUPS_MAX) {
        return dump_fail(reader, OMEGA_EINVAL, "job: 'groups' has %zu entries, expected 1 to %u",
                         count, OMEGA_GROUPS_MAX);
    }
    parts->groups = calloc(count, sizeof *parts->groups);
    parts->constraints = calloc(count, sizeof *parts->constraints);
    int rc =
        parts->groups == NULL || parts->constraints == NULL ? dump_no_memory(reader) : OMEGA_OK;
    for (size_t i = 0; rc == OMEGA_OK && i < count; i++) {
        rc = read_group(reader, json_array_get(line->groups, i), i, parts);
    }
    return rc;
}

static void free_groups(struct parts *parts, size_t count)
{
    for (size_t i = 0; parts->groups != NULL && i < count; i++) {
        free((void *)(uintptr_t)parts->groups[i].task_duration_us);
    }
    free(parts->groups);
}

/* Makes the job of a line, which then owns what it points to. */
static int make_job(struct dump_reader *reader, struct job_line *line, struct parts *parts,
                    struct lmdb_job *job)
{
    omega_error_t cause = {0};
    uint32_t user = symbols_intern(catalogue_symbols(reader->dump->catalogue), line->user);
    line->job.user = user;
    line->job.groups = parts->groups;
    line->job.group_count = (uint32_t)json_array_size(line->groups);
    if (omega_job_seal(&line->job, parts->groups, &cause) != OMEGA_OK) {
        return dump_fail_with(reader, &cause);
    }
    job->user = line->user;
    job->job = omega_job_copy(&line->job);
    return user == SYMBOL_NONE || job->job == NULL ? dump_no_memory(reader) : OMEGA_OK;
}

/* How long the tasks of a job with optional ones run, where that has been told. */
static int read_told(const struct dump_reader *reader, const struct job_line *line,
                     struct lmdb_job *job)
{
    json_int_t told_us = json_integer_value(line->told);
    if (line->told != NULL && (!job->started || !json_is_integer(line->told) || told_us < 0 ||
                               told_us > LMDB_DURATION_MAX)) {
        return dump_fail(reader, OMEGA_EINVAL,
                         "job %" PRIu64 ": 'told_us' is none, expected 0 (as submitted) to %" PRId64
                         ", of a job that has 'started'",
                         job->job->id, LMDB_DURATION_MAX);
    }
    job->told = line->told != NULL;
    job->given_us = told_us;
    return OMEGA_OK;
}

/* "0110": which tasks run or have ended. */
static int read_placed(const struct dump_reader *reader, const struct job_line *line,
                       struct lmdb_job *job)
{
    size_t slots = job->job->slots;
    const char *text = json_string_value(line->placed);
    if (text == NULL || json_string_length(line->placed) != slots || strspn(text, "01") != slots) {
        return dump_fail(reader, OMEGA_EINVAL,
                         "job %" PRIu64 ": 'placed' is none, expected %zu times 0 or 1, one for "
                         "each task",
                         job->job->id, slots);
    }
    uint8_t *placed = malloc(slots);
    if (placed == NULL) {
        return dump_no_memory(reader);
    }
    for (size_t i = 0; i < slots; i++) {
        placed[i] = text[i] == '1';
    }
    job->placed = placed;
    return OMEGA_OK;
}

/* ---- its placements ---- */

static int compare_placements(const void *a, const void *b)
{
    const struct store_placement *x = *(const struct store_placement *const *)a;
    const struct store_placement *y = *(const struct store_placement *const *)b;
    if (x->job != y->job) {
        return x->job < y->job ? -1 : 1;
    }
    return x->task != y->task ? (x->task < y->task ? -1 : 1) : (x->id > y->id) - (x->id < y->id);
}

/* Lists the placements of jobs by job and task, once all have been read. */
static int order_placements(struct dump_reader *reader)
{
    const struct cell_dump *dump = reader->dump;
    if (reader->of_jobs != NULL) {
        return OMEGA_OK;
    }
    reader->of_jobs = malloc((dump->placement_count + 1) * sizeof *reader->of_jobs);
    if (reader->of_jobs == NULL) {
        return dump_no_memory(reader);
    }
    for (size_t i = 0; i < dump->placement_count; i++) {
        if (dump->placements[i].job != 0) {
            reader->of_jobs[reader->of_jobs_count++] = &dump->placements[i];
        }
    }
    qsort(reader->of_jobs, reader->of_jobs_count, sizeof *reader->of_jobs, compare_placements);
    return OMEGA_OK;
}

static bool same_request(const struct omega_request *a, const struct omega_request *b)
{
    return a->cpu_milli == b->cpu_milli && a->mem_mib == b->mem_mib &&
           a->gpu_milli == b->gpu_milli && a->gpu_devices == b->gpu_devices;
}

/* The group of a task that the job has. */
static const struct omega_task_group *group_of(const struct omega_job *job, uint32_t task)
{
    uint32_t low = 0;
    uint32_t high = job->group_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        *(job->groups[middle].first_task <= task ? &low : &high) = middle;
    }
    return &job->groups[low];
}

/* Is this a placement that the job can have? Jobs come by rising id, as the list does. */
static int take_placement(struct dump_reader *reader, const struct lmdb_job *job,
                          uint32_t *machine_of)
{
    const struct store_placement *const *at = &reader->of_jobs[reader->of_jobs_seen];
    const struct store_placement *placement = *at;
    uint32_t task = placement->task;
    bool again = reader->of_jobs_seen > 0 && at[-1]->job == placement->job && at[-1]->task == task;
    if (task >= job->job->slots || !job->placed[task] || again ||
        !same_request(&placement->request, &group_of(job->job, task)->request) ||
        placement->band != omega_band_of(job->job->precedence)) {
        return dump_fail(reader, OMEGA_EINVAL,
                         "job %" PRIu64 ": placement %" PRIu64 " of task %" PRIu32
                         " is none of it, expected one of a task that is placed, with the request "
                         "of its group and the band of the job",
                         job->job->id, placement->id, task);
    }
    if (machine_of != NULL) {
        machine_of[task] = placement->machine;
    }
    reader->of_jobs_seen++;
    return OMEGA_OK;
}

/* A placement whose job has not come where it should have. */
static int no_job(const struct dump_reader *reader, const struct store_placement *placement)
{
    return dump_fail(reader, OMEGA_EINVAL,
                     "placement %" PRIu64 " is of job %" PRIu64
                     ", expected that job before this line",
                     placement->id, placement->job);
}

static int take_placements(struct dump_reader *reader, struct lmdb_job *job, bool spreads)
{
    uint64_t id = job->job->id;
    size_t first = reader->of_jobs_seen;
    uint32_t *machine_of = NULL;
    if (spreads) {
        machine_of = malloc(job->job->slots * sizeof *machine_of);
        if (machine_of == NULL) {
            return dump_no_memory(reader);
        }
        memset(machine_of, 0xff, job->job->slots * sizeof *machine_of);
        job->machine_of = machine_of;
    }
    int rc = OMEGA_OK;
    while (rc == OMEGA_OK && reader->of_jobs_seen < reader->of_jobs_count &&
           reader->of_jobs[reader->of_jobs_seen]->job <= id) {
        const struct store_placement *placement = reader->of_jobs[reader->of_jobs_seen];
        rc = placement->job == id ? take_placement(reader, job, machine_of)
                                  : no_job(reader, placement);
    }
    if (rc == OMEGA_OK && reader->of_jobs_seen - first != job->running) {
        rc = dump_fail(reader, OMEGA_EINVAL,
                       "job %" PRIu64 ": 'running' is %" PRIu32 ", expected %zu: so many "
                       "placements are of it",
                       id, job->running, reader->of_jobs_seen - first);
    }
    return rc;
}

/* ---- what became of it ---- */

/* How many of its tasks wait: all that are not placed, unless it was given up; a job with optional
 * tasks waits as a whole or not at all. */
static uint32_t pending_of(const struct lmdb_job *job)
{
    uint32_t placed = 0;
    for (uint32_t i = 0; i < job->job->slots; i++) {
        placed += job->placed[i];
    }
    if (job->given_up || job->started) {
        return 0;
    }
    return omega_job_is_elastic(job->job) ? job->job->tasks : job->job->slots - placed;
}

static int check_state(const struct dump_reader *reader, const struct lmdb_job *job)
{
    uint64_t id = job->job->id;
    uint64_t sum =
        (uint64_t)job->pending + job->running + job->finished + job->failed + job->abandoned;
    bool elastic = omega_job_is_elastic(job->job);
    if (job->submitted != sum || job->submitted < job->job->tasks ||
        job->submitted > (elastic ? job->job->slots : job->job->tasks)) {
        return dump_fail(reader, OMEGA_EINVAL,
                         "job %" PRIu64 ": 'submitted' is %" PRIu32 " and what became of them "
                         "comes to %" PRIu64 ", expected both equal and the tasks of the job",
                         id, job->submitted, sum);
    }
    if (job->pending != pending_of(job)) {
        return dump_fail(reader, OMEGA_EINVAL,
                         "job %" PRIu64 ": 'pending' is %" PRIu32 ", expected %" PRIu32
                         " by its placed tasks",
                         id, job->pending, pending_of(job));
    }
    if ((job->started && !elastic) ||
        (elastic && !job->started && memchr(job->placed, 1, job->job->slots) != NULL)) {
        return dump_fail(reader, OMEGA_EINVAL,
                         "job %" PRIu64 ": 'started' is %s, expected true for a job with optional "
                         "tasks that has placed any, and for no other",
                         id, job->started ? "true" : "false");
    }
    bool over = job->pending == 0 && job->running == 0;
    if (job->over != over || (over && !reader->dump->keep_jobs)) {
        return dump_fail(reader, OMEGA_EINVAL, "job %" PRIu64 ": 'over' is %s, expected %s", id,
                         job->over ? "true" : "false",
                         !over ? "false: tasks of it wait or run"
                               : "true, and that only in a cell that keeps such jobs");
    }
    return OMEGA_OK;
}

static void count_job(struct store_counters *seen, const struct lmdb_job *job)
{
    seen->jobs += !job->over;
    seen->tasks_submitted += job->submitted;
    seen->tasks_pending += job->pending;
    seen->tasks_running += job->running;
    seen->tasks_finished += job->finished;
    seen->tasks_failed += job->failed;
    seen->tasks_abandoned += job->abandoned;
}

static int check_job(struct dump_reader *reader, const struct job_line *line,
                     const struct parts *parts, struct lmdb_job *job)
{
    const struct cell_dump *dump = reader->dump;
    uint64_t last = dump->job_count == 0 ? 0 : dump->jobs[dump->job_count - 1].job->id;
    if (job->job->id <= last) {
        return dump_fail(reader, OMEGA_EINVAL, "job %" PRIu64 ", expected one above %" PRIu64,
                         job->job->id, last);
    }
    int rc = read_told(reader, line, job);
    rc = rc == OMEGA_OK ? read_placed(reader, line, job) : rc;
    if (rc == OMEGA_OK) {
        rc = take_placements(reader, job, parts->spreads);
    }
    return rc == OMEGA_OK ? check_state(reader, job) : rc;
}

int dump_read_job(struct dump_reader *reader)
{
    struct cell_dump *dump = reader->dump;
    struct job_line line = {0};
    struct parts parts = {0};
    void *jobs = dump->jobs;
    int rc = order_placements(reader);
    if (rc == OMEGA_OK) {
        rc = dump_grow(reader, &jobs, dump->job_count, &dump->job_room, sizeof *dump->jobs);
        dump->jobs = jobs;
    }
    if (rc == OMEGA_OK) {
        rc = dump_object(reader, reader->object, "job", job_fields, &line);
    }
    if (rc == OMEGA_OK && line.mapreduce != NULL) {
        rc =
            dump_object(reader, line.mapreduce, "mapreduce", mapreduce_fields, &line.job.mapreduce);
    }
    if (rc == OMEGA_OK) {
        rc = read_groups(reader, &line, &parts);
    }
    struct lmdb_job job = line.state;
    job.constraints = parts.constraints;
    if (rc == OMEGA_OK) {
        rc = make_job(reader, &line, &parts, &job);
    }
    free_groups(&parts, json_array_size(line.groups));
    if (rc == OMEGA_OK) {
        rc = check_job(reader, &line, &parts, &job);
    }
    if (rc != OMEGA_OK) {
        dump_free_job(&job);
        return rc;
    }
    count_job(&reader->seen, &job);
    dump->jobs[dump->job_count++] = job;
    return OMEGA_OK;
}

/* ---- after the last job ---- */

static int check_counter(struct dump_reader *reader, const char *key, uint64_t value,
                         uint64_t of_jobs, bool exact)
{
    if (value == of_jobs || (!exact && value > of_jobs)) {
        return OMEGA_OK;
    }
    reader->line = 1;
    return dump_fail(reader, OMEGA_EINVAL,
                     "cell: '%s' is %" PRIu64 ", expected %s%" PRIu64 ": the jobs come to that",
                     key, value, exact ? "" : "at least ", of_jobs);
}

static int check_counters(struct dump_reader *reader)
{
    const struct store_counters *c = &reader->dump->counters;
    const struct store_counters *seen = &reader->seen;
    uint64_t sum = c->tasks_pending + c->tasks_running + c->tasks_finished + c->tasks_abandoned +
                   c->tasks_failed;
    int rc = check_counter(reader, "tasks_pending", c->tasks_pending, seen->tasks_pending, true);
    if (rc == OMEGA_OK) {
        rc = check_counter(reader, "tasks_running", c->tasks_running, seen->tasks_running, true);
    }
    if (rc == OMEGA_OK) {
        rc = check_counter(reader, "jobs", c->jobs, seen->jobs, true);
    }
    if (rc == OMEGA_OK) {
        rc =
            check_counter(reader, "tasks_finished", c->tasks_finished, seen->tasks_finished, false);
    }
    if (rc == OMEGA_OK) {
        rc = check_counter(reader, "tasks_failed", c->tasks_failed, seen->tasks_failed, false);
    }
    if (rc == OMEGA_OK) {
        rc = check_counter(reader, "tasks_abandoned", c->tasks_abandoned, seen->tasks_abandoned,
                           false);
    }
    if (rc == OMEGA_OK && c->tasks_submitted != sum) {
        reader->line = 1;
        rc = dump_fail(reader, OMEGA_EINVAL,
                       "cell: 'tasks_submitted' is %" PRIu64 ", expected %" PRIu64
                       ": what became of them comes to that",
                       c->tasks_submitted, sum);
    }
    return rc;
}

int dump_check_jobs(struct dump_reader *reader)
{
    int rc = order_placements(reader);
    if (rc == OMEGA_OK && reader->of_jobs_seen < reader->of_jobs_count) {
        rc = no_job(reader, reader->of_jobs[reader->of_jobs_seen]);
    }
    return rc == OMEGA_OK ? check_counters(reader) : rc;
}
