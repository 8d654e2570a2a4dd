/* SPDX-License-Identifier: MIT */
/* Reading results.jsonl, a line at a time: see result_set.h. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/analysis/lines.h"
#include "core/analysis/result_set_private.h"
#include "core/experiment/results.h"

#define NAME_BYTES_MAX 200 /* of names and keys: those of experiments have 64 */

struct reader {
    struct result_set *set;
    struct lines lines;
    uint32_t run;     /* of the row before */
    double *values;   /* of the row that is read */
    uint32_t counted; /* values of it */
    struct result_text texts[16];
    uint32_t text_count;
    omega_error_t *err;
};

__attribute__((format(printf, 2, 3))) static int fail(struct reader *reader, const char *format,
                                                      ...)
{
    char text[sizeof reader->err->text];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    return omega_error_set_at(reader->err, OMEGA_EINVAL, reader->lines.file, reader->lines.number,
                              "%s", text);
}

/* ---- lines ---- */

/* The line as an object, owned by the caller; NULL: said. */
static json_t *parse_line(struct reader *reader)
{
    json_error_t error;
    json_t *object =
        json_loadb(reader->lines.line, reader->lines.size, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL) {
        fail(reader, "not valid JSON: %s", error.text);
    } else if (!json_is_object(object)) {
        fail(reader, "no JSON object, expected one on each line");
        json_decref(object);
        object = NULL;
    }
    return object;
}

/* ---- the head ---- */

static const char *head_text(struct reader *reader, const json_t *head, const char *key)
{
    const char *text = json_string_value(json_object_get(head, key));
    if (text == NULL) {
        fail(reader, "the first line has no text '%s', expected results of omega", key);
        return NULL;
    }
    const char *copy = pool_text(&reader->set->pool, text);
    if (copy == NULL) {
        result_out_of_memory(reader->err);
    }
    return copy;
}

static int check_head(struct reader *reader, const struct result_source *source)
{
    const struct result_set *set = reader->set;
    if (strspn(source->sha256, "0123456789abcdef") != 64 || source->sha256[64] != '\0') {
        return fail(reader, "experiment_sha256: expected 64 hex digits");
    }
    if (set->source_count > 0 && strcmp(set->sources[0].experiment, source->experiment) != 0) {
        return fail(reader, "of experiment '%.64s', expected '%.64s' as in %.80s",
                    source->experiment, set->sources[0].experiment, set->sources[0].file);
    }
    return 0;
}

static int read_head_object(struct reader *reader, const json_t *head, struct result_source *source)
{
    const json_t *schema = json_object_get(head, "schema");
    if (!json_is_integer(schema)) {
        return fail(reader, "the first line has no number 'schema', expected results of omega");
    }
    if (json_integer_value(schema) != RESULTS_SCHEMA) {
        return omega_error_set_at(reader->err, OMEGA_EVERSION, reader->lines.file,
                                  reader->lines.number, "schema %lld, expected %d",
                                  (long long)json_integer_value(schema), RESULTS_SCHEMA);
    }
    source->omega = head_text(reader, head, "omega");
    source->experiment = source->omega == NULL ? NULL : head_text(reader, head, "experiment");
    source->sha256 =
        source->experiment == NULL ? NULL : head_text(reader, head, "experiment_sha256");
    return source->sha256 == NULL ? reader->err->code : check_head(reader, source);
}

static int read_head(struct reader *reader, struct result_source *source)
{
    int rc = lines_next(&reader->lines, reader->err);
    if (rc <= 0) {
        return rc == 0 ? fail(reader, "is empty, expected results of omega") : rc;
    }
    json_t *head = parse_line(reader);
    if (head == NULL) {
        return reader->err->code;
    }
    rc = read_head_object(reader, head, source);
    json_decref(head);
    return rc;
}

/* ---- which run and row ---- */

/* Text that may be shown: no control characters, not too long. */
static bool is_plain(const char *text)
{
    for (size_t i = 0; text[i] != '\0'; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f || i == NAME_BYTES_MAX) {
            return false;
        }
    }
    return true;
}

static const char *row_name(struct reader *reader, const json_t *row, const char *key)
{
    const char *text = json_string_value(json_object_get(row, key));
    if (text == NULL || !is_plain(text)) {
        fail(reader, "%s: expected a name", key);
        return NULL;
    }
    return text;
}

