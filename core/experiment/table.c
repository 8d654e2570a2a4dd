/* SPDX-License-Identifier: MIT */
/* Tables for people: see table.h. */
#include "core/experiment/table.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 32
#define CELL_BYTES 80
#define ROWS_FIRST 16

typedef char cell[CELL_BYTES];

struct table {
    const char *const *headings;
    int columns;
    int left;
    size_t count; /* cells so far */
    size_t room;
    cell *cells;
};

struct table *table_create(const char *const *headings, int left)
{
    struct table *table = calloc(1, sizeof *table);
    if (table == NULL) {
        return NULL;
    }
    table->headings = headings;
    table->left = left;
    while (table->columns < COLUMNS_MAX && headings[table->columns] != NULL) {
        table->columns++;
    }
    return table;
}

void table_destroy(struct table *table)
{
    if (table != NULL) {
        free(table->cells);
        free(table);
    }
}

static char *next_cell(struct table *table)
{
    if (table->count == table->room) {
        size_t room = table->room == 0 ? ROWS_FIRST * COLUMNS_MAX : 2 * table->room;
        cell *grown = realloc(table->cells, room * sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        table->cells = grown;
        table->room = room;
    }
    return table->cells[table->count++];
}

void table_cell(struct table *table, const char *format, ...)
{
    char *to = next_cell(table);
    va_list args;
    va_start(args, format);
    if (to != NULL) {
        vsnprintf(to, CELL_BYTES, format, args);
    }
    va_end(args);
}

void table_figure_as(struct table *table, const char *prefix, double value, const char *suffix)
{
    if (value != value) {
        table_cell(table, "-");
        return;
    }
    double size = value < 0 ? -value : value;
    int digits = 0;
    for (double limit = 100; digits < 6 && size < limit && size != 0; limit /= 10) {
        digits++;
    }
    table_cell(table, "%s%.*f%s", prefix, digits, value, suffix);
}

void table_figure(struct table *table, double value)
{
    table_figure_as(table, "", value, "");
}

void table_save(const struct table *table, json_t *cells)
{
    for (size_t i = 0; i < table->count; i++) {
        json_array_append_new(cells, json_string(table->cells[i]));
    }
}

void table_load(struct table *table, const json_t *cells)
{
    size_t i;
    json_t *text;
    json_array_foreach(cells, i, text)
    {
        table_cell(table, "%s", json_is_string(text) ? json_string_value(text) : "?");
    }
}

static int width_of(const struct table *table, int column)
{
    size_t width = strlen(table->headings[column]);
    for (size_t i = (size_t)column; i < table->count; i += (size_t)table->columns) {
        size_t length = strlen(table->cells[i]);
        width = length > width ? length : width;
    }
    return (int)width;
}

static void put(const struct table *table, int column, int width, const char *text, FILE *out)
{
    bool last = column == table->columns - 1;
    if (column >= table->left) {
        fprintf(out, "%*s%s", width, text, last ? "\n" : "  ");
    } else if (last) {
        fprintf(out, "%s\n", text);
    } else {
        fprintf(out, "%-*s  ", width, text);
    }
}

void table_write(const struct table *table, FILE *out)
{
    int widths[COLUMNS_MAX];
    for (int c = 0; c < table->columns; c++) {
        widths[c] = width_of(table, c);
    }
    for (int c = 0; c < table->columns; c++) {
        put(table, c, widths[c], table->headings[c], out);
    }
    for (size_t i = 0; i < table->count; i++) {
        int column = (int)(i % (size_t)table->columns);
        put(table, column, widths[column], table->cells[i], out);
    }
}
