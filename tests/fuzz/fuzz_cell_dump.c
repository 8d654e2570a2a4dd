/* SPDX-License-Identifier: MIT */
/* Fuzz target: the cell dump, as it is and with a last line that fits: read, written, read. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/sha256.h"
#include "core/workload/cell_dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What comes out of a dump; NULL if `bytes`, at least one, are none. */
static char *rewritten(const void *bytes, size_t size, size_t *length)
{
    char *text = NULL;
    struct cell_dump *dump = NULL;
    FILE *in = fmemopen((void *)(uintptr_t)bytes, size, "r");
    if (cell_dump_read(in, "input", &dump, NULL) == OMEGA_OK) {
        FILE *out = open_memstream(&text, length);
        cell_dump_write(dump, out, NULL);
        fclose(out);
    }
    cell_dump_destroy(dump);
    fclose(in);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char sha256[SHA256_HEX];
    size_t lines = 0;
    free(size == 0 ? NULL : rewritten(data, size, &(size_t){0}));
    char *whole = malloc(size + 200);
    struct sha256 sha;
    sha256_init(&sha);
    sha256_add(&sha, data, size);
    sha256_finish(&sha, sha256);
    for (size_t i = 0; i < size; lines += data[i++] == '\n') {
        whole[i] = (char)data[i];
    }
    size += (size_t)snprintf(whole + size, 200,
                             "{\"type\":\"end\",\"lines\":%zu,\"sha256\":\"%s\"}\n", lines, sha256);
    char *first = rewritten(whole, size, &size);
    char *second = first == NULL ? NULL : rewritten(first, size, &size);
    assert(first == NULL || (second != NULL && strcmp(first, second) == 0));
    free(first);
    free(second);
    free(whole);
    return 0;
}
