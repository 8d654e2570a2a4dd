/* SPDX-License-Identifier: MIT */
/*
 * Messages between the processes of a cell and those who talk to them: JSON objects with
 * "version": 1, at most 64 KiB, read as strictly as files are. Reading and writing of bytes only:
 * what carries them is the driver's. Formats: core/messages/README.md.
 */
#ifndef OMEGA_CORE_MESSAGES_MSG_H
#define OMEGA_CORE_MESSAGES_MSG_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"

#define MSG_VERSION 1
#define MSG_BYTES_MAX 65536u
#define MSG_DEPTH_MAX 8  /* objects and lists within each other */
#define MSG_TEXT_MAX 512 /* bytes of a name or an error, longer ones are cut when written */

enum msg_kind {
    MSG_SUBMIT = 0, /* a job */
    MSG_REQUEST,    /* something is asked or told to be done */
    MSG_REPLY,      /* the answer: that it was done, what was asked for, or why not */
    MSG_EVENT,      /* something has happened */
};

enum msg_request {
    MSG_STATUS = 0,
    MSG_DRAIN,
    MSG_UNDRAIN,
    MSG_STOP,
};

/* "status", "drain", "undrain", "stop"; NULL for others. */
const char *msg_request_name(enum msg_request request);
bool msg_request_of(const char *name, enum msg_request *request);

enum msg_event_kind {
    MSG_SUBMITTED = 0, /* a job came by message */
    MSG_COMMITTED,     /* a transaction that placed something */
    MSG_REFUSED,       /* one that placed nothing */
    MSG_ABANDONED,     /* a job was given up */
    MSG_ENDED,         /* tasks have ended */
    MSG_MALFORMED,     /* a message that nobody can be told of is none, or its job */
    MSG_DECLINED,      /* a job that came by message, without answers, was not taken */
};

/* What an event says: 0 and "" where it does not apply. A hint: the cell is the truth. */
struct msg_event {
    enum msg_event_kind kind;
    char from[MSG_TEXT_MAX + 1]; /* name of the process */
    uint64_t job;
    uint64_t attempt;
    uint64_t accepted;
    uint64_t conflicts;
    uint64_t refused;
    uint64_t tasks;
    uint64_t version;             /* of the cell */
    char error[MSG_TEXT_MAX + 1]; /* MALFORMED, DECLINED: why */
};

/* What a process says of itself. */
struct msg_status {
    char name[MSG_TEXT_MAX + 1];
    char module[MSG_TEXT_MAX + 1]; /* "" of an executor */
    int64_t instance;              /* -1: an executor */
    uint64_t pid;
    uint64_t up_us; /* since when it works */
    bool draining;
    uint64_t queued;    /* jobs in its queue */
    uint64_t waiting;   /* jobs that wait to be tried again */
    uint64_t attempts;  /* since it began, as all that follows */
    uint64_t commits;   /* transactions, whatever became of their claims */
    uint64_t accepted;  /* claims */
    uint64_t conflicts; /* claims */
    uint64_t refused;   /* claims */
    uint64_t ended;     /* tasks, by an executor */
    uint64_t malformed; /* messages */
};

struct msg {
    enum msg_kind kind;
    enum msg_request request;
    /* REPLY */
    bool ok;
    char error[MSG_TEXT_MAX + 1]; /* of one that is not ok */
    uint64_t job;                 /* the id that a submitted one got; 0: none */
    bool has_status;
    struct msg_status status;
    struct msg_event event;
    json_t *submitted; /* the job, not looked at: owned, msg_release() */
};

/* Reads a message of one of the `kinds` (bits 1 << enum msg_kind). OMEGA_EINVAL says what is wrong
 * with it and what was expected, OMEGA_EVERSION that it is of another version; OMEGA_ENOMEM. */
int msg_read(const char *bytes, size_t size, unsigned kinds, struct msg *msg, omega_error_t *err);
void msg_release(struct msg *msg);

/* Writes a message. *bytes is the caller's: free(). Texts that are no UTF-8 get question marks. The
 * job of a SUBMIT is `submitted`, which stays the caller's. OMEGA_EINVAL: it would be too large. */
int msg_write(const struct msg *msg, char **bytes, size_t *size, omega_error_t *err);

#endif
