/* SPDX-License-Identifier: MIT */
/* Messages between the processes of one test. See wire.h. */
#include "tests/support/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

void wire_clear(struct wire *wire)
{
    wire->size = 0;
    wire->at = 0;
}

void wire_free(struct wire *wire)
{
    free(wire->bytes);
    *wire = (struct wire){0};
}

static void grow(struct wire *wire, size_t size)
{
    if (size > wire->room) {
        wire->room = size * 2;
        wire->bytes = realloc(wire->bytes, wire->room);
        if (wire->bytes == NULL) {
            abort();
        }
    }
}

void wire_put(struct wire *wire, const void *bytes, size_t size)
{
    if (size > 0) {
        grow(wire, wire->size + size);
        memcpy(wire->bytes + wire->size, bytes, size);
        wire->size += size;
    }
}

void wire_put_text(struct wire *wire, const char *text)
{
    wire_put(wire, text, strlen(text) + 1);
}

void wire_get(struct wire *wire, void *bytes, size_t size)
{
    if (size > wire->size - wire->at) {
        abort();
    }
    if (size > 0) {
        memcpy(bytes, wire->bytes + wire->at, size);
        wire->at += size;
    }
}

const char *wire_get_text(struct wire *wire)
{
    const char *text = (const char *)wire->bytes + wire->at;
    size_t left = wire->size - wire->at;
    size_t length = strnlen(text, left);
    if (length == left) {
        abort();
    }
    wire->at += length + 1;
    return text;
}

static bool send_all(int socket, const void *bytes, size_t size)
{
    const uint8_t *from = bytes;
    while (size > 0) {
        ssize_t sent = send(socket, from, size, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR) {
            return false;
        }
        if (sent > 0) {
            from += sent;
            size -= (size_t)sent;
        }
    }
    return true;
}

static bool receive_all(int socket, void *bytes, size_t size)
{
    uint8_t *to = bytes;
    while (size > 0) {
        ssize_t got = recv(socket, to, size, 0);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            return false;
        }
        if (got > 0) {
            to += got;
            size -= (size_t)got;
        }
    }
    return true;
}

bool wire_send(int socket, const struct wire *wire)
{
    uint64_t size = wire->size;
    return send_all(socket, &size, sizeof(size)) && send_all(socket, wire->bytes, wire->size);
}

bool wire_receive(int socket, struct wire *wire)
{
    uint64_t size = 0;
    wire_clear(wire);
    if (!receive_all(socket, &size, sizeof(size))) {
        return false;
    }
    grow(wire, (size_t)size);
    wire->size = (size_t)size;
    return receive_all(socket, wire->bytes, wire->size);
}
