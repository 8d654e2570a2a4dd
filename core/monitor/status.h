/* SPDX-License-Identifier: MIT */
/*
 * A status: one look at a cell on disk, at what it says of itself (room and use, versions, jobs
 * that wait, who writes) and at the statistics pages of its processes. The cell is opened for
 * reading only, and held for as long as it takes to walk its jobs.
 */
#ifndef OMEGA_CORE_MONITOR_STATUS_H
#define OMEGA_CORE_MONITOR_STATUS_H

#include "cellstate/lmdb.h"
#include "core/monitor/page.h"

#define STATUS_BLOCKED_US INT64_C(1000000) /* a writer that writes for longer blocks the cell */

/* What waits in the jobs table for one scheduler instance. */
struct status_queue {
    uint16_t instance; /* OMEGA_INSTANCE_NONE: of none yet */
    uint64_t jobs;     /* with a task that is pending */
    uint64_t tasks;    /* pending */
};

struct status_process {
    struct page_copy page;
    bool runs; /* it is there; false: it has ended, or was of another boot */
};

struct status {
    struct lmdb_info info;
    struct store_counters counters;
    struct store_totals totals;
    bool writing; /* somebody writes: `writer` */
    bool blocked; /* for so long that it blocks the cell */
    struct lmdb_writer writer;
    struct status_queue *queues; /* by rising instance */
    uint32_t queue_count;
    struct status_process *processes; /* by rising number */
    uint32_t process_count;
    uint32_t damaged;    /* pages that could not be read ... */
    omega_error_t first; /* ... and why the first could not */
};

struct status_source;

/* Opens a cell to be looked at. `blocked` of the writer is told by each status, not here. Errors as
 * of lmdb_open(). */
int status_open(const char *path, struct status_source **source, omega_error_t *err);
void status_close(struct status_source *source); /* NULL is allowed */

/* Takes a status: `status` is zeroed or was filled before, and is emptied by status_fini(). A page
 * that is damaged is counted and left out. OMEGA_EIO, also for a cell that was removed meanwhile;
 * OMEGA_ENOMEM; OMEGA_ECORRUPT. */
int status_take(struct status_source *source, struct status *status, omega_error_t *err);
void status_fini(struct status *status);

/* The name of a machine of the cell; "?" for an index that it does not have. */
const char *status_machine(const struct status_source *source, uint32_t index);

/* The page of a scheduler instance; NULL if it has none. */
const struct status_process *status_instance(const struct status *status, uint16_t instance);

/* "batch/1": the name of a scheduler instance, or "instance 7" where its scheduler is not known. */
#define STATUS_NAME_BYTES (PAGE_NAME_BYTES + 16)
const char *status_name(const struct status *status, uint16_t instance,
                        char out[STATUS_NAME_BYTES]);

/* What waits for a scheduler instance; all 0 if nothing does. */
struct status_queue status_queue(const struct status *status, uint16_t instance);

/* A sum over all pages. */
uint64_t status_count(const struct status *status, enum page_count which);

/* A conflict, and who lost. */
struct status_conflict {
    const struct status_process *loser;
    const struct page_conflict *conflict;
};

/* The newest conflicts of all pages, newest first by the cell's version: fills up to `room` entries
 * and returns how many. They point into the status. */
uint32_t status_conflicts(const struct status *status, struct status_conflict *out, uint32_t room);

/* Conflicting per successful transactions of a page; 0 if there are none of these. `before` (of the
 * same process, or NULL) is taken off: the fraction since then. */
double status_conflict_fraction(const struct page_copy *page, const struct page_copy *before);

/* View age: by how many versions the cell is ahead of the view that an instance planned on last; 0
 * before its process has planned. */
uint64_t status_view_age(const struct status *status, const struct page_copy *page);

/* How much a count has risen since `before` (NULL: since its beginning); 0 if it has not. */
uint64_t status_rise(const struct page_copy *page, const struct page_copy *before,
                     enum page_count which);

#endif
