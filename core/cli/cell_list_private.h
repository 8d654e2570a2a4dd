/* SPDX-License-Identifier: MIT */
/* The lists of `omega cell show`: what is in a held cell, a line each. */
#ifndef OMEGA_CORE_CLI_CELL_LIST_PRIVATE_H
#define OMEGA_CORE_CLI_CELL_LIST_PRIVATE_H

#include "core/cli/cell_private.h"
#include "core/experiment/row.h"

struct list;

/* The list of that name, or NULL. */
const struct list *list_find(const char *name);

/* A filter that is given but that the list (NULL: a cell as a whole) does not take; or NULL.
 * *filter is for list_names(). */
const char *list_wrong_filter(const struct list *list, const struct cell_arguments *arguments,
                              unsigned *filter);
/* "machines, placements and jobs": the lists that take a filter. Returns `out`. */
const char *list_names(unsigned filter, char *out, size_t size);

/* Prints what the filters let through, as text or JSON. */
int list_print(struct store *store, const struct list *list, const struct cell_arguments *arguments,
               omega_error_t *err);

/* All instances as a table, or as a JSON array. */
int list_instances_text(struct store *store, omega_error_t *err);
int list_instances_json(struct store *store, struct symbols *kept, omega_error_t *err);

/* Adds an instance's number, or null. */
void list_row_instance(struct row *row, const char *key, uint16_t instance);

#endif
