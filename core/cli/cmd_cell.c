/* SPDX-License-Identifier: MIT */
/* omega cell: makes cells on disk, looks at them, proves them, changes their machines, and writes
 * and reads their dumps. This file finds the verb and reads its options. */
#include <unistd.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/cli/cell_private.h"
#include "core/experiment/messages.h"
#include "core/workload/csv.h"

static const struct verb {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
} verbs[] = {
    {"init", "make a cell, from machines or empty", cell_init},
    {"load", "make a cell from an export", cell_load},
    {"export", "write all of a cell as lines of JSON", cell_export},
    {"show", "describe a cell, or list what is in it", cell_show},
    {"metrics", "serve figures of a cell for Prometheus", cell_metrics},
    {"events", "what the processes of a cell tell, as it happens", cell_events},
    {"check", "prove a cell, or one that outlived its boot", cell_check},
    {"drain", "let machines take nothing new", cell_drain},
    {"undrain", "let machines take tasks again", cell_undrain},
    {"fail", "take machines out; their tasks are lost", cell_fail},
    {"add", "bring machines back that are down", cell_add},
};

#define MAP_BYTES_MIN (1u << 20) /* an empty cell needs some 100 KiB */

#define VERBS (sizeof verbs / sizeof *verbs)

/* ---- values of options ---- */

/* A number with up to three decimals, times `unit`, rounded to the nearest. */
static bool parse_decimal(const char *text, int64_t unit, int64_t max, int64_t *value)
{
    size_t whole = strcspn(text, ".");
    size_t decimals = text[whole] == '\0' ? 0 : strlen(text + whole + 1);
    int64_t integer;
    int64_t thousandths = 0;
    if (!csv_parse_integer(text, whole, 0, max / unit, &integer) ||
        (text[whole] != '\0' &&
         (decimals == 0 || decimals > 3 ||
          !csv_parse_integer(text + whole + 1, decimals, 0, 999, &thousandths)))) {
        return false;
    }
    for (; decimals > 0 && decimals < 3; decimals++) {
        thousandths *= 10;
    }
    *value = integer * unit + (thousandths * unit + 500) / 1000;
    return *value <= max;
}

/* Bytes: a whole number and one of K, M, G and T, or k, m, g and t; 1 MiB at least. */
static bool parse_bytes(const char *text, uint64_t *bytes)
{
    static const char units[] = "KMGTkmgt";
    size_t length = strlen(text);
    const char *unit = length == 0 ? NULL : strchr(units, text[length - 1]);
    int shift = unit == NULL ? 0 : 10 * (int)((unit - units) % 4 + 1);
    int64_t number;
    if (!csv_parse_integer(text, length - (unit != NULL), 1, INT64_MAX >> shift, &number)) {
        return false;
    }
    *bytes = (uint64_t)number << shift;
    return *bytes >= MAP_BYTES_MIN;
}

static bool parse_state(const char *text, int64_t *state)
{
    for (uint8_t s = 0; omega_machine_state_name(s) != NULL; s++) {
        if (strcmp(omega_machine_state_name(s), text) == 0) {
            *state = s;
            return true;
        }
    }
    return false;
}

static bool parse_lost(const char *text, enum store_loss_policy *lost)
{
    *lost = strcmp(text, "fail") == 0 ? STORE_LOST_FAIL : STORE_LOST_RETURN;
    return *lost == STORE_LOST_FAIL || strcmp(text, "return") == 0;
}

static bool parse_permille(const char *text, int32_t *permille)
{
    int64_t value;
    bool good = parse_decimal(text, 1000, 30000, &value) && value > 0;
    *permille = good ? (int32_t)value : 0;
    return good;
}

static bool parse_integer(const char *text, int64_t min, int64_t max, int64_t *value)
{
    return csv_parse_integer(text, strlen(text), min, max, value);
}

static bool parse_log_changes(const char *text, uint32_t *changes)
{
    int64_t value;
    bool good = parse_integer(text, 1, UINT32_MAX, &value);
    *changes = good ? (uint32_t)value : 0;
    return good;
}

