/* SPDX-License-Identifier: MIT */
/* Signals and exit: see signals.h. Handlers call async-signal-safe functions only. */
#include "core/cli/signals.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/cli/command.h"
#include "core/driver/run.h"
#include "core/plugin/running.h"
#include "core/report/folder.h"

#define STACK_BYTES (64u << 10) /* of the handlers: a module may have used up its own */
#define MESSAGE_BYTES 1024u

static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

#define FATAL_COUNT (sizeof fatal / sizeof *fatal)

static struct sigaction before[FATAL_COUNT]; /* a sanitizer's handlers, or the default */
static char handler_stack[STACK_BYTES];
static volatile sig_atomic_t *stop_flag;
static volatile bool silent; /* crashes are told by somebody else */
static bool terminal;        /* stderr shows "^C" in a line of its own and perhaps progress */

static void add(char *message, const char *text)
{
    size_t used = strlen(message);
    size_t length = strlen(text);
    if (used + length < MESSAGE_BYTES) {
        memcpy(message + used, text, length + 1);
    }
}

static void say(const char *message)
{
    int kept = errno;
    size_t length = strlen(message);
    while (length > 0) {
        ssize_t n = write(STDERR_FILENO, message, length);
        if (n <= 0 && errno != EINTR) {
            break;
        }
        message += n > 0 ? n : 0;
        length -= n > 0 ? (size_t)n : 0;
    }
    errno = kept;
}

static void remove_temporaries(void)
{
    file_out_unlink_all();
    run_scratch_unlink_all();
    folder_remove_making();
}

/* ---- crashes ---- */

static void on_fatal(int number)
{
    char message[MESSAGE_BYTES] = "omega: signal ";
    char digits[] = {(char)('0' + number / 10), (char)('0' + number % 10), '\0'};
    char where[MESSAGE_BYTES / 2];
    add(message, number < 10 ? digits + 1 : digits);
    if (running_describe(where, sizeof where) > 0) {
        add(message, " in ");
        add(message, where);
    } else {
        add(message, ", in no module");
    }
    add(message, "\n");
    if (!silent) {
        say(message);
    }
    remove_temporaries();
    for (size_t i = 0; i < FATAL_COUNT; i++) {
        if (fatal[i] == number) {
            sigaction(number, &before[i], NULL);
        }
    }
    raise(number); /* waits until this handler has returned */
}

void signals_be_silent(void)
{
    silent = true;
}

/* exit() in a module would end the run as if all were well. */
static void on_exit_in_module(void)
{
    char message[MESSAGE_BYTES] = "omega: exit() called in ";
    char where[MESSAGE_BYTES / 2];
    if (running_describe(where, sizeof where) > 0) {
        add(message, where);
        add(message, "\n");
        say(message);
        remove_temporaries();
        _exit(COMMAND_FAILED);
    }
}

static void install_fatal(void)
{
    stack_t stack = {.ss_sp = handler_stack, .ss_size = sizeof handler_stack};
    stack_t given;
    struct sigaction action = {.sa_handler = on_fatal, .sa_flags = SA_ONSTACK};
    if (sigaltstack(NULL, &given) == 0 && (given.ss_flags & SS_DISABLE) != 0) {
        sigaltstack(&stack, NULL);
    }
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < FATAL_COUNT; i++) {
        sigaction(fatal[i], &action, &before[i]);
    }
}

/* ---- Ctrl-C ---- */

static void on_stop(int number)
{
    char message[MESSAGE_BYTES] = "";
    char where[MESSAGE_BYTES / 2];
    if (stop_flag != NULL && *stop_flag == 0) {
        *stop_flag = 1;
        if (running_describe(where, sizeof where) > 0) {
            add(message, terminal ? "\n" : "");
            add(message, "omega: stopping after the current attempt (in ");
            add(message, where);
            add(message, "); press Ctrl-C again to end at once\n");
            say(message);
        }
        return;
    }
    remove_temporaries();
    signal(number, SIG_DFL);
    raise(number);
}

static void catch_stop(int number, bool always)
{
    struct sigaction action = {.sa_handler = on_stop, .sa_flags = SA_RESTART | SA_ONSTACK};
    struct sigaction given;
    sigemptyset(&action.sa_mask);
    if (always || (sigaction(number, NULL, &given) == 0 && given.sa_handler != SIG_IGN)) {
        sigaction(number, &action, NULL);
    }
}

void signals_install(void)
{
    terminal = isatty(STDERR_FILENO) == 1;
    install_fatal();
    atexit(on_exit_in_module);
    catch_stop(SIGINT, false);
    catch_stop(SIGTERM, false);
    catch_stop(SIGHUP, false); /* nohup ignores it */
    signal(SIGCHLD, SIG_DFL);  /* ignored, it would take the ends of child processes away */
}

static void on_end(int number)
{
    remove_temporaries();
    signal(number, SIG_DFL);
    raise(number);
}

void signals_in_worker(void)
{
    struct sigaction action = {.sa_handler = on_end, .sa_flags = SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    sigaction(SIGTERM, &action, NULL);
}

void signals_catch_stop(volatile sig_atomic_t *stop)
{
    stop_flag = stop;
    catch_stop(SIGINT, true);
    catch_stop(SIGTERM, true);
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
}
