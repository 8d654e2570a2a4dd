/* SPDX-License-Identifier: MIT */
/* Result tables read back: see columns.h. */
#include "core/report/columns.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the head ---- */

/* Keeps the names of the first line, which csv reads over. */
static int keep_head(struct columns *columns, omega_error_t *err)
{
    struct csv *csv = &columns->csv;
    size_t size = 0;
    for (uint32_t i = 0; i < csv->count; i++) {
        size += strlen(csv->fields[i]) + 1;
    }
    columns->head = malloc(size + 1);
    if (columns->head == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    char *at = columns->head;
    for (uint32_t i = 0; i < csv->count; i++) {
        size_t length = strlen(csv->fields[i]) + 1;
        csv->columns[i] = memcpy(at, csv->fields[i], length);
        at += length;
    }
    csv->column_count = csv->count;
    return 0;
}

static uint32_t find_column(const struct csv *csv, const char *name)
{
    uint32_t i = 0;
    while (i < csv->column_count && strcmp(csv->columns[i], name) != 0) {
        i++;
    }
    return i;
}

static int find_columns(struct columns *columns, omega_error_t *err)
{
    const struct csv *csv = &columns->csv;
    if (csv->count < 2 || strcmp(csv->columns[0], "variant") != 0 ||
        strcmp(csv->columns[1], "seed") != 0) {
        return csv_fail(csv, OMEGA_EINVAL, err,
                        "the first line does not begin with variant,seed, expected a table of "
                        "results");
    }
    for (uint32_t i = 0; columns->names[i] != NULL; i++) {
        columns->at[i] = find_column(csv, columns->names[i]);
        if (columns->at[i] == csv->column_count) {
            return csv_fail(csv, OMEGA_EINVAL, err, "there is no column '%s', expected one",
                            columns->names[i]);
        }
    }
    if (columns->at[0] < 2) {
        return csv_fail(csv, OMEGA_EINVAL, err, "'%s' is not behind the seed, expected it there",
                        columns->names[0]);
    }
    columns->parameter_count = columns->at[0] - 2;
    return 0;
}

int columns_init(struct columns *columns, const struct result_set *set, FILE *stream,
                 const char *file, const char *const *names, omega_error_t *err)
{
    *columns = (struct columns){.set = set, .names = names, .configuration = UINT32_MAX};
    csv_init(&columns->csv, stream, file);
    int rc = csv_next(&columns->csv, err);
    if (rc <= 0) {
        return rc == 0 ? csv_fail(&columns->csv, OMEGA_EINVAL, err,
                                  "is empty, expected a table of results")
                       : rc;
    }
    rc = keep_head(columns, err);
    return rc == 0 ? find_columns(columns, err) : rc;
}

void columns_fini(struct columns *columns)
{
    csv_release(&columns->csv);
    free(columns->head);
    columns->head = NULL;
}

/* ---- rows ---- */

/* Does a field of CSV say what a value of JSON says? Strings stand there without their quotes. */
static bool is_value(const char *field, const char *json)
{
    size_t length = strlen(json);
    if (strcmp(field, json) == 0) {
        return true;
    }
    if (json[0] == '"' && length >= 2) {
        return strlen(field) == length - 2 && memcmp(field, json + 1, length - 2) == 0;
    }
    char *end[2];
    double number[2] = {strtod(field, &end[0]), strtod(json, &end[1])};
    return end[0] != field && *end[0] == '\0' && *end[1] == '\0' && number[0] == number[1];
}

static bool is_configuration(const struct columns *columns,
                             const struct result_configuration *configuration)
{
    const struct csv *csv = &columns->csv;
    if (strcmp(configuration->variant, csv->fields[0]) != 0) {
        return false;
    }
    for (uint32_t i = 0; i < configuration->parameter_count; i++) {
        const struct result_parameter *parameter = &configuration->parameter_list[i];
        uint32_t column = find_column(csv, parameter->path);
        if (column < 2 || column >= 2 + columns->parameter_count ||
            !is_value(csv->fields[column], parameter->value)) {
            return false;
        }
    }
    return configuration->parameter_count == columns->parameter_count;
}

static bool find_seed(const struct result_configuration *of, uint64_t seed, uint32_t *index)
{
    for (*index = 0; *index < of->seed_count; (*index)++) {
        if (of->seeds[*index] == seed) {
            return true;
        }
    }
    return false;
}

bool columns_find_seed(const struct result_set *set, uint32_t configuration, uint64_t seed,
                       uint32_t *index)
{
    return find_seed(result_set_configuration(set, configuration), seed, index);
}

/* The configuration of a row; how many there are if it is none of them. Most rows are of the same
 * one as the row before. */
static uint32_t find_configuration(const struct columns *columns)
{
    const struct result_set *set = columns->set;
    uint32_t count = result_set_configuration_count(set);
    uint32_t found = columns->configuration;
    if (found < count && is_configuration(columns, result_set_configuration(set, found))) {
        return found;
    }
    for (found = 0; found < count; found++) {
        if (is_configuration(columns, result_set_configuration(set, found))) {
            break;
        }
    }
    return found;
}

static bool is_dropped(struct columns *columns, uint64_t seed)
{
    uint32_t index;
    const struct result_configuration *last = result_set_dropped(columns->set, columns->dropped);
    if (last != NULL && is_configuration(columns, last)) {
        return find_seed(last, seed, &index);
    }
    columns->dropped = 0;
    while ((last = result_set_dropped(columns->set, columns->dropped)) != NULL &&
           !is_configuration(columns, last)) {
        columns->dropped++;
    }
    return last != NULL && find_seed(last, seed, &index);
}

/* 1: the row is of a point of the set; 0: of one that was dropped from it. */
static int find_point(struct columns *columns, omega_error_t *err)
{
    int64_t seed;
    int rc = csv_integer(&columns->csv, 1, 0, INT64_MAX, &seed, err);
    if (rc != 0) {
        return rc;
    }
    uint32_t found = find_configuration(columns);
    if (found < result_set_configuration_count(columns->set) &&
        columns_find_seed(columns->set, found, (uint64_t)seed, &columns->seed)) {
        columns->configuration = found;
        return 1;
    }
    if (is_dropped(columns, (uint64_t)seed)) {
        return 0;
    }
    return csv_fail(&columns->csv, OMEGA_EINVAL, err,
                    "variant '%.64s' with seed %lld and these parameters is not in "
                    "results.jsonl, expected a point of it",
                    columns->csv.fields[0], (long long)seed);
}

int columns_next(struct columns *columns, omega_error_t *err)
{
    int rc;
    do {
        rc = csv_next(&columns->csv, err);
        if (rc != 1) {
            return rc;
        }
        rc = find_point(columns, err);
    } while (rc == 0);
    return rc;
}

const char *columns_text(const struct columns *columns, uint32_t column)
{
    return columns->csv.fields[columns->at[column]];
}

int columns_number(const struct columns *columns, uint32_t column, double *value,
                   omega_error_t *err)
{
    const char *text = columns_text(columns, column);
    char *end = NULL;
    *value = NAN;
    if (*text == '\0') {
        return 0;
    }
    if (strspn(text, "0123456789+-.eE") == strlen(text)) {
        *value = strtod(text, &end);
    }
    if (end == NULL || *end != '\0' || !isfinite(*value)) {
        return csv_fail(&columns->csv, OMEGA_EINVAL, err, "%s: is '%.40s', expected a number",
                        columns->names[column], text);
    }
    return 0;
}

int columns_count(const struct columns *columns, uint32_t column, uint64_t *value,
                  omega_error_t *err)
{
    int64_t whole = 0;
    int rc = csv_integer(&columns->csv, columns->at[column], 0, INT64_MAX, &whole, err);
    *value = (uint64_t)whole;
    return rc;
}

/* ---- files ---- */

static int each_row(struct columns *columns,
                    int (*each)(void *context, const struct columns *columns, omega_error_t *err),
                    void *context, omega_error_t *err)
{
    int rc;
    while ((rc = columns_next(columns, err)) == 1) {
        rc = each(context, columns, err);
        if (rc != 0) {
            return rc;
        }
    }
    return rc;
}

int columns_each(const struct result_set *set, const char *file, const char *const *names,
                 int (*each)(void *context, const struct columns *columns, omega_error_t *err),
                 void *context, uint32_t *found, omega_error_t *err)
{
    const struct result_source *source;
    int rc = 0;
    *found = 0;
    for (uint32_t i = 0; rc == 0 && (source = result_set_source(set, i)) != NULL; i++) {
        struct columns columns;
        char *path;
        if (asprintf(&path, "%s/%s", source->directory, file) < 0) {
            return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
        }
        FILE *stream = fopen(path, "re");
        if (stream != NULL) {
            rc = columns_init(&columns, set, stream, path, names, err);
            rc = rc == 0 ? each_row(&columns, each, context, err) : rc;
            columns_fini(&columns);
            fclose(stream);
            ++*found;
        } else if (errno != ENOENT) {
            rc = omega_error_set_errno(err, path, "cannot open");
        }
        free(path);
    }
    return rc;
}
