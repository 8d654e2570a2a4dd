/* SPDX-License-Identifier: MIT */
/* omega cell init, load, export: making cells, and writing them out. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/file.h"
#include "core/cli/cell_private.h"
#include "core/workload/cell_dump.h"
#include "core/workload/readers.h"

static const char init_help[] =
    "usage: omega cell init [OPTIONS] DIR\n\n"
    "Makes a cell at version 0 in the directory DIR, which must not exist or be empty. Its "
    "machines\n"
    "are fixed from then on. Without any it is empty, and 'omega cell load' may fill it.\n\n"
    "  --machines FILE         a machines.csv of the CSV trace format\n"
    "  --trace FILE            the machines of a trace file\n"
    "  --uniform N             N equal machines m0, m1, ...; with\n"
    "    --cpu CORES             their CPU cores, such as 64 or 0.5\n"
    "    --mem GIB               their memory\n"
    "    --gpus G                their GPU devices (0)\n"
    "  --mode MODE             pwrite (default): survives the death of any process; fast: several\n"
    "                          times quicker, but a stray pointer in a module can write the cell;\n"
    "                          power: survives the loss of power\n"
    "  --map-size SIZE         largest size of the cell, a sparse reservation, such as 512M (16G)\n"
    "  --log-changes N         the change log holds the newest N (16384)\n"
    "  --keep-jobs             jobs that are over stay in the table\n"
    "  --release-raises-seq    a release counts as a change of its machine\n"
    "  --overcommit-cpu F      the share of each machine's CPU that may be promised (1)\n"
    "  --overcommit-mem F      of its memory\n"
    "  --overcommit-gpu F      of its GPU devices\n"
    "  --help                  this text\n\n"
    "exit codes: 0 done, 1 failed, 2 wrong usage\n";

static const char load_help[] =
    "usage: omega cell load [OPTIONS] DIR FILE\n\n"
    "Makes a cell of what 'omega cell export' wrote to FILE ('-': standard input): machines,\n"
    "placements, jobs, instances and versions are what they were. DIR must not exist, be empty, "
    "or\n"
    "hold an empty cell of 'omega cell init', whose mode and map size it then has by default; "
    "that\n"
    "goes when the new one is complete. A cell is made whole or not at all.\n\n"
    "  --mode MODE             pwrite (default), fast or power, see 'omega cell init --help'\n"
    "  --map-size SIZE         largest size of the cell (16G)\n"
    "  --help                  this text\n\n"
    "exit codes: 0 done, 1 failed, 2 wrong usage\n";

static const char export_help[] =
    "usage: omega cell export [OPTIONS] DIR [FILE]\n\n"
    "Writes one version of a cell, while others may change it, as lines of JSON that any machine\n"
    "can read: to FILE, which appears complete or not at all, or to standard output. The same "
    "cell\n"
    "gives the same bytes. The change log, the mode and the map size are not part of it. FILE "
    "lies\n"
    "outside of the cell's own directory. The cell is proved first, as by 'omega cell check': an\n"
    "export of one that is not sound could not be loaded.\n\n"
    "  --force                 write one that is not sound, to be looked at or mended by hand\n"
    "  --help                  this text\n\n"
    "exit codes: 0 done, 1 failed, 2 wrong usage\n";

/* ---- init ---- */

static const struct option init_options[] = {
    {"machines", required_argument, NULL, 'm'},
    {"trace", required_argument, NULL, 't'},
    {"uniform", required_argument, NULL, 'u'},
    {"cpu", required_argument, NULL, 'c'},
    {"mem", required_argument, NULL, 'e'},
    {"gpus", required_argument, NULL, 'g'},
    {"log-changes", required_argument, NULL, 'l'},
    {"keep-jobs", no_argument, NULL, 'k'},
    {"release-raises-seq", no_argument, NULL, 'r'},
    {"overcommit-cpu", required_argument, NULL, 'C'},
    {"overcommit-mem", required_argument, NULL, 'E'},
    {"overcommit-gpu", required_argument, NULL, 'G'},
    CELL_OPTION_MODE,
    CELL_OPTION_MAP,
    CELL_OPTION_HELP,
    CELL_OPTION_END,
};

