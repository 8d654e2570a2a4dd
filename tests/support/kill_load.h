/* SPDX-License-Identifier: MIT */
/*
 * Workers that load one cell from several processes, and write down in shared memory what they mean
 * to do before each call and what they were answered after it: what may be gone with a process that
 * is killed, and what may not.
 */
#ifndef OMEGA_TESTS_SUPPORT_KILL_LOAD_H
#define OMEGA_TESTS_SUPPORT_KILL_LOAD_H

#include <stdatomic.h>

#include "core/base/random.h"
#include "tests/support/disk_cell.h"

#define KILL_WORKERS 4u
#define KILL_MACHINES 96u
#define KILL_CLAIMS_MAX 8u
#define KILL_LOST_MAX 64u
#define KILL_ACTS_MAX 8192u

enum kill_kind {
    KILL_JOIN,
    KILL_SUBMIT,
    KILL_COMMIT,
    KILL_RELEASE,
    KILL_EVENT,
    KILL_ABANDON,
};

/* One act of a worker. What is meant, as far as its kind needs it; then the answer. */
struct kill_act {
    uint8_t kind;
    uint8_t granularity;
    uint8_t detection;
    uint8_t event; /* its kind */
    uint16_t instance;
    uint32_t incarnation;
    uint32_t attempt;
    uint32_t machine;
    uint32_t groups; /* of the job */
    uint32_t minimum[2];
    uint32_t tasks; /* required, and */
    uint32_t slots; /* with optional ones, of the job */
    uint32_t count; /* of claims, or placements */
    uint64_t job;
    uint64_t synced;
    struct omega_claim claims[KILL_CLAIMS_MAX];
    uint64_t placements[KILL_LOST_MAX]; /* to release, or (answered) lost */

    _Atomic bool answered;
    uint64_t version;
    uint32_t accepted; /* or released, or lost */
    struct omega_result result;
    struct omega_claim_result results[KILL_CLAIMS_MAX];
    bool released[KILL_CLAIMS_MAX];
};

struct kill_worker {
    _Atomic uint32_t act_count;
    _Atomic uint32_t parked;      /* waits, with nothing going on */
    _Atomic int64_t committed_ns; /* when its newest commit had returned, by the monotonic clock */
    _Atomic int64_t died_ns;      /* when it killed itself */
    _Atomic uint32_t die_after; /* it kills itself at so many of LMDB's writes from now; 0: never */
    uint64_t next_job;          /* goes on where a killed predecessor was */
    struct kill_act acts[KILL_ACTS_MAX];
};

struct kill_load {
    struct trouble trouble;
    _Atomic bool pause;
    _Atomic bool stop;
    bool group; /* workers 2 and 3 open it for several threads */
    bool early; /* spoilt on purpose: submissions and releases are acknowledged before the call */
    /* Told of each act when it is meant and when it is answered, or NULL. */
    void (*noted)(struct kill_load *load, bool answered);
    const char *path;
    struct kill_worker workers[KILL_WORKERS];
};

/* What worker number `slot` of a load is given. */
struct kill_start {
    struct kill_load *load;
    uint32_t slot; /* also its scheduler instance */
    uint64_t seed;
};

/* The body of a worker: opens the cell, joins, and works until it is stopped. */
void kill_work(void *start, struct trouble *trouble);

/* The transaction of an act, for sending it again. */
struct omega_transaction kill_transaction(const struct kill_act *act);

/* The monotonic clock. */
int64_t kill_now_ns(void);

#endif
