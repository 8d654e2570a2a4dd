/* SPDX-License-Identifier: MIT */
/*
 * A first taste of live: several processes, each with a scheduler module, plan and commit jobs on
 * one cell on disk as fast as they can, and end placements of their own at random so that the cell
 * stays about as full as asked for. The conflicts they meet are real. Prints what each did, how
 * long its refreshes, plans and commits took, and what store_check() says of the cell at the end.
 *
 * `live --help` lists the options. Exit code 1: the cell is not sound.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/support/live_run.h"

static const char usage[] =
    "usage: live [OPTIONS]\n"
    "  --processes N            schedulers on the cell (2)\n"
    "  --seconds S              how long (5)\n"
    "  --machines N             of 16 cores and 64 GiB (1000)\n"
    "  --tasks N                of a job, on average (10)\n"
    "  --fill PERCENT           of the cell's CPU, about which its use stays (80)\n"
    "  --detection fine|coarse  (fine)\n"
    "  --mode pwrite|fast|power (pwrite)\n"
    "  --module NAME            a scheduler module (batch); several: the processes take turns\n"
    "  --think US               an emulated decision time, added to every plan (0)\n"
    "  --busy                   it is spent on a CPU, as planning is, and not slept\n"
    "  --seed N                 (1)\n"
    "  --json                   one object\n";

static const char *const latency_names[LIVE_LATENCIES] = {"refresh", "plan", "commit"};

/* ---- the whole ---- */

static uint64_t transactions(const struct live_counts *counts)
{
    return counts->successful + counts->conflicting + counts->refused;
}

static void print_summary(const char *name, const char *module, const struct live_summary *summary)
{
    const struct live_counts *counts = &summary->counts;
    printf("%-7s %-10s %8llu %8llu %9llu %9.0f %9.0f %8llu %9.4f", name, module,
           (unsigned long long)counts->jobs, (unsigned long long)counts->jobs_abandoned,
           (unsigned long long)counts->no_fit, (double)transactions(counts) / summary->seconds,
           (double)counts->claims / summary->seconds, (unsigned long long)counts->conflicting,
           live_conflict_fraction(counts));
    for (int which = 0; which < LIVE_LATENCIES; which++) {
        printf("  %6.1f %7.1f", live_quantile_us(summary, which, 0.5),
               live_quantile_us(summary, which, 0.99));
    }
    printf("\n");
}

static json_t *summary_json(const char *name, const char *module,
                            const struct live_summary *summary)
{
    const struct live_counts *counts = &summary->counts;
    json_t *object = json_pack(
        "{s:s, s:s, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f}",
        "process", name, "module", module, "seconds", summary->seconds, "jobs", counts->jobs,
        "jobs_placed", counts->jobs_placed, "jobs_abandoned", counts->jobs_abandoned, "attempts",
        counts->attempts, "no_fit", counts->no_fit, "transactions_successful", counts->successful,
        "transactions_conflicting", counts->conflicting, "transactions_refused", counts->refused,
        "claims", counts->claims, "claims_accepted", counts->claims_accepted, "claims_conflicting",
        counts->claims_conflicting, "releases", counts->releases, "conflict_fraction",
        live_conflict_fraction(counts));
    for (int which = 0; which < LIVE_LATENCIES; which++) {
        json_t *times = json_pack("{s:f, s:f}", "p50_us", live_quantile_us(summary, which, 0.5),
                                  "p99_us", live_quantile_us(summary, which, 0.99));
        json_object_set_new(object, latency_names[which], times);
    }
    return object;
}

/* What store_check() says of the cell, and whether what the processes were told is in it. */
struct verdict {
    struct store_report report;
    struct store_counters counters;
    double use;     /* of the cell's CPU */
    bool kept;      /* as many placements as were acknowledged */
    uint64_t asked; /* how many that is */
};

