/* SPDX-License-Identifier: MIT */
/* Fuzz target: the binary trace file, as it is and with its checksums set right, which no mutation
 * would hit. What is read must have a digest and a description. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/base/codec.h"
#include "core/workload/trace.h"
#include "core/workload/trace_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(const uint8_t *data, size_t size)
{
    struct trace *trace = NULL;
    char digest[33];
    if (trace_decode(data, size, "input", NULL, &trace, NULL) != OMEGA_OK) {
        return;
    }
    FILE *out = fopen("/dev/null", "w");
    if (out == NULL || trace_digest(trace, digest, NULL) != OMEGA_OK ||
        trace_info(trace, out, size % 2, NULL) != OMEGA_OK) {
        abort();
    }
    fclose(out);
    trace_destroy(trace);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct codec_out copy = {0};
    decode(data, size);
    codec_put_bytes(&copy, data, size);
    struct codec_in in = {.bytes = data, .size = size, .at = TRACE_HEADER_SIZE};
    while (in.at < size && size - in.at >= TRACE_BLOCK_HEADER_SIZE && !in.failed) {
        uint32_t type = codec_u32(&in);
        uint64_t length = codec_u64(&in);
        uint64_t left = size - in.at - 8;
        uint64_t checksum =
            XXH3_64bits_withSeed(data + in.at + 8, length < left ? length : left, type);
        memcpy(copy.bytes + in.at, &checksum, 8); /* little-endian machines only */
        in.at += 8 + (size_t)(length < left ? length : left);
    }
    decode(copy.bytes, copy.size);
    codec_out_release(&copy);
    return 0;
}
