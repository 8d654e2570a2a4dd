/* SPDX-License-Identifier: MIT */
/* Part files: see part.h. Sections come first, since their lengths are known only behind them; then
 * the index, one line of JSON; then a last line of fixed length that leads to it. */
#include "core/experiment/part.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/base/file.h"

#define LAST_LINE "omega-part %" PRIu32 " %08zx %016" PRIx64 "\n" /* version, index, checksum */
#define LAST_LINE_BYTES ((size_t)39)
#define PART_VERSION 1u
#define NAME_BYTES 32
#define COPY_BYTES ((size_t)64 << 10)

struct section {
    char name[NAME_BYTES];
    uint64_t size;
};

/* ---- writing ---- */

struct part_writer {
    struct file_out *file;
    FILE *stream; /* counts and hashes what goes to the file */
    XXH3_state_t *hash;
    uint64_t size;
    uint64_t section_start;
    struct section sections[PART_SECTIONS_MAX];
    uint32_t count;
};

/* A cookie's write: 0 is how it says that it failed. */
static ssize_t on_write(void *cookie, const char *bytes, size_t size)
{
    struct part_writer *part = cookie;
    size_t n = fwrite(bytes, 1, size, file_out_stream(part->file)); /* it keeps its error */
    XXH3_64bits_update(part->hash, bytes, n);
    part->size += n;
    return n == size ? (ssize_t)n : 0;
}

int part_create(const char *path, struct part_writer **out, omega_error_t *err)
{
    static const cookie_io_functions_t functions = {.write = on_write};
    struct part_writer *part = calloc(1, sizeof *part);
    *out = NULL;
    if (part == NULL || (part->hash = XXH3_createState()) == NULL ||
        (part->stream = fopencookie(part, "w", functions)) == NULL) {
        part_abort(part);
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for '%s'", path);
    }
    XXH3_64bits_reset(part->hash);
    int rc = file_out_open(path, &part->file, err);
    if (rc != OMEGA_OK) {
        part_abort(part);
        return rc;
    }
    *out = part;
    return OMEGA_OK;
}

static void end_section(struct part_writer *part)
{
    fflush(part->stream);
    if (part->count > 0) {
        part->sections[part->count - 1].size = part->size - part->section_start;
    }
    part->section_start = part->size;
}

FILE *part_section(struct part_writer *part, const char *name)
{
    end_section(part);
    assert(part->count < PART_SECTIONS_MAX);
    snprintf(part->sections[part->count++].name, NAME_BYTES, "%s", name);
    return part->stream;
}

static char *index_text(const struct part_writer *part, json_t *about)
{
    json_t *sections = json_array();
    for (uint32_t i = 0; i < part->count; i++) {
        json_array_append_new(sections, json_pack("[s,I]", part->sections[i].name,
                                                  (json_int_t)part->sections[i].size));
    }
    json_t *index = json_pack("{s:o,s:o}", "about", about, "sections", sections);
    char *text = index == NULL ? NULL : json_dumps(index, JSON_COMPACT | JSON_REAL_PRECISION(12));
    json_decref(index);
    return text;
}

int part_commit(struct part_writer *part, json_t *about, omega_error_t *err)
{
    end_section(part);
    char *text = index_text(part, about);
    if (text == NULL) {
        part_abort(part);
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for the index of a part");
    }
    fprintf(part->stream, "%s\n", text);
    fflush(part->stream);
    fprintf(file_out_stream(part->file), LAST_LINE, PART_VERSION, strlen(text) + 1,
            (uint64_t)XXH3_64bits_digest(part->hash));
    free(text);
    fclose(part->stream);
    part->stream = NULL;
    int rc = file_out_commit(part->file, err);
    part->file = NULL;
    part_abort(part);
    return rc;
}

void part_abort(struct part_writer *part)
{
    if (part != NULL) {
        if (part->stream != NULL) {
            fclose(part->stream); /* while the file is there to take the rest */
        }
        file_out_abort(part->file);
        XXH3_freeState(part->hash);
        free(part);
    }
}

/* ---- reading ---- */

struct part {
    FILE *stream;
    char *name;
    json_t *index;
    uint64_t sections_end; /* where the index begins */
};

