/* SPDX-License-Identifier: MIT */
/* The readers of outside formats, and their parsers over streams, for tests and fuzz targets. */
#ifndef OMEGA_CORE_WORKLOAD_READERS_H
#define OMEGA_CORE_WORKLOAD_READERS_H

#include <stdio.h>

#include "core/workload/trace.h"

extern const struct trace_reader reader_csv;
extern const struct trace_reader reader_openb;
extern const struct trace_reader reader_swim;

/* Parses one input file from a stream into a trace; `name` is for messages. */
typedef int readers_parse(struct trace *trace, FILE *stream, const char *name, omega_error_t *err);

readers_parse reader_csv_jobs;     /* jobs.csv */
readers_parse reader_csv_machines; /* machines.csv */
readers_parse reader_csv_events;   /* events.csv; machines must be known; leaves them unsorted */
readers_parse reader_json_jobs;    /* one job a line (core/workload/job_json.h) */
readers_parse reader_openb_nodes;
readers_parse reader_openb_pods;
readers_parse reader_swim_jobs;

/* Opens a file and parses it. */
int readers_parse_file(readers_parse *parse, struct trace *trace, const char *path,
                       omega_error_t *err);

/* Columns of the CSV format. */
#define READER_CSV_JOB_COLUMNS 14u           /* without MapReduce numbers */
#define READER_CSV_JOB_COLUMNS_MAPREDUCE 19u /* with them */
#define READER_CSV_MACHINE_COLUMNS 8u
#define READER_CSV_EVENT_COLUMNS 6u
extern const char *const reader_csv_job_columns[READER_CSV_JOB_COLUMNS_MAPREDUCE];
extern const char *const reader_csv_machine_columns[READER_CSV_MACHINE_COLUMNS];
extern const char *const reader_csv_event_columns[READER_CSV_EVENT_COLUMNS];

#endif
