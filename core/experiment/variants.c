/* SPDX-License-Identifier: MIT */
/* The top level of an experiment, its variants (base patched with "set") and its points. */
#include <stddef.h>
#include <string.h>

#include "core/experiment/experiment_private.h"

static const char *const architectures[] = {"monolithic_single_path", "monolithic_multi_path",
                                            "shared_state", NULL};
static const char *const losses[] = {"return", "fail", NULL};

#define AT(member) offsetof(struct top, member)
#define SECTION(key, member)                                                                       \
    {                                                                                              \
        key, FIELD_VALUE, AT(member), false, 0, 0, NULL                                            \
    }

static const struct field_spec top_fields[] = {
    {"name", FIELD_NAME, AT(name), true, 0, 0, NULL},
    {"description", FIELD_TEXT, AT(description), false, 0, 0, NULL},
    SECTION("seed", seed),
    SECTION("seeds", seeds),
    {"horizon_s", FIELD_TIME, AT(horizon_us), false, 1e-6, SECONDS_MAX, NULL},
    {"warmup_s", FIELD_TIME, AT(warmup_us), false, 0, SECONDS_MAX, NULL},
    SECTION("cell", cell),
    SECTION("machine_events", machine_events),
    {"lost_tasks", FIELD_CHOICE, AT(lost), false, 0, 0, losses},
    SECTION("workloads", workloads),
    {"architecture", FIELD_CHOICE, AT(architecture), false, 0, 0, architectures},
    SECTION("schedulers", schedulers),
    SECTION("record", record),
    {"series_step_s", FIELD_TIME, AT(series_step_us), false, 1e-3, SECONDS_MAX, NULL},
    SECTION("variants", variants),
    {NULL, FIELD_VALUE, 0, false, 0, 0, NULL},
};

static const struct top top_defaults = {
    .horizon_us = -1,
    .architecture = ARCHITECTURE_SHARED_STATE,
    .lost = STORE_LOST_RETURN,
};

int top_read(const struct field *root, bool whole, struct top *top, omega_error_t *err)
{
    *top = top_defaults;
    if (field_read(root, top_fields, top, err) != 0) {
        return err->code;
    }
    static const char *const sections[] = {"cell", "workloads", "architecture", "schedulers"};
    for (size_t i = 0; whole && i < sizeof sections / sizeof sections[0]; i++) {
        if (json_object_get(root->value, sections[i]) == NULL) {
            return field_fail(root, err, "the experiment has no '%s', which is required",
                              sections[i]);
        }
    }
    if (top->seed != NULL && top->seeds != NULL) {
        return field_fail(root, err, "'seed' and 'seeds' are both given, expected one of them");
    }
    return 0;
}

static int add_point(struct experiment *experiment, uint32_t variant, uint64_t seed,
                     omega_error_t *err)
{
    if (experiment->point_count == experiment->point_room) {
        uint32_t room = experiment->point_room == 0 ? 16 : 2 * experiment->point_room;
        struct point_key *grown = pool_alloc(&experiment->pool, room, sizeof *grown);
        if (grown == NULL) {
            return out_of_memory(err);
        }
        if (experiment->point_count > 0) {
            memcpy(grown, experiment->points, experiment->point_count * sizeof *grown);
        }
        experiment->points = grown;
        experiment->point_room = room;
    }
    experiment->points[experiment->point_count++] = (struct point_key){variant, seed};
    return 0;
}

static int read_seed(struct experiment *experiment, uint32_t variant, const struct field *field,
                     omega_error_t *err)
{
    if (!json_is_integer(field->value) || json_integer_value(field->value) < 0) {
        return field_fail(field, err, "expected a seed, a whole number from 0 to %lld",
                          (long long)INT64_MAX);
    }
    if (experiment->point_count == EXPERIMENT_POINTS_MAX) {
        return field_fail(field, err, "too many variants and seeds, expected at most %u points",
                          EXPERIMENT_POINTS_MAX);
    }
    return add_point(experiment, variant, (uint64_t)json_integer_value(field->value), err);
}

