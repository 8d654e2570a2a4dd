/* SPDX-License-Identifier: MIT */
/* omega control: asks and tells the processes of a cell on disk. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/cli/cell_private.h"
#include "core/cli/command.h"
#include "core/live/control.h"
#include "core/experiment/messages.h"
#include "core/experiment/row.h"

static const char help[] =
    "usage: omega control --cell DIR REQUEST [NAME...]\n"
    "       omega control --address ADDRESS REQUEST\n\n"
    "Asks the schedulers and the executor of a cell, by name; without a name all that work now.\n"
    "One that does not answer keeps the others from nothing, and the exit code is 1. One that\n"
    "dies while it is asked, and is started again, answers in its new life; one that is still\n"
    "gone after 2 s is left out of the `status` of all, and else a failure: so is a `stop` that\n"
    "meets one which another `stop` ends. One that does not work when it is looked for is not\n"
    "asked, even if it is about to be started again: the exit code does not tell of it.\n\n"
    "requests:\n"
    "  status             what each does, and has done since it was started\n"
    "  drain              take no new jobs; those that it has are gone on with\n"
    "  undrain            take jobs again\n"
    "  stop               end in order, as by Ctrl-C\n\n"
    "  --cell DIR         the cell\n"
    "  --address ADDRESS  a process that listens there (omega scheduler --listen)\n"
    "  --json             one JSON object a line instead of a table\n"
    "  --help             this text\n\n"
    "Columns: queued, jobs in the queue; waiting, jobs to be tried again; attempts, commits\n"
    "(transactions), and what became of their claims; ended, tasks that an executor has ended;\n"
    "malformed, messages that were wrong.\n"
    "exit codes: 0 done, 1 failed, 2 wrong usage\n";

struct arguments {
    const char *cell;
    const char *address;
    bool json;
    enum msg_request request;
    char **names;
    int name_count;
};

/* ---- output ---- */

static void print_head(void)
{
    printf("%-20s %8s %10s %8s %8s %8s %10s %10s %10s %10s %10s %10s %9s  %s\n", "name", "instance",
           "process", "state", "queued", "waiting", "attempts", "commits", "accepted", "conflicts",
           "refused", "ended", "malformed", "module");
}

static void print_text(const struct msg_status *s)
{
    char instance[24] = "-";
    if (s->instance >= 0) {
        snprintf(instance, sizeof instance, "%" PRId64, s->instance);
    }
    message_write(s->name, stdout);
    printf("%*s %8s %10" PRIu64 " %8s %8" PRIu64 " %8" PRIu64 " %10" PRIu64 " %10" PRIu64
           " %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %9" PRIu64 "  ",
           strlen(s->name) < 20 ? (int)(20 - strlen(s->name)) : 0, "", instance, s->pid,
           s->draining ? "draining" : "works", s->queued, s->waiting, s->attempts, s->commits,
           s->accepted, s->conflicts, s->refused, s->ended, s->malformed);
    message_write(s->module, stdout);
    putchar('\n');
}

static void print_json(const struct msg_status *s)
{
    struct row row = {0};
    row_text(&row, "name", s->name);
    row_text(&row, "module", s->module);
    if (s->instance < 0) {
        row_json(&row, "instance", "null");
    } else {
        row_whole(&row, "instance", s->instance);
    }
    row_count(&row, "pid", s->pid);
    row_count(&row, "up_us", s->up_us);
    row_bool(&row, "draining", s->draining);
    row_count(&row, "queued", s->queued);
    row_count(&row, "waiting", s->waiting);
    row_count(&row, "attempts", s->attempts);
    row_count(&row, "commits", s->commits);
    row_count(&row, "accepted", s->accepted);
    row_count(&row, "conflicts", s->conflicts);
    row_count(&row, "refused", s->refused);
    row_count(&row, "ended", s->ended);
    row_count(&row, "malformed", s->malformed);
    row_write_json(&row, stdout);
    putchar('\n');
}

/* ---- asking ---- */

struct asked {
    uint32_t count;
    bool failed;
    bool headed; /* the head of the table is written */
};

