/* SPDX-License-Identifier: MIT */
/* Any bytes as an experiment file: parsed and looked at without opening another file. The first
 * line may be a --set option for the rest: "!path=value". */
#include <assert.h>
#include <string.h>

#include "core/experiment/experiment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char setting[256];
    const char *sets[] = {setting};
    struct experiment_options options = {.sets = sets};
    const char *text = (const char *)data;
    const char *end = size > 0 && text[0] == '!' ? memchr(text, '\n', size) : NULL;
    if (end != NULL && end - text <= (ptrdiff_t)sizeof setting) {
        size_t length = (size_t)(end - text) - 1;
        memcpy(setting, text + 1, length);
        setting[length] = '\0';
        options.set_count = 1;
        size -= length + 2;
        text = end + 1;
    }
    omega_error_t err = {0};
    struct experiment *experiment = NULL;
    int rc = experiment_parse(text, size, "fuzz.json", ".", &options, &experiment, &err);
    assert(rc == err.code);
    assert((rc == 0) == (experiment != NULL));
    assert(rc == 0 || err.text[0] != '\0');
    experiment_close(experiment);
    return 0;
}
