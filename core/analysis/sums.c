/* SPDX-License-Identifier: MIT */
/* What tells that result files are whole: see sums.h. */
#include "core/analysis/sums.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/analysis/lines.h"
#include "core/experiment/outputs.h"

#define HEX_DIGITS (SHA256_HEX - 1)
#define BETWEEN "  " /* of sum and name: sha256sum reads it as text */

static int no_memory(omega_error_t *err)
{
    return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
}

static const struct sums_entry *find(const struct sums *sums, const char *name)
{
    for (uint32_t i = 0; i < sums->count; i++) {
        if (strcmp(sums->entries[i].name, name) == 0) {
            return &sums->entries[i];
        }
    }
    return NULL;
}

/* ---- reading ---- */

/* Is it "64 HEX DIGITS, two spaces, a name without a slash"? */
static bool is_entry(const char *line, size_t size)
{
    size_t before = HEX_DIGITS + strlen(BETWEEN);
    if (size <= before || size - before >= SUMS_NAME_BYTES ||
        memcmp(line + HEX_DIGITS, BETWEEN, strlen(BETWEEN)) != 0) {
        return false;
    }
    for (size_t i = 0; i < HEX_DIGITS; i++) {
        if (line[i] == '\0' || strchr("0123456789abcdef", line[i]) == NULL) {
            return false;
        }
    }
    return memchr(line + before, '/', size - before) == NULL &&
           memchr(line + before, '\0', size - before) == NULL;
}

static int take_line(struct sums *sums, const struct lines *lines, omega_error_t *err)
{
    struct sums_entry entry = {.name = ""};
    if (!is_entry(lines->line, lines->size)) {
        return omega_error_set_at(err, OMEGA_EINVAL, sums->file, lines->number,
                                  "is no line of sha256sum, expected 64 hex digits, two spaces and "
                                  "the name of a file beside it");
    }
    memcpy(entry.sha256, lines->line, HEX_DIGITS);
    memcpy(entry.name, lines->line + HEX_DIGITS + strlen(BETWEEN),
           lines->size - HEX_DIGITS - strlen(BETWEEN));
    if (find(sums, entry.name) != NULL) {
        return omega_error_set_at(err, OMEGA_EINVAL, sums->file, lines->number,
                                  "names '%s' a second time, expected each file once", entry.name);
    }
    if (sums->count == SUMS_FILES_MAX) {
        return omega_error_set_at(err, OMEGA_EINVAL, sums->file, lines->number,
                                  "names more than %u files, expected fewer", SUMS_FILES_MAX);
    }
    sums->entries[sums->count++] = entry;
    return 0;
}

static int read_lines(struct sums *sums, FILE *stream, omega_error_t *err)
{
    struct lines lines = {.stream = stream,
                          .file = sums->file,
                          .of = "a line of sha256sum",
                          .max = SUMS_LINE_BYTES_MAX};
    int rc;
    while ((rc = lines_next(&lines, err)) == 1) {
        rc = take_line(sums, &lines, err);
        if (rc != 0) {
            break;
        }
    }
    lines_release(&lines);
    return rc;
}

int sums_parse(FILE *stream, const char *directory, struct sums **out, omega_error_t *err)
{
    struct sums *sums = calloc(1, sizeof *sums);
    *out = NULL;
    if (sums == NULL) {
        return no_memory(err);
    }
    sums->directory = strdup(directory);
    if (asprintf(&sums->file, "%s/" OUTPUT_SUMS_NAME, directory) < 0) {
        sums->file = NULL;
    }
    int rc = sums->directory == NULL || sums->file == NULL ? no_memory(err)
                                                           : read_lines(sums, stream, err);
    if (rc != 0) {
        sums_close(sums);
        return rc;
    }
    *out = sums;
    return 0;
}

int sums_open(const char *directory, struct sums **out, omega_error_t *err)
{
    char *path;
    int rc = 0;
    *out = NULL;
    if (asprintf(&path, "%s/" OUTPUT_SUMS_NAME, directory) < 0) {
        return no_memory(err);
    }
    FILE *stream = fopen(path, "re");
    if (stream != NULL) {
        rc = sums_parse(stream, directory, out, err);
        fclose(stream);
    } else if (errno != ENOENT && errno != ENOTDIR) {
        rc = omega_error_set_errno(err, path, "cannot open");
    }
    free(path);
    return rc;
}

void sums_close(struct sums *sums)
{
    if (sums != NULL) {
        free(sums->directory);
        free(sums->file);
        free(sums);
    }
}

/* ---- checking ---- */

/* Of a stream: its SHA-256 and how many lines it has. */
static int sum_up(FILE *stream, const char *path, char sha256[SHA256_HEX], long *lines,
                  omega_error_t *err)
{
    struct sha256 sha;
    char block[16384];
    size_t size;
    *lines = 0;
    sha256_init(&sha);
    while ((size = fread(block, 1, sizeof block, stream)) > 0) {
        sha256_add(&sha, block, size);
        for (const char *at = block; (at = memchr(at, '\n', size - (size_t)(at - block))) != NULL;
             at++) {
            ++*lines;
        }
    }
    sha256_finish(&sha, sha256);
    return ferror(stream) ? omega_error_set_errno(err, path, "cannot read") : 0;
}

static int check_stream(const struct sums *sums, const struct sums_entry *entry, FILE *stream,
                        const char *path, omega_error_t *err)
{
    char sha256[SHA256_HEX];
    long lines;
    if (entry == NULL) {
        return omega_error_set_at(err, OMEGA_EINVAL, path, 0,
                                  "is not of this run, expected only what %.150s names",
                                  sums->file);
    }
    int rc = sum_up(stream, path, sha256, &lines, err);
    if (rc == 0 && strcmp(sha256, entry->sha256) != 0) {
        rc = omega_error_set_at(err, OMEGA_EINVAL, path, lines,
                                "ends here, and was cut or changed: SHA-256 %.16s..., expected "
                                "%.16s... as %.150s says",
                                sha256, entry->sha256, sums->file);
    }
    return rc;
}

int sums_check(const struct sums *sums, const char *name, omega_error_t *err)
{
    const struct sums_entry *entry = find(sums, name);
    char *path;
    int rc = 0;
    if (asprintf(&path, "%s/%s", sums->directory, name) < 0) {
        return no_memory(err);
    }
    FILE *stream = fopen(path, "re");
    if (stream != NULL) {
        rc = check_stream(sums, entry, stream, path, err);
        fclose(stream);
    } else if (errno != ENOENT) {
        rc = omega_error_set_errno(err, path, "cannot open");
    } else if (entry != NULL) {
        rc = omega_error_set_at(err, OMEGA_EINVAL, path, 0,
                                "is missing, expected it: %.150s names it", sums->file);
    }
    free(path);
    return rc;
}
