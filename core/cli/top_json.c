/* SPDX-License-Identifier: MIT */
/* omega top as JSON: see top_private.h. */
#include <jansson.h>

#include "core/cli/cell_private.h"
#include "core/cli/top_private.h"

/* A text as JSON can hold it. */
static json_t *text(const char *bytes)
{
    json_t *json = json_string(bytes);
    return json != NULL ? json : json_string("?");
}

static json_t *count(uint64_t value)
{
    return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

static json_t *share(int64_t used, int64_t capacity)
{
    return capacity == 0 ? json_null() : json_real((double)used / (double)capacity);
}

static json_t *instance_name(const struct status *status, uint16_t instance)
{
    char name[STATUS_NAME_BYTES];
    return text(status_name(status, instance, name));
}

/* A quantile in us; null: there is none, or it lies above all bounds. */
static json_t *quantile(const struct page_histogram *histogram, double q)
{
    int64_t ns = page_quantile_ns(histogram, q);
    return ns < 0 || ns == INT64_MAX ? json_null() : json_real((double)ns / 1e3);
}

static void add_times(json_t *object, const struct page_copy *page)
{
    static const struct {
        const char *half;
        const char *most;
    } keys[PAGE_TIMES] = {
        [PAGE_REFRESH] = {"refresh_p50_us", "refresh_p99_us"},
        [PAGE_PLAN] = {"plan_p50_us", "plan_p99_us"},
        [PAGE_COMMIT] = {"commit_p50_us", "commit_p99_us"},
    };
    for (size_t t = 0; t < PAGE_TIMES; t++) {
        json_object_set_new(object, keys[t].half, quantile(&page->times[t], 0.5));
        json_object_set_new(object, keys[t].most, quantile(&page->times[t], 0.99));
    }
}

static void add_refusals(json_t *object, const struct page_copy *page)
{
    json_t *refused = json_object();
    for (uint8_t outcome = OMEGA_ACCEPTED + 1; outcome < OMEGA_OUTCOMES; outcome++) {
        if (page->outcomes[outcome] > 0) {
            json_object_set_new(refused, omega_outcome_name(outcome),
                                count(page->outcomes[outcome]));
        }
    }
    json_object_set_new(object, "claims_by_reason", refused);
}

static json_t *scheduler_json(const struct watch *watch, const struct status_process *process)
{
    const struct page_copy *page = &process->page;
    const struct status_queue queue = status_queue(&watch->now, page->instance);
    const struct page_copy *before = watch_before(watch, page);
    uint64_t shown = page->gauges[PAGE_VIEW_VERSION];
    json_t *object = json_pack(
        "{s:o, s:s, s:s, s:i, s:i, s:i, s:b, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
        "s:o, s:o, s:f, s:f, s:f, s:o, s:o}",
        "name", instance_name(&watch->now, page->instance), "scheduler", page->scheduler, "module",
        page->module, "instance", (int)page->instance, "number", (int)page->number, "pid",
        (int)page->pid, "runs", (int)process->runs, "incarnation", (json_int_t)page->incarnation,
        "queued_jobs", count(page->gauges[PAGE_QUEUED]), "pending_jobs", count(queue.jobs),
        "pending_tasks", count(queue.tasks), "attempts", count(page->counts[PAGE_ATTEMPTS]),
        "no_fit", count(page->counts[PAGE_NO_FIT]), "transactions_successful",
        count(page->counts[PAGE_SUCCESSFUL]), "transactions_conflicting",
        count(page->counts[PAGE_CONFLICTING]), "transactions_refused",
        count(page->counts[PAGE_REFUSED]), "claims", count(page->counts[PAGE_CLAIMS]),
        "claims_accepted", count(page->outcomes[OMEGA_ACCEPTED]), "jobs_scheduled",
        count(page->counts[PAGE_JOBS_SCHEDULED]), "commits_per_s",
        watch_page_rate(watch, page, PAGE_SUCCESSFUL) +
            watch_page_rate(watch, page, PAGE_CONFLICTING) +
            watch_page_rate(watch, page, PAGE_REFUSED),
        "conflict_fraction", status_conflict_fraction(page, NULL), "conflict_fraction_interval",
        status_conflict_fraction(page, before), "view_version", count(shown), "view_age_versions",
        count(status_view_age(&watch->now, page)));
    if (object != NULL) {
        add_refusals(object, page);
        add_times(object, page);
    }
    return object;
}

static json_t *schedulers_json(const struct watch *watch)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < watch->now.process_count; i++) {
        const struct status_process *process = &watch->now.processes[i];
        if (process->page.role == PAGE_SCHEDULER) {
            json_array_append_new(array, scheduler_json(watch, process));
        }
    }
    return array;
}

