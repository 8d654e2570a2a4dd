/* SPDX-License-Identifier: MIT */
/*
 * Reports: figures and one page, drawn from the result files of `omega run` and of nothing else, so
 * that the same files give the same report.
 */
#ifndef OMEGA_CORE_REPORT_REPORT_H
#define OMEGA_CORE_REPORT_REPORT_H

#include <signal.h>
#include <stdint.h>

#include "core/base/error.h"

enum report_format {
    REPORT_PDF = 0,
    REPORT_SVG,
    REPORT_PNG,
    REPORT_FORMATS,
};

/* "pdf", "svg", "png": also how the files end. */
extern const char *const report_format_names[REPORT_FORMATS];

struct report_options {
    const char *const *directories; /* of results, read as one set */
    uint32_t count;
    const char *out;         /* directory of the report: made, or replaced if it is a report */
    const char *title;       /* NULL: the experiment's name */
    const char *const *only; /* VARIANT[,PATH=VALUE]...: configurations that fit one of these */
    uint32_t only_count;     /* 0: all of them */
    unsigned formats;        /* bit 1 << format for each one that is wanted */
    const volatile sig_atomic_t *stop; /* or NULL: other than 0 ends it with OMEGA_EINTR */
};

struct report_done {
    uint32_t figures;
    uint32_t configurations;
    uint32_t runs;
    const char *mixed; /* as result_set_mixed() */
    uint32_t points;   /* of the experiments, as far as their texts are there */
    uint32_t missing;  /* of these: in no directory, as where a run was stopped */
};

/*
 * Writes OUT/index.html, and for each figure OUT/figures/NAME.FORMAT, its data NAME.dat and its
 * gnuplot script NAME.gp. All of it appears at once, or nothing: it is made in a folder beside OUT,
 * which then takes its place. Errors: OMEGA_EINVAL for result files that are none or not whole,
 * with file and line, for an OUT that is there and no report, and where `only` fits nothing;
 * OMEGA_EIO, also if gnuplot is missing or fails; OMEGA_EINTR; OMEGA_EVERSION; OMEGA_ENOMEM.
 */
int report_write(const struct report_options *options, struct report_done *done,
                 omega_error_t *err);

#endif
