/* SPDX-License-Identifier: MIT */
/* Fuzz target: any bytes as SHA256SUMS; what was read names each file once. */
#include <assert.h>
#include <string.h>

#include "core/analysis/sums.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    omega_error_t err = {0};
    struct sums *sums;
    FILE *stream = size == 0 ? NULL : fmemopen((void *)(uintptr_t)data, size, "r");
    if (stream == NULL) {
        return 0;
    }
    int rc = sums_parse(stream, "/nowhere", &sums, &err);
    assert(rc == err.code && (rc == 0) == (sums != NULL));
    for (uint32_t i = 0; sums != NULL && i < sums->count; i++) {
        const struct sums_entry *entry = &sums->entries[i];
        assert(strlen(entry->sha256) == SHA256_HEX - 1 && strchr(entry->name, '/') == NULL);
        for (uint32_t k = 0; k < i; k++) {
            assert(strcmp(sums->entries[k].name, entry->name) != 0);
        }
        err = (omega_error_t){0};
        assert(sums_check(sums, entry->name, &err) == OMEGA_EINVAL); /* it is missing */
    }
    sums_close(sums);
    fclose(stream);
    return 0;
}
