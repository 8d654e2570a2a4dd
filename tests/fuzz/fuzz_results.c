/* SPDX-License-Identifier: MIT */
/* Fuzz target: any bytes as results.jsonl; what was read is looked up again. */
#include <assert.h>
#include <string.h>

#include "core/analysis/result_set.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every row is found by its name, and has a value or none for each key. */
static void look(const struct result_set *set, uint32_t configuration, uint32_t seed)
{
    const struct result_row *row;
    const char *key;
    for (uint32_t i = 0; (row = result_set_run_row(set, configuration, seed, i)) != NULL; i++) {
        enum result_scope scope = result_row_scope(row);
        const char *name = result_row_name(set, row);
        assert(result_set_row(set, configuration, seed, scope, name) == row);
        for (uint32_t k = 0; (key = result_set_key(set, scope, k)) != NULL; k++) {
            result_row_number(set, row, key);
        }
        result_row_text(set, row, "digest");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    omega_error_t err = {0};
    struct result_set *set = NULL;
    FILE *stream = size == 0 ? NULL : fmemopen((void *)(uintptr_t)data, size, "r");
    if (stream == NULL) {
        return 0;
    }
    int rc = result_set_parse(stream, "fuzz.jsonl", &set, &err);
    assert(rc == err.code && (rc == 0) == (set != NULL));
    for (uint32_t i = 0; set != NULL && i < result_set_configuration_count(set); i++) {
        char name[100];
        const struct result_configuration *configuration = result_set_configuration(set, i);
        result_configuration_name(configuration, name, sizeof name);
        for (uint32_t seed = 0; seed < configuration->seed_count; seed++) {
            look(set, i, seed);
        }
    }
    result_set_close(set);
    fclose(stream);
    return 0;
}