static int add_uniform(struct trace *trace, const struct cell_arguments *arguments,
                       omega_error_t *err)
{
    struct omega_machine_spec machine = {
        .cpu_milli = (int32_t)arguments->cpu_milli,
        .mem_mib = (int32_t)arguments->mem_mib,
        .gpu_devices = (uint8_t)(arguments->gpus < 0 ? 0 : arguments->gpus),
    };
    int rc = OMEGA_OK;
    for (int64_t i = 0; rc == OMEGA_OK && i < arguments->uniform; i++) {
        char name[24];
        snprintf(name, sizeof name, "m%" PRId64, i);
        machine.name = symbols_intern(catalogue_symbols(trace->catalogue), name);
        rc = machine.name == SYMBOL_NONE
                 ? omega_error_set(err, OMEGA_ENOMEM, "no memory for the machines")
                 : trace_add_machine(trace, &machine, err);
    }
    return rc;
}

/* Reads the machines that the arguments name: a trace of which only they are used. */
static int read_machines(const struct cell_arguments *arguments, struct trace **trace,
                         omega_error_t *err)
{
    *trace = NULL;
    if (arguments->trace != NULL) {
        return trace_read(arguments->trace, NULL, trace, err);
    }
    *trace = trace_create(NULL);
    if (*trace == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for the machines");
    }
    if (arguments->machines != NULL) {
        return readers_parse_file(reader_csv_machines, *trace, arguments->machines, err);
    }
    return add_uniform(*trace, arguments, err);
}

/* Machines that something can run on, at least one if a file is to hold them. */
static int check_machines(const struct trace *trace, const struct cell_arguments *arguments,
                          omega_error_t *err)
{
    const char *file = arguments->trace != NULL ? arguments->trace : arguments->machines;
    if (file != NULL && trace->machine_count == 0) {
        return omega_error_set_at(err, OMEGA_EINVAL, file, 0,
                                  "holds no machine, expected at least one");
    }
    for (uint32_t i = 0; i < trace->machine_count; i++) {
        const struct omega_machine_spec *spec = &trace->machines[i];
        if (spec->cpu_milli <= 0 || spec->mem_mib <= 0) {
            return omega_error_set_at(err, OMEGA_EINVAL, file, 0,
                                      "machine '%.80s' has no %s, expected CPU and memory",
                                      symbols_text(catalogue_symbols(trace->catalogue), spec->name),
                                      spec->cpu_milli <= 0 ? "CPU" : "memory");
        }
    }
    return OMEGA_OK;
}

/* What a cell is made of. */
struct init {
    const struct trace *trace;
    const struct cell_arguments *arguments;
};

static int create(void *context, const char *path, omega_error_t *err)
{
    const struct init *init = context;
    const struct store_config config = {
        .catalogue = init->trace->catalogue,
        .machines = init->trace->machines,
        .machine_count = init->trace->machine_count,
        .overcommit = init->arguments->overcommit,
        .release_raises_seq = init->arguments->release_raises_seq,
    };
    return lmdb_create(path, &config, &init->arguments->options, err);
}

static int init_cell(const struct cell_arguments *arguments, omega_error_t *err)
{
    const char *path = arguments->words[0];
    struct trace *trace;
    int rc = read_machines(arguments, &trace, err);
    if (rc == OMEGA_OK) {
        rc = check_machines(trace, arguments, err);
    }
    if (rc == OMEGA_OK) {
        struct init init = {.trace = trace, .arguments = arguments};
        rc = cell_make(&(struct cell_making){.make = create, .context = &init}, path, err);
    }
    if (rc == OMEGA_OK) {
        printf("%s: a cell of %" PRIu32 " machines, mode %s\n", path, trace->machine_count,
               lmdb_mode_name(arguments->options.mode));
    }
    trace_destroy(trace);
    return rc;
}

