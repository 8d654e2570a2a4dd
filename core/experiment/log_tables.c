/* SPDX-License-Identifier: MIT */
/* Tables held against tables made again from a log: see log_tables.h. */
#include "core/experiment/log_tables.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/file.h"
#include "core/base/symbols.h"
#include "core/experiment/conflict_records.h"

#define TABLE_BYTES_MAX ((size_t)1 << 32)
#define TEXT_BYTES 1024
#define SHOWN 160 /* bytes of a line in a message, */
#define BEFORE 60 /* so many of them in front of where it differs */
#define PART_BYTES (2 * SHOWN + 8)
#define HISTOGRAM_KEYS 9

/* Lines of one point, which follow each other. */
struct rows {
    const char *begin;
    const char *end;
    size_t line; /* number of the first one, from 1 */
    bool taken;
};

/* A file, and where the point at hand is in it. */
struct table {
    enum output_file file;
    char *path; /* NULL: it is not there */
    char *bytes;
    const char *end; /* of the lines, each of which has a line feed */
    size_t line_count;
    bool head_told;  /* that the head is another */
    size_t stray;    /* the first line that is apart from the others of its point; 0: none */
    uint32_t width;  /* values of a row */
    uint32_t first;  /* CSV: the column with which the names of a point begin, */
    uint32_t behind; /* and the first one behind them */
    struct symbols *points;
    struct rows *rows; /* by symbol of a point */
    uint32_t room;
    /* the point at hand */
    FILE *out;         /* what is written here is held against the file; NULL: nothing yet */
    struct rows *mine; /* NULL: there are none, or not looked for yet */
    const char *at;    /* the next line of them */
    size_t made_count; /* lines so far */
    char *made;        /* the line that is being written */
    size_t made_size;
    size_t made_room;
    char said[TEXT_BYTES]; /* of the first difference; "": there is none */
};

struct log_tables {
    char *directory;
    bool mapreduce;
    const struct point *point; /* the one at hand */
    struct table tables[OUTPUT_FILES];
};

static int no_memory(omega_error_t *err)
{
    return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
}

bool log_tables_has(const struct log_tables *tables, enum output_file file)
{
    return tables->tables[file].path != NULL;
}

/* ---- lines ---- */

static const char *line_end(const char *line)
{
    return (const char *)rawmemchr(line, '\n');
}

/* Behind the comma that ends a CSV field, or the end. */
static const char *skip_field(const char *at, const char *end)
{
    bool quoted = false;
    while (at < end && (quoted || *at != ',')) {
        quoted ^= *at++ == '"';
    }
    return at < end ? at + 1 : end;
}

/* What names the point of a line: its columns, or all that stands in front of a scheduler. */
static const char *point_of(const struct table *table, const char *line, const char *end,
                            size_t *size)
{
    static const char key[] = ",\"scheduler\":";
    if (table->file == OUTPUT_HISTOGRAMS) {
        const char *at = memmem(line, (size_t)(end - line), key, strlen(key));
        *size = at == NULL ? 0 : (size_t)(at - line);
        return line;
    }
    for (uint32_t i = 0; i < table->first; i++) {
        line = skip_field(line, end);
    }
    const char *behind = line;
    for (uint32_t i = table->first; i < table->behind; i++) {
        behind = skip_field(behind, end);
    }
    *size = (size_t)(behind - line);
    return line;
}

/* ---- reading ---- */

/* Whether the first line is one that omega writes above the rows. */
static bool has_head(const struct table *table)
{
    return table->file != OUTPUT_HISTOGRAMS;
}

/* Finds the columns that name a point by the head that is there. */
static void read_head(struct table *table)
{
    static const char *const behind[OUTPUT_FILES] = {
        [OUTPUT_RESULTS_CSV] = "name", [OUTPUT_SERIES] = "start_s",
        [OUTPUT_JOBS] = "job",         [OUTPUT_CONFLICTS] = "scheduler",
        [OUTPUT_MACHINES] = "machine", [OUTPUT_COUNTERFACTUALS] = "scheduler",
        [OUTPUT_REFUSED] = "time_us",
    };
    const char *at = table->bytes;
    const char *end = at < table->end ? line_end(at) : at;
    bool first_is_known = false;
    bool behind_is_known = false;
    for (uint32_t i = 0; at < end; i++, table->width++) {
        const char *next = skip_field(at, end);
        size_t length = (size_t)(next - at) - (next[-1] == ',');
        if (!first_is_known && length == strlen("variant") && memcmp(at, "variant", length) == 0) {
            table->first = i;
            first_is_known = true;
        } else if (!behind_is_known && length == strlen(behind[table->file]) &&
                   memcmp(at, behind[table->file], length) == 0) {
            table->behind = i;
            behind_is_known = true;
        }
        at = next;
    }
}

