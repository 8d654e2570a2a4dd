/* SPDX-License-Identifier: MIT */
/* A run put together from its points: see whole.h. One point is open at a time. */
#include "core/experiment/whole.h"

#include <inttypes.h>
#include <stdlib.h>

#include "core/experiment/output_tables.h"

/* Calls `each` with every point that is finished, in order. */
static int for_each(const struct whole *whole,
                    int (*each)(void *context, const struct parts *parts, uint32_t point,
                                struct part *part, omega_error_t *err),
                    void *context, omega_error_t *err)
{
    int rc = OMEGA_OK;
    uint32_t points = experiment_point_count(whole->experiment);
    for (uint32_t i = 0; rc == OMEGA_OK && i < points; i++) {
        const struct parts *parts = whole->shards[i % whole->count];
        struct part *part;
        if (!parts_has(parts, i)) {
            continue;
        }
        rc = parts_open_point(parts, i, &part, err);
        if (rc == OMEGA_OK) {
            rc = each(context, parts, i, part, err);
            part_close(part);
        }
    }
    return rc;
}

struct writing {
    const struct experiment *experiment;
    struct outputs *outputs;
};

static int add_segment(const struct writing *writing, const struct parts *parts, uint32_t point,
                       uint32_t segment, uint32_t segments, omega_error_t *err)
{
    const struct experiment *experiment = writing->experiment;
    char *path = parts_log_path(parts, point, segment);
    char *label = point_label(experiment_point_variant(experiment, point),
                              experiment_point_assignment(experiment, point),
                              experiment_point_seed(experiment, point));
    char *name = NULL;
    if (label != NULL && segments > 1 && asprintf(&name, "%s.%" PRIu32, label, segment) < 0) {
        name = NULL;
    }
    int rc = path == NULL || label == NULL || (segments > 1 && name == NULL)
                 ? omega_error_set(err, OMEGA_ENOMEM, "out of memory")
                 : outputs_add_log(writing->outputs, path, name == NULL ? label : name, err);
    free(path);
    free(label);
    free(name);
    return rc;
}

static int write_point(void *context, const struct parts *parts, uint32_t point, struct part *part,
                       omega_error_t *err)
{
    const struct writing *writing = context;
    uint32_t segments = parts_has_logs(parts) ? parts_log_segments(parts, point) : 0;
    int rc = outputs_add(writing->outputs, part, err);
    for (uint32_t i = 0; rc == OMEGA_OK && i < segments; i++) {
        rc = add_segment(writing, parts, point, i, segments, err);
    }
    return rc;
}

int whole_write(const struct whole *whole, struct outputs *outputs, const struct run_json *run,
                omega_error_t *err)
{
    struct writing writing = {.experiment = whole->experiment, .outputs = outputs};
    struct part *head;
    int rc = parts_open_head(whole->shards[0], &head, err);
    rc = rc == OMEGA_OK ? outputs_begin(outputs, head, err) : rc;
    part_close(head);
    rc = rc == OMEGA_OK ? for_each(whole, write_point, &writing, err) : rc;
    if (rc != OMEGA_OK) {
        outputs_abort(outputs);
        return rc;
    }
    return outputs_commit(outputs, run, err);
}

static int add_point(void *context, const struct parts *parts, uint32_t point, struct part *part,
                     omega_error_t *err)
{
    (void)parts;
    (void)point;
    return summary_add(context, part, err);
}

int whole_summary(const struct whole *whole, const struct summary_options *options, FILE *out,
                  omega_error_t *err)
{
    struct summary_options filled = *options;
    struct part *head;
    int rc = parts_open_head(whole->shards[0], &head, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    filled.series = part_size(head, output_name(OUTPUT_SERIES)) >= 0;
    filled.conflicts = part_size(head, output_name(OUTPUT_CONFLICTS)) >= 0;
    part_close(head);
    struct summary *summary = summary_create(&filled, out);
    rc = summary == NULL ? omega_error_set(err, OMEGA_ENOMEM, "out of memory")
                         : for_each(whole, add_point, summary, err);
    if (rc == OMEGA_OK) {
        summary_write(summary);
    }
    summary_destroy(summary);
    return rc;
}
