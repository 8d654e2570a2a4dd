/* SPDX-License-Identifier: MIT */
/*
 * Comparing two configurations on the same jobs: seed by seed, with intervals of the differences,
 * and what differs in words. The method: core/analysis/README.md.
 */
#ifndef OMEGA_CORE_ANALYSIS_COMPARE_H
#define OMEGA_CORE_ANALYSIS_COMPARE_H

#include "core/analysis/metric.h"
#include "core/base/statistics.h"

#define COMPARE_METRICS_MAX 256u
#define COMPARE_SENTENCE_BYTES 640

struct compare_side {
    const struct result_set *set;
    uint32_t configuration;
    const char *label; /* what sentences call it */
};

struct compare_options {
    double confidence;   /* such as 0.95 */
    double censored_max; /* as METRIC_CENSORED_MAX */
    bool unpaired;       /* other jobs on both sides: independent samples, Welch's interval */
};

enum compare_verdict {
    COMPARE_NO_VALUE = 0,  /* no value on one side, or in no common seed */
    COMPARE_ONE_SEED,      /* a difference, but nothing to say how sure it is */
    COMPARE_BOUNDS,        /* lower bounds on the side that seems lower, or on both: not decided */
    COMPARE_EQUAL,         /* the same in every seed */
    COMPARE_CONSTANT,      /* the same difference in every seed */
    COMPARE_NOT_DIFFERENT, /* not beyond noise */
    COMPARE_DIFFERENT,
    COMPARE_AT_LEAST, /* different, by more than it seems: the larger side is a lower bound */
};

extern const char *const compare_verdict_names[];

struct comparison {
    struct metric metric;
    enum compare_verdict verdict;
    double mean_a; /* over the seeds that count */
    double mean_b;
    struct interval difference; /* of B less A; its p is not corrected */
    double relative;            /* difference as a share of A's mean, with its interval; NaN if 0 */
    double relative_low;
    double relative_high;
    double adjusted;   /* p, corrected by Holm where there are several metrics */
    uint32_t seeds;    /* that count: paired, those that both have a value in */
    uint32_t dropped;  /* common seeds without a value on a side */
    uint32_t bounds_a; /* values that are lower bounds */
    uint32_t bounds_b;
    bool tolerated; /* means count jobs that had not begun with what they had waited */
};

/*
 * Compares by each metric; `out` has room for `count`, at most COMPARE_METRICS_MAX. OMEGA_EINVAL:
 * the two have no seed in common, or not the same jobs in one (a workload of another number of
 * jobs, or one that the other does not have): paired they say nothing. OMEGA_ENOMEM.
 */
int compare_run(const struct compare_side *a, const struct compare_side *b,
                const struct metric *metrics, uint32_t count, const struct compare_options *options,
                struct comparison *out, omega_error_t *err);

/* How many of the comparisons are tests, among which Holm's correction is. */
uint32_t compare_tests(const struct comparison *comparisons, uint32_t count);

/* How many seeds both sides have. */
uint32_t compare_common_seeds(const struct compare_side *a, const struct compare_side *b);

/* What a comparison says, in words, without a full stop. */
void compare_sentence(const struct comparison *comparison, const struct compare_side *a,
                      const struct compare_side *b, char out[COMPARE_SENTENCE_BYTES]);

#endif
