/* SPDX-License-Identifier: MIT */
/*
 * Format openb: Alibaba's GPU cluster trace of 2023 (cluster-trace-gpu-v2023), a node list and a
 * pod list. Which column becomes what, and what is assumed, is described in
 * core/workload/README.md; every assumption is counted as a note of the trace.
 */
#include <inttypes.h>
#include <string.h>

#include "core/workload/csv.h"
#include "core/workload/readers.h"
#include "core/workload/trace_private.h"

#define SECOND_US INT64_C(1000000)
#define SECONDS_MAX (TRACE_TIME_MAX / SECOND_US - 1)
#define DECIMALS 6 /* of a second: microseconds */

enum node_column {
    NODE_SN,
    NODE_CPU,
    NODE_MEM,
    NODE_GPU,
    NODE_MODEL,
    NODE_COLUMNS
};

static const char *const node_columns[NODE_COLUMNS] = {"sn", "cpu_milli", "memory_mib", "gpu",
                                                       "model"};

enum pod_column {
    POD_NAME,
    POD_CPU,
    POD_MEM,
    POD_NUM_GPU,
    POD_GPU_MILLI,
    POD_GPU_SPEC,
    POD_QOS,
    POD_PHASE,
    POD_CREATION,
    POD_DELETION,
    POD_SCHEDULED,
    POD_COLUMNS,
};

static const char *const pod_columns[POD_COLUMNS] = {
    "name", "cpu_milli", "memory_mib",    "num_gpu",       "gpu_milli",     "gpu_spec",
    "qos",  "pod_phase", "creation_time", "deletion_time", "scheduled_time"};

struct qos {
    const char *name;
    int32_t precedence;
    const char *note;
};

static const struct qos qos_table[] = {
    {"LS", 200, "qos LS became precedence 200 (production)"},
    {"Guaranteed", 200, "qos Guaranteed became precedence 200 (production)"},
    {"Burstable", 200, "qos Burstable became precedence 200 (production)"},
    {"BE", 100, "qos BE became precedence 100 (best-effort batch)"},
};

struct table {
    struct trace *trace;
    struct csv csv;
    uint32_t at[POD_COLUMNS]; /* field of a column */
    uint64_t rows;
};

static const char *field(const struct table *table, uint32_t column)
{
    return table->csv.fields[table->at[column]];
}

static int integer(const struct table *table, uint32_t column, int64_t max, int64_t *value,
                   omega_error_t *err)
{
    return csv_integer(&table->csv, table->at[column], 0, max, value, err);
}

static int read_node(struct table *table, omega_error_t *err)
{
    struct trace *trace = table->trace;
    struct omega_machine_spec machine = {0};
    omega_error_t cause = {0};
    char attributes[TRACE_NAME_MAX + 16] = "";
    int64_t cpu_milli;
    int64_t mem_mib;
    int64_t gpu;
    int rc = integer(table, NODE_CPU, OMEGA_CPU_MILLI_MAX, &cpu_milli, err);
    rc = rc == OMEGA_OK ? integer(table, NODE_MEM, OMEGA_MEM_MIB_MAX, &mem_mib, err) : rc;
    rc = rc == OMEGA_OK ? integer(table, NODE_GPU, OMEGA_GPU_DEVICES_MAX, &gpu, err) : rc;
    if (rc != OMEGA_OK) {
        return rc;
    }
    machine.cpu_milli = (int32_t)cpu_milli;
    machine.mem_mib = (int32_t)mem_mib;
    machine.gpu_devices = (uint8_t)gpu;
    machine.name = symbols_intern(catalogue_symbols(trace->catalogue), field(table, NODE_SN));
    if (machine.name == SYMBOL_NONE) {
        return trace_no_memory(err);
    }
    if (strpbrk(field(table, NODE_MODEL), ";|") != NULL) {
        return csv_fail(&table->csv, OMEGA_EINVAL, err,
                        "model '%.40s', expected a name without ';' and '|'",
                        field(table, NODE_MODEL));
    }
    if (*field(table, NODE_MODEL) != '\0') {
        trace_note(trace, "model of a node became its attribute gpu_model", 1);
        snprintf(attributes, sizeof attributes, "gpu_model=%.*s", (int)TRACE_NAME_MAX,
                 field(table, NODE_MODEL));
    }
    if (catalogue_machine_attributes(trace->catalogue, attributes, 0, 0, &machine.attributes,
                                     &cause) != OMEGA_OK ||
        trace_add_machine(trace, &machine, &cause) != OMEGA_OK) {
        return csv_fail_with(&table->csv, &cause, err);
    }
    return OMEGA_OK;
}

/* The decimals of a second as microseconds; *exact is false if digits other than 0 are dropped. */
static bool parse_decimals(const char *text, int64_t *microseconds, bool *exact)
{
    int64_t value = 0;
    int digits = 0;
    for (; *text >= '0' && *text <= '9'; text++) {
        if (digits < DECIMALS) {
            value = 10 * value + (*text - '0');
            digits++;
        } else if (*text != '0') {
            *exact = false;
        }
    }
    for (; digits < DECIMALS; digits++) {
        value *= 10;
    }
    *microseconds = value;
    return *text == '\0';
}