static int ask(const struct arguments *a, int directory_fd, const struct register_entry *whom,
               bool *headed, omega_error_t *err)
{
    struct msg request = {.kind = MSG_REQUEST, .request = a->request};
    struct msg reply;
    int rc = control_ask(directory_fd, whom, a->address, &request, &reply, err);
    if (rc == OMEGA_OK && !a->json && !*headed) {
        print_head();
        *headed = true;
    }
    if (rc == OMEGA_OK && reply.has_status) {
        (a->json ? print_json : print_text)(&reply.status);
    }
    return rc;
}

/* Asks one of several: a failure is told, and kept from none of the others. Of all that work, one
 * that is gone before it has told its state is none; of anything else it must be known whether it
 * was done. */
static void ask_next(const struct arguments *a, int directory_fd, const struct register_entry *whom,
                     struct asked *asked)
{
    omega_error_t err = {0};
    int rc = ask(a, directory_fd, whom, &asked->headed, &err);
    if (rc == CONTROL_GONE && a->name_count == 0 && a->request == MSG_STATUS) {
        return;
    }
    asked->count++;
    if (rc != OMEGA_OK) {
        asked->failed = true;
        command_failed(&err);
    }
}

static void ask_named(const struct arguments *a, int directory_fd, struct asked *asked)
{
    for (int i = 0; i < a->name_count; i++) {
        struct register_entry entry;
        omega_error_t err = {0};
        if (register_find(directory_fd, a->names[i], &entry) == OMEGA_OK) {
            ask_next(a, directory_fd, &entry, asked);
            continue;
        }
        omega_error_set_at(&err, OMEGA_EINVAL, a->cell, 0,
                           "nobody is called '%.64s', expected a scheduler or 'executor'",
                           a->names[i]);
        asked->failed = true;
        command_failed(&err);
    }
}

/* All that live; the executor is not asked to drain. */
static void ask_all(const struct arguments *a, int directory_fd, struct asked *asked)
{
    bool schedulers_only = a->request == MSG_DRAIN || a->request == MSG_UNDRAIN;
    for (uint32_t n = schedulers_only ? REGISTER_SCHEDULERS : REGISTER_EXECUTOR;
         n < REGISTER_NUMBERS; n++) {
        struct register_entry entry;
        omega_error_t err = {0};
        int rc = register_read(directory_fd, n, &entry, &err);
        if (rc < 0) {
            asked->failed = true;
            command_failed(&err);
        } else if (rc == OMEGA_OK && entry.lives) {
            ask_next(a, directory_fd, &entry, asked);
        }
    }
    if (asked->count == 0) {
        fprintf(stderr, "omega: no %s works on the cell now\n",
                schedulers_only ? "scheduler" : "process");
    }
}

/* Returns an exit code. */
static int control(const struct arguments *a)
{
    struct asked asked = {.count = 0};
    omega_error_t err = {0};
    if (a->address != NULL) {
        ask_next(a, -1, NULL, &asked);
        return asked.failed ? COMMAND_FAILED : COMMAND_DONE;
    }
    int directory_fd = -1;
    if (cell_open_directory(a->cell, &directory_fd, &err) != OMEGA_OK) {
        return command_failed(&err);
    }
    (a->name_count == 0 ? ask_all : ask_named)(a, directory_fd, &asked);
    close(directory_fd);
    return asked.failed ? COMMAND_FAILED : COMMAND_DONE;
}

/* The words behind the options. */
static int read_words(int argc, char **argv, struct arguments *a)
{
    if ((a->cell == NULL) == (a->address == NULL)) {
        return command_usage("control", "expected either --cell or --address");
    }
    if (optind == argc || !msg_request_of(argv[optind], &a->request)) {
        return command_usage("control", "expected status, drain, undrain or stop");
    }
    a->names = argv + optind + 1;
    a->name_count = argc - optind - 1;
    return a->address == NULL || a->name_count == 0
               ? COMMAND_DONE
               : command_usage("control", "expected no name with --address");
}

int cmd_control(int argc, char **argv)
{
    struct arguments a = {.cell = NULL};
    const struct command_option options[] = {{.name = "cell", .value = &a.cell},
                                             {.name = "address", .value = &a.address},
                                             {.name = "json", .given = &a.json},
                                             {.name = NULL}};
    int code;
    if (!command_options("control", help, options, argc, argv, &code)) {
        return code;
    }
    code = read_words(argc, argv, &a);
    return code == COMMAND_DONE ? control(&a) : code;
}
