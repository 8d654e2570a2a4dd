/* SPDX-License-Identifier: MIT */
/* The other side of a standing cell's endpoints. */
#include "core/live/control.h"

#include <inttypes.h>
#include <stdlib.h>

#include "core/live/endpoint.h"
#include "core/live/live_private.h"

#define LOOK_NS 500000000 /* how often a listener looks for new processes */

/* So often whoever waits for an answer looks whether who is asked still lives, and so long it may
 * not have done so: longer than its guard pauses before it starts it again, whose new life answers.
 */
#define LIVES_MS 200
#define GONE_MS 2000

/* ---- asking ---- */

/* One conversation. */
struct asking {
    struct endpoint *endpoint;
    int directory_fd;
    const struct register_entry *whom; /* NULL: a process of which only the address is known */
    const char *name;                  /* for people */
};

static int not_working(const struct register_entry *whom, omega_error_t *err)
{
    return omega_error_set(err, OMEGA_EINVAL,
                           "'%s' does not work now (its last process was %" PRId32 ")", whom->name,
                           whom->pid);
}

static int not_answered(const struct asking *asking, omega_error_t *err)
{
    const bool plans = asking->whom != NULL && asking->whom->number >= REGISTER_SCHEDULERS;
    return omega_error_set(err, OMEGA_EIO, "'%s' has not answered for %d s: it is %s, or stopped",
                           asking->name, CONTROL_WAIT_MS / 1000, plans ? "still planning" : "busy");
}

/* Waits for an answer. Returns 0 or an error; CONTROL_GONE, and err says it, if nobody has lived
 * there that could give one. */
static int receive(const struct asking *asking, char **answer, size_t *size, omega_error_t *err)
{
    int gone_ms = 0; /* for so long */
    for (int ms = 0; ms < CONTROL_WAIT_MS; ms += LIVES_MS) {
        int rc = endpoint_receive(asking->endpoint, LIVES_MS, answer, size, err);
        if (rc != 0) {
            return rc < 0 ? rc : OMEGA_OK;
        }
        bool lives =
            asking->whom == NULL || register_lives(asking->directory_fd, asking->whom->number);
        gone_ms = lives ? 0 : gone_ms + LIVES_MS;
        if (gone_ms >= GONE_MS) {
            not_working(asking->whom, err);
            return CONTROL_GONE;
        }
    }
    return not_answered(asking, err);
}

static int exchange(const struct asking *asking, const struct msg *request, struct msg *reply,
                    omega_error_t *err)
{
    char *bytes = NULL;
    char *answer = NULL;
    size_t size = 0;
    int rc = msg_write(request, &bytes, &size, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    bool sent = endpoint_send(asking->endpoint, bytes, size, CONTROL_WAIT_MS);
    free(bytes);
    rc = sent ? receive(asking, &answer, &size, err) : not_answered(asking, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    rc = msg_read(answer, size, 1u << MSG_REPLY, reply, err);
    endpoint_free(answer);
    return rc == OMEGA_OK && !reply->ok ? omega_error_set(err, OMEGA_EINVAL, "%s", reply->error)
                                        : rc;
}

int control_ask(int directory_fd, const struct register_entry *whom, const char *address,
                const struct msg *request, struct msg *reply, omega_error_t *err)
{
    struct asking asking = {
        .directory_fd = directory_fd,
        .whom = address == NULL ? whom : NULL,
        .name = address == NULL ? whom->name : address,
    };
    if (address == NULL && !whom->lives) {
        return not_working(whom, err);
    }
    int rc = endpoint_open(ENDPOINT_CONTROL, &asking.endpoint, err);
    if (rc == OMEGA_OK) {
        rc = address != NULL ? endpoint_connect_to(asking.endpoint, address, err)
                             : endpoint_connect(asking.endpoint, directory_fd, whom->number, err);
    }
    rc = rc == OMEGA_OK ? exchange(&asking, request, reply, err) : rc;
    endpoint_close(asking.endpoint);
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
