/* SPDX-License-Identifier: MIT */
/*
 * How far a run has come: on a terminal one line that is drawn again and again, with a guess of the
 * time left; elsewhere a line for each point that is finished. Reads the clock.
 */
#ifndef OMEGA_CORE_EXPERIMENT_PROGRESS_H
#define OMEGA_CORE_EXPERIMENT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "core/experiment/experiment.h"

#define PROGRESS_REDRAW_S 0.2 /* at most so often is the line drawn */

struct progress {
    const struct experiment *experiment;
    FILE *out;
    bool quiet;
    bool terminal;
    uint32_t jobs;     /* points that may run at one time */
    uint32_t total;    /* points, those of an earlier run included */
    uint32_t finished; /* the same */
    uint32_t running;
    double run_s; /* wall time of the points that this run has finished, summed up */
    uint32_t run; /* how many these are */
    struct progress_point *points; /* by number: of those that run */
    struct timespec began;
    double drawn_s; /* when the line was drawn last; 0: it is not there */
};

/* Begins; `total` points are to be done, `finished` of them are already. OMEGA_ENOMEM. */
int progress_init(struct progress *progress, const struct experiment *experiment, uint32_t jobs,
                  uint32_t total, uint32_t finished, bool quiet, FILE *out);
void progress_fini(struct progress *progress);

/* Seconds since the beginning. */
double progress_elapsed(const struct progress *progress);

/* A point has begun; has come to a share of its experiment time; has ended, which took it wall_s
 * (below 0: it did not come to its end). */
void progress_begun(struct progress *progress, uint32_t point);
void progress_share(struct progress *progress, uint32_t point, double share);
void progress_ended(struct progress *progress, uint32_t point, double wall_s);

/* Draws the line if it is time; takes it away, for other text. */
void progress_draw(struct progress *progress);
void progress_erase(struct progress *progress);

/* The clock that wall times are read from: seconds since `since`. */
double progress_since(const struct timespec *since);

#endif
