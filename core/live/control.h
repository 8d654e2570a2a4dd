/* SPDX-License-Identifier: MIT */
/* Talking to the processes of a standing cell: asking one, and listening to all of them. */
#ifndef OMEGA_CORE_LIVE_CONTROL_H
#define OMEGA_CORE_LIVE_CONTROL_H

#include "core/live/register.h"
#include "core/messages/msg.h"

#define CONTROL_WAIT_MS 5000 /* a process answers between two attempts */

#define CONTROL_GONE 1       /* see control_ask() */

/* Asks the process `whom` of the cell at `directory_fd`, or the one at `address` if that is not
 * NULL, and waits for its answer. A process that dies meanwhile may be started again: then its new
 * life answers. OMEGA_EINVAL: it does not work now, or its answer says why it was not done;
 * CONTROL_GONE, and err says the same: it does not work any more, having been asked when it did;
 * OMEGA_EIO: no answer came. */
int control_ask(int directory_fd, const struct register_entry *whom, const char *address,
                const struct msg *request, struct msg *reply, omega_error_t *err);

struct listener;

/* Listens to what the processes of the cell tell: all of them, those that come later, too, or the
 * one of a number (0: all). Whoever listens too slowly misses some. */
int listener_open(int directory_fd, uint32_t number, struct listener **listener,
                  omega_error_t *err);
void listener_close(struct listener *listener); /* NULL is allowed */

/* The next event: 1; 0 if none came within so many milliseconds. *bytes is its text until the next
 * call. What is no event is left out. OMEGA_EIO. */
int listener_next(struct listener *listener, int wait_ms, struct msg_event *event,
                  const char **bytes, size_t *size, omega_error_t *err);

#endif
