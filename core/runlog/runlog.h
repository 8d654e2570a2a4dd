/* SPDX-License-Identifier: MIT */
/*
 * The run log: everything that happened in one run, so that it can be proved from the log alone.
 * It opens with the experiment, the cell's configuration and its machines; then come records, one
 * for each event. The format and the meaning of each record are in core/runlog/README.md.
 *
 * Writing: telling cannot fail; runlog_finish() says whether everything reached the stream.
 */
#ifndef OMEGA_CORE_RUNLOG_RUNLOG_H
#define OMEGA_CORE_RUNLOG_RUNLOG_H

#include <stdio.h>

#include "cellstate/store.h"

#define RUNLOG_TEXT_MAX (32u << 20) /* bytes of a text, such as the experiment */
#define RUNLOG_SCHEDULERS_MAX 256u
#define RUNLOG_INSTANCES_MAX 4096u /* of all schedulers */
#define RUNLOG_WORKLOADS_MAX 4096u
#define RUNLOG_SEGMENTS_MAX 4096u
/* placements that end in one record: those of a transaction, or of a machine that is lost */
#define RUNLOG_RELEASED_MAX OMEGA_CLAIMS_MAX

struct runlog_scheduler {
    const char *name;
    uint32_t instances;
    uint8_t detection;   /* enum omega_detection */
    uint8_t granularity; /* enum omega_granularity */
    bool places_at_end;  /* its views are synced when the decision time is over */
    uint32_t at_least;   /* AT_LEAST: tasks of each group, at most those unplaced */
};

struct runlog_workload {
    const char *name;
    uint32_t scheduler; /* index of the one that gets its jobs */
};

/* What a segment begins with. */
struct runlog_opening {
    const char *experiment; /* name */
    const char *text;       /* the normalised experiment, JSON */
    const char *sha256;     /* of that text */
    const char *recorded;   /* which tables the run leaves, JSON of the experiment layer's; NULL:
                               the log does not say, as one of version 1 */
    const char *variant;    /* "" for the only one */
    uint32_t assignment;    /* of its sweep, from 1; 0: there is none */
    uint64_t seed;
    uint32_t segment; /* from 0 */
    uint32_t segments;
    int64_t warmup_us;
    int64_t horizon_us;
    struct omega_overcommit overcommit;
    bool release_raises_seq;
    bool drops_cut_attempts; /* one in progress at the horizon has not begun */
    uint8_t lost;            /* enum store_loss_policy */
    uint32_t compat;         /* enum compat_rule, or-ed */
    bool live; /* by processes that read clocks: times may fall from a segment to another, and tasks
                  end at some time after they are due */
    const struct runlog_scheduler *schedulers;
    uint32_t scheduler_count;
    const struct runlog_workload *workloads;
    uint32_t workload_count;
    const struct catalogue *catalogue; /* of constraints, attributes and names */
    const struct omega_machine_spec *machines;
    uint32_t machine_count;
};

enum runlog_kind {
    RUNLOG_PRELOAD = 1, /* placements of the initial state */
    RUNLOG_SUBMISSION = 2,
    RUNLOG_ATTEMPT = 3, /* an instance began to plan a job */
    RUNLOG_NOTHING = 4, /* an attempt ended without a transaction: no-fit, or too few claims */
    RUNLOG_TRANSACTION = 5,
    RUNLOG_RELEASE = 6,
    RUNLOG_MACHINE = 7, /* a machine event */
    RUNLOG_ABANDONMENT = 8,
    RUNLOG_RETRY = 9,    /* a job was queued again */
    RUNLOG_COUNTER = 10, /* what a scheduler's module has counted, at the horizon */
    RUNLOG_HORIZON = 11, /* the last one */
    RUNLOG_RESTART = 12, /* of a live run: an instance begins anew, by another process */
    RUNLOG_KINDS,
};

/* One attempt, at its begin and at its end. */
struct runlog_attempt {
    uint64_t job;
    uint32_t attempt; /* 1 for the job's first */
    uint16_t instance;
    bool planned;    /* the view has been synced: not at the begin of one that places at its end */
    uint32_t claims; /* NOTHING: found, but too few to be sent; 0: no-fit */
    uint64_t synced; /* version of the view */
    int64_t synced_us; /* when it was synced */
};

/* One record. `version` is the one that it made if it is a change, else that of the change which it
 * followed. What it points to is borrowed. */
