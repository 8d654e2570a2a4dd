/* SPDX-License-Identifier: MIT */
/* Lines of a cell dump: bounded, one JSON object each, read by tables that know every key. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/workload/cell_dump_private.h"

#define BUFFER_FIRST 4096

int dump_fail(const struct dump_reader *reader, int code, const char *format, ...)
{
    char text[sizeof reader->err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return omega_error_set_at(reader->err, code, reader->name, reader->line, "%s", text);
}

int dump_fail_with(const struct dump_reader *reader, const omega_error_t *cause)
{
    return dump_fail(reader, cause->code, "%s", cause->text);
}

int dump_no_memory(const struct dump_reader *reader)
{
    return dump_fail(reader, OMEGA_ENOMEM, "no memory for the dump of the cell");
}

/* ---- lines ---- */

static int grow_buffer(struct dump_reader *reader)
{
    size_t room = reader->room == 0 ? BUFFER_FIRST : 2 * reader->room;
    if (room > CELL_DUMP_LINE_MAX) {
        return dump_fail(reader, OMEGA_EINVAL,
                         "the line is longer than %u bytes, expected a line of a cell dump",
                         CELL_DUMP_LINE_MAX);
    }
    char *grown = realloc(reader->buffer, room);
    if (grown == NULL) {
        return dump_no_memory(reader);
    }
    reader->buffer = grown;
    reader->room = room;
    return OMEGA_OK;
}

/* Reads a line into the buffer. Returns as dump_next(). */
static int read_line(struct dump_reader *reader)
{
    int c;
    reader->line++;
    reader->length = 0;
    while ((c = getc_unlocked(reader->stream)) != EOF && c != '\n') {
        int rc = reader->length == reader->room ? grow_buffer(reader) : OMEGA_OK;
        if (rc != OMEGA_OK) {
            return rc;
        }
        reader->buffer[reader->length++] = (char)c;
    }
    if (c == EOF && ferror(reader->stream)) {
        return omega_error_set_errno(reader->err, reader->name, "cannot read");
    }
    if (c == EOF && reader->length > 0) {
        return dump_fail(reader, OMEGA_ECORRUPT,
                         "the file ends within this line, expected a whole dump: it is cut off");
    }
    return c == EOF ? 0 : 1;
}

int dump_next(struct dump_reader *reader)
{
    json_error_t error;
    json_decref(reader->object);
    reader->object = NULL;
    int rc = read_line(reader);
    if (rc != 1) {
        return rc;
    }
    reader->object = reader->length == 0 ? NULL
                                         : json_loadb(reader->buffer, reader->length,
                                                      JSON_REJECT_DUPLICATES, &error);
    if (reader->object == NULL) {
        return dump_fail(reader, OMEGA_EINVAL, "is no JSON (%.120s), expected an object",
                         reader->length == 0 ? "an empty line" : error.text);
    }
    if (!json_is_object(reader->object)) {
        return dump_fail(reader, OMEGA_EINVAL, "is no JSON object, expected one");
    }
    return 1;
}

void dump_count_line(struct dump_reader *reader)
{
    sha256_add(&reader->sha, reader->buffer, reader->length);
    sha256_add(&reader->sha, "\n", 1);
}

/* ---- values ---- */

static void put(void *at, enum dump_type type, uint64_t value)
{
    union {
        uint64_t u64;
        uint32_t u32;
        uint16_t u16;
        uint8_t u8;
        int64_t i64;
        int32_t i32;
        int16_t i16;
    } out;
    size_t size;
    switch (type) {
    case DUMP_U64:
        out.u64 = value, size = sizeof out.u64;
        break;
    case DUMP_U32:
        out.u32 = (uint32_t)value, size = sizeof out.u32;
        break;
    case DUMP_U8:
        out.u8 = (uint8_t)value, size = sizeof out.u8;
        break;
    case DUMP_I64:
        out.i64 = (int64_t)value, size = sizeof out.i64;
        break;
    case DUMP_I32:
        out.i32 = (int32_t)(int64_t)value, size = sizeof out.i32;
        break;
    case DUMP_I16:
        out.i16 = (int16_t)(int64_t)value, size = sizeof out.i16;
        break;
    default:
        out.u16 = (uint16_t)value, size = sizeof out.u16;
        break;
    }
    memcpy(at, &out, size);
}

/* The value of a string of digits above INT64_MAX, as a number that JSON cannot hold is written. */
static bool large_number(const char *text, uint64_t *value)
{
    char *end;
    if (text[0] < '1' || text[0] > '9') {
        return false;
    }
    errno = 0;
    *value = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0' && *value > INT64_MAX;
}

static int read_number(const struct dump_reader *reader, const json_t *value, const char *what,
                       const struct dump_field *field, void *at)
{
    uint64_t number;
    if (json_is_integer(value) && json_integer_value(value) >= field->min &&
        (json_integer_value(value) < 0 || (uint64_t)json_integer_value(value) <= field->max)) {
        put(at, field->type, (uint64_t)json_integer_value(value));
        return OMEGA_OK;
    }
    if (json_is_string(value) && field->max > INT64_MAX &&
        large_number(json_string_value(value), &number)) {
        put(at, field->type, number);
        return OMEGA_OK;
    }
    if (json_is_integer(value)) {
        return dump_fail(reader, OMEGA_EINVAL,
                         "%s: '%s' is %" JSON_INTEGER_FORMAT ", expected %" PRId64 " to %" PRIu64,
                         what, field->key, json_integer_value(value), field->min, field->max);
    }
    return dump_fail(reader, OMEGA_EINVAL,
                     "%s: '%s' is no whole number, expected %" PRId64 " to %" PRIu64, what,
                     field->key, field->min, field->max);
}

