/* SPDX-License-Identifier: MIT */
/* The schedulers of an experiment: modules, decision times, commits, retries. */
#include <stddef.h>
#include <string.h>

#include "core/experiment/experiment_private.h"

struct scheduler_fields {
    const char *name;
    const char *module;
    json_t *workloads;
    uint32_t instances;
    int assignment;
    int place;
    json_t *options;
    json_t *decision;
    json_t *sync;
    json_t *commit;
    json_t *retry;
};

static const char *const assignments[] = {"round_robin", "hash", "counted", NULL};
static const char *const places[] = {"start", "end", NULL};

#define AT(member) offsetof(struct scheduler_fields, member)

static const struct field_spec scheduler_specs[] = {
    {"name", FIELD_NAME, AT(name), true, 0, 0, NULL},
    {"module", FIELD_TEXT, AT(module), true, 0, 0, NULL},
    {"workloads", FIELD_VALUE, AT(workloads), false, 0, 0, NULL},
    {"instances", FIELD_UINT32, AT(instances), false, 1, RUN_INSTANCES_MAX, NULL},
    {"assignment", FIELD_CHOICE, AT(assignment), false, 0, 0, assignments},
    {"place", FIELD_CHOICE, AT(place), false, 0, 0, places},
    {"options", FIELD_VALUE, AT(options), false, 0, 0, NULL},
    {"decision", FIELD_VALUE, AT(decision), false, 0, 0, NULL},
    {"sync", FIELD_VALUE, AT(sync), false, 0, 0, NULL},
    {"commit", FIELD_VALUE, AT(commit), false, 0, 0, NULL},
    {"retry", FIELD_VALUE, AT(retry), false, 0, 0, NULL},
    {NULL, FIELD_VALUE, 0, false, 0, 0, NULL},
};

/* ---- decision ---- */

static const struct run_decision decision_default = {.job_us = 100000, .task_us = 5000};

static const struct field_spec decision_specs[] = {
    {"job_s", FIELD_TIME, offsetof(struct run_decision, job_us), false, 0, 1e8, NULL},
    {"task_s", FIELD_TIME, offsetof(struct run_decision, task_us), false, 0, 1e4, NULL},
    {NULL, FIELD_VALUE, 0, false, 0, 0, NULL},
};

static uint32_t find_workload(const struct point_parts *parts, const char *name)
{
    for (uint32_t i = 0; i < parts->workload_count; i++) {
        if (strcmp(parts->workloads[i].name, name) == 0) {
            return i;
        }
    }
    return UINT32_MAX;
}

/* {"batch": {...}, "service": {...}}: one decision time for each workload of the scheduler. */
static int read_decisions(const struct point_parts *parts, const struct field *field,
                          uint32_t scheduler, struct run_decision *decisions, omega_error_t *err)
{
    const char *name;
    json_t *value;
    json_object_foreach(field->value, name, value)
    {
        struct field entry = field_member(field, name);
        uint32_t workload = find_workload(parts, name);
        if (workload == UINT32_MAX || parts->workloads[workload].scheduler != scheduler) {
            return field_fail(&entry, err,
                              "no workload of this scheduler, expected 'job_s' and "
                              "'task_s', or the names of its workloads");
        }
        if (field_read(&entry, decision_specs, &decisions[workload], err) != 0) {
            return err->code;
        }
    }
    return 0;
}

static bool has_objects(json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        if (json_is_object(value)) {
            return true;
        }
    }
    return false;
}

static int read_decision(struct point_parts *parts, const struct field *field, uint32_t scheduler,
                         enum architecture architecture, omega_error_t *err)
{
    struct run_decision *decisions =
        pool_alloc(&parts->pool, parts->workload_count, sizeof *decisions);
    struct run_decision all = decision_default;
    if (decisions == NULL) {
        return out_of_memory(err);
    }
    bool each = has_objects(field->value);
    if (field->value != NULL && !each && field_read(field, decision_specs, &all, err) != 0) {
        return err->code;
    }
    for (uint32_t i = 0; i < parts->workload_count; i++) {
        decisions[i] = all;
    }
    parts->schedulers[scheduler].decisions = decisions;
    if (!each) {
        return 0;
    }
    if (architecture == ARCHITECTURE_SINGLE_PATH) {
        return field_fail(field, err,
                          "a decision time for each workload, expected one for all "
                          "with 'monolithic_single_path'");
    }
    return read_decisions(parts, field, scheduler, decisions, err);
}

/* ---- sync ---- */

struct interval_fields {
    int64_t interval_us;
};

static const struct field_spec interval_specs[] = {
    {"interval_s", FIELD_TIME, offsetof(struct interval_fields, interval_us), true, 1e-6,
     SECONDS_MAX, NULL},
    {NULL, FIELD_VALUE, 0, false, 0, 0, NULL},
};

