/* SPDX-License-Identifier: MIT */
/* Child processes of a test. */
#include "tests/support/child.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

void trouble_add(struct trouble *trouble, const char *format, ...)
{
    if (trouble->count++ == 0) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(trouble->first, sizeof trouble->first, format, arguments);
        va_end(arguments);
    }
}

void *shared_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(memory, MAP_FAILED);
    return memory;
}

void shared_memory_free(void *memory, size_t size)
{
    ck_assert_int_eq(munmap(memory, size), 0);
}

pid_t child_start(child_body *body, void *context, struct trouble *trouble)
{
    pid_t parent = getpid();
    fflush(NULL);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) {
            _exit(1); /* it died before it could be told */
        }
        body(context, trouble);
        _exit(0);
    }
    return pid;
}

int child_wait(pid_t pid)
{
    int status = 0;
    pid_t ended = 0;
    do {
        ended = waitpid(pid, &status, 0);
    } while (ended < 0 && errno == EINTR);
    ck_assert_int_eq(ended, pid);
    if (WIFSIGNALED(status)) {
        return WTERMSIG(status);
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

void child_kill(pid_t pid)
{
    kill(pid, SIGKILL);
    child_wait(pid);
}

void child_run(child_body *body, void *context, struct trouble *trouble)
{
    int how = child_wait(child_start(body, context, trouble));
    if (how != 0) {
        trouble_add(trouble, how > 0 ? "died by signal %d" : "ended by itself (%d)", how);
    }
}
