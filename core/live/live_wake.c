/* SPDX-License-Identifier: MIT */
/*
 * Wake-ups over nanomsg: a process has one socket that others push to, an ipc file in the cell's
 * directory. A message is a hint that there is something to do for the one who gets it, and nothing
 * else: what there is to do stands in the cell. So one that is lost costs a little time, and one
 * that is wrong a look at the cell.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/live/endpoint.h"
#include "core/live/live_private.h"

#define PEERS_MAX (LIVE_INSTANCES_MAX + LIVE_SCHEDULERS)
#define NAME "wake-"

struct live_wake {
    int directory_fd;
    uint32_t number;
    struct endpoint *own;              /* hints come here */
    struct endpoint *peers[PEERS_MAX]; /* NULL: none */
};

int live_wake_open(int directory_fd, uint32_t number, struct live_wake **out, omega_error_t *err)
{
    struct live_wake *wake = calloc(1, sizeof *wake);
    *out = NULL;
    if (wake == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for wake-ups");
    }
    wake->directory_fd = directory_fd;
    wake->number = number;
    int rc = endpoint_serve(directory_fd, ENDPOINT_WAKE, number, &wake->own, err);
    if (rc != OMEGA_OK) {
        live_wake_close(wake);
        return rc;
    }
    *out = wake;
    return OMEGA_OK;
}

int live_wake_peer(struct live_wake *wake, uint32_t number, omega_error_t *err)
{
    int rc = endpoint_open(ENDPOINT_WAKE, &wake->peers[number], err);
    return rc == OMEGA_OK ? endpoint_connect(wake->peers[number], wake->directory_fd, number, err)
                          : rc;
}

void live_wake_close(struct live_wake *wake)
{
    if (wake == NULL) {
        return;
    }
    for (uint32_t i = 0; i < PEERS_MAX; i++) {
        endpoint_close(wake->peers[i]);
    }
    endpoint_close(wake->own);
    free(wake);
}

bool live_wake_send(struct live_wake *wake, uint32_t number)
{
    return wake->peers[number] != NULL && endpoint_wake(wake->peers[number], wake->number, 0);
}

int live_wake_fd(const struct live_wake *wake)
{
    return endpoint_fd(wake->own);
}

void live_wake_take(struct live_wake *wake)
{
    char *bytes = NULL;
    size_t size = 0;
    while (endpoint_receive(wake->own, 0, &bytes, &size, NULL) == 1) {
        endpoint_free(bytes); /* whatever it says, all it can mean is: look */
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
