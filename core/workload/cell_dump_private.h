/* SPDX-License-Identifier: MIT */
/* What the files of the cell dump share: the words of the format, and reading its lines. */
#ifndef OMEGA_CORE_WORKLOAD_CELL_DUMP_PRIVATE_H
#define OMEGA_CORE_WORKLOAD_CELL_DUMP_PRIVATE_H

#include <jansson.h>
#include <stdbool.h>

#include "core/base/sha256.h"
#include "core/workload/cell_dump.h"

/* A dump being read, and its last line. */
struct dump_reader {
    FILE *stream; /* the caller's */
    const char *name;
    struct cell_dump *dump;
    omega_error_t *err; /* never NULL */
    long line;          /* from 1 */
    char *buffer;       /* owned: the line without its end */
    size_t length;
    size_t room;
    json_t *object;    /* owned: that line as JSON */
    struct sha256 sha; /* of all lines so far, without the one read last */
    /* placements of jobs by (job, task), made when the first job comes, and how many of them have
     * been found to be right */
    const struct store_placement **of_jobs;
    size_t of_jobs_count;
    size_t of_jobs_seen;
    struct store_counters seen; /* what the jobs come to */
};

/* An error at the line read last. Returns `code`. */
int dump_fail(const struct dump_reader *reader, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with the text of an error that is not about a file yet. */
int dump_fail_with(const struct dump_reader *reader, const omega_error_t *cause);
int dump_no_memory(const struct dump_reader *reader);

/* Reads the next line as an object. Returns 1, 0 at the end of the stream, or a negative code. */
int dump_next(struct dump_reader *reader);
/* Adds the line read last to the checksum. */
void dump_count_line(struct dump_reader *reader);

enum dump_type {
    DUMP_U64, /* above 2^63 - 1 as a string of digits, which JSON numbers of many readers lack */
    DUMP_U32,
    DUMP_U16,
    DUMP_U8,
    DUMP_I64,
    DUMP_I32,
    DUMP_I16,
    DUMP_BOOL,
    DUMP_TEXT,     /* const char *, owned by dump->texts; {"hex":"..."} where it is no UTF-8 */
    DUMP_INSTANCE, /* uint16_t; null: OMEGA_INSTANCE_NONE */
    DUMP_VALUE,    /* json_t *, borrowed: for the caller to read */
    DUMP_OPTIONAL, /* the same, NULL where the key is not there */
    DUMP_KIND,     /* "type", which has been read */
};

/* A key of an object, and its place in a struct. */
struct dump_field {
    const char *key; /* NULL ends a table */
    enum dump_type type;
    size_t offset;
    int64_t min; /* numbers; texts: bytes */
    uint64_t max;
};

/* Reads all keys of an object by a table into the struct at `out`; `what` it is, for messages. */
int dump_object(const struct dump_reader *reader, const json_t *object, const char *what,
                const struct dump_field *fields, void *out);

#define DUMP_TEXT_MAX (1u << 20) /* bytes of one text */

#endif