/* Adds a line to those of its point, `last` being the one that the line before it is of. */
static int add_line(struct table *table, const char *line, const char *end, uint32_t *last)
{
    size_t size;
    const char *names = point_of(table, line, end, &size);
    uint32_t point = symbols_intern_n(table->points, names, size);
    table->line_count++;
    if (point == SYMBOL_NONE) {
        return OMEGA_ENOMEM;
    }
    if (point >= table->room) {
        uint32_t room = table->room == 0 ? 64 : 2 * table->room;
        struct rows *grown = reallocarray(table->rows, room, sizeof *grown);
        if (grown == NULL) {
            return OMEGA_ENOMEM;
        }
        memset(grown + table->room, 0, (room - table->room) * sizeof *grown);
        table->rows = grown;
        table->room = room;
    }
    struct rows *rows = &table->rows[point];
    if (rows->begin == NULL) {
        *rows = (struct rows){.begin = line, .end = end + 1, .line = table->line_count};
    } else if (point == *last) {
        rows->end = end + 1;
    } else if (table->stray == 0) {
        table->stray = table->line_count;
    }
    *last = point;
    return OMEGA_OK;
}

static int find_points(struct table *table)
{
    uint32_t last = SYMBOL_NONE;
    const char *at = table->bytes;
    table->points = symbols_create();
    if (table->points == NULL) {
        return OMEGA_ENOMEM;
    }
    table->width = HISTOGRAM_KEYS;
    if (has_head(table) && at < table->end) {
        table->width = 0;
        read_head(table);
        at = line_end(at) + 1;
        table->line_count = 1;
    }
    while (at < table->end) {
        const char *end = line_end(at);
        if (add_line(table, at, end, &last) != OMEGA_OK) {
            return OMEGA_ENOMEM;
        }
        at = end + 1;
    }
    return OMEGA_OK;
}

int log_tables_create(const char *directory, struct log_tables **out, omega_error_t *err)
{
    struct log_tables *tables = calloc(1, sizeof *tables);
    *out = tables;
    if (tables == NULL || (tables->directory = strdup(directory)) == NULL) {
        free(tables);
        *out = NULL;
        return no_memory(err);
    }
    return OMEGA_OK;
}

int log_tables_add(struct log_tables *tables, enum output_file file, char *bytes, size_t size,
                   omega_error_t *err)
{
    struct table *table = &tables->tables[file];
    table->file = file;
    table->bytes = bytes;
    if (size > 0 && bytes[size - 1] != '\n') {
        bytes[size++] = '\n'; /* in the place of the NUL behind it */
    }
    table->end = bytes + size;
    if (asprintf(&table->path, "%s/%s", tables->directory, output_name(file)) < 0) {
        table->path = NULL;
        return no_memory(err);
    }
    return find_points(table) != OMEGA_OK ? no_memory(err) : OMEGA_OK;
}

static int read_table(struct log_tables *tables, enum output_file file, omega_error_t *err)
{
    struct stat status;
    char *path = NULL;
    char *bytes = NULL;
    size_t size = 0;
    int rc = OMEGA_OK;
    if (asprintf(&path, "%s/%s", tables->directory, output_name(file)) < 0) {
        return no_memory(err);
    }
    if (lstat(path, &status) == 0 || errno != ENOENT) {
        rc = file_read_all(path, TABLE_BYTES_MAX, &bytes, &size, err);
        rc = rc == OMEGA_OK ? log_tables_add(tables, file, bytes, size, err) : rc;
    }
    free(path);
    return rc;
}

int log_tables_open(const char *directory, struct log_tables **out, omega_error_t *err)
{
    int rc = log_tables_create(directory, out, err);
    for (int file = OUTPUT_TABLE_FIRST; rc == OMEGA_OK && file <= OUTPUT_TABLE_LAST; file++) {
        rc = read_table(*out, (enum output_file)file, err);
    }
    if (rc != OMEGA_OK) {
        log_tables_close(*out);
        *out = NULL;
    }
    return rc;
}

/* Forgets the point at hand. */
static void end_point(struct table *table)
{
    if (table->out != NULL) {
        fclose(table->out);
    }
    table->out = NULL;
    table->mine = NULL;
    table->made_count = 0;
    table->made_size = 0;
    table->said[0] = '\0';
}

void log_tables_close(struct log_tables *tables)
{
    for (int file = 0; tables != NULL && file < OUTPUT_FILES; file++) {
        struct table *table = &tables->tables[file];
        end_point(table);
        free(table->path);
        free(table->bytes);
        free(table->rows);
        free(table->made);
        symbols_destroy(table->points);
    }
    if (tables != NULL) {
        free(tables->directory);
        free(tables);
    }
}

