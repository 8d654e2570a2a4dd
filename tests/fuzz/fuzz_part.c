/* SPDX-License-Identifier: MIT */
/* Fuzz target: a part of a run, its last line set right, is read and added to summaries. The first
 * two bytes say how long its sections are; the index follows. */
#include <assert.h>
#include <string.h>
#include <xxhash.h>

#include "core/experiment/outputs.h"
#include "core/experiment/summary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* With a sweep and without, as tables and as JSON. */
static void use(struct part *part, FILE *nowhere)
{
    static const char text[] =
        "{\"name\":\"t\",\"horizon_s\":9,\"cell\":{\"machines\":[{\"count\":1,\"cpu_milli\":1,"
        "\"mem_mib\":1}]},\"workloads\":[{\"name\":\"w\",\"interarrival_s\":1,\"tasks\":1,"
        "\"duration_s\":1,\"cpu_milli\":1,\"mem_mib\":1}],\"architecture\":\"shared_state\","
        "\"schedulers\":[{\"name\":\"s\",\"module\":\"batch\"}]}";
    static const char *const sweeps[] = {"warmup_s=1,2"};
    for (uint32_t i = 0; i < 4; i++) {
        struct experiment *experiment = NULL;
        const struct experiment_options changes = {.sweeps = sweeps, .sweep_count = i / 2};
        assert(experiment_parse(text, strlen(text), "t", ".", &changes, &experiment, NULL) == 0);
        const struct summary_options options = {experiment, "d", i % 2 == 1, true, true, 0, NULL};
        struct summary *summary = summary_create(&options, nowhere);
        if (summary_add(summary, part, NULL) == 0 && summary_add(summary, part, NULL) == 0) {
            summary_write(summary);
        }
        summary_destroy(summary);
        experiment_close(experiment);
    }
    part_close(part);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char bytes[70000];
    FILE *nowhere = fopen("/dev/null", "w");
    size_t sections = size < 2 ? 0 : (size_t)data[0] | (size_t)data[1] << 8;
    struct part *part = NULL;
    if (size >= 2 && size < sizeof bytes - 64 && sections <= size - 2) {
        memcpy(bytes, data + 2, size - 2);
        int n = snprintf(bytes + size - 2, 64, "omega-part 1 %08zx %016llx\n", size - 2 - sections,
                         (unsigned long long)XXH3_64bits(bytes, size - 2));
        if (part_open_stream(fmemopen(bytes, size - 2 + (size_t)n, "r"), "p", &part, NULL) == 0) {
            use(part, nowhere);
        }
    }
    fclose(nowhere);
    return 0;
}
