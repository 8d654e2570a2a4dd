/* SPDX-License-Identifier: MIT */
/* Writing a cell dump: from one in memory, or from a cell. Every line but the last one goes through
 * the checksum. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/sha256.h"
#include "core/workload/cell_dump.h"
#include "core/workload/trace_private.h"

/* A dump being written: lines are built in memory, one at a time. */
struct writer {
    FILE *out;
    FILE *line; /* a stream into `bytes` */
    char *bytes;
    size_t size;
    struct sha256 sha;
    uint64_t lines;
    bool failed; /* no memory */
};

static int open_writer(struct writer *writer, FILE *out, omega_error_t *err)
{
    *writer = (struct writer){.out = out};
    sha256_init(&writer->sha);
    writer->line = open_memstream(&writer->bytes, &writer->size);
    return writer->line == NULL ? trace_no_memory(err) : OMEGA_OK;
}

static int close_writer(struct writer *writer, int rc, omega_error_t *err)
{
    fclose(writer->line);
    free(writer->bytes);
    return rc == OMEGA_OK && writer->failed ? trace_no_memory(err) : rc;
}

/* Ends the line that was begun. */
static void end_line(struct writer *writer)
{
    fputs("}\n", writer->line);
    if (fflush(writer->line) != 0 || ferror(writer->line)) {
        writer->failed = true;
        return;
    }
    sha256_add(&writer->sha, writer->bytes, writer->size);
    fwrite(writer->bytes, 1, writer->size, writer->out);
    writer->lines++;
    rewind(writer->line);
}

/* ---- values ---- */

/* `before` is what stands before a value: a comma and a key, or a bracket. */

static void put_whole(FILE *out, const char *before, int64_t value)
{
    fprintf(out, "%s%" PRId64, before, value);
}

/* A number that many readers of JSON cannot hold is written as a string. */
static void put_count(FILE *out, const char *before, uint64_t value)
{
    fprintf(out, value <= INT64_MAX ? "%s%" PRIu64 : "%s\"%" PRIu64 "\"", before, value);
}

static void put_flag(FILE *out, const char *before, bool value)
{
    fprintf(out, "%s%s", before, value ? "true" : "false");
}

static void put_instance(FILE *out, const char *before, uint16_t instance)
{
    if (instance == OMEGA_INSTANCE_NONE) {
        fprintf(out, "%snull", before);
    } else {
        fprintf(out, "%s%d", before, instance);
    }
}

static bool is_plain(const char *text)
{
    while (*text >= ' ' && *text <= '~' && *text != '"' && *text != '\\') {
        text++;
    }
    return *text == '\0';
}

/* Texts may hold any bytes; those that are no UTF-8 are no JSON strings. */
static void put_text(struct writer *writer, const char *before, const char *text)
{
    fputs(before, writer->line);
    if (is_plain(text)) {
        fprintf(writer->line, "\"%s\"", text);
        return;
    }
    json_t *string = json_string(text);
    if (string != NULL) {
        char *quoted = json_dumps(string, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
        json_decref(string);
        writer->failed = writer->failed || quoted == NULL;
        fputs(quoted == NULL ? "" : quoted, writer->line);
        free(quoted);
        return;
    }
    fputs("{\"hex\":\"", writer->line);
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        fprintf(writer->line, "%02x", *p);
    }
    fputs("\"}", writer->line);
}

/* ---- lines ---- */

static void put_head(struct writer *writer, const struct cell_dump *dump)
{
    const struct store_counters *c = &dump->counters;
    FILE *out = writer->line;
    fprintf(out, "{\"omega_cell_dump\":%u", CELL_DUMP_VERSION);
    put_count(out, ",\"version\":", c->version);
    put_count(out, ",\"log_changes\":", dump->log_changes);
    put_flag(out, ",\"keep_jobs\":", dump->keep_jobs);
    put_flag(out, ",\"release_raises_seq\":", dump->release_raises_seq);
    put_whole(out, ",\"overcommit_cpu_permille\":", dump->overcommit.cpu_permille);
    put_whole(out, ",\"overcommit_mem_permille\":", dump->overcommit.mem_permille);
    put_whole(out, ",\"overcommit_gpu_permille\":", dump->overcommit.gpu_permille);
    put_count(out, ",\"tasks_submitted\":", c->tasks_submitted);
    put_count(out, ",\"tasks_pending\":", c->tasks_pending);
    put_count(out, ",\"tasks_running\":", c->tasks_running);
    put_count(out, ",\"tasks_finished\":", c->tasks_finished);
    put_count(out, ",\"tasks_abandoned\":", c->tasks_abandoned);
    put_count(out, ",\"tasks_failed\":", c->tasks_failed);
    put_count(out, ",\"losses\":", c->losses);
    put_count(out, ",\"jobs\":", c->jobs);
    end_line(writer);
}

