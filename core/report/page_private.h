/* SPDX-License-Identifier: MIT */
/* The parts of the page, each in its file. */
#ifndef OMEGA_CORE_REPORT_PAGE_PRIVATE_H
#define OMEGA_CORE_REPORT_PAGE_PRIVATE_H

#include "core/report/report_private.h"

/* Tables of means and confidence intervals, by scheduler, by workload and of the cell. */
void page_summary(const struct report *report, FILE *out);

/* What the figures mean, and what lower bounds are. */
void page_notes(FILE *out);

/* Whether some of the runs were live ones: in real time, by processes of their own. */
bool page_tells_live(const struct report *report);

/* The experiment's text, and how to run it again. */
void page_origin(const struct report *report, FILE *out);

#endif