static int fill_parameters(struct reader *reader, json_t *parameters,
                           struct result_configuration *configuration)
{
    struct pool *pool = &reader->set->pool;
    size_t count = json_object_size(parameters);
    struct result_parameter *list = pool_alloc(pool, count, sizeof *list);
    const char *path;
    json_t *value;
    configuration->parameter_list = list;
    json_object_foreach(parameters, path, value)
    {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS |
                                           JSON_REAL_PRECISION(12));
        if (list == NULL || text == NULL) {
            free(text);
            return result_out_of_memory(reader->err);
        }
        struct result_parameter *parameter = &list[configuration->parameter_count++];
        parameter->path = pool_text(pool, path);
        parameter->value = pool_text(pool, text);
        free(text);
        if (parameter->path == NULL || parameter->value == NULL) {
            return result_out_of_memory(reader->err);
        }
    }
    return 0;
}

/* Room for one more entry of a list that lies in the pool. */
static void *grown(struct pool *pool, void *list, uint32_t count, uint32_t *room, size_t size)
{
    if (count < *room) {
        return list;
    }
    uint32_t larger = *room == 0 ? 16 : 2 * *room;
    void *copy = pool_alloc(pool, larger, size);
    if (copy != NULL) {
        if (count > 0) {
            memcpy(copy, list, count * size);
        }
        *room = larger;
    }
    return copy;
}

static int add_configuration(struct reader *reader, const char *variant, const char *text,
                             json_t *parameters)
{
    struct result_set *set = reader->set;
    struct result_configuration *list =
        grown(&set->pool, set->configurations, set->configuration_count, &set->configuration_room,
              sizeof *list);
    if (list == NULL) {
        return result_out_of_memory(reader->err);
    }
    set->configurations = list;
    struct result_configuration *configuration = &list[set->configuration_count++];
    configuration->variant = pool_text(&set->pool, variant);
    configuration->parameters = pool_text(&set->pool, text);
    if (configuration->variant == NULL || configuration->parameters == NULL) {
        return result_out_of_memory(reader->err);
    }
    return fill_parameters(reader, parameters, configuration);
}

/* The configuration of a variant and parameters, made where it is new. */
static int find_configuration(struct reader *reader, const char *variant, json_t *parameters,
                              uint32_t *index)
{
    struct result_set *set = reader->set;
    char *text =
        parameters == NULL
            ? strdup("{}")
            : json_dumps(parameters, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(12));
    char *key = NULL;
    if (text == NULL || asprintf(&key, "%s %s", variant, text) < 0) {
        free(text);
        return result_out_of_memory(reader->err);
    }
    uint32_t symbol = symbols_intern(set->configuration_keys, key);
    free(key);
    *index = symbol - 1;
    int rc = symbol == SYMBOL_NONE ? result_out_of_memory(reader->err) : 0;
    if (rc == 0 && *index == set->configuration_count) {
        rc = add_configuration(reader, variant, text, parameters);
    }
    free(text);
    return rc;
}

/* The run of a configuration and a seed, made where it is new. */
static int find_run(struct reader *reader, uint32_t configuration, uint64_t seed)
{
    struct result_set *set = reader->set;
    char key[48];
    if (reader->run < set->run_count && set->runs[reader->run].seed == seed &&
        set->runs[reader->run].configuration == configuration) {
        return 0;
    }
    snprintf(key, sizeof key, "%" PRIu32 " %" PRIu64, configuration, seed);
    uint32_t symbol = symbols_intern(set->run_keys, key);
    struct result_run *list =
        grown(&set->pool, set->runs, set->run_count, &set->run_room, sizeof *list);
    if (symbol == SYMBOL_NONE || list == NULL) {
        return result_out_of_memory(reader->err);
    }
    set->runs = list;
    reader->run = symbol - 1;
    if (reader->run == set->run_count) {
        list[set->run_count++] = (struct result_run){.seed = seed, .configuration = configuration};
    }
    return 0;
}