static void put_machine(struct writer *writer, const struct catalogue *catalogue,
                        const struct omega_machine_spec *spec, const struct omega_machine *machine)
{
    const struct symbols *symbols = catalogue_symbols(catalogue);
    FILE *out = writer->line;
    put_text(writer, "{\"type\":\"machine\",\"name\":", symbols_text(symbols, spec->name));
    put_text(writer, ",\"platform\":", symbols_text(symbols, spec->platform));
    put_text(writer, ",\"domain\":", symbols_text(symbols, spec->domain));
    put_text(writer, ",\"attributes\":", catalogue_attributes_text(catalogue, spec->attributes));
    put_whole(out, ",\"spec_cpu_milli\":", spec->cpu_milli);
    put_whole(out, ",\"spec_mem_mib\":", spec->mem_mib);
    put_whole(out, ",\"spec_gpu_devices\":", spec->gpu_devices);
    put_flag(out, ",\"absent\":", spec->absent != 0);
    fprintf(out, ",\"state\":\"%s\"", omega_machine_state_name(machine->state));
    put_whole(out, ",\"cpu_milli\":", machine->cpu_capacity_milli);
    put_whole(out, ",\"mem_mib\":", machine->mem_capacity_mib);
    put_whole(out, ",\"gpu_devices\":", machine->gpu_devices);
    put_count(out, ",\"seq\":", machine->seq);
    put_count(out, ",\"releases\":", machine->releases);
    put_instance(out, ",\"placed_by\":", machine->placed_by[0]);
    put_count(out, ",\"placed_version\":", machine->placed_version[0]);
    put_instance(out, ",\"placed_before_by\":", machine->placed_by[1]);
    put_count(out, ",\"placed_before_version\":", machine->placed_version[1]);
    end_line(writer);
}

static void put_request(FILE *out, const struct omega_request *request)
{
    put_whole(out, ",\"cpu_milli\":", request->cpu_milli);
    put_whole(out, ",\"mem_mib\":", request->mem_mib);
    put_whole(out, ",\"gpu_devices\":", request->gpu_devices);
    put_whole(out, ",\"gpu_milli\":", request->gpu_milli);
}

static int put_placement(void *context, const struct store_placement *placement)
{
    struct writer *writer = context;
    FILE *out = writer->line;
    put_count(out, "{\"type\":\"placement\",\"id\":", placement->id);
    put_count(out, ",\"job\":", placement->job);
    put_count(out, ",\"task\":", placement->task);
    put_count(out, ",\"machine\":", placement->machine);
    put_request(out, &placement->request);
    put_whole(out, ",\"devices\":", placement->devices);
    put_whole(out, ",\"band\":", placement->band);
    put_instance(out, ",\"instance\":", placement->instance);
    end_line(writer);
    return writer->failed ? OMEGA_ENOMEM : OMEGA_OK;
}

static void put_duration(FILE *out, const char *before, int64_t duration_us)
{
    if (duration_us == OMEGA_NEVER) {
        fprintf(out, "%snull", before);
    } else {
        put_whole(out, before, duration_us);
    }
}

static void put_group(struct writer *writer, const struct omega_task_group *group,
                      const char *constraints)
{
    FILE *out = writer->line;
    put_count(out, "{\"tasks\":", group->count);
    put_count(out, ",\"optional\":", group->optional);
    put_request(out, &group->request);
    if (group->task_duration_us == NULL) {
        put_duration(out, ",\"duration_us\":", group->duration_us);
    } else {
        fputs(",\"duration_us\":[", out);
        for (uint32_t i = 0; i < group->count + group->optional; i++) {
            put_duration(out, i == 0 ? "" : ",", group->task_duration_us[i]);
        }
        putc(']', out);
    }
    put_text(writer, ",\"constraints\":", constraints);
    putc('}', out);
}

static void put_mapreduce(FILE *out, const struct omega_mapreduce *mapreduce)
{
    put_count(out, ",\"mapreduce\":{\"map_activities\":", mapreduce->map_activities);
    put_count(out, ",\"reduce_activities\":", mapreduce->reduce_activities);
    put_whole(out, ",\"map_mean_us\":", mapreduce->map_mean_us);
    put_whole(out, ",\"reduce_mean_us\":", mapreduce->reduce_mean_us);
    put_count(out, ",\"workers_asked\":", mapreduce->workers_asked);
    putc('}', out);
}

static void put_job_state(FILE *out, const struct lmdb_job *state)
{
    put_count(out, ",\"submitted\":", state->submitted);
    put_count(out, ",\"pending\":", state->pending);
    put_count(out, ",\"running\":", state->running);
    put_count(out, ",\"finished\":", state->finished);
    put_count(out, ",\"failed\":", state->failed);
    put_count(out, ",\"abandoned\":", state->abandoned);
    put_flag(out, ",\"started\":", state->started);
    if (state->told) {
        put_whole(out, ",\"told_us\":", state->given_us);
    }
    put_flag(out, ",\"given_up\":", state->given_up);
    put_flag(out, ",\"over\":", state->over);
    put_instance(out, ",\"instance\":", state->instance);
    put_count(out, ",\"attempt\":", state->attempt);
    fputs(",\"placed\":\"", out);
    for (uint32_t i = 0; i < state->job->slots; i++) {
        putc(state->placed[i] ? '1' : '0', out);
    }
    putc('"', out);
}

