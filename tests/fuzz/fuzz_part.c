/* SPDX-License-Identifier: MIT */
/* Fuzz target: a part of a run, its last line set right, is added to summaries, of a sweep or not,
 * as tables and as JSON. Two bytes say how long its sections are; the index follows. */
#include <assert.h>
#include <string.h>
#include <xxhash.h>

#include "core/experiment/outputs.h"
#include "core/experiment/summary.h"
#include "tests/fuzz/smallest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(struct part *part)
{
    FILE *nowhere = fopen("/dev/null", "w");
    for (uint32_t i = 0; i < 4; i++) {
        struct experiment *experiment = NULL;
        const struct experiment_options changes = {.sweeps = (const char *const[]){"warmup_s=1,2"},
                                                   .sweep_count = i / 2};
        assert(experiment_parse(SMALLEST_EXPERIMENT, sizeof SMALLEST_EXPERIMENT - 1, "t", ".",
                                &changes, &experiment, NULL) == 0);
        const struct summary_options options = {experiment, "d", i % 2 == 1, true, true, 0, NULL};
        struct summary *summary = summary_create(&options, nowhere);
        if (summary_add(summary, part, NULL) == 0 && summary_add(summary, part, NULL) == 0) {
            summary_write(summary);
        }
        summary_destroy(summary);
        experiment_close(experiment);
    }
    part_close(part);
    fclose(nowhere);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char bytes[70000];
    size_t sections = size < 2 ? 0 : (size_t)data[0] | (size_t)data[1] << 8;
    struct part *part = NULL;
    if (size < 2 || size >= sizeof bytes - 64 || sections > (size -= 2)) {
        return 0;
    }
    memcpy(bytes, data + 2, size);
    int n = snprintf(bytes + size, 64, "omega-part 1 %08zx %016llx\n", size - sections,
                     (unsigned long long)XXH3_64bits(bytes, size));
    if (part_open_stream(fmemopen(bytes, size + (size_t)n, "r"), "p", &part, NULL) == 0) {
        use(part);
    }
    return 0;
}
