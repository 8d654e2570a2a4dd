/* SPDX-License-Identifier: MIT */
/* What happens to a data.mdb, call by call (tests/support/disk_hooks.h sees it). */
#ifndef OMEGA_TESTS_SUPPORT_DISK_EVENT_H
#define OMEGA_TESTS_SUPPORT_DISK_EVENT_H

#include <stddef.h>
#include <stdint.h>

enum disk_event_kind {
    DISK_WRITE,   /* these bytes are about to be written */
    DISK_WRITTEN, /* the call that wrote has returned; nothing more is known of it */
    DISK_DURABLE, /* as DISK_WRITTEN, and the call has also brought its own bytes to the disk */
    DISK_SYNC,    /* everything written before is on the disk */
};

struct disk_event {
    enum disk_event_kind kind;
    int64_t offset;
    size_t size;
    const void *bytes; /* DISK_WRITE */
};

#endif
