/* SPDX-License-Identifier: MIT */
/* What was found out about a module: see finding.h. */
#include "core/kit/finding.h"

#include <stdarg.h>
#include <stdio.h>

int finding_wrong(struct finding *finding, const char *format, ...)
{
    if (!finding->wrong && !finding->unable) {
        va_list args;
        va_start(args, format);
        vsnprintf(finding->text, sizeof finding->text, format, args);
        va_end(args);
        finding->wrong = true;
    }
    return -1;
}

int finding_unable(struct finding *finding, const char *format, ...)
{
    if (!finding->wrong && !finding->unable) {
        va_list args;
        va_start(args, format);
        vsnprintf(finding->text, sizeof finding->text, format, args);
        va_end(args);
        finding->unable = true;
    }
    return -1;
}
