/* SPDX-License-Identifier: MIT */
/* Printing what is known about a trace: as text for people, or as JSON with units in its keys. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#include "core/workload/trace_private.h"
#include "core/workload/trace_summary.h"

#define JSON_FORMAT (JSON_INDENT(2) | JSON_REAL_PRECISION(12))

static const char *const resource_names[SUMMARY_RESOURCES] = {"cpu", "mem", "gpu"};
static const char *const resource_keys[SUMMARY_RESOURCES] = {"cpu_milli", "mem_mib", "gpu_milli"};

static const struct {
    const char *text;
    const char *key;
    bool is_time;
} distributions[SUMMARY_DISTRIBUTIONS] = {
    [SUMMARY_TASKS] = {"tasks a job", "tasks_per_job", false},
    [SUMMARY_CPU] = {"CPU a task, milli-cores", "cpu_milli_per_task", false},
    [SUMMARY_MEM] = {"memory a task, MiB", "mem_mib_per_task", false},
    [SUMMARY_GPU] = {"GPU a task, milli-GPU", "gpu_milli_per_task", false},
    [SUMMARY_DURATION] = {"duration of a task", "duration_us_per_task", true},
    [SUMMARY_INTERARRIVAL] = {"time between jobs", "interarrival_us", true},
    [SUMMARY_MAPS] = {"map activities", "map_activities_per_mapreduce_job", false},
    [SUMMARY_REDUCES] = {"reduce activities", "reduce_activities_per_mapreduce_job", false},
};

/* Those of MapReduce jobs are told only where there are any. */
static bool is_told(const struct summary *summary, int distribution)
{
    return distribution < SUMMARY_MAPS || summary->values[distribution].count > 0;
}

/* ---- text ---- */

#define TIME_SIZE 24

/* A time in a unit that people read: "3.6 h". */
static const char *time_text(double us, char out[TIME_SIZE])
{
    static const struct {
        double us;
        const char *name;
    } units[] = {{86400e6, "d"}, {3600e6, "h"}, {60e6, "min"}, {1e6, "s"}, {1e3, "ms"}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (us >= units[i].us) {
            snprintf(out, TIME_SIZE, "%.4g %s", us / units[i].us, units[i].name);
            return out;
        }
    }
    snprintf(out, TIME_SIZE, "%.4g us", us);
    return out;
}

static void print_counts(FILE *out, const struct trace *trace, const struct summary *summary)
{
    char span[TIME_SIZE];
    char first[TIME_SIZE];
    fprintf(out, "source      %s\n", trace->source);
    fprintf(out, "digest      %s\n", summary->digest);
    fprintf(out, "jobs        %" PRIu32 " of %" PRIu32 " workloads and %" PRIu64 " known users\n",
            trace->job_count, trace->workload_count, summary->users);
    fprintf(out, "tasks       %" PRIu64 " required, %" PRIu64 " optional, in %" PRIu64 " groups\n",
            summary->tasks, summary->optional, summary->groups);
    fprintf(out, "submitted   within %s, the first at %s\n",
            time_text((double)(summary->last_us - summary->first_us), span),
            time_text((double)summary->first_us, first));
    fprintf(out,
            "machines    %" PRIu32 ", %" PRIu64 " of them absent at the start; %" PRIu64
            " GPU devices\n",
            trace->machine_count, summary->absent, summary->gpu_devices);
    fprintf(out, "events      %" PRIu32, trace->event_count);
    for (uint8_t kind = 0; trace->event_count > 0 && kind < SUMMARY_EVENT_KINDS; kind++) {
        fprintf(out, "%s%s %" PRIu64, kind == 0 ? ": " : ", ", omega_machine_event_name(kind),
                summary->events[kind]);
    }
    putc('\n', out);
}

static void print_workloads(FILE *out, const struct trace *trace, const struct summary *summary)
{
    fprintf(out, "\n%-26s %12s %8s %12s %8s\n", "workload", "jobs", "share", "tasks", "share");
    for (uint32_t i = 0; i < trace->workload_count; i++) {
        const struct summary_workload *workload = &summary->workloads[i];
        fprintf(out, "%-26s %12" PRIu64 " %7.2f%% %12" PRIu64 " %7.2f%%\n", trace->workloads[i],
                workload->jobs, 100 * summary_share((double)workload->jobs, trace->job_count),
                workload->tasks,
                100 * summary_share((double)workload->tasks, (int64_t)summary->tasks));
    }
}

static void print_time_values(FILE *out, const struct summary_values *values)
{
    char text[TIME_SIZE];
    fprintf(out, " %12s", time_text(values->mean, text));
    fprintf(out, " %12s", time_text((double)values->p50, text));
    fprintf(out, " %12s", time_text((double)values->p90, text));
    fprintf(out, " %12s", time_text((double)values->p99, text));
    fprintf(out, " %12s", time_text((double)values->max, text));
}