/* Decodes pairs of hexadecimal digits, lower case, without 00. The result is the caller's. */
static char *from_hex(const char *hex)
{
    static const char digits[] = "0123456789abcdef";
    size_t length = strlen(hex);
    char *bytes = malloc(length / 2 + 1);
    for (size_t i = 0; bytes != NULL && i < length; i += 2) {
        const char *high = strchr(digits, hex[i]);
        const char *low = hex[i + 1] == '\0' ? NULL : strchr(digits, hex[i + 1]);
        if (high == NULL || low == NULL || high - digits + (low - digits) == 0) {
            free(bytes);
            return NULL;
        }
        bytes[i / 2] = (char)((high - digits) * 16 + (low - digits));
    }
    if (bytes != NULL) {
        bytes[length / 2] = '\0';
    }
    return bytes;
}

/* The text of {"hex":"..."}: bytes that are no UTF-8, so that a text is written in one way only. */
static char *hex_text(const json_t *value)
{
    const json_t *hex = json_object_size(value) == 1 ? json_object_get(value, "hex") : NULL;
    char *bytes = json_is_string(hex) ? from_hex(json_string_value(hex)) : NULL;
    json_t *plain = bytes == NULL ? NULL : json_string(bytes);
    if (plain != NULL) {
        json_decref(plain);
        free(bytes);
        return NULL;
    }
    return bytes;
}

static int read_text(const struct dump_reader *reader, const json_t *value, const char *what,
                     const struct dump_field *field, void *at)
{
    char *owned = json_is_object(value) ? hex_text(value) : NULL;
    const char *text = owned != NULL ? owned : json_string_value(value);
    if (text == NULL) {
        return dump_fail(reader, OMEGA_EINVAL,
                         "%s: '%s' is no text, expected a string, or {\"hex\":...} for bytes that "
                         "are no UTF-8",
                         what, field->key);
    }
    size_t length = strlen(text);
    int rc = OMEGA_OK;
    if (length < (uint64_t)field->min || length > field->max) {
        rc = dump_fail(reader, OMEGA_EINVAL,
                       "%s: '%s' has %zu bytes, expected %" PRId64 " to %" PRIu64, what, field->key,
                       length, field->min, field->max);
    } else {
        uint32_t symbol = symbols_intern_n(reader->dump->texts, text, length);
        const char *kept = symbols_text(reader->dump->texts, symbol);
        rc = symbol == SYMBOL_NONE ? dump_no_memory(reader) : OMEGA_OK;
        memcpy(at, &kept, sizeof kept);
    }
    free(owned);
    return rc;
}

static int read_bool(const struct dump_reader *reader, const json_t *value, const char *what,
                     const struct dump_field *field, void *at)
{
    bool flag = json_is_true(value);
    if (!json_is_boolean(value)) {
        return dump_fail(reader, OMEGA_EINVAL, "%s: '%s' is neither true nor false, expected one",
                         what, field->key);
    }
    memcpy(at, &flag, sizeof flag);
    return OMEGA_OK;
}

static int read_value(const struct dump_reader *reader, json_t *value, const char *what,
                      const struct dump_field *field, void *at)
{
    switch (field->type) {
    case DUMP_KIND:
        return OMEGA_OK;
    case DUMP_VALUE:
    case DUMP_OPTIONAL:
        memcpy(at, &value, sizeof value);
        return OMEGA_OK;
    case DUMP_TEXT:
        return read_text(reader, value, what, field, at);
    case DUMP_BOOL:
        return read_bool(reader, value, what, field, at);
    case DUMP_INSTANCE:
        if (json_is_null(value)) {
            put(at, DUMP_U16, OMEGA_INSTANCE_NONE);
            return OMEGA_OK;
        }
        return read_number(reader, value, what, field, at);
    default:
        return read_number(reader, value, what, field, at);
    }
}

/* Names a key of the object that is not in the table. */
static int unknown_key(const struct dump_reader *reader, const json_t *object, const char *what,
                       const struct dump_field *fields)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        size_t i = 0;
        while (fields[i].key != NULL && strcmp(fields[i].key, key) != 0) {
            i++;
        }
        if (fields[i].key == NULL) {
            return dump_fail(reader, OMEGA_EINVAL,
                             "%s: unknown key '%.60s', expected those of version %u of the format",
                             what, key, CELL_DUMP_VERSION);
        }
    }
    return OMEGA_OK;
}

int dump_object(const struct dump_reader *reader, const json_t *object, const char *what,
                const struct dump_field *fields, void *out)
{
    size_t found = 0;
    if (!json_is_object(object)) {
        return dump_fail(reader, OMEGA_EINVAL, "%s: is no object, expected one", what);
    }
    for (const struct dump_field *field = fields; field->key != NULL; field++) {
        json_t *value = json_object_get(object, field->key);
        if (value == NULL && field->type != DUMP_OPTIONAL) {
            return dump_fail(reader, OMEGA_EINVAL, "%s: '%s' is missing, expected it", what,
                             field->key);
        }
        found += value != NULL;
        int rc = read_value(reader, value, what, field, (char *)out + field->offset);
        if (rc != OMEGA_OK) {
            return rc;
        }
    }
    return found == json_object_size(object) ? OMEGA_OK : unknown_key(reader, object, what, fields);
}
