/* SPDX-License-Identifier: MIT */
/*
 * Endpoints over nanomsg. The path of an ipc file goes by the open directory, so that it is short
 * enough for a socket's address wherever the cell lies. A message larger than RECEIVE_MAX ends its
 * connection; those between that and what core/messages takes can still be answered.
 */
#include "core/live/endpoint.h"

#include <errno.h>
#include <nanomsg/nn.h>
#include <nanomsg/pipeline.h>
#include <nanomsg/pubsub.h>
#include <nanomsg/reqrep.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ADDRESS_BYTES 64
#define RECEIVE_MAX (1 << 20)

struct endpoint {
    enum endpoint_kind kind;
    int socket;
    int fd;
};

static const struct {
    const char *name;
    int server;
    int client;
} kinds[] = {
    [ENDPOINT_SUBMIT] = {"submit", NN_PULL, NN_PUSH},
    [ENDPOINT_CONTROL] = {"control", NN_REP, NN_REQ},
    [ENDPOINT_EVENTS] = {"events", NN_PUB, NN_SUB},
    [ENDPOINT_WAKE] = {"wake", NN_PULL, NN_PUSH},
};

static int failed(const char *what, omega_error_t *err)
{
    return omega_error_set(err, OMEGA_EIO, "cannot %s: %s", what, nn_strerror(nn_errno()));
}

static void address_of(int directory_fd, enum endpoint_kind kind, uint32_t number,
                       char out[ADDRESS_BYTES])
{
    snprintf(out, ADDRESS_BYTES, "ipc:///proc/self/fd/%d/%s-%u", directory_fd, kinds[kind].name,
             number);
}

static int make(enum endpoint_kind kind, int protocol, struct endpoint **out, omega_error_t *err)
{
    int most = RECEIVE_MAX;
    size_t size = sizeof(int);
    bool receives = protocol != NN_PUB && protocol != NN_PUSH;
    struct endpoint *endpoint = calloc(1, sizeof *endpoint);
    *out = NULL;
    if (endpoint == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for messages");
    }
    endpoint->kind = kind;
    endpoint->fd = -1;
    endpoint->socket = nn_socket(AF_SP, protocol);
    if (endpoint->socket < 0 ||
        nn_setsockopt(endpoint->socket, NN_SOL_SOCKET, NN_RCVMAXSIZE, &most, sizeof most) != 0 ||
        (receives &&
         nn_getsockopt(endpoint->socket, NN_SOL_SOCKET, NN_RCVFD, &endpoint->fd, &size) != 0) ||
        (protocol == NN_SUB &&
         nn_setsockopt(endpoint->socket, NN_SUB, NN_SUB_SUBSCRIBE, "", 0) != 0)) {
        int rc = failed("make a socket for messages", err);
        endpoint_close(endpoint);
        return rc;
    }
    *out = endpoint;
    return OMEGA_OK;
}

/* The mode of the file is that of the umask, which all threads share. */
int endpoint_bind_private(int socket, const char *address)
{
    static pthread_mutex_t masking = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&masking);
    mode_t before = umask(S_IRWXG | S_IRWXO | S_IXUSR);
    int bound = nn_bind(socket, address);
    umask(before);
    pthread_mutex_unlock(&masking);
    return bound;
}

int endpoint_serve(int directory_fd, enum endpoint_kind kind, uint32_t number,
                   struct endpoint **out, omega_error_t *err)
{
    char address[ADDRESS_BYTES];
    int rc = make(kind, kinds[kind].server, out, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    address_of(directory_fd, kind, number, address);
    if (endpoint_bind_private((*out)->socket, address) < 0) {
        rc = failed("serve messages in the cell's directory", err);
        endpoint_close(*out);
        *out = NULL;
    }
    return rc;
}

void endpoint_unlink(int directory_fd, enum endpoint_kind kind, uint32_t number)
{
    char name[32];
    snprintf(name, sizeof name, "%s-%u", kinds[kind].name, number);
    unlinkat(directory_fd, name, 0);
}

int endpoint_listen(struct endpoint *endpoint, const char *address, omega_error_t *err)
{
    return nn_bind(endpoint->socket, address) < 0
               ? omega_error_set(err, OMEGA_EIO, "cannot listen at '%.80s': %s", address,
                                 nn_strerror(nn_errno()))
               : OMEGA_OK;
}

int endpoint_open(enum endpoint_kind kind, struct endpoint **endpoint, omega_error_t *err)
{
    return make(kind, kinds[kind].client, endpoint, err);
}

int endpoint_connect_to(struct endpoint *endpoint, const char *address, omega_error_t *err)
{
    return nn_connect(endpoint->socket, address) < 0
               ? omega_error_set(err, OMEGA_EIO, "cannot connect to '%.80s': %s", address,
                                 nn_strerror(nn_errno()))
               : OMEGA_OK;
}

int endpoint_connect(struct endpoint *endpoint, int directory_fd, uint32_t number,
                     omega_error_t *err)
{
    char address[ADDRESS_BYTES];
    address_of(directory_fd, endpoint->kind, number, address);
    return endpoint_connect_to(endpoint, address, err);
}

void endpoint_close(struct endpoint *endpoint)
{
    if (endpoint != NULL) {
        if (endpoint->socket >= 0) {
            nn_close(endpoint->socket);
        }
        free(endpoint);
    }
}

int endpoint_fd(const struct endpoint *endpoint)
{
    return endpoint->fd;
}

int endpoint_receive(struct endpoint *endpoint, int wait_ms, char **bytes, size_t *size,
                     omega_error_t *err)
{
    if (wait_ms != 0) {
        nn_setsockopt(endpoint->socket, NN_SOL_SOCKET, NN_RCVTIMEO, &wait_ms, sizeof wait_ms);
    }
    int got = nn_recv(endpoint->socket, bytes, NN_MSG, wait_ms == 0 ? NN_DONTWAIT : 0);
    if (got >= 0) {
        *size = (size_t)got;
        return 1;
    }
    *bytes = NULL;
    *size = 0;
    int cause = nn_errno();
    return cause == EAGAIN || cause == ETIMEDOUT || cause == EINTR || cause == EFSM
               ? 0
               : failed("receive messages", err);
}

void endpoint_free(char *bytes)
{
    if (bytes != NULL) {
        nn_freemsg(bytes);
    }
}

bool endpoint_send(struct endpoint *endpoint, const char *bytes, size_t size, int wait_ms)
{
    if (wait_ms != 0) {
        nn_setsockopt(endpoint->socket, NN_SOL_SOCKET, NN_SNDTIMEO, &wait_ms, sizeof wait_ms);
    }
    return nn_send(endpoint->socket, bytes, size, wait_ms == 0 ? NN_DONTWAIT : 0) >= 0;
}

bool endpoint_wake(struct endpoint *endpoint, uint32_t from, int wait_ms)
{
    char message[64];
    int size = snprintf(message, sizeof message, "{\"version\":1,\"wake\":%u}", from);
    return size > 0 && endpoint_send(endpoint, message, (size_t)size, wait_ms);
}

bool endpoint_has_peers(const struct endpoint *endpoint)
{
    uint64_t peers = nn_get_statistic(endpoint->socket, NN_STAT_CURRENT_CONNECTIONS);
    return peers != (uint64_t)-1 && peers > 0;
}
