/* SPDX-License-Identifier: MIT */
/*
 * Sweeps: fields of an experiment that take several values. An axis is a field with its values;
 * axes that move together are a group, and the groups are crossed. An assignment gives each axis
 * one of its values: assignment 0 has all the first ones, and the last group changes fastest.
 */
#ifndef OMEGA_CORE_EXPERIMENT_SWEEP_H
#define OMEGA_CORE_EXPERIMENT_SWEEP_H

#include "core/experiment/field.h"
#include "core/experiment/pool.h"
#include "core/experiment/row.h"

#define SWEEP_VALUES_MAX 10000u /* of an axis */
#define SWEEP_SEEDS 10u         /* where neither the experiment nor the command gives seeds */

struct sweep_axis {
    const char *path; /* dots only */
    const char *key;  /* as the file has it */
    long entry;       /* which object of the list it stands in; -1: there is no list */
    bool range;       /* its values are calculated: none of them has a line of its own */
    uint32_t group;
    json_t *values;          /* an array, owned by the sweep */
    struct parameter *shown; /* each value as results show it; in the experiment's pool */
};

/* Starts zeroed: one assignment, which assigns nothing. */
struct sweep {
    struct sweep_axis axes[PARAMETERS_MAX];
    uint32_t axis_count;
    uint32_t group_values[PARAMETERS_MAX]; /* how many values the axes of a group have */
    uint32_t group_count;
    uint32_t assignments; /* 0 before sweep_read() */
};

/* Reads "sweep", an absent field included; texts go to the pool. OMEGA_EINVAL with file and line;
 * OMEGA_ENOMEM. sweep_release() is due either way. */
int sweep_read(struct sweep *sweep, const struct field *field, struct pool *pool,
               omega_error_t *err);
void sweep_release(struct sweep *sweep);

/* The swept field that a path, with dots only, is or lies within; NULL: there is none. */
const char *sweep_field_above(const struct sweep *sweep, const char *path);

/* The sweep in its one form: a list of objects of lists, ranges written out. NULL: no memory. */
json_t *sweep_normal(const struct sweep *sweep);

/* Puts "PATH=VALUES" of the command line into a document's "sweep". */
int sweep_add(json_t *doc, const char *setting, struct pool *pool, const char **place,
              omega_error_t *err);

/* Which of its values an axis has in an assignment. */
uint32_t sweep_index(const struct sweep *sweep, uint32_t axis, uint32_t assignment);

/* Whether an assignment is one of those that try every value once: at most one group of it is not
 * at its first value. */
bool sweep_is_probe(const struct sweep *sweep, uint32_t assignment);

/* Puts the values of an assignment into a document. *axis is the one that could not be put. */
int sweep_apply(const struct sweep *sweep, uint32_t assignment, json_t *doc, uint32_t *axis,
                omega_error_t *err);

/* Where the values of an assignment stand, for messages about a document that has them: one entry
 * of `out` for each axis. */
void sweep_places(const struct sweep *sweep, uint32_t assignment,
                  struct field_swept out[PARAMETERS_MAX]);

/* The parameters of an assignment, in the caller's array. */
void sweep_parameters(const struct sweep *sweep, uint32_t assignment,
                      struct parameter out[PARAMETERS_MAX], struct parameters *parameters);

#endif
