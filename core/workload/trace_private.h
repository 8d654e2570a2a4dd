/* SPDX-License-Identifier: MIT */
/* What the files of core/workload share about traces. */
#ifndef OMEGA_CORE_WORKLOAD_TRACE_PRIVATE_H
#define OMEGA_CORE_WORKLOAD_TRACE_PRIVATE_H

#include "core/workload/trace.h"

/* Records that memory ran out; returns OMEGA_ENOMEM. */
int trace_no_memory(omega_error_t *err);

/* Makes room in *items for item number `count`, of `size` bytes; more than `max` are an error that
 * names `what`. */
int trace_grow(void **items, uint32_t count, uint32_t *room, uint32_t max, size_t size,
               const char *what, omega_error_t *err);

/* Checks a name: of bounded length, one line, no control characters. `what` is for the message. */
int trace_check_name(const char *what, const char *name, bool may_be_empty, omega_error_t *err);

/* Sorts the events by time; those of one time stay in their order. */
int trace_sort_events(struct trace *trace, omega_error_t *err);

/* Walks the states of the machines: refuses an event that makes no sense in its machine's state,
 * such as a second drain, and tells its index. The events must be sorted. */
int trace_check_events(const struct trace *trace, uint32_t *bad, omega_error_t *err);

/* The text of a symbol of the trace's catalogue. */
const char *trace_text(const struct trace *trace, uint32_t symbol);

/* Capacity of the machines that are there from the start, summed: of one resource (enum
 * replay_resource), in milli-cores, MiB or milli-GPU. */
int64_t trace_capacity(const struct trace *trace, int resource);

/* What one task of a request asks for of a resource, in the same units. */
int64_t trace_request_of(const struct omega_request *request, int resource);

/* A machine's attribute set without platform and domain, as text into `out`. They are columns of
 * their own. Returns 0, or OMEGA_EINVAL if it does not fit into `size` bytes. */
int trace_machine_attributes(const struct trace *trace, const struct omega_machine_spec *machine,
                             char *out, size_t size, omega_error_t *err);

#endif