struct runlog_record {
    uint8_t kind; /* enum runlog_kind */
    bool changes; /* has a version of its own */
    bool
        repaired; /* read: TRANSACTION, RELEASE: from the change log of the cell, at the time of the
                      record before. Of a transaction only who, job, attempt and accepted claims
                      are known, these without their groups and what was seen */
    uint64_t version;
    int64_t time_us;
    const struct store_placement *placements; /* PRELOAD: all but ids and instances */
    uint32_t placement_count;
    const int64_t *ends_us;        /* PRELOAD: when each ends; OMEGA_NEVER: not */
    const struct omega_job *job;   /* SUBMISSION: without user */
    struct runlog_attempt attempt; /* ATTEMPT, NOTHING, TRANSACTION */
    /* TRANSACTION: without precedence and requests, which are the job's; written in short or brief,
     * too */
    struct omega_transaction txn;
    const struct omega_claim_result *results; /* without placement ids */
    int64_t duration_us; /* of all its tasks, where the module has said so; else 0 */
    /* RELEASE, and what a MACHINE event lost: placement and released of each */
    const struct store_release_result *released;
    uint32_t released_count;
    uint64_t first_released; /* RELEASE, written with `released` NULL: placements that follow each
                                other, from this one on, and all have ended */
    struct omega_machine_event event; /* MACHINE */
    uint64_t job_id;                  /* ABANDONMENT, RETRY */
    uint32_t tasks;                   /* ABANDONMENT: given up */
    uint32_t scheduler;               /* COUNTER */
    const char *name;                 /* COUNTER */
    int64_t value;                    /* COUNTER */
    uint16_t instance;                /* RESTART ... */
    uint32_t incarnation;             /* ... the one that begins */
};

struct runlog;

/* Begins a segment on a stream, which stays the caller's. OMEGA_EINVAL for an opening beyond the
 * limits above; OMEGA_ENOMEM. */
int runlog_create(const struct runlog_opening *opening, FILE *stream, struct runlog **log,
                  omega_error_t *err);

/*
 * How far a segment has come, in memory that outlives the process that writes it: so much of it is
 * whole. All that a writer has told before runlog_sync() outlives it, too.
 */
struct runlog_mark {
    struct {
        uint64_t bytes;   /* on the stream: a block ends there */
        uint64_t records; /* in them */
    } whole[2];
    uint64_t turn; /* whole[turn % 2] holds: moved by one store, so that a death moves it or not */
    uint64_t next; /* records at the end of the block that was being written */
};

static inline uint64_t runlog_mark_bytes(const struct runlog_mark *mark)
{
    return mark->whole[mark->turn % 2].bytes;
}

static inline uint64_t runlog_mark_records(const struct runlog_mark *mark)
{
    return mark->whole[mark->turn % 2].records;
}

/* Puts a mark behind what the stream holds: the opening, which is written out. OMEGA_EIO. */
int runlog_mark_init(struct runlog_mark *mark, FILE *stream, omega_error_t *err);

/* From now on each block is written out as it is closed, and the mark, which says where the segment
 * stands, goes along with it. */
void runlog_follow(struct runlog *log, struct runlog_mark *mark);

/* Writes out all that has been told. Only for a log that has a mark; errors are told by
 * runlog_finish(). */
void runlog_sync(struct runlog *log);

/* How many records the segment has, those included that are not written out yet. */
uint64_t runlog_records(const struct runlog *log);

/* When the writer has died: cuts the stream behind its last whole block, and brings the mark there,
 * so that another process can go on. OMEGA_EIO. */
int runlog_mend(struct runlog_mark *mark, FILE *stream, omega_error_t *err);

/* Adds a record. Takes no memory but where one record is larger than all before it. */
void runlog_put(struct runlog *log, const struct runlog_record *record);

/* Writes what is left, and the end. OMEGA_ENOMEM if a record was lost for want of memory,
 * OMEGA_EFULL if one of more than RUNLOG_RELEASED_MAX ends was, OMEGA_EIO if the stream took not
 * all. */
int runlog_finish(struct runlog *log, omega_error_t *err);

void runlog_destroy(struct runlog *log); /* NULL is allowed; the stream stays open */

/* The name of a kind of record, such as "transaction"; "?" for none. */
const char *runlog_kind_name(uint8_t kind);

#endif
