/* SPDX-License-Identifier: MIT */
/*
 * Messages for people: one message is one line, whatever bytes it is made of, and one that comes
 * again and again is said once, with a count.
 */
#ifndef OMEGA_CORE_EXPERIMENT_MESSAGES_H
#define OMEGA_CORE_EXPERIMENT_MESSAGES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define MESSAGE_BYTES_MAX 1024 /* longer ones are compared as far as this */

/* The last message, all zero: none. */
struct messages {
    char scheduler[80];
    char text[MESSAGE_BYTES_MAX];
    int level;
    bool any;
    uint64_t repeated;
};

/* Writes text with its control characters as \n, \t and \x1b. */
void message_write(const char *text, FILE *out);

/* Whether a message differs from the last one; counts it where it does not. */
bool messages_differs(struct messages *messages, const char *scheduler, int level,
                      const char *text);

/* Writes "scheduler: level: text" and keeps it as the last message. */
void messages_put(struct messages *messages, const char *scheduler, int level, const char *name,
                  const char *text, FILE *out);

/* Says how often the last message was repeated, if it was, and forgets it. */
void messages_end(struct messages *messages, FILE *out);

#endif
