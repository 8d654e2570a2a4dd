/* SPDX-License-Identifier: MIT */
/* The table of readers, and importing by the name of a format. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/workload/readers.h"
#include "core/workload/trace_private.h"

const struct trace_reader *const trace_readers[] = {
    &reader_csv,
    &reader_openb,
    &reader_swim,
    NULL,
};

int readers_parse_file(readers_parse *parse, struct trace *trace, const char *path,
                       omega_error_t *err)
{
    FILE *stream = fopen(path, "re");
    if (stream == NULL) {
        return omega_error_set_errno(err, path, "cannot open");
    }
    int rc = parse(trace, stream, path, err);
    fclose(stream);
    return rc;
}

static const struct trace_reader *find_reader(const char *format, omega_error_t *err)
{
    char known[160] = "";
    size_t used = 0;
    for (size_t i = 0; trace_readers[i] != NULL; i++) {
        if (strcmp(trace_readers[i]->format, format) == 0) {
            return trace_readers[i];
        }
        int n = snprintf(known + used, sizeof known - used, "%s%s", i == 0 ? "" : ", ",
                         trace_readers[i]->format);
        if (n > 0 && (size_t)n < sizeof known - used) {
            used += (size_t)n;
        }
    }
    omega_error_set(err, OMEGA_EINVAL, "unknown trace format '%.40s', expected one of: %s", format,
                    known);
    return NULL;
}

/* "FORMAT: file file" with the files' names only: where they lay is of no interest later. */
static int set_source(struct trace *trace, const char *format, const char *const *inputs,
                      uint32_t count, omega_error_t *err)
{
    char source[TRACE_NAME_MAX + 1];
    size_t used = (size_t)snprintf(source, sizeof source, "%s:", format);
    for (uint32_t i = 0; i < count; i++) {
        const char *slash = strrchr(inputs[i], '/');
        int n = snprintf(source + used, sizeof source - used, " %.255s",
                         slash == NULL ? inputs[i] : slash + 1);
        if (n < 0 || (size_t)n >= sizeof source - used) {
            break;
        }
        used += (size_t)n;
    }
    return trace_set_source(trace, source, err);
}

int trace_import(const char *format, const char *const *inputs, uint32_t count,
                 struct trace **trace, omega_error_t *err)
{
    *trace = NULL;
    const struct trace_reader *reader = find_reader(format, err);
    if (reader == NULL) {
        return OMEGA_EINVAL;
    }
    struct trace *made = trace_create(NULL);
    if (made == NULL) {
        return trace_no_memory(err);
    }
    int rc = set_source(made, format, inputs, count, err);
    if (rc == OMEGA_OK) {
        rc = reader->read(made, inputs, count, err);
    }
    if (rc == OMEGA_OK) {
        rc = trace_seal(made, err);
    }
    if (rc != OMEGA_OK) {
        trace_destroy(made);
        return rc;
    }
    *trace = made;
    return OMEGA_OK;
}
