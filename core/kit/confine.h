/* SPDX-License-Identifier: MIT */
/*
 * What a process that tries a module out does with itself before it loads it, so that whatever the
 * module does is found and told: crashes, calls that never return, memory without end, output.
 */
#ifndef OMEGA_CORE_KIT_CONFINE_H
#define OMEGA_CORE_KIT_CONFINE_H

#include "core/kit/finding.h"

struct confine_limits {
    uint32_t call_s;  /* one call into the module may take so long */
    uint32_t total_s; /* after so long confine_enough() says that it is enough */
    int output;       /* a file that gets what is written to standard output and error; -1 = none */
};

/* For this whole process and the rest of its life: a signal, a call that takes too long or an
 * exit() in the module is written into the finding, and ends the process. */
void confine(struct finding *finding, const struct confine_limits *limits);

/* True if a sanitizer has this process's memory: this omega was built with one, or one was put
 * before it (LD_PRELOAD) for the sake of a module. */
bool confine_sanitized(void);

/* True once the process has taken as long as it should: what can be cut short is cut short. */
bool confine_enough(void);

#endif