__attribute__((format(printf, 3, 4))) static int
damaged(const struct part *part, omega_error_t *err, const char *format, ...)
{
    char text[200];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    return omega_error_set_at(err, OMEGA_ECORRUPT, part->name, 0, "%s", text);
}

static int cannot_read(const struct part *part, omega_error_t *err)
{
    errno = errno == 0 ? EIO : errno;
    return omega_error_set_errno(err, part->name, "cannot read");
}

/* Reads the last line: where the index begins, and the checksum of all before the line. */
static int read_last_line(struct part *part, uint64_t size, uint64_t *checksum, omega_error_t *err)
{
    char line[LAST_LINE_BYTES + 1] = "";
    char again[LAST_LINE_BYTES + 32];
    uint32_t version = 0;
    size_t index = 0;
    if (size < LAST_LINE_BYTES) {
        return damaged(part, err, "%" PRIu64 " bytes, expected a part of a run", size);
    }
    if (fseeko(part->stream, (off_t)(size - LAST_LINE_BYTES), SEEK_SET) != 0 ||
        fread(line, 1, LAST_LINE_BYTES, part->stream) != LAST_LINE_BYTES) {
        return cannot_read(part, err);
    }
    if (sscanf(line, "omega-part %8" SCNu32 " %8zx %16" SCNx64, &version, &index, checksum) != 3) {
        return damaged(part, err, "no last line of a part, expected a part of a run");
    }
    if (version != PART_VERSION) {
        return omega_error_set_at(err, OMEGA_EVERSION, part->name, 0,
                                  "is a part of version %" PRIu32 ", expected version %u", version,
                                  PART_VERSION);
    }
    snprintf(again, sizeof again, LAST_LINE, version, index, *checksum);
    if (strcmp(line, again) != 0 || index > PART_INDEX_MAX || index > size - LAST_LINE_BYTES) {
        return damaged(part, err, "a last line that no part ends with");
    }
    part->sections_end = size - LAST_LINE_BYTES - index;
    return OMEGA_OK;
}

/* Hashes all but the last line, and keeps the index, whose room is the caller's. */
static int read_all(struct part *part, uint64_t size, uint64_t checksum, char *index,
                    omega_error_t *err)
{
    uint64_t end = size - LAST_LINE_BYTES;
    char *bytes = malloc(COPY_BYTES);
    XXH3_state_t *hash = XXH3_createState();
    int rc = bytes == NULL || hash == NULL ? omega_error_set(err, OMEGA_ENOMEM, "out of memory")
                                           : OMEGA_OK;
    if (rc == OMEGA_OK) {
        XXH3_64bits_reset(hash);
        rewind(part->stream);
    }
    for (uint64_t at = 0; rc == OMEGA_OK && at < end;) {
        uint64_t room = at < part->sections_end ? part->sections_end - at : end - at;
        size_t n = fread(bytes, 1, room < COPY_BYTES ? (size_t)room : COPY_BYTES, part->stream);
        if (n == 0) {
            rc = cannot_read(part, err);
        }
        XXH3_64bits_update(hash, bytes, n);
        if (at >= part->sections_end) {
            memcpy(index + (at - part->sections_end), bytes, n);
        }
        at += n;
    }
    if (rc == OMEGA_OK && XXH3_64bits_digest(hash) != checksum) {
        rc = damaged(part, err, "damaged: the checksum is another one");
    }
    XXH3_freeState(hash);
    free(bytes);
    return rc;
}

/* Whether the index has the form that part_commit() gives it, and its sections fill the part. */
static bool is_index(const json_t *index, uint64_t sections_end)
{
    const json_t *sections = json_object_get(index, "sections");
    uint64_t total = 0;
    size_t i;
    json_t *section;
    if (!json_is_object(json_object_get(index, "about")) || !json_is_array(sections) ||
        json_array_size(sections) > PART_SECTIONS_MAX) {
        return false;
    }
    json_array_foreach(sections, i, section)
    {
        const json_t *size = json_array_get(section, 1);
        if (!json_is_string(json_array_get(section, 0)) || !json_is_integer(size) ||
            json_integer_value(size) < 0 ||
            (uint64_t)json_integer_value(size) > sections_end - total) {
            return false;
        }
        total += (uint64_t)json_integer_value(size);
    }
    return total == sections_end;
}

