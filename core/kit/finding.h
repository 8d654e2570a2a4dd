/* SPDX-License-Identifier: MIT */
/*
 * What a process that tries a module out tells the one that waits for it. It lies in memory that
 * both share, so that it is there however the first one ends.
 */
#ifndef OMEGA_CORE_KIT_FINDING_H
#define OMEGA_CORE_KIT_FINDING_H

#include <stdbool.h>
#include <stdint.h>

#define FINDING_JOBS 400u /* jobs whose placement is kept, to name the first that differs */

struct finding {
    bool ended;              /* the work came to its end, whatever it found */
    bool wrong;              /* `text` says what the module did wrong */
    bool unable;             /* `text` says why nothing could be found out */
    char during[160];        /* under which circumstances, such as "with probes at 1"; "" = none */
    char text[480];          /* one line, without module and check */
    char note[240];          /* what is no fault, but worth knowing; "" = nothing */
    char heard[240];         /* the last warning or error that the module logged; "" = none */
    volatile uint64_t calls; /* into the module so far */
    uint64_t jobs;           /* planned */
    uint64_t asked;          /* required tasks of them */
    uint64_t placed;         /* claims accepted */
    uint32_t marks;          /* how many of the following there are */
    uint64_t mark[FINDING_JOBS]; /* hash of all that was claimed up to and with each job */
};

/* Notes what the module does wrong, unless something is noted already. Returns -1. */
int finding_wrong(struct finding *finding, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same for what keeps us from finding out. */
int finding_unable(struct finding *finding, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
