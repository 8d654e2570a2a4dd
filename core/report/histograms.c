/* SPDX-License-Identifier: MIT */
/* histograms.jsonl read back: see histograms.h. */
#include "core/report/histograms.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/analysis/lines.h"
#include "core/base/symbols.h"
#include "core/report/columns.h"

#define DROPPED UINT32_MAX /* a configuration that is no longer part of the set */

struct histograms {
    const struct result_set *set;
    const char *name;
    uint32_t schedulers;
    struct distribution *distributions; /* [configuration][scheduler] */
    size_t distribution_count;
    struct symbols *seen; /* "CONFIGURATION SEED SCHEDULER" */
};

struct reader {
    struct histograms *histograms;
    struct lines lines;
    omega_error_t *err;
};

static int fail(const struct reader *reader, const char *what)
{
    return omega_error_set_at(reader->err, OMEGA_EINVAL, reader->lines.file, reader->lines.number,
                              "%s", what);
}

/* ---- buckets ---- */

static int add_bucket(const struct reader *reader, struct distribution *into, int64_t low,
                      int64_t high, uint64_t count)
{
    if (into->size == HISTOGRAMS_BUCKETS_MAX) {
        return fail(reader, "too many buckets in all, expected fewer seeds in one report");
    }
    if (into->size == into->room) {
        size_t room = into->room == 0 ? 256 : 2 * into->room;
        struct histogram_bucket *grown = realloc(into->buckets, room * sizeof *grown);
        if (grown == NULL) {
            return omega_error_set(reader->err, OMEGA_ENOMEM, "out of memory");
        }
        into->buckets = grown;
        into->room = room;
    }
    into->buckets[into->size++] = (struct histogram_bucket){
        .value = (double)low + (double)(high - low) / 2,
        .count = count,
    };
    return 0;
}

static int read_bucket(const struct reader *reader, const json_t *bucket, int64_t *before,
                       struct distribution *into, uint64_t *total)
{
    json_int_t at[3];
    for (size_t i = 0; i < 3; i++) {
        const json_t *number = json_array_get(bucket, i);
        if (json_array_size(bucket) != 3 || !json_is_integer(number)) {
            return fail(reader, "buckets: expected [low, high, count] in whole numbers");
        }
        at[i] = json_integer_value(number);
    }
    if (at[0] <= *before || at[1] < at[0] || at[2] <= 0 || at[2] > INT64_MAX - (int64_t)*total) {
        return fail(reader, "buckets: expected low <= high, count above 0, by rising value");
    }
    *before = at[1];
    *total += (uint64_t)at[2];
    return add_bucket(reader, into, at[0], at[1], (uint64_t)at[2]);
}

static int read_buckets(const struct reader *reader, const json_t *object,
                        struct distribution *into)
{
    const json_t *count = json_object_get(object, "count");
    const json_t *censored = json_object_get(object, "censored");
    const json_t *buckets = json_object_get(object, "buckets");
    uint64_t total = 0;
    int64_t before = -1;
    if (!json_is_integer(count) || !json_is_integer(censored) || json_integer_value(censored) < 0 ||
        json_integer_value(count) < json_integer_value(censored) || !json_is_array(buckets)) {
        return fail(reader, "expected count, censored and buckets of a histogram");
    }
    for (size_t i = 0; i < json_array_size(buckets); i++) {
        int rc = read_bucket(reader, json_array_get(buckets, i), &before, into, &total);
        if (rc != 0) {
            return rc;
        }
    }
    uint64_t known = (uint64_t)(json_integer_value(count) - json_integer_value(censored));
    if (total != known || into->count > (uint64_t)INT64_MAX - (uint64_t)json_integer_value(count)) {
        return fail(reader, "the buckets do not add up to count - censored, expected them to");
    }
    into->count += (uint64_t)json_integer_value(count);
    into->censored += (uint64_t)json_integer_value(censored);
    return 0;
}

/* ---- lines ---- */

static bool is_configuration(const struct result_configuration *configuration, const char *variant,
                             const char *parameters)
{
    return strcmp(configuration->variant, variant) == 0 &&
           strcmp(configuration->parameters, parameters) == 0;
}

