/* SPDX-License-Identifier: MIT */
/* An experiment's cell and workloads as a trace: what `omega trace export` writes out. */
#ifndef OMEGA_CORE_EXPERIMENT_TO_TRACE_H
#define OMEGA_CORE_EXPERIMENT_TO_TRACE_H

#include "core/experiment/experiment.h"
#include "core/workload/trace.h"

#define TO_TRACE_LINES 8u

/* What a trace of an experiment does not hold, one line each: "machine failures", ... */
struct to_trace_left_out {
    uint32_t count;
    char lines[TO_TRACE_LINES][160];
};

/*
 * Reads an experiment file, changed by `options` (NULL = as it is), and makes a trace of the first
 * point of a variant (NULL = of the first one): the machines, the machine events that are listed or
 * in a file, and every job submitted before the horizon, numbered from 1 as they arrive. What else
 * the point has, and that there are other points, is listed in `left_out`. The trace has a
 * catalogue of its own. Errors as experiment_open(); OMEGA_EINVAL for an unknown variant.
 */
int experiment_to_trace(const char *path, const struct experiment_options *options,
                        const char *variant, struct trace **trace,
                        struct to_trace_left_out *left_out, omega_error_t *err);

#endif
