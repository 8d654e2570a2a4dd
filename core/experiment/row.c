/* SPDX-License-Identifier: MIT */
/* Rows of results: see row.h. */
#include "core/experiment/row.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

static struct row_value *add(struct row *row, const char *key, enum row_kind kind)
{
    assert(row->size < ROW_VALUES_MAX);
    struct row_value *value = &row->values[row->size++];
    *value = (struct row_value){.key = key, .kind = kind};
    return value;
}

void row_text(struct row *row, const char *key, const char *text)
{
    add(row, key, ROW_TEXT)->text = text;
}

void row_whole(struct row *row, const char *key, int64_t value)
{
    add(row, key, ROW_WHOLE)->whole = value;
}

void row_count(struct row *row, const char *key, uint64_t value)
{
    add(row, key, ROW_COUNT)->count = value;
}

void row_real(struct row *row, const char *key, double value)
{
    add(row, key, ROW_REAL)->real = value;
}

void row_bool(struct row *row, const char *key, bool value)
{
    add(row, key, ROW_BOOL)->whole = value;
}

void row_json(struct row *row, const char *key, const char *text)
{
    add(row, key, ROW_JSON)->text = text;
}

void row_parameters(struct row *row, const struct parameters *parameters)
{
    if (parameters->count > 0) {
        add(row, ROW_PARAMETERS_COLUMN, ROW_PARAMETERS)->parameters = parameters;
    }
}

void row_seconds(struct row *row, const char *key, double microseconds)
{
    row_real(row, key, microseconds / 1e6);
}

void row_put_real(double value, const char *none, FILE *out)
{
    /* A value that is no number, or infinite, has no place in JSON. */
    if (!(value >= -1e300 && value <= 1e300)) {
        fputs(none, out);
    } else {
        fprintf(out, "%.12g", value == 0 ? 0.0 : value);
    }
}

void row_put_json_text(const char *text, FILE *out)
{
    fputc('"', out);
    for (const char *at = text; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte == '"' || byte == '\\') {
            fputc('\\', out);
            fputc(byte, out);
        } else if (byte < ' ') {
            fprintf(out, "\\u%04x", byte);
        } else {
            fputc(byte, out);
        }
    }
    fputc('"', out);
}

void row_put_csv_text(const char *text, FILE *out)
{
    if (strpbrk(text, ",\"\r\n") == NULL) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '"') {
            fputc('"', out);
        }
        fputc(*at, out);
    }
    fputc('"', out);
}

static void put_parameters(const struct parameters *parameters, FILE *out)
{
    for (uint32_t i = 0; i < parameters->count; i++) {
        fputc(i == 0 ? '{' : ',', out);
        row_put_json_text(parameters->at[i].path, out);
        fprintf(out, ":%s", parameters->at[i].json);
    }
    fputc('}', out);
}

static void put_json(const struct row_value *value, FILE *out)
{
    switch (value->kind) {
    case ROW_TEXT:
        row_put_json_text(value->text, out);
        break;
    case ROW_WHOLE:
        fprintf(out, "%" PRId64, value->whole);
        break;
    case ROW_COUNT:
        fprintf(out, "%" PRIu64, value->count);
        break;
    case ROW_REAL:
        row_put_real(value->real, "null", out);
        break;
    case ROW_BOOL:
        fputs(value->whole ? "true" : "false", out);
        break;
    case ROW_JSON:
        fputs(value->text, out);
        break;
    case ROW_PARAMETERS:
        put_parameters(value->parameters, out);
        break;
    }
}

void row_begin_json(const struct row *row, FILE *out)
{
    fputc('{', out);
    for (uint32_t i = 0; i < row->size; i++) {
        fprintf(out, "%s\"%s\":", i == 0 ? "" : ",", row->values[i].key);
        put_json(&row->values[i], out);
    }
}

void row_write_json(const struct row *row, FILE *out)
{
    row_begin_json(row, out);
    fputc('}', out);
}

const struct row_value *row_find(const struct row *row, const char *key)
{
    for (uint32_t i = 0; i < row->size; i++) {
        if (strcmp(row->values[i].key, key) == 0) {
            return &row->values[i];
        }
    }
    return NULL;
}

static void put_csv(const struct row_value *value, FILE *out)
{
    if (value->kind == ROW_TEXT || value->kind == ROW_JSON) {
        row_put_csv_text(value->text, out);
    } else if (value->kind == ROW_REAL) {
        row_put_real(value->real, "", out);
    } else {
        put_json(value, out);
    }
}

void row_write_head(const char *const *columns, const struct parameters *parameters, FILE *out)
{
    for (size_t i = 0; columns[i] != NULL; i++) {
        if (strcmp(columns[i], ROW_PARAMETERS_COLUMN) != 0) {
            fprintf(out, "%s%s", i == 0 ? "" : ",", columns[i]);
            continue;
        }
        for (uint32_t p = 0; p < parameters->count; p++) {
            fputc(',', out);
            row_put_csv_text(parameters->at[p].path, out);
        }
    }
    fputc('\n', out);
}

/* As many columns as there are parameters, each behind a comma. */
static void put_csv_parameters(const struct row_value *value, FILE *out)
{
    for (uint32_t i = 0; value != NULL && i < value->parameters->count; i++) {
        fputc(',', out);
        row_put_csv_text(value->parameters->at[i].text, out);
    }
}

void row_write_csv(const struct row *row, const char *const *columns, FILE *out)
{
    for (size_t i = 0; columns[i] != NULL; i++) {
        const struct row_value *value = row_find(row, columns[i]);
        bool ours = value == NULL || value->kind == ROW_PARAMETERS;
        if (ours && strcmp(columns[i], ROW_PARAMETERS_COLUMN) == 0) {
            put_csv_parameters(value, out);
            continue;
        }
        if (i > 0) {
            fputc(',', out);
        }
        if (value != NULL) {
            put_csv(value, out);
        }
    }
    fputc('\n', out);
}
