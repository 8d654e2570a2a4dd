/* SPDX-License-Identifier: MIT */
/*
 * How the command ends when it does not end by itself: a crash, an exit() in a module, Ctrl-C. Each
 * says which module was running and removes the temporaries of unfinished outputs
 * and cells.
 */
#ifndef OMEGA_CORE_CLI_SIGNALS_H
#define OMEGA_CORE_CLI_SIGNALS_H

#include <signal.h>

/* Once, at the start. Fatal signals name the module and end the process by that signal; exit() in a
 * module becomes exit code 1; Ctrl-C (SIGINT, SIGTERM, SIGHUP) ends the process. Child processes
 * can be waited for, whoever started this one. */
void signals_install(void);

/* From now on a crash prints nothing: whoever waits for this process tells it. */
void signals_be_silent(void);

/* From now on the first Ctrl-C sets *stop to 1 and the second one ends the process. A file or a
 * pipe that takes no more is an error like others from now on, not the end. */
void signals_catch_stop(volatile sig_atomic_t *stop);

/* In a worker process: leaves stopping by the keyboard to the process above it, and ends at once
 * when that one does (SIGTERM). Temporaries go. */
void signals_in_worker(void);

#endif
