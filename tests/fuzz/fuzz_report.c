/* SPDX-License-Identifier: MIT */
/* Fuzz target: what a report reads beside results: a table, and behind a form feed histograms. */
#include <assert.h>
#include <string.h>

#include "core/report/columns.h"
#include "core/report/histograms.h"
#include "tests/fuzz/smallest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_table(const struct result_set *set, FILE *stream)
{
    static const char *const names[] = {"start_s", "value", NULL};
    struct columns columns;
    double value;
    uint64_t count;
    int rc = columns_init(&columns, set, stream, "t", names, NULL);
    while (rc == 0 && columns_next(&columns, NULL) == 1) {
        assert(columns.configuration == 0 && columns.seed == 0);
        columns_number(&columns, 1, &value, NULL);
        columns_count(&columns, 1, &count, NULL);
    }
    columns_fini(&columns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct result_set *set;
    struct histograms *histograms;
    FILE *stream = fmemopen(SMALLEST_RESULTS, sizeof SMALLEST_RESULTS - 1, "r");
    int rc = result_set_parse(stream, "r", &set, NULL);
    assert(rc == 0);
    fclose(stream);
    const uint8_t *feed = size == 0 ? NULL : memchr(data, '\f', size);
    size_t table = feed == NULL ? size : (size_t)(feed - data);
    if (table > 0 && (stream = fmemopen((void *)(uintptr_t)data, table, "r")) != NULL) {
        read_table(set, stream);
        fclose(stream);
    }
    if (table + 1 < size &&
        (stream = fmemopen((void *)(uintptr_t)(feed + 1), size - table - 1, "r")) != NULL) {
        rc = histograms_parse(set, "wait_first", stream, "h", &histograms, NULL);
        assert((rc == 0) == (histograms != NULL));
        histograms_close(histograms);
        fclose(stream);
    }
    result_set_close(set);
    return 0;
}
