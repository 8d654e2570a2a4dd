/* SPDX-License-Identifier: MIT */
/*
 * What the files of core/experiment share: the parts of an experiment and of a point, and the
 * readers of the sections. `err` is never NULL in here.
 */
#ifndef OMEGA_CORE_EXPERIMENT_EXPERIMENT_PRIVATE_H
#define OMEGA_CORE_EXPERIMENT_EXPERIMENT_PRIVATE_H

#include "core/experiment/experiment.h"
#include "core/experiment/field.h"
#include "core/experiment/pool.h"
#include "core/experiment/sweep.h"
#include "core/workload/trace.h"

#define SECONDS_MAX 1e10 /* any time in an experiment file: 317 years */
#define AMOUNT_MAX 1e12  /* any number given to a distribution */
#define PATH_BYTES_MAX 4096

struct variant {
    const char *name;
    json_t *doc; /* owned: the base, patched */
    struct field_source source;
};

struct point_key {
    uint32_t variant;
    uint32_t assignment; /* of the sweep */
    uint64_t seed;
};

struct input_list {
    struct experiment_input *at;
    uint32_t count;
    uint32_t room;
};

struct experiment {
    struct pool pool;
    char *file;
    char *directory;
    char *text; /* as read, for the lines of errors */
    json_t *base;
    const char *name;
    struct field_source source; /* of the base */
    struct experiment_record record;
    bool is_live; /* some point that was built so far */
    struct sweep sweep;
    struct variant *variants;
    uint32_t variant_count;
    struct point_key *points;
    uint32_t point_count;
    uint32_t point_room;
    char sha256[65];
    struct input_list inputs;
    struct input_list modules;
    const char **warnings;
    uint32_t warning_count;
};

#define PRESET_NONE (-1)

/* What holds where an experiment says nothing; see preset.c. */
struct preset {
    uint32_t compat; /* enum compat_rule, or-ed */
    struct run_retry retry;
    enum run_assignment assignment;
    enum run_place monolithic_place; /* in a monolithic architecture; at the start in others */
    enum run_cut cut;
    const char *prefill_module; /* NULL: none */
};

enum driver {
    DRIVER_SIM = 0,
    DRIVER_LIVE = 1,
};

/* The top level of an experiment, as far as it is plain values. */
enum architecture {
    ARCHITECTURE_SINGLE_PATH = 0,
    ARCHITECTURE_MULTI_PATH = 1,
    ARCHITECTURE_SHARED_STATE = 2,
};

struct top {
    const char *name;
    const char *description;
    json_t *seed;
    json_t *seeds;
    int64_t horizon_us; /* -1: not given */
    int64_t warmup_us;
    int64_t series_step_us; /* 0: not given */
    int architecture;
    int preset; /* index into preset_names; PRESET_NONE: not given */
    int lost;
    int cut; /* enum run_cut; -1: not given */
    json_t *cell;
    json_t *machine_events;
    json_t *workloads;
    json_t *schedulers;
    uint32_t scheduler_stream;
    json_t *store;
    int driver; /* enum driver */
    json_t *live;
    json_t *record;
    json_t *sweep;
    json_t *fragmentation;
    bool counterfactuals;
    json_t *variants;
};

/* A trace that a point has read. */
struct part_trace {
    struct part_trace *next;
    const char *path;
    struct trace *trace;
};

struct part_distribution {
    struct part_distribution *next;
    struct distribution distribution;
};

/* A workload before its source is opened: generated, or replayed from a trace. */
struct part_workload {
    struct generator_config generator;
    struct replay_config replay;
    struct trace *trace;    /* NULL: generated */
    bool replays;           /* a trace is named, though it may not have been read */
    const uint32_t *chosen; /* trace workloads that this one is made of; NULL = all */
    uint32_t chosen_count;
};

struct point_parts {
    struct pool pool;
    struct experiment *experiment;
    json_t *doc; /* the variant's, with the values of the sweep; the point keeps texts of it */
    struct field_source source;
    struct field_swept swept[PARAMETERS_MAX];
    struct parameter parameters[PARAMETERS_MAX];
    bool files; /* modules, traces and other files are opened; otherwise only the text is checked */
    const struct preset *preset;
    struct catalogue *catalogue;
    struct module *prefill_module; /* NULL: none */
    struct omega_machine_spec *machines;
    uint32_t machine_count;
    struct omega_machine_event *events;
    uint32_t event_count;
    uint32_t event_room;
    struct run_workload *workloads;
    struct part_workload *sources;
    uint32_t workload_count;
    struct run_scheduler *schedulers;
    struct module **modules;
    uint32_t scheduler_count;
    struct part_trace *traces;
    struct part_distribution *distributions;
};

/* ---- settings.c, patch.c ---- */

/* Applies "path=value" to a document; the path is copied into *path. */
int settings_apply(json_t *doc, const char *setting, struct pool *pool, const char **path,
                   omega_error_t *err);

/* A path in its one form, "schedulers.0.retry" also for "schedulers[0].retry". NULL: no memory, or
 * not UTF-8. */
char *settings_path(struct pool *pool, const char *text, size_t length);

/* A value of the command line: JSON where it is JSON, else the text itself. NULL: not UTF-8. */
json_t *settings_value(const char *text);

/* Puts a value, which it takes over, at a path; objects that are missing on the way are made. */
int settings_put(json_t *doc, const char *path, json_t *value, omega_error_t *err);

/* Removes the key at the end of a path, if it is there. */
void settings_remove(json_t *doc, const char *path);

