/* SPDX-License-Identifier: MIT */
/* The command `omega`: finds the subcommand and calls it. */
#include <unistd.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "core/base/large.h"
#include "core/cli/command.h"
#include "core/cli/signals.h"
#include "core/experiment/experiment.h"

struct command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
    {"run", "run an experiment, simulated or live, and write its results", cmd_run},
    {"merge", "put the shards of a run together", cmd_merge},
    {"validate", "check experiment files and everything they name", cmd_validate},
    {"statistics", "means over seeds, with intervals", cmd_statistics},
    {"compare", "compare two configurations on the same jobs", cmd_compare},
    {"find", "find the value of a parameter up to which a condition holds", cmd_find},
    {"check-log", "prove a run from its logs alone", cmd_check_log},
    {"replay", "predict a recorded run by simulating it, beside what was observed", cmd_replay},
    {"report", "draw figures and a page from the results of runs", cmd_report},
    {"trace", "import, describe and export traces", cmd_trace},
    {"cell", "make, describe, prove and change cells on disk", cmd_cell},
    {"top", "show what happens on a cell, while it happens", cmd_top},
    {"scheduler", "work as a scheduler of a cell on disk", cmd_scheduler},
    {"executor", "work as the executor of a cell on disk: end tasks when they are due",
     cmd_executor},
    {"control", "ask, drain and stop the processes of a cell on disk", cmd_control},
    {"submit", "submit jobs to a scheduler of a cell on disk", cmd_submit},
    {"schedulers", "list scheduler modules and their options", cmd_schedulers},
    {"new-scheduler", "write the folder of a new scheduler module", cmd_new_scheduler},
    {"test-scheduler", "try a module out and name what it does wrong", cmd_test_scheduler},
    {"config", "tell what modules are built with, and where it is", cmd_config},
};

#define COMMANDS (sizeof commands / sizeof commands[0])

static void print_help(FILE *out)
{
    fputs("usage: omega COMMAND [OPTIONS] [ARGUMENTS]\n\n"
          "A shared-state cluster scheduler framework: schedulers plan on views of one cell and\n"
          "commit their claims in atomic transactions.\n\ncommands:\n",
          out);
    for (size_t i = 0; i < COMMANDS; i++) {
        fprintf(out, "  %-15s %s\n", commands[i].name, commands[i].summary);
    }
    fputs("\n'omega COMMAND --help' describes a command, 'omega --version' names this version.\n"
          "exit codes: 0 done, 1 failed, 2 wrong usage\n",
          out);
}

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

/* True of what plays or proves whole runs. Others have little to gain from a large heap, and
 * test-scheduler much to lose: a module that writes far behind what is its own is to crash. */
static bool is_large(const struct command *command)
{
    return command->run == cmd_run || command->run == cmd_compare || command->run == cmd_find ||
           command->run == cmd_check_log || command->run == cmd_replay;
}

/* Output that did not reach its file (a full disk) is a failure, also at the very end. A command
 * that has failed has said why already. */
static int flush_output(int code)
{
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        if (code == COMMAND_DONE) {
            fputs("omega: cannot write to standard output\n", stderr);
            code = COMMAND_FAILED;
        }
    }
    return code;
}

static int run_help(int argc, char **argv)
{
    const struct command *command = argc > 2 ? find(argv[2]) : NULL;
    static char help[] = "--help";
    if (argc > 2 && command == NULL) {
        return command_usage("", "unknown command '%.60s'", argv[2]);
    }
    if (command != NULL) {
        char *line[] = {argv[2], help, NULL};
        return command->run(2, line);
    }
    print_help(stdout);
    return COMMAND_DONE;
}

/* Opens what of the standard streams is closed, so that no file of ours gets their numbers and what
 * is printed in it. */
static void secure_streams(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0) {
            int opened = open("/dev/null", O_RDWR);
            (void)opened; /* the lowest free number: fd */
        }
    }
}

int main(int argc, char **argv)
{
    secure_streams();
    signals_install();
    if (argc < 2) {
        print_help(stderr);
        return COMMAND_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("omega " OMEGA_VERSION);
        return flush_output(COMMAND_DONE);
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "-h") == 0) {
        return flush_output(run_help(argc, argv));
    }
    const struct command *command = find(argv[1]);
    if (command == NULL) {
        return command_usage("", "unknown %s '%.60s'", argv[1][0] == '-' ? "option" : "command",
                             argv[1]);
    }
    if (is_large(command)) {
        large_heap();
    }
    return flush_output(command->run(argc - 1, argv + 1));
}
