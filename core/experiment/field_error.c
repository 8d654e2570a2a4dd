/* SPDX-License-Identifier: MIT */
/* Where an error in an experiment stands: path and line of a field. See field.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/experiment/field.h"
#include "core/experiment/locate.h"

#define PATH_MAX_BYTES 160
#define SWEPT "sweep." /* how the place of a --sweep begins */

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
                    ? snprintf(out + used, size - used, "%s%.100s", dot, steps[i].key)
                    : snprintf(out + used, size - used, dots ? "%s%zu" : "[%.0s%zu]", dot,
                               steps[i].index);
        used += n < 0 ? 0 : (size_t)n;
    }
}

/* Whether `path` begins with all steps of `start`. */
static bool starts_with(const char *path, const char *start)
{
    size_t length = strlen(start);
    return strncmp(path, start, length) == 0 && (path[length] == '\0' || path[length] == '.');
}

/* Whether what was set at `set` gave the value at `path`; `made`: by making objects above it. */
static bool gave(const char *set, const char *path, bool made)
{
    return made ? path[0] != '\0' && starts_with(set, path) : starts_with(path, set);
}

/* The --set option that gave this field its value, or NULL. */
static const char *setting_of(const struct field_source *source, const char *path, bool made)
{
    for (uint32_t i = source->set_count; i > 0; i--) {
        if (gave(source->sets[i - 1], path, made)) {
            return source->sets[i - 1];
        }
    }
    return NULL;
}

/* The same for the paths among the keys of a variant's "set". */
static const struct field_key *key_of(const struct field_source *source, const char *path,
                                      bool made)
{
    for (uint32_t i = source->key_count; i > 0; i--) {
        if (gave(source->keys[i - 1].path, path, made)) {
            return &source->keys[i - 1];
        }
    }
    return NULL;
}

static size_t count_steps(const char *path)
{
    size_t count = 1;
    for (const char *at = path; *at != '\0'; at++) {
        count += *at == '.';
    }
    return count;
}

/* The same for the fields of the sweep. */
static const struct field_swept *swept_of(const struct field_source *source, const char *path,
                                          bool made)
{
    for (uint32_t i = source->swept_count; i > 0; i--) {
        if (gave(source->swept[i - 1].path, path, made)) {
            return &source->swept[i - 1];
        }
    }
    return NULL;
}

/* Room for "variants", index, "set" and a key that is a path, before a field's own steps. */
#define STEPS_BEFORE 4
#define STEPS_MAX (FIELD_DEPTH_MAX + STEPS_BEFORE)

/* Line and path of a value within "set" given under a key that is a path. */
static void place_of_key(const struct field_source *source, const struct field_key *key,
                         struct locate_step steps[STEPS_MAX], size_t count, char *path, long *line)
{
    size_t taken = count_steps(key->path);
    taken = taken < count ? taken : count;
    steps[0] = (struct locate_step){.key = "variants"};
    steps[1] = (struct locate_step){.index = (size_t)source->variant};
    steps[2] = (struct locate_step){.key = "set"};
    steps[3] = (struct locate_step){.key = key->key};
    memmove(steps + STEPS_BEFORE, steps + STEPS_BEFORE + taken, (count - taken) * sizeof *steps);
    count = STEPS_BEFORE + count - taken;
    *line = locate_line(source->text, source->size, steps, count, NULL);
    write_path(steps, count, false, path, PATH_MAX_BYTES);
}

/* Line and path of a value that the sweep has, or that is within one; *set is the place where the
 * command line gave it. */
static void place_of_swept(const struct field_source *source, const struct field_swept *swept,
                           struct locate_step steps[STEPS_MAX], size_t count, char *path,
                           long *line, const char **set)
{
    size_t head = 0;
    size_t within = count_steps(swept->path);
    struct locate_step at[STEPS_MAX];
    at[head++] = (struct locate_step){.key = "sweep"};
    if (swept->entry >= 0) {
        at[head++] = (struct locate_step){.index = (size_t)swept->entry};
    }
    at[head++] = (struct locate_step){.key = swept->key};
    write_path(at, head, true, path, PATH_MAX_BYTES);
    *set = setting_of(source, path, false);
    if (swept->index >= 0) {
        at[head++] = (struct locate_step){.index = (size_t)swept->index};
        for (size_t i = within; i < count && head < STEPS_MAX; i++) {
            at[head++] = steps[STEPS_BEFORE + i];
        }
    }
    *line = locate_line(source->text, source->size, at, head, NULL);
    write_path(at, head, false, path, PATH_MAX_BYTES);
}

/* Line and path of a value within "set" as a merge patch; false: it is not there. */
static bool place_in_patch(const struct field_source *source, struct locate_step steps[STEPS_MAX],
                           size_t count, char *path, long *line)
{
    size_t found = 0;
    steps[1] = (struct locate_step){.key = "variants"};
    steps[2] = (struct locate_step){.index = (size_t)source->variant};
    steps[3] = (struct locate_step){.key = "set"};
    *line = locate_line(source->text, source->size, steps + 1, count + 3, &found);
    if (count == 0 || found != count + 3) {
        return false;
    }
    write_path(steps + 1, count + 3, false, path, PATH_MAX_BYTES);
    return true;
}

/* What came later is looked for first: the sweep, paths of the variant, its patch, --set, the
 * file. */
static void place_of(const struct field *field, char path[PATH_MAX_BYTES], long *line,
                     const char **set)
{
    const struct field_source *source = field->source;
    struct locate_step steps[STEPS_MAX];
    char dots[PATH_MAX_BYTES];
    size_t found = 0;
    size_t count = collect_steps(field, steps + STEPS_BEFORE);
    write_path(steps + STEPS_BEFORE, count, true, dots, sizeof dots);
    *set = NULL;
    const struct field_swept *swept = swept_of(source, dots, false);
    if (swept != NULL) {
        place_of_swept(source, swept, steps, count, path, line, set);
        return;
    }
    const struct field_key *key = key_of(source, dots, false);
    if (key == NULL && source->variant >= 0 && place_in_patch(source, steps, count, path, line)) {
        return;
    }
    *line = locate_line(source->text, source->size, steps + STEPS_BEFORE, count, &found);
    write_path(steps + STEPS_BEFORE, count, false, path, PATH_MAX_BYTES);
    if (key == NULL) {
        *set = setting_of(source, dots, false);
    }
    swept = key == NULL && *set == NULL && found < count ? swept_of(source, dots, true) : NULL;
    if (swept != NULL) {
        place_of_swept(source, swept, steps, count, path, line, set);
    } else if (key == NULL && *set == NULL && found < count) {
        key = key_of(source, dots, true);
        *set = key == NULL ? setting_of(source, dots, true) : NULL;
    }
    if (key != NULL) {
        place_of_key(source, key, steps, count, path, line);
    }
}

static int fail_text(const struct field *field, int code, const char *text, omega_error_t *err)
{
    char path[PATH_MAX_BYTES];
    long line;
    const char *set;
    place_of(field, path, &line, &set);
    const char *colon = path[0] == '\0' ? "" : ": ";
    if (set != NULL) {
        bool sweep = strncmp(set, SWEPT, strlen(SWEPT)) == 0;
        return omega_error_set(err, code, "--%s %s: %s%s%s", sweep ? "sweep" : "set",
                               sweep ? set + strlen(SWEPT) : set, path, colon, text);
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
