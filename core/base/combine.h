/* SPDX-License-Identifier: MIT */
/*
 * A combining queue: what many threads ask for at the same time is done by one of them, together.
 *
 * Each thread brings a node and calls combine_run(). Whoever finds the queue empty leads: it waits
 * until the leader before it is done, takes everything queued by then, serves it in one call and
 * wakes each of the others once. So while one batch is served the next one gathers, and no thread
 * of its own is needed. A thread that is alone pays an uncontended mutex.
 *
 * Ownership: a node belongs to its caller, usually as part of a request on the caller's stack, and
 * to the queue from the call of combine_run() to its return. Who has many requests at once puts
 * them behind one node, and is woken once. The struct combine is the caller's and outlives all
 * calls.
 *
 * Order: a batch is in the order in which its nodes were queued, and batches follow each other in
 * that order too. Served exactly once. What `serve` wrote is visible to the nodes' callers when
 * combine_run() returns, not before `serve` has.
 */
#ifndef OMEGA_CORE_BASE_COMBINE_H
#define OMEGA_CORE_BASE_COMBINE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/rcu.h"

#define COMBINE_FIXED 64u /* nodes of a batch for which no memory is needed */

/* One thread's place in the queue: part of what it asks for. Nothing to fill. */
struct combine_node {
    struct rcu_queue_node link;
    _Atomic uint32_t state; /* enum combine_state (combine.c); a futex */
};

/* Serves `count` > 0 nodes, in order. Called by one thread at a time, now this one and now that;
 * must not call combine_run() of the same queue. `nodes` is valid during the call. */
typedef void combine_serve(void *context, struct combine_node *const *nodes, size_t count);

/* Called by the leader before it takes what is queued, with its own node: for whatever has to be
 * waited for before anything can be served, so that more can queue up meanwhile. */
typedef void combine_before(void *context, struct combine_node *leader);

/* What a queue has done so far. */
struct combine_counts {
    uint64_t batches; /* calls of `serve` */
    uint64_t served;  /* nodes */
    uint64_t wakes;   /* threads that had to be woken: at most served - batches */
    uint64_t largest; /* most nodes of a batch */
};

struct combine {
    struct rcu_queue queue;
    char apart[64];        /* from the tail that pushers write: another cache line */
    pthread_mutex_t mutex; /* held while serving; guards all below */
    combine_serve *serve;
    combine_before *before; /* or NULL */
    void *context;
    struct combine_node **nodes; /* `fixed`, or allocated */
    size_t capacity;
    struct combine_counts counts;
    struct combine_node *fixed[COMBINE_FIXED];
};

/* Makes a queue in the caller's memory, which must not move. */
void combine_init(struct combine *combine, combine_serve *serve, void *context);
/* Sets what is called before a batch is taken. Nobody may be in combine_run(). */
void combine_set_before(struct combine *combine, combine_before *before);
/* Frees what it has allocated. Nobody may be in combine_run(). */
void combine_fini(struct combine *combine);

/* Queues `node` and returns when it has been served, by this thread or another one. Any thread;
 * sleeps meanwhile, after about a microsecond. Where there is no memory for a long batch it is
 * served in several calls, each of COMBINE_FIXED nodes or more but the last, each woken after its
 * own. */
void combine_run(struct combine *combine, struct combine_node *node);

/* The counts now; waits for the batch that is being served, so not to be called by `serve`. */
struct combine_counts combine_counts(struct combine *combine);

#endif
