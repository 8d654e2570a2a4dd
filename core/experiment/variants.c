/* SPDX-License-Identifier: MIT */
/* The top level of an experiment, its variants (base patched with "set") and its points. */
#include <stddef.h>
#include <string.h>

#include "core/experiment/experiment_private.h"

static const char *const architectures[] = {"monolithic_single_path", "monolithic_multi_path",
                                            "shared_state", NULL};
static const char *const drivers[] = {[DRIVER_SIM] = "sim", [DRIVER_LIVE] = "live", NULL};
static const char *const losses[] = {"return", "fail", NULL};
static const char *const cuts[] = {"count", "drop", NULL};

#define AT(member) offsetof(struct top, member)
#define SECTION(key, member)                                                                       \
    {                                                                                              \
        key, FIELD_VALUE, AT(member), false, 0, 0, NULL                                            \
    }

static const struct field_spec top_fields[] = {
    {"name", FIELD_NAME, AT(name), true, 0, 0, NULL},
    {"description", FIELD_TEXT, AT(description), false, 0, 0, NULL},
    {"preset", FIELD_CHOICE, AT(preset), false, 0, 0, preset_names},
    SECTION("seed", seed),
    SECTION("seeds", seeds),
    {"horizon_s", FIELD_TIME, AT(horizon_us), false, 1e-6, SECONDS_MAX, NULL},
    {"warmup_s", FIELD_TIME, AT(warmup_us), false, 0, SECONDS_MAX, NULL},
    SECTION("cell", cell),
    SECTION("machine_events", machine_events),
    {"lost_tasks", FIELD_CHOICE, AT(lost), false, 0, 0, losses},
    {"cut_attempts", FIELD_CHOICE, AT(cut), false, 0, 0, cuts},
    SECTION("workloads", workloads),
    {"architecture", FIELD_CHOICE, AT(architecture), false, 0, 0, architectures},
    SECTION("schedulers", schedulers),
    {"scheduler_stream", FIELD_UINT32, AT(scheduler_stream), false, 0, UINT32_MAX, NULL},
    SECTION("store", store),
    {"driver", FIELD_CHOICE, AT(driver), false, 0, 0, drivers},
    SECTION("live", live),
    SECTION("record", record),
    {"counterfactuals", FIELD_BOOL, AT(counterfactuals), false, 0, 0, NULL},
    {"series_step_s", FIELD_TIME, AT(series_step_us), false, 1e-3, SECONDS_MAX, NULL},
    SECTION("fragmentation", fragmentation),
    SECTION("sweep", sweep),
    SECTION("variants", variants),
    {NULL, FIELD_VALUE, 0, false, 0, 0, NULL},
};

static const struct top top_defaults = {
    .horizon_us = -1,
    .architecture = ARCHITECTURE_SHARED_STATE,
    .preset = PRESET_NONE,
    .cut = -1,
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

static int add_point(struct experiment *experiment, struct point_key key, omega_error_t *err)
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
    experiment->points[experiment->point_count++] = key;
    return 0;
}

/* The same seed twice would count the same run twice. */
static int check_new_seed(const struct field *seeds, size_t index, omega_error_t *err)
{
    json_int_t value = json_integer_value(json_array_get(seeds->value, index));
    for (size_t i = 0; i < index; i++) {
        if (json_integer_value(json_array_get(seeds->value, i)) == value) {
            struct field seed = field_entry(seeds, index);
            return json_is_integer(seed.value)
                       ? field_fail(&seed, err, "a second %lld, expected different seeds",
                                    (long long)value)
                       : 0;
        }
    }
    return 0;
}

/* Seeds of a variant: a list, or `count` of them from `first` upwards. */
struct seeds {
    struct field list;
    uint64_t first;
    size_t count;
};

static int check_seed(const struct field *field, uint64_t room, omega_error_t *err)
{
    if (!json_is_integer(field->value) || json_integer_value(field->value) < 0 ||
        json_integer_value(field->value) > INT64_MAX - (json_int_t)room) {
        return field_fail(field, err, "expected a seed, a whole number from 0 to %lld",
                          (long long)(INT64_MAX - (json_int_t)room));
    }
    return 0;
}

