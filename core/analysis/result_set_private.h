/* SPDX-License-Identifier: MIT */
/* What reading a result set and looking things up in it share. `err` is never NULL in here. */
#ifndef OMEGA_CORE_ANALYSIS_RESULT_SET_PRIVATE_H
#define OMEGA_CORE_ANALYSIS_RESULT_SET_PRIVATE_H

#include "core/analysis/result_set.h"
#include "core/base/symbols.h"
#include "core/experiment/pool.h"

struct result_text {
    uint32_t key;  /* symbol of the scope's text keys */
    uint32_t text; /* symbol of set->texts */
};

struct result_row {
    struct result_row *next; /* of the same run */
    enum result_scope scope;
    uint32_t name;   /* symbol of the scope's names */
    uint32_t source; /* which file it came from */
    uint32_t value_count;
    uint32_t text_count;
    double *values; /* by symbol of the scope's keys, less one; NaN: none */
    struct result_text *texts;
};

struct result_run {
    uint64_t seed;
    uint32_t configuration;
    struct result_row *first;
    struct result_row *last;
};

/* Names, keys and texts are symbols; symbol 0 stands for none, so that symbol - 1 is an index. */
struct result_set {
    struct pool pool;
    struct symbols *texts;
    struct symbols *names[RESULT_SCOPES];
    struct symbols *keys[RESULT_SCOPES];
    struct symbols *text_keys[RESULT_SCOPES];
    struct symbols *configuration_keys; /* "VARIANT PARAMETERS" -> index of the configuration */
    struct symbols *run_keys;           /* "CONFIGURATION SEED" -> index of the run */
    struct result_source *sources;
    uint32_t source_count;
    struct result_configuration *configurations;
    uint32_t configuration_room;
    uint32_t configuration_count;
    uint32_t dropped_count;  /* configurations behind those, no longer part of the set */
    struct result_run *runs; /* once read: by configuration and seed */
    uint32_t run_room;
    uint32_t run_count;
    uint32_t *first_runs; /* of each configuration, once read */
    uint32_t row_count;
};

/* Reads a stream to its end into the set, as its next source. */
int result_read(struct result_set *set, FILE *stream, const char *directory, const char *file,
                omega_error_t *err);

/* OMEGA_ENOMEM, said. */
int result_out_of_memory(omega_error_t *err);

#endif
