/* SPDX-License-Identifier: MIT */
/* What the commands that work on a standing cell share: options, and telling what happens. */
#ifndef OMEGA_CORE_CLI_STANDING_PRIVATE_H
#define OMEGA_CORE_CLI_STANDING_PRIVATE_H

#include "core/cli/command.h"
#include "core/live/standing.h"

/* Fills in how a process of a standing cell tells of itself, on stderr. `context` of the calls is
 * `directory`. */
void standing_tell(struct standing_options *options, const char *directory);

/* True for what --listen takes, and for NULL. */
bool standing_is_address(const char *text);

#endif
