/* SPDX-License-Identifier: MIT */
/* An experiment's cell and workloads as a trace: see to_trace.h. */
#include "core/experiment/to_trace.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* What is being turned into a trace: names move from one catalogue to the other. */
struct conversion {
    const struct run_config *config;
    const struct catalogue *from;
    struct trace *to;
    const struct omega_job **heads; /* the next job of each workload; NULL at its end */
    struct omega_task_group *groups;
};

static int no_memory(omega_error_t *err)
{
    return omega_error_set(err, OMEGA_ENOMEM, "no memory for the trace");
}

static int move_symbol(const struct conversion *conversion, uint32_t from, uint32_t *to,
                       omega_error_t *err)
{
    const char *text = symbols_text(catalogue_symbols(conversion->from), from);
    *to = symbols_intern(catalogue_symbols(conversion->to->catalogue), text);
    return *to == SYMBOL_NONE ? no_memory(err) : OMEGA_OK;
}

static int add_machine(const struct conversion *conversion, const struct omega_machine_spec *from,
                       omega_error_t *err)
{
    struct omega_machine_spec machine = *from;
    const char *attributes = catalogue_attributes_text(conversion->from, from->attributes);
    int rc = move_symbol(conversion, from->name, &machine.name, err);
    rc = rc == OMEGA_OK ? move_symbol(conversion, from->platform, &machine.platform, err) : rc;
    rc = rc == OMEGA_OK ? move_symbol(conversion, from->domain, &machine.domain, err) : rc;
    if (rc == OMEGA_OK) {
        rc = catalogue_attributes(conversion->to->catalogue, attributes, &machine.attributes, err);
    }
    return rc == OMEGA_OK ? trace_add_machine(conversion->to, &machine, err) : rc;
}

static int add_cell(const struct conversion *conversion, omega_error_t *err)
{
    const struct run_config *config = conversion->config;
    int rc = OMEGA_OK;
    for (uint32_t i = 0; rc == OMEGA_OK && i < config->cell.machine_count; i++) {
        rc = add_machine(conversion, &config->cell.machines[i], err);
    }
    for (uint32_t i = 0; rc == OMEGA_OK && i < config->event_count; i++) {
        rc = trace_add_event(conversion->to, &config->events[i], err);
    }
    return rc;
}

/* Adds a job as number `id`, with its groups' constraints in the trace's catalogue. */
static int add_job(const struct conversion *conversion, const struct omega_job *from, uint64_t id,
                   omega_error_t *err)
{
    struct omega_job job = *from;
    const char *workload = conversion->config->workloads[from->workload].name;
    int rc = move_symbol(conversion, from->user, &job.user, err);
    if (rc == OMEGA_OK) {
        rc = trace_workload(conversion->to, workload, &job.workload, err);
    }
    for (uint32_t g = 0; rc == OMEGA_OK && g < from->group_count; g++) {
        struct omega_task_group *group = &conversion->groups[g];
        *group = from->groups[g];
        rc = catalogue_constraints(conversion->to->catalogue,
                                   catalogue_constraints_text(conversion->from, group->constraints),
                                   &group->constraints, err);
    }
    job.id = id;
    job.groups = conversion->groups;
    return rc == OMEGA_OK ? trace_add_job(conversion->to, &job, err) : rc;
}

/* Moves a workload on to its next job before the horizon. */
static int advance(const struct conversion *conversion, uint32_t workload, omega_error_t *err)
{
    struct job_source *source = conversion->config->workloads[workload].source;
    const struct omega_job **head = &conversion->heads[workload];
    int got = source == NULL ? 0 : job_source_next(source, head, err);
    if (got != 1 || (*head)->submit_us >= conversion->config->horizon_us) {
        *head = NULL;
    }
    return got < 0 ? got : OMEGA_OK;
}

/* The workload whose next job comes first; the lowest of those that come at one time. */
static uint32_t earliest(const struct conversion *conversion)
{
    uint32_t best = UINT32_MAX;
    for (uint32_t w = 0; w < conversion->config->workload_count; w++) {
        const struct omega_job *head = conversion->heads[w];
        if (head != NULL &&
            (best == UINT32_MAX || head->submit_us < conversion->heads[best]->submit_us)) {
            best = w;
        }
    }
    return best;
}

static int add_jobs(const struct conversion *conversion, omega_error_t *err)
{
    int rc = OMEGA_OK;
    for (uint32_t w = 0; rc == OMEGA_OK && w < conversion->config->workload_count; w++) {
        rc = advance(conversion, w, err);
    }
    for (uint64_t id = 1; rc == OMEGA_OK; id++) {
        uint32_t workload = earliest(conversion);
        if (workload == UINT32_MAX) {
            break;
        }
        rc = add_job(conversion, conversion->heads[workload], id, err);
        rc = rc == OMEGA_OK ? advance(conversion, workload, err) : rc;
    }
    return rc;
}