static int read_seeds(const struct field *root, const struct top *top, bool swept,
                      struct seeds *seeds, omega_error_t *err)
{
    struct field seed = field_member(root, "seed");
    seeds->list = field_member(root, "seeds");
    seeds->count = swept ? SWEEP_SEEDS : 1;
    seeds->first = 1;
    if (top->seed != NULL) {
        seeds->first = (uint64_t)json_integer_value(top->seed);
        return check_seed(&seed, seeds->count - 1, err);
    }
    if (top->seeds == NULL) {
        return 0;
    }
    if (field_array(&seeds->list, 1, EXPERIMENT_SEEDS_MAX, &seeds->count, err) != 0) {
        return err->code;
    }
    for (size_t i = 0; i < seeds->count; i++) {
        struct field entry = field_entry(&seeds->list, i);
        if (check_new_seed(&seeds->list, i, err) != 0 || check_seed(&entry, 0, err) != 0) {
            return err->code;
        }
    }
    return 0;
}

static uint64_t seed_at(const struct seeds *seeds, size_t index)
{
    return seeds->list.value == NULL
               ? seeds->first + index
               : (uint64_t)json_integer_value(json_array_get(seeds->list.value, index));
}

/* Every assignment of the sweep with every seed, seeds changing fastest. */
static int cross(struct experiment *experiment, uint32_t variant, const struct field *root,
                 const struct seeds *seeds, omega_error_t *err)
{
    uint64_t count = (uint64_t)experiment->sweep.assignments * seeds->count;
    if (count > EXPERIMENT_POINTS_MAX - experiment->point_count) {
        return field_fail(seeds->list.value != NULL ? &seeds->list : root, err,
                          "too many points, expected at most %u of all variants, values of the "
                          "sweep and seeds",
                          EXPERIMENT_POINTS_MAX);
    }
    for (uint32_t a = 0; a < experiment->sweep.assignments; a++) {
        for (size_t i = 0; i < seeds->count; i++) {
            struct point_key key = {variant, a, seed_at(seeds, i)};
            if (add_point(experiment, key, err) != 0) {
                return err->code;
            }
        }
    }
    return 0;
}

static int add_points(struct experiment *experiment, uint32_t variant,
                      const struct experiment_options *options, omega_error_t *err)
{
    struct top top;
    struct seeds seeds;
    bool swept = experiment->sweep.axis_count > 0 && !options->has_seed;
    struct field root = {.source = &experiment->variants[variant].source,
                         .value = experiment->variants[variant].doc};
    if (options->has_seed) { /* the command's seed counts, also where a variant sets others */
        json_object_del(root.value, "seeds");
        json_object_set_new(root.value, "seed", json_integer((json_int_t)options->seed));
    }
    if (top_read(&root, true, &top, err) != 0 || read_seeds(&root, &top, swept, &seeds, err) != 0) {
        return err->code;
    }
    return cross(experiment, variant, &root, &seeds, err);
}

json_t *variant_assigned(const struct experiment *experiment, const struct variant *variant,
                         uint32_t assignment, struct field_source *source,
                         struct field_swept swept[PARAMETERS_MAX], omega_error_t *err)
{
    const struct sweep *sweep = &experiment->sweep;
    *source = variant->source;
    if (sweep->axis_count == 0) {
        return json_incref(variant->doc);
    }
    json_t *doc = json_deep_copy(variant->doc);
    omega_error_t cause = {0};
    uint32_t axis = 0;
    if (doc == NULL) {
        out_of_memory(err);
        return NULL;
    }
    sweep_places(sweep, assignment, swept);
    source->swept = swept;
    source->swept_count = sweep->axis_count;
    if (sweep_apply(sweep, assignment, doc, &axis, &cause) != 0) {
        struct field root = {.source = source, .value = doc};
        struct field field = field_member(&root, sweep->axes[axis].path);
        field_fail_with(&field, &cause, err);
        json_decref(doc);
        return NULL;
    }
    return doc;
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

/* A key that is a path, such as "schedulers.0.instances". */
static bool is_path(const char *key)
{
    return strpbrk(key, ".[") != NULL;
}

/* What a variant may not set: it belongs to the whole experiment. */
static int check_patch(const struct field *set, omega_error_t *err)
{
    static const char *const fixed[] = {"name",   "description",     "variants",
                                        "record", "counterfactuals", "sweep"};
    const char *key;
    json_t *value;
    if (set->value != NULL && !json_is_object(set->value)) {
        return field_fail(set, err, "%s, expected an object", field_kind(set->value));
    }
    json_object_foreach(set->value, key, value)
    {
        size_t length = strcspn(key, ".[");
        for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
            if (strlen(fixed[i]) == length && memcmp(fixed[i], key, length) == 0) {
                struct field member = field_member(set, key);
                return field_fail(&member, err,
                                  "cannot differ between variants, expected it in the "
                                  "experiment itself");
            }
        }
    }
    return 0;
}

