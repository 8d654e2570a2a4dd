/* SPDX-License-Identifier: MIT */
/* A run of live processes on a fresh cell: see live_run.h. */
#include "bench/support/live_run.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MACHINE_CPU 16000
#define MACHINE_MEM 65536

static void create_cell(const struct live_options *options, const char *path)
{
    struct catalogue *catalogue = bench_memory(catalogue_create());
    struct omega_machine_spec *specs = bench_memory(calloc(options->machines, sizeof(*specs)));
    for (uint32_t m = 0; m < options->machines; m++) {
        char name[16];
        snprintf(name, sizeof(name), "m%u", m);
        specs[m].name = symbols_intern(catalogue_symbols(catalogue), name);
        specs[m].cpu_milli = MACHINE_CPU;
        specs[m].mem_mib = MACHINE_MEM;
    }
    struct store_config config = {
        .catalogue = catalogue,
        .machines = specs,
        .machine_count = options->machines,
        .overcommit = {1000, 1000, 1000},
    };
    struct lmdb_options lmdb = {.mode = options->mode};
    omega_error_t err;
    omega_error_clear(&err);
    bench_check(lmdb_create(path, &config, &lmdb, &err), &err, "lmdb_create");
    free(specs);
    catalogue_destroy(catalogue);
}

struct live_shared *live_run(const struct live_options *options, const char *path)
{
    create_cell(options, path);
    struct live_shared *shared = bench_share(sizeof(*shared));
    struct bench_start start;
    bench_start_init(&start);
    int children[LIVE_PROCESSES_MAX];
    for (uint32_t p = 0; p < options->processes; p++) {
        children[p] = bench_fork();
        if (children[p] == 0) {
            live_work(options, shared, path, &start, p);
        }
    }
    bench_start_ready(&start, options->processes);
    shared->deadline_ns = bench_now_ns() + (int64_t)(options->seconds * 1e9);
    bench_start_go(&start);
    for (uint32_t p = 0; p < options->processes; p++) {
        bench_wait(children[p]);
    }
    return shared;
}

static void add_latencies(struct live_summary *summary, const struct live_report *report)
{
    for (int which = 0; which < LIVE_LATENCIES; which++) {
        for (uint32_t b = 0; b < report->bucket_count[which]; b++) {
            const struct live_bucket *bucket = &report->buckets[which][b];
            for (uint64_t i = 0; i < bucket->count; i++) {
                if (histogram_add(summary->latencies[which], bucket->value) != OMEGA_OK) {
                    bench_fail("memory");
                }
            }
        }
    }
}

void live_summary_add(struct live_summary *summary, const struct live_report *report)
{
    uint64_t *into = (uint64_t *)&summary->counts; /* nothing but such counts */
    const uint64_t *from = (const uint64_t *)&report->counts;
    for (size_t i = 0; i < sizeof(struct live_counts) / sizeof(uint64_t); i++) {
        into[i] += from[i];
    }
    double seconds = (double)report->spent_ns / 1e9;
    summary->seconds = seconds > summary->seconds ? seconds : summary->seconds;
    add_latencies(summary, report);
}

void live_summary_open(struct live_summary *summary)
{
    *summary = (struct live_summary){.seconds = 0};
    for (int which = 0; which < LIVE_LATENCIES; which++) {
        summary->latencies[which] = bench_memory(histogram_create());
    }
}

void live_summary_close(struct live_summary *summary)
{
    for (int which = 0; which < LIVE_LATENCIES; which++) {
        histogram_destroy(summary->latencies[which]);
    }
}

double live_conflict_fraction(const struct live_counts *counts)
{
    return counts->successful == 0 ? 0 : (double)counts->conflicting / (double)counts->successful;
}

double live_quantile_us(const struct live_summary *summary, int which, double q)
{
    return (double)histogram_quantile(summary->latencies[which], q, NULL) / 1e3;
}

void live_find_modules(void)
{
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (length > 0 && getenv("OMEGA_MODULES") == NULL) {
        self[length] = '\0';
        char path[PATH_MAX + 16];
        snprintf(path, sizeof(path), "%s/schedulers", dirname(dirname(self)));
        setenv("OMEGA_MODULES", path, 1);
    }
}
