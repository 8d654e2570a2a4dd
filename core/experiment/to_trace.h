/* SPDX-License-Identifier: MIT */
/* An experiment's cell and workloads as a trace: what `omega trace export` writes out. */
#ifndef OMEGA_CORE_EXPERIMENT_TO_TRACE_H
#define OMEGA_CORE_EXPERIMENT_TO_TRACE_H

#include "core/workload/trace.h"

/*
 * Reads an experiment file and makes a trace of its first point (first variant, first seed): the
 * machines, the machine events that are listed or in a file, and every job submitted before the
 * horizon, numbered from 1 as they arrive. Pre-fill and failures drawn from distributions are not
 * part of a trace. The trace has a catalogue of its own. Errors as experiment_open().
 */
int experiment_to_trace(const char *path, struct trace **trace, omega_error_t *err);

#endif
