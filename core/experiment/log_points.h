/* SPDX-License-Identifier: MIT */
/* The points of a run, each with all its segments of the run log, in the folder of its outputs. */
#ifndef OMEGA_CORE_EXPERIMENT_LOG_POINTS_H
#define OMEGA_CORE_EXPERIMENT_LOG_POINTS_H

#include "core/runlog/runlog_read.h"

struct log_points;

/* Finds the logs in DIRECTORY/log; where there is none, those that a run has left that was ended
 * before it was whole, in DIRECTORY/points, or in DIRECTORY itself. OMEGA_EINVAL where there is
 * none either; OMEGA_EIO, OMEGA_ENOMEM. */
int log_points_open(const char *directory, struct log_points **points, omega_error_t *err);
/* Are they of a run that was ended before it was whole? Then there are no results of it. */
bool log_points_unfinished(const struct log_points *points);
void log_points_close(struct log_points *points); /* NULL is allowed */

/* Puts the points into another order: calls `rank` for each segment that can be opened, in the
 * order of their names, to tell by its opening where its point belongs; points of one rank stay in
 * that order. What cannot be opened comes first, to be told before time is spent on the others.
 * Only before the first point is taken. Errors of `rank`, which end it; OMEGA_ENOMEM. */
int log_points_order(struct log_points *points,
                     int (*rank)(void *context, const struct runlog_opening *opening,
                                 uint32_t *rank, omega_error_t *err),
                     void *context, omega_error_t *err);

/* The next point, in the order of the names of files or that of log_points_order(): 1 and its
 * segments, merged, which are the caller's to close, and how many there are; 0: there is no more.
 * What is wrong with the files of a point is an error of the point, and the next call goes on
 * behind it: OMEGA_ECORRUPT, OMEGA_EVERSION, OMEGA_EINVAL where segments are missing; others are
 * OMEGA_EIO, OMEGA_ENOMEM. */
int log_points_next(struct log_points *points, struct runlog_merge **merge, uint32_t *segments,
                    omega_error_t *err);

#endif
