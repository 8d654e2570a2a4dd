/* SPDX-License-Identifier: MIT */
/* CSV: see csv.h. */
#include "core/workload/csv.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_FIRST 4096

void csv_init(struct csv *csv, FILE *stream, const char *name)
{
    memset(csv, 0, sizeof *csv);
    csv->stream = stream;
    csv->name = name;
    csv->separator = ',';
}

void csv_release(struct csv *csv)
{
    free(csv->buffer);
    csv->buffer = NULL;
    csv->room = 0;
}

int csv_fail(const struct csv *csv, int code, omega_error_t *err, const char *format, ...)
{
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return omega_error_set_at(err, code, csv->name, csv->line, "%s", text);
}

int csv_fail_with(const struct csv *csv, const omega_error_t *cause, omega_error_t *err)
{
    return csv_fail(csv, cause->code, err, "%s", cause->text);
}

static int grow_buffer(struct csv *csv, omega_error_t *err)
{
    size_t room = csv->room == 0 ? BUFFER_FIRST : 2 * csv->room;
    if (room > CSV_LINE_MAX) {
        return csv_fail(csv, OMEGA_EINVAL, err, "the line is longer than %u bytes, expected fewer",
                        CSV_LINE_MAX);
    }
    char *grown = realloc(csv->buffer, room);
    if (grown == NULL) {
        return csv_fail(csv, OMEGA_ENOMEM, err, "no memory for the line");
    }
    csv->buffer = grown;
    csv->room = room;
    return OMEGA_OK;
}

/* Reads a line into the buffer, without its end. Returns as csv_next(). */
static int read_line(struct csv *csv, size_t *length, omega_error_t *err)
{
    size_t used = 0;
    int c;
    csv->line++;
    while ((c = getc_unlocked(csv->stream)) != EOF && c != '\n') {
        if (c == '\0') {
            return csv_fail(csv, OMEGA_EINVAL, err, "the line holds a NUL byte, expected text");
        }
        int rc = used + 1 >= csv->room ? grow_buffer(csv, err) : OMEGA_OK;
        if (rc != OMEGA_OK) {
            return rc;
        }
        csv->buffer[used++] = (char)c;
    }
    if (c == EOF && ferror(csv->stream)) {
        return omega_error_set_errno(err, csv->name, "cannot read");
    }
    if (c == EOF && used == 0) {
        return 0;
    }
    if (csv->room == 0 && grow_buffer(csv, err) != OMEGA_OK) {
        return OMEGA_ENOMEM;
    }
    if (used > 0 && csv->buffer[used - 1] == '\r') {
        used--;
    }
    csv->buffer[used] = '\0';
    *length = used;
    return 1;
}

/* Removes the quotes of a field that starts at `start`, in place. Returns the place behind it, or
 * NULL if it has no end. */
static char *unquote(char *start)
{
    char *to = start;
    for (char *from = start + 1; *from != '\0'; from++) {
        if (*from != '"') {
            *to++ = *from;
        } else if (from[1] == '"') {
            *to++ = *from++;
        } else {
            *to = '\0'; /* overwrites the field, never what is behind its last quote */
            return from + 1;
        }
    }
    return NULL;
}

static int split_line(struct csv *csv, omega_error_t *err)
{
    const char ends[] = {csv->separator, '"', '\0'};
    char *at = csv->buffer;
    csv->count = 0;
    for (;;) {
        if (csv->count == CSV_FIELDS_MAX) {
            return csv_fail(csv, OMEGA_EINVAL, err, "more than %u fields, expected fewer",
                            CSV_FIELDS_MAX);
        }
        csv->fields[csv->count++] = at;
        bool quoted = *at == '"';
        at = quoted ? unquote(at) : at + strcspn(at, ends);
        if (at == NULL || *at == '"') {
            return csv_fail(csv, OMEGA_EINVAL, err,
                            at == NULL ? "field %" PRIu32 " has no closing quote, expected one on "
                                         "this line"
                                       : "a quote within field %" PRIu32 ", expected the whole "
                                         "field in quotes and its quotes doubled",
                            csv->count);
        }
        if (*at != csv->separator && *at != '\0') {
            return csv_fail(csv, OMEGA_EINVAL, err,
                            "text behind the closing quote of field %" PRIu32
                            ", expected a %s or the end of the line",
                            csv->count, csv->separator == '\t' ? "tab" : "comma");
        }
        bool last = *at == '\0';
        *at++ = '\0';
        if (last) {
            return OMEGA_OK;
        }
    }
}

