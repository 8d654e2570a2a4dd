/* SPDX-License-Identifier: MIT */
/*
 * Messages between the processes of one test over a socket: plain bytes behind a length, put and
 * got in the same order. Both ends are forks of one program, so structs travel as they are.
 */
#ifndef OMEGA_TESTS_SUPPORT_WIRE_H
#define OMEGA_TESTS_SUPPORT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire {
    uint8_t *bytes;
    size_t size;
    size_t room;
    size_t at; /* got so far */
};

/* Empties the message. All {0}: an empty one. */
void wire_clear(struct wire *wire);
void wire_free(struct wire *wire);

/* Appends bytes. */
void wire_put(struct wire *wire, const void *bytes, size_t size);
/* Appends a text with its end. */
void wire_put_text(struct wire *wire, const char *text);

/* Copies the next bytes out; aborts where there are not as many. */
void wire_get(struct wire *wire, void *bytes, size_t size);
/* The next text, within the message. */
const char *wire_get_text(struct wire *wire);

/* Puts and gets a variable. */
#define WIRE_PUT(wire, variable) wire_put(wire, &(variable), sizeof(variable))
#define WIRE_GET(wire, variable) wire_get(wire, &(variable), sizeof(variable))

/* Sends the message; false if nobody reads any more. */
bool wire_send(int socket, const struct wire *wire);
/* Waits for the next one; false at the end: the other side is gone. */
bool wire_receive(int socket, struct wire *wire);

#endif
