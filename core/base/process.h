/* SPDX-License-Identifier: MIT */
/* Whether another process is there: by its id and the time at which it was started, since ids are
 * used again. */
#ifndef OMEGA_CORE_BASE_PROCESS_H
#define OMEGA_CORE_BASE_PROCESS_H

#include <stdint.h>

enum process_state {
    PROCESS_GONE,  /* or a zombie: only its number is left */
    PROCESS_THERE, /* *start is set */
    PROCESS_HIDDEN /* cannot be told: of another user where these see nothing of each other */
};

/* Looks for a process. *start: when it was started, in ticks since boot (field 22 of
 * /proc/PID/stat). */
enum process_state process_look(int32_t pid, uint64_t *start);

#endif
