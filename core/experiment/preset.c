/* SPDX-License-Identifier: MIT */
/*
 * Presets: what an experiment has where it says nothing. A preset gives other defaults to ordinary
 * options, which the file may set to anything; compatibility rules come with a preset only.
 */
#include "cellstate/compat.h"
#include "core/experiment/experiment_private.h"

/* In the order of preset_names, behind what holds without a preset. */
static const struct preset presets[] = {
    {
        .retry =
            {
                .delay_us = 1000000,
                .backoff = 1,
                .delay_max_us = INT64_C(3600000000),
                .queue = RUN_QUEUE_BACK,
                .attempts_max = 1000,
                .attempts_unplaced_max = 100,
            },
        .assignment = RUN_ASSIGN_ROUND_ROBIN,
        .monolithic_place = RUN_PLACE_START,
        .cut = RUN_CUT_COUNTED,
    },
    {
        .compat = COMPAT_ALL,
        .retry =
            {
                .delay_us = 1000000,
                .backoff = 1,
                .delay_max_us = INT64_C(3600000000),
                .queue = RUN_QUEUE_BACK,
                .attempts_max = 1001,
                .attempts_unplaced_max = 101,
            },
        .assignment = RUN_ASSIGN_COUNTED,
        .monolithic_place = RUN_PLACE_END,
        .cut = RUN_CUT_DROPPED,
        .prefill_module = "reference",
    },
};

const char *const preset_names[] = {"reference", NULL};

const struct preset *preset_get(int name)
{
    return &presets[name + 1];
}
