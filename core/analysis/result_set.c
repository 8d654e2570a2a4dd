/* SPDX-License-Identifier: MIT */
/* Result sets: opening, and looking things up. See result_set.h. */
#include "core/analysis/result_set_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/analysis/sums.h"
#include "core/experiment/outputs.h"

const char *const result_scope_names[RESULT_SCOPES] = {"scheduler", "workload", "cell"};

int result_out_of_memory(omega_error_t *err)
{
    return omega_error_set(err, OMEGA_ENOMEM, "out of memory for results");
}

/* ---- opening ---- */

static struct result_set *create(uint32_t sources)
{
    struct result_set *set = calloc(1, sizeof *set);
    if (set == NULL) {
        return NULL;
    }
    bool made = true;
    for (int i = 0; i < RESULT_SCOPES; i++) {
        set->names[i] = symbols_create();
        set->keys[i] = symbols_create();
        set->text_keys[i] = symbols_create();
        made &= set->names[i] != NULL && set->keys[i] != NULL && set->text_keys[i] != NULL;
    }
    set->texts = symbols_create();
    set->configuration_keys = symbols_create();
    set->run_keys = symbols_create();
    set->sources = pool_alloc(&set->pool, sources, sizeof *set->sources);
    if (!made || set->texts == NULL || set->configuration_keys == NULL || set->run_keys == NULL ||
        set->sources == NULL) {
        result_set_close(set);
        return NULL;
    }
    return set;
}

void result_set_close(struct result_set *set)
{
    if (set == NULL) {
        return;
    }
    for (int i = 0; i < RESULT_SCOPES; i++) {
        symbols_destroy(set->names[i]);
        symbols_destroy(set->keys[i]);
        symbols_destroy(set->text_keys[i]);
    }
    symbols_destroy(set->texts);
    symbols_destroy(set->configuration_keys);
    symbols_destroy(set->run_keys);
    pool_release(&set->pool);
    free(set);
}

static int by_configuration_and_seed(const void *left, const void *right)
{
    const struct result_run *a = left;
    const struct result_run *b = right;
    if (a->configuration != b->configuration) {
        return a->configuration < b->configuration ? -1 : 1;
    }
    return a->seed < b->seed ? -1 : a->seed > b->seed;
}

/* Puts the runs in order, so that it does not matter how they were spread over files. */
static int finish(struct result_set *set, omega_error_t *err)
{
    uint64_t *seeds = pool_alloc(&set->pool, set->run_count, sizeof *seeds);
    set->first_runs = pool_alloc(&set->pool, set->configuration_count, sizeof *set->first_runs);
    if (seeds == NULL || set->first_runs == NULL) {
        return result_out_of_memory(err);
    }
    if (set->run_count > 0) {
        qsort(set->runs, set->run_count, sizeof *set->runs, by_configuration_and_seed);
    }
    for (uint32_t i = 0; i < set->run_count; i++) {
        uint32_t index = set->runs[i].configuration;
        struct result_configuration *configuration = &set->configurations[index];
        seeds[i] = set->runs[i].seed;
        if (configuration->seed_count++ == 0) {
            configuration->seeds = &seeds[i];
            set->first_runs[index] = i;
        }
    }
    return 0;
}

/* Whether the results are whole, where the directory has what tells it. */
static int check_results(const char *directory, omega_error_t *err)
{
    struct sums *sums;
    int rc = sums_open(directory, &sums, err);
    rc = sums != NULL ? sums_check(sums, OUTPUTS_RESULTS, err) : rc;
    sums_close(sums);
    return rc;
}

static int read_directory(struct result_set *set, const char *directory, omega_error_t *err)
{
    char *path = NULL;
    if (asprintf(&path, "%s/results.jsonl", directory) < 0) {
        return result_out_of_memory(err);
    }
    FILE *stream = fopen(path, "re");
    int rc = stream == NULL ? omega_error_set_errno(err, path, "cannot open")
                            : result_read(set, stream, directory, path, err);
    if (stream != NULL) {
        fclose(stream);
    }
    free(path);
    return rc;
}

int result_set_open(const char *const *directories, uint32_t count, struct result_set **out,
                    omega_error_t *err)
{
    omega_error_t own = {0};
    omega_error_t *e = err == NULL ? &own : err;
    struct result_set *set = create(count);
    *out = NULL;
    int rc = set == NULL ? result_out_of_memory(e) : 0;
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        rc = check_results(directories[i], e);
        rc = rc == 0 ? read_directory(set, directories[i], e) : rc;
    }
    rc = rc == 0 ? finish(set, e) : rc;
    if (rc != 0) {
        result_set_close(set);
        return rc;
    }
    *out = set;
    return 0;
}

int result_set_parse(FILE *stream, const char *name, struct result_set **out, omega_error_t *err)
{
    omega_error_t own = {0};
    omega_error_t *e = err == NULL ? &own : err;
    struct result_set *set = create(1);
    *out = NULL;
    int rc = set == NULL ? result_out_of_memory(e) : result_read(set, stream, ".", name, e);
    rc = rc == 0 ? finish(set, e) : rc;
    if (rc != 0) {
        result_set_close(set);
        return rc;
    }
    *out = set;
    return 0;
}

