/* SPDX-License-Identifier: MIT */
/* The values of one axis of a sweep: a list, a range, or what the command line has. */
#ifndef OMEGA_CORE_EXPERIMENT_SWEEP_VALUES_H
#define OMEGA_CORE_EXPERIMENT_SWEEP_VALUES_H

#include "core/experiment/field.h"

/* The values that a field lists or gives the range of, as a new array; *range tells which. */
int sweep_values_read(const struct field *field, json_t **values, bool *range, omega_error_t *err);

/* Values as the command line has them: JSON, "1..8" or "1,2,4". A new value; NULL: not UTF-8, or no
 * memory. */
json_t *sweep_values_parse(const char *text);

#endif
