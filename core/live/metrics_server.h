/* SPDX-License-Identifier: MIT */
/* Figures of a cell for Prometheus: GET /metrics over HTTP (libmicrohttpd), one look at the cell
 * for each answer. */
#ifndef OMEGA_CORE_LIVE_METRICS_SERVER_H
#define OMEGA_CORE_LIVE_METRICS_SERVER_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "core/base/error.h"

#define METRICS_URL_BYTES 96

/*
 * Opens the socket that figures are asked for at. `address` is ":PORT", which means 127.0.0.1, or
 * "HOST:PORT" with a numeric address, IPv6 in brackets, or "localhost"; port 0 lets the system
 * choose. `url` (may be NULL) is what to ask for. OMEGA_EINVAL: that is no address; OMEGA_EIO: it
 * cannot be had. The socket is the caller's.
 */
int metrics_listen(const char *address, int *socket, char url[METRICS_URL_BYTES],
                   omega_error_t *err);

/*
 * Answers at the socket for the cell in the directory `path` until *stop is not 0, in this thread.
 * The socket stays open. Whatever is asked, the cell is only read: an answer is 200, 404 for
 * another path than /metrics, 405 for another method than GET and HEAD, or 503 if the cell cannot
 * be read. Errors as of lmdb_open(); OMEGA_EIO.
 */
int metrics_serve(const char *path, int socket, const volatile sig_atomic_t *stop,
                  omega_error_t *err);

/* ---- for runs, whose cells come and go ---- */

struct metrics_server {
    pid_t process; /* that keeps the one that answers; 0: there is none */
    int cells;     /* where it is told of cells: metrics_tell() */
};

/* Starts a process that answers at the socket, for the cell that it was told of last; with 503
 * while there is none. Should that one die, another takes its place, and `tell`, which is called in
 * a process of its own, is told so. They end with this process, or by metrics_server_stop(). The
 * caller closes the socket before it starts others: whoever has it keeps those waiting who ask.
 * OMEGA_EIO. */
int metrics_server_start(int socket, void (*tell)(const char *text), struct metrics_server *server,
                         omega_error_t *err);
void metrics_server_stop(struct metrics_server *server);

/* Tells it that the cell in a directory is there, or is about to go. Nobody waits for it: if it has
 * ended, nothing is told. `cells` may be 0. */
void metrics_tell(int cells, const char *directory, bool there);

#endif
