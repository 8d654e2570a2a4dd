/* SPDX-License-Identifier: MIT */
/* Results held against rows made again from a log: see log_results.h. */
#include "core/experiment/log_results.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/symbols.h"

#define RESULTS_BYTES_MAX ((size_t)1 << 31)
#define VALUE_BYTES 160 /* of a value in a message */

struct line {
    const char *text;
    bool taken;
};

struct log_results {
    char *path;
    char *bytes;
    struct line *lines; /* the head is the first */
    size_t count;
    struct symbols *names; /* what rows begin with: scope, variant, seed and name */
    struct line **named;   /* by symbol; NULL where there is none */
};

void log_results_close(struct log_results *results)
{
    if (results != NULL) {
        free(results->path);
        free(results->bytes);
        free(results->lines);
        free((void *)results->named);
        symbols_destroy(results->names);
        free(results);
    }
}

const char *log_results_path(const struct log_results *results)
{
    return results->path;
}

/* Cuts the bytes into lines. */
static int cut(struct log_results *results, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++) {
        count += results->bytes[i] == '\n';
    }
    results->lines = calloc(count + 1, sizeof *results->lines);
    if (results->lines == NULL) {
        return OMEGA_ENOMEM;
    }
    char *at = results->bytes;
    char *end = NULL;
    while (results->count < count && (end = memchr(at, '\n', size)) != NULL) {
        *end = '\0';
        results->lines[results->count++].text = at;
        size -= (size_t)(end + 1 - at);
        at = end + 1;
    }
    return OMEGA_OK;
}

/* Bytes of what a row begins with: scope, variant, seed and name; 0 if it is no row. */
static size_t name_length(const char *line)
{
    const char *end = strstr(line, ",\"jobs_submitted\"");
    end = end == NULL ? strstr(line, ",\"tasks_submitted\"") : end;
    return end == NULL ? 0 : (size_t)(end - line);
}

/* Finds each row's name, so that no row is looked for among all others. */
static int index_names(struct log_results *results)
{
    results->names = symbols_create();
    results->named = (struct line **)calloc(results->count + 2, sizeof *results->named);
    if (results->names == NULL || results->named == NULL) {
        return OMEGA_ENOMEM;
    }
    for (size_t i = 1; i < results->count; i++) {
        struct line *line = &results->lines[i];
        uint32_t name = symbols_intern_n(results->names, line->text, name_length(line->text));
        if (name == SYMBOL_NONE) {
            return OMEGA_ENOMEM;
        }
        if (results->named[name] == NULL) {
            results->named[name] = line; /* one that comes twice is told at the end */
        }
    }
    return OMEGA_OK;
}

