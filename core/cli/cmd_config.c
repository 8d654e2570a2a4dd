/* SPDX-License-Identifier: MIT */
/* omega config: what building a module against this omega needs. */
#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/cli/command.h"
#include "core/kit/places.h"
#include "core/plugin/scheduler.h"

static const char help[] =
    "usage: omega config [OPTION]\n\n"
    "Tells where the parts of this omega are that the author of a scheduler module needs.\n\n"
    "  --cflags           the flags for the compiler, as a Makefile passes them to the shell\n"
    "  --headers          the folder of the headers\n"
    "  --modules          the folder of the shipped modules\n"
    "  --documents        the folder of schedulers/TUTORIAL.md and all that is linked to\n"
    "  --json             all of it as one JSON object\n"
    "  --help             this text\n\n"
    "exit codes: 0 done, 1 something is missing, 2 wrong usage\n";

static const struct option options[] = {
    {"cflags", no_argument, NULL, 'c'},
    {"headers", no_argument, NULL, 'i'},
    {"modules", no_argument, NULL, 'm'},
    {"documents", no_argument, NULL, 'd'},
    {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void print_all(const struct places *places, bool json)
{
    if (json) {
        json_t *object =
            json_pack("{s:s, s:i, s:s, s:s, s:s}", "version", OMEGA_VERSION, "scheduler_abi",
                      (int)OMEGA_SCHEDULER_ABI, "headers", places->headers, "modules",
                      places->modules, "documents", places->documents);
        json_dumpf(object, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(object);
        return;
    }
    printf("version        %s\nscheduler ABI  %u\nheaders        %s\nmodules        %s\n"
           "documents      %s\n",
           OMEGA_VERSION, OMEGA_SCHEDULER_ABI, places->headers, places->modules,
           places->documents[0] == '\0' ? "-" : places->documents);
}

/* A path as the shell reads it: with a backslash before what it would take for something else, as
 * pkg-config does it. */
static void print_escaped(const char *path)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "/._-+,:@%=";
    for (; *path != '\0'; path++) {
        if (strchr(plain, *path) == NULL && (unsigned char)*path < 0x80) {
            putchar('\\');
        }
        putchar(*path);
    }
}

static void print_one(const struct places *places, int what)
{
    switch (what) {
    case 'c':
        fputs("-I", stdout);
        print_escaped(places->headers);
        putchar('\n');
        return;
    case 'i':
        puts(places->headers);
        return;
    case 'm':
        puts(places->modules);
        return;
    case 'd':
        puts(places->documents);
        return;
    default:
        print_all(places, what == 'j');
        return;
    }
}

int cmd_config(int argc, char **argv)
{
    struct places places;
    omega_error_t err = {0};
    int what = 0;
    int code;
    opterr = 0;
    while ((code = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (code == 'h') {
            fputs(help, stdout);
            return COMMAND_DONE;
        }
        if (code == '?' || code == ':') {
            return command_bad_option("config", argv);
        }
        if (what != 0) {
            return command_usage("config", "expected one option");
        }
        what = code;
    }
    if (optind != argc) {
        return command_usage("config", "expected no argument, got '%.60s'", argv[optind]);
    }
    if (places_find(&places, &err) != OMEGA_OK) {
        return command_failed(&err);
    }
    print_one(&places, what);
    return COMMAND_DONE;
}
