/* SPDX-License-Identifier: MIT */
/*
 * A process of a standing cell works in a process of its own, and this one starts it again when it
 * dies: by a signal to it, a module that crashes, or bytes on an ipc file that are not even
 * nanomsg's, which end whoever reads them (nanomsg 1.1.5 asserts the type of a message). What it
 * was doing is in the cell or was never done.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/live/standing_private.h"

#define DELAY_NS INT64_C(50000000) /* before it is started again: doubled each time ... */
#define DELAY_NS_MAX INT64_C(1000000000)
#define LONG_NS INT64_C(10000000000) /* ... until it has lived for so long */

struct guard {
    const struct standing_options *options;
    struct standing_told *told;
    pid_t worker;
    int asked; /* how often it was to stop */
    sigset_t before;
    sigset_t awaited;
};

static void open_guard(struct guard *guard)
{
    struct sigaction given;
    sigemptyset(&guard->awaited);
    sigaddset(&guard->awaited, SIGCHLD);
    sigaddset(&guard->awaited, SIGTERM);
    sigaddset(&guard->awaited, SIGINT);
    if (sigaction(SIGHUP, NULL, &given) == 0 && given.sa_handler != SIG_IGN) {
        sigaddset(&guard->awaited, SIGHUP); /* nohup ignores it */
    }
    sigprocmask(SIG_BLOCK, &guard->awaited, &guard->before);
}

/* Starts the worker, which does not return. */
static int start(struct guard *guard, int (*work)(void *context, omega_error_t *err), void *context,
                 omega_error_t *err)
{
    pid_t own = getpid();
    atomic_store(&guard->told->begun, false);
    omega_error_clear(&guard->told->err);
    guard->worker = fork();
    if (guard->worker < 0) {
        return omega_error_set_errno(err, NULL, "cannot start a process");
    }
    if (guard->worker > 0) {
        return OMEGA_OK;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != own) {
        _exit(EXIT_FAILURE);
    }
    live_catch_signals();
    sigprocmask(SIG_SETMASK, &guard->before, NULL);
    _exit(work(context, &guard->told->err) == OMEGA_OK ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* Asked once it ends in order, asked again at once. */
static void ask(struct guard *guard)
{
    kill(guard->worker, guard->asked++ == 0 ? SIGTERM : SIGKILL);
}

/* Waits until the worker has ended; its status. Where this process was started with SIGCHLD ignored
 * nothing tells of that but its death, and its status is lost. */
static int await_end(struct guard *guard)
{
    int status = 0;
    for (;;) {
        pid_t ended = waitpid(guard->worker, &status, WNOHANG);
        if (ended == guard->worker) {
            return status;
        }
        if (ended < 0 && errno != EINTR) {
            return W_EXITCODE(EXIT_FAILURE, 0);
        }
        int number = sigwaitinfo(&guard->awaited, NULL);
        if (number > 0 && number != SIGCHLD) {
            ask(guard);
        }
    }
}

/* Waits before the worker is started again; false if it is not to be. */
static bool pause_before(const struct guard *guard, int64_t delay_ns)
{
    struct timespec pause = {.tv_sec = delay_ns / 1000000000, .tv_nsec = delay_ns % 1000000000};
    sigset_t stopping = guard->awaited;
    sigdelset(&stopping, SIGCHLD);
    return sigtimedwait(&stopping, NULL, &pause) < 0;
}

static void tell_death(const struct guard *guard, const char *name, int number, int64_t delay_ns)
{
    char text[160];
    snprintf(text, sizeof text, "process %d was ended by signal %d (%s); starts again in %.2f s",
             (int)guard->worker, number, strsignal(number), (double)delay_ns / 1e9);
    if (guard->options->log != NULL) {
        guard->options->log(guard->options->context, name, OMEGA_LOG_ERROR, text);
    }
}

/* What an end that was not in order comes to. */
static int failed(const struct guard *guard, int status, omega_error_t *err)
{
    const omega_error_t *cause = &guard->told->err;
    if (WIFSIGNALED(status)) {
        return omega_error_set(err, OMEGA_EIO, "was ended by signal %d (%s)", WTERMSIG(status),
                               strsignal(WTERMSIG(status)));
    }
    return cause->code == OMEGA_OK
               ? omega_error_set(err, OMEGA_EIO, "ended with exit code %d", WEXITSTATUS(status))
               : omega_error_set_at(err, cause->code, cause->source, cause->line, "%s",
                                    cause->text);
}

static int watch(struct guard *guard, const char *name,
                 int (*work)(void *context, omega_error_t *err), void *context, omega_error_t *err)
{
    int64_t delay_ns = DELAY_NS;
    for (;;) {
        int64_t since_ns = live_clock_ns();
        int rc = start(guard, work, context, err);
        if (rc != OMEGA_OK) {
            return rc;
        }
        int status = await_end(guard);
        if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS) {
            return OMEGA_OK;
        }
        if (!WIFSIGNALED(status) || !atomic_load(&guard->told->begun) || guard->asked > 0) {
            return failed(guard, status, err);
        }
        delay_ns = live_clock_ns() - since_ns > LONG_NS ? DELAY_NS : delay_ns;
        tell_death(guard, name, WTERMSIG(status), delay_ns);
        if (!pause_before(guard, delay_ns)) {
            return OMEGA_OK;
        }
        delay_ns = 2 * delay_ns > DELAY_NS_MAX ? DELAY_NS_MAX : 2 * delay_ns;
    }
}

int standing_guard(struct standing *standing, int (*work)(void *context, omega_error_t *err),
                   omega_error_t *err)
{
    struct guard guard = {.options = standing->options};
    void *told =
        mmap(NULL, sizeof *guard.told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (told == MAP_FAILED) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory to start a process");
    }
    guard.told = told;
    standing->told = told;
    open_guard(&guard);
    int rc = watch(&guard, standing->entry.name, work, standing, err);
    sigprocmask(SIG_SETMASK, &guard.before, NULL);
    munmap(told, sizeof *guard.told);
    return rc;
}