static int read_part(struct part *part, omega_error_t *err)
{
    uint64_t checksum = 0;
    off_t end = fseeko(part->stream, 0, SEEK_END) == 0 ? ftello(part->stream) : -1;
    if (end < 0) {
        return cannot_read(part, err);
    }
    int rc = read_last_line(part, (uint64_t)end, &checksum, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    size_t length = (size_t)((uint64_t)end - LAST_LINE_BYTES - part->sections_end);
    char *index = malloc(length + 1);
    if (index == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    rc = read_all(part, (uint64_t)end, checksum, index, err);
    if (rc == OMEGA_OK) {
        part->index = json_loadb(index, length, JSON_REJECT_DUPLICATES, NULL);
        rc = is_index(part->index, part->sections_end)
                 ? OMEGA_OK
                 : damaged(part, err, "an index that no part has");
    }
    free(index);
    return rc;
}

int part_open_stream(FILE *stream, const char *name, struct part **out, omega_error_t *err)
{
    struct part *part = calloc(1, sizeof *part);
    *out = NULL;
    if (part == NULL || (part->name = strdup(name)) == NULL) {
        free(part);
        fclose(stream);
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    part->stream = stream;
    int rc = read_part(part, err);
    if (rc != OMEGA_OK) {
        part_close(part);
        return rc;
    }
    *out = part;
    return OMEGA_OK;
}

int part_open(const char *path, struct part **part, omega_error_t *err)
{
    FILE *stream = fopen(path, "re");
    *part = NULL;
    return stream == NULL ? omega_error_set_errno(err, path, "cannot open")
                          : part_open_stream(stream, path, part, err);
}

void part_close(struct part *part)
{
    if (part != NULL) {
        fclose(part->stream);
        json_decref(part->index);
        free(part->name);
        free(part);
    }
}

const char *part_name(const struct part *part)
{
    return part->name;
}

const json_t *part_about(const struct part *part)
{
    return json_object_get(part->index, "about");
}

/* Where a section begins; its size is the result, -1 if there is none. */
static int64_t find(const struct part *part, const char *name, uint64_t *start)
{
    const json_t *sections = json_object_get(part->index, "sections");
    size_t i;
    json_t *section;
    *start = 0;
    json_array_foreach(sections, i, section)
    {
        json_int_t size = json_integer_value(json_array_get(section, 1));
        if (strcmp(json_string_value(json_array_get(section, 0)), name) == 0) {
            return size;
        }
        *start += (uint64_t)size;
    }
    return -1;
}

int64_t part_size(const struct part *part, const char *section)
{
    uint64_t start;
    return find(part, section, &start);
}

int part_copy(struct part *part, const char *section, FILE *out, omega_error_t *err)
{
    char bytes[8192];
    uint64_t start;
    int64_t left = find(part, section, &start);
    if (left > 0 && fseeko(part->stream, (off_t)start, SEEK_SET) != 0) {
        return cannot_read(part, err);
    }
    while (left > 0) {
        size_t room = left < (int64_t)sizeof bytes ? (size_t)left : sizeof bytes;
        size_t n = fread(bytes, 1, room, part->stream);
        if (n == 0) {
            return cannot_read(part, err);
        }
        fwrite(bytes, 1, n, out);
        left -= (int64_t)n;
    }
    return OMEGA_OK;
}

int part_text(struct part *part, const char *section, char **text, omega_error_t *err)
{
    size_t size = 0;
    *text = NULL;
    FILE *out = open_memstream(text, &size);
    int rc = out == NULL ? OMEGA_ENOMEM : part_copy(part, section, out, err);
    if (out != NULL && fclose(out) != 0 && rc == OMEGA_OK) {
        rc = OMEGA_ENOMEM;
    }
    if (rc != OMEGA_OK) {
        free(*text);
        *text = NULL;
        return omega_error_set(err, rc, "out of memory");
    }
    return OMEGA_OK;
}
