/* SPDX-License-Identifier: MIT */
/*
 * One process of a live cell: it submits jobs of its own, lets a scheduler module plan them on a
 * private view, commits, tries again what conflicts took, and ends placements of its own at random
 * so that the cell stays about as full as asked for.
 */
#ifndef OMEGA_BENCH_SUPPORT_LIVE_WORKER_H
#define OMEGA_BENCH_SUPPORT_LIVE_WORKER_H

#include "bench/support/bench.h"
#include "cellstate/lmdb.h"

#define LIVE_PROCESSES_MAX 64
#define LIVE_MODULES_MAX 16
#define LIVE_BUCKETS_MAX 65536 /* of one histogram, on its way to the parent */

struct live_options {
    uint32_t processes;
    double seconds;
    uint32_t machines;
    uint32_t tasks;    /* of a job, on average */
    uint32_t fill;     /* per cent of the cell's CPU */
    uint32_t think_us; /* emulated decision time of each attempt, besides the real one */
    bool busy;         /* it is spent on a CPU, as planning is, and not slept */
    uint8_t detection;
    enum lmdb_mode mode;
    const char *modules[LIVE_MODULES_MAX];
    uint32_t module_count;
    uint64_t seed;
    bool json;
};

enum live_latency {
    LIVE_REFRESH,
    LIVE_PLAN,
    LIVE_COMMIT,
    LIVE_LATENCIES,
};

/* What a process did. */
struct live_counts {
    uint64_t jobs;
    uint64_t jobs_placed;
    uint64_t jobs_abandoned;
    uint64_t attempts;
    uint64_t no_fit; /* attempts without a claim */
    uint64_t successful;
    uint64_t conflicting;
    uint64_t refused;
    uint64_t claims;
    uint64_t claims_accepted;
    uint64_t claims_conflicting;
    uint64_t releases;
};

struct live_bucket {
    int64_t value;
    uint64_t count;
};

/* One process's part of the memory that it shares with its parent. */
struct live_report {
    struct live_counts counts;
    int64_t spent_ns;
    uint32_t bucket_count[LIVE_LATENCIES];
    struct live_bucket buckets[LIVE_LATENCIES][LIVE_BUCKETS_MAX];
};

struct live_shared {
    int64_t deadline_ns;
    struct live_report reports[LIVE_PROCESSES_MAX];
};

/* The module that a process plans with. */
const char *live_module(const struct live_options *options, uint32_t number);

/* What process `number` does, from opening the cell at `path` until the deadline: fills its report
 * in `shared`. Does not return. */
void live_work(const struct live_options *options, struct live_shared *shared, const char *path,
               struct bench_start *start, uint32_t number) __attribute__((noreturn));

#endif
