/* SPDX-License-Identifier: MIT */
/* The other side of a standing cell's endpoints. */
#include "core/live/control.h"

#include <inttypes.h>
#include <stdlib.h>

#include "core/live/endpoint.h"
#include "core/live/live_private.h"

#define LOOK_NS 500000000
#define LIVES_MS 200 /* how long one waits until one looks whether who is asked still lives */

/* ---- asking ---- */

static int not_working(const struct register_entry *whom, omega_error_t *err)
{
    return omega_error_set(err, OMEGA_EINVAL,
                           "'%s' does not work now (its last process was %" PRId32 ")", whom->name,
                           whom->pid);
}

/* Waits for an answer, from a process (NULL: one of which only the address is known) as long as it
 * lives. Returns 1, 0 if none has come, or an error. */
static int receive(struct endpoint *endpoint, int directory_fd, const struct register_entry *whom,
                   char **answer, size_t *size, omega_error_t *err)
{
    int rc = 0;
    for (int ms = 0; rc == 0 && ms < CONTROL_WAIT_MS; ms += LIVES_MS) {
        rc = endpoint_receive(endpoint, LIVES_MS, answer, size, err);
        if (rc == 0 && whom != NULL && !register_lives(directory_fd, whom->number)) {
            return not_working(whom, err);
        }
    }
    return rc;
}

static int exchange(struct endpoint *endpoint, int directory_fd, const struct register_entry *whom,
                    const char *name, const struct msg *request, struct msg *reply,
                    omega_error_t *err)
{
    const bool plans = whom != NULL && whom->number >= REGISTER_SCHEDULERS;
    char *bytes = NULL;
    char *answer = NULL;
    size_t size = 0;
    int rc = msg_write(request, &bytes, &size, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    bool sent = endpoint_send(endpoint, bytes, size, CONTROL_WAIT_MS);
    free(bytes);
    rc = sent ? receive(endpoint, directory_fd, whom, &answer, &size, err) : 0;
    if (rc < 0) {
        return rc;
    }
    if (rc == 0) {
        return omega_error_set(err, OMEGA_EIO,
                               "'%s' has not answered for %d s: it is %s, or stopped", name,
                               CONTROL_WAIT_MS / 1000, plans ? "still planning" : "busy");
    }
    rc = msg_read(answer, size, 1u << MSG_REPLY, reply, err);
    endpoint_free(answer);
    return rc == OMEGA_OK && !reply->ok ? omega_error_set(err, OMEGA_EINVAL, "%s", reply->error)
                                        : rc;
}

int control_ask(int directory_fd, const struct register_entry *whom, const char *address,
                const struct msg *request, struct msg *reply, omega_error_t *err)
{
    struct endpoint *endpoint = NULL;
    if (address == NULL && !whom->lives) {
        return not_working(whom, err);
    }
    int rc = endpoint_open(ENDPOINT_CONTROL, &endpoint, err);
    if (rc == OMEGA_OK) {
        rc = address != NULL ? endpoint_connect_to(endpoint, address, err)
                             : endpoint_connect(endpoint, directory_fd, whom->number, err);
    }
    if (rc == OMEGA_OK) {
        rc = address != NULL
                 ? exchange(endpoint, -1, NULL, address, request, reply, err)
                 : exchange(endpoint, directory_fd, whom, whom->name, request, reply, err);
    }
    endpoint_close(endpoint);
    return rc;
}

/* ---- listening ---- */

struct listener {
    struct endpoint *endpoint;
    int directory_fd;
    bool connected[REGISTER_NUMBERS];
    uint32_t only;     /* 0: all */
    int64_t looked_ns; /* for new processes */
    char *bytes;       /* the last message */
};

/* Connects to processes that are new, but looks for them only every LOOK_NS, not at each event. One
 * whose file cannot be read is none, or not yet. */
static int connect_all(struct listener *listener, omega_error_t *err)
{
    struct register_entry entry;
    int64_t now_ns = live_clock_ns();
    int rc = OMEGA_OK;
    if (listener->looked_ns != 0 && now_ns - listener->looked_ns < LOOK_NS) {
        return OMEGA_OK;
    }
    listener->looked_ns = now_ns;
    for (uint32_t n = REGISTER_EXECUTOR; rc >= 0 && n < REGISTER_NUMBERS; n++) {
        if (listener->connected[n] || (listener->only != 0 && listener->only != n)) {
            continue;
        }
        if (register_read(listener->directory_fd, n, &entry, NULL) == OMEGA_OK) {
            listener->connected[n] = true;
            rc = endpoint_connect(listener->endpoint, listener->directory_fd, n, err);
        }
    }
    return rc;
}

int listener_open(int directory_fd, uint32_t number, struct listener **out, omega_error_t *err)
{
    struct listener *listener = calloc(1, sizeof *listener);
    *out = NULL;
    if (listener == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory to listen");
    }
    listener->directory_fd = directory_fd;
    listener->only = number;
    int rc = endpoint_open(ENDPOINT_EVENTS, &listener->endpoint, err);
    rc = rc == OMEGA_OK ? connect_all(listener, err) : rc;
    if (rc != OMEGA_OK) {
        listener_close(listener);
        return rc;
    }
    *out = listener;
    return OMEGA_OK;
}

void listener_close(struct listener *listener)
{
    if (listener != NULL) {
        endpoint_free(listener->bytes);
        endpoint_close(listener->endpoint);
        free(listener);
    }
}

int listener_next(struct listener *listener, int wait_ms, struct msg_event *event,
                  const char **bytes, size_t *size, omega_error_t *err)
{
    struct msg msg;
    int rc = connect_all(listener, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    do {
        endpoint_free(listener->bytes);
        rc = endpoint_receive(listener->endpoint, wait_ms, &listener->bytes, size, err);
    } while (rc == 1 && msg_read(listener->bytes, *size, 1u << MSG_EVENT, &msg, NULL) != OMEGA_OK);
    if (rc == 1) {
        *event = msg.event;
        *bytes = listener->bytes;
    }
    return rc;
}
