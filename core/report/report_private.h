/* SPDX-License-Identifier: MIT */
/* What the parts of a report share. `err` is never NULL in here. */
#ifndef OMEGA_CORE_REPORT_REPORT_PRIVATE_H
#define OMEGA_CORE_REPORT_REPORT_PRIVATE_H

#include "core/analysis/result_set.h"
#include "core/experiment/pool.h"
#include "core/report/figure.h"
#include "core/report/report.h"

#define REPORT_FIGURES_MAX 256u
#define REPORT_SHOWN_MAX FIGURE_STYLES /* configurations whose waits, series and so on are drawn */
#define REPORT_VALUES_MAX 64u          /* values of a parameter that are told apart */
#define REPORT_CONFIDENCE 0.95

/* A parameter of a sweep that has several values. */
struct report_parameter {
    const char *path;
    const char *name;   /* its last part, or all of it where two end alike; of [a-z0-9_.-] only */
    const char **texts; /* its values, in order of their numbers, else in that of the files */
    double *numbers;    /* where all are numbers; else 0, 1, 2, ... */
    uint32_t count;
    bool numeric;
    bool log; /* better shown on a logarithmic scale */
};

struct report_figure {
    const char *name;
    const char *title;
    const char *caption;
    bool wide; /* has several panels */
};

struct report {
    const struct report_options *options;
    struct pool pool;
    struct result_set *set;
    const char **experiments; /* text of the experiment of each source; NULL: it is not there */
    uint32_t points;          /* of these experiments, and how many of them are in no source */
    uint32_t missing;
    uint32_t configuration_count;
    const char **labels;  /* what configurations are called in legends */
    uint32_t *variant_of; /* of each configuration */
    const char **variants;
    uint32_t variant_count;
    struct report_parameter parameters[RESULT_PARAMETERS_MAX];
    uint32_t parameter_count;
    uint32_t *values; /* [configuration][parameter]: which value; UINT32_MAX: none */
    uint32_t shown[REPORT_SHOWN_MAX]; /* configurations, rising */
    uint32_t shown_count;
    struct report_figure figures[REPORT_FIGURES_MAX];
    uint32_t figure_count;
    char *folder;  /* the report while it is made */
    char *drawing; /* folder/figures */
};

/* OMEGA_ENOMEM, said. */
int report_no_memory(omega_error_t *err);

/* Refuses sources whose files are not whole, reads their experiments, and counts points. */
int report_read_sources(struct report *report, omega_error_t *err);

/* Has an earlier source the experiment of this one? */
bool report_is_known(const struct report *report, uint32_t source);

/* Has the directory of a source a file, or folder, of that name? */
bool report_has_file(const struct report *report, uint32_t source, const char *name);

/* Finds out what differs between configurations, what they are called, and which are shown where
 * not all can be. */
int report_choose(struct report *report, omega_error_t *err);

/* Where configuration `configuration` stands among those shown; UINT32_MAX: it is not. */
uint32_t report_shown(const struct report *report, uint32_t configuration);

/* "12 of 40 configurations" in words for captions, "" if all are shown; in the pool. */
const char *report_shown_note(struct report *report);

/* Ends a figure and lists it; drops it where it has no panel. Texts lie in the pool. */
int report_add(struct report *report, struct figure *figure, omega_error_t *err);

/* ---- what a configuration and a figure give ---- */

struct report_estimate {
    uint32_t n;      /* seeds with a value */
    uint32_t bounds; /* of these, lower bounds */
    double mean;     /* NaN without values */
    double half;     /* of the confidence interval; NaN below two values */
};

/* A figure of a row over the seeds of a configuration. */
void report_estimate(const struct report *report, uint32_t configuration, enum result_scope scope,
                     const char *name, const char *key, struct report_estimate *out);

/* ---- the figures, each function those of one file ---- */

int report_plot_metrics(struct report *report, omega_error_t *err);
int report_plot_distributions(struct report *report, omega_error_t *err);
int report_plot_series(struct report *report, omega_error_t *err);
int report_plot_conflicts(struct report *report, omega_error_t *err);
int report_plot_machines(struct report *report, omega_error_t *err);

/* index.html, once the figures are drawn. */
int report_write_page(struct report *report, omega_error_t *err);

#endif