static bool is_dropped(const struct result_set *set, const char *variant, const char *parameters)
{
    const struct result_configuration *dropped;
    for (uint32_t i = 0; (dropped = result_set_dropped(set, i)) != NULL; i++) {
        if (is_configuration(dropped, variant, parameters)) {
            return true;
        }
    }
    return false;
}

/* The configuration of a line, as the set has it; DROPPED, where it had it; the number of
 * configurations if it never did. */
static uint32_t find_configuration(const struct reader *reader, const char *variant,
                                   const json_t *object)
{
    const struct result_set *set = reader->histograms->set;
    const json_t *parameters = json_object_get(object, "parameters");
    char *text =
        parameters == NULL
            ? strdup("{}")
            : json_dumps(parameters, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(12));
    uint32_t count = result_set_configuration_count(set);
    uint32_t i = 0;
    for (; text != NULL && i < count; i++) {
        if (is_configuration(result_set_configuration(set, i), variant, text)) {
            break;
        }
    }
    i = text != NULL && i == count && is_dropped(set, variant, text) ? DROPPED : i;
    free(text);
    return text == NULL ? count : i;
}

static uint32_t find_scheduler(const struct result_set *set, const char *scheduler)
{
    const char *name;
    uint32_t i = 0;
    while ((name = result_set_name(set, RESULT_SCHEDULER, i)) != NULL &&
           strcmp(name, scheduler) != 0) {
        i++;
    }
    return name == NULL ? UINT32_MAX : i;
}

/* Is this the first line of that histogram? */
static int check_new(const struct reader *reader, uint32_t configuration, uint32_t seed,
                     uint32_t scheduler)
{
    char key[48];
    struct symbols *seen = reader->histograms->seen;
    uint32_t before = symbols_count(seen);
    snprintf(key, sizeof key, "%" PRIu32 " %" PRIu32 " %" PRIu32, configuration, seed, scheduler);
    if (symbols_intern(seen, key) == SYMBOL_NONE) {
        return omega_error_set(reader->err, OMEGA_ENOMEM, "out of memory");
    }
    return symbols_count(seen) == before ? fail(reader, "comes twice, expected it once") : 0;
}

static int read_object(const struct reader *reader, const json_t *object)
{
    struct histograms *histograms = reader->histograms;
    const char *name = json_string_value(json_object_get(object, "histogram"));
    const char *variant = json_string_value(json_object_get(object, "variant"));
    const char *scheduler = json_string_value(json_object_get(object, "scheduler"));
    const json_t *seed = json_object_get(object, "seed");
    uint32_t seed_index;
    if (name == NULL || variant == NULL || scheduler == NULL || !json_is_integer(seed) ||
        json_integer_value(seed) < 0) {
        return fail(reader, "expected variant, seed, scheduler and histogram");
    }
    if (strcmp(name, histograms->name) != 0) {
        return 0;
    }
    uint32_t configuration = find_configuration(reader, variant, object);
    uint32_t number = find_scheduler(histograms->set, scheduler);
    if (configuration == DROPPED) {
        return 0;
    }
    if (configuration == result_set_configuration_count(histograms->set) || number == UINT32_MAX ||
        !columns_find_seed(histograms->set, configuration, (uint64_t)json_integer_value(seed),
                           &seed_index)) {
        return fail(reader, "its point or scheduler is not in results.jsonl, expected one of it");
    }
    int rc = check_new(reader, configuration, seed_index, number);
    size_t at = (size_t)configuration * histograms->schedulers + number;
    return rc == 0 ? read_buckets(reader, object, &histograms->distributions[at]) : rc;
}

static int read_line(const struct reader *reader)
{
    json_t *object =
        json_loadb(reader->lines.line, reader->lines.size, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(object)) {
        json_decref(object);
        return fail(reader, "no JSON object, expected one on each line");
    }
    int rc = read_object(reader, object);
    json_decref(object);
    return rc;
}

static int read_stream(struct histograms *histograms, FILE *stream, const char *file,
                       omega_error_t *err)
{
    struct reader reader = {.histograms = histograms,
                            .lines = {.stream = stream,
                                      .file = file,
                                      .of = "a histogram",
                                      .max = HISTOGRAMS_LINE_BYTES_MAX},
                            .err = err};
    int rc;
    while ((rc = lines_next(&reader.lines, err)) == 1) {
        rc = read_line(&reader);
        if (rc != 0) {
            break;
        }
    }
    lines_release(&reader.lines);
    return rc;
}