/* Reads the value of one option. Returns what was expected, or NULL if it was that. */
static const char *read_value(int option, const char *text, struct cell_arguments *a)
{
    switch (option) {
    case 'u':
        return parse_integer(text, 1, OMEGA_MACHINES_MAX, &a->uniform) ? NULL
                                                                       : "1 to 16777216 machines";
    case 'c':
        return parse_decimal(text, 1000, OMEGA_CPU_MILLI_MAX, &a->cpu_milli) && a->cpu_milli > 0
                   ? NULL
                   : "0.001 to 1073741 cores, with up to three decimals";
    case 'e':
        return parse_decimal(text, 1024, OMEGA_MEM_MIB_MAX, &a->mem_mib) && a->mem_mib > 0
                   ? NULL
                   : "0.001 to 1048576 GiB, with up to three decimals";
    case 'g':
        return parse_integer(text, 0, OMEGA_GPU_DEVICES_MAX, &a->gpus) ? NULL
                                                                       : "0 to 8 GPU devices";
    case 'o':
        a->has_mode = true;
        return lmdb_mode_of(text, &a->options.mode) ? NULL : "pwrite, fast or power";
    case 'p':
        return parse_bytes(text, &a->options.map_bytes) ? NULL
                                                        : "bytes, at least 1M, such as 16G or 512M";
    case 'l':
        return parse_log_changes(text, &a->options.log_changes) ? NULL : "1 to 4294967295 changes";
    case 'C':
        return parse_permille(text, &a->overcommit.cpu_permille) ? NULL
                                                                 : "a factor from 0.001 to 30";
    case 'E':
        return parse_permille(text, &a->overcommit.mem_permille) ? NULL
                                                                 : "a factor from 0.001 to 30";
    case 'G':
        return parse_permille(text, &a->overcommit.gpu_permille) ? NULL
                                                                 : "a factor from 0.001 to 30";
    case 'L':
        return parse_lost(text, &a->lost) ? NULL : "return or fail";
    case 'J':
        return parse_integer(text, 0, INT64_MAX, &a->job) ? NULL : "a job's number, 0 or more";
    case 'I':
        return parse_integer(text, 0, OMEGA_INSTANCE_NONE - 1, &a->instance)
                   ? NULL
                   : "an instance's number, 0 to 65534";
    case 'S':
        return parse_state(text, &a->state) ? NULL : "up, down or draining";
    case 'n':
        return parse_integer(text, 0, INT64_MAX, &a->limit) ? NULL : "a number of lines, 0 or more";
    default:
        return NULL;
    }
}

/* An option whose value is a text or that has none. */
static void read_plain(int option, const char *text, struct cell_arguments *a)
{
    switch (option) {
    case 'j':
        a->json = true;
        break;
    case 'R':
        a->recover = true;
        break;
    case 'f':
        a->force = true;
        break;
    case 'k':
        a->options.keep_jobs = true;
        break;
    case 'r':
        a->release_raises_seq = true;
        break;
    case 'm':
        a->machines = text;
        break;
    case 't':
        a->trace = text;
        break;
    case 'M':
        a->machine = text;
        break;
    case 'U':
        a->user = text;
        break;
    default:
        break;
    }
}