static json_t *conflicts_json(const struct watch *watch)
{
    struct status_conflict conflicts[TOP_CONFLICTS];
    uint32_t found = status_conflicts(&watch->now, conflicts, TOP_CONFLICTS);
    json_t *array = json_array();
    for (uint32_t i = 0; i < found; i++) {
        const struct page_conflict *conflict = conflicts[i].conflict;
        json_array_append_new(
            array,
            json_pack("{s:o, s:o, s:o, s:o, s:s, s:o, s:I, s:I, s:o}", "version",
                      count(conflict->version), "lost_by",
                      instance_name(&watch->now, conflicts[i].loser->page.instance), "machine",
                      text(status_machine(watch->source, conflict->machine)), "rival",
                      instance_name(&watch->now, conflict->rival), "reason",
                      omega_outcome_name(conflict->outcome), "job", count(conflict->job), "task",
                      (json_int_t)conflict->task, "attempt", (json_int_t)conflict->attempt,
                      "rival_version", count(conflict->rival_version)));
    }
    return array;
}

static json_t *writer_json(const struct status *status)
{
    const struct lmdb_writer *writer = &status->writer;
    return !status->writing
               ? json_null()
               : json_pack("{s:i, s:o, s:f, s:b}", "pid", (int)writer->pid, "module",
                           text(writer->module), "writing_s", (double)writer->since_us / 1e6,
                           "blocks", (int)status->blocked);
}

static json_t *tasks_json(const struct store_counters *counters)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "submitted",
                     count(counters->tasks_submitted), "pending", count(counters->tasks_pending),
                     "running", count(counters->tasks_running), "finished",
                     count(counters->tasks_finished), "failed", count(counters->tasks_failed),
                     "abandoned", count(counters->tasks_abandoned));
}

static json_t *cell_json(const struct watch *watch)
{
    const struct status *status = &watch->now;
    const struct store_totals *totals = &status->totals;
    const struct lmdb_info *info = &status->info;
    return json_pack("{s:i, s:s, s:s, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:i}",
                     "format", 1, "cell", info->identity, "mode", lmdb_mode_name(info->mode),
                     "version", count(status->counters.version), "map_used_bytes",
                     count(info->used_bytes), "map_bytes", count(info->map_bytes), "readers",
                     (json_int_t)info->readers, "oldest_reader_transactions",
                     count(info->oldest_reader), "cpu_use",
                     share(totals->cpu_used_milli, totals->cpu_capacity_milli), "mem_use",
                     share(totals->mem_used_mib, totals->mem_capacity_mib), "gpu_use",
                     share(totals->gpu_used_milli, totals->gpu_capacity_milli), "jobs",
                     count(status->counters.jobs), "tasks", tasks_json(&status->counters), "writer",
                     writer_json(status), "damaged_pages", (int)status->damaged);
}

int top_json(const struct watch *watch, FILE *out, omega_error_t *err)
{
    json_t *object = cell_json(watch);
    if (object == NULL ||
        json_object_set_new(object, "interval_s", json_real(watch->between_s)) != 0 ||
        json_object_set_new(object, "commits_per_s",
                            json_real(watch_rate(watch, PAGE_SUCCESSFUL) +
                                      watch_rate(watch, PAGE_CONFLICTING) +
                                      watch_rate(watch, PAGE_REFUSED))) != 0 ||
        json_object_set_new(object, "placements_per_s", json_real(watch_placements(watch))) != 0 ||
        json_object_set_new(object, "schedulers", schedulers_json(watch)) != 0 ||
        json_object_set_new(object, "conflicts", conflicts_json(watch)) != 0) {
        json_decref(object);
        return omega_error_set(err, OMEGA_ENOMEM, "no memory to describe a cell");
    }
    json_dumpf(object, out, JSON_COMPACT | JSON_REAL_PRECISION(9));
    fputc('\n', out);
    json_decref(object);
    return OMEGA_OK;
}