static int add_points(struct experiment *experiment, uint32_t variant,
                      const struct experiment_options *options, omega_error_t *err)
{
    struct top top;
    struct field root = {.source = &experiment->variants[variant].source,
                         .value = experiment->variants[variant].doc};
    if (top_read(&root, true, &top, err) != 0) {
        return err->code;
    }
    uint64_t fixed = options->has_seed ? options->seed : 1;
    if (options->has_seed || (top.seed == NULL && top.seeds == NULL)) {
        return add_point(experiment, variant, fixed, err);
    }
    if (top.seed != NULL) {
        struct field seed = field_member(&root, "seed");
        return read_seed(experiment, variant, &seed, err);
    }
    size_t count;
    struct field seeds = field_member(&root, "seeds");
    if (field_array(&seeds, 1, EXPERIMENT_SEEDS_MAX, &count, err) != 0) {
        return err->code;
    }
    for (size_t i = 0; i < count; i++) {
        struct field seed = field_entry(&seeds, i);
        if (read_seed(experiment, variant, &seed, err) != 0) {
            return err->code;
        }
    }
    return 0;
}

struct variant_fields {
    const char *name;
    const char *description;
    json_t *set;
};

static const struct field_spec variant_specs[] = {
    {"name", FIELD_NAME, offsetof(struct variant_fields, name), true, 0, 0, NULL},
    {"description", FIELD_TEXT, offsetof(struct variant_fields, description), false, 0, 0, NULL},
    {"set", FIELD_VALUE, offsetof(struct variant_fields, set), false, 0, 0, NULL},
    {NULL, FIELD_VALUE, 0, false, 0, 0, NULL},
};

/* What a variant may not set: it belongs to the whole experiment. */
static int check_patch(const struct field *set, omega_error_t *err)
{
    static const char *const fixed[] = {"name", "description", "variants", "record"};
    if (set->value != NULL && !json_is_object(set->value)) {
        return field_fail(set, err, "%s, expected an object", field_kind(set->value));
    }
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        struct field member = field_member(set, fixed[i]);
        if (member.value != NULL) {
            return field_fail(&member, err,
                              "cannot differ between variants, expected it in the "
                              "experiment itself");
        }
    }
    return 0;
}

static int make_variant(struct experiment *experiment, const struct field *field, uint32_t index,
                        omega_error_t *err)
{
    struct variant *variant = &experiment->variants[index];
    struct variant_fields given = {0};
    if (field_read(field, variant_specs, &given, err) != 0) {
        return err->code;
    }
    struct field set = field_member(field, "set");
    if (check_patch(&set, err) != 0) {
        return err->code;
    }
    for (uint32_t i = 0; i < index; i++) {
        if (strcmp(experiment->variants[i].name, given.name) == 0) {
            return field_fail(field, err, "a second variant '%s', expected different names",
                              given.name);
        }
    }
    variant->name = given.name;
    variant->doc = set.value == NULL ? json_deep_copy(experiment->base)
                                     : patch_merge(experiment->base, set.value);
    if (variant->doc == NULL || json_object_del(variant->doc, "variants") != 0) {
        return out_of_memory(err);
    }
    variant->source = experiment->source;
    variant->source.variant = (int)index;
    variant->source.variant_name = variant->name;
    return 0;
}

static int make_only_variant(struct experiment *experiment)
{
    struct variant *variant = &experiment->variants[0];
    variant->name = "";
    variant->doc = json_incref(experiment->base);
    variant->source = experiment->source;
    return 0;
}

int variants_make(struct experiment *experiment, const struct top *top,
                  const struct experiment_options *options, omega_error_t *err)
{
    struct field root = {.source = &experiment->source, .value = experiment->base};
    struct field list = field_member(&root, "variants");
    size_t count = 1;
    if (top->variants != NULL && field_array(&list, 1, EXPERIMENT_VARIANTS_MAX, &count, err) != 0) {
        return err->code;
    }
    experiment->variant_count = (uint32_t)count;
    experiment->variants = pool_alloc(&experiment->pool, count, sizeof *experiment->variants);
    if (experiment->variants == NULL) {
        experiment->variant_count = 0;
        return out_of_memory(err);
    }
    for (uint32_t i = 0; i < experiment->variant_count; i++) {
        struct field entry = field_entry(&list, i);
        int rc = top->variants == NULL ? make_only_variant(experiment)
                                       : make_variant(experiment, &entry, i, err);
        if (rc != 0 || add_points(experiment, i, options, err) != 0) {
            return err->code;
        }
    }
    return 0;
}
