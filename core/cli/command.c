/* SPDX-License-Identifier: MIT */
/* What the subcommands share: see command.h. */
#include "core/cli/command.h"

#include <assert.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/live/metrics_server.h"
#include "core/experiment/messages.h"

int command_failed(const omega_error_t *err)
{
    char text[sizeof err->source + sizeof err->text + 32];
    omega_error_format(err, text, sizeof text);
    fflush(stdout); /* what came before is seen before */
    fputs("omega: ", stderr);
    message_write(text, stderr);
    fputc('\n', stderr);
    return COMMAND_FAILED;
}

int command_with_line(int argc, char **argv,
                      int (*command)(int argc, char **argv, char *const *line))
{
    char **copy = calloc((size_t)argc + 1, sizeof *copy);
    if (copy == NULL) {
        fputs("omega: out of memory\n", stderr);
        return COMMAND_FAILED;
    }
    memcpy(copy, argv, (size_t)argc * sizeof *copy);
    int code = command(argc, copy, argv);
    free(copy);
    return code;
}

int command_usage(const char *command, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fputs("omega: ", stderr);
    message_write(text, stderr);
    fprintf(stderr, "\nomega: see 'omega %s%s--help'\n", command, command[0] == '\0' ? "" : " ");
    return COMMAND_USAGE;
}

int command_bad_option(const char *command, char **argv)
{
    if (optopt > 0 && optopt < 256 && argv[optind - 1][1] != '-') {
        return command_usage(command, "unknown option '-%c'", optopt);
    }
    if (optopt != 0) {
        return command_usage(command, "option '%.60s' takes no value", argv[optind - 1]);
    }
    return command_usage(command, "unknown option '%.60s'", argv[optind - 1]);
}

#define OPTION_FIRST 256 /* above all letters */

bool command_options(const char *command, const char *help, const struct command_option *options,
                     int argc, char **argv, int *code)
{
    struct option all[COMMAND_OPTIONS_MAX + 2] = {{"help", no_argument, NULL, 'h'}};
    for (int i = 0; options[i].name != NULL; i++) {
        int has_value = options[i].value != NULL ? required_argument : no_argument;
        assert(i < COMMAND_OPTIONS_MAX);
        all[i + 1] = (struct option){options[i].name, has_value, NULL, OPTION_FIRST + i};
    }
    int found;
    opterr = 0;
    *code = COMMAND_DONE;
    while (*code == COMMAND_DONE && (found = getopt_long(argc, argv, ":", all, NULL)) != -1) {
        if (found == 'h') {
            fputs(help, stdout);
            return false;
        }
        if (found == ':') {
            *code = command_usage(command, "option '%.60s' needs a value", argv[optind - 1]);
        } else if (found < OPTION_FIRST) {
            *code = command_bad_option(command, argv);
        } else if (options[found - OPTION_FIRST].value != NULL) {
            *options[found - OPTION_FIRST].value = optarg;
        } else {
            *options[found - OPTION_FIRST].given = true;
        }
    }
    return *code == COMMAND_DONE;
}

bool command_percent(const char *text, double min, double *share)
{
    char *end;
    double percent = strtod(text, &end);
    if (end == text || strspn(text, "0123456789.%") != strlen(text) ||
        (end[0] != '\0' && strcmp(end, "%") != 0)) {
        return false;
    }
    *share = percent / 100;
    return percent >= min && percent < 100;
}

int command_confidence(const char *command, const char *text, double *share)
{
    return command_percent(text, 50, share)
               ? COMMAND_DONE
               : command_usage(command,
                               "'%.60s' for --confidence, expected per cent from 50 to below 100",
                               text);
}

int command_listen(const char *command, const char *address, int *socket)
{
    char url[METRICS_URL_BYTES];
    omega_error_t err = {0};
    int rc = metrics_listen(address, socket, url, &err);
    if (rc == OMEGA_OK) {
        fprintf(stderr, "omega: figures for Prometheus at %s\n", url);
        return COMMAND_DONE;
    }
    *socket = 0;
    return rc == OMEGA_EINVAL ? command_usage(command, "%s", err.text) : command_failed(&err);
}

void command_warnings(const struct experiment *experiment)
{
    const char *text;
    for (uint32_t i = 0; (text = experiment_warning(experiment, i)) != NULL; i++) {
        fputs("omega: warning: ", stderr);
        message_write(text, stderr);
        fputc('\n', stderr);
    }
}

void command_warn_mixed(const char *mixed)
{
    if (mixed != NULL) {
        fprintf(stderr, "omega: warning: the directories are of %s\n", mixed);
    }
}
