/* SPDX-License-Identifier: MIT */
/* Points: one variant with one seed, built into what a driver runs. */
#include <stdlib.h>

#include "core/experiment/experiment_private.h"

#define REPLAY_TAIL_US INT64_C(3600000000) /* a replay's default horizon: last submission + 1 h */

static int set_times(struct point *point, const struct field *root, const struct top *top,
                     omega_error_t *err)
{
    int64_t last = workloads_last_submit(point->parts);
    if (top->horizon_us < 0 && last < 0) {
        return field_fail(root, err,
                          "the experiment has no 'horizon_s', which is required unless "
                          "a workload replays a trace");
    }
    int64_t horizon = top->horizon_us >= 0 ? top->horizon_us : last + REPLAY_TAIL_US;
    if (top->warmup_us >= horizon) {
        struct field warmup = field_member(root, "warmup_s");
        return field_fail(&warmup, err, "%.12g s, expected less than the horizon of %.12g s",
                          (double)top->warmup_us / 1e6, (double)horizon / 1e6);
    }
    point->config.horizon_us = horizon;
    point->config.warmup_us = top->warmup_us;
    point->metrics.warmup_us = top->warmup_us;
    point->metrics.horizon_us = horizon;
    if (point->parts->experiment->record.series) {
        point->metrics.series_step_us =
            top->series_step_us > 0 ? top->series_step_us : default_step(horizon);
    }
    struct field fragmentation = field_member(root, "fragmentation");
    return fragmentation_read(&fragmentation, horizon, &point->metrics.fragmentation, err);
}

static int set_metrics(struct point *point, omega_error_t *err)
{
    struct point_parts *parts = point->parts;
    const char **schedulers = pool_alloc(&parts->pool, parts->scheduler_count, sizeof *schedulers);
    uint32_t *instances = pool_alloc(&parts->pool, parts->scheduler_count, sizeof *instances);
    const char **workloads = pool_alloc(&parts->pool, parts->workload_count, sizeof *workloads);
    if (schedulers == NULL || instances == NULL || workloads == NULL) {
        return out_of_memory(err);
    }
    for (uint32_t i = 0; i < parts->scheduler_count; i++) {
        schedulers[i] = parts->schedulers[i].name;
        instances[i] = parts->schedulers[i].instances;
    }
    for (uint32_t i = 0; i < parts->workload_count; i++) {
        workloads[i] = parts->workloads[i].name;
    }
    point->metrics.schedulers = schedulers;
    point->metrics.instances = instances;
    point->metrics.scheduler_count = parts->scheduler_count;
    point->metrics.workloads = workloads;
    point->metrics.workload_count = parts->workload_count;
    point->metrics.histograms = true; /* the quantiles in the results come from them */
    point->metrics.jobs = parts->experiment->record.jobs;
    point->metrics.digest = true;
    point->metrics.conflicts = true;
    point->metrics.machines = parts->experiment->record.machines;
    point->metrics.counterfactuals = parts->experiment->record.counterfactuals;
    point->metrics.machine_count = point->config.cell.machine_count;
    return 0;
}