/* ---- looking up ---- */

const struct result_source *result_set_source(const struct result_set *set, uint32_t index)
{
    return index < set->source_count ? &set->sources[index] : NULL;
}

const char *result_set_mixed(const struct result_set *set)
{
    for (uint32_t i = 1; i < set->source_count; i++) {
        if (strcmp(set->sources[i].sha256, set->sources[0].sha256) != 0) {
            return "experiments that differ, in their seeds or in more; variants of the same name "
                   "are taken for the same";
        }
    }
    return NULL;
}

static void swap(struct result_set *set, uint32_t a, uint32_t b)
{
    struct result_configuration configuration = set->configurations[a];
    uint32_t first_run = set->first_runs[a];
    set->configurations[a] = set->configurations[b];
    set->first_runs[a] = set->first_runs[b];
    set->configurations[b] = configuration;
    set->first_runs[b] = first_run;
}

/* Those that are kept keep their order; nobody asks for that of the others. */
void result_set_keep(struct result_set *set, const bool *keep)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < set->configuration_count; i++) {
        if (keep[i]) {
            swap(set, i, kept++);
        }
    }
    set->dropped_count += set->configuration_count - kept;
    set->configuration_count = kept;
}

const struct result_configuration *result_set_dropped(const struct result_set *set, uint32_t index)
{
    return index < set->dropped_count ? &set->configurations[set->configuration_count + index]
                                      : NULL;
}

const struct result_configuration *result_set_configuration(const struct result_set *set,
                                                            uint32_t index)
{
    return index < set->configuration_count ? &set->configurations[index] : NULL;
}

uint32_t result_set_configuration_count(const struct result_set *set)
{
    return set->configuration_count;
}

void result_configuration_name(const struct result_configuration *configuration, char *out,
                               size_t size)
{
    size_t length = (size_t)snprintf(out, size, "%s", configuration->variant);
    for (uint32_t i = 0; i < configuration->parameter_count && length < size; i++) {
        const struct result_parameter *parameter = &configuration->parameter_list[i];
        length += (size_t)snprintf(out + length, size - length, "%s%s=%s", length == 0 ? "" : " ",
                                   parameter->path, parameter->value);
    }
    if (length == 0) {
        snprintf(out, size, "-");
    }
}

static const char *symbol_of_index(const struct symbols *symbols, uint32_t index)
{
    return index + 1 < symbols_count(symbols) ? symbols_text(symbols, index + 1) : NULL;
}

const char *result_set_name(const struct result_set *set, enum result_scope scope, uint32_t index)
{
    return symbol_of_index(set->names[scope], index);
}

const char *result_set_key(const struct result_set *set, enum result_scope scope, uint32_t index)
{
    return symbol_of_index(set->keys[scope], index);
}

static const struct result_row *first_row(const struct result_set *set, uint32_t configuration,
                                          uint32_t seed_index)
{
    if (configuration >= set->configuration_count ||
        seed_index >= set->configurations[configuration].seed_count) {
        return NULL;
    }
    return set->runs[set->first_runs[configuration] + seed_index].first;
}

const struct result_row *result_set_row(const struct result_set *set, uint32_t configuration,
                                        uint32_t seed_index, enum result_scope scope,
                                        const char *name)
{
    uint32_t symbol = symbols_find(set->names[scope], name, strlen(name));
    const struct result_row *row = first_row(set, configuration, seed_index);
    while (row != NULL && (row->scope != scope || row->name != symbol)) {
        row = row->next;
    }
    return row;
}

const struct result_row *result_set_run_row(const struct result_set *set, uint32_t configuration,
                                            uint32_t seed_index, uint32_t index)
{
    const struct result_row *row = first_row(set, configuration, seed_index);
    while (row != NULL && index-- > 0) {
        row = row->next;
    }
    return row;
}

uint32_t result_row_source(const struct result_row *row)
{
    return row->source;
}

enum result_scope result_row_scope(const struct result_row *row)
{
    return row->scope;
}

const char *result_row_name(const struct result_set *set, const struct result_row *row)
{
    return symbols_text(set->names[row->scope], row->name);
}

double result_row_number(const struct result_set *set, const struct result_row *row,
                         const char *key)
{
    uint32_t symbol = symbols_find(set->keys[row->scope], key, strlen(key));
    return symbol == SYMBOL_NONE || symbol == 0 || symbol > row->value_count
               ? __builtin_nan("")
               : row->values[symbol - 1];
}

const char *result_row_text(const struct result_set *set, const struct result_row *row,
                            const char *key)
{
    uint32_t symbol = symbols_find(set->text_keys[row->scope], key, strlen(key));
    for (uint32_t i = 0; symbol != SYMBOL_NONE && i < row->text_count; i++) {
        if (row->texts[i].key == symbol) {
            return symbols_text(set->texts, row->texts[i].text);
        }
    }
    return NULL;
}
