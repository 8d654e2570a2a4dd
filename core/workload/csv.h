/* SPDX-License-Identifier: MIT */
/*
 * CSV (RFC 4180): records of comma-separated fields, one a line, a field in double quotes where it
 * holds a comma or a quote. Line ends are LF or CRLF; fields of ours never hold one. Records,
 * fields and numbers are bounded and strict; every error is `file:line: what, expected what`.
 */
#ifndef OMEGA_CORE_WORKLOAD_CSV_H
#define OMEGA_CORE_WORKLOAD_CSV_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/error.h"

#define CSV_LINE_MAX (1u << 25) /* bytes; a job of 2^20 tasks with a duration each fits */
#define CSV_FIELDS_MAX 32u

struct csv {
    FILE *stream;     /* the caller's */
    char separator;   /* of fields: a comma, unless a reader of another format sets a tab */
    const char *name; /* of the file, for messages */
    long line;        /* of the record read last, from 1 */
    char *buffer;     /* owned: that record, cut into fields */
    size_t room;
    uint32_t count; /* fields of that record */
    char *fields[CSV_FIELDS_MAX];
    const char *columns[CSV_FIELDS_MAX]; /* names of the fields, for messages */
    uint32_t column_count;               /* 0 before the header */
};

void csv_init(struct csv *csv, FILE *stream, const char *name);
void csv_release(struct csv *csv);

/* Reads the next record into csv->fields. Returns 1, 0 at the end of the file, or a negative code.
 * Once the header has been read, each record must have as many fields as that. */
int csv_next(struct csv *csv, omega_error_t *err);

/* Reads the header: it must be the first `least` of `columns`, or all `most` of them, in order. The
 * names are kept: they must outlive the reader. */
int csv_header(struct csv *csv, const char *const *columns, uint32_t least, uint32_t most,
               omega_error_t *err);

/* Reads a header that has all `count` columns in any order, and no other. at[i] becomes the field
 * of column i. */
int csv_header_any_order(struct csv *csv, const char *const *columns, uint32_t count, uint32_t *at,
                         omega_error_t *err);

/* An error at the record read last. Returns `code`. */
int csv_fail(const struct csv *csv, int code, omega_error_t *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same with the text of an error that is not about a file yet. */
int csv_fail_with(const struct csv *csv, const omega_error_t *cause, omega_error_t *err);

/* Field number `field` as a decimal integer of `min` to `max`: digits, with a '-' where `min` is
 * negative; no blanks, no '+'. */
int csv_integer(const struct csv *csv, uint32_t field, int64_t min, int64_t max, int64_t *value,
                omega_error_t *err);

/* The same where an empty field stands for `absent`. */
int csv_integer_or(const struct csv *csv, uint32_t field, int64_t min, int64_t max, int64_t absent,
                   int64_t *value, omega_error_t *err);

/* Parses exactly `length` characters as such an integer. True if they are one in range. */
bool csv_parse_integer(const char *text, size_t length, int64_t min, int64_t max, int64_t *value);

/* Writes a text as one field, quoted where needed. */
void csv_write_text(FILE *out, const char *text);

#endif
