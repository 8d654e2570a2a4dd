/* SPDX-License-Identifier: MIT */
/* omega cell metrics: figures of a cell for Prometheus. */
#include <unistd.h>

#include "core/cli/cell_private.h"
#include "core/cli/signals.h"
#include "core/live/metrics_server.h"
#include "core/monitor/status.h"

static const char help[] =
    "usage: omega cell metrics DIR ADDRESS\n\n"
    "Serves figures of a cell over HTTP for Prometheus until it is stopped: GET /metrics looks at\n"
    "the cell once. Reads only.\n\n"
    "ADDRESS is :PORT, which is on this machine only (127.0.0.1), HOST:PORT or [HOST]:PORT with a\n"
    "numeric host; port 0 is any that is free. Whoever reaches another address than the loopback\n"
    "ones can ask, too: there is no password.\n\n"
    "  --help     this text\n\n"
    "Figures: commits, claims and conflicts by reason and by pair of schedulers; refresh, plan\n"
    "and commit times as histograms; queues, how old views are, incarnations; use of the cell and\n"
    "of its map, and its oldest reader (core/monitor/README.md in the source tree).\n\n"
    "exit codes: 0 stopped, 1 failed, 2 wrong usage\n";

static const struct option options[] = {CELL_OPTION_HELP, CELL_OPTION_END};

static volatile sig_atomic_t stop;

int cell_metrics(int argc, char **argv)
{
    struct cell_arguments a;
    omega_error_t err = {0};
    struct status_source *source = NULL;
    int socket = 0;
    int code = cell_read_arguments("cell metrics", help, argc, argv, options, &a);
    if (code != COMMAND_DONE || a.help) {
        return code;
    }
    if (a.word_count != 2) {
        return command_usage(a.verb, "expected a cell's directory and an address, got %d words",
                             a.word_count);
    }
    /* before an address is told */
    if (status_open(a.words[0], &source, &err) != OMEGA_OK) {
        return command_failed(&err);
    }
    status_close(source);
    code = command_listen(a.verb, a.words[1], &socket);
    if (code != COMMAND_DONE) {
        return code;
    }
    signals_catch_stop(&stop);
    int rc = metrics_serve(a.words[0], socket, &stop, &err);
    close(socket);
    return rc == OMEGA_OK ? COMMAND_DONE : command_failed(&err);
}
