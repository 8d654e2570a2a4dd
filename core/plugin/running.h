/* SPDX-License-Identifier: MIT */
/*
 * Which module's code this thread is in: what a signal handler needs to name a module that crashes,
 * hangs or calls exit(). Entering and leaving cost a few stores.
 */
#ifndef OMEGA_CORE_PLUGIN_RUNNING_H
#define OMEGA_CORE_PLUGIN_RUNNING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The strings must stay valid while the code runs. */
struct running {
    const char *volatile where; /* such as "place()"; NULL = in no module */
    const char *module;         /* its name, or its path while it is being loaded */
    const char *scheduler;      /* NULL = not known */
    uint64_t job;               /* 0 = none */
};

extern _Thread_local struct running running_now;

/* `where` is set last and cleared first, with nothing moved across: a handler that sees it sees the
 * rest too. */
static inline void running_enter(const char *where, const char *module, const char *scheduler,
                                 uint64_t job)
{
    running_now.module = module;
    running_now.scheduler = scheduler;
    running_now.job = job;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    running_now.where = where;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static inline void running_leave(void)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    running_now.where = NULL;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* True if this thread is in a module's code. */
bool running_module(void);

/* "place() of module 'x' (scheduler 'y'), job 7", cut to `size` with its NUL; "" in no module.
 * Control characters of names become '?'. Async-signal-safe. Returns the length. */
size_t running_describe(char *out, size_t size);

#endif
