/* SPDX-License-Identifier: MIT */
/* Fuzz target: the openb reader. The input is a node list and a pod list with a form feed between
 * them. */
#include <stdlib.h>
#include <string.h>

#include "core/workload/readers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int parse(readers_parse *read, struct trace *trace, const uint8_t *data, size_t size)
{
    FILE *stream = size == 0 ? NULL : fmemopen((void *)(uintptr_t)data, size, "r");
    if (stream == NULL) {
        return OMEGA_EINVAL;
    }
    int rc = read(trace, stream, "input", NULL);
    fclose(stream);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size == 0 ? NULL : memchr(data, '\f', size);
    size_t nodes = end == NULL ? size : (size_t)(end - data);
    size_t pods = end == NULL ? 0 : size - nodes - 1;
    struct trace *trace = trace_create(NULL);
    if (trace == NULL) {
        return 0;
    }
    int rc = parse(reader_openb_nodes, trace, data, nodes);
    if (rc == OMEGA_OK && pods > 0) {
        rc = parse(reader_openb_pods, trace, end + 1, pods);
    }
    /* every row has an id of its own and openb has no events: sealing cannot fail */
    if (rc == OMEGA_OK && trace_seal(trace, NULL) == OMEGA_EINVAL) {
        abort();
    }
    trace_destroy(trace);
    return 0;
}
