/* SPDX-License-Identifier: MIT */
/* Lines of a result file, each of bounded length and whole: a file that was cut is noticed. */
#ifndef OMEGA_CORE_ANALYSIS_LINES_H
#define OMEGA_CORE_ANALYSIS_LINES_H

#include <stddef.h>
#include <stdio.h>

#include "core/base/error.h"

/* The caller's memory: set the first four, the rest is 0. */
struct lines {
    FILE *stream;
    const char *file; /* for messages */
    const char *of;   /* what a line is, such as "a row of results" */
    size_t max;       /* bytes of a line without its end */
    long number;      /* of the line that was read last, from 1 */
    char *line;       /* without its end; not closed by a NUL */
    size_t size;
    size_t room;
};

/* Reads the next line. 1: there is one; 0: the end; OMEGA_EINVAL: it is too long, or ends with the
 * file; OMEGA_EIO, OMEGA_ENOMEM. */
int lines_next(struct lines *lines, omega_error_t *err);

/* Frees what the lines lay in; the stream is the caller's. */
void lines_release(struct lines *lines);

#endif