static int read_sync(const struct field *field, struct run_scheduler *scheduler, omega_error_t *err)
{
    static const char *const syncs[] = {"attempt", "private", NULL};
    int choice = RUN_SYNC_ATTEMPT;
    struct interval_fields given = {0};
    if (json_is_object(field->value)) {
        scheduler->sync = RUN_SYNC_INTERVAL;
        int rc = field_read(field, interval_specs, &given, err);
        scheduler->interval_us = given.interval_us;
        return rc;
    }
    if (field->value != NULL && field_choice(field, syncs, &choice, err) != 0) {
        return err->code;
    }
    scheduler->sync = (enum run_sync)choice;
    return 0;
}

/* ---- commit ---- */

struct commit_fields {
    int detection;
    int granularity;
    uint32_t at_least;
};

static const struct field_spec commit_specs[] = {
    {"detection", FIELD_CHOICE, offsetof(struct commit_fields, detection), false, 0, 0,
     omega_detection_names},
    {"granularity", FIELD_CHOICE, offsetof(struct commit_fields, granularity), false, 0, 0,
     omega_granularity_names},
    {"at_least", FIELD_UINT32, offsetof(struct commit_fields, at_least), false, 1, OMEGA_TASKS_MAX,
     NULL},
    {NULL, FIELD_VALUE, 0, false, 0, 0, NULL},
};

static int read_commit(const struct field *field, struct run_scheduler *scheduler,
                       omega_error_t *err)
{
    struct commit_fields given = {0};
    if (field->value != NULL && field_read(field, commit_specs, &given, err) != 0) {
        return err->code;
    }
    bool needs = given.granularity == OMEGA_COMMIT_AT_LEAST;
    if (needs != (given.at_least > 0)) {
        return field_fail(field, err,
                          "expected 'at_least' together with the granularity "
                          "'at_least', and only there");
    }
    scheduler->detection = (enum omega_detection)given.detection;
    scheduler->granularity = (enum omega_granularity)given.granularity;
    scheduler->at_least = given.at_least;
    return 0;
}

/* ---- retry ---- */

struct retry_fields {
    struct run_retry retry;
    int queue;
};

static const char *const queue_ends[] = {"back", "front", NULL};

#define RETRY_AT(member) offsetof(struct retry_fields, retry.member)

static const struct field_spec retry_specs[] = {
    {"delay_s", FIELD_TIME, RETRY_AT(delay_us), false, 0, SECONDS_MAX, NULL},
    {"backoff", FIELD_REAL, RETRY_AT(backoff), false, 1, 1000, NULL},
    {"delay_max_s", FIELD_TIME, RETRY_AT(delay_max_us), false, 0, SECONDS_MAX, NULL},
    {"queue", FIELD_CHOICE, offsetof(struct retry_fields, queue), false, 0, 0, queue_ends},
    {"attempts", FIELD_UINT32, RETRY_AT(attempts_max), false, 0, UINT32_MAX, NULL},
    {"attempts_unplaced", FIELD_UINT32, RETRY_AT(attempts_unplaced_max), false, 0, UINT32_MAX,
     NULL},
    {NULL, FIELD_VALUE, 0, false, 0, 0, NULL},
};

static int read_retry(const struct field *field, const struct run_retry *defaults,
                      struct run_scheduler *scheduler, omega_error_t *err)
{
    struct retry_fields given = {.retry = *defaults, .queue = (int)defaults->queue};
    if (field->value != NULL && field_read(field, retry_specs, &given, err) != 0) {
        return err->code;
    }
    scheduler->retry = given.retry;
    scheduler->retry.queue = (enum run_queue_end)given.queue;
    return 0;
}

/* ---- which jobs it takes ---- */

static int take_workload(struct point_parts *parts, const struct field *entry, uint32_t scheduler,
                         omega_error_t *err)
{
    const char *name;
    if (field_text(entry, false, &name, err) != 0) {
        return err->code;
    }
    uint32_t workload = find_workload(parts, name);
    if (workload == UINT32_MAX) {
        return field_fail(entry, err, "there is no workload '%.40s', expected a name such as '%s'",
                          name, parts->workloads[0].name);
    }
    if (parts->workloads[workload].scheduler != UINT32_MAX) {
        return field_fail(entry, err, "workload '%s' has a scheduler already, expected one only",
                          name);
    }
    parts->workloads[workload].scheduler = scheduler;
    return 0;
}

static int take_workloads(struct point_parts *parts, const struct field *list, uint32_t scheduler,
                          omega_error_t *err)
{
    size_t count;
    if (list->value == NULL && parts->scheduler_count == 1) {
        for (uint32_t i = 0; i < parts->workload_count; i++) {
            parts->workloads[i].scheduler = scheduler;
        }
        return 0;
    }
    if (list->value == NULL) {
        return field_fail(list->parent, err,
                          "has no 'workloads', which is required where there "
                          "are several schedulers");
    }
    if (field_array(list, 1, EXPERIMENT_WORKLOADS_MAX, &count, err) != 0) {
        return err->code;
    }
    for (size_t i = 0; i < count; i++) {
        struct field entry = field_entry(list, i);
        if (take_workload(parts, &entry, scheduler, err) != 0) {
            return err->code;
        }
    }
    return 0;
}

/* ---- the module ---- */