/* A time in seconds, with decimals or without, as microseconds. An empty field, where allowed,
 * leaves *time_us as it is and makes *given false. */
static int read_time(const struct table *table, uint32_t column, bool may_be_empty, bool *given,
                     int64_t *time_us, omega_error_t *err)
{
    const char *text = field(table, column);
    size_t whole = strcspn(text, ".");
    int64_t seconds = 0;
    int64_t decimals = 0;
    bool exact = true;
    *given = *text != '\0';
    if (!*given && may_be_empty) {
        return OMEGA_OK;
    }
    if (!csv_parse_integer(text, whole, 0, SECONDS_MAX, &seconds) ||
        (text[whole] == '.' && !parse_decimals(text + whole + 1, &decimals, &exact))) {
        return csv_fail(&table->csv, OMEGA_EINVAL, err,
                        "%s '%.40s', expected seconds of 0 to %" PRId64 "%s", pod_columns[column],
                        text, SECONDS_MAX, may_be_empty ? ", or nothing" : "");
    }
    if (!exact) {
        trace_note(table->trace, "time cut to whole microseconds", 1);
    }
    *time_us = seconds * SECOND_US + decimals;
    return OMEGA_OK;
}

/* The duration: from scheduled_time to deletion_time. */
static int read_duration(struct table *table, int64_t creation_us, int64_t *duration_us,
                         omega_error_t *err)
{
    bool scheduled;
    bool deleted;
    int64_t start_us = creation_us;
    int64_t end_us = 0;
    int rc = read_time(table, POD_SCHEDULED, true, &scheduled, &start_us, err);
    if (rc == OMEGA_OK) {
        rc = read_time(table, POD_DELETION, true, &deleted, &end_us, err);
    }
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (!deleted) {
        trace_note(table->trace, "pod without deletion_time never ends", 1);
        *duration_us = OMEGA_NEVER;
        return OMEGA_OK;
    }
    if (scheduled) {
        trace_note(table->trace, "duration is deletion_time - scheduled_time", 1);
    } else {
        trace_note(table->trace,
                   "pod without scheduled_time: duration is deletion_time - creation_time", 1);
    }
    *duration_us = end_us - start_us;
    if (*duration_us <= 0) {
        trace_note(table->trace, "duration of 0 or less raised to 1 us", 1);
        *duration_us = 1;
    }
    return OMEGA_OK;
}

/* GPUs: a share of one device, or whole devices. */
static void read_gpu(struct table *table, int64_t devices, int64_t milli,
                     struct omega_request *request)
{
    struct trace *trace = table->trace;
    if (devices == 0) {
        trace_note(trace, "gpu_milli of a pod with num_gpu 0 ignored", milli != 0);
        return;
    }
    if (devices > 1 && milli != OMEGA_GPU_DEVICE_MILLI) {
        trace_note(trace, "gpu_milli of a pod with several GPUs taken as whole devices", 1);
        milli = OMEGA_GPU_DEVICE_MILLI;
    } else if (milli == 0) {
        trace_note(trace, "gpu_milli 0 of a pod with num_gpu 1 raised to 1", 1);
        milli = 1;
    }
    request->gpu_devices = (uint8_t)devices;
    request->gpu_milli = (int16_t)milli;
}

static int read_request(struct table *table, struct omega_request *request, omega_error_t *err)
{
    int64_t cpu_milli;
    int64_t mem_mib;
    int64_t devices;
    int64_t milli;
    int rc = integer(table, POD_CPU, OMEGA_CPU_MILLI_MAX, &cpu_milli, err);
    rc = rc == OMEGA_OK ? integer(table, POD_MEM, OMEGA_MEM_MIB_MAX, &mem_mib, err) : rc;
    rc = rc == OMEGA_OK ? integer(table, POD_NUM_GPU, OMEGA_GPU_DEVICES_MAX, &devices, err) : rc;
    rc = rc == OMEGA_OK ? integer(table, POD_GPU_MILLI, OMEGA_GPU_DEVICE_MILLI, &milli, err) : rc;
    if (rc != OMEGA_OK) {
        return rc;
    }
    request->cpu_milli = (int32_t)cpu_milli;
    request->mem_mib = (int32_t)mem_mib;
    read_gpu(table, devices, milli, request);
    return OMEGA_OK;
}

