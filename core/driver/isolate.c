/* SPDX-License-Identifier: MIT */
/* Work in a process of its own: see isolate.h. */
#include "core/driver/isolate.h"

#include <errno.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#define LOOK_NS 2000000 /* how often isolate_work() looks whether the copy has ended */

static void fill_end(struct isolate_end *end, int status)
{
    *end = (struct isolate_end){
        .code = WIFEXITED(status) ? WEXITSTATUS(status) : 0,
        .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
    };
}

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
    fill_end(end, status);
    return OMEGA_OK;
}

static int64_t clock_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Waits for the copy, and kills it when its time is up. */
static int wait_limited(pid_t copy, int64_t limit_us, struct isolate_end *end, omega_error_t *err)
{
    int64_t begin = clock_us();
    bool overdue = false;
    int status = 0;
    pid_t ended;
    while ((ended = waitpid(copy, &status, overdue ? 0 : WNOHANG)) != copy) {
        if (ended < 0 && errno != EINTR) {
            return omega_error_set_errno(err, NULL, "cannot wait for a process");
        }
        if (!overdue && clock_us() - begin > limit_us) {
            overdue = true;
            kill(copy, SIGKILL);
        } else if (!overdue) {
            nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, NULL);
        }
    }
    fill_end(end, status);
    end->overdue = overdue;
    end->wall_us = clock_us() - begin;
    return OMEGA_OK;
}

int isolate_work(void (*work)(void *context), void *context, uint32_t limit_s,
                 struct isolate_end *end, omega_error_t *err)
{
    pid_t original = getpid();
    pid_t copy = fork();
    if (copy < 0) {
        return omega_error_set_errno(err, NULL, "cannot make a process");
    }
    if (copy == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == original) {
            work(context);
        }
        _exit(0);
    }
    return wait_limited(copy, (int64_t)limit_s * 1000000, end, err);
}
