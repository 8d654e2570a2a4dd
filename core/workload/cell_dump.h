/* SPDX-License-Identifier: MIT */
/*
 * Cell dumps: everything that a cell on disk (cellstate/lmdb.h) holds, but for its change log and
 * the last results of its scheduler instances, as lines of JSON that another machine, another mode
 * and a later omega can read. `omega cell export` writes one, `omega cell load` makes a cell of it.
 *
 * A dump is believed in what only it can know (sequences, versions, who placed last) and in nothing
 * that follows from that: what machines use is summed up from the placements anew, and every job is
 * compared with its placements. The format is described in core/workload/README.md.
 */
#ifndef OMEGA_CORE_WORKLOAD_CELL_DUMP_H
#define OMEGA_CORE_WORKLOAD_CELL_DUMP_H

#include <stdio.h>

#include "cellstate/lmdb.h"

#define CELL_DUMP_VERSION 1u
#define CELL_DUMP_LINE_MAX (1u << 25) /* bytes; a job of 2^20 tasks with a duration each fits */

/* A scheduler instance that has joined the cell. */
struct cell_dump_instance {
    uint16_t instance;
    uint32_t incarnation;
    const char *module;
};

/* A dump in memory. */
struct cell_dump {
    struct catalogue *catalogue; /* owned: names, attributes and constraints */
    struct symbols *texts;       /* owned: other texts that structs below point to */
    uint32_t log_changes;
    bool keep_jobs;
    bool release_raises_seq;
    struct omega_overcommit overcommit;
    struct store_counters counters;
    struct omega_machine_spec *specs;
    struct omega_machine *machines; /* with what their placements use */
    size_t machine_count;
    struct store_placement *placements; /* by id */
    size_t placement_count;
    struct lmdb_job *jobs; /* by id; each owns what it points to */
    size_t job_count;
    struct cell_dump_instance *instances; /* by number */
    size_t instance_count;
    /* private: growth */
    size_t machine_room;
    size_t placement_room;
    size_t job_room;
    size_t instance_room;
};

/* Reads a dump up to its last line, which must be the end of the stream. `name` is for messages:
 * each is file:line. OMEGA_EINVAL (what is wrong, what was expected), OMEGA_ECORRUPT (it is cut
 * off, or its checksum is another), OMEGA_EVERSION (of a newer omega), OMEGA_EIO, OMEGA_ENOMEM. */
int cell_dump_read(FILE *stream, const char *name, struct cell_dump **dump, omega_error_t *err);

/* The same from a file. */
int cell_dump_read_file(const char *path, struct cell_dump **dump, omega_error_t *err);

/* NULL is allowed. */
void cell_dump_destroy(struct cell_dump *dump);

/* Writes a dump; whether all of it could be written is the caller's to ask of the stream. The same
 * dump gives the same bytes. */
int cell_dump_write(const struct cell_dump *dump, FILE *out, omega_error_t *err);

/* Writes one version of a cell, the newest, whatever others change meanwhile. As above; errors also
 * as of lmdb_hold(), store_machine(), store_placements() and lmdb_jobs(). */
int cell_dump_export(struct store *store, FILE *out, omega_error_t *err);

/* Makes a cell of a dump in a directory that does not exist or is empty; `options` says mode and
 * map size, the rest of it is the dump's. On failure nothing is left. Errors as of lmdb_create()
 * and lmdb_restore_commit(). */
int cell_dump_load(const struct cell_dump *dump, const char *path,
                   const struct lmdb_options *options, omega_error_t *err);

#endif
