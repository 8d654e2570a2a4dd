/* SPDX-License-Identifier: MIT */
/*
 * Wake-ups over nanomsg: a process has one socket that others push to, an ipc file in the cell's
 * directory. A message is a hint that there is something to do for the one who gets it, and nothing
 * else: what there is to do stands in the cell. So one that is lost costs a little time, and one
 * that is wrong a look at the cell. The path goes by the open directory, so that it is short
 * enough for a socket's address wherever the cell lies.
 */
#include <nanomsg/nn.h>
#include <nanomsg/pipeline.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/driver/endpoint.h"
#include "core/driver/live_private.h"

#define PEERS_MAX (LIVE_INSTANCES_MAX + LIVE_SCHEDULERS)
#define ADDRESS_BYTES 64
#define NAME "wake-"
#define MESSAGE_BYTES 64

struct live_wake {
    int directory_fd;
    int socket; /* hints come here */
    int fd;     /* readable when one has come */
    uint32_t number;
    int peers[PEERS_MAX]; /* -1: none */
};

static int failed(omega_error_t *err, const char *what)
{
    return omega_error_set(err, OMEGA_EIO, "cannot %s wake-ups: %s", what, nn_strerror(nn_errno()));
}

static void address_of(int directory_fd, uint32_t number, char out[ADDRESS_BYTES])
{
    snprintf(out, ADDRESS_BYTES, "ipc:///proc/self/fd/%d/" NAME "%u", directory_fd, number);
}

int live_wake_open(int directory_fd, uint32_t number, struct live_wake **out, omega_error_t *err)
{
    char address[ADDRESS_BYTES];
    size_t size = sizeof(int);
    struct live_wake *wake = malloc(sizeof *wake);
    *out = NULL;
    if (wake == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for wake-ups");
    }
    wake->directory_fd = directory_fd;
    wake->number = number;
    memset(wake->peers, 0xff, sizeof wake->peers);
    wake->socket = nn_socket(AF_SP, NN_PULL);
    address_of(directory_fd, number, address);
    int bound = wake->socket < 0 ? -1 : endpoint_bind_private(wake->socket, address);
    if (bound < 0 || nn_getsockopt(wake->socket, NN_SOL_SOCKET, NN_RCVFD, &wake->fd, &size) != 0) {
        int rc = failed(err, "receive");
        live_wake_close(wake);
        return rc;
    }
    *out = wake;
    return OMEGA_OK;
}

int live_wake_peer(struct live_wake *wake, uint32_t number, omega_error_t *err)
{
    char address[ADDRESS_BYTES];
    int peer = nn_socket(AF_SP, NN_PUSH);
    address_of(wake->directory_fd, number, address);
    if (peer < 0 || nn_connect(peer, address) < 0) {
        int rc = failed(err, "send");
        if (peer >= 0) {
            nn_close(peer);
        }
        return rc;
    }
    wake->peers[number] = peer;
    return OMEGA_OK;
}

void live_wake_close(struct live_wake *wake)
{
    if (wake == NULL) {
        return;
    }
    for (uint32_t i = 0; i < PEERS_MAX; i++) {
        if (wake->peers[i] >= 0) {
            nn_close(wake->peers[i]);
        }
    }
    if (wake->socket >= 0) {
        nn_close(wake->socket);
    }
    free(wake);
}

void live_wake_send(struct live_wake *wake, uint32_t number)
{
    char message[MESSAGE_BYTES];
    int size = snprintf(message, sizeof message, "{\"version\":1,\"wake\":%u}", wake->number);
    if (wake->peers[number] >= 0 && size > 0) {
        nn_send(wake->peers[number], message, (size_t)size, NN_DONTWAIT);
    }
}

int live_wake_fd(const struct live_wake *wake)
{
    return wake->fd;
}

void live_wake_take(struct live_wake *wake)
{
    char message[MESSAGE_BYTES];
    while (nn_recv(wake->socket, message, sizeof message, NN_DONTWAIT) >= 0) {
        /* whatever it says, all it can mean is: look */
    }
}

/* Async-signal-safe: a process that is about to end removes its cell. */
void live_wake_unlink(int directory_fd)
{
    page_unlink_all(directory_fd, PEERS_MAX);
    for (uint32_t number = 0; number < PEERS_MAX; number++) {
        char name[] = NAME "000";
        char *at = name + sizeof NAME - 1;
        if (number >= 100) {
            *at++ = (char)('0' + number / 100);
        }
        if (number >= 10) {
            *at++ = (char)('0' + number / 10 % 10);
        }
        *at++ = (char)('0' + number % 10);
        *at = '\0';
        unlinkat(directory_fd, name, 0);
    }
}
