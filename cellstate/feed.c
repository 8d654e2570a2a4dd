/* SPDX-License-Identifier: MIT */
/*
 * The feed: a ring of immutable entries and one immutable head, both RCU-protected.
 *
 * Entries are also chained by rising version. A reader looks into the ring once, for the entry
 * after its position, and follows the chain to the version of the head that it began with: entries
 * are displaced in order, so what follows an entry that it holds is not freed before its section
 * ends, and no later displacing can tear a gap into what it reads.
 */
#include "cellstate/feed.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rcu.h"

#define RECLAIM_BATCH 256u                   /* displaced blocks worth a grace period */
#define RECLAIM_LATEST (10u * RECLAIM_BATCH) /* the writer waits for one itself */

/* What heads and entries begin with: a place in the list of those displaced. */
struct displaced {
    struct displaced *next;
};

struct head {
    struct displaced displaced;
    uint64_t version;
    uint64_t stamp;
};

struct entry {
    struct displaced displaced;
    struct entry *next; /* written before a head makes that one visible, never read earlier */
    uint64_t version;
    size_t size;
    unsigned char bytes[];
};

struct feed {
    struct head *head;  /* for readers: what is visible */
    uint64_t published; /* the writer's: the last version */
    struct entry *last; /* the writer's: its entry, NULL after a reset */
    struct head *spare; /* the writer's: so that feed_advance() cannot fail */
    _Atomic(struct displaced *) displaced;
    atomic_uint displaced_count;
    uint64_t mask;
    struct entry *slots[];
};

/* ---- memory ---- */

/* Once nobody holds them: frees a list. */
static void free_all(struct displaced *list)
{
    while (list != NULL) {
        struct displaced *next = list->next;
        free(list);
        list = next;
    }
}

static void reclaim(struct feed *feed)
{
    struct displaced *list = atomic_exchange_explicit(&feed->displaced, NULL, memory_order_acquire);
    unsigned count = 0;
    for (const struct displaced *item = list; item != NULL; item = item->next) {
        count++;
    }
    atomic_fetch_sub_explicit(&feed->displaced_count, count, memory_order_relaxed);
    if (list != NULL) {
        rcu_synchronize();
        free_all(list);
    }
}

void feed_reclaim(struct feed *feed)
{
    if (atomic_load_explicit(&feed->displaced_count, memory_order_relaxed) >= RECLAIM_BATCH) {
        reclaim(feed);
    }
}

/* Lists a block that no new reader can find. Only the writer adds, others take all at once. */
static void displace(struct feed *feed, struct displaced *block)
{
    atomic_fetch_add_explicit(&feed->displaced_count, 1, memory_order_relaxed);
    block->next = atomic_load_explicit(&feed->displaced, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&feed->displaced, &block->next, block,
                                                  memory_order_release, memory_order_relaxed)) {
    }
}

static pthread_once_t at_fork = PTHREAD_ONCE_INIT;

static void prepare_fork(void)
{
    (void)rcu_at_fork(); /* without it only a fork is at risk */
}

struct feed *feed_create(uint32_t slots)
{
    if (slots == 0 || (slots & (slots - 1)) != 0) {
        return NULL;
    }
    struct feed *feed = calloc(1, sizeof *feed + slots * sizeof *feed->slots);
    if (feed == NULL) {
        return NULL;
    }
    feed->mask = slots - 1;
    feed->head = calloc(1, sizeof *feed->head);
    feed->spare = calloc(1, sizeof *feed->spare);
    if (feed->head == NULL || feed->spare == NULL) {
        feed_destroy(feed);
        return NULL;
    }
    pthread_once(&at_fork, prepare_fork);
    return feed;
}

void feed_destroy(struct feed *feed)
{
    if (feed == NULL) {
        return;
    }
    for (uint64_t i = 0; i <= feed->mask; i++) {
        free(feed->slots[i]);
    }
    free_all(atomic_load_explicit(&feed->displaced, memory_order_acquire));
    free(feed->head);
    free(feed->spare);
    free(feed);
}

