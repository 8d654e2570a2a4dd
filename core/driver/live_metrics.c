/* SPDX-License-Identifier: MIT */
/*
 * The figures of a live run for Prometheus, served by a process of their own: it looks at the cell
 * as anybody may, nobody waits for it, and if it ends before its time the run does not care.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/driver/live_private.h"
#include "core/driver/metrics_server.h"

static void tell(const struct run_config *config, const char *text)
{
    if (config->log != NULL) {
        config->log(config->context, "metrics", OMEGA_LOG_WARNING, text);
    }
}

static void serve(const struct run_config *config, const char *directory, int socket)
{
    omega_error_t err = {0};
    static volatile sig_atomic_t never; /* it is ended by SIGKILL */
    char text[sizeof err.source + sizeof err.text + 32];
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    file_out_forget_all(); /* the other's, as are its cells */
    run_scratch_forget_all();
    if (metrics_serve(directory, socket, &never, &err) != OMEGA_OK) {
        omega_error_format(&err, text, sizeof text);
        tell(config, text);
    }
}

pid_t live_metrics_start(const struct run_config *config, const char *directory, int socket)
{
    pid_t original = getpid();
    if (socket <= 0) {
        return 0;
    }
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == original) {
            serve(config, directory, socket);
        }
        _exit(EXIT_SUCCESS);
    }
    if (child < 0) {
        tell(config, "cannot start a process that serves figures; the run goes on without");
    }
    return child < 0 ? 0 : child;
}

void live_metrics_stop(pid_t process)
{
    if (process > 0) {
        kill(process, SIGKILL); /* it has nothing to put in order */
        waitpid(process, NULL, 0);
    }
}