static bool is_directory(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

int cell_check_order(const struct cell_arguments *a)
{
    const char *last = a->words[a->word_count - 1];
    if (a->word_count < 2 || is_directory(a->words[0]) || !is_directory(last)) {
        return COMMAND_DONE;
    }
    return command_usage(a->verb,
                         "'%.60s' is no directory but '%.60s' is one, expected the "
                         "cell's directory first",
                         a->words[0], last);
}

int cell_read_arguments(const char *verb, const char *help, int argc, char **argv,
                        const struct option *options, struct cell_arguments *arguments)
{
    int c;
    *arguments = (struct cell_arguments){
        .verb = verb,
        .overcommit = {1000, 1000, 1000},
        .cpu_milli = -1,
        .mem_mib = -1,
        .gpus = -1,
        .job = -1,
        .instance = -1,
        .state = -1,
        .limit = -1,
    };
    opterr = 0;
    optind = 1;
    while ((c = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        const char *expected = NULL;
        switch (c) {
        case 'h':
            arguments->help = true;
            fputs(help, stdout);
            return COMMAND_DONE;
        case ':':
            return command_usage(verb, "option '%s' needs a value", argv[optind - 1]);
        case '?':
            return command_bad_option(verb, argv);
        default:
            read_plain(c, optarg, arguments);
            expected = read_value(c, optarg, arguments);
        }
        if (expected != NULL) {
            const char *option = argv[optind - 1] == optarg ? argv[optind - 2] : argv[optind - 1];
            return command_usage(verb, "'%.60s' is not what option '%.*s' takes, expected %s",
                                 optarg, (int)strcspn(option, "="), option, expected);
        }
    }
    arguments->words = argv + optind;
    arguments->word_count = argc - optind;
    return COMMAND_DONE;
}

/* ---- cells ---- */

/* The letter of a process's state in /proc, such as 'T' (stopped); '?' if it cannot be read. */
static char process_state(int32_t pid)
{
    char path[40];
    char text[256];
    snprintf(path, sizeof path, "/proc/%" PRId32 "/stat", pid);
    FILE *file = fopen(path, "re");
    size_t size = file == NULL ? 0 : fread(text, 1, sizeof text - 1, file);
    if (file != NULL) {
        fclose(file);
    }
    text[size] = '\0';
    const char *name_end = strrchr(text, ')'); /* a name may hold anything */
    return name_end != NULL && name_end[1] == ' ' ? name_end[2] : '?';
}

void cell_write_writer(const struct lmdb_writer *writer, FILE *out)
{
    if (writer->pid == 0) {
        fputs("a process that cannot be found", out);
    } else {
        fprintf(out, "process %" PRId32, writer->pid);
    }
    if (writer->module[0] != '\0') {
        fputs(" (module ", out);
        message_write(writer->module, out);
        if (writer->instance != OMEGA_INSTANCE_NONE) {
            fprintf(out, ", instance %u", writer->instance);
        }
        fputc(')', out);
    } else if (writer->instance != OMEGA_INSTANCE_NONE) {
        fprintf(out, " (instance %u)", writer->instance);
    }
}

void cell_say_blocked(void *context, const struct lmdb_writer *writer)
{
    fputs("omega: ", stderr);
    message_write(context, stderr);
    fputs(": waiting: ", stderr);
    cell_write_writer(writer, stderr);
    fprintf(stderr, " has been writing for %" PRId64 " s", writer->since_us / 1000000);
    if (writer->pid != 0 && process_state(writer->pid) == 'T') {
        fprintf(stderr,
                "; it is stopped: 'kill -CONT %" PRId32 "' lets it go on, 'kill -KILL %" PRId32
                "' ends it, which is safe for the cell",
                writer->pid, writer->pid);
    }
    fputc('\n', stderr);
}

int cell_open(const char *path, bool read_only, struct store **store, omega_error_t *err)
{
    const struct lmdb_use use = {
        .module = "omega cell",
        .read_only = read_only,
        .blocked = cell_say_blocked,
        .context = (void *)(uintptr_t)path,
    };
    return lmdb_open(path, &use, store, err);
}

int cell_open_directory(const char *path, int *fd, omega_error_t *err)
{
    *fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0) {
        return omega_error_set_errno(err, path, "cannot open the cell");
    }
    if (faccessat(*fd, "cell", F_OK, 0) == 0) {
        return OMEGA_OK;
    }
    close(*fd);
    *fd = -1;
    return omega_error_set_at(err, OMEGA_EINVAL, path, 0,
                              "is no cell, expected one made by 'omega cell init'");
}

int cell_find_machine(const struct store *store, const char *path, const char *text,
                      uint32_t *index, omega_error_t *err)
{
    const struct omega_machine_spec *specs = lmdb_machines(store);
    uint32_t name = symbols_find(catalogue_symbols(store->catalogue), text, strlen(text));
    uint32_t found = 0;
    int64_t number;
    for (uint32_t i = 0; name != SYMBOL_NONE && i < store->machine_count; i++) {
        if (specs[i].name == name) {
            *index = i;
            found++;
        }
    }
    if (found == 0 && parse_integer(text, 0, (int64_t)store->machine_count - 1, &number)) {
        *index = (uint32_t)number;
        found = 1;
    }
    if (found != 1) {
        return omega_error_set_at(
            err, OMEGA_EINVAL, path, 0,
            "%s machine '%.80s', expected the name of one of the cell's %" PRIu32
            " machines, or its index",
            found == 0 ? "there is no" : "there are several machines called by", text,
            store->machine_count);
    }
    return OMEGA_OK;
}

const char *cell_machine_name(const struct store *store, uint32_t index)
{
    return symbols_text(catalogue_symbols(store->catalogue), lmdb_machines(store)[index].name);
}

const char *cell_json_text(struct symbols *kept, const char *text)
{
    json_t *json = json_string(text);
    if (json != NULL) {
        json_decref(json);
        return text;
    }
    char *plain = strdup(text);
    for (char *p = plain; plain != NULL && *p != '\0'; p++) {
        *p = (unsigned char)*p < 0x80 ? *p : '?';
    }
    uint32_t symbol = plain == NULL ? SYMBOL_NONE : symbols_intern(kept, plain);
    free(plain);
    return symbols_text(kept, symbol);
}

const char *cell_band_name(uint8_t band)
{
    static const char *const names[OMEGA_BANDS] = {
        [OMEGA_BAND_FREE] = "free",
        [OMEGA_BAND_BATCH] = "batch",
        [OMEGA_BAND_MID] = "mid",
        [OMEGA_BAND_PRODUCTION] = "production",
        [OMEGA_BAND_MONITORING] = "monitoring",
    };
    return band < OMEGA_BANDS ? names[band] : "?";
}

const char *cell_bytes_text(uint64_t bytes, char out[32])
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;
    for (; value >= 1024 && unit + 1 < sizeof units / sizeof *units; unit++) {
        value /= 1024;
    }
    snprintf(out, 32, "%.4g %s", value, units[unit]);
    return out;
}

/* ---- the command ---- */

static void print_help(FILE *out)
{
    fputs("usage: omega cell VERB [OPTIONS] DIR [ARGUMENTS]\n\n"
          "Cells on disk: a directory that any number of processes share, each change of it a\n"
          "transaction.\n\nverbs:\n",
          out);
    for (size_t i = 0; i < VERBS; i++) {
        fprintf(out, "  %-12s %s\n", verbs[i].name, verbs[i].summary);
    }
    fputs("\n'omega cell VERB --help' describes a verb.\n"
          "exit codes: 0 done, 1 failed, 2 wrong usage\n",
          out);
}

int cmd_cell(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return COMMAND_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0) {
        print_help(stdout);
        return COMMAND_DONE;
    }
    for (size_t i = 0; i < VERBS; i++) {
        if (strcmp(verbs[i].name, argv[1]) == 0) {
            return verbs[i].run(argc - 1, argv + 1);
        }
    }
    return command_usage(
        "cell",
        "unknown verb '%.60s', expected init, load, export, show, metrics, events, check, "
        "drain, undrain, fail or add",
        argv[1]);
}