int log_results_open(const char *directory, struct log_results **out, omega_error_t *err)
{
    struct log_results *results = calloc(1, sizeof *results);
    size_t size = 0;
    *out = NULL;
    if (results == NULL || asprintf(&results->path, "%s/results.jsonl", directory) < 0) {
        free(results);
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    int rc = file_read_all(results->path, RESULTS_BYTES_MAX, &results->bytes, &size, err);
    if (rc == OMEGA_OK && (cut(results, size) != OMEGA_OK || index_names(results) != OMEGA_OK)) {
        rc = omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    if (rc != OMEGA_OK) {
        log_results_close(results);
        return rc;
    }
    *out = results;
    return OMEGA_OK;
}

/* ---- comparing ---- */

struct comparison {
    struct log_results *results;
    log_results_differ *differ;
    void *context;
    uint64_t fields;
    int rc;
};

__attribute__((format(printf, 2, 3))) static void say(const struct comparison *comparison,
                                                      const char *format, ...)
{
    char text[512];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    comparison->differ(comparison->context, text);
}

/* A value as JSON, cut to VALUE_BYTES; "nothing" for none. */
static void value_text(const json_t *value, char out[VALUE_BYTES])
{
    char *text = value == NULL
                     ? NULL
                     : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(12));
    snprintf(out, VALUE_BYTES, "%s", text == NULL ? "nothing" : text);
    free(text);
}

static void compare_values(struct comparison *comparison, const char *row, const char *key,
                           const json_t *said, const json_t *expected)
{
    char said_text[VALUE_BYTES];
    char expected_text[VALUE_BYTES];
    if (said == NULL || expected == NULL || !json_equal(said, expected)) {
        value_text(said, said_text);
        value_text(expected, expected_text);
        say(comparison, "%s: %s is %s, expected %s by the log", row, key, said_text, expected_text);
    }
}

/* Names each field that differs, is missing or is there besides. */
static void compare_rows(struct comparison *comparison, const char *name, json_t *said,
                         json_t *expected)
{
    const char *key;
    json_t *value;
    json_object_foreach(expected, key, value)
    {
        compare_values(comparison, name, key, json_object_get(said, key), value);
    }
    json_object_foreach(said, key, value)
    {
        if (json_object_get(expected, key) == NULL) {
            compare_values(comparison, name, key, value, NULL);
        }
    }
}

/* "scheduler batch, variant shared, seed 1" */
static void name_row(const struct row *row, char *out, size_t size)
{
    static const struct parameters none = {0};
    const char *variant = row_find(row, "variant")->text;
    const struct row_value *parameters = row_find(row, ROW_PARAMETERS_COLUMN);
    int n = snprintf(out, size, "%s %s, %s", row_find(row, "scope")->text,
                     row_find(row, "name")->text, variant[0] == '\0' ? "" : "variant ");
    point_name(variant, parameters == NULL ? &none : parameters->parameters,
               row_find(row, "seed")->count, out + n, size - (size_t)n);
}

/* The line of the file for a row; NULL: none. */
static struct line *find_line(const struct log_results *results, const char *made)
{
    uint32_t name = symbols_find(results->names, made, name_length(made));
    return name == SYMBOL_NONE ? NULL : results->named[name];
}

static void compare_line(struct comparison *comparison, const struct row *row, const char *made)
{
    char name[512];
    struct line *line = find_line(comparison->results, made);
    name_row(row, name, sizeof name);
    comparison->fields += row->size;
    if (line == NULL) {
        say(comparison, "%s: is not there, expected a row of it", name);
        return;
    }
    line->taken = true;
    if (strcmp(line->text, made) == 0) {
        return;
    }
    json_t *said = json_loads(line->text, JSON_REJECT_DUPLICATES, NULL);
    json_t *expected = json_loads(made, 0, NULL);
    if (!json_is_object(said) || expected == NULL) {
        say(comparison, "%s: is no JSON object, expected one", name);
    } else if (json_equal(said, expected)) {
        say(comparison, "%s: is written in another way than omega does", name);
    } else {
        compare_rows(comparison, name, said, expected);
    }
    json_decref(said);
    json_decref(expected);
}

static void compare_row(void *context, const struct row *row)
{
    struct comparison *comparison = context;
    char *made = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&made, &size);
    if (out != NULL) {
        row_write_json(row, out);
        if (fclose(out) != 0) {
            out = NULL;
        }
    }
    if (out == NULL || made == NULL) {
        comparison->rc = OMEGA_ENOMEM;
    } else {
        compare_line(comparison, row, made);
    }
    free(made);
}

int log_results_compare(struct log_results *results, const struct point_result *result,
                        uint64_t *fields, log_results_differ *differ, void *context,
                        omega_error_t *err)
{
    struct comparison comparison = {.results = results, .differ = differ, .context = context};
    int rc = results_rows(result, compare_row, &comparison, err);
    *fields += comparison.fields;
    return rc == OMEGA_OK && comparison.rc != OMEGA_OK
               ? omega_error_set(err, comparison.rc, "out of memory")
               : rc;
}

int log_results_head(struct log_results *results, const struct runlog_opening *opening,
                     log_results_differ *differ, void *context, omega_error_t *err)
{
    struct comparison comparison = {.results = results, .differ = differ, .context = context};
    json_t *head = results->count == 0
                       ? NULL
                       : json_loads(results->lines[0].text, JSON_REJECT_DUPLICATES, NULL);
    json_t *experiment = json_string(opening->experiment);
    json_t *sha256 = json_string(opening->sha256);
    if (experiment == NULL || sha256 == NULL) {
        json_decref(head);
        json_decref(experiment);
        json_decref(sha256);
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory, or a name that is no UTF-8");
    }
    compare_values(&comparison, "head", "experiment", json_object_get(head, "experiment"),
                   experiment);
    compare_values(&comparison, "head", "experiment_sha256",
                   json_object_get(head, "experiment_sha256"), sha256);
    json_decref(head);
    json_decref(experiment);
    json_decref(sha256);
    return OMEGA_OK;
}

void log_results_rest(const struct log_results *results, log_results_differ *differ, void *context)
{
    char text[256];
    for (size_t i = 1; i < results->count; i++) {
        if (!results->lines[i].taken) {
            snprintf(text, sizeof text, "line %zu: is of no point that has a log: %.120s", i + 1,
                     results->lines[i].text);
            differ(context, text);
        }
    }
}
