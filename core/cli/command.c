/* SPDX-License-Identifier: MIT */
/* What the subcommands share: see command.h. */
#include "core/cli/command.h"

#include <stdarg.h>
#include <stdio.h>

int command_failed(const omega_error_t *err)
{
    char text[sizeof err->source + sizeof err->text + 32];
    omega_error_format(err, text, sizeof text);
    fprintf(stderr, "omega: %s\n", text);
    return COMMAND_FAILED;
}

int command_usage(const char *command, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("omega: ", stderr);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\nomega: see 'omega %s%s--help'\n", command, command[0] == '\0' ? "" : " ");
    return COMMAND_USAGE;
}
