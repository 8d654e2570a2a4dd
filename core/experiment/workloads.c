/* SPDX-License-Identifier: MIT */
/* The workloads of an experiment: generated from distributions, or replayed from a trace. */
#include <stddef.h>
#include <string.h>

#include "core/experiment/experiment_private.h"

#define TASKS_PER_REQUEST_MAX 1000000.0
#define SCALE_MIN 1e-6
#define SCALE_MAX 1e6
#define COPIES_MAX 1000000.0
#define DEMAND_MAX 1000.0
#define GAP_MIN_S 1e-6 /* mean gap: with less, time would stand still */

/* ---- generated ---- */

struct generated_fields {
    const char *name;
    json_t *interarrival_s;
    json_t *tasks;
    json_t *duration_s;
    json_t *cpu_milli;
    json_t *mem_mib;
    uint32_t gpu_devices;
    uint32_t gpu_milli;
    const char *constraints;
    int32_t precedence;
    const char *user;
    double rate_factor;
    double optional_factor;
    double pickiness;
    int64_t jobs;
    json_t *mapreduce;
};

#define GENERATED_AT(member) offsetof(struct generated_fields, member)
#define DRAWN(member)                                                                              \
    {                                                                                              \
#member, FIELD_VALUE, GENERATED_AT(member), true, 0, 0, NULL                               \
    }

/* clang-format off */
#define GENERATED_SPECS                                                                            \
    {"name", FIELD_NAME, GENERATED_AT(name), true, 0, 0, NULL},                                    \
    DRAWN(interarrival_s),                                                                         \
    DRAWN(cpu_milli),                                                                              \
    DRAWN(mem_mib),                                                                                \
    {"gpu_devices", FIELD_UINT32, GENERATED_AT(gpu_devices), false, 0, OMEGA_GPU_DEVICES_MAX,      \
     NULL},                                                                                        \
    {"gpu_milli", FIELD_UINT32, GENERATED_AT(gpu_milli), false, 0, OMEGA_GPU_DEVICE_MILLI, NULL},  \
    {"constraints", FIELD_TEXT, GENERATED_AT(constraints), false, 0, 0, NULL},                     \
    {"precedence", FIELD_INT32, GENERATED_AT(precedence), false, INT32_MIN, INT32_MAX, NULL},      \
    {"user", FIELD_TEXT, GENERATED_AT(user), false, 0, 0, NULL},                                   \
    {"rate_factor", FIELD_REAL, GENERATED_AT(rate_factor), false, SCALE_MIN, SCALE_MAX, NULL},     \
    {"pickiness", FIELD_REAL, GENERATED_AT(pickiness), false, 1e-9, 1, NULL},                      \
    {"jobs", FIELD_INT64, GENERATED_AT(jobs), false, 0, 1e15, NULL},                               \
    {"mapreduce", FIELD_VALUE, GENERATED_AT(mapreduce), false, 0, 0, NULL}
/* clang-format on */

static const struct field_spec generated_specs[] = {
    GENERATED_SPECS,
    DRAWN(tasks),
    DRAWN(duration_s),
    {"optional_factor", FIELD_REAL, GENERATED_AT(optional_factor), false, 0, 1000, NULL},
    {NULL, FIELD_VALUE, 0, false, 0, 0, NULL},
};

/* Of MapReduce jobs: tasks, their duration and optional ones follow from what is in 'mapreduce'. */
static const struct field_spec mapreduce_specs[] = {
    GENERATED_SPECS,
    {NULL, FIELD_VALUE, 0, false, 0, 0, NULL},
};

static const struct generated_fields generated_defaults = {
    .constraints = "",
    .precedence = 100,
    .user = "",
    .rate_factor = 1,
    .pickiness = 1,
};

/* A share is of one device; whole devices are asked for by their number. */
static int set_gpu(const struct field *field, const struct generated_fields *given,
                   struct generator_config *config, omega_error_t *err)
{
    if (given->gpu_milli > 0 && given->gpu_milli < OMEGA_GPU_DEVICE_MILLI &&
        given->gpu_devices > 1) {
        return field_fail(field, err,
                          "a share of %u devices, expected 'gpu_milli' below 1000 with "
                          "one device only",
                          given->gpu_devices);
    }
    bool none = given->gpu_devices == 0 && given->gpu_milli == 0;
    config->gpu_devices = (uint8_t)(none || given->gpu_devices > 0 ? given->gpu_devices : 1);
    config->gpu_milli =
        (int16_t)(none || given->gpu_milli > 0 ? given->gpu_milli : OMEGA_GPU_DEVICE_MILLI);
    return 0;
}

