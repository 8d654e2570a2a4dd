/* SPDX-License-Identifier: MIT */
/* What the verbs of `omega cell` share: their options, making and opening a cell, reading it in a
 * process of its own, naming machines. */
#ifndef OMEGA_CORE_CLI_CELL_PRIVATE_H
#define OMEGA_CORE_CLI_CELL_PRIVATE_H

#include <getopt.h>
#include <stdio.h>

#include "cellstate/lmdb.h"
#include "core/cli/command.h"

/* What the options of all verbs say; each takes only its own. */
struct cell_arguments {
    const char *verb; /* "cell init": for messages */
    bool help;
    bool json;
    bool recover;
    bool force;
    /* making a cell */
    const char *machines;
    const char *trace;
    int64_t uniform; /* 0: not given */
    int64_t cpu_milli;
    int64_t mem_mib;
    int64_t gpus;
    struct lmdb_options options;
    bool has_mode;
    bool release_raises_seq;
    struct omega_overcommit overcommit;
    /* failing a machine */
    enum store_loss_policy lost;
    /* filters; -1 or NULL: not given */
    const char *machine;
    int64_t job;
    const char *user;
    int64_t instance;
    int64_t state;
    int64_t limit;
    char **words; /* the rest of the line */
    int word_count;
};

/* Reads the options that `options` lists. Returns an exit code; with --help, `help` is set and the
 * text printed. */
int cell_read_arguments(const char *verb, const char *help, int argc, char **argv,
                        const struct option *options, struct cell_arguments *arguments);

/* Options of several verbs, for their tables. */
#define CELL_OPTION_HELP                                                                           \
    {                                                                                              \
        "help", no_argument, NULL, 'h'                                                             \
    }
#define CELL_OPTION_JSON                                                                           \
    {                                                                                              \
        "json", no_argument, NULL, 'j'                                                             \
    }
#define CELL_OPTION_MODE                                                                           \
    {                                                                                              \
        "mode", required_argument, NULL, 'o'                                                       \
    }
#define CELL_OPTION_MAP                                                                            \
    {                                                                                              \
        "map-size", required_argument, NULL, 'p'                                                   \
    }
#define CELL_OPTION_END                                                                            \
    {                                                                                              \
        NULL, 0, NULL, 0                                                                           \
    }

/* If the words are in the wrong order, the last one being the directory: says so and returns an
 * exit code; else COMMAND_DONE. */
int cell_check_order(const struct cell_arguments *arguments);

/* Does the work in a process of its own and returns its exit code. A damaged page may end the one
 * that reads it: then an error says that the cell is damaged, and `advice`. */
int cell_isolated(const struct cell_arguments *arguments,
                  int (*work)(const struct cell_arguments *arguments), const char *advice);

#define CELL_SEE_CHECK "see 'omega cell check'"

/* How a cell is made. */
struct cell_making {
    /* Makes it in an empty directory; leaves no file if it fails. */
    int (*make)(void *context, const char *path, omega_error_t *err);
    void *context;
    /* NULL; or the place holds a cell to be replaced, and this says, once more, whether it may */
    int (*replace)(const char *path, omega_error_t *err);
};

/* Makes a cell at a path that does not exist or is an empty directory: whole or not at all, also if
 * a signal ends the process. Errors name `path`. */
int cell_make(const struct cell_making *making, const char *path, omega_error_t *err);

/* Says on stderr who keeps this process waiting, as struct lmdb_use asks for; `context` is the
 * cell's path. */
void cell_say_blocked(void *context, const struct lmdb_writer *writer);

/* Opens a cell; whoever it waits for is named on stderr. */
int cell_open(const char *path, bool read_only, struct store **store, omega_error_t *err);

/* Opens a cell's directory to speak with its processes; the caller closes it. OMEGA_EINVAL: no
 * cell is there. */
int cell_open_directory(const char *path, int *fd, omega_error_t *err);

/* Writes who a writer is: "process 7 (module batch, instance 3)". */
void cell_write_writer(const struct lmdb_writer *writer, FILE *out);

/* The machine of a name, or else of an index. OMEGA_EINVAL if there is none, or several; `path` is
 * the cell's. */
int cell_find_machine(const struct store *store, const char *path, const char *text,
                      uint32_t *index, omega_error_t *err);

/* Its name. */
const char *cell_machine_name(const struct store *store, uint32_t index);

/* A text as JSON can hold it: bytes that are no UTF-8 become question marks. `kept` owns it. */
const char *cell_json_text(struct symbols *kept, const char *text);

/* "batch": the name of a band. */
const char *cell_band_name(uint8_t band);

/* "1.5 GiB". `out` has room for 32 bytes. */
const char *cell_bytes_text(uint64_t bytes, char out[32]);

/* The verbs. */
int cell_init(int argc, char **argv);
int cell_load(int argc, char **argv);
int cell_export(int argc, char **argv);
int cell_show(int argc, char **argv);
int cell_metrics(int argc, char **argv);
int cell_events(int argc, char **argv);
int cell_check(int argc, char **argv);
int cell_drain(int argc, char **argv);
int cell_undrain(int argc, char **argv);
int cell_fail(int argc, char **argv);
int cell_add(int argc, char **argv);

#endif