static int set_source(struct trace *trace, const char *name, omega_error_t *err)
{
    char source[256];
    snprintf(source, sizeof source, "experiment: %.200s", name);
    return trace_set_source(trace, source, err);
}

static int convert(const struct run_config *config, struct trace *trace, omega_error_t *err)
{
    struct conversion conversion = {.config = config, .from = config->cell.catalogue, .to = trace};
    conversion.heads = calloc((size_t)config->workload_count + 1, sizeof *conversion.heads);
    conversion.groups = calloc(OMEGA_GROUPS_MAX, sizeof *conversion.groups);
    int rc = conversion.heads == NULL || conversion.groups == NULL ? no_memory(err) : OMEGA_OK;
    rc = rc == OMEGA_OK ? add_cell(&conversion, err) : rc;
    rc = rc == OMEGA_OK ? add_jobs(&conversion, err) : rc;
    rc = rc == OMEGA_OK ? trace_seal(trace, err) : rc;
    free(conversion.heads);
    free(conversion.groups);
    return rc;
}

/* ---- what a trace does not hold ---- */

static void leave_out(struct to_trace_left_out *left_out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void leave_out(struct to_trace_left_out *left_out, const char *format, ...)
{
    va_list args;
    if (left_out->count < TO_TRACE_LINES) {
        char *line = left_out->lines[left_out->count++];
        va_start(args, format);
        vsnprintf(line, sizeof left_out->lines[0], format, args);
        va_end(args);
    }
}

static void leave_out_parts(const struct run_config *config, struct to_trace_left_out *left_out)
{
    const struct omega_overcommit *overcommit = &config->cell.overcommit;
    uint32_t picky = 0;
    for (uint32_t w = 0; w < config->workload_count; w++) {
        picky += config->workloads[w].pickiness < 1;
    }
    if (picky > 0) {
        leave_out(left_out, "pickiness (of %" PRIu32 " workloads)", picky);
    }
    if (overcommit->cpu_permille != 1000 || overcommit->mem_permille != 1000 ||
        overcommit->gpu_permille != 1000) {
        leave_out(left_out, "over-commit");
    }
    if (config->prefill.cpu_utilisation > 0) {
        leave_out(left_out, "pre-fill");
    }
    if (config->failures.up_s != NULL) {
        leave_out(left_out, "machine failures drawn from distributions");
    }
}

static void leave_out_points(const struct experiment *experiment, uint32_t index,
                             struct to_trace_left_out *left_out)
{
    uint32_t variants = experiment_variant_count(experiment);
    uint32_t seeds = experiment_point_count(experiment) / variants;
    if (variants > 1) {
        leave_out(left_out, "other variants than '%.80s' (%" PRIu32 ", see --variant)",
                  experiment_point_variant(experiment, index), variants - 1);
    }
    if (seeds > 1) {
        leave_out(left_out, "other seeds than %" PRIu64 " (%" PRIu32 ", see --seed)",
                  experiment_point_seed(experiment, index), seeds - 1);
    }
}

/* The first point of a variant. */
static int find_point(const struct experiment *experiment, const char *variant, uint32_t *index,
                      omega_error_t *err)
{
    uint32_t points = experiment_point_count(experiment);
    *index = 0;
    while (variant != NULL && *index < points &&
           strcmp(experiment_point_variant(experiment, *index), variant) != 0) {
        ++*index;
    }
    if (*index == points) {
        return omega_error_set_at(err, OMEGA_EINVAL, experiment_file(experiment), 0,
                                  "no variant '%.80s', expected one of its variants, such as '%s'",
                                  variant, experiment_point_variant(experiment, 0));
    }
    return OMEGA_OK;
}

int experiment_to_trace(const char *path, const struct experiment_options *options,
                        const char *variant, struct trace **trace,
                        struct to_trace_left_out *left_out, omega_error_t *err)
{
    struct experiment *experiment = NULL;
    struct point *point = NULL;
    uint32_t index = 0;
    *trace = NULL;
    left_out->count = 0;
    int rc = experiment_open(path, options, &experiment, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    struct trace *made = trace_create(NULL);
    rc = made == NULL ? no_memory(err) : find_point(experiment, variant, &index, err);
    rc = rc == OMEGA_OK ? point_build(experiment, index, &point, err) : rc;
    rc = rc == OMEGA_OK ? set_source(made, experiment_name(experiment), err) : rc;
    rc = rc == OMEGA_OK ? convert(&point->config, made, err) : rc;
    if (rc == OMEGA_OK) {
        leave_out_parts(&point->config, left_out);
        leave_out_points(experiment, index, left_out);
    }
    point_destroy(point);
    experiment_close(experiment);
    if (rc != OMEGA_OK) {
        trace_destroy(made);
        return rc;
    }
    *trace = made;
    return OMEGA_OK;
}