/* ---- writing ---- */

/* Replaces what a slot holds; `entry` may be NULL. */
static void set_slot(struct feed *feed, uint64_t slot, struct entry *entry)
{
    struct entry *old = feed->slots[slot];
    rcu_store_pointer(&feed->slots[slot], entry);
    if (old != NULL) {
        displace(feed, &old->displaced);
    }
}

int feed_publish(struct feed *feed, uint64_t version, const void *bytes, size_t size,
                 omega_error_t *err)
{
    if (version != feed->published + 1) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "feed: got version '%" PRIu64 "', expected %" PRIu64, version,
                               feed->published + 1);
    }
    struct entry *entry = size > SIZE_MAX - sizeof *entry ? NULL : malloc(sizeof *entry + size);
    if (entry == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "feed: no memory for a change of %zu bytes",
                               size);
    }
    entry->next = NULL;
    entry->version = version;
    entry->size = size;
    if (size > 0) {
        memcpy(entry->bytes, bytes, size);
    }
    if (feed->last != NULL) {
        feed->last->next = entry;
    }
    feed->last = entry;
    feed->published = version;
    set_slot(feed, version & feed->mask, entry);
    if (atomic_load_explicit(&feed->displaced_count, memory_order_relaxed) >= RECLAIM_LATEST) {
        reclaim(feed);
    }
    return 0;
}

/* Publishes version and stamp as one. Without memory the spare head is used, and the old one
 * becomes the spare when no reader holds it any more. */
static void set_head(struct feed *feed, uint64_t version, uint64_t stamp)
{
    struct head *old = feed->head;
    struct head *head = malloc(sizeof *head);
    bool poor = head == NULL;
    if (poor) {
        head = feed->spare;
    }
    head->version = version;
    head->stamp = stamp;
    rcu_store_pointer(&feed->head, head);
    if (poor) {
        rcu_synchronize();
        feed->spare = old;
    } else {
        displace(feed, &old->displaced);
    }
}

void feed_advance(struct feed *feed, uint64_t version, uint64_t stamp)
{
    assert(version <= feed->published && version >= feed->head->version);
    set_head(feed, version, stamp);
}

void feed_reset(struct feed *feed, uint64_t version, uint64_t stamp)
{
    assert(version >= feed->published);
    /* First the entries, then the head: a reader that sees the new head finds none of the old
     * entries, whose chain does not lead to it. */
    for (uint64_t i = 0; i <= feed->mask; i++) {
        set_slot(feed, i, NULL);
    }
    feed->last = NULL;
    feed->published = version;
    set_head(feed, version, stamp);
}

/* ---- reading ---- */

/* Inside a read section: calls `each` from `position` + 1 to the head's version, which is above. */
static int walk(const struct feed *feed, const struct head *head, uint64_t position,
                int (*each)(void *context, const void *bytes, size_t size), void *context)
{
    const struct entry *entry = rcu_load_pointer(&feed->slots[(position + 1) & feed->mask]);
    if (entry == NULL || entry->version != position + 1) {
        return 1;
    }
    for (;;) {
        int result = each(context, entry->bytes, entry->size);
        if (result != 0 || entry->version == head->version) {
            return result;
        }
        entry = entry->next;
    }
}

int feed_read(const struct feed *feed, uint64_t *position, uint64_t *stamp,
              int (*each)(void *context, const void *bytes, size_t size), void *context)
{
    int result = 0;
    rcu_read_lock();
    const struct head *head = rcu_load_pointer(&feed->head);
    if (*position > head->version) {
        *stamp = 0;
    } else {
        if (*position < head->version) {
            result = walk(feed, head, *position, each, context);
        }
        if (result == 0) {
            *position = head->version;
            *stamp = head->stamp;
        }
    }
    rcu_read_unlock();
    return result;
}
