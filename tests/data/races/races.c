/* SPDX-License-Identifier: MIT */
/*
 * races NAME: threads that use core/base/rcu.h, core/base/combine.h and cellstate/feed.h, rightly
 * or with one step left out. Built with the thread sanitizer by tests/system/t5000-races.sh, which
 * knows for each name whether a race must be reported. Exit code 0, the sanitizer's own after a
 * report, 2 for an unknown name.
 *
 * Each case forces the order in which its two sides come with relaxed flags, which order nothing
 * for the sanitizer: what it then says does not depend on luck.
 */
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cellstate/feed.h"
#include "core/base/combine.h"
#include "core/base/rcu.h"

static atomic_int step;

/* Steps only rise. */
static void reach(int value)
{
    int now = atomic_load_explicit(&step, memory_order_relaxed);
    while (now < value && !atomic_compare_exchange_weak_explicit(
                              &step, &now, value, memory_order_relaxed, memory_order_relaxed)) {
    }
}

static void await_step(int value)
{
    while (atomic_load_explicit(&step, memory_order_relaxed) < value) {
        sched_yield();
    }
}

struct beside {
    void (*function)(void *);
    void *argument;
};

#define END 100 /* the last step */

/* The thread stays until all is over: what it does at its end orders it with others. */
static void *be_beside(void *argument)
{
    const struct beside *beside = argument;
    beside->function(beside->argument);
    await_step(END);
    return NULL;
}

/* Runs two functions in two threads. */
static void run_beside(void (*function)(void *), void *argument, void (*here)(void *))
{
    struct beside beside = {.function = function, .argument = argument};
    pthread_t thread;
    if (pthread_create(&thread, NULL, be_beside, &beside) != 0) {
        fprintf(stderr, "no thread\n");
        exit(2);
    }
    here(argument);
    reach(END);
    pthread_join(thread, NULL);
}

/* ---- a pointer: one reads, one replaces and frees ---- */

struct swap {
    long *value;
    int no_section; /* the reader enters no read section */
    int no_wait;    /* the writer frees without waiting */
    int no_publish; /* the writer fills what it has published already */
    long sum;
};

static void swap_reader(void *argument)
{
    struct swap *swap = argument;
    if (!swap->no_section) {
        rcu_read_lock();
    }
    swap->sum += *rcu_load_pointer(&swap->value);
    if (!swap->no_section) {
        rcu_read_unlock();
    }
    reach(1);
    await_step(2);
    rcu_read_lock();
    swap->sum += *rcu_load_pointer(&swap->value);
    rcu_read_unlock();
}

static void swap_writer(void *argument)
{
    struct swap *swap = argument;
    long *old = swap->value;
    long *fresh = malloc(sizeof *fresh);
    await_step(1);
    if (swap->no_publish) {
        rcu_store_pointer(&swap->value, fresh);
        *fresh = 2;
    } else {
        *fresh = 2;
        rcu_store_pointer(&swap->value, fresh);
    }
    if (!swap->no_wait) {
        rcu_synchronize();
    }
    free(old);
    reach(2);
}

static void run_swap(struct swap swap)
{
    swap.value = malloc(sizeof *swap.value);
    *swap.value = 1;
    run_beside(swap_reader, &swap, swap_writer);
    free(swap.value);
    printf("sum %ld\n", swap.sum);
}

/* ---- the queue: one fills a node and pushes it, one takes it ---- */

struct parcel {
    struct rcu_queue queue;
    struct rcu_queue_node node;
    long contents;
    int late; /* the contents are written after the push */
};

static void parcel_sender(void *argument)
{
    struct parcel *parcel = argument;
    parcel->contents = parcel->late ? 0 : 3;
    rcu_queue_push(&parcel->queue, &parcel->node);
    if (parcel->late) {
        parcel->contents = 3;
    }
    reach(1);
}

static void parcel_receiver(void *argument)
{
    struct parcel *parcel = argument;
    struct rcu_queue taken;
    rcu_queue_init(&taken);
    await_step(1);
    rcu_queue_splice(&taken, &parcel->queue);
    if (rcu_queue_first(&taken) == &parcel->node) {
        parcel->contents++;
    }
}

static void run_parcel(int late)
{
    static struct parcel parcel;
    parcel.late = late;
    rcu_queue_init(&parcel.queue);
    run_beside(parcel_sender, &parcel, parcel_receiver);
    printf("contents %ld\n", parcel.contents); /* it is needed: no compiler drops a write */
}