int csv_next(struct csv *csv, omega_error_t *err)
{
    size_t length = 0;
    int rc = read_line(csv, &length, err);
    if (rc != 1) {
        return rc;
    }
    rc = split_line(csv, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (csv->column_count > 0 && csv->count != csv->column_count) {
        return csv_fail(csv, OMEGA_EINVAL, err, "%" PRIu32 " fields, expected %" PRIu32, csv->count,
                        csv->column_count);
    }
    return 1;
}

/* "a,b,c" of column names, cut to `size`. */
static void list_columns(const char *const *columns, uint32_t count, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < count && used < size; i++) {
        int n = snprintf(out + used, size - used, "%s%s", i == 0 ? "" : ",", columns[i]);
        used += n < 0 ? size : (size_t)n;
    }
}

static int bad_header(const struct csv *csv, const char *const *columns, uint32_t count,
                      const char *what, omega_error_t *err)
{
    char expected[240];
    list_columns(columns, count, expected, sizeof expected);
    return csv_fail(csv, OMEGA_EINVAL, err, "%s, expected the header '%s'", what, expected);
}

static int read_header(struct csv *csv, const char *const *columns, uint32_t count,
                       omega_error_t *err)
{
    int rc = csv_next(csv, err);
    if (rc == 0) {
        csv->line = 1;
        return bad_header(csv, columns, count, "the file is empty", err);
    }
    return rc < 0 ? rc : OMEGA_OK;
}

int csv_header(struct csv *csv, const char *const *columns, uint32_t least, uint32_t most,
               omega_error_t *err)
{
    int rc = read_header(csv, columns, least, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    bool right = csv->count == least || csv->count == most;
    for (uint32_t i = 0; right && i < csv->count; i++) {
        right = strcmp(csv->fields[i], columns[i]) == 0;
    }
    if (!right) {
        return bad_header(csv, columns, least, "another header", err);
    }
    memcpy(csv->columns, columns, csv->count * sizeof *columns);
    csv->column_count = csv->count;
    return OMEGA_OK;
}

/* The number of the column that a header field names; `count` for none. */
static uint32_t find_column(const char *name, const char *const *columns, uint32_t count)
{
    uint32_t i = 0;
    while (i < count && strcmp(columns[i], name) != 0) {
        i++;
    }
    return i;
}

int csv_header_any_order(struct csv *csv, const char *const *columns, uint32_t count, uint32_t *at,
                         omega_error_t *err)
{
    char what[80];
    int rc = read_header(csv, columns, count, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    for (uint32_t i = 0; i < count; i++) {
        at[i] = UINT32_MAX;
    }
    for (uint32_t f = 0; f < csv->count; f++) {
        uint32_t i = find_column(csv->fields[f], columns, count);
        if (i == count || at[i] != UINT32_MAX) {
            snprintf(what, sizeof what, "%s column '%.40s'", i == count ? "unknown" : "second",
                     csv->fields[f]);
            return bad_header(csv, columns, count, what, err);
        }
        at[i] = f;
        csv->columns[f] = columns[i];
    }
    for (uint32_t i = 0; i < count; i++) {
        if (at[i] == UINT32_MAX) {
            snprintf(what, sizeof what, "column '%.40s' is missing", columns[i]);
            return bad_header(csv, columns, count, what, err);
        }
    }
    csv->column_count = csv->count;
    return OMEGA_OK;
}

bool csv_parse_integer(const char *text, size_t length, int64_t min, int64_t max, int64_t *value)
{
    bool negative = length > 0 && text[0] == '-';
    size_t i = negative ? 1 : 0;
    if (i == length || length - i > 19 || (negative && min >= 0)) {
        return false;
    }
    uint64_t magnitude = 0; /* 19 digits are below 2^64 */
    for (; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        magnitude = 10 * magnitude + (uint64_t)(text[i] - '0');
    }
    if (magnitude > INT64_MAX) {
        return false;
    }
    *value = negative ? -(int64_t)magnitude : (int64_t)magnitude;
    return *value >= min && *value <= max;
}

int csv_integer(const struct csv *csv, uint32_t field, int64_t min, int64_t max, int64_t *value,
                omega_error_t *err)
{
    const char *text = csv->fields[field];
    if (csv_parse_integer(text, strlen(text), min, max, value)) {
        return OMEGA_OK;
    }
    return csv_fail(csv, OMEGA_EINVAL, err,
                    "%s '%.40s', expected an integer of %" PRId64 " to %" PRId64,
                    csv->columns[field], text, min, max);
}

int csv_integer_or(const struct csv *csv, uint32_t field, int64_t min, int64_t max, int64_t absent,
                   int64_t *value, omega_error_t *err)
{
    if (csv->fields[field][0] == '\0') {
        *value = absent;
        return OMEGA_OK;
    }
    return csv_integer(csv, field, min, max, value, err);
}

void csv_write_text(FILE *out, const char *text)
{
    if (strpbrk(text, ",\"") == NULL) {
        fputs(text, out);
        return;
    }
    putc('"', out);
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '"') {
            putc('"', out);
        }
        putc(*p, out);
    }
    putc('"', out);
}
