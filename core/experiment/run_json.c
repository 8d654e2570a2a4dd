/* SPDX-License-Identifier: MIT */
/* run.json: everything about a run that depends on where and when it was made. See outputs.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>

#include "core/experiment/outputs.h"

static json_t *text_or_null(const char *text)
{
    json_t *value = json_string(text);
    return value != NULL ? value : json_null();
}

/* The processor's name as Linux gives it, "" where it does not. */
static void read_cpu(char *out, size_t size)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");
    out[0] = '\0';
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        char *colon = strchr(line, ':');
        if (colon != NULL && strncmp(line, "model name", strlen("model name")) == 0) {
            colon[strcspn(colon, "\n")] = '\0';
            snprintf(out, size, "%s", colon + 1 + strspn(colon + 1, " "));
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}

static json_t *describe_host(void)
{
    struct utsname name;
    char cpu[256];
    json_t *host = json_object();
    read_cpu(cpu, sizeof cpu);
    if (uname(&name) == 0) {
        json_object_set_new(host, "system", text_or_null(name.sysname));
        json_object_set_new(host, "kernel", text_or_null(name.release));
        json_object_set_new(host, "machine", text_or_null(name.machine));
    }
    json_object_set_new(host, "cpu", text_or_null(cpu));
    return host;
}

static json_t *describe_parameters(const struct parameters *parameters)
{
    json_t *object = json_object();
    for (uint32_t i = 0; i < parameters->count; i++) {
        json_object_set_new(object, parameters->at[i].path,
                            json_loads(parameters->at[i].json, JSON_DECODE_ANY, NULL));
    }
    return object;
}

json_t *run_json_point(const struct point_result *result)
{
    struct rusage usage = {0};
    getrusage(RUSAGE_SELF, &usage);
    const struct run_store *store = &result->point->config.store;
    bool on_disk = store->kind == RUN_STORE_LMDB;
    json_t *point = json_object();
    json_object_set_new(point, "variant", text_or_null(result->point->variant));
    json_object_set_new(point, "seed", json_integer((json_int_t)result->point->seed));
    if (result->point->parameters.count > 0) {
        json_object_set_new(point, "parameters", describe_parameters(&result->point->parameters));
    }
    json_object_set_new(point, "wall_s", json_real(result->wall_s));
    json_object_set_new(point, "max_rss_kib", json_integer(usage.ru_maxrss));
    json_object_set_new(point, "store", json_string(on_disk ? "lmdb" : "memory"));
    if (on_disk) {
        json_object_set_new(point, "store_mode", json_string(lmdb_mode_name(store->options.mode)));
    }
    if (result->live != NULL) {
        json_object_set(point, "live", result->live);
    }
    return point;
}

static json_t *describe_time(void)
{
    char text[32];
    struct tm parts;
    time_t now = time(NULL);
    if (gmtime_r(&now, &parts) == NULL ||
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
        return json_null();
    }
    return json_string(text);
}

int run_json_write(const struct run_json *given, FILE *out, omega_error_t *err)
{
    struct rusage usage = {0};
    getrusage(RUSAGE_SELF, &usage);
    const struct experiment *experiment = given->experiment;
    json_t *run = json_object();
    json_t *command = json_array();
    for (int i = 0; i < given->argc; i++) {
        json_array_append_new(command, text_or_null(given->argv[i]));
    }
    json_object_set_new(run, "omega", json_string(OMEGA_VERSION));
    json_object_set_new(run, "experiment", text_or_null(experiment_name(experiment)));
    json_object_set_new(run, "experiment_sha256", json_string(experiment_sha256(experiment)));
    json_object_set_new(run, "complete", json_boolean(given->complete));
    json_object_set_new(run, "command", command);
    json_object_set_new(run, "modules", json_deep_copy(given->modules));
    json_object_set_new(run, "compiler", text_or_null(__VERSION__));
    json_object_set_new(run, "host", describe_host());
    json_object_set_new(run, "ended", describe_time());
    json_object_set_new(run, "wall_s", json_real(given->wall_s));
    json_object_set_new(run, "max_rss_kib", json_integer(usage.ru_maxrss));
    json_object_set(run, "points", given->points);
    int rc = json_dumpf(run, out, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    fputc('\n', out);
    json_decref(run);
    return rc == 0 ? 0 : omega_error_set(err, OMEGA_EIO, "cannot write run.json");
}