/* ---- combining: the served part of a request, and the rest ---- */

struct errand {
    struct combine_node node; /* first: a cast is enough */
    long answer;
};

struct errands {
    struct combine combine;
    long total;   /* guarded by being served one batch at a time */
    int unserved; /* one thread adds to it without being served */
};

static void serve_errands(void *context, struct combine_node *const *nodes, size_t count)
{
    struct errands *errands = context;
    for (size_t i = 0; i < count; i++) {
        ((struct errand *)(void *)nodes[i])->answer = ++errands->total;
    }
}

static void errand_beside(void *argument)
{
    struct errands *errands = argument;
    struct errand errand;
    for (int i = 0; i < 100; i++) {
        combine_run(&errands->combine, &errand.node);
    }
    reach(1);
}

static void errand_here(void *argument)
{
    struct errands *errands = argument;
    struct errand errand;
    if (errands->unserved) {
        await_step(1);
        errands->total++;
    }
    for (int i = 0; i < 100; i++) {
        combine_run(&errands->combine, &errand.node);
    }
}

static void run_errands(int unserved)
{
    static struct errands errands;
    errands.unserved = unserved;
    combine_init(&errands.combine, serve_errands, &errands);
    run_beside(errand_beside, &errands, errand_here);
    combine_fini(&errands.combine);
    printf("total %ld\n", errands.total);
}

/* ---- the feed: one writes, one reads ---- */

struct paper {
    struct feed *feed;
    const void *leaked; /* an entry's bytes, kept after the reading */
    int keep;           /* looks at them afterwards */
    long sum;
};

static int read_line(void *context, const void *bytes, size_t size)
{
    struct paper *paper = context;
    long value = 0;
    memcpy(&value, bytes, size);
    paper->sum += value;
    paper->leaked = bytes;
    return 0;
}

static void paper_reader(void *argument)
{
    struct paper *paper = argument;
    uint64_t position = 0;
    uint64_t stamp = 0;
    await_step(1);
    for (int i = 0; i < 100; i++) {
        if (feed_read(paper->feed, &position, &stamp, read_line, paper) == 1) {
            position++;
        }
        sched_yield();
    }
    if (paper->keep) {
        paper->sum += *(const unsigned char *)paper->leaked;
    }
    reach(2);
}

static void paper_writer(void *argument)
{
    struct paper *paper = argument;
    for (uint64_t version = 1; version <= 5000; version++) {
        long value = (long)version;
        feed_publish(paper->feed, version, &value, sizeof value, NULL);
        feed_advance(paper->feed, version, version);
        if (version == 3) {
            reach(1);
        }
        if (version == 3 && paper->keep) {
            await_step(2); /* then all that it has seen is displaced and freed */
        }
        feed_reclaim(paper->feed);
    }
}

static void run_paper(int keep)
{
    static struct paper paper;
    paper.feed = feed_create(16);
    paper.keep = keep;
    run_beside(paper_reader, &paper, paper_writer);
    feed_destroy(paper.feed);
    printf("sum %ld\n", paper.sum);
}

/* ---- */

static int run(const char *name)
{
    if (strcmp(name, "pointer") == 0) {
        run_swap((struct swap){.sum = 0});
    } else if (strcmp(name, "pointer-no-section") == 0) {
        run_swap((struct swap){.no_section = 1});
    } else if (strcmp(name, "pointer-no-wait") == 0) {
        run_swap((struct swap){.no_wait = 1});
    } else if (strcmp(name, "pointer-no-publish") == 0) {
        run_swap((struct swap){.no_publish = 1});
    } else if (strcmp(name, "queue") == 0 || strcmp(name, "queue-late-write") == 0) {
        run_parcel(strcmp(name, "queue") != 0);
    } else if (strcmp(name, "combine") == 0 || strcmp(name, "combine-unserved-write") == 0) {
        run_errands(strcmp(name, "combine") != 0);
    } else if (strcmp(name, "feed") == 0 || strcmp(name, "feed-kept-bytes") == 0) {
        run_paper(strcmp(name, "feed") != 0);
    } else {
        fprintf(stderr, "unknown case '%s'\n", name);
        return 2;
    }
    return 0;
}

int main(int argc, char **argv)
{
    return argc == 2 ? run(argv[1]) : 2;
}