static void check_cell(const char *path, const struct live_counts *counts, struct verdict *verdict)
{
    struct store *store = NULL;
    struct store_totals totals;
    omega_error_t err;
    omega_error_clear(&err);
    bench_check(lmdb_open(path, NULL, &store, &err), &err, "lmdb_open");
    bench_check(store_check(store, &verdict->report, &err), &err, "store_check");
    store_counters(store, &verdict->counters);
    store_totals(store, &totals);
    verdict->use = (double)totals.cpu_used_milli / (double)totals.cpu_capacity_milli;
    verdict->asked = counts->claims_accepted - counts->releases;
    verdict->kept = verdict->report.placements == verdict->asked;
    store_close(store);
}

static bool is_sound(const struct verdict *verdict)
{
    return verdict->report.violations == 0 && verdict->kept;
}

static void print_verdict(const struct verdict *verdict)
{
    const struct store_report *report = &verdict->report;
    printf("\nversion %llu, %.1f %% of CPU in use; ", (unsigned long long)verdict->counters.version,
           100 * verdict->use);
    if (report->violations > 0) {
        printf("%llu violations, the first: %s\n", (unsigned long long)report->violations,
               report->first);
    } else if (!verdict->kept) {
        printf("%llu placements, expected the %llu that were acknowledged and not ended\n",
               (unsigned long long)report->placements, (unsigned long long)verdict->asked);
    } else {
        printf("A B E I hold (%llu machines, %llu placements)\n",
               (unsigned long long)report->machines, (unsigned long long)report->placements);
    }
}

static json_t *verdict_json(const struct verdict *verdict)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:f, s:s}", "version", verdict->counters.version,
                     "machines", verdict->report.machines, "placements", verdict->report.placements,
                     "placements_acknowledged", verdict->asked, "violations",
                     verdict->report.violations, "cpu_use", verdict->use, "first",
                     verdict->report.first);
}

static void print_all(const struct live_options *options, const struct live_summary *each,
                      const struct live_summary *total, const struct verdict *verdict)
{
    printf("%u processes on %u machines, filled to %u %%, %s-grained, mode %s\n\n",
           options->processes, options->machines, options->fill,
           options->detection == OMEGA_DETECT_FINE ? "fine" : "coarse",
           lmdb_mode_name(options->mode));
    printf("%-7s %-10s %8s %8s %9s %9s %9s %8s %9s  %14s  %14s  %14s\n", "", "module", "jobs",
           "given up", "no fit", "txn/s", "claims/s", "conflict", "fraction", "refresh, us",
           "plan, us", "commit, us");
    printf("%-7s %-10s %8s %8s %9s %9s %9s %8s %9s", "", "", "", "", "", "", "", "", "");
    for (int which = 0; which < LIVE_LATENCIES; which++) {
        printf("  %6s %7s", "p50", "p99");
    }
    printf("\n");
    for (uint32_t p = 0; p < options->processes; p++) {
        char name[16];
        snprintf(name, sizeof(name), "%u", p);
        print_summary(name, live_module(options, p), &each[p]);
    }
    print_summary("all", "", total);
    print_verdict(verdict);
}

