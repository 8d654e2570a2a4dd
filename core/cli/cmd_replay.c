/* SPDX-License-Identifier: MIT */
/* omega replay: what the simulator predicts for a recorded run, beside what was observed. */
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

#include "core/cli/command.h"
#include "core/cli/signals.h"
#include "core/experiment/replay.h"

static const char help[] =
    "usage: omega replay [OPTIONS] DIR\n\n"
    "Simulates again each point that 'omega run --live --log' has left in DIR: the same cell, "
    "jobs\n"
    "and rules, and each attempt takes as long from sync to commit as its log says. An attempt "
    "that\n"
    "was not made then takes a time of the same scheduler instance, drawn from attempts with the\n"
    "nearest number of tasks. Prints what this predicts beside what was observed: conflicts,\n"
    "busyness and waits of each scheduler, and predicted / observed with its 95 % interval over\n"
    "the points. A log of a simulated run gives the same run. Of a log of a live run that is cut,\n"
    "what is there before something is missing is replayed, and the output says how much.\n\n"
    "  --out DIR          write the predicted results there, as 'omega run' does\n"
    "  --paths DIR        where relative paths in the experiment start (the current directory)\n"
    "  --json             one JSON object instead of tables\n"
    "  --help             this text\n\n"
    "exit codes: 0 done, 1 failed or stopped, 2 wrong usage\n";

static volatile sig_atomic_t stop;

static int replay(const char *directory, const struct replay_options *how)
{
    omega_error_t err = {0};
    signals_catch_stop(&stop);
    int rc = replay_run(directory, how, &err);
    return rc == 0 ? COMMAND_DONE : command_failed(&err);
}

static int replay_with(int argc, char **argv, char *const *line)
{
    struct replay_options how = {.paths = ".",
                                 .argc = argc,
                                 .argv = line,
                                 .stop = &stop,
                                 .comparison = stdout,
                                 .messages = stderr};
    const struct command_option options[] = {{.name = "out", .value = &how.out},
                                             {.name = "paths", .value = &how.paths},
                                             {.name = "json", .given = &how.json},
                                             {.name = NULL}};
    int code;
    if (!command_options("replay", help, options, argc, argv, &code)) {
        return code;
    }
    if (optind != argc - 1) {
        return command_usage("replay", "expected one directory, got %d", argc - optind);
    }
    return replay(argv[optind], &how);
}

int cmd_replay(int argc, char **argv)
{
    return command_with_line(argc, argv, replay_with);
}
