/* SPDX-License-Identifier: MIT */
/* What the inputs of fuzz targets belong to: the smallest experiment, and results. */
#ifndef OMEGA_TESTS_FUZZ_SMALLEST_H
#define OMEGA_TESTS_FUZZ_SMALLEST_H

#define SMALLEST_EXPERIMENT                                                                        \
    "{\"name\":\"t\",\"horizon_s\":9,\"cell\":{\"machines\":[{\"count\":1,\"cpu_milli\":1,"        \
    "\"mem_mib\":1}]},\"workloads\":[{\"name\":\"w\",\"interarrival_s\":1,\"tasks\":1,"            \
    "\"duration_s\":1,\"cpu_milli\":1,\"mem_mib\":1}],\"architecture\":\"shared_state\","          \
    "\"schedulers\":[{\"name\":\"s\",\"module\":\"batch\"}]}"

/* One configuration, "a" with n = 1, with seed 1 and a row of the scheduler "s". */
#define SMALLEST_RESULTS                                                                           \
    "{\"schema\":1,\"omega\":\"0\",\"experiment\":\"e\",\"experiment_sha256\":\""                  \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\",\"inputs\":[]}\n"          \
    "{\"scope\":\"scheduler\",\"variant\":\"a\",\"seed\":1,\"parameters\":{\"n\":1},"              \
    "\"name\":\"s\"}\n"

#endif
