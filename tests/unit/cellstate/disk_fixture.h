/* SPDX-License-Identifier: MIT */
/*
 * The small cell of cell_fixture.h on disk, opened by lmdb_open() itself: for what only the lmdb
 * store promises. And a second process that has the same cell open.
 */
#ifndef OMEGA_TESTS_UNIT_CELLSTATE_DISK_FIXTURE_H
#define OMEGA_TESTS_UNIT_CELLSTATE_DISK_FIXTURE_H

#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cellstate/lmdb.h"
#include "tests/support/scratch.h"
#include "tests/unit/cellstate/cell_fixture.h"

#define DISK_MAP_BYTES (UINT64_C(256) << 20)

struct disk {
    struct cell cell;
    char path[SCRATCH_PATH_MAX];
    struct lmdb_options options;
    struct lmdb_use use;
};

/* Describes the cell with names that its catalogue knows; the test may change the description. */
static inline void disk_describe(struct disk *disk)
{
    memset(disk, 0, sizeof(*disk));
    cell_describe(&disk->cell);
    struct symbols *symbols = catalogue_symbols(disk->cell.catalogue);
    for (uint32_t m = 0; m < CELL_MACHINES; m++) {
        struct omega_machine_spec *spec = &disk->cell.specs[m];
        char name[16];
        (void)snprintf(name, sizeof(name), "machine-%u", m);
        spec->name = symbols_intern(symbols, name);
        spec->platform = symbols_intern(symbols, m % 2 == 0 ? "P1" : "P2");
        spec->domain = symbols_intern(symbols, m < 2 ? "rack-1" : "rack-2");
        ck_assert_int_eq(catalogue_machine_attributes(disk->cell.catalogue, m == 1 ? "ssd=2" : "",
                                                      spec->platform, spec->domain,
                                                      &spec->attributes, &disk->cell.err),
                         0);
    }
    disk->options.map_bytes = DISK_MAP_BYTES;
    disk->use.config = &disk->cell.config;
}

static inline void disk_create(struct disk *disk)
{
    scratch_path(disk->path);
    int rc = lmdb_create(disk->path, &disk->cell.config, &disk->options, &disk->cell.err);
    ck_assert_msg(rc == 0, "%s", disk->cell.err.text);
}

static inline void disk_start(struct disk *disk)
{
    int rc = lmdb_open(disk->path, &disk->use, &disk->cell.store, &disk->cell.err);
    ck_assert_msg(rc == 0, "%s", disk->cell.err.text);
}

/* All three. */
static inline void disk_open(struct disk *disk)
{
    disk_describe(disk);
    disk_create(disk);
    disk_start(disk);
}

static inline void disk_reopen(struct disk *disk)
{
    store_close(disk->cell.store);
    disk_start(disk);
}

/* Proves the cell and removes it. */
static inline void disk_close(struct disk *disk)
{
    cell_close(&disk->cell);
    int rc = lmdb_remove(disk->path, &disk->cell.err);
    ck_assert_msg(rc == 0, "%s", disk->cell.err.text);
    ck_assert_int_eq(scratch_entries(disk->path), -1);
}

static inline struct lmdb_info disk_info(struct disk *disk)
{
    struct lmdb_info info;
    ck_assert_int_eq(lmdb_info(disk->cell.store, &info, &disk->cell.err), 0);
    return info;
}

/* Does the error name the cell's directory? */
static inline bool disk_is_named(const struct disk *disk)
{
    char text[600];
    omega_error_format(&disk->cell.err, text, sizeof(text));
    return strstr(text, disk->path) != NULL;
}

/* Takes what the test has in cell->t as a transaction with an identity. */
static inline void disk_identify(struct disk *disk, uint32_t incarnation, uint32_t attempt)
{
    disk->cell.t.txn.incarnation = incarnation;
    disk->cell.t.txn.attempt = attempt;
}

/* ---- another process ---- */

struct disk_other {
    pid_t pid;
    int socket;
};

/* Forks a process, to be called between disk_create() and disk_start(). It opens the cell, and
 * makes change number n of `changes` when asked to; it ends when the socket does. */
static inline void disk_other_start(struct disk_other *other, struct disk *disk,
                                    void (*const *changes)(struct disk *disk))
{
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    other->pid = fork();
    ck_assert_int_ge(other->pid, 0);
    if (other->pid == 0) {
        uint8_t number = 0;
        (void)close(ends[0]);
        disk_start(disk);
        while (read(ends[1], &number, 1) == 1) {
            changes[number](disk);
            if (write(ends[1], &number, 1) != 1) {
                break;
            }
        }
        store_close(disk->cell.store);
        _exit(EXIT_SUCCESS);
    }
    (void)close(ends[1]);
    other->socket = ends[0];
}

static inline void disk_other_does(struct disk_other *other, uint8_t number)
{
    uint8_t done = 0;
    ck_assert_int_eq(send(other->socket, &number, 1, MSG_NOSIGNAL), 1);
    ck_assert_msg(recv(other->socket, &done, 1, 0) == 1, "the other process failed at change %u",
                  number);
}

static inline void disk_other_stop(struct disk_other *other)
{
    int status = 0;
    (void)close(other->socket);
    ck_assert_int_eq(waitpid(other->pid, &status, 0), other->pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the other process failed");
}

#endif