static int put_job(void *context, const struct lmdb_job *state)
{
    struct writer *writer = context;
    const struct omega_job *job = state->job;
    FILE *out = writer->line;
    put_count(out, "{\"type\":\"job\",\"id\":", job->id);
    put_whole(out, ",\"submit_us\":", job->submit_us);
    put_count(out, ",\"workload\":", job->workload);
    put_text(writer, ",\"user\":", state->user);
    put_whole(out, ",\"precedence\":", job->precedence);
    if (omega_job_is_mapreduce(job)) {
        put_mapreduce(out, &job->mapreduce);
    }
    fputs(",\"groups\":[", out);
    for (uint32_t g = 0; g < job->group_count; g++) {
        fputs(g == 0 ? "" : ",", out);
        put_group(writer, &job->groups[g], state->constraints[g]);
    }
    putc(']', out);
    put_job_state(out, state);
    end_line(writer);
    return writer->failed ? OMEGA_ENOMEM : OMEGA_OK;
}

static void put_instance_line(struct writer *writer, uint16_t instance, uint32_t incarnation,
                              const char *module)
{
    put_whole(writer->line, "{\"type\":\"instance\",\"instance\":", instance);
    put_count(writer->line, ",\"incarnation\":", incarnation);
    put_text(writer, ",\"module\":", module);
    end_line(writer);
}

static int put_lmdb_instance(void *context, const struct lmdb_instance *instance)
{
    struct writer *writer = context;
    put_instance_line(writer, instance->instance, instance->incarnation, instance->module);
    return writer->failed ? OMEGA_ENOMEM : OMEGA_OK;
}

static void put_end(struct writer *writer)
{
    char sha256[SHA256_HEX];
    uint64_t lines = writer->lines;
    sha256_finish(&writer->sha, sha256);
    sha256_init(&writer->sha);
    put_count(writer->line, "{\"type\":\"end\",\"lines\":", lines);
    fprintf(writer->line, ",\"sha256\":\"%s\"", sha256);
    end_line(writer);
}

/* ---- dumps ---- */

int cell_dump_write(const struct cell_dump *dump, FILE *out, omega_error_t *err)
{
    struct writer writer;
    int rc = open_writer(&writer, out, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    put_head(&writer, dump);
    for (size_t i = 0; i < dump->machine_count; i++) {
        put_machine(&writer, dump->catalogue, &dump->specs[i], &dump->machines[i]);
    }
    for (size_t i = 0; i < dump->placement_count; i++) {
        put_placement(&writer, &dump->placements[i]);
    }
    for (size_t i = 0; i < dump->job_count; i++) {
        put_job(&writer, &dump->jobs[i]);
    }
    for (size_t i = 0; i < dump->instance_count; i++) {
        const struct cell_dump_instance *instance = &dump->instances[i];
        put_instance_line(&writer, instance->instance, instance->incarnation, instance->module);
    }
    put_end(&writer);
    return close_writer(&writer, OMEGA_OK, err);
}

static int export_machines(struct writer *writer, struct store *store, omega_error_t *err)
{
    const struct omega_machine_spec *specs = lmdb_machines(store);
    int rc = OMEGA_OK;
    for (uint32_t i = 0; rc == OMEGA_OK && i < store->machine_count; i++) {
        struct omega_machine machine;
        rc = store_machine(store, i, &machine, err);
        if (rc == OMEGA_OK) {
            put_machine(writer, store->catalogue, &specs[i], &machine);
        }
    }
    return rc;
}

/* Writes what a held store shows. */
static int export_held(struct writer *writer, struct store *store, omega_error_t *err)
{
    struct lmdb_info info;
    struct cell_dump head = {0};
    int rc = lmdb_info(store, &info, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    head.log_changes = info.log_changes;
    head.keep_jobs = info.keep_jobs;
    head.release_raises_seq = info.release_raises_seq;
    head.overcommit = info.overcommit;
    store_counters(store, &head.counters);
    put_head(writer, &head);
    rc = export_machines(writer, store, err);
    if (rc == OMEGA_OK) {
        rc = store_placements(store, put_placement, writer, err);
    }
    if (rc == OMEGA_OK) {
        rc = lmdb_jobs(store, put_job, writer, err);
    }
    if (rc == OMEGA_OK) {
        rc = lmdb_instances(store, put_lmdb_instance, writer, err);
    }
    if (rc == OMEGA_OK) {
        put_end(writer);
    }
    return rc;
}

int cell_dump_export(struct store *store, FILE *out, omega_error_t *err)
{
    struct writer writer;
    int rc = open_writer(&writer, out, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    rc = lmdb_hold(store, err);
    if (rc == OMEGA_OK) {
        rc = export_held(&writer, store, err);
        lmdb_let_go(store);
    }
    return close_writer(&writer, writer.failed ? OMEGA_OK : rc, err);
}
