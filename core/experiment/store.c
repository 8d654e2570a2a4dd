/* SPDX-License-Identifier: MIT */
/* "store": where the cell state lives while a point runs. Results do not depend on it. */
#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/experiment/experiment_private.h"

#define MAP_MIB_MAX (1u << 24)     /* 16 TiB */
#define LOG_CHANGES_MAX (1u << 24) /* more than any view is ever behind */

static const char *const kinds[] = {[RUN_STORE_MEMORY] = "memory", [RUN_STORE_LMDB] = "lmdb", NULL};
static const char *const modes[] = {
    [LMDB_PWRITE] = "pwrite", [LMDB_FAST] = "fast", [LMDB_POWER] = "power", NULL};

struct store_fields {
    int kind;
    int mode;
    uint32_t map_mib; /* 0: not given */
    uint32_t log_changes;
    const char *dir;
};

#define STORE_AT(member) offsetof(struct store_fields, member)

static const struct field_spec store_specs[] = {
    {"kind", FIELD_CHOICE, STORE_AT(kind), true, 0, 0, kinds},
    {"mode", FIELD_CHOICE, STORE_AT(mode), false, 0, 0, modes},
    {"map_mib", FIELD_UINT32, STORE_AT(map_mib), false, 1, MAP_MIB_MAX, NULL},
    {"dir", FIELD_TEXT, STORE_AT(dir), false, 0, 0, NULL},
    {"log_changes", FIELD_UINT32, STORE_AT(log_changes), false, 1, LOG_CHANGES_MAX, NULL},
    {NULL, FIELD_VALUE, 0, false, 0, 0, NULL},
};

static int read_object(const struct field *field, struct store_fields *given, omega_error_t *err)
{
    if (field_read(field, store_specs, given, err) != 0) {
        return err->code;
    }
    for (const struct field_spec *spec = store_specs + 1; spec->key != NULL; spec++) {
        struct field member = field_member(field, spec->key);
        if (given->kind == RUN_STORE_MEMORY && member.value != NULL) {
            return field_fail(&member, err, "the memory store has none, expected kind 'lmdb'");
        }
    }
    if (given->dir != NULL && (given->dir[0] == '\0' || strlen(given->dir) > PATH_BYTES_MAX / 2)) {
        struct field dir = field_member(field, "dir");
        return field_fail(&dir, err, "%zu bytes, expected a path of 1 to %d", strlen(given->dir),
                          PATH_BYTES_MAX / 2);
    }
    return 0;
}

/* The directory of one point's cell. */
static char *cell_path(struct pool *pool, const char *directory, const char *variant,
                       uint32_t assignment, uint64_t seed)
{
    char *label = point_label(variant, assignment, seed);
    char *path = label == NULL ? NULL : pool_format(pool, "%s/%s", directory, label);
    free(label);
    return path;
}

int store_read(struct point *point, const struct field *field, omega_error_t *err)
{
    struct store_fields given = {.kind = RUN_STORE_MEMORY};
    struct run_store *store = &point->config.store;
    if (field->value == NULL) {
        store->kind = point->lives ? RUN_STORE_LMDB : RUN_STORE_MEMORY;
        return 0;
    }
    if (!json_is_string(field->value) && !json_is_object(field->value)) {
        return field_fail(field, err, "%s, expected 'memory', 'lmdb' or an object with a 'kind'",
                          field_kind(field->value));
    }
    int rc = json_is_string(field->value) ? field_choice(field, kinds, &given.kind, err)
                                          : read_object(field, &given, err);
    if (rc != 0) {
        return rc;
    }
    if (point->lives && given.kind == RUN_STORE_MEMORY) {
        return field_fail(field, err, "in memory, expected 'lmdb' with driver 'live'");
    }
    store->kind = (enum run_store_kind)given.kind;
    store->options.mode = (enum lmdb_mode)given.mode;
    store->options.map_bytes = (uint64_t)given.map_mib << 20;
    store->options.log_changes = given.log_changes;
    if (given.dir == NULL) {
        return 0;
    }
    store->directory =
        cell_path(&point->parts->pool, given.dir, point->variant, point->assignment, point->seed);
    return store->directory == NULL ? out_of_memory(err) : 0;
}

/* ---- is there room for the cells? ---- */

/* A directory that is not there, or has nothing in it. */
static int check_empty(const char *path, omega_error_t *err)
{
    DIR *directory = opendir(path);
    if (directory == NULL) {
        return errno == ENOENT ? 0 : omega_error_set_errno(err, path, "cannot make a cell here");
    }
    const struct dirent *entry;
    int rc = 0;
    while (rc == 0 && (entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            rc = omega_error_set_at(err, OMEGA_EINVAL, path, 0,
                                    "holds '%.60s' already, expected no such directory or an empty "
                                    "one for a cell: remove it, or choose another store.dir",
                                    entry->d_name);
        }
    }
    closedir(directory);
    return rc;
}

/* Where the cells of a variant with an assignment are kept; NULL: they are not. The text is the
 * document's, which the caller drops. */
static const char *kept_in(const struct experiment *experiment, const struct point_key *key,
                           json_t **doc, omega_error_t *err)
{
    struct field_source source;
    struct field_swept swept[PARAMETERS_MAX];
    const struct variant *variant = &experiment->variants[key->variant];
    *doc = variant_assigned(experiment, variant, key->assignment, &source, swept, err);
    return *doc == NULL ? NULL : json_string_value(settings_find(*doc, "store.dir"));
}

static int check_point_cell(const struct experiment *experiment, uint32_t point,
                            const char *directory, omega_error_t *err)
{
    struct pool pool = {0};
    const char *path = cell_path(&pool, directory, experiment_point_variant(experiment, point),
                                 experiment_point_assignment(experiment, point),
                                 experiment_point_seed(experiment, point));
    int rc = path == NULL ? out_of_memory(err) : check_empty(path, err);
    pool_release(&pool);
    return rc;
}

int experiment_check_cells(const struct experiment *experiment,
                           bool (*is_done)(const void *context, uint32_t point),
                           const void *context, omega_error_t *err)
{
    omega_error_t own = {0};
    omega_error_t *e = err == NULL ? &own : err;
    const struct point_key *last = NULL;
    const char *directory = NULL;
    json_t *doc = NULL;
    for (uint32_t i = 0; e->code == 0 && i < experiment->point_count; i++) {
        const struct point_key *key = &experiment->points[i];
        if (last == NULL || last->variant != key->variant || last->assignment != key->assignment) {
            json_decref(doc);
            directory = kept_in(experiment, key, &doc, e);
            last = key;
        }
        if (directory != NULL && (is_done == NULL || !is_done(context, i))) {
            check_point_cell(experiment, i, directory, e);
        }
    }
    json_decref(doc);
    return e->code;
}
