/* SPDX-License-Identifier: MIT */
/* Tables of conflicts held against tables made again from a log: see log_tables.h. */
#include "core/experiment/log_tables.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/file.h"

#define TABLE_BYTES_MAX ((size_t)1 << 32)
#define TEXT_BYTES 1024

struct table_file {
    char *path; /* NULL: it is not there */
    char *bytes;
    char **lines; /* the head is the first */
    size_t count;
    bool *taken;
    size_t nul_line; /* the first line with a NUL byte; 0: there is none */
};

struct log_tables {
    char *directory;
    struct table_file files[CONFLICT_TABLES];
};

bool log_tables_has(const struct log_tables *tables, enum conflict_table table)
{
    return tables->files[table].path != NULL;
}

/* ---- reading ---- */

/* Cuts text, whose lines end with a line feed, in place; what has no end is the last line. */
static int cut(char *text, size_t size, char ***lines, size_t *count)
{
    size_t room = 1;
    for (size_t i = 0; i < size; i++) {
        room += text[i] == '\n';
    }
    *count = 0;
    *lines = calloc(room + 1, sizeof(char *));
    if (*lines == NULL) {
        return OMEGA_ENOMEM;
    }
    for (char *at = text; at < text + size;) {
        char *end = memchr(at, '\n', (size_t)(text + size - at));
        (*lines)[(*count)++] = at;
        if (end == NULL) {
            break;
        }
        *end = '\0';
        at = end + 1;
    }
    return OMEGA_OK;
}

/* The first line with a NUL byte, which lines made of text cannot show; 0 if there is none. */
static size_t find_nul(const char *bytes, size_t size)
{
    const char *nul = memchr(bytes, '\0', size);
    size_t line = nul != NULL;
    for (const char *at = bytes; nul != NULL && at < nul; at++) {
        line += *at == '\n';
    }
    return line;
}

