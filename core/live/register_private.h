/* SPDX-License-Identifier: MIT */
/* Inside of the register: what its small files say. */
#ifndef OMEGA_CORE_LIVE_REGISTER_PRIVATE_H
#define OMEGA_CORE_LIVE_REGISTER_PRIVATE_H

#include "core/live/register.h"

#define REGISTER_TEXT_MAX 512u /* bytes of a file */

/* Takes name, module and pid from the text of a file `process-N`; false if it is none. */
bool register_parse_entry(const char *text, struct register_entry *entry);

/* Takes the highest id from the text of the file `jobs`, "" meaning 0; false if it holds none. */
bool register_parse_last(const char *text, uint64_t *last);

#endif
