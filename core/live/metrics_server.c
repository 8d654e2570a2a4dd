/* SPDX-License-Identifier: MIT */
/* The server of figures for Prometheus: see metrics_server.h. */
#include "core/live/metrics_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/monitor/prometheus.h"

#define CONNECTIONS 32u  /* at one time */
#define CONNECTION_S 10u /* an idle one is closed */
#define SLICE_MS 100     /* how soon a request to stop is seen */
#define HOST_BYTES 64
#define BACKLOG 16
#define RESTART_MS 500 /* before one that has ended is followed by another */

struct server {
    char path[PATH_MAX];          /* of the cell; "": there is none */
    struct status_source *source; /* NULL: it is not open */
    struct status status;
};

/* ---- addresses ---- */

static int bad_address(const char *address, omega_error_t *err)
{
    return omega_error_set(err, OMEGA_EINVAL,
                           "'%.60s' is no address, expected :PORT, HOST:PORT or [HOST]:PORT with a "
                           "numeric host or localhost",
                           address);
}

/* Splits HOST:PORT. */
static bool split(const char *address, char host[HOST_BYTES], const char **port)
{
    const char *colon = strrchr(address, ':');
    size_t length = colon == NULL ? 0 : (size_t)(colon - address);
    if (colon == NULL || length >= HOST_BYTES) {
        return false;
    }
    *port = colon + 1;
    size_t digits = strspn(*port, "0123456789");
    if (digits == 0 || digits > 5 || (*port)[digits] != '\0' || strtol(*port, NULL, 10) > 65535) {
        return false;
    }
    bool bracketed = length >= 2 && address[0] == '[' && address[length - 1] == ']';
    if (bracketed) {
        address++;
        length -= 2;
    }
    memcpy(host, address, length);
    host[length] = '\0';
    if (bracketed != (strchr(host, ':') != NULL)) {
        return false;
    }
    if (length == 0 || strcmp(host, "localhost") == 0) {
        snprintf(host, HOST_BYTES, "127.0.0.1");
        return !bracketed;
    }
    return true;
}

static void tell_url(int fd, char url[METRICS_URL_BYTES])
{
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    char host[HOST_BYTES] = "?";
    char port[8] = "?";
    if (url == NULL) {
        return;
    }
    if (getsockname(fd, (struct sockaddr *)&bound, &size) == 0) {
        getnameinfo((struct sockaddr *)&bound, size, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV);
    }
    snprintf(url, METRICS_URL_BYTES,
             strchr(host, ':') != NULL ? "http://[%s]:%s/metrics" : "http://%s:%s/metrics", host,
             port);
}

int metrics_listen(const char *address, int *fd, char url[METRICS_URL_BYTES], omega_error_t *err)
{
    char host[HOST_BYTES];
    const char *port = NULL;
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
        .ai_socktype = SOCK_STREAM,
    };
    *fd = -1;
    if (!split(address, host, &port) || getaddrinfo(host, port, &hints, &found) != 0) {
        return bad_address(address, err);
    }
    int on = 1;
    int made = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int rc = OMEGA_OK;
    if (made < 0 || setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(made, found->ai_addr, found->ai_addrlen) != 0 || listen(made, BACKLOG) != 0) {
        rc = omega_error_set_errno(err, address, "cannot serve figures at this address");
        if (made >= 0) {
            close(made);
        }
    } else {
        *fd = made;
        tell_url(made, url);
    }
    freeaddrinfo(found);
    return rc;
}

/* ---- answers ---- */

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned code, const char *type,
                              char *text, size_t size, enum MHD_ResponseMemoryMode mode)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(size, text, mode);
    if (response == NULL) {
        if (mode == MHD_RESPMEM_MUST_FREE) {
            free(text);
        }
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    if (code == MHD_HTTP_METHOD_NOT_ALLOWED) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    }
    enum MHD_Result sent = MHD_queue_response(connection, code, response);
    MHD_destroy_response(response);
    return sent;
}

static enum MHD_Result say(struct MHD_Connection *connection, unsigned code, const char *text)
{
    return answer(connection, code, "text/plain; charset=utf-8", (char *)(uintptr_t)text,
                  strlen(text), MHD_RESPMEM_MUST_COPY);
}

/* One look at the cell. */
static enum MHD_Result send_figures(struct server *server, struct MHD_Connection *connection)
{
    omega_error_t err = {0};
    char *text = NULL;
    size_t size = 0;
    if (server->path[0] == '\0') {
        return say(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "no live point runs at the moment\n");
    }
    if ((server->source == NULL && status_open(server->path, &server->source, &err) != OMEGA_OK) ||
        status_take(server->source, &server->status, &err) != OMEGA_OK) {
        char reason[sizeof err.source + sizeof err.text + 32];
        omega_error_format(&err, reason, sizeof reason);
        return say(connection, MHD_HTTP_SERVICE_UNAVAILABLE, reason);
    }
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        return MHD_NO;
    }
    prometheus_write(&server->status, out);
    if (fclose(out) != 0) {
        free(text);
        return MHD_NO;
    }
    return answer(connection, MHD_HTTP_OK, PROMETHEUS_TYPE, text, size, MHD_RESPMEM_MUST_FREE);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **request)
{
    static int seen;
    (void)version;
    (void)upload;
    if (*request == NULL) { /* the head has come; what follows is the request as a whole */
        *request = &seen;
        return MHD_YES;
    }
    if (*upload_size > 0) {
        *upload_size = 0; /* whatever it sends is not looked at */
        return MHD_YES;
    }
    if (strcmp(url, "/metrics") != 0) {
        return say(connection, MHD_HTTP_NOT_FOUND, "not here, expected /metrics\n");
    }
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        return say(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "expected GET or HEAD\n");
    }
    return send_figures(context, connection);
}

