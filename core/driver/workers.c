/* SPDX-License-Identifier: MIT */
/*
 * Tasks done by processes: see workers.h. A page that all share holds the number of the next task,
 * which workers count up themselves, so that none of them waits for this process between two tasks;
 * and what tells them to stop, so that no signal has to reach a worker at the right moment. Each
 * worker has a socket of its own to tell of its tasks; a worker that is gone shows there, too.
 */
#include "core/driver/workers.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a message begins with. */
enum {
    MESSAGE_BEGUN = 0, /* the number of the task follows */
    MESSAGE_TOLD = 1,
    MESSAGE_ENDED = 2,
};

/* What this process and its workers share. */
struct shared {
    _Atomic uint32_t next; /* task */
    volatile sig_atomic_t stop;
};

struct worker {
    int socket;
    const struct shared *shared;
};

struct slot {
    pid_t process; /* 0: none */
    int socket;
    bool busy;
    uint32_t task;
};

struct crew {
    const struct workers *workers;
    struct slot *slots;
    struct pollfd *polls;
    uint32_t size;  /* slots */
    uint32_t ended; /* tasks, by themselves or with their worker */
    struct shared *shared;
};

uint32_t workers_cpus(void)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return count < 1 ? 1 : (uint32_t)count;
}

/* ---- in a worker ---- */

static void send_message(const struct worker *worker, uint8_t kind, const void *bytes, size_t size)
{
    struct iovec parts[] = {{&kind, sizeof kind}, {(void *)bytes, size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = size > 0 ? 2 : 1};
    while (sendmsg(worker->socket, &message, MSG_NOSIGNAL) < 0 && errno == EINTR) {
    }
}

void worker_tell(struct worker *worker, const void *bytes, size_t size)
{
    send_message(worker, MESSAGE_TOLD, bytes,
                 size < WORKERS_TELL_MAX ? size : (size_t)WORKERS_TELL_MAX);
}

const volatile sig_atomic_t *worker_stop(const struct worker *worker)
{
    return &worker->shared->stop;
}

/* The life of a worker: one task after the other, until there is none. */
static void serve(const struct crew *crew, struct worker *worker)
{
    const struct workers *workers = crew->workers;
    uint32_t task;
    if (workers->prepare != NULL) {
        workers->prepare(workers->context);
    }
    while (crew->shared->stop == 0 &&
           (task = atomic_fetch_add(&crew->shared->next, 1)) < workers->count) {
        send_message(worker, MESSAGE_BEGUN, &task, sizeof task);
        workers->work(workers->context, task, worker);
        send_message(worker, MESSAGE_ENDED, NULL, 0);
    }
}

/* ---- hiring ---- */

/* What a fresh copy does first: it must not keep sockets of others open, and ends with this one. */
static void settle_in(struct crew *crew, pid_t original)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != original) {
        raise(SIGTERM);
    }
    for (uint32_t i = 0; i < crew->size; i++) {
        if (crew->slots[i].process > 0) {
            close(crew->slots[i].socket);
        }
    }
}

static int hire(struct crew *crew, struct slot *slot, omega_error_t *err)
{
    int pair[2];
    pid_t original = getpid();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return omega_error_set_errno(err, NULL, "cannot make a socket for a worker");
    }
    fflush(NULL); /* else the copy has it, too */
    pid_t process = fork();
    if (process < 0) {
        int rc = omega_error_set_errno(err, NULL, "cannot make a worker process");
        close(pair[0]);
        close(pair[1]);
        return rc;
    }
    if (process == 0) {
        struct worker self = {.socket = pair[1], .shared = crew->shared};
        close(pair[0]);
        settle_in(crew, original);
        serve(crew, &self);
        crew->workers->leave(crew->workers->context);
    }
    close(pair[1]);
    *slot = (struct slot){.process = process, .socket = pair[0]};
    return OMEGA_OK;
}

static uint32_t count_hired(const struct crew *crew)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < crew->size; i++) {
        count += crew->slots[i].process > 0;
    }
    return count;
}

/* Waits for a worker that ends or has ended. */
static void part_with(struct slot *slot, struct isolate_end *end)
{
    int status = 0;
    close(slot->socket);
    while (waitpid(slot->process, &status, 0) < 0 && errno == EINTR) {
    }
    end->code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    end->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    *slot = (struct slot){0};
}

