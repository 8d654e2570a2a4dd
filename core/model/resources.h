/* SPDX-License-Identifier: MIT */
/*
 * Resources: integers only. CPU in milli-cores, memory in MiB, GPU in milli-GPU per device.
 * An int32 holds 2 million cores or 2 PiB on one machine; sums over machines are int64.
 */
#ifndef OMEGA_CORE_MODEL_RESOURCES_H
#define OMEGA_CORE_MODEL_RESOURCES_H

#include <stdbool.h>
#include <stdint.h>

#define OMEGA_GPU_DEVICES_MAX 8     /* devices on one machine */
#define OMEGA_GPU_DEVICE_MILLI 1000 /* one whole device */
#define OMEGA_CPU_MILLI_MAX (1 << 30)
#define OMEGA_MEM_MIB_MAX (1 << 30)

/* What one task asks for. */
struct omega_request {
    int32_t cpu_milli;   /* >= 0 */
    int32_t mem_mib;     /* >= 0 */
    int16_t gpu_milli;   /* per device asked for: 1..999 a share of one device, 1000 whole devices;
                            0 when none is asked for */
    uint8_t gpu_devices; /* 0..8; 1 when gpu_milli is a share */
    uint8_t reserved;
};

/* Precedence bands: one table maps the cell-wide integer precedence to a band. */
enum omega_band {
    OMEGA_BAND_FREE = 0,
    OMEGA_BAND_BATCH = 1,
    OMEGA_BAND_MID = 2,
    OMEGA_BAND_PRODUCTION = 3,
    OMEGA_BAND_MONITORING = 4,
    OMEGA_BANDS = 5,
};

/* The band of an integer precedence, by the tiers of Google's 2019 traces: below 100 free, from
 * 100 best-effort batch, from 116 mid, from 120 production, from 360 monitoring. */
static inline enum omega_band omega_band_of(int32_t precedence)
{
    static const int32_t first[OMEGA_BANDS] = {INT32_MIN, 100, 116, 120, 360};
    enum omega_band band = OMEGA_BAND_FREE;
    for (int b = 1; b < OMEGA_BANDS; b++) {
        if (precedence >= first[b]) {
            band = (enum omega_band)b;
        }
    }
    return band;
}

/* Over-commit: the share of each capacity that may be promised, in thousandths (1000 = 1). */
struct omega_overcommit {
    int32_t cpu_permille;
    int32_t mem_permille;
    int32_t gpu_permille;
};

#endif