/* ---- telling ---- */

__attribute__((format(printf, 3, 4))) static void say(log_results_differ *differ, void *context,
                                                      const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    differ(context, text);
}

/* A part of a line for a message, from a little before `at` on; a NUL byte is \0. */
static const char *part_of(const char *line, size_t size, size_t at, char out[PART_BYTES])
{
    size_t from = size <= SHOWN || at <= BEFORE ? 0 : at - BEFORE;
    size_t length = (size_t)snprintf(out, 8, "%s", from > 0 ? "..." : "");
    for (size_t i = from; i < size && i < from + SHOWN; i++) {
        if (line[i] == '\0') {
            out[length++] = '\\';
            out[length++] = '0';
        } else {
            out[length++] = line[i];
        }
    }
    out[length] = '\0';
    return out;
}

static size_t first_difference(const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t at = 0;
    while (at < a_size && at < b_size && a[at] == b[at]) {
        at++;
    }
    return at;
}

/* Keeps what is to be said of a line: NULL for what is not there. */
static void note_difference(struct table *table, const char *is, size_t is_size,
                            const char *expected, size_t expected_size)
{
    char is_text[PART_BYTES];
    char expected_text[PART_BYTES];
    size_t line =
        table->mine == NULL ? table->line_count + 1 : table->mine->line + table->made_count;
    size_t at = first_difference(is, is_size, expected, expected_size);
    part_of(is, is_size, at, is_text);
    part_of(expected, expected_size, at, expected_text);
    if (is == NULL) {
        snprintf(table->said, TEXT_BYTES, "%s: line %zu: is not there, expected '%s' by the log",
                 table->path, line, expected_text);
    } else {
        snprintf(table->said, TEXT_BYTES, "%s: line %zu: is '%s', expected '%s' by the log",
                 table->path, line, is_text,
                 expected == NULL ? "nothing more of this point" : expected_text);
    }
}

/* ---- comparing ---- */

/* Holds a line that was made again against the file's next one. */
static void hold_line(struct table *table, const char *line, size_t size)
{
    if (table->made_count == 0) {
        size_t names_size;
        const char *names = point_of(table, line, line + size, &names_size);
        uint32_t point = symbols_find(table->points, names, names_size);
        bool there = point != SYMBOL_NONE && point < table->room;
        table->mine = there && table->rows[point].begin != NULL ? &table->rows[point] : NULL;
        table->at = table->mine == NULL ? NULL : table->mine->begin;
    }
    if (table->said[0] == '\0') {
        bool there = table->mine != NULL && table->at < table->mine->end;
        const char *end = there ? line_end(table->at) : NULL;
        size_t there_size = there ? (size_t)(end - table->at) : 0;
        if (!there || there_size != size || memcmp(table->at, line, size) != 0) {
            note_difference(table, there ? table->at : NULL, there_size, line, size);
        } else {
            table->at = end + 1;
        }
    }
    table->made_count++;
}

/* Takes what is written to a table's stream, of which full lines are held against the file. */
static ssize_t take(void *cookie, const char *bytes, size_t size)
{
    struct table *table = cookie;
    size_t wanted = table->made_size + size;
    if (wanted > table->made_room) {
        char *grown = realloc(table->made, 2 * wanted);
        if (grown == NULL) {
            return 0;
        }
        table->made = grown;
        table->made_room = 2 * wanted;
    }
    memcpy(table->made + table->made_size, bytes, size);
    table->made_size = wanted;
    const char *at = table->made;
    const char *end = table->made + wanted;
    const char *feed;
    while ((feed = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        hold_line(table, at, (size_t)(feed - at));
        at = feed + 1;
    }
    table->made_size = (size_t)(end - at);
    memmove(table->made, at, table->made_size);
    return (ssize_t)size;
}

/* The stream of a table that is there; NULL without memory. */
static FILE *stream_of(struct table *table)
{
    if (table->out == NULL) {
        table->out = fopencookie(table, "w", (cookie_io_functions_t){.write = take});
    }
    return table->out;
}

void log_tables_mapreduce(struct log_tables *tables, bool mapreduce)
{
    tables->mapreduce = mapreduce;
}

void log_tables_begin(struct log_tables *tables, const struct point *point)
{
    tables->point = point;
    for (int file = 0; file < OUTPUT_FILES; file++) {
        end_point(&tables->tables[file]);
    }
}

void log_tables_refused(void *context, const struct metrics *metrics,
                        const struct metrics_refused *claim)
{
    struct log_tables *tables = context;
    bool there = log_tables_has(tables, OUTPUT_REFUSED);
    FILE *out = there ? stream_of(&tables->tables[OUTPUT_REFUSED]) : NULL;
    if (out != NULL) { /* else log_tables_compare() finds no memory, either */
        conflict_refused_row(tables->point, metrics, claim, out);
    }
}

/* Holds the first line against the one that omega writes. */
static int compare_head(const struct log_tables *tables, struct table *table,
                        log_results_differ *differ, void *context, omega_error_t *err)
{
    char *head = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&head, &size);
    if (out != NULL) {
        output_table_head(table->file, tables->mapreduce, &tables->point->parameters, out);
    }
    if (out == NULL || fclose(out) != 0) {
        return no_memory(err);
    }
    size = strcspn(head, "\n");
    const char *end = table->bytes < table->end ? line_end(table->bytes) : table->bytes;
    size_t there = (size_t)(end - table->bytes);
    if (!table->head_told && (there != size || memcmp(table->bytes, head, size) != 0)) {
        char is[PART_BYTES];
        char expected[PART_BYTES];
        size_t at = first_difference(table->bytes, there, head, size);
        part_of(table->bytes, there, at, is);
        part_of(head, size, at, expected);
        say(differ, context, "%s: line 1: is '%s', expected '%s'", table->path, is, expected);
        table->head_told = true;
    }
    free(head);
    return OMEGA_OK;
}

