/* SPDX-License-Identifier: MIT */
/* Jobs of a cell dump: reading them, and comparing them with the placements and the counters. */
#ifndef OMEGA_CORE_WORKLOAD_CELL_DUMP_JOBS_PRIVATE_H
#define OMEGA_CORE_WORKLOAD_CELL_DUMP_JOBS_PRIVATE_H

#include "core/workload/cell_dump_private.h"

/* Makes room for one more item of `size` bytes. */
int dump_grow(const struct dump_reader *reader, void **items, size_t count, size_t *room,
              size_t size);

/* Reads the job of the line read last, whose placements have been read before. */
int dump_read_job(struct dump_reader *reader);

/* After the last job: every placement has its job, and the counters are those of the jobs. */
int dump_check_jobs(struct dump_reader *reader);

/* Frees what a job of a dump points to. */
void dump_free_job(struct lmdb_job *job);

#endif
