/* SPDX-License-Identifier: MIT */
/* Fuzz target: a shard's folder of points. The input is what its head says, the name of another
 * file there, what that says, a line each, and behind them the experiment and rows. */
#include <assert.h>
#include <string.h>

#include "core/base/file.h"
#include "core/experiment/merge.h"
#include "core/experiment/outputs.h"
#include "core/report/folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(const char *folder, const char *name, const char *about, const char *text)
{
    char path[400];
    struct part_writer *part;
    json_t *object = json_loads(about, 0, NULL);
    snprintf(path, sizeof path, "%s/points/%s", folder, name);
    if (json_is_object(object) && strchr(name, '/') == NULL &&
        part_create(path, &part, NULL) == 0) {
        fputs(text, part_section(part, OUTPUTS_RESULTS));
        fputs(text, part_section(part, OUTPUT_EXPERIMENT_NAME));
        part_commit(part, json_incref(object), NULL);
    }
    json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char folder[] = "/tmp/omega-parts-XXXXXX";
    char path[64];
    char *shards[] = {mkdtemp(folder)};
    char *text = strndup(size == 0 ? "" : (const char *)data, size);
    const char *given[4] = {"", "", "", ""}; /* head, name, what it says, text */
    char *rest = text;
    for (int i = 0; rest != NULL && i < 4; i++) {
        given[i] = i < 3 ? strsep(&rest, "\n") : rest;
    }
    snprintf(path, sizeof path, "%s/points", folder);
    assert(shards[0] != NULL && file_make_directory(path, NULL) == 0);
    put(folder, given[1], given[2], given[3]);
    put(folder, "head.part", given[0], given[3]);
    FILE *nowhere = fopen("/dev/null", "w");
    merge_shards(&(struct merge_options){folder, shards, 1, false, 0, NULL, nowhere, nowhere},
                 NULL);
    fclose(nowhere);
    folder_abort(folder);
    free(text);
    return 0;
}