static void print_distributions(FILE *out, const struct summary *summary)
{
    fprintf(out, "\n%-26s %12s %12s %12s %12s %12s\n", "", "mean", "p50", "p90", "p99", "max");
    for (int d = 0; d < SUMMARY_DISTRIBUTIONS && is_told(summary, d); d++) {
        const struct summary_values *values = &summary->values[d];
        fprintf(out, "%-26s", distributions[d].text);
        if (values->count == 0) {
            fprintf(out, " %12s", "-");
        } else if (distributions[d].is_time) {
            print_time_values(out, values);
        } else {
            fprintf(out, " %12.4g %12" PRId64 " %12" PRId64 " %12" PRId64 " %12" PRId64,
                    values->mean, values->p50, values->p90, values->p99, values->max);
        }
        if (values->never > 0) {
            fprintf(out, "   and %" PRIu64 " that never end", values->never);
        }
        putc('\n', out);
    }
}

static void print_capacity(FILE *out, const struct summary *summary)
{
    fprintf(out, "\n%-26s %18s %18s %9s\n", "resource", "capacity", "all tasks at once", "share");
    for (int r = 0; r < SUMMARY_RESOURCES; r++) {
        fprintf(out, "%-26s %18" PRId64 " %18.0f", resource_keys[r], summary->capacity[r],
                summary->demand[r]);
        if (summary->capacity[r] == 0) {
            fprintf(out, " %9s\n", "-");
        } else {
            fprintf(out, " %8.2f%%\n",
                    100 * summary_share(summary->demand[r], summary->capacity[r]));
        }
    }
}

static void print_load(FILE *out, const struct summary *summary)
{
    char text[TIME_SIZE];
    if (summary->slices == 0) {
        return;
    }
    fprintf(out,
            "\nload over time: running tasks' demand as share of the capacity, if each task "
            "started when it was submitted\n%-26s %9s %9s %9s\n",
            "from", "cpu", "mem", "gpu");
    for (uint32_t s = 0; s < summary->slices; s++) {
        fprintf(out, "%-26s", time_text((double)summary->slice_us[s], text));
        for (int r = 0; r < SUMMARY_RESOURCES; r++) {
            if (summary->capacity[r] == 0) {
                fprintf(out, " %9s", "-");
            } else {
                fprintf(out, " %8.2f%%", 100 * summary->load[s][r]);
            }
        }
        putc('\n', out);
    }
}

static void print_notes(FILE *out, const struct trace *trace)
{
    if (trace->note_count > 0) {
        fputs("\nassumptions of the import\n", out);
    }
    for (uint32_t i = 0; i < trace->note_count; i++) {
        fprintf(out, "%12" PRIu64 "  %s\n", trace->notes[i].count, trace->notes[i].text);
    }
}

static void print_text(FILE *out, const struct trace *trace, const struct summary *summary)
{
    print_counts(out, trace, summary);
    print_workloads(out, trace, summary);
    print_distributions(out, summary);
    print_capacity(out, summary);
    print_load(out, summary);
    print_notes(out, trace);
}

/* ---- JSON: what fails for want of memory shows as a NULL at the end ---- */