static int compare_table(const struct log_tables *tables, struct table *table,
                         const struct point_result *result, log_results_differ *differ,
                         void *context, omega_error_t *err)
{
    FILE *out = stream_of(table);
    int rc = out == NULL ? no_memory(err)
                         : output_table_rows(table->file, tables->mapreduce, result, out, err);
    if (rc == OMEGA_OK && fflush(out) != 0) {
        rc = no_memory(err);
    }
    if (rc != OMEGA_OK) {
        return rc;
    }
    struct rows *mine = table->mine;
    if (mine != NULL) {
        mine->taken = true;
        if (table->said[0] == '\0' && table->at < mine->end) {
            note_difference(table, table->at, (size_t)(line_end(table->at) - table->at), NULL, 0);
        }
    }
    rc = has_head(table) ? compare_head(tables, table, differ, context, err) : OMEGA_OK;
    if (table->said[0] != '\0') {
        differ(context, table->said);
    }
    return rc;
}

int log_tables_compare(struct log_tables *tables, const struct point_result *result, uint32_t skip,
                       uint64_t *fields, log_results_differ *differ, void *context,
                       omega_error_t *err)
{
    int rc = OMEGA_OK;
    for (int file = OUTPUT_TABLE_FIRST; rc == OMEGA_OK && file <= OUTPUT_TABLE_LAST; file++) {
        struct table *table = &tables->tables[file];
        if (table->path != NULL && (skip >> file & 1) == 0) {
            rc = compare_table(tables, table, result, differ, context, err);
            *fields += table->made_count * table->width;
        }
    }
    return rc;
}

void log_tables_missed(const struct log_tables *tables, uint32_t known, uint32_t files,
                       log_results_differ *differ, void *context)
{
    for (int file = OUTPUT_TABLE_FIRST; file <= OUTPUT_TABLE_LAST; file++) {
        bool asked = (files >> file & 1) != 0;
        if ((known >> file & 1) != 0 && asked != log_tables_has(tables, (enum output_file)file)) {
            say(differ, context, "%s/%s: is %s, expected what the run recorded by its log",
                tables->directory, output_name((enum output_file)file),
                asked ? "not there" : "there");
        }
    }
}

void log_tables_rest(const struct log_tables *tables, uint32_t skip, log_results_differ *differ,
                     void *context)
{
    char text[PART_BYTES];
    for (int file = OUTPUT_TABLE_FIRST; file <= OUTPUT_TABLE_LAST; file++) {
        const struct table *table = &tables->tables[file];
        if (table->path == NULL || (skip >> file & 1) != 0) {
            continue;
        }
        if (table->stray > 0) {
            say(differ, context,
                "%s: line %zu: stands apart, expected all rows of its point "
                "behind each other",
                table->path, table->stray);
        }
        for (uint32_t i = 0; i < table->room; i++) {
            const struct rows *rows = &table->rows[i];
            if (rows->begin != NULL && !rows->taken) {
                size_t size = (size_t)(line_end(rows->begin) - rows->begin);
                say(differ, context, "%s: line %zu: is of no point with such rows by a log: %s",
                    table->path, rows->line, part_of(rows->begin, size, 0, text));
            }
        }
    }
}
