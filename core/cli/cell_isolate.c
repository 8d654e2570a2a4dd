/* SPDX-License-Identifier: MIT */
/* Reading a cell in a process of its own: a page that is damaged may end the one that reads it. */
#include <signal.h>
#include <stdlib.h>

#include "core/cli/cell_private.h"
#include "core/cli/signals.h"
#include "core/driver/isolate.h"

static bool is_damage(int number)
{
    return number == SIGBUS || number == SIGSEGV || number == SIGABRT || number == SIGFPE ||
           number == SIGILL;
}

int cell_isolated(const struct cell_arguments *arguments,
                  int (*work)(const struct cell_arguments *arguments), const char *advice)
{
    struct isolate_end end;
    omega_error_t err = {0};
    int side = isolate(&end, &err);
    if (side == 1) {
        signals_be_silent();
        return work(arguments);
    }
    if (side != 0) {
        return command_failed(&err);
    }
    if (end.signal == 0) {
        return end.code;
    }
    if (!is_damage(end.signal)) { /* a closed pipe or the user: as if there were no copy */
        signal(end.signal, SIG_DFL);
        raise(end.signal);
        return COMMAND_FAILED;
    }
    omega_error_set_at(&err, OMEGA_ECORRUPT, arguments->words[0], 0,
                       "the cell is damaged beyond reading; %s (signal %d)", advice, end.signal);
    return command_failed(&err);
}
