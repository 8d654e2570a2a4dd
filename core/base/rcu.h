/* SPDX-License-Identifier: MIT */
/*
 * Threads of one process: read-copy-update and a wait-free queue, from liburcu.
 *
 * This is the one header through which liburcu is used, in its flavour "bp", whose threads need no
 * registration. Its functions are called, never inlined (_LGPL_SOURCE stays undefined), so they are
 * not instrumented: the thread sanitizer does not see the order that they establish, and reports
 * correct code. The functions below tell it. Each annotation says what really orders the two sides;
 * one too many would hide races, so what needs none has none. Without the sanitizer they are void.
 *
 * Reading: between rcu_read_lock() and rcu_read_unlock(), what was found by rcu_load_pointer()
 * stays allocated. Writing: rcu_store_pointer() publishes something complete, rcu_synchronize()
 * waits until nobody can still hold what it replaced, which may then be freed.
 */
#ifndef OMEGA_CORE_BASE_RCU_H
#define OMEGA_CORE_BASE_RCU_H

#include <pthread.h>
#include <stdbool.h>
#include <urcu/urcu-bp.h>
#include <urcu/wfcqueue.h>

#if defined(__SANITIZE_THREAD__)
#define RCU_TSAN 1 /* gcc */
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RCU_TSAN 1 /* clang */
#endif
#endif

#ifdef RCU_TSAN
#include <sanitizer/tsan_interface.h>
/* Stands for "all read sections that have ended"; weak, so that all files share one. */
__attribute__((weak)) char rcu_tsan_readers;
#define RCU_TSAN_RELEASE(address) __tsan_release(address)
#define RCU_TSAN_ACQUIRE(address) __tsan_acquire(address)
#else
#define RCU_TSAN_RELEASE(address) ((void)0)
#define RCU_TSAN_ACQUIRE(address) ((void)0)
#endif

/* ---- pointers ---- */

/* Reads *address, a pointer to something published by rcu_store_pointer(), inside a read section.
 * liburcu's own rcu_dereference() would leave the load to the caller as a plain one. No annotation:
 * the sanitizer knows the compiler's atomics. On x86 a plain move, both. */
#define rcu_load_pointer(address) __atomic_load_n((address), __ATOMIC_ACQUIRE)
/* Publishes `value`, whose contents are complete, at *address. Writers exclude each other. */
#define rcu_store_pointer(address, value) __atomic_store_n((address), (value), __ATOMIC_RELEASE)

/* ---- read sections and grace periods ---- */

/* Begins a read section of this thread; they nest. Inside: no waiting, no rcu_synchronize().
 * No annotation: what a reader finds is ordered by the pointers that lead to it. */
static inline void rcu_read_lock(void)
{
    urcu_bp_read_lock();
}

/* Ends it: pointers read in it are void from here on. */
static inline void rcu_read_unlock(void)
{
    /* What was read comes before the end of a grace period that waited for this: liburcu has a full
     * barrier before it marks the section as over, and the writer looks at that mark. */
    RCU_TSAN_RELEASE(&rcu_tsan_readers);
    urcu_bp_read_unlock();
}

/* Waits until every read section that runs now has ended; usually microseconds, and 10 ms steps
 * when a reader is not on a processor. Never inside a read section. */
static inline void rcu_synchronize(void)
{
    urcu_bp_synchronize_rcu();
    /* The other side of rcu_read_unlock(). Sections that began after this call and have ended are
     * ordered too, which is more than liburcu promises; readers that never end one are not. */
    RCU_TSAN_ACQUIRE(&rcu_tsan_readers);
}

/* Makes fork() safe for a child that goes on to use this header: from now on a fork waits for grace
 * periods under way (so never fork in a read section), and the child forgets the parent's other
 * threads, for whose read sections it would wait for ever. Call it once a process. Returns 0 or
 * ENOMEM. */
static inline int rcu_at_fork(void)
{
    return pthread_atfork(urcu_bp_before_fork, urcu_bp_after_fork_parent, urcu_bp_after_fork_child);
}

/* ---- the queue: any number of threads push, without waiting; one at a time takes ---- */

struct rcu_queue_node {
    struct cds_wfcq_node node;
};

struct rcu_queue {
    struct __cds_wfcq_head head; /* the taker's */
    char apart[64];              /* from what pushers write: another cache line */
    struct cds_wfcq_tail tail;
};

/* Makes an empty queue in the caller's memory; it needs no end. */
static inline void rcu_queue_init(struct rcu_queue *queue)
{
    __cds_wfcq_init(&queue->head, &queue->tail);
}

/* Appends a node, which the queue uses until it has been taken. Any thread. Returns whether the
 * queue was empty. */
static inline bool rcu_queue_push(struct rcu_queue *queue, struct rcu_queue_node *node)
{
    cds_wfcq_node_init(&node->node);
    /* What was written around the node comes before what its taker does: liburcu publishes it by an
     * exchange of the tail, a full barrier. */
    RCU_TSAN_RELEASE(node);
    return !cds_wfcq_enqueue(&queue->head, &queue->tail, &node->node);
}

/* Moves all nodes of `from` to the end of `to`, in order; one thread at a time. When it returns,
 * `from` is empty but for what is pushed meanwhile. Returns false if there was nothing. No
 * annotation: nodes are not looked at. */
static inline bool rcu_queue_splice(struct rcu_queue *to, struct rcu_queue *from)
{
    return __cds_wfcq_splice_blocking(&to->head, &to->tail, &from->head, &from->tail) !=
           CDS_WFCQ_RET_SRC_EMPTY;
}

/* A node that was found: NULL stays NULL. */
static inline struct rcu_queue_node *rcu_queue_found(struct cds_wfcq_node *node)
{
    if (node == NULL) {
        return NULL;
    }
    RCU_TSAN_ACQUIRE(node); /* the other side of rcu_queue_push(): the same address */
    return (struct rcu_queue_node *)(void *)node;
}

/* The first node, or NULL; it stays in the queue. By the thread that may take. */
static inline struct rcu_queue_node *rcu_queue_first(struct rcu_queue *queue)
{
    return rcu_queue_found(__cds_wfcq_first_blocking(&queue->head, &queue->tail));
}

/* The node after one, or NULL. Waits for a pusher that is half way through. */
static inline struct rcu_queue_node *rcu_queue_next(struct rcu_queue *queue,
                                                    struct rcu_queue_node *node)
{
    return rcu_queue_found(__cds_wfcq_next_blocking(&queue->head, &queue->tail, &node->node));
}

#endif
