/* SPDX-License-Identifier: MIT */
/* What the head of a folder of points says: the run, its shard, and a name of the run that each
 * point repeats. */
#ifndef OMEGA_CORE_EXPERIMENT_PARTS_PRIVATE_H
#define OMEGA_CORE_EXPERIMENT_PARTS_PRIVATE_H

#include "core/experiment/parts.h"

/* What the head of a run says. NULL without memory. */
json_t *parts_head_describe(const struct parts_run *run);

/* Refuses a head that is of another run than was expected, and says what differs; `where` is the
 * folder. OMEGA_EINVAL. */
int parts_head_check_same(const json_t *found, const json_t *expected, const char *where,
                          omega_error_t *err);

/* A text of the head, or of what a point says of itself; "" where there is none. */
const char *parts_text_at(const json_t *about, const char *key);

#endif
