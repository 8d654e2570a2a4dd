/* SPDX-License-Identifier: MIT */
/* A status as Prometheus reads it: text format 0.0.4, base units, one family after the other. */
#ifndef OMEGA_CORE_MONITOR_PROMETHEUS_H
#define OMEGA_CORE_MONITOR_PROMETHEUS_H

#include <stdio.h>

#include "core/monitor/status.h"

#define PROMETHEUS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Writes all families of a status; whether it could is told by the stream. */
void prometheus_write(const struct status *status, FILE *out);

/* Writes a label's value: the text with its backslashes, quotes and newlines escaped. */
void prometheus_label(const char *text, FILE *out);

#endif
