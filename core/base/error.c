/* SPDX-License-Identifier: MIT */
/* Errors: see error.h. */
#include "core/base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void omega_error_clear(omega_error_t *err)
{
    if (err != NULL) { /* not all of it: 600 bytes would cost a commit some per cent */
        err->code = OMEGA_OK;
        err->line = 0;
        err->source[0] = '\0';
        err->text[0] = '\0';
    }
}

static void record(omega_error_t *err, int code, const char *source, long line, const char *format,
                   va_list args)
{
    if (err == NULL || err->code != OMEGA_OK) {
        return;
    }
    err->code = code;
    err->line = line;
    snprintf(err->source, sizeof err->source, "%s", source == NULL ? "" : source);
    vsnprintf(err->text, sizeof err->text, format, args);
}

int omega_error_set(omega_error_t *err, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    record(err, code, NULL, 0, format, args);
    va_end(args);
    return code;
}

int omega_error_set_at(omega_error_t *err, int code, const char *source, long line,
                       const char *format, ...)
{
    va_list args;
    va_start(args, format);
    record(err, code, source, line, format, args);
    va_end(args);
    return code;
}

int omega_error_set_errno(omega_error_t *err, const char *source, const char *action)
{
    return omega_error_set_at(err, OMEGA_EIO, source, 0, "%s: %s", action, strerror(errno));
}

void omega_error_format(const omega_error_t *err, char *out, unsigned long size)
{
    if (err->source[0] == '\0') {
        snprintf(out, size, "%s", err->text);
    } else if (err->line == 0) {
        snprintf(out, size, "%s: %s", err->source, err->text);
    } else {
        snprintf(out, size, "%s:%ld: %s", err->source, err->line, err->text);
    }
}
