/* SPDX-License-Identifier: MIT */
/* Drawing a figure's script with gnuplot. */
#ifndef OMEGA_CORE_REPORT_DRAW_H
#define OMEGA_CORE_REPORT_DRAW_H

#include "core/report/report.h"

/*
 * Draws FOLDER/NAME.FORMAT from FOLDER/NAME.gp, which must be of ours. The same script and data
 * give the same bytes with the same gnuplot and fonts: the date in a PDF is made a constant one.
 * OMEGA_EIO if gnuplot is missing, or complains, or leaves no figure; OMEGA_ENOMEM.
 */
int draw_figure(const char *folder, const char *name, enum report_format format,
                omega_error_t *err);

#endif
