/* SPDX-License-Identifier: MIT */
/*
 * The results of runs, read back: results.jsonl of one output directory of `omega run` or of
 * several (parts of one sweep, other seeds), as one set of rows.
 *
 * A *configuration* is what is compared: a variant, in a sweep with the parameters' values. Each
 * was run with some seeds; a configuration with a seed is a *run*, and has a row for each
 * scheduler, for each workload, and one of the cell. Everything lent here belongs to the set.
 */
#ifndef OMEGA_CORE_ANALYSIS_RESULT_SET_H
#define OMEGA_CORE_ANALYSIS_RESULT_SET_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/error.h"

#define RESULT_LINE_BYTES_MAX (64u << 20) /* a row: lists of daily values make it long */
#define RESULT_ROWS_MAX (1u << 24)        /* of a set */
#define RESULT_KEYS_MAX 4096u             /* different keys of a scope, counters included */
#define RESULT_PARAMETERS_MAX 64u         /* of a configuration */

enum result_scope {
    RESULT_SCHEDULER = 0,
    RESULT_WORKLOAD,
    RESULT_CELL,
    RESULT_SCOPES,
};

/* "scheduler", "workload", "cell": as results say. */
extern const char *const result_scope_names[RESULT_SCOPES];

/* A results.jsonl: where it lay, and what its first line says. */
struct result_source {
    const char *directory;
    const char *file;       /* DIRECTORY/results.jsonl */
    const char *omega;      /* version that wrote it */
    const char *experiment; /* its name */
    const char *sha256;     /* of the normalised experiment, 64 hex digits; seeds are part of it */
};

/* A parameter of a sweep: the path that was set, and the value as compact JSON. */
struct result_parameter {
    const char *path;
    const char *value;
};

struct result_configuration {
    const char *variant;    /* "" for the only, unnamed one */
    const char *parameters; /* a compact JSON object, keys sorted; "{}" without a sweep */
    const struct result_parameter *parameter_list; /* in the order of the file */
    uint32_t parameter_count;
    const uint64_t *seeds; /* rising */
    uint32_t seed_count;
};

struct result_set;
struct result_row;

/*
 * Reads DIRECTORY/results.jsonl of each directory. Errors, as `file:line: what, expected what`:
 * OMEGA_EIO; OMEGA_EINVAL for what is no such file or, where SHA256SUMS lies beside it, not the one
 * that was written, a row that comes twice (in one file or in two)
 * or a limit above; OMEGA_EVERSION for another schema; OMEGA_ENOMEM. Rows may have keys that this
 * version does not know. Experiments of different names are refused; of different SHA-256 they are
 * taken, since other seeds make another one: result_set_mixed().
 */
int result_set_open(const char *const *directories, uint32_t count, struct result_set **set,
                    omega_error_t *err);

/* The same of one open stream, which stays the caller's; `name` is for messages. */
int result_set_parse(FILE *stream, const char *name, struct result_set **set, omega_error_t *err);

void result_set_close(struct result_set *set); /* NULL is allowed */

/* The files read, in order; NULL past the end. */
const struct result_source *result_set_source(const struct result_set *set, uint32_t index);

/* "experiments that differ ...", for people, where the sources tell of such; else NULL. */
const char *result_set_mixed(const struct result_set *set);

/* The configurations in the order in which they first come; NULL past the end. */
const struct result_configuration *result_set_configuration(const struct result_set *set,
                                                            uint32_t index);
uint32_t result_set_configuration_count(const struct result_set *set);

/* Drops configurations, by keep[index] of each; the others keep their order. Names and keys stay.
 * What was dropped is still known, for readers of files that have it, too; NULL past the end. */
void result_set_keep(struct result_set *set, const bool *keep);
const struct result_configuration *result_set_dropped(const struct result_set *set, uint32_t index);

/* What a configuration is called: its variant, and behind it PATH=VALUE of each parameter, between
 * spaces; "-" if there is neither. Cut to `size` bytes with the NUL. */
void result_configuration_name(const struct result_configuration *configuration, char *out,
                               size_t size);

/* Names of the rows of a scope, over all runs, in the order in which they first come; NULL past the
 * end. The cell's one is "cell". */
const char *result_set_name(const struct result_set *set, enum result_scope scope, uint32_t index);

/* The keys that rows of a scope have with a number or true or false, in the order in which they
 * first come; NULL past the end. */
const char *result_set_key(const struct result_set *set, enum result_scope scope, uint32_t index);

/* A row of the run of a configuration with the seed of that index; NULL: it has none. */
const struct result_row *result_set_row(const struct result_set *set, uint32_t configuration,
                                        uint32_t seed_index, enum result_scope scope,
                                        const char *name);

/* The rows of a run in the order of the file; NULL past the end. */
const struct result_row *result_set_run_row(const struct result_set *set, uint32_t configuration,
                                            uint32_t seed_index, uint32_t index);
enum result_scope result_row_scope(const struct result_row *row);
uint32_t result_row_source(const struct result_row *row); /* index of the file that it is from */
const char *result_row_name(const struct result_set *set, const struct result_row *row);

/* The number of a key; true is 1, false 0. NaN where the row has no such key, or null, or something
 * else. A module's own counter is `counters.NAME`; lists are not kept. */
double result_row_number(const struct result_set *set, const struct result_row *row,
                         const char *key);

/* The text of a key (`digest`, `check`); NULL where the row has none. */
const char *result_row_text(const struct result_set *set, const struct result_row *row,
                            const char *key);

#endif
