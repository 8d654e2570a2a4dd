/* SPDX-License-Identifier: MIT */
/* omega trace: imports traces of real cells, describes them, and exports them as CSV. */
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cli/command.h"
#include "core/experiment/to_trace.h"
#include "core/workload/csv.h"
#include "core/workload/trace.h"

struct verb {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
};

static const char import_help[] =
    "usage: omega trace import --format FORMAT --out FILE INPUT...\n\n"
    "Reads a trace in an outside format and writes it as a compact binary trace file, which\n"
    "experiments replay. What the importer assumes is counted and printed.\n\n"
    "  --format FORMAT    one of 'omega trace formats'\n"
    "  --out FILE         the trace file; written whole or not at all\n"
    "  --help             this text\n\n"
    "exit codes: 0 done, 1 failed, 2 wrong usage\n";

static const char info_help[] =
    "usage: omega trace info [--json] FILE\n\n"
    "Describes a trace file: counts, percentiles of tasks, requests, durations and gaps, the\n"
    "cell's capacity, and the load by resource over time.\n\n"
    "  --json             one JSON object instead of text; keys carry units\n"
    "  --help             this text\n\n"
    "exit codes: 0 done, 1 failed, 2 wrong usage\n";

static const char export_help[] =
    "usage: omega trace export --format csv --out DIR FILE\n\n"
    "Writes jobs.csv, machines.csv and, if there are machine events, events.csv into a folder,\n"
    "which is made if it is missing. Importing them again gives a trace of the same digest. FILE\n"
    "is a trace file, or an experiment file whose name ends in .json: then the cell and the jobs\n"
    "of its first variant and seed are written, and what a trace cannot hold is listed.\n\n"
    "  --format csv       the only format so far\n"
    "  --out DIR          the folder\n"
    "  --set PATH=VALUE   change the experiment first, as in omega run\n"
    "  --seed N           draw with this seed\n"
    "  --variant NAME     the cell and the jobs of this variant\n"
    "  --help             this text\n\n"
    "exit codes: 0 done, 1 failed, 2 wrong usage\n";

static const char formats_help[] = "usage: omega trace formats\n\n"
                                   "Lists the formats that can be imported, with their inputs.\n\n"
                                   "  --help             this text\n\n"
                                   "exit codes: 0 done, 2 wrong usage\n";

/* What the options of the four verbs say; each takes only its own. */
struct arguments {
    const char *format;
    const char *out;
    bool json;
    bool help;
    const char *variant;
    struct experiment_options changes; /* its `sets` are those of the caller */
    char **inputs;
    uint32_t input_count;
};

/* Reads the options that `options` lists; `sets` has room for argc, or is NULL if there is no --set
 * among them. Returns an exit code. */
