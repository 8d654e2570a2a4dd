/* SPDX-License-Identifier: MIT */
/* omega cell show: describes a cell as a whole; its lists are in cmd_cell_list.c. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/cli/cell_list_private.h"
#include "core/experiment/messages.h"
#include "core/experiment/row.h"

static const char help[] =
    "usage: omega cell show [OPTIONS] DIR [LIST]\n\n"
    "Describes a cell, or lists its machines, placements, jobs, instances or changes: one version\n"
    "of it, also while others write.\n\n"
    "  --machine MACHINE  (machines, placements, jobs) of this name or index; of jobs those that\n"
    "                     run there\n"
    "  --job ID           (placements, jobs, changes) of this job\n"
    "  --user NAME        (placements, jobs) of this user\n"
    "  --instance N       (placements, jobs, instances, changes) of this scheduler instance; of\n"
    "                     jobs those of which it placed something last\n"
    "  --state STATE      (machines) up, down or draining\n"
    "  --limit N          at most so many lines; of changes the newest\n"
    "  --json             one JSON object, or one a line for a list; keys carry units\n"
    "  --help             this text\n\n"
    "States: a machine is up, draining (takes nothing new) or down. A job is pending (tasks wait "
    "to\n"
    "be placed), running, abandoned (its scheduler gave up, tasks may run still) or over (all "
    "have\n"
    "ended; kept with --keep-jobs).\n\n"
    "Columns: cpu in milli-cores, mem in MiB, gpu in thousandths of a device. Of machines: seq, "
    "how\n"
    "often it was changed; releases, how many placements ended there; limit, what may be "
    "promised.\n"
    "Of placements: job 0, part of the initial state. Of jobs: submitted = pending + running +\n"
    "finished + failed + abandoned, all in tasks; instance and attempt, that placed something "
    "last\n"
    "('-': none has). Of instances: the last transaction that installed something, and what "
    "became\n"
    "of its claims. Of changes: version; commit (of a transaction), finished or failed (a task's\n"
    "end), add, remove ('omega cell fail'), drain, undrain or capacity (machine events), preload;\n"
    "job 0, of none; how many machines it changed, and how many placements it made or ended.\n\n"
    "exit codes: 0 done, 1 failed, 2 wrong usage\n";

static const struct option options[] = {
    {"machine", required_argument, NULL, 'M'},
    {"job", required_argument, NULL, 'J'},
    {"user", required_argument, NULL, 'U'},
    {"instance", required_argument, NULL, 'I'},
    {"state", required_argument, NULL, 'S'},
    {"limit", required_argument, NULL, 'n'},
    CELL_OPTION_JSON,
    CELL_OPTION_HELP,
    CELL_OPTION_END,
};

/* What there is to say about a cell as a whole. */
struct summary {
    const char *path;
    struct store *store;
    struct lmdb_info info;
    struct store_counters counters;
    struct store_totals totals;
    uint64_t states[OMEGA_MACHINE_DRAINING + 1];
    uint64_t placements;
    bool writing;
    struct lmdb_writer writer;
    struct symbols *kept;
};

static int count_placement(void *context, const struct store_placement *placement)
{
    (void)placement;
    ++*(uint64_t *)context;
    return 0;
}

static int summarise(struct summary *summary, omega_error_t *err)
{
    struct store *store = summary->store;
    int rc = lmdb_info(store, &summary->info, err);
    store_counters(store, &summary->counters);
    store_totals(store, &summary->totals);
    for (uint32_t i = 0; rc == OMEGA_OK && i < store->machine_count; i++) {
        struct omega_machine machine;
        rc = store_machine(store, i, &machine, err);
        if (rc == OMEGA_OK) {
            summary->states[machine.state]++;
        }
    }
    if (rc == OMEGA_OK) {
        rc = store_placements(store, count_placement, &summary->placements, err);
    }
    summary->writing = lmdb_writer_now(store, &summary->writer);
    return rc;
}

/* ---- text ---- */

static void print_cell(const struct summary *summary)
{
    const struct lmdb_info *info = &summary->info;
    const struct omega_overcommit *over = &info->overcommit;
    char used[32];
    char map[32];
    printf("cell        %s\n", info->identity);
    printf("mode        %s; %s of %s used\n", lmdb_mode_name(info->mode),
           cell_bytes_text(info->used_bytes, used), cell_bytes_text(info->map_bytes, map));
    printf("options     over-commit CPU %.15g, memory %.15g, GPU %.15g; jobs that are over %s; a "
           "release %s\n",
           over->cpu_permille / 1000.0, over->mem_permille / 1000.0, over->gpu_permille / 1000.0,
           info->keep_jobs ? "are kept" : "go",
           info->release_raises_seq ? "raises the sequence" : "leaves the sequence");
    printf("version     %" PRIu64 "; change log for %" PRIu32 " changes, ",
           summary->counters.version, info->log_changes);
    if (info->log_first == 0) {
        puts("empty");
    } else {
        printf("from version %" PRIu64 "\n", info->log_first);
    }
    printf("readers     %" PRIu32 ", the oldest %" PRIu64 " transactions behind\n", info->readers,
           info->oldest_reader);
}