/* ---- a set ---- */

static int by_value(const void *a, const void *b)
{
    const struct histogram_bucket *left = a;
    const struct histogram_bucket *right = b;
    return (left->value > right->value) - (left->value < right->value);
}

/* Sorts buckets of several seeds and adds up those of one value. */
static void pool_buckets(struct distribution *distribution)
{
    size_t kept = 0;
    if (distribution->size == 0) {
        return;
    }
    qsort(distribution->buckets, distribution->size, sizeof *distribution->buckets, by_value);
    for (size_t i = 1; i < distribution->size; i++) {
        if (distribution->buckets[i].value == distribution->buckets[kept].value) {
            distribution->buckets[kept].count += distribution->buckets[i].count;
        } else {
            distribution->buckets[++kept] = distribution->buckets[i];
        }
    }
    distribution->size = kept + 1;
}

static struct histograms *create(const struct result_set *set, const char *name)
{
    struct histograms *histograms = calloc(1, sizeof *histograms);
    if (histograms == NULL) {
        return NULL;
    }
    while (result_set_name(set, RESULT_SCHEDULER, histograms->schedulers) != NULL) {
        histograms->schedulers++;
    }
    histograms->set = set;
    histograms->name = name;
    histograms->seen = symbols_create();
    histograms->distribution_count =
        (size_t)result_set_configuration_count(set) * histograms->schedulers;
    histograms->distributions =
        calloc(histograms->distribution_count + 1, sizeof *histograms->distributions);
    if (histograms->seen == NULL || histograms->distributions == NULL) {
        histograms_close(histograms);
        return NULL;
    }
    return histograms;
}

void histograms_close(struct histograms *histograms)
{
    if (histograms == NULL) {
        return;
    }
    for (size_t i = 0; histograms->distributions != NULL && i < histograms->distribution_count;
         i++) {
        free(histograms->distributions[i].buckets);
    }
    free(histograms->distributions);
    symbols_destroy(histograms->seen);
    free(histograms);
}

/* Reads every source's file; *found says whether there is one. */
static int read_sources(struct histograms *histograms, bool *found, omega_error_t *err)
{
    const struct result_source *source;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && (source = result_set_source(histograms->set, i)) != NULL; i++) {
        char *path;
        if (asprintf(&path, "%s/histograms.jsonl", source->directory) < 0) {
            return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
        }
        FILE *stream = fopen(path, "re");
        if (stream != NULL) {
            rc = read_stream(histograms, stream, path, err);
            fclose(stream);
            *found = true;
        } else if (errno != ENOENT) {
            rc = omega_error_set_errno(err, path, "cannot open");
        }
        free(path);
    }
    return rc;
}

static int finish(struct histograms *histograms, int rc, bool found, struct histograms **out)
{
    *out = NULL;
    for (size_t i = 0; rc == 0 && i < histograms->distribution_count; i++) {
        pool_buckets(&histograms->distributions[i]);
    }
    if (rc != 0 || !found) {
        histograms_close(histograms);
    } else {
        *out = histograms;
    }
    return rc;
}

int histograms_open(const struct result_set *set, const char *name, struct histograms **out,
                    omega_error_t *err)
{
    omega_error_t own = {0};
    struct histograms *histograms = create(set, name);
    bool found = false;
    *out = NULL;
    err = err == NULL ? &own : err;
    if (histograms == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    int rc = read_sources(histograms, &found, err);
    return finish(histograms, rc, found, out);
}

int histograms_parse(const struct result_set *set, const char *name, FILE *stream, const char *file,
                     struct histograms **out, omega_error_t *err)
{
    omega_error_t own = {0};
    struct histograms *histograms = create(set, name);
    *out = NULL;
    err = err == NULL ? &own : err;
    if (histograms == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    int rc = read_stream(histograms, stream, file, err);
    return finish(histograms, rc, true, out);
}

const struct distribution *histograms_get(const struct histograms *histograms,
                                          uint32_t configuration, uint32_t scheduler)
{
    const struct distribution *distribution =
        &histograms->distributions[(size_t)configuration * histograms->schedulers + scheduler];
    return distribution->count == 0 ? NULL : distribution;
}
