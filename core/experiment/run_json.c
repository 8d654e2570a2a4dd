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

static json_t *describe_points(const struct run_point *points, uint32_t count)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++) {
        json_t *point = json_object();
        json_object_set_new(point, "variant", text_or_null(points[i].variant));
        json_object_set_new(point, "seed", json_integer((json_int_t)points[i].seed));
        json_object_set_new(point, "wall_s", json_real(points[i].wall_s));
        json_object_set_new(point, "max_rss_kib", json_integer(points[i].max_rss_kib));
        json_object_set_new(point, "store", json_string(points[i].store));
        if (points[i].mode != NULL) {
            json_object_set_new(point, "store_mode", json_string(points[i].mode));
        }
        json_array_append_new(list, point);
    }
    return list;
}

static json_t *describe_modules(const struct experiment *experiment)
{
    json_t *list = json_array();
    const struct experiment_input *module;
    for (uint32_t i = 0; (module = experiment_module(experiment, i)) != NULL; i++) {
        json_t *entry = json_object();
        json_object_set_new(entry, "path", text_or_null(module->name));
        json_object_set_new(entry, "sha256", json_string(module->sha256));
        json_array_append_new(list, entry);
    }
    return list;
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

int run_json_write(const struct experiment *experiment, const struct run_point *points,
                   uint32_t count, bool complete, double wall_s, int argc, char *const *argv,
                   FILE *out, omega_error_t *err)
{
    struct rusage usage = {0};
    getrusage(RUSAGE_SELF, &usage);
    json_t *run = json_object();
    json_t *command = json_array();
    for (int i = 0; i < argc; i++) {
        json_array_append_new(command, text_or_null(argv[i]));
    }
    json_object_set_new(run, "omega", json_string(OMEGA_VERSION));
    json_object_set_new(run, "experiment", text_or_null(experiment_name(experiment)));
    json_object_set_new(run, "experiment_sha256", json_string(experiment_sha256(experiment)));
    json_object_set_new(run, "complete", json_boolean(complete));
    json_object_set_new(run, "command", command);
    json_object_set_new(run, "modules", describe_modules(experiment));
    json_object_set_new(run, "compiler", text_or_null(__VERSION__));
    json_object_set_new(run, "host", describe_host());
    json_object_set_new(run, "ended", describe_time());
    json_object_set_new(run, "wall_s", json_real(wall_s));
    json_object_set_new(run, "max_rss_kib", json_integer(usage.ru_maxrss));
    json_object_set_new(run, "points", describe_points(points, count));
    int rc = json_dumpf(run, out, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    fputc('\n', out);
    json_decref(run);
    return rc == 0 ? 0 : omega_error_set(err, OMEGA_EIO, "cannot write run.json");
}
