/* SPDX-License-Identifier: MIT */
/*
 * The subcommands of `omega`, one file each. A command gets argv[0] = its own name and the rest of
 * the line, answers --help, writes results to stdout and messages to stderr, and returns an exit
 * code: 0 done, 1 failed, 2 wrong usage.
 */
#ifndef OMEGA_CORE_CLI_COMMAND_H
#define OMEGA_CORE_CLI_COMMAND_H

#include <stdbool.h>

#include "core/base/error.h"
#include "core/experiment/experiment.h"

enum command_exit {
    COMMAND_DONE = 0,
    COMMAND_FAILED = 1,
    COMMAND_USAGE = 2,
};

/* Runs an experiment and writes its results. */
int cmd_run(int argc, char **argv);
/* Puts the shards of a run together. */
int cmd_merge(int argc, char **argv);
/* Checks experiment files and everything they name. */
int cmd_validate(int argc, char **argv);
/* Means and intervals over seeds. */
int cmd_statistics(int argc, char **argv);
/* Compares two configurations on the same jobs. */
int cmd_compare(int argc, char **argv);
/* Finds how far a parameter may go until a condition no longer holds. */
int cmd_find(int argc, char **argv);
/* Proves a run from its logs. */
int cmd_check_log(int argc, char **argv);
/* Simulates a recorded run again, beside what was observed. */
int cmd_replay(int argc, char **argv);
/* Draws figures and a page from results. */
int cmd_report(int argc, char **argv);
/* Imports, describes and exports traces. */
int cmd_trace(int argc, char **argv);
/* Makes, describes, proves and changes cells on disk. */
int cmd_cell(int argc, char **argv);
/* Shows what happens on a cell. */
int cmd_top(int argc, char **argv);
/* Works as a scheduler of a cell. */
int cmd_scheduler(int argc, char **argv);
/* Works as the executor of a cell. */
int cmd_executor(int argc, char **argv);
/* Asks the processes of a cell. */
int cmd_control(int argc, char **argv);
/* Submits jobs to a scheduler of a cell. */
int cmd_submit(int argc, char **argv);
/* Lists scheduler modules and their options. */
int cmd_schedulers(int argc, char **argv);
/* Writes the folder of a new scheduler module. */
int cmd_new_scheduler(int argc, char **argv);
/* Tries a scheduler module out and names what it does wrong. */
int cmd_test_scheduler(int argc, char **argv);
/* Tells what modules are built with, and where it is. */
int cmd_config(int argc, char **argv);

/* Writes "omega: warning: ..." to stderr for each warning of an experiment. */
void command_warnings(const struct experiment *experiment);

/* How --metric and --confidence of several commands are told by --help. */
#define COMMAND_HELP_METRIC                                                                        \
    "  --metric M         a figure, as often as you like: [SCOPE:]NAME.KEY, such as\n"             \
    "                     batch.wait_first_p90_s, scheduler:batch.busyness, "                      \
    "cell.cpu_utilisation\n"

/* Reads the value of --confidence, per cent from 50 to below 100, as a share: COMMAND_DONE, or
 * COMMAND_USAGE, said. */
int command_confidence(const char *command, const char *text, double *share);

/* Warns on stderr of results that are of experiments that differ; `mixed` as result_set_mixed(). */
void command_warn_mixed(const char *mixed);

/* Reads a percentage, "95" or "95%", of at least `min` and below 100, as a share; false for all
 * else. */
bool command_percent(const char *text, double min, double *share);

/* Runs a command that needs its line as it was given, too: `argv` is a copy, since getopt_long()
 * reorders it. Returns what the command does, or COMMAND_FAILED, said, without memory. */
int command_with_line(int argc, char **argv,
                      int (*command)(int argc, char **argv, char *const *line));

/* Opens the socket of a --metrics address and says on stderr where to ask. Returns an exit code: an
 * address that is none is wrong usage of `command`. */
int command_listen(const char *command, const char *address, int *socket);

/* Writes "omega: <error>" to stderr, in one line, and returns COMMAND_FAILED. */
int command_failed(const omega_error_t *err);

/* Writes what is wrong and where help is ("omega run --help") to stderr; returns COMMAND_USAGE. */
int command_usage(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same for what getopt_long() did not take: names the option as it was written. */
int command_bad_option(const char *command, char **argv);

/* An option that asks for no more than to be kept: its value, or that it was given. */
struct command_option {
    const char *name;
    const char **value; /* it takes one; NULL: it takes none ... */
    bool *given;        /* ... and this is set */
};

#define COMMAND_OPTIONS_MAX 8

/* Reads the options of a command, of which the last in the list has no name, and --help; other
 * words are then at argv[optind], as getopt_long() leaves them. False: the command is over with
 * exit code *code; its help, or what is wrong, has been written. */
bool command_options(const char *command, const char *help, const struct command_option *options,
                     int argc, char **argv, int *code);

#endif