static int check_parameters(struct reader *reader, json_t *parameters)
{
    const char *path;
    json_t *value;
    if (parameters != NULL && !json_is_object(parameters)) {
        return fail(reader, "parameters: expected an object");
    }
    if (json_object_size(parameters) > RESULT_PARAMETERS_MAX) {
        return fail(reader, "parameters: %zu of them, expected at most %u",
                    json_object_size(parameters), RESULT_PARAMETERS_MAX);
    }
    json_object_foreach(parameters, path, value)
    {
        if (!is_plain(path)) {
            return fail(reader, "parameters: expected paths of the experiment");
        }
    }
    return 0;
}

/* ---- values ---- */

static int add_number(struct reader *reader, struct symbols *keys, const char *key, double value)
{
    uint32_t symbol = symbols_intern(keys, key);
    if (symbol == SYMBOL_NONE) {
        return result_out_of_memory(reader->err);
    }
    if (symbol == 0 || symbol > RESULT_KEYS_MAX || !is_plain(key)) {
        return fail(reader, "'%.60s': expected at most %u different keys, each a name", key,
                    RESULT_KEYS_MAX);
    }
    for (; reader->counted < symbol; reader->counted++) {
        reader->values[reader->counted] = __builtin_nan("");
    }
    reader->values[symbol - 1] = value;
    return 0;
}

static int add_text(struct reader *reader, enum result_scope scope, const char *key,
                    const char *text)
{
    struct result_text *at = &reader->texts[reader->text_count];
    if (reader->text_count == sizeof reader->texts / sizeof reader->texts[0]) {
        return fail(reader, "'%.60s': too many texts in a row", key);
    }
    at->key = symbols_intern(reader->set->text_keys[scope], key);
    at->text = symbols_intern(reader->set->texts, text);
    if (at->key == SYMBOL_NONE || at->text == SYMBOL_NONE) {
        return result_out_of_memory(reader->err);
    }
    reader->text_count++;
    return 0;
}

static int add_counters(struct reader *reader, struct symbols *keys, json_t *counters)
{
    const char *name;
    json_t *value;
    json_object_foreach(counters, name, value)
    {
        char key[NAME_BYTES_MAX + 16];
        snprintf(key, sizeof key, "counters.%s", name);
        if (json_is_number(value) && add_number(reader, keys, key, json_number_value(value)) != 0) {
            return reader->err->code;
        }
    }
    return 0;
}

static int add_value(struct reader *reader, enum result_scope scope, const char *key, json_t *value)
{
    struct symbols *keys = reader->set->keys[scope];
    if (json_is_number(value)) {
        return add_number(reader, keys, key, json_number_value(value));
    }
    if (json_is_boolean(value)) {
        return add_number(reader, keys, key, json_is_true(value));
    }
    if (json_is_string(value)) {
        return add_text(reader, scope, key, json_string_value(value));
    }
    if (json_is_object(value) && strcmp(key, "counters") == 0) {
        return add_counters(reader, keys, value);
    }
    return 0; /* null, or a list: no value */
}

static bool is_identity(const char *key)
{
    return strcmp(key, "scope") == 0 || strcmp(key, "variant") == 0 || strcmp(key, "name") == 0 ||
           strcmp(key, "seed") == 0 || strcmp(key, "parameters") == 0;
}

static int read_values(struct reader *reader, enum result_scope scope, json_t *object)
{
    const char *key;
    json_t *value;
    reader->counted = 0;
    reader->text_count = 0;
    json_object_foreach(object, key, value)
    {
        if (!is_identity(key) && add_value(reader, scope, key, value) != 0) {
            return reader->err->code;
        }
    }
    return 0;
}

/* ---- rows ---- */

static int read_scope(struct reader *reader, const json_t *object, enum result_scope *scope)
{
    const char *text = json_string_value(json_object_get(object, "scope"));
    for (int i = 0; text != NULL && i < RESULT_SCOPES; i++) {
        if (strcmp(text, result_scope_names[i]) == 0) {
            *scope = (enum result_scope)i;
            return 0;
        }
    }
    return fail(reader, "scope: expected scheduler, workload or cell");
}

/* Finds the run that a row belongs to. */
static int read_run(struct reader *reader, const json_t *object)
{
    json_t *parameters = json_object_get(object, "parameters");
    const json_t *seed = json_object_get(object, "seed");
    const char *variant = row_name(reader, object, "variant");
    uint32_t configuration = 0;
    if (variant == NULL || check_parameters(reader, parameters) != 0) {
        return reader->err->code;
    }
    if (!json_is_integer(seed) || json_integer_value(seed) < 0) {
        return fail(reader, "seed: expected a whole number from 0");
    }
    if (find_configuration(reader, variant, parameters, &configuration) != 0) {
        return reader->err->code;
    }
    return find_run(reader, configuration, (uint64_t)json_integer_value(seed));
}