static int read_arguments(const char *verb, int argc, char **argv, const struct option *options,
                          const char **sets, struct arguments *arguments)
{
    char command[40];
    int64_t seed;
    int c;
    snprintf(command, sizeof command, "trace %s", verb);
    memset(arguments, 0, sizeof *arguments);
    arguments->changes.sets = sets;
    opterr = 0;
    optind = 1;
    while ((c = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        switch (c) {
        case 'f':
            arguments->format = optarg;
            break;
        case 'o':
            arguments->out = optarg;
            break;
        case 'j':
            arguments->json = true;
            break;
        case 'v':
            arguments->variant = optarg;
            break;
        case 's':
            sets[arguments->changes.set_count++] = optarg;
            break;
        case 'n':
            if (!csv_parse_integer(optarg, strlen(optarg), 0, INT64_MAX, &seed)) {
                return command_usage(command, "'%.60s' is no seed, expected a whole number",
                                     optarg);
            }
            arguments->changes.has_seed = true;
            arguments->changes.seed = (uint64_t)seed;
            break;
        case 'h':
            arguments->help = true;
            return COMMAND_DONE;
        case ':':
            return command_usage(command, "option '%s' needs a value", argv[optind - 1]);
        default:
            return command_bad_option(command, argv);
        }
    }
    arguments->inputs = argv + optind;
    arguments->input_count = (uint32_t)(argc - optind);
    return COMMAND_DONE;
}

static int print(const char *text)
{
    fputs(text, stdout);
    return COMMAND_DONE;
}

static const struct option import_options[] = {
    {"format", required_argument, NULL, 'f'},
    {"out", required_argument, NULL, 'o'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void print_result(const char *path, const struct trace *trace, const char *digest)
{
    printf("%s: %" PRIu32 " jobs, %" PRIu32 " machines, %" PRIu32 " machine events, digest %s\n",
           path, trace->job_count, trace->machine_count, trace->event_count, digest);
}

static void print_notes(const struct trace *trace)
{
    if (trace->note_count > 0) {
        puts("assumptions:");
    }
    for (uint32_t i = 0; i < trace->note_count; i++) {
        printf("%12" PRIu64 "  %s\n", trace->notes[i].count, trace->notes[i].text);
    }
}

static int import_into(const struct arguments *arguments, omega_error_t *err)
{
    struct trace *trace = NULL;
    char digest[33];
    int rc = trace_import(arguments->format, (const char *const *)arguments->inputs,
                          arguments->input_count, &trace, err);
    if (rc == OMEGA_OK) {
        rc = trace_digest(trace, digest, err);
    }
    if (rc == OMEGA_OK) {
        rc = trace_write(trace, arguments->out, err);
    }
    if (rc == OMEGA_OK) {
        print_result(arguments->out, trace, digest);
        print_notes(trace);
    }
    trace_destroy(trace);
    return rc;
}

/* True for a format that can be imported. */
static bool is_format(const char *format)
{
    for (size_t i = 0; trace_readers[i] != NULL; i++) {
        if (strcmp(trace_readers[i]->format, format) == 0) {
            return true;
        }
    }
    return false;
}

static int run_import(int argc, char **argv)
{
    struct arguments arguments;
    omega_error_t err = {0};
    int code = read_arguments("import", argc, argv, import_options, NULL, &arguments);
    if (code != COMMAND_DONE || arguments.help) {
        return code != COMMAND_DONE ? code : print(import_help);
    }
    if (arguments.format == NULL || arguments.out == NULL || arguments.input_count == 0) {
        return command_usage("trace import", "expected --format, --out and input files");
    }
    if (!is_format(arguments.format)) {
        return command_usage("trace import",
                             "unknown format '%.60s', expected one of 'omega trace formats'",
                             arguments.format);
    }
    return import_into(&arguments, &err) == OMEGA_OK ? COMMAND_DONE : command_failed(&err);
}

static const struct option info_options[] = {
    {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int run_info(int argc, char **argv)
{
    struct arguments arguments;
    struct trace *trace = NULL;
    omega_error_t err = {0};
    int code = read_arguments("info", argc, argv, info_options, NULL, &arguments);
    if (code != COMMAND_DONE || arguments.help) {
        return code != COMMAND_DONE ? code : print(info_help);
    }
    if (arguments.input_count != 1) {
        return command_usage("trace info", "%" PRIu32 " files, expected one trace file",
                             arguments.input_count);
    }
    int rc = trace_read(arguments.inputs[0], NULL, &trace, &err);
    if (rc == OMEGA_OK) {
        rc = trace_info(trace, stdout, arguments.json, &err);
    }
    trace_destroy(trace);
    return rc == OMEGA_OK ? COMMAND_DONE : command_failed(&err);
}

static const struct option export_options[] = {
    {"format", required_argument, NULL, 'f'},
    {"out", required_argument, NULL, 'o'},
    {"set", required_argument, NULL, 's'},
    {"seed", required_argument, NULL, 'n'},
    {"variant", required_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static bool is_experiment(const char *path)
{
    size_t length = strlen(path);
    return length > 5 && strcmp(path + length - 5, ".json") == 0;
}

static bool has_changes(const struct arguments *arguments)
{
    return arguments->changes.set_count > 0 || arguments->changes.has_seed ||
           arguments->variant != NULL;
}

static void print_left_out(const struct to_trace_left_out *left_out)
{
    if (left_out->count > 0) {
        fputs("not exported, since a trace holds only machines, machine events and jobs:\n",
              stderr);
    }
    for (uint32_t i = 0; i < left_out->count; i++) {
        fprintf(stderr, "  %s\n", left_out->lines[i]);
    }
}

static int export_into(const struct arguments *arguments, omega_error_t *err)
{
    const char *path = arguments->inputs[0];
    const char *directory = arguments->out;
    struct trace *trace = NULL;
    struct to_trace_left_out left_out = {.count = 0};
    char digest[33];
    int rc = is_experiment(path) ? experiment_to_trace(path, &arguments->changes,
                                                       arguments->variant, &trace, &left_out, err)
                                 : trace_read(path, NULL, &trace, err);
    if (rc == OMEGA_OK) {
        rc = trace_digest(trace, digest, err);
    }
    if (rc == OMEGA_OK) {
        rc = trace_export_csv(trace, directory, err);
    }
    if (rc == OMEGA_OK) {
        print_result(directory, trace, digest);
        print_left_out(&left_out);
    }
    trace_destroy(trace);
    return rc;
}

static int export_with(int argc, char **argv, const char **sets)
{
    struct arguments arguments;
    omega_error_t err = {0};
    int code = read_arguments("export", argc, argv, export_options, sets, &arguments);
    if (code != COMMAND_DONE || arguments.help) {
        return code != COMMAND_DONE ? code : print(export_help);
    }
    if (arguments.format == NULL || arguments.out == NULL || arguments.input_count != 1) {
        return command_usage("trace export", "expected --format, --out and one file");
    }
    if (strcmp(arguments.format, "csv") != 0) {
        return command_usage("trace export", "unknown format '%.60s', expected csv",
                             arguments.format);
    }
    if (has_changes(&arguments) && !is_experiment(arguments.inputs[0])) {
        return command_usage("trace export",
                             "--set, --seed and --variant change experiments, expected a file "
                             "whose name ends in .json");
    }
    int rc = export_into(&arguments, &err);
    return rc == OMEGA_OK ? COMMAND_DONE : command_failed(&err);
}

static int run_export(int argc, char **argv)
{
    const char **sets = calloc((size_t)argc, sizeof *sets);
    omega_error_t err = {0};
    if (sets == NULL) {
        omega_error_set(&err, OMEGA_ENOMEM, "out of memory");
        return command_failed(&err);
    }
    int code = export_with(argc, argv, sets);
    free(sets);
    return code;
}

static const struct option formats_options[] = {
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int run_formats(int argc, char **argv)
{
    struct arguments arguments;
    int code = read_arguments("formats", argc, argv, formats_options, NULL, &arguments);
    if (code != COMMAND_DONE || arguments.help) {
        return code != COMMAND_DONE ? code : print(formats_help);
    }
    if (arguments.input_count != 0) {
        return command_usage("trace formats", "unexpected argument '%.60s'", arguments.inputs[0]);
    }
    for (size_t i = 0; trace_readers[i] != NULL; i++) {
        printf("%-8s %s\n         INPUT: %s\n", trace_readers[i]->format, trace_readers[i]->summary,
               trace_readers[i]->inputs);
    }
    return COMMAND_DONE;
}

static const struct verb verbs[] = {
    {"import", "read an outside format into a trace file", run_import},
    {"info", "describe a trace file", run_info},
    {"export", "write a trace, or an experiment's workload, as CSV", run_export},
    {"formats", "list the formats that can be imported", run_formats},
};

static void print_help(FILE *out)
{
    fputs("usage: omega trace VERB [OPTIONS] [ARGUMENTS]\n\n"
          "Traces: machines, machine events and jobs of a real or generated cell.\n\nverbs:\n",
          out);
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        fprintf(out, "  %-12s %s\n", verbs[i].name, verbs[i].summary);
    }
    fputs("\n'omega trace VERB --help' describes a verb.\n"
          "exit codes: 0 done, 1 failed, 2 wrong usage\n",
          out);
}

int cmd_trace(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return COMMAND_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0) {
        print_help(stdout);
        return COMMAND_DONE;
    }
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(verbs[i].name, argv[1]) == 0) {
            return verbs[i].run(argc - 1, argv + 1);
        }
    }
    return command_usage("trace", "unknown verb '%.60s', expected import, info, export or formats",
                         argv[1]);
}
