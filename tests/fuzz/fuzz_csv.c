/* SPDX-License-Identifier: MIT */
/* Fuzz target: the CSV format. The input is machines.csv, jobs.csv and events.csv, in this order,
 * with a form feed between them. */
#include <string.h>

#include "core/workload/readers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(readers_parse *read, struct trace *trace, const uint8_t *data, size_t size)
{
    FILE *stream = size == 0 ? NULL : fmemopen((void *)(uintptr_t)data, size, "r");
    if (stream != NULL) {
        read(trace, stream, "input", NULL);
        fclose(stream);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static readers_parse *const readers[] = {reader_csv_machines, reader_csv_jobs,
                                             reader_csv_events};
    struct trace *trace = trace_create(NULL);
    char digest[33];
    for (size_t i = 0; trace != NULL && i < sizeof readers / sizeof *readers; i++) {
        const uint8_t *end = size == 0 ? NULL : memchr(data, '\f', size);
        size_t part = end == NULL ? size : (size_t)(end - data);
        parse(readers[i], trace, data, part);
        size_t skipped = end == NULL ? size : part + 1;
        data += skipped;
        size -= skipped;
    }
    /* what was read before an error is a trace, too */
    if (trace != NULL && trace_seal(trace, NULL) == OMEGA_OK) {
        trace_digest(trace, digest, NULL);
    }
    trace_destroy(trace);
    return 0;
}
