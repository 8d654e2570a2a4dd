/* SPDX-License-Identifier: MIT */
/* Fuzz target: a statistics page of any bytes, its magic and the hashes of its conflicts set right,
 * is decoded and shown as Prometheus reads it. */
#include <stdlib.h>
#include <string.h>

#include "core/monitor/page_private.h"
#include "core/monitor/prometheus.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mend(struct page_file *file)
{
    memcpy(file->head.magic, PAGE_MAGIC, sizeof file->head.magic);
    for (size_t i = 0; i < PAGE_CONFLICTS; i++) {
        uint64_t words[CONFLICT_WORDS];
        for (size_t w = 0; w < CONFLICT_WORDS; w++) {
            words[w] = file->body.conflicts[i][w];
        }
        file->body.conflicts[i][CONFLICT_CHECK] = page_conflict_check(words);
    }
}

static void show(struct status_process *process)
{
    struct status status = {.processes = process, .process_count = 1};
    struct status_conflict conflicts[2];
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    status_conflicts(&status, conflicts, 2);
    if (out != NULL) {
        prometheus_write(&status, out);
        fclose(out);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct page_file file;
    static struct status_process process;
    memset((void *)&file, 0, sizeof file);
    memcpy((void *)&file, data, size < sizeof file ? size : sizeof file);
    mend(&file);
    if (page_decode(&file, sizeof file, "input", &process.page, NULL) == OMEGA_OK) {
        show(&process);
    }
    return page_decode(data, 0, "input", &process.page, NULL) == OMEGA_OK; /* and none at all */
}
