/* SPDX-License-Identifier: MIT */
/* Fuzz target: the swim reader. */
#include <stdlib.h>

#include "core/workload/readers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FILE *stream = size == 0 ? NULL : fmemopen((void *)(uintptr_t)data, size, "r");
    struct trace *trace = trace_create(NULL);
    if (stream != NULL && trace != NULL) {
        int rc = reader_swim_jobs(trace, stream, "input", NULL);
        /* every row has an id of its own and there are no events: sealing cannot fail */
        if (rc == OMEGA_OK && trace_seal(trace, NULL) == OMEGA_EINVAL) {
            abort();
        }
    }
    if (stream != NULL) {
        fclose(stream);
    }
    trace_destroy(trace);
    return 0;
}
