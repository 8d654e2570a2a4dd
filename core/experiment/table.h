/* SPDX-License-Identifier: MIT */
/* Tables for people: cells of text, columns as wide as their widest cell. */
#ifndef OMEGA_CORE_EXPERIMENT_TABLE_H
#define OMEGA_CORE_EXPERIMENT_TABLE_H

#include <jansson.h>
#include <stdio.h>

struct table;

/* `headings`: one a column, NULL at the end; constant strings. The first `left` columns are aligned
 * to the left, the others to the right. NULL without memory; table_destroy(NULL) is allowed. */
struct table *table_create(const char *const *headings, int left);
void table_destroy(struct table *table);

/* Adds a cell; after the last column comes the next row. Without memory it is left out. */
void table_cell(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Three significant figures without exponents: "0", "0.0123", "4.57", "1234". NaN gives "-". */
void table_figure(struct table *table, double value);

/* The same with a prefix and a suffix, such as "> 12.3" and "45.1 %". */
void table_figure_as(struct table *table, const char *prefix, double value, const char *suffix);

/* Appends all cells to an array; and adds the cells of one. */
void table_save(const struct table *table, json_t *cells);
void table_load(struct table *table, const json_t *cells);

/* Writes headings and rows; cells that are missing in the last row are left out. */
void table_write(const struct table *table, FILE *out);

#endif