/* What is at a path, borrowed; NULL: nothing. */
json_t *settings_find(json_t *doc, const char *path);

/* Makes integers of all numbers that are whole, such as 2000.0 and 4e3. Takes the value over and
 * returns it, or its integer; NULL gives NULL. */
json_t *whole_numbers(json_t *value);

/* RFC 7396: a new document, `target` patched with `patch`. NULL without memory. */
json_t *patch_merge(const json_t *target, json_t *patch);

/* A document without what does not change results, as text: free(). */
int normalised_text(const json_t *base, char **out, omega_error_t *err);

/* SHA-256 of that text. */
int normalised_sha256(const json_t *base, char out[65], omega_error_t *err);

/* SHA-256 of a document without its store and descriptions only. */
int outputs_sha256(const json_t *base, char out[65], omega_error_t *err);

/* ---- variants.c ---- */

/* Reads the top level of a document. `whole`: it is a variant and must have all sections. */
int top_read(const struct field *root, bool whole, struct top *top, omega_error_t *err);

/* Makes the variants and the points of an experiment from its base. */
int variants_make(struct experiment *experiment, const struct top *top,
                  const struct experiment_options *options, omega_error_t *err);

/* The document of a variant with the values of an assignment, new; `source` is its source and
 * `swept` what that refers to. NULL with an error. */
json_t *variant_assigned(const struct experiment *experiment, const struct variant *variant,
                         uint32_t assignment, struct field_source *source,
                         struct field_swept swept[PARAMETERS_MAX], omega_error_t *err);

/* ---- fragmentation.c ---- */

/* "fragmentation"; absent fields are allowed and give step_us 0. */
int fragmentation_read(const struct field *field, int64_t horizon_us,
                       struct metrics_fragmentation *out, omega_error_t *err);

/* The distance of samples over time where none is given. */
int64_t default_step(int64_t horizon_us);

/* ---- preset.c ---- */

/* Names of the presets, NULL at the end; what one of them, or PRESET_NONE, stands for. */
extern const char *const preset_names[];
const struct preset *preset_get(int name);

/* ---- point.c ---- */

/* Builds a point; `files` false: checks the text only. */
int point_make(struct experiment *experiment, uint32_t index, bool files, struct point **point,
               omega_error_t *err);

/* ---- files.c ---- */

/* The path of a file that the experiment names: relative ones are looked for beside the experiment
 * file, then in the current directory. Remembers it as an input, with its SHA-256. */
int files_resolve(struct point_parts *parts, const struct field *field, const char **path,
                  omega_error_t *err);

/* Remembers a module by the path that it was found at, with its SHA-256. */
int files_module(struct experiment *experiment, const char *path, omega_error_t *err);

/* Reads a trace, once per point; *trace is NULL while files are not opened. */
int files_trace(struct point_parts *parts, const struct field *field, struct trace **trace,
                omega_error_t *err);

/* ---- distributions.c ---- */

/* Reads a distribution into the point; absent fields give NULL. */
int distribution_read(struct point_parts *parts, const struct field *field,
                      const struct distribution **out, omega_error_t *err);

/* The same by value, whose table stays the point's; an absent field is left as it is. */
int distribution_copy(struct point_parts *parts, const struct field *field,
                      struct distribution *out, omega_error_t *err);

/* ---- mapreduce.c ---- */

/* "mapreduce" of a generated workload; absent fields are allowed. */
int mapreduce_read(struct point_parts *parts, const struct field *field,
                   struct generator_config *config, omega_error_t *err);

/* ---- cell.c, events.c ---- */

int cell_read(struct point *point, const struct field *field, omega_error_t *err);

/* Copies events behind those that the point has. */
int events_append(struct point_parts *parts, const struct omega_machine_event *events,
                  uint32_t count, omega_error_t *err);

/* "machine_events"; the machines must be known. Absent fields are allowed. */
int events_read(struct point *point, const struct field *field, omega_error_t *err);

/* Puts the events into order, by time. */
int events_sort(struct point_parts *parts, omega_error_t *err);

/* Refuses sorted events that do not fit the states of their machines. `field`: "machine_events". */
int events_check(struct point_parts *parts, const struct field *field, omega_error_t *err);

/* ---- store.c ---- */

/* "store"; absent fields are allowed. */
int store_read(struct point *point, const struct field *field, omega_error_t *err);

/* ---- live.c ---- */

/* "live", and whether the point, which is complete but for its store, can be run live. */
int live_read(struct point *point, const struct field *root, const struct top *top,
              omega_error_t *err);

/* ---- workloads.c, schedulers.c ---- */

/* Opens the module that a field names, and remembers its file; NULL while files are not opened. */
int open_module(struct point_parts *parts, const struct field *field, const char *name,
                struct module **module, omega_error_t *err);

int workloads_read(struct point *point, const struct field *field, omega_error_t *err);

/* When the replayed workloads have been submitted; -1 if none is replayed. */
int64_t workloads_last_submit(const struct point_parts *parts);

/* Opens the job sources; horizon, seed and schedulers are known. */
int workloads_open(struct point *point, omega_error_t *err);

/* One entry of "schedulers": parts->schedulers and parts->modules have room for it. */
int scheduler_read(struct point_parts *parts, const struct field *field, uint32_t index,
                   enum architecture architecture, omega_error_t *err);

int schedulers_read(struct point *point, const struct field *field, enum architecture architecture,
                    omega_error_t *err);

/* OMEGA_ENOMEM, said. */
int out_of_memory(omega_error_t *err);

#endif
