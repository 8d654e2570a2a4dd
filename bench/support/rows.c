/* SPDX-License-Identifier: MIT */
/* The rows of `make bench-sim`: see rows.h. */
#include "bench/support/rows.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#define DAY INT64_C(86400)
#define FILLED(share, seconds) .machines = 10000, .horizon_s = (seconds), .prefill = (share)

/* The load day's jobs, which keep a quarter of 10,000 machines busy, `times` as many of them; `nb`
 * schedulers for batch jobs, which take `decide_us` for each, and `ns` for service jobs. */
#define JOBS(times, nb, decide_us, ns)                                                             \
    .kinds = {                                                                                     \
        {.gap_s = 1 / (times),                                                                     \
         .tasks = 100,                                                                             \
         .duration_s = 100,                                                                        \
         .cpu_milli = 1000,                                                                        \
         .mem_mib = 2048,                                                                          \
         .instances = (nb),                                                                        \
         .job_us = (decide_us),                                                                    \
         .task_us = 5000},                                                                         \
        {.gap_s = 20 / (times),                                                                    \
         .tasks = 10,                                                                              \
         .duration_s = 500,                                                                        \
         .cpu_milli = 1000,                                                                        \
         .mem_mib = 2048,                                                                          \
         .instances = (ns),                                                                        \
         .job_us = 100000,                                                                         \
         .task_us = 5000},                                                                         \
    }

static const struct row rows[] = {
    /* the published simulator's T-x10-omega-seq-inc-nb1, -nb4 and -nb16 */
    {.name = "day-1", .machines = 10000, .horizon_s = DAY, JOBS(1.0, 1, 100000, 1)},
    {.name = "day-4", .machines = 10000, .horizon_s = DAY, JOBS(1.0, 4, 1000000, 1)},
    {.name = "day-16", .machines = 10000, .horizon_s = DAY, JOBS(1.0, 16, 1000000, 1)},
    /* its T-paper7d-omega-res-inc-nb1, with the cell and the workloads of its group E */
    {
        .name = "week",
        .machines = 12500,
        .horizon_s = 7 * DAY,
        .prefill = 0.6,
        .fine = true,
        .kinds = {{.gap_s = 4.5,
                   .tasks = 40,
                   .duration_s = 300,
                   .cpu_milli = 500,
                   .mem_mib = 1024,
                   .instances = 1,
                   .job_us = 100000,
                   .task_us = 5000},
                  {.gap_s = 20,
                   .tasks = 10,
                   .duration_s = 3000,
                   .cpu_milli = 1000,
                   .mem_mib = 2048,
                   .instances = 1,
                   .job_us = 10000000,
                   .task_us = 5000}},
    },
    /* as many jobs for each machine, and for each scheduler, or fewer; a few million tasks */
    {.name = "cell-1k", .machines = 1000, .horizon_s = 4 * DAY, JOBS(0.1, 1, 100000, 1)},
    {.name = "cell-10k", .machines = 10000, .horizon_s = 36000, JOBS(1.0, 1, 100000, 1)},
    {.name = "cell-100k", .machines = 100000, .horizon_s = 3600, JOBS(10.0, 10, 100000, 1)},
    {.name = "cell-1m", .machines = 1000000, .horizon_s = 600, JOBS(100.0, 100, 100000, 10)},
    /* the jobs take 25.8 % of the cell; what is missing is filled before time 0 */
    {.name = "use-50", FILLED(0.242, 36000), JOBS(1.0, 1, 100000, 1)},
    {.name = "use-80", FILLED(0.542, 36000), JOBS(1.0, 1, 100000, 1)},
    {.name = "use-90", FILLED(0.642, 36000), JOBS(1.0, 1, 100000, 1)},
    {.name = "use-95", FILLED(0.692, 36000), JOBS(1.0, 1, 100000, 1)},
    {.name = "use-99", FILLED(0.732, 36000), JOBS(1.0, 1, 100000, 1)},
    /* room for a third of the jobs, the others queue; then time for two thirds of them */
    {.name = "overload-full", FILLED(0.83, DAY / 2), JOBS(2.0, 4, 1000000, 1)},
    {.name = "overload-busy", FILLED(0, DAY), JOBS(1.0, 1, 1000000, 1)},
};

const struct row *row_find(const char *name)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

void row_list(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        printf("%s\n", rows[i].name);
    }
}

void row_print(const char *program, const struct row *row, const struct row_figures *figures)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double seconds = 1e-9 * (double)figures->ns;
    printf("program=%s row=%s machines=%u tasks=%llu attempts=%llu conflicting=%llu events=%llu "
           "seconds=%.4f ns_per_task=%.3f tasks_per_s=%.0f events_per_s=%.0f peak_rss_kib=%ld "
           "digest=%s",
           program, row->name, row->machines, (unsigned long long)figures->tasks,
           (unsigned long long)figures->attempts, (unsigned long long)figures->conflicting,
           (unsigned long long)figures->events, seconds,
           (double)figures->ns / (double)figures->tasks, (double)figures->tasks / seconds,
           (double)figures->events / seconds, usage.ru_maxrss, figures->digest);
}
