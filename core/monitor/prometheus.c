/* SPDX-License-Identifier: MIT */
/* A status as Prometheus reads it: see prometheus.h. */
#include "core/monitor/prometheus.h"

#include <inttypes.h>

static const double bytes_per_mib = 1024.0 * 1024.0;

void prometheus_label(const char *text, FILE *out)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n') {
            fputs("\\n", out);
        } else {
            if (*text == '\\' || *text == '"') {
                fputc('\\', out);
            }
            fputc(*text, out);
        }
    }
}

static void family(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A family of one sample without labels. */
static void gauge(FILE *out, const char *name, const char *help, double value)
{
    family(out, name, "gauge", help);
    fprintf(out, "%s %.17g\n", name, value);
}

/* A sample with one label. */
static void labelled(FILE *out, const char *name, const char *label, const char *text, double value)
{
    fprintf(out, "%s{%s=\"", name, label);
    prometheus_label(text, out);
    fprintf(out, "\"} %.17g\n", value);
}

/* ---- the cell ---- */

static void write_room(const struct status *status, FILE *out)
{
    const struct store_totals *totals = &status->totals;
    gauge(out, "omega_cell_cpu_used_cores", "CPU that runs tasks.",
          (double)totals->cpu_used_milli / 1e3);
    gauge(out, "omega_cell_cpu_capacity_cores", "CPU of machines that are up or draining.",
          (double)totals->cpu_capacity_milli / 1e3);
    gauge(out, "omega_cell_memory_used_bytes", "Memory that tasks asked for.",
          (double)totals->mem_used_mib * bytes_per_mib);
    gauge(out, "omega_cell_memory_capacity_bytes", "Memory of machines that are up or draining.",
          (double)totals->mem_capacity_mib * bytes_per_mib);
    gauge(out, "omega_cell_gpu_used_devices", "GPU devices in use, parts included.",
          (double)totals->gpu_used_milli / 1e3);
    gauge(out, "omega_cell_gpu_capacity_devices", "GPU devices of machines up or draining.",
          (double)totals->gpu_capacity_milli / 1e3);
}

static void write_tasks(const struct status *status, FILE *out)
{
    const struct store_counters *counters = &status->counters;
    gauge(out, "omega_cell_jobs", "Jobs in the table.", (double)counters->jobs);
    family(out, "omega_cell_tasks", "gauge", "Tasks that wait, and that run.");
    labelled(out, "omega_cell_tasks", "state", "pending", (double)counters->tasks_pending);
    labelled(out, "omega_cell_tasks", "state", "running", (double)counters->tasks_running);
    family(out, "omega_cell_tasks_total", "counter", "Tasks so far, and what became of them.");
    labelled(out, "omega_cell_tasks_total", "state", "submitted",
             (double)counters->tasks_submitted);
    labelled(out, "omega_cell_tasks_total", "state", "finished", (double)counters->tasks_finished);
    labelled(out, "omega_cell_tasks_total", "state", "failed", (double)counters->tasks_failed);
    labelled(out, "omega_cell_tasks_total", "state", "abandoned",
             (double)counters->tasks_abandoned);
}

static void write_cell(const struct status *status, FILE *out)
{
    const struct lmdb_info *info = &status->info;
    family(out, "omega_cell_info", "gauge", "What the cell is.");
    fprintf(out, "omega_cell_info{cell=\"%s\",mode=\"%s\"} 1\n", info->identity,
            lmdb_mode_name(info->mode));
    gauge(out, "omega_cell_version", "Changes of the cell so far.",
          (double)status->counters.version);
    gauge(out, "omega_cell_map_used_bytes", "Bytes of the map that are in use.",
          (double)info->used_bytes);
    gauge(out, "omega_cell_map_bytes", "Largest size of the map.", (double)info->map_bytes);
    gauge(out, "omega_cell_readers", "Reader slots in use.", (double)info->readers);
    gauge(out, "omega_cell_oldest_reader_transactions",
          "Transactions that the oldest reader is behind.", (double)info->oldest_reader);
    gauge(out, "omega_cell_writer_seconds",
          "How long the process that writes now has been writing; 0: nobody writes.",
          status->writing ? (double)status->writer.since_us / 1e6 : 0);
    gauge(out, "omega_cell_writer_blocked", "1 if that is so long that it blocks the cell.",
          status->blocked);
    gauge(out, "omega_cell_damaged_pages", "Statistics pages that cannot be read.",
          (double)status->damaged);
    write_room(status, out);
    write_tasks(status, out);
}

/* ---- schedulers ---- */

/* 'scheduler="batch",instance="3"': who a sample is of. */
static void write_who(const struct page_copy *page, FILE *out)
{
    fputs("scheduler=\"", out);
    prometheus_label(page->scheduler, out);
    fprintf(out, "\",instance=\"%u\"", page->instance);
}

/* One sample of a scheduler instance. */
static void sample(FILE *out, const char *name, const struct page_copy *page, double value)
{
    fprintf(out, "%s{", name);
    write_who(page, out);
    fprintf(out, "} %.17g\n", value);
}

/* A family with one sample for each scheduler instance. */
struct simple {
    const char *name;
    const char *type;
    const char *help;
    double (*value)(const struct status *status, const struct status_process *process);
};

static double incarnation(const struct status *status, const struct status_process *process)
{
    (void)status;
    return process->page.incarnation;
}

static double is_up(const struct status *status, const struct status_process *process)
{
    (void)status;
    return process->runs;
}

static double queued(const struct status *status, const struct status_process *process)
{
    (void)status;
    return process->runs ? (double)process->page.gauges[PAGE_QUEUED] : 0;
}

static double pending_jobs(const struct status *status, const struct status_process *process)
{
    return (double)status_queue(status, process->page.instance).jobs;
}

static double pending_tasks(const struct status *status, const struct status_process *process)
{
    return (double)status_queue(status, process->page.instance).tasks;
}

static double view_age(const struct status *status, const struct status_process *process)
{
    return (double)status_view_age(status, &process->page);
}

static double scheduled(const struct status *status, const struct status_process *process)
{
    (void)status;
    return (double)process->page.counts[PAGE_JOBS_SCHEDULED];
}

static double abandoned(const struct status *status, const struct status_process *process)
{
    (void)status;
    return (double)process->page.counts[PAGE_JOBS_ABANDONED];
}

static const struct simple simples[] = {
    {"omega_scheduler_up", "gauge", "1 if the process is there.", is_up},
    {"omega_scheduler_incarnation", "gauge", "How often it was started.", incarnation},
    {"omega_scheduler_queue_jobs", "gauge", "Jobs that it knows and that wait; 0 if it is gone.",
     queued},
    {"omega_scheduler_pending_jobs", "gauge", "Its jobs in the table with pending tasks.",
     pending_jobs},
    {"omega_scheduler_pending_tasks", "gauge", "Pending tasks of these.", pending_tasks},
    {"omega_scheduler_view_age_versions", "gauge", "Versions that its view is behind the cell.",
     view_age},
    {"omega_scheduler_jobs_scheduled_total", "counter", "Jobs whose last task it placed.",
     scheduled},
    {"omega_scheduler_jobs_abandoned_total", "counter", "Jobs that it gave up.", abandoned},
};

static void write_simples(const struct status *status, FILE *out)
{
    for (size_t f = 0; f < sizeof simples / sizeof *simples; f++) {
        const struct simple *simple = &simples[f];
        family(out, simple->name, simple->type, simple->help);
        for (uint32_t i = 0; i < status->process_count; i++) {
            const struct status_process *process = &status->processes[i];
            if (process->page.role == PAGE_SCHEDULER) {
                sample(out, simple->name, &process->page, simple->value(status, process));
            }
        }
    }
}

/* A family whose samples have one label more, each a count of the page. */
static void write_by(const struct page_copy *page, const char *name, const char *label,
                     const char *text, uint64_t value, FILE *out)
{
    fprintf(out, "%s{", name);
    write_who(page, out);
    fprintf(out, ",%s=\"%s\"} %" PRIu64 "\n", label, text, value);
}

static void write_attempts(const struct page_copy *page, FILE *out)
{
    static const char name[] = "omega_attempts_total";
    /* no difference of counts, which may be of different instants: it could fall */
    uint64_t committed =
        page->counts[PAGE_SUCCESSFUL] + page->counts[PAGE_CONFLICTING] + page->counts[PAGE_REFUSED];
    write_by(page, name, "result", "no_fit", page->counts[PAGE_NO_FIT], out);
    write_by(page, name, "result", "short", page->counts[PAGE_SHORT], out);
    write_by(page, name, "result", "committed", committed, out);
}

static void write_commits(const struct page_copy *page, FILE *out)
{
    static const char name[] = "omega_commits_total";
    write_by(page, name, "result", "successful", page->counts[PAGE_SUCCESSFUL], out);
    write_by(page, name, "result", "conflicting", page->counts[PAGE_CONFLICTING], out);
    write_by(page, name, "result", "refused", page->counts[PAGE_REFUSED], out);
}

static void write_claims(const struct page_copy *page, FILE *out)
{
    for (uint8_t outcome = 0; outcome < OMEGA_OUTCOMES; outcome++) {
        write_by(page, "omega_claims_total", "outcome", omega_outcome_name(outcome),
                 page->outcomes[outcome], out);
    }
}

/* Who lost how much to whom: only pairs that have met, since there may be thousands. */
static void write_pair(const struct status *status, const struct page_copy *page, uint32_t rival,
                       uint8_t reason, FILE *out)
{
    bool known = rival < PAGE_RIVALS - 1;
    const struct status_process *other = known ? status_instance(status, (uint16_t)rival) : NULL;
    fputs("omega_conflicts_total{", out);
    write_who(page, out);
    fputs(",rival=\"", out);
    prometheus_label(other == NULL ? "" : other->page.scheduler, out);
    fputs("\",rival_instance=\"", out);
    if (known) {
        fprintf(out, "%" PRIu32, rival);
    } else {
        fputs("others", out);
    }
    fprintf(out, "\",reason=\"%s\"} %" PRIu64 "\n",
            omega_outcome_name((uint8_t)(OMEGA_CONFLICT_NO_LONGER_FITS + reason)),
            page->rivals[rival][reason]);
}

static void write_pairs(const struct status *status, FILE *out)
{
    family(out, "omega_conflicts_total", "counter",
           "Claims in conflict, by who was faster and what was seen of it.");
    for (uint32_t i = 0; i < status->process_count; i++) {
        const struct page_copy *page = &status->processes[i].page;
        for (uint32_t rival = 0; page->role == PAGE_SCHEDULER && rival < PAGE_RIVALS; rival++) {
            for (uint8_t reason = 0; reason < 2; reason++) {
                if (page->rivals[rival][reason] > 0) {
                    write_pair(status, page, rival, reason, out);
                }
            }
        }
    }
}

/* A family written by one function for each scheduler instance. */
static void write_each(const struct status *status, const char *name, const char *help,
                       void (*write)(const struct page_copy *page, FILE *out), FILE *out)
{
    family(out, name, "counter", help);
    for (uint32_t i = 0; i < status->process_count; i++) {
        if (status->processes[i].page.role == PAGE_SCHEDULER) {
            write(&status->processes[i].page, out);
        }
    }
}

/* ---- histograms ---- */

static void write_histogram(const struct page_copy *page, const char *name, enum page_time which,
                            FILE *out)
{
    const struct page_histogram *histogram = &page->times[which];
    uint64_t count = 0;
    for (size_t b = 0; b < PAGE_BUCKETS; b++) {
        count += histogram->buckets[b];
        fprintf(out, "%s_bucket{", name);
        write_who(page, out);
        if (b + 1 < PAGE_BUCKETS) {
            fprintf(out, ",le=\"%.15g\"} %" PRIu64 "\n", (double)page_bucket_ns[b] / 1e9, count);
        } else {
            fprintf(out, ",le=\"+Inf\"} %" PRIu64 "\n", count);
        }
    }
    fprintf(out, "%s_sum{", name);
    write_who(page, out);
    fprintf(out, "} %.17g\n%s_count{", (double)histogram->sum_ns / 1e9, name);
    write_who(page, out);
    fprintf(out, "} %" PRIu64 "\n", count);
}

static void write_histograms(const struct status *status, FILE *out)
{
    static const struct {
        const char *name;
        const char *help;
    } families[PAGE_TIMES] = {
        [PAGE_REFRESH] = {"omega_refresh_seconds", "Time to bring a view up to date."},
        [PAGE_PLAN] = {"omega_plan_seconds", "Time that the module took to place, really."},
        [PAGE_COMMIT] = {"omega_commit_seconds", "Time to commit a transaction."},
    };
    for (size_t t = 0; t < PAGE_TIMES; t++) {
        family(out, families[t].name, "histogram", families[t].help);
        for (uint32_t i = 0; i < status->process_count; i++) {
            if (status->processes[i].page.role == PAGE_SCHEDULER) {
                write_histogram(&status->processes[i].page, families[t].name, (enum page_time)t,
                                out);
            }
        }
    }
}

/* What the one process of a role counts; left out where there is none, as there is no feeder on a
 * standing cell: a 0 would say that nothing was done. */
static void write_single(const struct status *status, enum page_role role, enum page_count which,
                         const char *name, const char *help, FILE *out)
{
    for (uint32_t i = 0; i < status->process_count; i++) {
        if (status->processes[i].page.role == role) {
            family(out, name, "counter", help);
            fprintf(out, "%s %" PRIu64 "\n", name, status_count(status, which));
            return;
        }
    }
}

void prometheus_write(const struct status *status, FILE *out)
{
    write_cell(status, out);
    write_single(status, PAGE_FEEDER, PAGE_JOBS_SUBMITTED, "omega_jobs_submitted_total",
                 "Jobs that the feeder of a live run submitted.", out);
    write_single(status, PAGE_EXECUTOR, PAGE_PLACEMENTS_ENDED, "omega_placements_ended_total",
                 "Placements that the executor ended.", out);
    write_simples(status, out);
    write_each(status, "omega_attempts_total", "Attempts that have ended.", write_attempts, out);
    write_each(status, "omega_commits_total", "Transactions, by what became of them.",
               write_commits, out);
    write_each(status, "omega_claims_total", "Claims in transactions, by outcome.", write_claims,
               out);
    write_pairs(status, out);
    write_histograms(status, out);
}
