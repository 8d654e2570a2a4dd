/* SPDX-License-Identifier: MIT */
/*
 * Finding how far a parameter may go until a condition no longer holds: bisection over runs with
 * several seeds, which knows that means over seeds are noisy and that waits may be lower bounds.
 * The method, and what "sure" means: core/analysis/README.md.
 */
#ifndef OMEGA_CORE_ANALYSIS_FIND_H
#define OMEGA_CORE_ANALYSIS_FIND_H

#include "core/analysis/metric.h"
#include "core/analysis/probe.h"
#include "core/base/statistics.h"

#define FIND_PROBES_MAX 200u
#define FIND_VALUE_BYTES 32
#define FIND_WHOLE_MAX 1e12 /* all of them have the 12 digits that values are written with */

/* "batch.wait_first_p90_s <= 30": of the mean over seeds. */
struct find_condition {
    char metric[METRIC_BYTES];
    bool at_least; /* > or >=; otherwise < or <= */
    bool strict;   /* < or > */
    double limit;
};

struct find_options {
    struct probe_options runs;
    const char *parameter; /* a path of the experiment, with a number */
    struct find_condition condition;
    double from;
    double to;
    bool whole;         /* whole numbers only: `from` and `to` are, up to FIND_WHOLE_MAX */
    double precision;   /* width that is asked for, as a share of the larger end */
    double confidence;  /* that the boundary lies where it is said to */
    uint64_t seed;      /* the first; the others follow */
    uint32_t seeds;     /* runs of a probe before it is looked at; at least 2 */
    uint32_t seeds_max; /* it is doubled up to this many until the condition is decided */
    uint32_t probes;    /* at most so many values are tried */
    double censored_max;
};

enum find_decision {
    FIND_UNDECIDED = 0,
    FIND_HOLDS,
    FIND_FAILS,
};

struct find_probe {
    double value;
    char text[FIND_VALUE_BYTES]; /* of the value, as it was set */
    struct interval mean;        /* of the metric over seeds, at the confidence of one look */
    uint32_t bounds;             /* values that are lower bounds */
    enum find_decision decision;
};

enum find_outcome {
    FIND_FOUND = 0,     /* between `holds` and `fails`, as narrow as asked for */
    FIND_NOISE,         /* between them, but wider: what lies between is not decided */
    FIND_PROBES_USED,   /* between them, but the probes are used up */
    FIND_HOLDS_AT_BOTH, /* at both ends: the boundary is not between them */
    FIND_FAILS_AT_BOTH, /* the same */
    FIND_END_UNDECIDED, /* at one end of the range: nothing is found */
};

struct find_result {
    enum find_outcome outcome;
    double holds; /* the outermost value at which the condition was found to hold */
    double fails; /* the one nearest to it at which it was found not to */
    bool grey;    /* values between grey_low and grey_high were tried and could not be decided */
    double grey_low;
    double grey_high;
    double estimate; /* where the means cross the limit, interpolated; NaN: not known */
    uint32_t looks;  /* at each probe, at most */
    double error;    /* probability allowed to each look, one-sided */
    uint32_t runs;
    uint32_t probe_count;
    struct find_probe probes[FIND_PROBES_MAX];
};

extern const char *const find_outcome_names[];
extern const char *const find_decision_names[];

/* Reads a condition. OMEGA_EINVAL. */
int find_condition_parse(const char *text, struct find_condition *condition, omega_error_t *err);

/* Finds. `told`, if not NULL, is called after each probe. Errors are those of runs, and
 * OMEGA_EINVAL where a run has no value of the metric. */
int find_run(const struct find_options *options,
             void (*told)(void *context, const struct find_probe *probe), void *context,
             struct find_result *result, omega_error_t *err);

#endif
