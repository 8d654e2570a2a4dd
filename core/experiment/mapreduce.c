/* SPDX-License-Identifier: MIT */
/* "mapreduce" of a generated workload: what its jobs have to do, and the workers they ask for. */
#include <stddef.h>

#include "core/experiment/experiment_private.h"

#define WORKERS_MAX 10000 /* by default */

struct mapreduce_fields {
    json_t *workers;
    json_t *map_activities;
    json_t *maps_per_worker;
    json_t *reduce_activities;
    json_t *reduces_per_worker;
    json_t *map_s;
    json_t *reduce_s;
    uint32_t workers_max;
};

#define MAPREDUCE_AT(member) offsetof(struct mapreduce_fields, member)
#define VALUE(member, required)                                                                    \
    {                                                                                              \
#member, FIELD_VALUE, MAPREDUCE_AT(member), required, 0, 0, NULL                           \
    }

static const struct field_spec mapreduce_specs[] = {
    VALUE(workers, true),
    VALUE(map_activities, false),
    VALUE(maps_per_worker, false),
    VALUE(reduce_activities, false),
    VALUE(reduces_per_worker, false),
    VALUE(map_s, true),
    VALUE(reduce_s, true),
    {"workers_max", FIELD_UINT32, MAPREDUCE_AT(workers_max), false, 1, OMEGA_TASKS_MAX, NULL},
    {NULL, FIELD_VALUE, 0, false, 0, 0, NULL},
};

/* Activities are given as they are or for each worker asked for: one of two keys. */
static int read_activities(struct point_parts *parts, const struct field *field, const char *whole,
                           const char *per_worker, struct distribution *out, bool *is_per_worker,
                           omega_error_t *err)
{
    struct field a = field_member(field, whole);
    struct field b = field_member(field, per_worker);
    if ((a.value == NULL) == (b.value == NULL)) {
        return field_fail(field, err, "has %s '%s' and '%s', expected one of them",
                          a.value == NULL ? "neither of" : "both", whole, per_worker);
    }
    *is_per_worker = a.value == NULL;
    return distribution_copy(parts, a.value == NULL ? &b : &a, out, err);
}

int mapreduce_read(struct point_parts *parts, const struct field *field,
                   struct generator_config *config, omega_error_t *err)
{
    struct mapreduce_fields given = {.workers_max = WORKERS_MAX};
    struct generator_mapreduce *out = &config->mapreduce;
    if (field->value == NULL) {
        return 0;
    }
    if (field_read(field, mapreduce_specs, &given, err) != 0) {
        return err->code;
    }
    struct field workers = field_member(field, "workers");
    struct field map_s = field_member(field, "map_s");
    struct field reduce_s = field_member(field, "reduce_s");
    out->enabled = true;
    out->workers_max = given.workers_max;
    parts->experiment->record.mapreduce = true;
    if (distribution_copy(parts, &workers, &config->tasks, err) != 0 ||
        read_activities(parts, field, "map_activities", "maps_per_worker", &out->maps,
                        &out->maps_per_worker, err) != 0 ||
        read_activities(parts, field, "reduce_activities", "reduces_per_worker", &out->reduces,
                        &out->reduces_per_worker, err) != 0 ||
        distribution_copy(parts, &map_s, &out->map_s, err) != 0) {
        return err->code;
    }
    return distribution_copy(parts, &reduce_s, &out->reduce_s, err);
}