/* ---- serving ---- */

/* No thread: a store is used by the one that opened it. */
static int start(struct server *server, int fd, struct MHD_Daemon **daemon, omega_error_t *err)
{
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 3); /* the daemon closes its own */
    *daemon = own < 0 ? NULL
                      : MHD_start_daemon(MHD_NO_FLAG, 0, NULL, NULL, on_request, server,
                                         MHD_OPTION_LISTEN_SOCKET, own, MHD_OPTION_CONNECTION_LIMIT,
                                         CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, CONNECTION_S,
                                         MHD_OPTION_END);
    if (*daemon == NULL && own >= 0) {
        close(own);
    }
    return *daemon == NULL ? omega_error_set(err, OMEGA_EIO, "cannot start the server of figures")
                           : OMEGA_OK;
}

/* Answers for a little while. */
static int run(struct MHD_Daemon *daemon, omega_error_t *err)
{
    return MHD_run_wait(daemon, SLICE_MS) != MHD_YES && errno != EINTR
               ? omega_error_set_errno(err, NULL, "the server of figures has failed")
               : OMEGA_OK;
}

static void close_cell(struct server *server)
{
    status_fini(&server->status);
    status_close(server->source);
    server->source = NULL;
    server->path[0] = '\0';
}

int metrics_serve(const char *path, int fd, const volatile sig_atomic_t *stop, omega_error_t *err)
{
    struct server server = {.source = NULL};
    struct MHD_Daemon *daemon = NULL;
    int rc = status_open(path, &server.source, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    snprintf(server.path, sizeof server.path, "%s", path);
    rc = start(&server, fd, &daemon, err);
    while (rc == OMEGA_OK && *stop == 0) {
        rc = run(daemon, err);
    }
    if (daemon != NULL) {
        MHD_stop_daemon(daemon);
    }
    close_cell(&server);
    return rc;
}

/* ---- cells that come and go ---- */

/* What is told of a cell, as one packet. */
struct news {
    char there; /* 1, or 0: it is about to go */
    char path[PATH_MAX];
};

/* Takes what has been told; false when nobody is there any more who could tell. */
static bool take_news(struct server *server, int cells)
{
    struct news news;
    ssize_t got;
    while ((got = recv(cells, &news, sizeof news, MSG_DONTWAIT)) > 1) {
        news.path[(size_t)got - 2] = '\0'; /* where it ends, if it is sound */
        if (news.there == 1) {
            close_cell(server);
            snprintf(server->path, sizeof server->path, "%s", news.path);
        } else if (strcmp(server->path, news.path) == 0) {
            close_cell(server);
        }
    }
    return got < 0 && (errno == EAGAIN || errno == EINTR);
}

/* Serves until nobody is there any more who could tell of a cell; an error otherwise. */
static int serve_cells(struct server *server, int fd, int cells)
{
    struct MHD_Daemon *daemon = NULL;
    int rc = start(server, fd, &daemon, NULL);
    while (rc == OMEGA_OK && take_news(server, cells)) {
        rc = run(daemon, NULL);
    }
    return rc;
}

/* A process that ends with the one that starts it: 0 in the new one, -1 if there is none. */
static pid_t fork_bound(void)
{
    pid_t original = getpid();
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != original) {
            _exit(EXIT_SUCCESS);
        }
    }
    return child;
}

/* Keeps a process that serves, and shares with it what that one was told last. */
static void guard(int fd, int cells, void (*tell)(const char *text))
{
    const struct timespec pause = {.tv_nsec = RESTART_MS * 1000000L};
    struct server *server =
        mmap(NULL, sizeof *server, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status = server == MAP_FAILED ? 0 : -1;
    signal(SIGINT, SIG_IGN); /* the one that started it ends it */
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    while (status != 0) {
        pid_t child = fork_bound();
        if (child == 0) {
            server->source = NULL; /* the other one's */
            server->status = (struct status){.queues = NULL};
            _exit(serve_cells(server, fd, cells) == OMEGA_OK ? EXIT_SUCCESS : EXIT_FAILURE);
        }
        while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
        }
        if (status != 0) {
            tell("the process that serves figures has ended; it starts again");
            nanosleep(&pause, NULL);
        }
    }
}

int metrics_server_start(int fd, void (*tell)(const char *text), struct metrics_server *server,
                         omega_error_t *err)
{
    int pair[2];
    *server = (struct metrics_server){.process = 0};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return omega_error_set_errno(err, NULL, "cannot start the server of figures");
    }
    pid_t child = fork_bound();
    if (child == 0) {
        close(pair[1]);
        guard(fd, pair[0], tell);
        _exit(EXIT_SUCCESS); /* it has nothing to put in order */
    }
    close(pair[0]);
    if (child < 0) {
        close(pair[1]);
        return omega_error_set_errno(err, NULL, "cannot start the server of figures");
    }
    *server = (struct metrics_server){.process = child, .cells = pair[1]};
    return OMEGA_OK;
}

void metrics_server_stop(struct metrics_server *server)
{
    if (server->process > 0) {
        close(server->cells);
        kill(server->process, SIGKILL);
        waitpid(server->process, NULL, 0);
    }
}

void metrics_tell(int cells, const char *directory, bool there)
{
    struct news news = {.there = there};
    size_t length = strlen(directory);
    if (cells > 0 && length < sizeof news.path) {
        memcpy(news.path, directory, length + 1);
        send(cells, &news, length + 2, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
}