int cell_init(int argc, char **argv)
{
    struct cell_arguments a;
    omega_error_t err = {0};
    int code = cell_read_arguments("cell init", init_help, argc, argv, init_options, &a);
    if (code != COMMAND_DONE || a.help) {
        return code;
    }
    if (a.word_count != 1) {
        return command_usage(a.verb, "%d directories, expected one", a.word_count);
    }
    if ((a.machines != NULL) + (a.trace != NULL) + (a.uniform != 0) > 1) {
        return command_usage(a.verb,
                             "machines from several places, expected one of --machines, --trace "
                             "and --uniform");
    }
    if (a.uniform != 0 && (a.cpu_milli < 0 || a.mem_mib < 0)) {
        return command_usage(a.verb, "--uniform alone, expected --cpu and --mem with it");
    }
    if (a.uniform == 0 && (a.cpu_milli >= 0 || a.mem_mib >= 0 || a.gpus >= 0)) {
        return command_usage(a.verb, "--cpu, --mem or --gpus alone, expected --uniform with it");
    }
    return init_cell(&a, &err) == OMEGA_OK ? COMMAND_DONE : command_failed(&err);
}

/* ---- load ---- */

static const struct option load_options[] = {
    CELL_OPTION_MODE,
    CELL_OPTION_MAP,
    CELL_OPTION_HELP,
    CELL_OPTION_END,
};

static int read_dump(const char *path, struct cell_dump **dump, omega_error_t *err)
{
    return strcmp(path, "-") == 0 ? cell_dump_read(stdin, "standard input", dump, err)
                                  : cell_dump_read_file(path, dump, err);
}

/* Is there a cell in which nothing is and never was? Then its options are the defaults. */
static int find_empty(const char *path, struct lmdb_info *info, bool *empty, omega_error_t *err)
{
    struct store *store = NULL;
    struct store_counters counters;
    *empty = false;
    if (cell_open(path, true, &store, NULL) != OMEGA_OK) {
        return OMEGA_OK; /* no cell: lmdb_create() says what is in the way, if anything is */
    }
    store_counters(store, &counters);
    *empty = store->machine_count == 0 && counters.version == 0 && counters.tasks_submitted == 0;
    int rc = lmdb_info(store, info, err);
    uint32_t machines = store->machine_count;
    store_close(store);
    if (rc == OMEGA_OK && !*empty) {
        rc = omega_error_set_at(err, OMEGA_EINVAL, path, 0,
                                "is a cell of %" PRIu32 " machines, expected a directory that "
                                "does not exist or is empty, or a cell without machines",
                                machines);
    }
    return rc;
}

/* Is the cell still empty? */
static int find_still_empty(const char *path, omega_error_t *err)
{
    struct lmdb_info info;
    bool empty;
    int rc = find_empty(path, &info, &empty, err);
    return rc != OMEGA_OK || empty
               ? rc
               : omega_error_set_at(err, OMEGA_EINVAL, path, 0,
                                    "was changed meanwhile, expected an empty cell");
}

/* What a cell is made of. */
struct load {
    const struct cell_dump *dump;
    const struct lmdb_options *options;
};

static int load(void *context, const char *path, omega_error_t *err)
{
    const struct load *made_of = context;
    return cell_dump_load(made_of->dump, path, made_of->options, err);
}

