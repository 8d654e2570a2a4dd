/* SPDX-License-Identifier: MIT */
/* Where an error in an experiment stands: path and line of a field. See field.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/experiment/field.h"
#include "core/experiment/locate.h"

#define PATH_MAX_BYTES 160

/* The path from the document to a field; returns the number of steps. */
static size_t collect_steps(const struct field *field, struct locate_step steps[FIELD_DEPTH_MAX])
{
    size_t count = 0;
    for (const struct field *at = field; at->parent != NULL; at = at->parent) {
        count++;
    }
    size_t place = count;
    for (const struct field *at = field; at->parent != NULL; at = at->parent) {
        place--;
        if (place < FIELD_DEPTH_MAX) {
            steps[place] = (struct locate_step){.key = at->key, .index = at->index};
        }
    }
    return count < FIELD_DEPTH_MAX ? count : FIELD_DEPTH_MAX;
}

/* Writes steps as "schedulers[0].retry"; with `dots` as "schedulers.0.retry". */
static void write_path(const struct locate_step *steps, size_t count, bool dots, char *out,
                       size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < count && used < size; i++) {
        const char *dot = i == 0 ? "" : ".";
        int n = steps[i].key != NULL
                    ? snprintf(out + used, size - used, "%s%.64s", dot, steps[i].key)
                    : snprintf(out + used, size - used, dots ? "%s%zu" : "[%.0s%zu]", dot,
                               steps[i].index);
        used += n < 0 ? 0 : (size_t)n;
    }
}

/* The --set option that gave this field its value, or NULL. */
static const char *setting_of(const struct field_source *source, const struct locate_step *steps,
                              size_t count)
{
    char path[PATH_MAX_BYTES];
    write_path(steps, count, true, path, sizeof path);
    for (uint32_t i = source->set_count; i > 0; i--) {
        const char *set = source->sets[i - 1];
        size_t length = strlen(set);
        if (strncmp(path, set, length) == 0 && (path[length] == '\0' || path[length] == '.')) {
            return set;
        }
    }
    return NULL;
}

static void place_of(const struct field *field, char path[PATH_MAX_BYTES], long *line,
                     const char **set)
{
    const struct field_source *source = field->source;
    struct locate_step steps[FIELD_DEPTH_MAX + 3] = {
        {.key = "variants"}, {.index = (size_t)source->variant}, {.key = "set"}};
    size_t count = collect_steps(field, steps + 3);
    size_t found = 0;
    *set = NULL;
    if (source->variant >= 0) {
        *line = locate_line(source->text, source->size, steps, count + 3, &found);
        if (count > 0 && found == count + 3) {
            write_path(steps, count + 3, false, path, PATH_MAX_BYTES);
            return;
        }
    }
    *set = setting_of(source, steps + 3, count);
    *line = locate_line(source->text, source->size, steps + 3, count, NULL);
    write_path(steps + 3, count, false, path, PATH_MAX_BYTES);
}

static int fail_text(const struct field *field, int code, const char *text, omega_error_t *err)
{
    char path[PATH_MAX_BYTES];
    long line;
    const char *set;
    place_of(field, path, &line, &set);
    const char *colon = path[0] == '\0' ? "" : ": ";
    if (set != NULL) {
        return omega_error_set(err, code, "--set %s: %s%s%s", set, path, colon, text);
    }
    bool patched = field->source->variant >= 0 && strncmp(path, "variants[", 9) != 0;
    return omega_error_set_at(err, code, field->source->file, line, "%s%s%s%s%s%s", path, colon,
                              text, patched ? " (in variant '" : "",
                              patched ? field->source->variant_name : "", patched ? "')" : "");
}

int field_fail(const struct field *field, omega_error_t *err, const char *format, ...)
{
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return fail_text(field, OMEGA_EINVAL, text, err);
}

int field_fail_with(const struct field *field, const omega_error_t *cause, omega_error_t *err)
{
    if (cause->source[0] == '\0') {
        return fail_text(field, cause->code, cause->text, err);
    }
    char path[PATH_MAX_BYTES];
    long line;
    const char *set;
    place_of(field, path, &line, &set);
    return omega_error_set_at(err, cause->code, cause->source, cause->line, "%s (%s%.100s, %s)",
                              cause->text, set == NULL ? "" : "--set ",
                              set == NULL ? field->source->file : set, path);
}
