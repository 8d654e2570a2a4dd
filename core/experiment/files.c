/* SPDX-License-Identifier: MIT */
/* Files that an experiment names: where they are, what they are (SHA-256), and the traces read. */
#include <string.h>
#include <unistd.h>

#include "core/base/sha256.h"
#include "core/experiment/experiment_private.h"

#define INPUTS_FIRST 16u

int out_of_memory(omega_error_t *err)
{
    return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
}

static bool is_known(const struct input_list *list, const char *name)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (strcmp(list->at[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static int remember(struct experiment *experiment, struct input_list *list, const char *name,
                    const char *path, omega_error_t *err)
{
    if (is_known(list, name)) {
        return 0;
    }
    if (list->count == list->room) {
        uint32_t room = list->room == 0 ? INPUTS_FIRST : 2 * list->room;
        struct experiment_input *grown = pool_alloc(&experiment->pool, room, sizeof *grown);
        if (grown == NULL) {
            return out_of_memory(err);
        }
        if (list->count > 0) {
            memcpy(grown, list->at, list->count * sizeof *grown);
        }
        list->at = grown;
        list->room = room;
    }
    struct experiment_input *input = &list->at[list->count];
    input->name = pool_text(&experiment->pool, name);
    if (input->name == NULL) {
        return out_of_memory(err);
    }
    if (sha256_file(path, input->sha256, err) != 0) {
        return err->code;
    }
    list->count++;
    return 0;
}

int files_module(struct experiment *experiment, const char *path, omega_error_t *err)
{
    return remember(experiment, &experiment->modules, path, path, err);
}

int files_resolve(struct point_parts *parts, const struct field *field, const char **path,
                  omega_error_t *err)
{
    const char *name;
    omega_error_t cause = {0};
    if (field_text(field, false, &name, err) != 0) {
        return err->code;
    }
    if (name[0] == '\0' || strlen(name) >= PATH_BYTES_MAX) {
        return field_fail(field, err, "a path of %zu bytes, expected 1 to %d", strlen(name),
                          PATH_BYTES_MAX - 1);
    }
    *path = name;
    if (!parts->files) {
        return 0;
    }
    if (name[0] != '/') {
        const char *beside = pool_format(&parts->pool, "%s/%s", parts->experiment->directory, name);
        if (beside == NULL) {
            return out_of_memory(err);
        }
        *path = access(beside, F_OK) != 0 && access(name, F_OK) == 0 ? name : beside;
    }
    if (remember(parts->experiment, &parts->experiment->inputs, name, *path, &cause) != 0) {
        return field_fail_with(field, &cause, err);
    }
    return 0;
}

int files_trace(struct point_parts *parts, const struct field *field, struct trace **trace,
                omega_error_t *err)
{
    const char *path;
    omega_error_t cause = {0};
    *trace = NULL;
    if (files_resolve(parts, field, &path, err) != 0 || !parts->files) {
        return err->code;
    }
    for (struct part_trace *part = parts->traces; part != NULL; part = part->next) {
        if (strcmp(part->path, path) == 0) {
            *trace = part->trace;
            return 0;
        }
    }
    struct part_trace *part = pool_alloc(&parts->pool, 1, sizeof *part);
    if (part == NULL) {
        return out_of_memory(err);
    }
    if (trace_read(path, parts->catalogue, &part->trace, &cause) != 0) {
        return field_fail_with(field, &cause, err);
    }
    part->path = path;
    part->next = parts->traces;
    parts->traces = part;
    *trace = part->trace;
    return 0;
}