static int set_names(struct point_parts *parts, const struct field *field,
                     const struct generated_fields *given, struct generator_config *config,
                     omega_error_t *err)
{
    omega_error_t cause = {0};
    struct field constraints = field_member(field, "constraints");
    config->user = symbols_intern(catalogue_symbols(parts->catalogue), given->user);
    if (config->user == SYMBOL_NONE) {
        return out_of_memory(err);
    }
    if (catalogue_constraints(parts->catalogue, given->constraints, &config->constraints, &cause) !=
        0) {
        return field_fail_with(&constraints, &cause, err);
    }
    return 0;
}

/* The generator's distributions are copies of the point's, whose tables stay the point's. */
static int set_distributions(struct point_parts *parts, const struct field *field,
                             struct generator_config *config, omega_error_t *err)
{
    static const char *const keys[] = {"interarrival_s", "cpu_milli", "mem_mib", "tasks",
                                       "duration_s"};
    struct distribution *const into[] = {&config->interarrival_s, &config->cpu_milli,
                                         &config->mem_mib, &config->tasks, &config->duration_s};
    size_t count = config->mapreduce.enabled ? 3 : sizeof keys / sizeof keys[0];
    for (size_t i = 0; i < count; i++) {
        struct field member = field_member(field, keys[i]);
        if (distribution_copy(parts, &member, into[i], err) != 0) {
            return err->code;
        }
    }
    if (config->jobs_max == 0 &&
        !(distribution_mean(&config->interarrival_s) / config->rate_factor >= GAP_MIN_S)) {
        struct field member = field_member(field, keys[0]);
        return field_fail(&member, err,
                          "a mean below a microsecond, expected more, or a limit "
                          "with 'jobs'");
    }
    return 0;
}

static int read_generated(struct point_parts *parts, const struct field *field, uint32_t index,
                          omega_error_t *err)
{
    struct generated_fields given = generated_defaults;
    struct generator_config *config = &parts->sources[index].generator;
    struct field mapreduce = field_member(field, "mapreduce");
    const struct field_spec *specs = mapreduce.value == NULL ? generated_specs : mapreduce_specs;
    if (field_read(field, specs, &given, err) != 0 ||
        mapreduce_read(parts, &mapreduce, config, err) != 0) {
        return err->code;
    }
    config->workload = index;
    config->precedence = given.precedence;
    config->rate_factor = given.rate_factor;
    config->optional_factor = given.optional_factor;
    config->jobs_max = (uint64_t)given.jobs;
    parts->workloads[index].name = given.name;
    parts->workloads[index].pickiness = given.pickiness;
    if (set_gpu(field, &given, config, err) != 0 ||
        set_names(parts, field, &given, config, err) != 0) {
        return err->code;
    }
    return set_distributions(parts, field, config, err);
}

/* ---- replayed ---- */

struct replayed_fields {
    const char *name;
    json_t *trace;
    json_t *trace_workloads;
    double time_scale;
    double duration_scale;
    uint32_t copies;
    bool no_departures;
    json_t *demand;
    double pickiness;
};

#define REPLAYED_AT(member) offsetof(struct replayed_fields, member)

static const struct field_spec replayed_specs[] = {
    {"name", FIELD_NAME, REPLAYED_AT(name), true, 0, 0, NULL},
    {"trace", FIELD_VALUE, REPLAYED_AT(trace), true, 0, 0, NULL},
    {"trace_workloads", FIELD_VALUE, REPLAYED_AT(trace_workloads), false, 0, 0, NULL},
    {"time_scale", FIELD_REAL, REPLAYED_AT(time_scale), false, SCALE_MIN, SCALE_MAX, NULL},
    {"duration_scale", FIELD_REAL, REPLAYED_AT(duration_scale), false, SCALE_MIN, SCALE_MAX, NULL},
    {"copies", FIELD_UINT32, REPLAYED_AT(copies), false, 1, COPIES_MAX, NULL},
    {"no_departures", FIELD_BOOL, REPLAYED_AT(no_departures), false, 0, 0, NULL},
    {"demand", FIELD_VALUE, REPLAYED_AT(demand), false, 0, 0, NULL},
    {"pickiness", FIELD_REAL, REPLAYED_AT(pickiness), false, 1e-9, 1, NULL},
    {NULL, FIELD_VALUE, 0, false, 0, 0, NULL},
};

struct demand_fields {
    int resource;
    double share;
};

/* In the order of enum replay_resource. */
static const char *const resources[] = {"cpu", "mem", "gpu", NULL};

static const struct field_spec demand_specs[] = {
    {"resource", FIELD_CHOICE, offsetof(struct demand_fields, resource), true, 0, 0, resources},
    {"share", FIELD_REAL, offsetof(struct demand_fields, share), true, SCALE_MIN, DEMAND_MAX, NULL},
    {NULL, FIELD_VALUE, 0, false, 0, 0, NULL},
};

