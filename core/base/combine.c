/* SPDX-License-Identifier: MIT */
/* The combining queue: leaders follow each other through a mutex, followers wait on a futex. */
#include "core/base/combine.h"

#include <linux/futex.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A pause takes 40 to 140 cycles: below or about a microsecond in all. */
#define SPINS 20

enum combine_state {
    WAITING,  /* its thread has not gone to sleep */
    SLEEPING, /* its thread sleeps, or is about to */
    DONE,     /* served; its thread may be gone with the node */
};

void combine_init(struct combine *combine, combine_serve *serve, void *context)
{
    rcu_queue_init(&combine->queue);
    pthread_mutex_init(&combine->mutex, NULL); /* cannot fail without attributes */
    combine->serve = serve;
    combine->before = NULL;
    combine->context = context;
    combine->nodes = combine->fixed;
    combine->capacity = COMBINE_FIXED;
    combine->counts = (struct combine_counts){.batches = 0};
}

void combine_fini(struct combine *combine)
{
    if (combine->nodes != combine->fixed) {
        free(combine->nodes);
    }
    pthread_mutex_destroy(&combine->mutex);
}

/* ---- followers ---- */

static void await(struct combine_node *node)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&node->state, memory_order_acquire) == DONE) {
            return;
        }
        caa_cpu_relax();
    }
    uint32_t state = WAITING;
    if (!atomic_compare_exchange_strong_explicit(&node->state, &state, SLEEPING,
                                                 memory_order_acquire, memory_order_acquire)) {
        return; /* DONE */
    }
    do { /* a signal, or a late wake meant for an earlier node at this address, is no answer */
        syscall(SYS_futex, &node->state, FUTEX_WAIT_PRIVATE, SLEEPING, NULL, NULL, 0);
    } while (atomic_load_explicit(&node->state, memory_order_acquire) != DONE);
}

/* ---- the leader; holds the mutex ---- */

/* Lets the node's thread go; returns whether it had to be woken. The exchange is the last access to
 * the node: its thread may see it, return and reuse the stack at once. The futex call then names
 * an address only, which a wake does not read; at worst one wakes and looks again. */
static bool finish(struct combine_node *node)
{
    _Atomic uint32_t *address = &node->state;
    if (atomic_exchange_explicit(&node->state, DONE, memory_order_acq_rel) != SLEEPING) {
        return false;
    }
    syscall(SYS_futex, address, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    return true;
}

/* Room for twice as many nodes; false: there is no memory. */
static bool grow(struct combine *combine)
{
    struct combine_node **nodes = malloc(combine->capacity * 2 * sizeof *nodes);
    if (nodes == NULL) {
        return false;
    }
    for (size_t i = 0; i < combine->capacity; i++) {
        nodes[i] = combine->nodes[i];
    }
    if (combine->nodes != combine->fixed) {
        free(combine->nodes);
    }
    combine->nodes = nodes;
    combine->capacity *= 2;
    return true;
}

static struct combine_node *node_of(struct rcu_queue_node *link)
{
    return (struct combine_node *)(void *)link;
}

/* Fills the array from *link on, as far as it goes; returns how many. *link: the first left. */
static size_t gather(struct combine *combine, struct rcu_queue *taken, struct rcu_queue_node **link)
{
    size_t count = 0;
    while (*link != NULL && (count < combine->capacity || grow(combine))) {
        combine->nodes[count++] = node_of(*link);
        *link = rcu_queue_next(taken, *link);
    }
    return count;
}

static void serve_batch(struct combine *combine, size_t count)
{
    struct combine_counts *counts = &combine->counts;
    combine->serve(combine->context, combine->nodes, count);
    counts->batches++;
    counts->served += count;
    counts->largest = count > counts->largest ? count : counts->largest;
    for (size_t i = 0; i < count; i++) {
        counts->wakes += finish(combine->nodes[i]);
    }
}

/* Serves all that is queued: at least the leader's own node, since nobody else takes before it. */
static void lead(struct combine *combine)
{
    struct rcu_queue taken;
    rcu_queue_init(&taken);
    rcu_queue_splice(&taken, &combine->queue);
    struct rcu_queue_node *link = rcu_queue_first(&taken);
    while (link != NULL) {
        serve_batch(combine, gather(combine, &taken, &link));
    }
}

void combine_set_before(struct combine *combine, combine_before *before)
{
    combine->before = before;
}

void combine_run(struct combine *combine, struct combine_node *node)
{
    atomic_init(&node->state, WAITING);
    if (!rcu_queue_push(&combine->queue, &node->link)) {
        await(node);
        return;
    }
    pthread_mutex_lock(&combine->mutex);
    if (combine->before != NULL) {
        combine->before(combine->context, node);
    }
    lead(combine);
    pthread_mutex_unlock(&combine->mutex);
}

struct combine_counts combine_counts(struct combine *combine)
{
    pthread_mutex_lock(&combine->mutex);
    struct combine_counts counts = combine->counts;
    pthread_mutex_unlock(&combine->mutex);
    return counts;
}