/* The merge patch first; what is a path is left out. */
static json_t *merge_patch(const json_t *base, const json_t *set)
{
    json_t *patch = json_object();
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)set, key, value)
    {
        if (!is_path(key) && json_object_set(patch, key, value) != 0) {
            json_decref(patch);
            return NULL;
        }
    }
    json_t *merged = patch == NULL ? NULL : patch_merge(base, patch);
    json_decref(patch);
    return merged;
}

/* Then the paths, in the order of the file. */
static int apply_paths(struct experiment *experiment, struct variant *variant,
                       const struct field *set, omega_error_t *err)
{
    const char *name;
    json_t *value;
    size_t room = json_object_size(set->value);
    struct field_key *keys = pool_alloc(&experiment->pool, room, sizeof *keys);
    if (keys == NULL) {
        return out_of_memory(err);
    }
    variant->source.keys = keys;
    json_object_foreach(set->value, name, value)
    {
        struct field member = field_member(set, name);
        struct field_key *key = &keys[variant->source.key_count];
        omega_error_t cause = {0};
        if (!is_path(name)) {
            continue;
        }
        *key = (struct field_key){name, settings_path(&experiment->pool, name, strlen(name))};
        if (key->path == NULL) {
            return out_of_memory(err);
        }
        if (json_is_null(value)) {
            settings_remove(variant->doc, key->path);
        } else if (settings_put(variant->doc, key->path, json_deep_copy(value), &cause) != 0) {
            return field_fail_with(&member, &cause, err);
        }
        variant->source.key_count++;
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
                                     : merge_patch(experiment->base, set.value);
    if (variant->doc == NULL || json_object_del(variant->doc, "variants") != 0) {
        return out_of_memory(err);
    }
    variant->source = experiment->source;
    variant->source.variant = (int)index;
    variant->source.variant_name = variant->name;
    return set.value == NULL ? 0 : apply_paths(experiment, variant, &set, err);
}

static int make_only_variant(struct experiment *experiment, omega_error_t *err)
{
    struct variant *variant = &experiment->variants[0];
    variant->name = "";
    variant->doc = json_copy(experiment->base); /* its seeds may come to differ */
    variant->source = experiment->source;
    return variant->doc == NULL ? out_of_memory(err) : 0;
}

/* How many variants have another value at a path than the base with --set; *first is one. */
static uint32_t count_overwritten(struct experiment *experiment, const char *path,
                                  const char **first)
{
    uint32_t count = 0;
    const json_t *wanted = settings_find(experiment->base, path);
    for (uint32_t i = 0; i < experiment->variant_count; i++) {
        const json_t *value = settings_find(experiment->variants[i].doc, path);
        if (value != wanted && !json_equal(value, wanted)) {
            *first = count++ == 0 ? experiment->variants[i].name : *first;
        }
    }
    return count;
}

/* A --set that variants undo is likely not what the user meant. */
static int warn_overwritten(struct experiment *experiment, bool fixed_seed, omega_error_t *err)
{
    const struct field_source *source = &experiment->source;
    experiment->warnings =
        pool_alloc(&experiment->pool, source->set_count, sizeof *experiment->warnings);
    if (experiment->warnings == NULL) {
        return out_of_memory(err);
    }
    for (uint32_t i = 0; i < source->set_count; i++) {
        const char *first = NULL;
        const char *path = source->sets[i];
        if (strncmp(path, "variants", 8) == 0 || strncmp(path, "sweep", 5) == 0 ||
            (fixed_seed && strncmp(path, "seed", 4) == 0)) {
            continue;
        }
        uint32_t count = count_overwritten(experiment, path, &first);
        if (count == 0) {
            continue;
        }
        char *text =
            count == 1
                ? pool_format(&experiment->pool, "--set %s: overwritten by \"set\" of variant '%s'",
                              path, first)
                : pool_format(&experiment->pool,
                              "--set %s: overwritten by \"set\" of variant '%s' and %u more", path,
                              first, count - 1);
        if (text == NULL) {
            return out_of_memory(err);
        }
        experiment->warnings[experiment->warning_count++] = text;
    }
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
        int rc = top->variants == NULL ? make_only_variant(experiment, err)
                                       : make_variant(experiment, &entry, i, err);
        if (rc != 0 || add_points(experiment, i, options, err) != 0) {
            return err->code;
        }
    }
    return top->variants == NULL ? 0 : warn_overwritten(experiment, options->has_seed, err);
}
