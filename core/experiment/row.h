/* SPDX-License-Identifier: MIT */
/*
 * Rows of results: ordered keys and values, written as a line of JSON or of CSV. The bytes depend
 * on the values only: reals have 12 significant digits, NaN is null (JSON) or empty (CSV).
 */
#ifndef OMEGA_CORE_EXPERIMENT_ROW_H
#define OMEGA_CORE_EXPERIMENT_ROW_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define ROW_VALUES_MAX 192

enum row_kind {
    ROW_TEXT,
    ROW_WHOLE,
    ROW_COUNT,
    ROW_REAL,
    ROW_BOOL,
    ROW_JSON, /* an array or object, as text */
    ROW_PARAMETERS,
};

#define PARAMETERS_MAX 16u /* of a point */

/* A field that a sweep changes, and the value that it has at a point. */
struct parameter {
    const char *path;
    const char *json; /* the value as JSON */
    const char *text; /* as a CSV field: a string without its quotes, else the same */
};

/* Of one point, in the order of columns; none without a sweep. */
struct parameters {
    uint32_t count;
    const struct parameter *at;
};

/* The column of CSV that stands for as many as there are parameters; it is not the first. */
#define ROW_PARAMETERS_COLUMN "parameters"

struct row_value {
    const char *key;
    enum row_kind kind;
    const char *text;
    int64_t whole;
    uint64_t count;
    double real;
    const struct parameters *parameters;
};

/* Starts empty: row.size = 0. Keys and texts are borrowed until the row is written. */
struct row {
    uint32_t size;
    struct row_value values[ROW_VALUES_MAX];
};

/* Each adds one value at the end of the row: text; */
void row_text(struct row *row, const char *key, const char *text);
/* whole numbers; */
void row_whole(struct row *row, const char *key, int64_t value);
/* counts; */
void row_count(struct row *row, const char *key, uint64_t value);
/* reals; */
void row_real(struct row *row, const char *key, double value);
/* true or false; */
void row_bool(struct row *row, const char *key, bool value);
/* JSON as it is, also as the (quoted) CSV field. */
void row_json(struct row *row, const char *key, const char *text);

/* The parameters of a point: an object under the key "parameters", a column of CSV for each;
 * nothing where there are none. */
void row_parameters(struct row *row, const struct parameters *parameters);

/* Microseconds as seconds. */
void row_seconds(struct row *row, const char *key, double microseconds);

/* {"key":value,...} without a line end; row_begin_json leaves the closing brace to the caller. */
void row_write_json(const struct row *row, FILE *out);
void row_begin_json(const struct row *row, FILE *out);

/* The value of a key; NULL: the row has none. */
const struct row_value *row_find(const struct row *row, const char *key);

/* The names of these columns, NULL at the end, and a line end. Of the parameters only the paths
 * are used. */
void row_write_head(const char *const *columns, const struct parameters *parameters, FILE *out);

/* The values of these columns, NULL at the end, empty where the row has none, and a line end. */
void row_write_csv(const struct row *row, const char *const *columns, FILE *out);

/* A JSON string with its quotes; one CSV field, quoted where it must be; a real. */
void row_put_json_text(const char *text, FILE *out);
void row_put_csv_text(const char *text, FILE *out);
void row_put_real(double value, const char *none, FILE *out);

#endif
