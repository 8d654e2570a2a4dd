/* SPDX-License-Identifier: MIT */
/*
 * Probes: runs of one configuration of an experiment, with a parameter at a value, read back as a
 * result set, as if they had been written to a directory. Its seeds run one after the other in this
 * process, or side by side in worker processes; what comes out is the same.
 */
#ifndef OMEGA_CORE_ANALYSIS_PROBE_H
#define OMEGA_CORE_ANALYSIS_PROBE_H

#include <signal.h>

#include "core/analysis/result_set.h"
#include "core/experiment/experiment.h"

#define PROBE_SEEDS_MAX 4096u

struct probe_options {
    const char *file;        /* the experiment */
    const char *variant;     /* NULL: its only one */
    const char *const *sets; /* "path=value", applied first */
    uint32_t set_count;
    const volatile sig_atomic_t *stop; /* or NULL: other than 0 ends a run with OMEGA_EINTR */
    uint32_t jobs;                     /* worker processes; 1 or less: none, all is done here */
    void (*in_worker)(void);           /* in a worker, before its first run; or NULL */
    void (*leave_worker)(void);        /* ends a worker; needed above 1 job */
};

struct probe;

/* A probe with a parameter, a path as for --sweep, at a value as JSON has it; a variant that sets
 * the field itself does not keep it from that value. `options` and what it names outlive it; the
 * rest is copied. NULL without memory. */
struct probe *probe_create(const struct probe_options *options, const char *parameter,
                           const char *value);
void probe_destroy(struct probe *probe); /* NULL is allowed */

/* Runs the seeds first .. first + count - 1 besides those that were run. Errors as
 * experiment_open() and run_simulate(), of the first seed that has one; OMEGA_EINVAL where the
 * variant is not there, or has to be chosen, and for live experiments; OMEGA_EMODULE for a worker
 * that died. This process must have no other threads above 1 job. */
int probe_run(struct probe *probe, uint64_t first, uint32_t count, omega_error_t *err);

/* All runs so far, as a result set with one configuration, to be closed by the caller. */
int probe_results(struct probe *probe, struct result_set **set, omega_error_t *err);

#endif
