/* SPDX-License-Identifier: MIT */
/*
 * Inside of the log's checker: runlog_check.c (order, jobs, attempts, the end), check_commit.c
 * (transactions) and check_ends.c (initial placements, releases, machine events).
 */
#ifndef OMEGA_CORE_RUNLOG_RUNLOG_CHECK_PRIVATE_H
#define OMEGA_CORE_RUNLOG_RUNLOG_CHECK_PRIVATE_H

#include "cellstate/compat.h"
#include "core/base/map.h"
#include "core/runlog/runlog_check.h"

#define CHECK_STOP 1 /* a violation was told that leaves no sense in going on */

struct runlog_check {
    const struct runlog_opening *opening;
    void (*violated)(void *context, const char *text);
    void *context;
    uint64_t violations;
    struct naive_cell cell;
    struct naive_scratch scratch;
    struct map
        lost_placements; /* id of what was lost before it was due, by the horizon -> its int64_t */
    struct store_counters counters; /* without version and jobs */
    int64_t now_us;
    bool ended;               /* the horizon has come */
    bool torn;                /* records may be missing ... */
    bool lost;                /* ... and what the cell holds is not known any more */
    uint64_t lost_version;    /* the newest one that is missing */
    struct map since;         /* id -> struct since_placement: placed since, and running */
    struct runlog_job **jobs; /* by submission */
    uint64_t job_count;
    uint64_t job_room;
    struct map job_of; /* id -> job */
    struct runlog_instance *instances;
    uint32_t instance_count;
    struct runlog_effect effect;
    /* a transaction, with what both rules say of it */
    struct omega_claim *claims;
    struct omega_claim_result *results; /* of the pure rule */
    uint8_t *outcomes;                  /* of the naive one */
    uint8_t *refused;
    struct omega_machine **machines;
    struct omega_inquiry inquiry; /* what the pure rule tells besides */
    uint32_t claim_room;
    struct omega_machine *records; /* of the machines that are claimed */
    uint32_t record_count;
    uint32_t record_room;
    uint32_t *record_of; /* per machine: its record, from 1; 0 between transactions */
    struct rules_scratch *rules;
    struct compat *compat;
    struct store_release_result *released;
    uint32_t released_room;
    struct store_placement *placements;
    uint32_t placement_room;
};

/* Tells a violation; returns CHECK_STOP, for those who stop. */
int check_violated(struct runlog_check *check, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

int check_no_memory(omega_error_t *err);

/* Is the view of an attempt one that there was? */
void check_sync(struct runlog_check *check, const struct runlog_record *record);

/* The attempt that ends, with or without a transaction: fills in the effect's job and start. */
int check_attempt_end(struct runlog_check *check, const struct runlog_record *record);

/* Frees what is not needed of a job of which nothing is left. */
void check_let_go(struct runlog_job *job);

/* Does the machine of claim `i` meet the constraints of its group? */
void check_constraints(struct runlog_check *check, const struct omega_task_group *group,
                       const struct omega_claim *claim, uint32_t i);
/* Is a claim one that the job can make? */
bool check_is_sound(const struct runlog_check *check, const struct runlog_job *job,
                    const struct omega_claim *claim);
/* Makes room for the claims of a transaction. OMEGA_ENOMEM. */
int check_reserve(struct runlog_check *check, uint32_t claims);
/* Enters the accepted claims of effect.txn: A, I. */
int check_apply(struct runlog_check *check, const struct runlog_record *record, omega_error_t *err);

/* ---- torn logs: check_torn.c ---- */

/* A transaction of which only what it installed is known. */
int check_repaired(struct runlog_check *check, const struct runlog_record *record,
                   omega_error_t *err);
/* A record behind missing ones. */
int check_loosely(struct runlog_check *check, const struct runlog_record *record,
                  omega_error_t *err);
void check_torn_fini(struct runlog_check *check);

int check_transaction(struct runlog_check *check, const struct runlog_record *record,
                      omega_error_t *err);
int check_preload(struct runlog_check *check, const struct runlog_record *record,
                  omega_error_t *err);
int check_release(struct runlog_check *check, const struct runlog_record *record,
                  omega_error_t *err);
int check_machine_event(struct runlog_check *check, const struct runlog_record *record,
                        omega_error_t *err);

#endif
