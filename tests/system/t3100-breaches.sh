#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Modules that break their contract end the run with an error that names module and job, and leave
# no results behind; modules that refuse to start do so before anything runs.
source "$(dirname "$0")/../support/shell.sh"

experiment() { # experiment MODULE: one job of two tasks with a GPU each, on three machines
    cat >"$T/$1.json" <<JSON
{
  "name": "$1", "horizon_s": 100,
  "cell": {"machines": [{"count": 3, "cpu_milli": 1000, "mem_mib": 1000, "gpu_devices": 2,
                         "attributes": "zone=a"}]},
  "workloads": [{"name": "w", "interarrival_s": 1, "tasks": 2, "duration_s": 10, "cpu_milli": 600,
                 "mem_mib": 100, "gpu_devices": 1, "gpu_milli": 1000, "constraints": "$2",
                 "jobs": 3}],
  "architecture": "shared_state",
  "schedulers": [{"name": "s", "module": "$B/tests/modules/$1.so", "workloads": ["w"]}]
}
JSON
}

breaches() { # breaches MODULE REGEX [CONSTRAINTS]; with GPU=no, of tasks without a GPU
    experiment "$1" "${3:-}"
    if [ "${GPU:-}" = no ]; then
        sed -i 's/ "gpu_devices": 1, "gpu_milli": 1000,//' "$T/$1.json"
    fi
    check "$1 is named" fails_with 1 "module '$1' \(scheduler 's'\), job [0-9]+: $2" \
        "$OMEGA" run "$T/$1.json" --out "$T/out-$1"
    check "$1 leaves no results" test ! -e "$T/out-$1/results.jsonl"
}
breaches breach_twice "claimed task 0, which is claimed already"
breaches breach_machine "claimed machine 3 of 3"
breaches breach_room "claimed machine 0, where the view shows no room for task 1"
GPU=no breaches breach_note 'claimed without omega_txn_claim\(\)'
GPU=no breaches breach_overdraw 'claimed without omega_txn_claim\(\)'
breaches breach_foreign "claimed task 2, which is not in group 0"
breaches breach_group "claimed for group 1 of 1"
breaches breach_no_group "claimed for group 4294967295 of 1"
breaches breach_ineligible "claimed machine 0, which is not eligible" "zone=b"
breaches breach_unclaim "took back task 0, which is not claimed"
breaches breach_devices "claimed device mask 0x3 for a request of 1 device"

experiment bad_init ""
check "a module that refuses to start ends the run" \
    fails_with 1 "module 'bad_init' \(scheduler 's'\): init refused" \
    "$OMEGA" run "$T/bad_init.json" --out "$T/out-init"
check "its reason is shown" grep -q "this module never starts" "$T/fails.err"
experiment bad_abi ""
check "a module of another ABI does not validate" \
    fails_with 1 "scheduler ABI 48, expected 7" "$OMEGA" validate "$T/bad_abi.json"
experiment options ""
check "an option out of range does not validate" \
    fails_with 1 "option 'number' of module 'options' is 100001, expected an integer from -10" \
    "$OMEGA" validate "$T/options.json" --set 'schedulers.0.options={"number":100001}'

# What is done wrong in started(), and more counters than there is room for.
experiment wrong_late ""
late() { "$OMEGA" run "$T/wrong_late.json" --quiet --out "$T/out-late" "$@" \
    --set workloads.0.optional_factor=1 --set workloads.0.gpu_devices=0; }
check "a claim in started() is named" fails_with 1 \
    "module 'wrong_late' \(scheduler 's'\), job 1: claimed task 3 outside place" late
check "a module may give up in started()" fails_with 1 "job 1: gave up: no model of such a job" \
    late --set 'schedulers.0.options={"what":"fails"}'
experiment wrong_names ""
check "more than 64 counters" bash -c "'$OMEGA' run '$T/wrong_names.json' --quiet \
    --out '$T/out-names' --set workloads.0.jobs=66 >'$T/said' 2>&1"
check "get a warning" grep -q "counter 'job_66' is ignored: expected at most 64 names" "$T/said"
check "and no more than these" test "$(grep -c 'is ignored' "$T/said")" -eq 2

# The good ones, for contrast: three jobs of two tasks and, for elastic, as many optional ones.
for module in random_one stateful elastic; do
    experiment "$module" ""
    check "the good module $module runs" "$OMEGA" run "$T/$module.json" --quiet \
        --set workloads.0.optional_factor=1 --out "$T/out-$module"
    cp "$T/out-$module/results.jsonl" "$T/$module.jsonl"
    check "$module has all jobs scheduled" grep -Eq '"jobs_scheduled":3\b' "$T/$module.jsonl"
done
check "elastic adds optional tasks" grep -Eq '"planned_extra":[1-9]' "$T/elastic.jsonl"
check "what stateful cached by (machine, stamp) held" \
    bash -c "! grep -q '\"stale\"' '$T/stateful.jsonl'"
finish