static int load_cell(const struct cell_dump *dump, const char *path, struct cell_arguments *a,
                     omega_error_t *err)
{
    struct lmdb_info info;
    struct load made_of = {.dump = dump, .options = &a->options};
    struct cell_making making = {.make = load, .context = &made_of};
    bool empty;
    int rc = find_empty(path, &info, &empty, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (empty) {
        a->options.mode = a->has_mode ? a->options.mode : info.mode;
        a->options.map_bytes = a->options.map_bytes != 0 ? a->options.map_bytes : info.map_bytes;
        making.replace = find_still_empty;
    }
    return cell_make(&making, path, err);
}

/* FILE and DIR in the wrong order. */
static bool is_file(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

int cell_load(int argc, char **argv)
{
    struct cell_arguments a;
    struct cell_dump *dump = NULL;
    omega_error_t err = {0};
    int code = cell_read_arguments("cell load", load_help, argc, argv, load_options, &a);
    if (code != COMMAND_DONE || a.help) {
        return code;
    }
    if (a.word_count != 2) {
        return command_usage(a.verb, "expected a directory and a file");
    }
    if (is_file(a.words[0])) {
        return command_usage(a.verb, "'%.60s' is a file, expected the cell's directory first",
                             a.words[0]);
    }
    int rc = read_dump(a.words[1], &dump, &err);
    if (rc == OMEGA_OK) {
        rc = load_cell(dump, a.words[0], &a, &err);
    }
    if (rc == OMEGA_OK) {
        printf("%s: %zu machines, %zu placements, %zu jobs, %zu instances, version %" PRIu64
               ", mode %s\n",
               a.words[0], dump->machine_count, dump->placement_count, dump->job_count,
               dump->instance_count, dump->counters.version, lmdb_mode_name(a.options.mode));
    }
    cell_dump_destroy(dump);
    return rc == OMEGA_OK ? COMMAND_DONE : command_failed(&err);
}

/* ---- export ---- */

static const struct option export_options[] = {
    {"force", no_argument, NULL, 'f'},
    CELL_OPTION_HELP,
    CELL_OPTION_END,
};

static bool is_stdout(const char *path)
{
    return path == NULL || strcmp(path, "-") == 0;
}

/* Refuses a file in the cell's own directory, where it might replace one of the cell's. */
static int check_place(const char *cell, const char *path, omega_error_t *err)
{
    struct stat own;
    struct stat target;
    char *above = is_stdout(path) ? NULL : strdup(path);
    if (above == NULL) {
        return is_stdout(path) ? OMEGA_OK : omega_error_set(err, OMEGA_ENOMEM, "no memory");
    }
    char *slash = strrchr(above, '/');
    if (slash != NULL) {
        slash[slash == above] = '\0';
    }
    bool inside = stat(cell, &own) == 0 && stat(slash == NULL ? "." : above, &target) == 0 &&
                  own.st_dev == target.st_dev && own.st_ino == target.st_ino;
    free(above);
    return inside ? omega_error_set_at(err, OMEGA_EINVAL, path, 0,
                                       "lies in the cell's own directory, expected a file "
                                       "elsewhere")
                  : OMEGA_OK;
}

static int check_sound(struct store *store, const char *path, omega_error_t *err)
{
    struct store_report report = {0};
    omega_error_t own = {0};
    int rc = store_check(store, &report, &own);
    if (report.violations == 0) {
        return rc == OMEGA_OK ? rc
                              : omega_error_set_at(err, rc, own.source, own.line, "%s", own.text);
    }
    return omega_error_set_at(err, OMEGA_ECORRUPT, path, 0,
                              "is not sound, so that 'omega cell load' would refuse its export; "
                              "--force writes it all the same; %" PRIu64
                              " violations, the first: %s",
                              report.violations, report.first);
}

static int export_to(struct store *store, const char *path, omega_error_t *err)
{
    struct file_out *out = NULL;
    if (is_stdout(path)) {
        return cell_dump_export(store, stdout, err);
    }
    int rc = file_out_open(path, &out, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    rc = cell_dump_export(store, file_out_stream(out), err);
    if (rc != OMEGA_OK) {
        file_out_abort(out);
        return rc;
    }
    return file_out_commit(out, err);
}

/* Proves and writes the same version. */
static int export_held(struct store *store, const struct cell_arguments *a, omega_error_t *err)
{
    int rc = lmdb_hold(store, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    rc = a->force ? OMEGA_OK : check_sound(store, a->words[0], err);
    if (rc == OMEGA_OK) {
        rc = export_to(store, a->words[1], err); /* argv ends with NULL */
    }
    lmdb_let_go(store);
    return rc;
}

static int export_cell(const struct cell_arguments *a)
{
    struct store *store = NULL;
    omega_error_t err = {0};
    int rc = check_place(a->words[0], a->words[1], &err);
    if (rc == OMEGA_OK) {
        rc = cell_open(a->words[0], true, &store, &err);
    }
    if (rc == OMEGA_OK) {
        rc = export_held(store, a, &err);
    }
    store_close(store);
    return rc == OMEGA_OK ? COMMAND_DONE : command_failed(&err);
}

int cell_export(int argc, char **argv)
{
    struct cell_arguments a;
    int code = cell_read_arguments("cell export", export_help, argc, argv, export_options, &a);
    if (code != COMMAND_DONE || a.help) {
        return code;
    }
    if (a.word_count < 1 || a.word_count > 2) {
        return command_usage(a.verb, "expected a directory, and a file or none");
    }
    code = cell_check_order(&a);
    return code == COMMAND_DONE ? cell_isolated(&a, export_cell, CELL_SEE_CHECK) : code;
}
