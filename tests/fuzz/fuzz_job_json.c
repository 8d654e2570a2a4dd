/* SPDX-License-Identifier: MIT */
/* Fuzz target: jobs as lines of JSON. What was read before an error is a trace, too. */
#include "core/workload/readers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trace *trace = trace_create(NULL);
    FILE *stream = size == 0 ? NULL : fmemopen((void *)(uintptr_t)data, size, "r");
    char digest[33];
    if (trace != NULL && stream != NULL) {
        reader_json_jobs(trace, stream, "input", NULL);
        if (trace_seal(trace, NULL) == OMEGA_OK) {
            trace_digest(trace, digest, NULL);
        }
    }
    if (stream != NULL) {
        fclose(stream);
    }
    trace_destroy(trace);
    return 0;
}
