/* SPDX-License-Identifier: MIT */
/* omega scheduler: works as a scheduler of a cell on disk. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cli/standing_private.h"
#include "core/experiment/alone.h"
#include "core/workload/csv.h"

static const char help[] =
    "usage: omega scheduler --cell DIR --module MODULE [OPTIONS]\n\n"
    "Works as a scheduler of a cell that 'omega cell init' has made: finds the jobs that were\n"
    "submitted to it, plans and commits them, in real time, until Ctrl-C. Any number of "
    "schedulers\n"
    "share a cell. One that is started again by its name goes on with the jobs that it had.\n\n"
    "  --cell DIR         the cell\n"
    "  --module MODULE    name of a shipped module, or a path with a '/' to one of your own\n"
    "  --option KEY=VALUE an option of the module, as often as you like\n"
    "  --name NAME        what jobs are submitted to (the module's name)\n"
    "  --instance K       its number in the cell, 0 to 255 (the one that it had, or a free one)\n"
    "  --config FILE      a JSON object as in the 'schedulers' of an experiment; the options here\n"
    "                     come on top. Of its keys 'workloads', 'instances' and 'assignment' have\n"
    "                     no meaning here. Attempts take a 'decision' time only if one is given\n"
    "  --set PATH=VALUE   change that object, such as --set retry.delay_s=1 or\n"
    "                     --set commit.detection=coarse, as often as you like\n"
    "  --listen ADDRESS   answer 'omega control --address' there, too, such as "
    "tcp://127.0.0.1:7000:\n"
    "                     whoever can connect can ask and stop it, and submit jobs\n"
    "  --seed N           of the module's random numbers (1)\n"
    "  --help             this text\n\n"
    "exit codes: 0 ended by Ctrl-C or 'omega control', 1 failed, 2 wrong usage\n";

static const struct option options[] = {
    {"cell", required_argument, NULL, 'c'},
    {"module", required_argument, NULL, 'm'},
    {"option", required_argument, NULL, 'o'},
    {"name", required_argument, NULL, 'n'},
    {"instance", required_argument, NULL, 'i'},
    {"config", required_argument, NULL, 'f'},
    {"set", required_argument, NULL, 's'},
    {"listen", required_argument, NULL, 'l'},
    {"seed", required_argument, NULL, 'S'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

struct arguments {
    const char *cell;
    const char *listen;
    struct alone_request request;
    const char **sets; /* room for one per word of the line */
    char **made;       /* those of them that are owned */
    uint32_t made_count;
    int64_t instance;
    int64_t seed;
    bool help;
};

static bool parse_number(const char *text, int64_t max, int64_t *value)
{
    return csv_parse_integer(text, strlen(text), 0, max, value);
}

/* --option key=value is --set options.key=value. */
static int take_option(struct arguments *a, const char *text)
{
    char *set = NULL;
    if (strchr(text, '=') == NULL || text[0] == '=') {
        return command_usage("scheduler", "--option '%.60s', expected KEY=VALUE", text);
    }
    if (asprintf(&set, "options.%s", text) < 0) {
        fputs("omega: no memory\n", stderr);
        return COMMAND_FAILED;
    }
    a->made[a->made_count++] = set;
    a->sets[a->request.set_count++] = set;
    return COMMAND_DONE;
}

static int take(struct arguments *a, int option, const char *text)
{
    switch (option) {
    case 'c':
        a->cell = text;
        return COMMAND_DONE;
    case 'm':
        a->request.module = text;
        return COMMAND_DONE;
    case 'o':
        return take_option(a, text);
    case 'n':
        a->request.name = text;
        return COMMAND_DONE;
    case 'i':
        return parse_number(text, REGISTER_NUMBERS - REGISTER_SCHEDULERS - 1, &a->instance)
                   ? COMMAND_DONE
                   : command_usage("scheduler", "'%.60s' is no instance, expected 0 to 255", text);
    case 'f':
        a->request.file = text;
        return COMMAND_DONE;
    case 's':
        a->sets[a->request.set_count++] = text;
        return COMMAND_DONE;
    case 'l':
        a->listen = text;
        return standing_is_address(text)
                   ? COMMAND_DONE
                   : command_usage("scheduler", "'%.60s' is no address, expected tcp://HOST:PORT",
                                   text);
    case 'S':
        return parse_number(text, INT64_MAX, &a->seed)
                   ? COMMAND_DONE
                   : command_usage("scheduler", "'%.60s' is no seed, expected a whole number",
                                   text);
    default:
        a->help = true;
        return COMMAND_DONE;
    }
}

static int read_arguments(int argc, char **argv, struct arguments *a)
{
    int c;
    opterr = 0;
    while ((c = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (c == ':') {
            return command_usage("scheduler", "option '%.60s' needs a value", argv[optind - 1]);
        }
        if (c == '?') {
            return command_bad_option("scheduler", argv);
        }
        int code = take(a, c, optarg);
        if (code != COMMAND_DONE || a->help) {
            return code;
        }
    }
    if (optind != argc) {
        return command_usage("scheduler", "'%.60s' belongs to no option", argv[optind]);
    }
    if (a->cell == NULL || (a->request.module == NULL && a->request.file == NULL)) {
        return command_usage("scheduler", "expected --cell, and --module or --config");
    }
    return COMMAND_DONE;
}

static int work(const struct arguments *a)
{
    omega_error_t err = {0};
    struct alone *alone = NULL;
    int rc = alone_read(&a->request, &alone, &err);
    if (rc == 0) {
        struct standing_options how = {
            .seed = (uint64_t)a->seed, .emulate = alone_emulates(alone), .listen = a->listen};
        standing_tell(&how, a->cell);
        rc = standing_schedule(&how, alone_config(alone), (int32_t)a->instance, &err);
    }
    alone_free(alone);
    return rc == 0 ? COMMAND_DONE : command_failed(&err);
}

int cmd_scheduler(int argc, char **argv)
{
    struct arguments a = {.instance = -1, .seed = 1};
    int code = COMMAND_FAILED;
    a.sets = calloc((size_t)argc, sizeof *a.sets);
    a.made = calloc((size_t)argc, sizeof *a.made);
    a.request.sets = a.sets;
    if (a.sets != NULL && a.made != NULL) {
        code = read_arguments(argc, argv, &a);
        if (a.help) {
            fputs(help, stdout);
        } else if (code == COMMAND_DONE) {
            code = work(&a);
        }
    }
    for (uint32_t i = 0; i < a.made_count; i++) {
        free(a.made[i]);
    }
    free(a.made);
    free(a.sets);
    return code;
}
