#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The plug-in header can be used from C++: a module written in it builds, loads and runs.
source "$(dirname "$0")/../support/shell.sh"
compiler=$(command -v g++ || command -v clang++ || true)
if [ -z "$compiler" ]; then
    skip "a module in C++" "there is no g++ or clang++"
    finish
    exit
fi
cat >"$T/cxx.cc" <<'CXX'
#include "core/plugin/scheduler.h"

static void place(void *, const omega_pending *pending, const omega_view *view, omega_txn *txn)
{
    const omega_request *request = &pending->job->groups[0].request;
    if (pending->groups[0].required > 0 && omega_view_fits(view, request, 0)) {
        omega_txn_claim(txn, 0, pending->groups[0].tasks[0], 0);
    }
}

const omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(omega_scheduler),
    .name = "cxx",
    .summary = "written in C++",
    .place = place,
};
CXX
cat >"$T/cxx.json" <<JSON
{
  "name": "cxx", "horizon_s": 10,
  "cell": {"machines": [{"count": 1, "cpu_milli": 4000, "mem_mib": 1000}]},
  "workloads": [{"name": "w", "interarrival_s": 1, "tasks": 1, "duration_s": 1, "cpu_milli": 600,
                 "mem_mib": 100, "jobs": 3}],
  "architecture": "shared_state",
  "schedulers": [{"name": "s", "module": "./cxx.so", "workloads": ["w"]}]
}
JSON
check "a module in C++ builds" "$compiler" -std=c++20 -Wall -Wextra \
    -Wno-missing-field-initializers -Werror -shared -fPIC -I. "$T/cxx.cc" -o "$T/cxx.so"
check "and runs" "$OMEGA" run "$T/cxx.json" --quiet --out "$T/out"
check "and places all jobs" grep -q '"jobs_scheduled":3\b' "$T/out/results.jsonl"
finish
