/* SPDX-License-Identifier: MIT */
/*
 * Experiments: one JSON file that describes cell, workloads, schedulers, horizon and seeds, and
 * several variants of them to compare. The keys are documented in core/experiment/README.md.
 *
 * An experiment is a list of points, one for each variant, assignment of the sweep's fields and
 * seed, in the file's order, seeds changing fastest. A point is built into a run_config, run, and
 * destroyed before the next one.
 */
#ifndef OMEGA_CORE_EXPERIMENT_EXPERIMENT_H
#define OMEGA_CORE_EXPERIMENT_EXPERIMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/live/live.h"
#include "core/experiment/row.h"

#define OMEGA_VERSION "0.1.0"

#define EXPERIMENT_BYTES_MAX (16u << 20) /* an experiment file */
#define EXPERIMENT_VARIANTS_MAX 1000u
#define EXPERIMENT_SEEDS_MAX 10000u
#define EXPERIMENT_POINTS_MAX 100000u
#define EXPERIMENT_WORKLOADS_MAX 256u
#define EXPERIMENT_EVENTS_MAX (1u << 20) /* machine events in an experiment file */

struct experiment;
struct pool;

/* What the command line changes. */
struct experiment_options {
    const char *const *sets; /* "path=value", applied in order to the base, before validation */
    uint32_t set_count;
    const char *const *sweeps; /* "path=values", added to the sweep */
    uint32_t sweep_count;
    bool has_seed; /* run this seed only, whatever the file says */
    uint64_t seed;
};

/* Which outputs are asked for ("record"). */
struct experiment_record {
    bool summary;
    bool histograms;
    bool series;
    bool jobs;
    bool conflicts;
    bool machines;
    bool refused;
    bool counterfactuals; /* a key of its own: results have columns for it */
    bool mapreduce;       /* follows from the workloads of the points built so far: so have they */
};

/* A file that the experiment reads (trace, events, samples). */
struct experiment_input {
    const char *name; /* as the experiment names it */
    char sha256[65];
};

/* One variant with one assignment and one seed, ready to run. The config's parts belong to the
 * point; the metrics config's flags follow the experiment's record list. */
struct point {
    const char *variant; /* "" for the only, unnamed one; owned by the experiment */
    uint32_t assignment; /* number of the sweep's, from 1; 0: there is no sweep */
    uint64_t seed;
    struct parameters parameters; /* what the sweep has changed, owned by the experiment */
    struct run_config config;
    struct metrics_config metrics;
    bool lives; /* it is run by processes, in real time */
    struct live_options live;
    struct point_parts *parts; /* private */
};

/*
 * Reads an experiment file and checks everything that can be checked without another file.
 * `options` may be NULL. Errors: OMEGA_EIO; OMEGA_EINVAL as `file:line: path: what, expected what`,
 * the first one found.
 */
int experiment_open(const char *path, const struct experiment_options *options,
                    struct experiment **experiment, omega_error_t *err);

/* The same from bytes in memory. `name` is for messages, `directory` is where relative paths start.
 * Opens no other file. */
int experiment_parse(const char *bytes, size_t size, const char *name, const char *directory,
                     const struct experiment_options *options, struct experiment **experiment,
                     omega_error_t *err);

void experiment_close(struct experiment *experiment); /* NULL is allowed */

/* Builds every variant, with each value of the sweep once, with its modules, traces and other
 * files, and lists these files: what could stop a later point from being built is found here. */
int experiment_check(struct experiment *experiment, omega_error_t *err);

/* Refuses an experiment that keeps its cells (store.dir) where there is something already, for
 * whichever point that is not done (NULL: none is). OMEGA_EINVAL, OMEGA_EIO, OMEGA_ENOMEM. */
int experiment_check_cells(const struct experiment *experiment,
                           bool (*is_done)(const void *context, uint32_t point),
                           const void *context, omega_error_t *err);

/* What the experiment is called, the path it was opened by, and what it records. */
const char *experiment_name(const struct experiment *experiment);
const char *experiment_file(const struct experiment *experiment);
const struct experiment_record *experiment_record(const struct experiment *experiment);

/* How many variants and points there are, at least one. */
uint32_t experiment_variant_count(const struct experiment *experiment);
uint32_t experiment_point_count(const struct experiment *experiment);

/* How many assignments the sweep makes of its fields, at least one. */
uint32_t experiment_assignment_count(const struct experiment *experiment);

/* The variant's name, the number of the assignment (from 1; 0: no sweep) and the seed of a
 * point. */
const char *experiment_point_variant(const struct experiment *experiment, uint32_t point);
uint32_t experiment_point_assignment(const struct experiment *experiment, uint32_t point);
uint64_t experiment_point_seed(const struct experiment *experiment, uint32_t point);

/* The parameters of a point, put into the caller's array. */
void experiment_parameters(const struct experiment *experiment, uint32_t point,
                           struct parameter at[PARAMETERS_MAX], struct parameters *parameters);

/* "shared, schedulers.0.instances=4, seed 1": a point, for people, cut to `size` with its NUL. */
void point_name(const char *variant, const struct parameters *parameters, uint64_t seed, char *out,
                size_t size);
void experiment_name_point(const struct experiment *experiment, uint32_t point, char *out,
                           size_t size);

/* What files and directories of a point are called, "shared-sweep-3-seed-1", for free(); NULL
 * without memory. */
char *point_label(const char *variant, uint32_t assignment, uint64_t seed);

/* SHA-256 of the normalised experiment: after --set, keys sorted, whole numbers as such, without
 * store, description, record and series_step_s. 64 hex digits. */
const char *experiment_sha256(const struct experiment *experiment);

/* The normalised experiment itself, for free(). OMEGA_ENOMEM. */
int experiment_text(const struct experiment *experiment, char **text, omega_error_t *err);

/* Whether some point is run live. */
bool experiment_is_live(const struct experiment *experiment);

/* SHA-256 of the experiment with `record` and `series_step_s`: of what decides the bytes of all
 * files. 64 hex digits. OMEGA_ENOMEM. */
int experiment_outputs_sha256(const struct experiment *experiment, char out[65],
                              omega_error_t *err);

/* What a variant of an experiment, with an assignment of its sweep, says about fragmentation;
 * step_us 0: it is not measured. OMEGA_EINVAL if there is no such variant or assignment;
 * OMEGA_ENOMEM. */
int fragmentation_of_variant(const struct experiment *experiment, const char *name,
                             uint32_t assignment, int64_t horizon_us,
                             struct metrics_fragmentation *out, omega_error_t *err);

/* The parameters of an assignment by the sweep of a normalised experiment, in memory of the pool;
 * none for assignment 0. OMEGA_EINVAL if it has no such assignment; OMEGA_ENOMEM. */
int parameters_of_text(const char *text, uint32_t assignment, struct pool *pool,
                       struct parameters *parameters, omega_error_t *err);

/* Files read by the points built so far; NULL past the end. */
const struct experiment_input *experiment_input(const struct experiment *experiment,
                                                uint32_t index);

/* Modules of the schedulers of the points built so far, by the path where each was found; NULL past
 * the end. */
const struct experiment_input *experiment_module(const struct experiment *experiment,
                                                 uint32_t index);

/* What the user should know though it is no error, such as a --set that a variant overwrites; NULL
 * past the end. */
const char *experiment_warning(const struct experiment *experiment, uint32_t index);

/* Builds a point: opens its modules and files, generates the cell, opens the job sources. */
int point_build(struct experiment *experiment, uint32_t index, struct point **point,
                omega_error_t *err);
void point_destroy(struct point *point); /* NULL is allowed */

#endif