/* The sections in the order in which they need each other. */
static int read_sections(struct point *point, omega_error_t *err)
{
    struct point_parts *parts = point->parts;
    struct field document = {.source = &parts->source, .value = parts->doc};
    const struct field *root = &document;
    struct top top;
    if (top_read(root, true, &top, err) != 0) {
        return err->code;
    }
    parts->preset = preset_get(top.preset);
    struct field cell = field_member(root, "cell");
    struct field events = field_member(root, "machine_events");
    struct field workloads = field_member(root, "workloads");
    struct field schedulers = field_member(root, "schedulers");
    if (cell_read(point, &cell, err) != 0 || events_read(point, &events, err) != 0 ||
        events_sort(parts, err) != 0 || events_check(parts, &events, err) != 0 ||
        workloads_read(point, &workloads, err) != 0 || set_times(point, root, &top, err) != 0 ||
        schedulers_read(point, &schedulers, (enum architecture)top.architecture, err) != 0 ||
        set_metrics(point, err) != 0) {
        return err->code;
    }
    if (live_read(point, root, &top, err) != 0) {
        return err->code;
    }
    struct field store = field_member(root, "store");
    if (store_read(point, &store, err) != 0) {
        return err->code;
    }
    if (point->config.store.kind != RUN_STORE_MEMORY && point->config.cell.compat != 0) {
        return field_fail(&store, err, "on disk, expected 'memory' with preset '%s'",
                          preset_names[top.preset]);
    }
    if (top.counterfactuals && point->config.cell.compat != 0) {
        struct field asked = field_member(root, "counterfactuals");
        return field_fail(&asked, err,
                          "true, expected false with preset '%s', which has rules of "
                          "its own",
                          preset_names[top.preset]);
    }
    if (top.scheduler_stream != 0 && point->config.cell.compat != 0) {
        struct field stream = field_member(root, "scheduler_stream");
        return field_fail(&stream, err,
                          "%u, expected 0 with preset '%s', which has random numbers "
                          "of its own",
                          top.scheduler_stream, preset_names[top.preset]);
    }
    point->config.seed = point->seed;
    point->config.scheduler_stream = top.scheduler_stream;
    point->config.lost = (enum store_loss_policy)top.lost;
    point->config.cut = top.cut < 0 ? parts->preset->cut : (enum run_cut)top.cut;
    point->config.events = parts->events;
    point->config.event_count = parts->event_count;
    return parts->files ? workloads_open(point, err) : 0;
}

int point_make(struct experiment *experiment, uint32_t index, bool files, struct point **out,
               omega_error_t *err)
{
    struct variant *variant = &experiment->variants[experiment->points[index].variant];
    struct point *point = calloc(1, sizeof *point);
    *out = NULL;
    if (point == NULL || (point->parts = calloc(1, sizeof *point->parts)) == NULL) {
        free(point);
        return out_of_memory(err);
    }
    const struct point_key *key = &experiment->points[index];
    point->variant = variant->name;
    point->seed = key->seed;
    point->assignment = experiment_point_assignment(experiment, index);
    point->parts->experiment = experiment;
    sweep_parameters(&experiment->sweep, key->assignment, point->parts->parameters,
                     &point->parameters);
    point->parts->doc = variant_assigned(experiment, variant, key->assignment,
                                         &point->parts->source, point->parts->swept, err);
    point->parts->files = files;
    point->parts->catalogue = catalogue_create();
    if (point->parts->catalogue == NULL) {
        out_of_memory(err);
    }
    if (err->code != 0 || read_sections(point, err) != 0) {
        goto error;
    }
    *out = point;
    return 0;
error:
    point_destroy(point);
    return err->code;
}

int point_build(struct experiment *experiment, uint32_t index, struct point **point,
                omega_error_t *err)
{
    omega_error_t own = {0};
    return point_make(experiment, index, true, point, err == NULL ? &own : err);
}

void point_destroy(struct point *point)
{
    if (point == NULL) {
        return;
    }
    struct point_parts *parts = point->parts;
    for (uint32_t i = 0; i < parts->workload_count; i++) {
        job_source_close(parts->workloads[i].source);
    }
    for (uint32_t i = 0; i < parts->scheduler_count; i++) {
        module_close(parts->modules[i]);
    }
    module_close(parts->prefill_module);
    for (struct part_trace *part = parts->traces; part != NULL; part = part->next) {
        trace_destroy(part->trace);
    }
    for (struct part_distribution *part = parts->distributions; part != NULL; part = part->next) {
        distribution_release(&part->distribution);
    }
    catalogue_destroy(parts->catalogue);
    json_decref(parts->doc);
    pool_release(&parts->pool);
    free(parts);
    free(point);
}
