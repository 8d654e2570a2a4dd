/* SPDX-License-Identifier: MIT */
/* How a process of a standing cell tells of itself: on stderr, one message a line. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/cli/cell_private.h"
#include "core/cli/standing_private.h"
#include "core/experiment/messages.h"

static void say_started(void *context, const struct register_entry *entry)
{
    fputs("omega: ", stderr);
    message_write(context, stderr);
    if (entry->number == REGISTER_EXECUTOR) {
        fprintf(stderr, ": executor: works (process %" PRId32 ")\n", entry->pid);
    } else {
        fprintf(stderr,
                ": scheduler %s: works as instance %" PRIu32 " (module %s, process %" PRId32 ")\n",
                entry->name, entry->number - REGISTER_SCHEDULERS, entry->module, entry->pid);
    }
}

static void say_message(void *context, const char *scheduler, enum omega_log_level level,
                        const char *message)
{
    static const char *const names[] = {
        [OMEGA_LOG_WARNING] = "warning",
        [OMEGA_LOG_ERROR] = "error",
    };
    (void)context;
    if (level <= OMEGA_LOG_WARNING) {
        fprintf(stderr, "omega: %s: %s: ", scheduler, names[level]);
        message_write(message, stderr);
        fputc('\n', stderr);
    }
}

void standing_tell(struct standing_options *options, const char *directory)
{
    options->directory = directory;
    options->started = say_started;
    options->log = say_message;
    options->blocked = cell_say_blocked;
    options->context = (void *)(uintptr_t)directory;
}

bool standing_is_address(const char *text)
{
    return text == NULL || (strncmp(text, "tcp://", 6) == 0 && text[6] != '\0');
}
