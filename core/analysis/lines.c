/* SPDX-License-Identifier: MIT */
/* Lines of a result file: see lines.h. */
#include "core/analysis/lines.h"

#include <stdlib.h>

#define ROOM_BYTES 4096u /* at first */

static int grow(struct lines *lines, omega_error_t *err)
{
    size_t room = lines->room == 0 ? ROOM_BYTES : 2 * lines->room;
    char *grown = realloc(lines->line, room);
    if (grown == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory for results");
    }
    lines->line = grown;
    lines->room = room;
    return 0;
}

int lines_next(struct lines *lines, omega_error_t *err)
{
    int c;
    lines->size = 0;
    lines->number++;
    while ((c = getc_unlocked(lines->stream)) != EOF && c != '\n') {
        if (lines->size == lines->max) {
            return omega_error_set_at(err, OMEGA_EINVAL, lines->file, lines->number,
                                      "longer than %zu bytes, expected %s", lines->max, lines->of);
        }
        if (lines->size == lines->room && grow(lines, err) != 0) {
            return OMEGA_ENOMEM;
        }
        lines->line[lines->size++] = (char)c;
    }
    if (ferror(lines->stream)) {
        return omega_error_set_errno(err, lines->file, "cannot read");
    }
    if (c == EOF && lines->size > 0) {
        return omega_error_set_at(err, OMEGA_EINVAL, lines->file, lines->number,
                                  "ends in the middle of a line, expected a whole one");
    }
    return c == EOF ? 0 : 1;
}

void lines_release(struct lines *lines)
{
    free(lines->line);
    lines->line = NULL;
}