static int read_demand(const struct field *field, const struct replayed_fields *given,
                       struct replay_config *config, omega_error_t *err)
{
    struct demand_fields demand = {0};
    if (field->value == NULL) {
        return 0;
    }
    if (field_read(field, demand_specs, &demand, err) != 0) {
        return err->code;
    }
    if (!given->no_departures || given->copies != 1) {
        return field_fail(field, err,
                          "expected with 'no_departures' set and without 'copies' only");
    }
    config->demand = demand.share;
    config->demand_resource = demand.resource;
    return 0;
}

static int find_trace_workload(const struct field *entry, const struct trace *trace,
                               uint32_t *index, omega_error_t *err)
{
    const char *name;
    if (field_text(entry, false, &name, err) != 0) {
        return err->code;
    }
    for (*index = 0; trace != NULL && *index < trace->workload_count; (*index)++) {
        if (strcmp(trace->workloads[*index], name) == 0) {
            return 0;
        }
    }
    if (trace == NULL) {
        return 0;
    }
    char known[160];
    size_t used = 0;
    known[0] = '\0';
    for (uint32_t i = 0; i < trace->workload_count && used < sizeof known; i++) {
        int n = snprintf(known + used, sizeof known - used, "%s'%.40s'", i == 0 ? "" : ", ",
                         trace->workloads[i]);
        used += n < 0 ? 0 : (size_t)n;
    }
    return field_fail(entry, err, "the trace has no workload '%.40s', expected one of: %s", name,
                      known);
}

static int read_chosen(struct point_parts *parts, const struct field *list,
                       struct part_workload *source, omega_error_t *err)
{
    size_t count;
    if (list->value == NULL) {
        return 0;
    }
    if (field_array(list, 1, TRACE_WORKLOADS_MAX, &count, err) != 0) {
        return err->code;
    }
    uint32_t *chosen = pool_alloc(&parts->pool, count, sizeof *chosen);
    if (chosen == NULL) {
        return out_of_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        struct field entry = field_entry(list, i);
        if (find_trace_workload(&entry, source->trace, &chosen[i], err) != 0) {
            return err->code;
        }
    }
    source->chosen = chosen;
    source->chosen_count = (uint32_t)count;
    return 0;
}

/* Results have columns for MapReduce jobs where a trace has some. */
static void note_mapreduce(struct experiment *experiment, const struct trace *trace)
{
    for (uint32_t i = 0; trace != NULL && !experiment->record.mapreduce && i < trace->job_count;
         i++) {
        experiment->record.mapreduce = omega_job_is_mapreduce(trace->jobs[i]);
    }
}

static int read_replayed(struct point_parts *parts, const struct field *field, uint32_t index,
                         omega_error_t *err)
{
    struct replayed_fields given = {
        .time_scale = 1, .duration_scale = 1, .copies = 1, .pickiness = 1};
    struct part_workload *source = &parts->sources[index];
    if (field_read(field, replayed_specs, &given, err) != 0) {
        return err->code;
    }
    source->replays = true;
    source->replay.time_scale = given.time_scale;
    source->replay.duration_scale = given.duration_scale;
    source->replay.copies = given.copies;
    source->replay.no_departures = given.no_departures;
    parts->workloads[index].name = given.name;
    parts->workloads[index].pickiness = given.pickiness;
    struct field trace = field_member(field, "trace");
    struct field chosen = field_member(field, "trace_workloads");
    struct field demand = field_member(field, "demand");
    if (files_trace(parts, &trace, &source->trace, err) != 0 ||
        read_chosen(parts, &chosen, source, err) != 0) {
        return err->code;
    }
    note_mapreduce(parts->experiment, source->trace);
    return read_demand(&demand, &given, &source->replay, err);
}

/* ---- the section ---- */

static int read_workload(struct point_parts *parts, const struct field *entry, uint32_t index,
                         omega_error_t *err)
{
    bool replays = json_object_get(entry->value, "trace") != NULL;
    int rc = replays ? read_replayed(parts, entry, index, err)
                     : read_generated(parts, entry, index, err);
    for (uint32_t i = 0; rc == 0 && i < index; i++) {
        if (strcmp(parts->workloads[i].name, parts->workloads[index].name) == 0) {
            rc = field_fail(entry, err, "a second workload '%s', expected different names",
                            parts->workloads[i].name);
        }
    }
    return rc;
}