static void set_count(json_t *object, const char *key, uint64_t value)
{
    json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void set_real(json_t *object, const char *key, double value)
{
    json_object_set_new(object, key, json_real(value));
}

/* Names may hold any bytes: what is not UTF-8 is shown by a question mark. */
static json_t *text_json(const char *text)
{
    json_t *json = json_string(text);
    if (json != NULL) {
        return json;
    }
    char plain[TRACE_NAME_MAX + 1];
    size_t n = 0;
    for (; text[n] != '\0' && n < TRACE_NAME_MAX; n++) {
        plain[n] = (unsigned char)text[n] < 0x80 ? text[n] : '?';
    }
    plain[n] = '\0';
    return json_string(plain);
}

static json_t *workloads_json(const struct trace *trace, const struct summary *summary)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < trace->workload_count; i++) {
        const struct summary_workload *workload = &summary->workloads[i];
        json_t *object = json_object();
        json_object_set_new(object, "name", text_json(trace->workloads[i]));
        set_count(object, "jobs", workload->jobs);
        set_real(object, "jobs_share", summary_share((double)workload->jobs, trace->job_count));
        set_count(object, "tasks", workload->tasks);
        set_real(object, "tasks_share",
                 summary_share((double)workload->tasks, (int64_t)summary->tasks));
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *distributions_json(const struct summary *summary)
{
    json_t *all = json_object();
    for (int d = 0; d < SUMMARY_DISTRIBUTIONS && is_told(summary, d); d++) {
        const struct summary_values *values = &summary->values[d];
        json_t *object = json_object();
        set_count(object, "count", values->count);
        set_real(object, "mean", values->mean);
        set_count(object, "p50", (uint64_t)values->p50);
        set_count(object, "p90", (uint64_t)values->p90);
        set_count(object, "p99", (uint64_t)values->p99);
        set_count(object, "max", (uint64_t)values->max);
        if (d == SUMMARY_DURATION) {
            set_count(object, "never", values->never);
        }
        json_object_set_new(all, distributions[d].key, object);
    }
    return all;
}

static json_t *resources_json(const struct summary *summary)
{
    json_t *object = json_object();
    json_t *capacity = json_object();
    json_t *demand = json_object();
    json_t *share = json_object();
    for (int r = 0; r < SUMMARY_RESOURCES; r++) {
        set_count(capacity, resource_keys[r], (uint64_t)summary->capacity[r]);
        set_real(demand, resource_keys[r], summary->demand[r]);
        if (summary->capacity[r] == 0) {
            json_object_set_new(share, resource_names[r], json_null());
        } else {
            set_real(share, resource_names[r],
                     summary_share(summary->demand[r], summary->capacity[r]));
        }
    }
    json_object_set_new(object, "capacity", capacity);
    json_object_set_new(object, "demand_at_once", demand);
    json_object_set_new(object, "demand_at_once_share", share);
    return object;
}

static json_t *load_json(const struct summary *summary)
{
    json_t *list = json_array();
    for (uint32_t s = 0; s < summary->slices; s++) {
        json_t *object = json_object();
        set_count(object, "from_us", (uint64_t)summary->slice_us[s]);
        set_count(object, "to_us", (uint64_t)summary->slice_us[s + 1]);
        for (int r = 0; r < SUMMARY_RESOURCES; r++) {
            if (summary->capacity[r] == 0) {
                json_object_set_new(object, resource_names[r], json_null());
            } else {
                set_real(object, resource_names[r], summary->load[s][r]);
            }
        }
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *events_json(const struct summary *summary)
{
    json_t *object = json_object();
    for (uint8_t kind = 0; kind < SUMMARY_EVENT_KINDS; kind++) {
        set_count(object, omega_machine_event_name(kind), summary->events[kind]);
    }
    return object;
}

static json_t *notes_json(const struct trace *trace)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < trace->note_count; i++) {
        json_t *object = json_object();
        json_object_set_new(object, "text", text_json(trace->notes[i].text));
        set_count(object, "count", trace->notes[i].count);
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *info_json(const struct trace *trace, const struct summary *summary)
{
    json_t *root = json_object();
    json_object_set_new(root, "schema", json_integer(1));
    json_object_set_new(root, "source", text_json(trace->source));
    json_object_set_new(root, "digest", json_string(summary->digest));
    set_count(root, "jobs", trace->job_count);
    set_count(root, "task_groups", summary->groups);
    set_count(root, "tasks", summary->tasks);
    set_count(root, "tasks_optional", summary->optional);
    set_count(root, "users", summary->users);
    set_count(root, "machines", trace->machine_count);
    set_count(root, "machines_absent", summary->absent);
    set_count(root, "gpu_devices", summary->gpu_devices);
    set_count(root, "events", trace->event_count);
    json_object_set_new(root, "events_by_kind", events_json(summary));
    set_count(root, "submit_first_us", (uint64_t)summary->first_us);
    set_count(root, "submit_last_us", (uint64_t)summary->last_us);
    set_count(root, "span_us", (uint64_t)(summary->last_us - summary->first_us));
    json_object_set_new(root, "workloads", workloads_json(trace, summary));
    json_object_set_new(root, "distributions", distributions_json(summary));
    json_object_set_new(root, "resources", resources_json(summary));
    json_object_set_new(root, "load", load_json(summary));
    json_object_set_new(root, "assumptions", notes_json(trace));
    return root;
}

static int print_json(FILE *out, const struct trace *trace, const struct summary *summary,
                      omega_error_t *err)
{
    json_t *root = info_json(trace, summary);
    if (root == NULL) {
        return trace_no_memory(err);
    }
    json_dumpf(root, out, JSON_FORMAT);
    putc('\n', out);
    json_decref(root);
    return OMEGA_OK;
}

int trace_info(const struct trace *trace, FILE *out, int as_json, omega_error_t *err)
{
    struct summary *summary = malloc(sizeof *summary);
    int rc = summary == NULL ? trace_no_memory(err) : summary_of(trace, summary, err);
    if (rc == OMEGA_OK && as_json) {
        rc = print_json(out, trace, summary, err);
    } else if (rc == OMEGA_OK) {
        print_text(out, trace, summary);
    }
    free(summary);
    if (rc == OMEGA_OK && (fflush(out) != 0 || ferror(out))) {
        rc = omega_error_set_errno(err, "", "cannot write");
    }
    return rc;
}