static void print_writer(const struct summary *summary)
{
    const struct lmdb_writer *writer = &summary->writer;
    if (!summary->writing) {
        puts("writer      nobody now");
        return;
    }
    fputs("writer      ", stdout);
    cell_write_writer(writer, stdout);
    printf(", for %.3f s\n", (double)writer->since_us / 1e6);
}

static void print_share(const char *name, int64_t used, int64_t capacity)
{
    printf("%-12s %18" PRId64 " %18" PRId64, name, used, capacity);
    if (capacity == 0) {
        printf(" %9s\n", "-");
    } else {
        printf(" %8.2f%%\n", 100 * (double)used / (double)capacity);
    }
}

static void print_contents(const struct summary *summary)
{
    const struct store_counters *c = &summary->counters;
    const struct store_totals *t = &summary->totals;
    printf("machines    %" PRIu32 ": %" PRIu64 " up, %" PRIu64 " draining, %" PRIu64 " down\n",
           summary->store->machine_count, summary->states[OMEGA_MACHINE_UP],
           summary->states[OMEGA_MACHINE_DRAINING], summary->states[OMEGA_MACHINE_DOWN]);
    printf("placements  %" PRIu64 ", %" PRIu64 " of them of no job\n", summary->placements,
           summary->placements - c->tasks_running);
    printf("jobs        %" PRIu64 " in the table\n", c->jobs);
    printf("tasks       %" PRIu64 " submitted: %" PRIu64 " pending, %" PRIu64 " running, %" PRIu64
           " finished, %" PRIu64 " abandoned, %" PRIu64 " failed; %" PRIu64 " losses\n",
           c->tasks_submitted, c->tasks_pending, c->tasks_running, c->tasks_finished,
           c->tasks_abandoned, c->tasks_failed, c->losses);
    printf("\n%-12s %18s %18s %9s\n", "resource", "used", "capacity", "share");
    print_share("cpu_milli", t->cpu_used_milli, t->cpu_capacity_milli);
    print_share("mem_mib", t->mem_used_mib, t->mem_capacity_mib);
    print_share("gpu_milli", t->gpu_used_milli, t->gpu_capacity_milli);
}

static int print_summary(const struct summary *summary, omega_error_t *err)
{
    print_cell(summary);
    print_writer(summary);
    print_contents(summary);
    putchar('\n');
    return list_instances_text(summary->store, err);
}

/* ---- JSON ---- */

static void put_object(const char *key, const struct row *row)
{
    printf(",\"%s\":", key);
    row_write_json(row, stdout);
}

static void put_counts(const struct summary *summary)
{
    const struct store_counters *c = &summary->counters;
    struct row machines = {0};
    struct row tasks = {0};
    row_count(&machines, "up", summary->states[OMEGA_MACHINE_UP]);
    row_count(&machines, "draining", summary->states[OMEGA_MACHINE_DRAINING]);
    row_count(&machines, "down", summary->states[OMEGA_MACHINE_DOWN]);
    row_count(&tasks, "submitted", c->tasks_submitted);
    row_count(&tasks, "pending", c->tasks_pending);
    row_count(&tasks, "running", c->tasks_running);
    row_count(&tasks, "finished", c->tasks_finished);
    row_count(&tasks, "abandoned", c->tasks_abandoned);
    row_count(&tasks, "failed", c->tasks_failed);
    put_object("machines", &machines);
    put_object("tasks", &tasks);
}

static void put_totals(const struct store_totals *totals)
{
    struct row used = {0};
    struct row capacity = {0};
    row_whole(&used, "cpu_milli", totals->cpu_used_milli);
    row_whole(&used, "mem_mib", totals->mem_used_mib);
    row_whole(&used, "gpu_milli", totals->gpu_used_milli);
    row_whole(&capacity, "cpu_milli", totals->cpu_capacity_milli);
    row_whole(&capacity, "mem_mib", totals->mem_capacity_mib);
    row_whole(&capacity, "gpu_milli", totals->gpu_capacity_milli);
    put_object("used", &used);
    put_object("capacity", &capacity);
}