int open_module(struct point_parts *parts, const struct field *field, const char *name,
                struct module **module, omega_error_t *err)
{
    omega_error_t cause = {0};
    if (name[0] == '\0') {
        return field_fail(field, err, "empty, expected the name or path of a module");
    }
    if (!parts->files) {
        return 0;
    }
    if (module_open(name, parts->experiment->directory, module, &cause) != 0) {
        return field_fail_with(field, &cause, err);
    }
    if (files_module(parts->experiment, module_path(*module), &cause) != 0) {
        return field_fail_with(field, &cause, err);
    }
    return 0;
}

static int read_module(struct point_parts *parts, const struct field *field,
                       const struct scheduler_fields *given, uint32_t index, omega_error_t *err)
{
    omega_error_t cause = {0};
    struct field module = field_member(field, "module");
    struct field options = field_member(field, "options");
    if (given->options != NULL && !json_is_object(given->options)) {
        return field_fail(&options, err, "%s, expected an object", field_kind(given->options));
    }
    if (open_module(parts, &module, given->module, &parts->modules[index], err) != 0) {
        return err->code;
    }
    if (!parts->files) {
        return 0;
    }
    if (module_options(parts->modules[index], given->options, NULL, &cause) != 0) {
        return field_fail_with(options.value != NULL ? &options : &module, &cause, err);
    }
    return 0;
}

/* ---- the section ---- */

int scheduler_read(struct point_parts *parts, const struct field *field, uint32_t index,
                   enum architecture architecture, omega_error_t *err)
{
    const struct preset *preset = parts->preset;
    bool shared = architecture == ARCHITECTURE_SHARED_STATE;
    struct scheduler_fields given = {
        .instances = 1,
        .assignment = (int)preset->assignment,
        .place = (int)(shared ? RUN_PLACE_START : preset->monolithic_place),
    };
    struct run_scheduler *scheduler = &parts->schedulers[index];
    if (field_read(field, scheduler_specs, &given, err) != 0 ||
        read_module(parts, field, &given, index, err) != 0) {
        return err->code;
    }
    scheduler->name = given.name;
    scheduler->module = parts->modules[index];
    scheduler->options = given.options;
    scheduler->instances = given.instances;
    scheduler->assignment = (enum run_assignment)given.assignment;
    scheduler->place = (enum run_place)given.place;
    struct field workloads = field_member(field, "workloads");
    struct field decision = field_member(field, "decision");
    struct field sync = field_member(field, "sync");
    struct field commit = field_member(field, "commit");
    struct field retry = field_member(field, "retry");
    if (take_workloads(parts, &workloads, index, err) != 0 ||
        read_decision(parts, &decision, index, architecture, err) != 0 ||
        read_sync(&sync, scheduler, err) != 0 || read_commit(&commit, scheduler, err) != 0 ||
        read_retry(&retry, &preset->retry, scheduler, err) != 0) {
        return err->code;
    }
    for (uint32_t i = 0; i < index; i++) {
        if (strcmp(parts->schedulers[i].name, given.name) == 0) {
            return field_fail(field, err, "a second scheduler '%s', expected different names",
                              given.name);
        }
    }
    return 0;
}

static int check_schedulers(const struct point_parts *parts, const struct field *field,
                            enum architecture architecture, omega_error_t *err)
{
    uint64_t instances = 0;
    for (uint32_t i = 0; i < parts->scheduler_count; i++) {
        instances += parts->schedulers[i].instances;
    }
    if (instances > RUN_INSTANCES_MAX) {
        return field_fail(field, err, "%llu instances in all, expected at most %u",
                          (unsigned long long)instances, RUN_INSTANCES_MAX);
    }
    if (architecture != ARCHITECTURE_SHARED_STATE && instances != 1) {
        return field_fail(field, err,
                          "%llu scheduler instances, expected one scheduler with one "
                          "instance in a monolithic architecture",
                          (unsigned long long)instances);
    }
    for (uint32_t i = 0; i < parts->workload_count; i++) {
        if (parts->workloads[i].scheduler == UINT32_MAX) {
            return field_fail(field, err, "no scheduler takes workload '%s', expected exactly one",
                              parts->workloads[i].name);
        }
    }
    return 0;
}

int schedulers_read(struct point *point, const struct field *field, enum architecture architecture,
                    omega_error_t *err)
{
    struct point_parts *parts = point->parts;
    size_t count;
    if (field_array(field, 1, RUN_SCHEDULERS_MAX, &count, err) != 0) {
        return err->code;
    }
    parts->schedulers = pool_alloc(&parts->pool, count, sizeof *parts->schedulers);
    parts->modules = pool_alloc(&parts->pool, count, sizeof *parts->modules);
    if (parts->schedulers == NULL || parts->modules == NULL) {
        return out_of_memory(err);
    }
    parts->scheduler_count = (uint32_t)count;
    for (uint32_t i = 0; i < parts->scheduler_count; i++) {
        struct field entry = field_entry(field, i);
        if (scheduler_read(parts, &entry, i, architecture, err) != 0) {
            return err->code;
        }
    }
    point->config.schedulers = parts->schedulers;
    point->config.scheduler_count = parts->scheduler_count;
    return check_schedulers(parts, field, architecture, err);
}
