/* SPDX-License-Identifier: MIT */
/* Heat maps: coloured cells on a grid, of one scale in all panels of a figure. */
#ifndef OMEGA_CORE_REPORT_HEAT_H
#define OMEGA_CORE_REPORT_HEAT_H

#include "core/report/figure.h"

struct heat_scale {
    double least; /* above 0 */
    double most;
    bool log;
};

/* A scale from the cells of all panels: logarithmic where they are far apart. Starts as
 * {INFINITY, 0, false}; cells of 0 are taken in, too, but not drawn. */
void heat_take(struct heat_scale *scale, double value);
void heat_close(struct heat_scale *scale);

/* Settings of a panel whose colour stands for `label`. */
void heat_settings(const struct heat_scale *scale, const char *label, struct figure_panel *panel);

/* Draws the cells of a block of data, "x y value", one unit apart; with numbers where asked for. */
void heat_plot(const struct heat_scale *scale, uint32_t block, bool numbers,
               struct figure_panel *panel);

#endif
