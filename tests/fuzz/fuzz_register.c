/* SPDX-License-Identifier: MIT */
/* Fuzz target: the small files of a standing cell's register. What is taken from them is in range,
 * and says the same when it is written again. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/live/register_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[REGISTER_TEXT_MAX + 1];
    char again[REGISTER_TEXT_MAX + 1];
    struct register_entry entry = {.number = 1};
    struct register_entry read = {.number = 1};
    uint64_t last = 0;
    size = size < REGISTER_TEXT_MAX ? size : REGISTER_TEXT_MAX;
    memcpy(text, data, size);
    text[size] = '\0';
    if (register_parse_entry(text, &entry)) {
        snprintf(again, sizeof again, "name %s\nmodule %s\npid %" PRId32 "\n", entry.name,
                 entry.module, entry.pid);
        if (!register_is_name(entry.name) || entry.pid <= 0 ||
            !register_parse_entry(again, &read) || strcmp(read.name, entry.name) != 0 ||
            strcmp(read.module, entry.module) != 0 || read.pid != entry.pid) {
            abort();
        }
    }
    if (register_parse_last(text, &last) && last > INT64_MAX) {
        abort();
    }
    return 0;
}