static int read_file(struct table_file *file, const char *directory, const char *name,
                     omega_error_t *err)
{
    struct stat status;
    char *path = NULL;
    size_t size = 0;
    if (asprintf(&path, "%s/%s", directory, name) < 0) {
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    if (lstat(path, &status) != 0 && errno == ENOENT) {
        free(path);
        return OMEGA_OK;
    }
    file->path = path;
    int rc = file_read_all(path, TABLE_BYTES_MAX, &file->bytes, &size, err);
    if (rc == OMEGA_OK) {
        file->nul_line = find_nul(file->bytes, size);
    }
    if (rc == OMEGA_OK && cut(file->bytes, size, &file->lines, &file->count) == OMEGA_OK) {
        file->taken = calloc(file->count + 1, sizeof *file->taken);
    }
    return rc == OMEGA_OK && file->taken == NULL
               ? omega_error_set(err, OMEGA_ENOMEM, "out of memory")
               : rc;
}

int log_tables_open(const char *directory, struct log_tables **out, omega_error_t *err)
{
    struct log_tables *tables = calloc(1, sizeof *tables);
    *out = NULL;
    if (tables == NULL || (tables->directory = strdup(directory)) == NULL) {
        free(tables);
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    for (int table = 0; table < CONFLICT_TABLES; table++) {
        if (read_file(&tables->files[table], directory, conflict_table_names[table], err) != 0) {
            log_tables_close(tables);
            return err->code;
        }
    }
    *out = tables;
    return OMEGA_OK;
}

void log_tables_close(struct log_tables *tables)
{
    for (int table = 0; tables != NULL && table < CONFLICT_TABLES; table++) {
        free(tables->files[table].path);
        free(tables->files[table].bytes);
        free(tables->files[table].lines);
        free(tables->files[table].taken);
    }
    if (tables != NULL) {
        free(tables->directory);
        free(tables);
    }
}

/* ---- comparing ---- */

/* Makes the head, or the rows of a point, again and cuts them into lines. */
static int make(enum conflict_table table, const struct point_result *result, bool head,
                char **text, char ***lines, size_t *count)
{
    size_t size = 0;
    *text = NULL;
    *lines = NULL;
    FILE *out = open_memstream(text, &size);
    if (out == NULL) {
        return OMEGA_ENOMEM;
    }
    if (head) {
        conflict_table_head(table, &result->point->parameters, out);
    } else {
        conflict_table_rows(table, result, out);
    }
    return fclose(out) != 0 ? OMEGA_ENOMEM : cut(*text, size, lines, count);
}

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

/* "VARIANT,SEED,PARAMETERS,", with which each row of the point begins; free(). NULL without
 * memory. */
static char *beginning(const struct point *point)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        return NULL;
    }
    row_put_csv_text(point->variant, out);
    fprintf(out, ",%" PRIu64 ",", point->seed);
    for (uint32_t i = 0; i < point->parameters.count; i++) {
        row_put_csv_text(point->parameters.at[i].text, out);
        fputc(',', out);
    }
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* Holds the lines of a point, one after the other, against those made again: tells the first that
 * differs. */
static void compare_lines(struct table_file *file, const char *begins, char *const *made,
                          size_t count, log_results_differ *differ, void *context)
{
    size_t length = strlen(begins);
    size_t first = 1;
    while (first < file->count && strncmp(file->lines[first], begins, length) != 0) {
        first++;
    }
    size_t there = 0;
    while (first + there < file->count &&
           strncmp(file->lines[first + there], begins, length) == 0) {
        file->taken[first + there++] = true;
    }
    for (size_t i = 0; i < count || i < there; i++) {
        if (i >= there) {
            say(differ, context, "%s: line %zu: is not there, expected '%.200s' by the log",
                file->path, first + i + 1, made[i]);
            return;
        }
        if (i >= count || strcmp(file->lines[first + i], made[i]) != 0) {
            say(differ, context, "%s: line %zu: is '%.200s', expected '%.200s' by the log",
                file->path, first + i + 1, file->lines[first + i],
                i < count ? made[i] : "nothing more of this point");
            return;
        }
    }
}

static int compare_head(struct table_file *file, enum conflict_table table,
                        const struct point_result *result, log_results_differ *differ,
                        void *context)
{
    char *text;
    char **lines;
    size_t count;
    int rc = make(table, result, true, &text, &lines, &count);
    if (rc == OMEGA_OK && (file->count == 0 || strcmp(file->lines[0], lines[0]) != 0)) {
        say(differ, context, "%s: line 1: is '%.200s', expected '%.200s'", file->path,
            file->count == 0 ? "" : file->lines[0], lines[0]);
    }
    if (file->count > 0) {
        file->taken[0] = true;
    }
    free(lines);
    free(text);
    return rc;
}

static int compare_table(struct table_file *file, enum conflict_table table,
                         const struct point_result *result, uint64_t *fields,
                         log_results_differ *differ, void *context)
{
    char *text = NULL;
    char **lines = NULL;
    size_t count = 0;
    char *begins = beginning(result->point);
    int rc = begins == NULL ? OMEGA_ENOMEM : compare_head(file, table, result, differ, context);
    rc = rc == OMEGA_OK ? make(table, result, false, &text, &lines, &count) : rc;
    if (rc == OMEGA_OK) {
        compare_lines(file, begins, lines, count, differ, context);
        *fields += count * conflict_table_width(table, &result->point->parameters);
    }
    free(begins);
    free(lines);
    free(text);
    return rc;
}

int log_tables_compare(struct log_tables *tables, const struct point_result *result,
                       uint64_t *fields, log_results_differ *differ, void *context,
                       omega_error_t *err)
{
    int rc = OMEGA_OK;
    for (int table = 0; rc == OMEGA_OK && table < CONFLICT_TABLES; table++) {
        if (log_tables_has(tables, (enum conflict_table)table)) {
            rc = compare_table(&tables->files[table], (enum conflict_table)table, result, fields,
                               differ, context);
        }
    }
    bool asked = result->point->metrics.counterfactuals;
    if (asked != log_tables_has(tables, CONFLICT_TABLE_WOULD)) {
        say(differ, context, "%s/%s: is %s, expected what the experiment says of counterfactuals",
            tables->directory, conflict_table_names[CONFLICT_TABLE_WOULD],
            asked ? "not there" : "there");
    }
    return rc == OMEGA_OK ? rc : omega_error_set(err, rc, "out of memory");
}

void log_tables_rest(const struct log_tables *tables, log_results_differ *differ, void *context)
{
    for (int table = 0; table < CONFLICT_TABLES; table++) {
        const struct table_file *file = &tables->files[table];
        if (file->nul_line > 0) {
            say(differ, context, "%s: line %zu: has a NUL byte, expected text", file->path,
                file->nul_line);
        }
        for (size_t i = 1; i < file->count; i++) {
            if (!file->taken[i]) {
                say(differ, context, "%s: line %zu: is of no point that has a log: %.120s",
                    file->path, i + 1, file->lines[i]);
            }
        }
    }
}
