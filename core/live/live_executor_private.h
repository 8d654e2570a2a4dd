/* SPDX-License-Identifier: MIT */
/*
 * Inside of the executor of a live run: live_executor.c (ends of tasks), live_machines.c (machine
 * events), live_successor.c (an executor that goes on where another one died).
 */
#ifndef OMEGA_CORE_LIVE_LIVE_EXECUTOR_PRIVATE_H
#define OMEGA_CORE_LIVE_LIVE_EXECUTOR_PRIVATE_H

#include "core/live/journal.h"
#include "core/live/live_private.h"

/* Commits that have been seen, with what they placed. */
struct live_seen {
    uint64_t job;
    int64_t seen_us; /* experiment time */
    uint32_t first;  /* in placements */
    uint32_t count;
};

/* A placement of a job with optional tasks, of which nobody has told yet how long it runs. */
struct live_untold {
    uint64_t job;
    uint64_t placement;
    uint32_t task;
    int64_t seen_us;
};

struct live_executor {
    struct live_process *process;
    const struct live_prefilled *prefilled;
    uint64_t boot;      /* for the journal */
    struct events ends; /* `what` is a placement id */
    uint64_t version;   /* all changes up to it have been seen */
    struct live_seen *seen;
    uint32_t seen_count;
    uint32_t seen_room;
    struct lmdb_change_placement *placements;
    uint32_t placement_count;
    uint32_t placement_room;
    const struct live_seen *looked_at;
    struct live_untold *untold; /* those of a job one behind the other */
    uint32_t untold_count;
    uint32_t untold_room;
    const struct live_untold *asked; /* the first one of the job that is looked at ... */
    uint16_t owner;                  /* ... the instance that placed it ... */
    bool orphaned;                   /* ... and that one is gone */
    int status;                      /* of what the store calls back */
    uint64_t *ids;
    /* machine events */
    uint32_t event;              /* the experiment's next */
    struct events failures;      /* `what` is a machine: it fails or returns */
    struct omega_random *random; /* per machine; NULL: none fails at random */
    bool *down;                  /* per machine: failed at random */
    uint64_t played;             /* events, in all */
    struct store_release_result *released;
};

int live_executor_no_memory(omega_error_t *err);

/* Makes room for another commit with so many placements. OMEGA_ENOMEM. */
int live_see_more(struct live_executor *executor, uint32_t placements);

/* Plans the ends of all placements of the commits that have been seen. */
int live_plan_seen(struct live_executor *executor, omega_error_t *err);

/* Plans the end of a placement, if it comes before the horizon. OMEGA_ENOMEM. */
int live_plan_end(struct live_executor *executor, uint64_t placement, int64_t due_us);

/* ---- live_successor.c ---- */

/* Notes that all changes up to a version had been seen at a time, for a successor. */
void live_journal(struct live_executor *executor, uint64_t version, int64_t seen_us);

/* Plans the ends of all that runs in the cell, as the executor before this one had, or this one
 * before: durations count from when the placements were seen. Tells the log of a change that it was
 * not told of. */
int live_take_over(struct live_executor *executor, omega_error_t *err);

/* ---- live_machines.c ---- */

/* Draws the first failures, and leaves out what was played. The caller closes it either way. */
int live_open_machines(struct live_executor *executor, omega_error_t *err);
void live_close_machines(struct live_executor *executor);

/* When the next event is due; INT64_MAX: never. */
int64_t live_next_event_us(struct live_executor *executor);

/* Plays all events that are due by now. */
int live_play_events(struct live_executor *executor, omega_error_t *err);

#endif
