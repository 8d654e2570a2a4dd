/* SPDX-License-Identifier: MIT */
/* Work in a process of its own: see isolate.h. */
#include "core/driver/isolate.h"

#include <errno.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

int isolate(struct isolate_end *end, omega_error_t *err)
{
    int status = 0;
    pid_t original = getpid();
    pid_t copy = fork();
    if (copy < 0) {
        return omega_error_set_errno(err, NULL, "cannot make a process");
    }
    if (copy == 0) {
        /* nobody would wait for it any more; what it has begun, its handlers remove */
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != original) {
            raise(SIGTERM);
        }
        return 1;
    }
    while (waitpid(copy, &status, 0) < 0) {
        if (errno != EINTR) {
            return omega_error_set_errno(err, NULL, "cannot wait for a process");
        }
    }
    end->code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    end->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return OMEGA_OK;
}
