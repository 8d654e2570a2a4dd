/* SPDX-License-Identifier: MIT */
/*
 * Figures: data and a gnuplot script beside each other, in one style. A figure is a grid of panels
 * below one legend; who draws it writes numbers to its data file and plot elements to its panels.
 * Names from result files reach a script only through figure_put_text().
 */
#ifndef OMEGA_CORE_REPORT_FIGURE_H
#define OMEGA_CORE_REPORT_FIGURE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/error.h"
#include "core/experiment/pool.h"

#define FIGURE_STYLES 8u /* lines that can be told apart in one panel, in grey print, too */
#define FIGURE_PANELS_MAX 24u
#define FIGURE_KEYS_MAX 16u

struct figure_panel {
    FILE *settings; /* gnuplot lines before the plot, into settings_text */
    FILE *plot;     /* what stands behind "plot", into plot_text */
    char *settings_text;
    char *plot_text;
    size_t settings_size;
    size_t plot_size;
    const char *title; /* NULL: none; in the figure's pool */
    const char *axis;  /* what the y axis is; constant */
    bool heat;         /* has a colour box to its right */
};

struct figure_key {
    const char *how; /* gnuplot style of the sample */
    const char *text;
};

/* The caller's memory; its texts are in the pool. */
struct figure {
    struct pool *pool;
    const char *name;    /* of its files */
    const char *title;   /* a line */
    const char *caption; /* what it shows, in sentences */
    FILE *data;          /* NAME.dat */
    char *data_path;
    uint32_t blocks; /* of data so far: gnuplot's index of the next one */
    double panel_height_in;
    double left_in;   /* room for the labels to the left of a panel */
    double bottom_in; /* and below it */
    struct figure_panel panels[FIGURE_PANELS_MAX];
    uint32_t panel_count;
    struct figure_key keys[FIGURE_KEYS_MAX];
    uint32_t key_count;
};

/* Opens FOLDER/NAME.dat. figure_end() or figure_abort() is due if this succeeds. */
int figure_begin(struct figure *figure, struct pool *pool, const char *folder, const char *name,
                 omega_error_t *err);

/* Begins a block of data: writes "# TEXT", for people, and counts. Returns its index. */
uint32_t figure_block(struct figure *figure, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A number of a data file: 12 significant digits, NaN where there is none. */
void figure_number(struct figure *figure, double value);

/* Adds a panel; its title is a name, or NULL, and `axis`, which stays the caller's, what its y axis
 * shows. NULL without memory or room. */
struct figure_panel *figure_panel(struct figure *figure, const char *title, const char *axis);

/* Adds an entry to the legend, in the line style `style` (from 0) and drawn as `with`: "lines",
 * "points", "linespoints". What has no room is left out; long texts lose their middle. */
void figure_key(struct figure *figure, const char *with, uint32_t style, const char *text);
/* The same with gnuplot's own words for the sample. */
void figure_key_as(struct figure *figure, const char *how, const char *text);

/* Writes FOLDER/NAME.gp and closes everything. OMEGA_EIO, OMEGA_ENOMEM. */
int figure_end(struct figure *figure, const char *folder, omega_error_t *err);
void figure_abort(struct figure *figure);

/* Text as a gnuplot string, quoted: printable ASCII only, with '?' for what could end the string or
 * be taken as a command. */
void figure_put_text(FILE *out, const char *text);

#endif
