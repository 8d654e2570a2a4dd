/* SPDX-License-Identifier: MIT */
/*
 * Repairing a torn log of a live run from the cell that the run has left: its change log holds who
 * has changed what by the newest versions, its table of jobs what has been submitted and is not
 * over. Commits, releases, machine events and submissions can be made from them; initial placements
 * cannot, nor a new capacity of a machine with devices.
 */
#ifndef OMEGA_CORE_RUNLOG_RUNLOG_REPAIR_H
#define OMEGA_CORE_RUNLOG_RUNLOG_REPAIR_H

#include "core/runlog/runlog.h"

struct runlog_repair;

/* Opens the cell at `path` for reading. OMEGA_EINVAL if it has other machines than the opening;
 * errors of lmdb_open(). */
int runlog_repair_open(const char *path, const struct runlog_opening *opening,
                       struct runlog_repair **repair, omega_error_t *err);
void runlog_repair_close(struct runlog_repair *repair); /* NULL is allowed */

/* Makes the record of a version, at this time, which is borrowed until the next call: 1; 0: the
 * change log does not hold it (any more), or it is of a kind that cannot be made. OMEGA_ECORRUPT,
 * OMEGA_EIO, OMEGA_ENOMEM. */
int runlog_repair_version(struct runlog_repair *repair, uint64_t version, int64_t time_us,
                          const struct runlog_record **record, omega_error_t *err);

/* The newest version of the cell. */
uint64_t runlog_repair_newest(const struct runlog_repair *repair);

/* The job of the lowest id above `job` in the table of jobs: 1, and the record of its submission at
 * the time that the job was submitted, behind no version, which is borrowed until the next call; 0:
 * there is none. OMEGA_EINVAL for a job that is none of the run's; OMEGA_ECORRUPT, OMEGA_EIO,
 * OMEGA_ENOMEM. */
int runlog_repair_submission(struct runlog_repair *repair, uint64_t job,
                             const struct runlog_record **record, omega_error_t *err);

/* Whether the change log, if it holds the version of this record, tells the same of it: OMEGA_OK,
 * or OMEGA_EINVAL, since the cell is that of another run. */
int runlog_repair_agrees(struct runlog_repair *repair, const struct runlog_record *record,
                         omega_error_t *err);

#endif