static int refuse_second(struct reader *reader, const struct result_row *row)
{
    const struct result_run *run = &reader->set->runs[reader->run];
    for (const struct result_row *at = run->first; at != NULL; at = at->next) {
        if (at->scope == row->scope && at->name == row->name) {
            char name[96];
            result_configuration_name(&reader->set->configurations[run->configuration], name,
                                      sizeof name);
            return fail(reader,
                        "a second row of %s '%.60s', configuration %s, seed %" PRIu64
                        ", expected one: the first is in %.100s",
                        result_scope_names[row->scope],
                        symbols_text(reader->set->names[row->scope], row->name), name, run->seed,
                        reader->set->sources[at->source].file);
        }
    }
    return 0;
}

/* Copies what was read into a row behind those of its run. */
static int add_row(struct reader *reader, enum result_scope scope, const char *name)
{
    struct result_set *set = reader->set;
    struct result_run *run = &set->runs[reader->run];
    struct result_row *row = pool_alloc(&set->pool, 1, sizeof *row);
    double *values = pool_alloc(&set->pool, reader->counted, sizeof *values);
    struct result_text *texts = pool_alloc(&set->pool, reader->text_count, sizeof *texts);
    uint32_t symbol = symbols_intern(set->names[scope], name);
    if (row == NULL || values == NULL || texts == NULL || symbol == SYMBOL_NONE) {
        return result_out_of_memory(reader->err);
    }
    memcpy(values, reader->values, reader->counted * sizeof *values);
    memcpy(texts, reader->texts, reader->text_count * sizeof *texts);
    *row = (struct result_row){.scope = scope,
                               .name = symbol,
                               .source = set->source_count,
                               .value_count = reader->counted,
                               .text_count = reader->text_count,
                               .values = values,
                               .texts = texts};
    if (refuse_second(reader, row) != 0) {
        return reader->err->code;
    }
    *(run->first == NULL ? &run->first : &run->last->next) = row;
    run->last = row;
    return ++set->row_count > RESULT_ROWS_MAX
               ? fail(reader, "more than %u rows, expected fewer", RESULT_ROWS_MAX)
               : 0;
}

static int read_row(struct reader *reader, json_t *object)
{
    enum result_scope scope = RESULT_CELL;
    const char *name = row_name(reader, object, "name");
    if (name == NULL || read_scope(reader, object, &scope) != 0 || read_run(reader, object) != 0 ||
        read_values(reader, scope, object) != 0) {
        return reader->err->code;
    }
    return name[0] == '\0' ? fail(reader, "name: expected a name") : add_row(reader, scope, name);
}

static int read_rows(struct reader *reader)
{
    int rc;
    while ((rc = lines_next(&reader->lines, reader->err)) > 0) {
        json_t *object = parse_line(reader);
        if (object == NULL) {
            return reader->err->code;
        }
        rc = read_row(reader, object);
        json_decref(object);
        if (rc != 0) {
            return rc;
        }
    }
    return rc;
}

int result_read(struct result_set *set, FILE *stream, const char *directory, const char *file,
                omega_error_t *err)
{
    struct reader reader = {.set = set, .run = UINT32_MAX, .err = err};
    struct result_source *source = &set->sources[set->source_count];
    source->directory = pool_text(&set->pool, directory);
    source->file = pool_text(&set->pool, file);
    reader.lines = (struct lines){.stream = stream,
                                  .file = source->file,
                                  .of = "a row of results",
                                  .max = RESULT_LINE_BYTES_MAX};
    reader.values = malloc(RESULT_KEYS_MAX * sizeof *reader.values);
    int rc = source->directory == NULL || source->file == NULL || reader.values == NULL
                 ? result_out_of_memory(err)
                 : read_head(&reader, source);
    rc = rc == 0 ? read_rows(&reader) : rc;
    free(reader.values);
    lines_release(&reader.lines);
    set->source_count += rc == 0;
    return rc;
}