/* gpu_spec 'A|B' becomes the constraint gpu_model=A|B. */
static int read_constraints(struct table *table, const struct omega_request *request, uint32_t *id,
                            omega_error_t *err)
{
    const char *spec = field(table, POD_GPU_SPEC);
    char text[TRACE_NAME_MAX + 16];
    omega_error_t cause = {0};
    *id = 0;
    if (*spec == '\0') {
        return OMEGA_OK;
    }
    if (strchr(spec, ';') != NULL) {
        return csv_fail(&table->csv, OMEGA_EINVAL, err,
                        "gpu_spec '%.40s', expected GPU models with '|' between them", spec);
    }
    if (request->gpu_devices == 0) {
        trace_note(table->trace, "gpu_spec of a pod without GPUs ignored", 1);
        return OMEGA_OK;
    }
    trace_note(table->trace, "gpu_spec became a constraint on gpu_model", 1);
    snprintf(text, sizeof text, "gpu_model=%.*s", (int)TRACE_NAME_MAX, spec);
    int rc = catalogue_constraints(table->trace->catalogue, text, id, &cause);
    return rc == OMEGA_OK ? rc : csv_fail_with(&table->csv, &cause, err);
}

static int read_qos(struct table *table, struct omega_job *job, omega_error_t *err)
{
    const char *name = field(table, POD_QOS);
    omega_error_t cause = {0};
    for (size_t i = 0; i < sizeof qos_table / sizeof *qos_table; i++) {
        if (strcmp(qos_table[i].name, name) == 0) {
            trace_note(table->trace, qos_table[i].note, 1);
            job->precedence = qos_table[i].precedence;
            int rc = trace_workload(table->trace, name, &job->workload, &cause);
            return rc == OMEGA_OK ? rc : csv_fail_with(&table->csv, &cause, err);
        }
    }
    return csv_fail(&table->csv, OMEGA_EINVAL, err,
                    "qos '%.40s', expected LS, BE, Burstable or Guaranteed", name);
}

static int check_phase(struct table *table, omega_error_t *err)
{
    const char *phase = field(table, POD_PHASE);
    if (strcmp(phase, "Pending") == 0) {
        trace_note(table->trace, "pod of phase Pending taken like any other", 1);
    } else if (strcmp(phase, "Failed") == 0) {
        trace_note(table->trace, "pod of phase Failed taken like any other", 1);
    } else if (strcmp(phase, "Running") != 0 && strcmp(phase, "Succeeded") != 0) {
        return csv_fail(&table->csv, OMEGA_EINVAL, err,
                        "pod_phase '%.40s', expected Running, Succeeded, Failed or Pending", phase);
    }
    return OMEGA_OK;
}

static int read_pod(struct table *table, omega_error_t *err)
{
    struct omega_task_group group = {.count = 1};
    struct omega_job job = {.id = table->rows, .group_count = 1, .groups = &group};
    omega_error_t cause = {0};
    bool given;
    int rc = read_request(table, &group.request, err);
    rc = rc == OMEGA_OK ? read_constraints(table, &group.request, &group.constraints, err) : rc;
    rc = rc == OMEGA_OK ? read_qos(table, &job, err) : rc;
    rc = rc == OMEGA_OK ? check_phase(table, err) : rc;
    rc = rc == OMEGA_OK ? read_time(table, POD_CREATION, false, &given, &job.submit_us, err) : rc;
    rc = rc == OMEGA_OK ? read_duration(table, job.submit_us, &group.duration_us, err) : rc;
    if (rc != OMEGA_OK) {
        return rc;
    }
    trace_note(table->trace,
               "pod became a job of one task, of an unknown user, with the row's "
               "number as its id",
               1);
    rc = trace_add_job(table->trace, &job, &cause);
    return rc == OMEGA_OK ? rc : csv_fail_with(&table->csv, &cause, err);
}

static int read_table(struct trace *trace, FILE *stream, const char *name,
                      const char *const *columns, uint32_t count,
                      int (*read)(struct table *, omega_error_t *), omega_error_t *err)
{
    struct table table = {.trace = trace};
    csv_init(&table.csv, stream, name);
    int rc = csv_header_any_order(&table.csv, columns, count, table.at, err);
    while (rc == OMEGA_OK) {
        int got = csv_next(&table.csv, err);
        if (got != 1) {
            rc = got;
            break;
        }
        table.rows++;
        rc = read(&table, err);
    }
    csv_release(&table.csv);
    return rc;
}

int reader_openb_nodes(struct trace *trace, FILE *stream, const char *name, omega_error_t *err)
{
    return read_table(trace, stream, name, node_columns, NODE_COLUMNS, read_node, err);
}

int reader_openb_pods(struct trace *trace, FILE *stream, const char *name, omega_error_t *err)
{
    return read_table(trace, stream, name, pod_columns, POD_COLUMNS, read_pod, err);
}

static int read_openb(struct trace *trace, const char *const *inputs, uint32_t count,
                      omega_error_t *err)
{
    if (count != 2) {
        return omega_error_set(err, OMEGA_EINVAL, "%u input files for format openb, expected: %s",
                               count, reader_openb.inputs);
    }
    int rc = readers_parse_file(reader_openb_nodes, trace, inputs[0], err);
    return rc == OMEGA_OK ? readers_parse_file(reader_openb_pods, trace, inputs[1], err) : rc;
}

const struct trace_reader reader_openb = {
    .format = "openb",
    .inputs = "NODE_LIST.csv POD_LIST.csv",
    .summary = "Alibaba's GPU cluster trace of 2023 (cluster-trace-gpu-v2023)",
    .read = read_openb,
};