static void print_json(const struct live_options *options, const struct live_summary *each,
                       const struct live_summary *total, const struct verdict *verdict)
{
    json_t *processes = json_array();
    for (uint32_t p = 0; p < options->processes; p++) {
        char name[16];
        snprintf(name, sizeof(name), "%u", p);
        json_array_append_new(processes, summary_json(name, live_module(options, p), &each[p]));
    }
    json_t *all = json_pack("{s:o, s:o, s:o}", "processes", processes, "all",
                            summary_json("all", "", total), "check", verdict_json(verdict));
    bench_memory(all);
    json_dumpf(all, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    printf("\n");
    json_decref(all);
}

static bool report(const struct live_options *options, const struct live_shared *shared,
                   const char *path)
{
    struct live_summary *each = bench_memory(calloc(options->processes, sizeof(*each)));
    struct live_summary total;
    live_summary_open(&total);
    for (uint32_t p = 0; p < options->processes; p++) {
        live_summary_open(&each[p]);
        live_summary_add(&each[p], &shared->reports[p]);
        live_summary_add(&total, &shared->reports[p]);
    }
    struct verdict verdict;
    check_cell(path, &total.counts, &verdict);
    (options->json ? print_json : print_all)(options, each, &total, &verdict);
    for (uint32_t p = 0; p < options->processes; p++) {
        live_summary_close(&each[p]);
    }
    live_summary_close(&total);
    free(each);
    return is_sound(&verdict);
}

static int run(void *context, const char *directory)
{
    const struct live_options *options = context;
    char path[BENCH_PATH];
    snprintf(path, sizeof(path), "%.400s/cell", directory);
    struct live_shared *shared = live_run(options, path);
    return report(options, shared, path) ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- options ---- */

static const struct option long_options[] = {
    {"help", no_argument, NULL, 'h'},
    {"processes", required_argument, NULL, 'p'},
    {"seconds", required_argument, NULL, 's'},
    {"machines", required_argument, NULL, 'm'},
    {"tasks", required_argument, NULL, 't'},
    {"fill", required_argument, NULL, 'f'},
    {"detection", required_argument, NULL, 'd'},
    {"mode", required_argument, NULL, 'o'},
    {"module", required_argument, NULL, 'M'},
    {"think", required_argument, NULL, 'T'},
    {"busy", no_argument, NULL, 'b'},
    {"seed", required_argument, NULL, 'S'},
    {"json", no_argument, NULL, 'j'},
    {NULL, 0, NULL, 0},
};

static uint32_t number_of(const char *text, uint32_t low, uint32_t high, bool *good)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    *good =
        *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && value >= low && value <= high;
    return (uint32_t)value;
}

static bool read_detection(struct live_options *options, const char *text)
{
    options->detection = strcmp(text, "fine") == 0 ? OMEGA_DETECT_FINE : OMEGA_DETECT_COARSE;
    return strcmp(text, "fine") == 0 || strcmp(text, "coarse") == 0;
}

static bool read_module(struct live_options *options, const char *text)
{
    if (options->module_count == LIVE_MODULES_MAX) {
        return false;
    }
    options->modules[options->module_count++] = text;
    return true;
}

static bool read_seconds(struct live_options *options, const char *text)
{
    char *end = NULL;
    options->seconds = strtod(text, &end);
    return *end == '\0' && options->seconds > 0 && options->seconds <= 86400;
}

static bool read_option(struct live_options *options, int letter, const char *text)
{
    bool good = true;
    switch (letter) {
    case 'p':
        options->processes = number_of(text, 1, LIVE_PROCESSES_MAX, &good);
        return good;
    case 's':
        return read_seconds(options, text);
    case 'm':
        options->machines = number_of(text, 1, 1000000, &good);
        return good;
    case 't':
        options->tasks = number_of(text, 1, 100000, &good);
        return good;
    case 'f':
        options->fill = number_of(text, 1, 100, &good);
        return good;
    case 'd':
        return read_detection(options, text);
    case 'o':
        return lmdb_mode_of(text, &options->mode);
    case 'M':
        return read_module(options, text);
    case 'T':
        options->think_us = number_of(text, 0, 10000000, &good);
        return good;
    case 'S':
        options->seed = number_of(text, 0, UINT32_MAX, &good);
        return good;
    case 'b':
        options->busy = true;
        return true;
    case 'j':
        options->json = true;
        return true;
    default:
        return false;
    }
}

int main(int argc, char **argv)
{
    struct live_options options = {
        .processes = 2,
        .seconds = 5,
        .machines = 1000,
        .tasks = 10,
        .fill = 80,
        .seed = 1,
    };
    int letter = getopt_long(argc, argv, "", long_options, NULL);
    while (letter != -1) {
        if (letter == 'h') {
            fputs(usage, stdout);
            return 0;
        }
        if (!read_option(&options, letter, optarg)) {
            fprintf(stderr, "live: a wrong option or value, expected what 'live --help' lists\n");
            return 2;
        }
        letter = getopt_long(argc, argv, "", long_options, NULL);
    }
    if (optind < argc) {
        fprintf(stderr, "live: '%s' is no option, expected what 'live --help' lists\n",
                argv[optind]);
        return 2;
    }
    if (options.module_count == 0) {
        options.modules[options.module_count++] = "batch";
    }
    live_find_modules();
    return bench_in_directory(run, &options);
}