int workloads_read(struct point *point, const struct field *field, omega_error_t *err)
{
    struct point_parts *parts = point->parts;
    size_t count;
    if (field_array(field, 1, EXPERIMENT_WORKLOADS_MAX, &count, err) != 0) {
        return err->code;
    }
    parts->workloads = pool_alloc(&parts->pool, count, sizeof *parts->workloads);
    parts->sources = pool_alloc(&parts->pool, count, sizeof *parts->sources);
    if (parts->workloads == NULL || parts->sources == NULL) {
        return out_of_memory(err);
    }
    parts->workload_count = (uint32_t)count;
    for (uint32_t i = 0; i < parts->workload_count; i++) {
        struct field entry = field_entry(field, i);
        parts->workloads[i].scheduler = UINT32_MAX;
        if (read_workload(parts, &entry, i, err) != 0) {
            return err->code;
        }
    }
    point->config.workloads = parts->workloads;
    point->config.workload_count = parts->workload_count;
    return 0;
}

int64_t workloads_last_submit(const struct point_parts *parts)
{
    int64_t last = -1;
    for (uint32_t i = 0; i < parts->workload_count; i++) {
        const struct part_workload *source = &parts->sources[i];
        if (!source->replays) {
            continue;
        }
        const struct trace *trace = source->trace;
        double submit =
            trace == NULL || trace->job_count == 0
                ? 0
                : (double)trace->jobs[trace->job_count - 1]->submit_us * source->replay.time_scale;
        int64_t end = submit < SECONDS_MAX * 1e6 ? (int64_t)submit : (int64_t)(SECONDS_MAX * 1e6);
        last = end > last ? end : last;
    }
    return last;
}

/* From a trace's workloads to this one of the experiment. */
static uint32_t *make_map(struct point_parts *parts, const struct part_workload *source,
                          uint32_t index)
{
    uint32_t count = source->trace->workload_count;
    uint32_t *map = pool_alloc(&parts->pool, count, sizeof *map);
    if (map == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        map[i] = source->chosen == NULL ? index : UINT32_MAX;
    }
    for (uint32_t i = 0; i < source->chosen_count; i++) {
        map[source->chosen[i]] = index;
    }
    return map;
}

/* What the cell has of a resource: what a demand is a share of. */
static int64_t capacity_of(const struct point_parts *parts, int resource)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < parts->machine_count; i++) {
        const struct omega_machine_spec *machine = &parts->machines[i];
        if (machine->absent) {
            continue;
        }
        sum += resource == REPLAY_CPU   ? machine->cpu_milli
               : resource == REPLAY_MEM ? machine->mem_mib
                                        : machine->gpu_devices * OMEGA_GPU_DEVICE_MILLI;
    }
    return sum;
}

static int open_source(struct point *point, uint32_t index, struct job_source **opened,
                       omega_error_t *err)
{
    struct point_parts *parts = point->parts;
    struct part_workload *source = &parts->sources[index];
    if (!source->replays) {
        source->generator.end_us = point->config.horizon_us;
        source->generator.name = parts->workloads[index].name;
        return generator_open(&source->generator, point->seed, opened, err);
    }
    source->replay.end_us = point->config.horizon_us;
    source->replay.capacity = capacity_of(parts, source->replay.demand_resource);
    source->replay.workload_map = make_map(parts, source, index);
    if (source->replay.workload_map == NULL) {
        return out_of_memory(err);
    }
    return replay_open(source->trace, &source->replay, point->seed, opened, err);
}

/* ---- jobs counted over all workloads ---- */

/* True if it matters how many jobs come before those of the workload. */
static bool is_counted(const struct point_parts *parts, uint32_t index)
{
    const struct run_scheduler *scheduler = &parts->schedulers[parts->workloads[index].scheduler];
    return scheduler->assignment == RUN_ASSIGN_COUNTED && scheduler->instances > 1;
}

/* A source gives the same jobs each time that it is opened. */
static int count_jobs(struct point *point, uint32_t index, uint64_t *count, omega_error_t *err)
{
    struct job_source *source;
    const struct omega_job *job;
    int rc = open_source(point, index, &source, err);
    if (rc != 0) {
        return rc;
    }
    while ((rc = job_source_next(source, &job, err)) == 1) {
        ++*count;
    }
    job_source_close(source);
    return rc;
}

static int count_before(struct point *point, omega_error_t *err)
{
    struct point_parts *parts = point->parts;
    uint64_t jobs = 0;
    uint32_t end = parts->workload_count;
    while (end > 0 && !is_counted(parts, end - 1)) {
        end--;
    }
    for (uint32_t i = 0; i < end; i++) {
        parts->workloads[i].jobs_before = jobs;
        if (i + 1 < end && count_jobs(point, i, &jobs, err) != 0) {
            return err->code;
        }
    }
    return 0;
}

int workloads_open(struct point *point, omega_error_t *err)
{
    for (uint32_t i = 0; i < point->parts->workload_count; i++) {
        if (open_source(point, i, &point->parts->workloads[i].source, err) != 0) {
            return err->code;
        }
    }
    return count_before(point, err);
}