/* Fills empty slots while there are tasks. Without a process the others go on alone. */
static int hire_all(struct crew *crew, omega_error_t *err)
{
    for (uint32_t i = 0; i < crew->size; i++) {
        struct slot *slot = &crew->slots[i];
        omega_error_t cause = {0};
        if (slot->process > 0 || atomic_load(&crew->shared->next) >= crew->workers->count) {
            continue;
        }
        if (hire(crew, slot, &cause) != OMEGA_OK) {
            if (count_hired(crew) > 0) {
                return OMEGA_OK;
            }
            *err = cause;
            return err->code;
        }
    }
    return OMEGA_OK;
}

/* ---- listening ---- */

static void end_task(struct crew *crew, struct slot *slot, const struct isolate_end *end)
{
    if (slot->busy) {
        slot->busy = false;
        crew->ended++;
        crew->workers->ended(crew->workers->context, slot->task, end);
    }
}

/* Hears one message of a worker, or that it is gone. */
static void hear(struct crew *crew, struct slot *slot)
{
    const struct workers *workers = crew->workers;
    uint8_t message[1 + WORKERS_TELL_MAX];
    ssize_t n = recv(slot->socket, message, sizeof message, MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
        return;
    }
    if (n <= 0) {
        struct isolate_end end;
        struct slot gone = *slot;
        part_with(slot, &end);
        end_task(crew, &gone, &end);
    } else if (message[0] == MESSAGE_BEGUN) {
        memcpy(&slot->task, message + 1, sizeof slot->task);
        slot->busy = true;
        workers->begun(workers->context, slot->task);
    } else if (message[0] == MESSAGE_ENDED) {
        end_task(crew, slot, NULL);
    } else {
        workers->told(workers->context, slot->task, message + 1, (size_t)n - 1);
    }
}

/* Waits for the workers to say something, and hears them. */
static void listen_to(struct crew *crew)
{
    for (uint32_t i = 0; i < crew->size; i++) {
        crew->polls[i] = (struct pollfd){
            .fd = crew->slots[i].process > 0 ? crew->slots[i].socket : -1, .events = POLLIN};
    }
    if (poll(crew->polls, crew->size, (int)(WORKERS_LOOK_S * 1000)) <= 0) {
        return; /* a signal, or nothing to hear */
    }
    for (uint32_t i = 0; i < crew->size; i++) {
        if (crew->polls[i].fd >= 0 && crew->polls[i].revents != 0) {
            hear(crew, &crew->slots[i]);
        }
    }
}

static int direct(struct crew *crew, omega_error_t *err)
{
    const struct workers *workers = crew->workers;
    int rc = OMEGA_OK;
    for (;;) {
        crew->shared->stop = rc != OMEGA_OK || workers->stops(workers->context);
        if (crew->shared->stop == 0) {
            rc = hire_all(crew, err);
        }
        if (count_hired(crew) == 0) {
            break;
        }
        listen_to(crew);
        workers->look(workers->context);
    }
    if (rc == OMEGA_OK && crew->shared->stop == 0 && crew->ended < workers->count) {
        rc = omega_error_set(err, OMEGA_EIO, "a worker ended before it could begin its task");
    }
    return rc;
}

int workers_run(const struct workers *workers, omega_error_t *err)
{
    omega_error_t own = {0};
    struct crew crew = {.workers = workers, .size = workers->jobs};
    crew.size = crew.size > WORKERS_MAX ? WORKERS_MAX : crew.size;
    crew.size = crew.size > workers->count ? workers->count : crew.size;
    crew.slots = calloc(crew.size + 1u, sizeof *crew.slots);
    crew.polls = calloc(crew.size + 1u, sizeof *crew.polls);
    void *page =
        mmap(NULL, sizeof *crew.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int rc = OMEGA_ENOMEM;
    if (crew.slots == NULL || crew.polls == NULL || page == MAP_FAILED) {
        omega_error_set(err, OMEGA_ENOMEM, "no memory for workers");
    } else {
        crew.shared = page;
        rc = direct(&crew, err == NULL ? &own : err);
    }
    if (page != MAP_FAILED) {
        munmap(page, sizeof *crew.shared);
    }
    free(crew.slots);
    free(crew.polls);
    return rc;
}
