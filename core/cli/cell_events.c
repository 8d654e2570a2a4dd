/* SPDX-License-Identifier: MIT */
/* omega cell events: what the processes of a cell tell, as it happens. */
#include <stdio.h>
#include <unistd.h>

#include "core/cli/cell_private.h"
#include "core/live/control.h"

#define LOOK_MS 500 /* how often it looks for new processes */

static const char help[] =
    "usage: omega cell events [OPTIONS] DIR\n\n"
    "Prints what the schedulers and the executor of a cell tell, as lines of JSON, from now on "
    "until\n"
    "Ctrl-C: committed (a transaction placed something), refused (it placed nothing), abandoned,\n"
    "submitted (a job came by message), declined (it was not taken), ended (tasks) and malformed "
    "(a\n"
    "message was wrong). They are hints, told only to whoever listens, and may be lost: 'omega "
    "cell\n"
    "show' tells the truth.\n\n"
    "  --limit N          end after so many\n"
    "  --help             this text\n\n"
    "exit codes: 0 done, 1 failed, 2 wrong usage\n";

static const struct option options[] = {
    {"limit", required_argument, NULL, 'n'},
    CELL_OPTION_HELP,
    CELL_OPTION_END,
};

static int print_events(const struct cell_arguments *a, struct listener *listener,
                        omega_error_t *err)
{
    int rc = 0;
    for (int64_t told = 0; rc >= 0 && (a->limit < 0 || told < a->limit); told += rc == 1) {
        struct msg_event event;
        const char *bytes = NULL;
        size_t size = 0;
        rc = listener_next(listener, LOOK_MS, &event, &bytes, &size, err);
        if (rc == 1) {
            fwrite(bytes, 1, size, stdout);
            putchar('\n');
            if (fflush(stdout) != 0) {
                return OMEGA_OK; /* said at the end of the command */
            }
        }
    }
    return rc < 0 ? rc : OMEGA_OK;
}

int cell_events(int argc, char **argv)
{
    struct cell_arguments a;
    struct listener *listener = NULL;
    omega_error_t err = {0};
    int code = cell_read_arguments("cell events", help, argc, argv, options, &a);
    if (code != COMMAND_DONE || a.help) {
        return code;
    }
    if (a.word_count != 1) {
        return command_usage(a.verb, "expected a directory");
    }
    int directory_fd = -1;
    int rc = cell_open_directory(a.words[0], &directory_fd, &err);
    rc = rc == OMEGA_OK ? listener_open(directory_fd, 0, &listener, &err) : rc;
    rc = rc == OMEGA_OK ? print_events(&a, listener, &err) : rc;
    listener_close(listener);
    if (directory_fd >= 0) {
        close(directory_fd);
    }
    return rc == OMEGA_OK ? COMMAND_DONE : command_failed(&err);
}