static void put_writer(const struct summary *summary)
{
    struct row row = {0};
    if (!summary->writing) {
        fputs(",\"writer\":null", stdout);
        return;
    }
    row_whole(&row, "pid", summary->writer.pid);
    row_text(&row, "module", cell_json_text(summary->kept, summary->writer.module));
    list_row_instance(&row, "instance", summary->writer.instance);
    row_whole(&row, "since_us", summary->writer.since_us);
    put_object("writer", &row);
}

static int print_json(const struct summary *summary, omega_error_t *err)
{
    const struct lmdb_info *info = &summary->info;
    struct row row = {0};
    row_text(&row, "cell", cell_json_text(summary->kept, summary->path));
    row_text(&row, "identity", info->identity);
    row_text(&row, "mode", lmdb_mode_name(info->mode));
    row_count(&row, "map_bytes", info->map_bytes);
    row_count(&row, "used_bytes", info->used_bytes);
    row_count(&row, "overcommit_cpu_permille", (uint64_t)info->overcommit.cpu_permille);
    row_count(&row, "overcommit_mem_permille", (uint64_t)info->overcommit.mem_permille);
    row_count(&row, "overcommit_gpu_permille", (uint64_t)info->overcommit.gpu_permille);
    row_bool(&row, "keep_jobs", info->keep_jobs);
    row_bool(&row, "release_raises_seq", info->release_raises_seq);
    row_count(&row, "version", summary->counters.version);
    row_count(&row, "log_changes", info->log_changes);
    if (info->log_first == 0) {
        row_json(&row, "log_first", "null");
    } else {
        row_count(&row, "log_first", info->log_first);
    }
    row_count(&row, "readers", info->readers);
    row_count(&row, "oldest_reader", info->oldest_reader);
    row_count(&row, "placements", summary->placements);
    row_count(&row, "jobs", summary->counters.jobs);
    row_count(&row, "losses", summary->counters.losses);
    row_begin_json(&row, stdout);
    put_counts(summary);
    put_totals(&summary->totals);
    put_writer(summary);
    fputs(",\"instances\":", stdout);
    int rc = list_instances_json(summary->store, summary->kept, err);
    fputs("}\n", stdout);
    return rc;
}

/* ---- the verb ---- */

static int show_held(struct store *store, const struct cell_arguments *a, const struct list *list,
                     omega_error_t *err)
{
    struct summary summary = {.path = a->words[0], .store = store};
    if (list != NULL) {
        return list_print(store, list, a, err);
    }
    summary.kept = symbols_create();
    int rc = summary.kept == NULL ? omega_error_set(err, OMEGA_ENOMEM, "no memory to show the cell")
                                  : summarise(&summary, err);
    if (rc == OMEGA_OK) {
        rc = a->json ? print_json(&summary, err) : print_summary(&summary, err);
    }
    symbols_destroy(summary.kept);
    return rc;
}

static int show_open(const struct cell_arguments *a, omega_error_t *err)
{
    const struct list *list = a->word_count == 2 ? list_find(a->words[1]) : NULL;
    struct store *store = NULL;
    int rc = cell_open(a->words[0], true, &store, err);
    if (rc == OMEGA_OK) {
        rc = lmdb_hold(store, err);
    }
    if (rc == OMEGA_OK) {
        rc = show_held(store, a, list, err);
        lmdb_let_go(store);
    }
    store_close(store);
    return rc;
}

static int show(const struct cell_arguments *a)
{
    omega_error_t err = {0};
    return show_open(a, &err) == OMEGA_OK ? COMMAND_DONE : command_failed(&err);
}

int cell_show(int argc, char **argv)
{
    struct cell_arguments a;
    const struct list *list = NULL;
    int code = cell_read_arguments("cell show", help, argc, argv, options, &a);
    if (code != COMMAND_DONE || a.help) {
        return code;
    }
    if (a.word_count < 1 || a.word_count > 2) {
        return command_usage(a.verb, "expected a directory, and what to list or nothing");
    }
    if (a.word_count == 2 && list_find(a.words[0]) != NULL && list_find(a.words[1]) == NULL) {
        return command_usage(a.verb, "'%.60s' is a list, expected the cell's directory first",
                             a.words[0]);
    }
    if (a.word_count == 2 && (list = list_find(a.words[1])) == NULL) {
        return command_usage(a.verb,
                             "unknown list '%.60s', expected machines, placements, jobs, instances "
                             "or changes",
                             a.words[1]);
    }
    unsigned filter;
    const char *option = list_wrong_filter(list, &a, &filter);
    if (option != NULL) {
        char names[80];
        return command_usage(a.verb, "option '%s' does not go with %s, it goes with %s", option,
                             list == NULL ? "a cell as a whole" : a.words[1],
                             list_names(filter, names, sizeof names));
    }
    return cell_isolated(&a, show, CELL_SEE_CHECK);
}
