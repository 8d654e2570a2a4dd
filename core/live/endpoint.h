/* SPDX-License-Identifier: MIT */
/*
 * Endpoints of a cell's processes, over nanomsg: ipc files in the cell's directory, for their owner
 * only, by kind and number of the process. What is said over them is in core/messages/.
 */
#ifndef OMEGA_CORE_LIVE_ENDPOINT_H
#define OMEGA_CORE_LIVE_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

enum endpoint_kind {
    ENDPOINT_SUBMIT = 0, /* submit-N: takes jobs, answers nothing (pipeline) */
    ENDPOINT_CONTROL,    /* control-N: answers each message (request/reply) */
    ENDPOINT_EVENTS,     /* events-N: tells what has happened to whoever listens (publish) */
    ENDPOINT_WAKE,       /* wake-N: hints that there is something to do (pipeline) */
};

struct endpoint;

/* Serves a kind of endpoint; a file that a dead process has left is replaced. OMEGA_EIO. */
int endpoint_serve(int directory_fd, enum endpoint_kind kind, uint32_t number,
                   struct endpoint **endpoint, omega_error_t *err);
/* Serves it at an address besides, such as tcp://127.0.0.1:7000. */
int endpoint_listen(struct endpoint *endpoint, const char *address, omega_error_t *err);
/* Removes the file of an endpoint that is not served any more. */
void endpoint_unlink(int directory_fd, enum endpoint_kind kind, uint32_t number);
/* Binds a nanomsg socket to an ipc file that only its owner may use; several threads may at once.
 * Returns what nn_bind() does. */
int endpoint_bind_private(int socket, const char *address);
/* The other side of a kind: of a control endpoint it asks, of events it listens. */
int endpoint_open(enum endpoint_kind kind, struct endpoint **endpoint, omega_error_t *err);
/* Connects it to a process, which need not be there yet; events: to several. */
int endpoint_connect(struct endpoint *endpoint, int directory_fd, uint32_t number,
                     omega_error_t *err);
int endpoint_connect_to(struct endpoint *endpoint, const char *address, omega_error_t *err);
void endpoint_close(struct endpoint *endpoint); /* NULL is allowed */

/* Becomes readable when a message has come. */
int endpoint_fd(const struct endpoint *endpoint);
/* Takes a message, which endpoint_free() frees. Returns 1; 0 if none has come within so many
 * milliseconds; OMEGA_EIO. */
int endpoint_receive(struct endpoint *endpoint, int wait_ms, char **bytes, size_t *size,
                     omega_error_t *err);
void endpoint_free(char *bytes);
/* Sends a message, if that can be done within so many milliseconds; false if not. */
bool endpoint_send(struct endpoint *endpoint, const char *bytes, size_t size, int wait_ms);
/* Sends the hint that process `from` has something for the one that serves a wake endpoint. */
bool endpoint_wake(struct endpoint *endpoint, uint32_t from, int wait_ms);
/* True if anybody is connected. */
bool endpoint_has_peers(const struct endpoint *endpoint);

#endif
