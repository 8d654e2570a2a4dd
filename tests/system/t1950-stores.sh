#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Invariant F over stores: every shipped experiment, and two unruly ones, give the same bytes in
# memory and on disk, in every mode. Cells on disk come and go, or stay where the experiment says.
# Short versions of the shipped experiments; whole ones with OMEGA_SOAK=1.
source "$(dirname "$0")/../support/shell.sh"
ulimit -c 0
mkdir "$T/scratch"
export TMPDIR=$T/scratch

no_scratch() { [ -z "$(ls -A "$TMPDIR")" ] || { ls -R "$TMPDIR"; return 1; }; }

# run_on STORE OUT FILE SETTING...
run_on() {
    local store=$1 out=$2 file=$3
    shift 3
    "$OMEGA" run "$file" --quiet --set "store=$store" --out "$out" "$@"
}

# same A B: all files but run.json are there in both, byte for byte the same.
same() {
    local file
    diff <(ls "$1") <(ls "$2") && [ -e "$1/results.jsonl" ] || return 1
    for file in "$1"/*; do
        [ "${file##*/}" = run.json ] || cmp "$file" "$2/${file##*/}" || return 1
    done
}

# on_disk MODE REFERENCE FILE SETTING...: runs on disk and compares with the reference's bytes.
on_disk() {
    local mode=$1 reference=$2 file=$3
    shift 3
    run_on "{\"kind\":\"lmdb\",\"mode\":\"$mode\"}" "$reference-$mode" "$file" "$@" &&
        grep -q "\"store_mode\": \"$mode\"" "$reference-$mode/run.json" &&
        same "$reference" "$reference-$mode" && no_scratch
}

# alike NAME MODES FILE SETTING...
alike() {
    local name=$1 modes=$2 file=$3 mode
    shift 3
    check "$name runs in memory" run_on memory "$T/out/$name" "$file" "$@"
    for mode in $modes; do
        check "$name gives the same bytes on disk, mode $mode" \
            on_disk "$mode" "$T/out/$name" "$file" "$@"
    done
}

# ---- shipped experiments ----

traces=${OMEGA_TRACES:-../shared/traces}/openb2023
if [ -e "$traces/openb_pod_list_default.csv" ]; then
    check "openb can be imported" "$OMEGA" trace import --format openb --out "$T/openb.trace" \
        "$traces/openb_node_list_all_node.csv" "$traces/openb_pod_list_default.csv"
fi

short=()
[ -n "${OMEGA_SOAK:-}" ] || short=(--set warmup_s=60)
# Two jobs of the SWIM format, one of them large: what is replayed is not the point here.
printf 'a\t49\t49\t740773000000\t2339561000\t627471\nb\t101\t52\t736346\t0\t0\n' >"$T/swim.tsv"
check "swim can be imported" \
    "$OMEGA" trace import --format swim --out "$T/swim.trace" "$T/swim.tsv"

for file in bench/experiments/*.json; do
    name=$(basename "$file" .json)
    if grep -q 'openb\.trace"' "$file" && [ ! -e "$T/openb.trace" ]; then
        skip "$name gives the same bytes on disk" "no openb2023/ in OMEGA_TRACES"
        continue
    fi
    case $name in
    load-day) horizon=300 ;;
    openb-replay) horizon=5000000 ;;
    *) horizon=1500 ;;
    esac
    sed -E "s@\"[^\"]*(openb|swim)\.trace\"@\"$T/\\1.trace\"@g" "$file" >"$T/$name.json"
    alike "$name" "pwrite fast" "$T/$name.json" "${short[@]}" \
        ${short[@]:+--set horizon_s=$horizon}
done
alike smallest "pwrite fast power" tests/data/valid/smallest.json

# ---- unruly ones ----

alike unruly "pwrite fast" tests/data/valid/unruly.json

# Drains and capacities that change, elastic jobs, every granularity, every kind of view, devices.
events() {
    local i at=5
    for ((i = 0; i < 20; i++)); do
        cat <<JSON
    {"time_s": $((at + 1)), "machine": "m-$i", "event": "drain"},
    {"time_s": $((at + 2)), "machine": "g-$((40 + i % 10))", "event": "capacity",
     "cpu_milli": $((6000 + 100 * i)), "mem_mib": 30000, "gpu_devices": $((i % 5))},
    {"time_s": $((at + 3)), "machine": "m-$((i + 20))", "event": "remove"},
    {"time_s": $((at + 17)), "machine": "m-$i", "event": "undrain"},
    {"time_s": $((at + 19)), "machine": "m-$((i + 20))", "event": "add"},
JSON
        at=$((at + 20))
    done
    echo '    {"time_s": 900, "machine": "m-0", "event": "remove"},'
    for i in 40 41 42 43 44; do # near the horizon, so that it leaves machines above their limits
        cat <<JSON
    {"time_s": 1199, "machine": "g-$i", "event": "capacity", "cpu_milli": 1, "mem_mib": 1,
     "gpu_devices": 4},
JSON
    done
    echo '    {"time_s": 1199, "machine": "m-1", "event": "remove"}'
}
cat >"$T/wild.json" <<JSON
{
  "name": "wild", "seeds": [5, 6], "horizon_s": 1200, "lost_tasks": "fail",
  "record": ["summary", "histograms", "series", "jobs"],
  "cell": {
    "machines": [
      {"count": 40, "cpu_milli": 4000, "mem_mib": 16384, "domains": 4},
      {"count": 10, "cpu_milli": 8000, "mem_mib": 32768, "gpu_devices": 4, "name_prefix": "g"}],
    "overcommit": {"cpu": 1.2, "gpu": 1.5}, "release_raises_seq": true,
    "prefill": {"cpu_utilisation": 0.2, "mem_utilisation": 0.5, "cpu_milli": 150, "mem_mib": 300,
                "duration_s": {"type": "exponential", "mean": 400}}
  },
  "machine_events": [
$(events)
  ],
  "workloads": [
    {"name": "elastic", "interarrival_s": {"type": "exponential", "mean": 7}, "optional_factor": 3,
     "tasks": {"type": "uniform", "min": 1, "max": 5}, "cpu_milli": 300, "mem_mib": 512,
     "duration_s": {"type": "exponential", "mean": 60}, "user": "a"},
    {"name": "gang", "interarrival_s": {"type": "exponential", "mean": 9}, "pickiness": 0.6,
     "tasks": {"type": "uniform", "min": 2, "max": 12}, "cpu_milli": 800, "mem_mib": 1024,
     "duration_s": {"type": "exponential", "mean": 50}, "constraints": "different_machines"},
    {"name": "gpu", "interarrival_s": {"type": "exponential", "mean": 6},
     "tasks": {"type": "uniform", "min": 1, "max": 4}, "cpu_milli": 500, "mem_mib": 1024,
     "gpu_devices": 1, "gpu_milli": 400, "duration_s": {"type": "exponential", "mean": 80}},
    {"name": "free", "interarrival_s": {"type": "exponential", "mean": 3}, "precedence": 5,
     "tasks": {"type": "exponential", "mean": 9}, "cpu_milli": 400, "mem_mib": 256,
     "duration_s": {"type": "exponential", "mean": 30}}
  ],
  "architecture": "shared_state",
  "schedulers": [
    {"name": "e", "module": "$B/tests/modules/elastic.so", "workloads": ["elastic"], "instances": 2,
     "decision": {"job_s": 2}},
    {"name": "g", "module": "service", "workloads": ["gang"], "sync": "private", "instances": 2,
     "decision": {"job_s": 3}, "commit": {"granularity": "gang", "detection": "coarse"}},
    {"name": "d", "module": "first_fit", "workloads": ["gpu"], "decision": {"job_s": 2},
     "commit": {"granularity": "all"}, "retry": {"attempts": 6, "backoff": 2}},
    {"name": "f", "module": "batch", "workloads": ["free"], "instances": 3,
     "sync": {"interval_s": 9}, "commit": {"granularity": "at_least", "at_least": 2}}
  ],
  "variants": [
    {"name": "drains"},
    {"name": "machine", "set": {"lost_tasks": "return",
      "schedulers.2.commit": {"granularity": "machine", "detection": "coarse"},
      "schedulers.3.commit": null}},
    {"name": "failures", "set": {"lost_tasks": "return", "machine_events": {
      "time_to_failure_s": {"type": "exponential", "mean": 600},
      "time_to_repair_s": {"type": "exponential", "mean": 20}}}}
  ]
}
JSON
alike wild "pwrite fast" "$T/wild.json"
check "views that are too old for the log are shown anew" run_on \
    '{"kind":"lmdb","mode":"fast","log_changes":1,"map_mib":256}' "$T/out/short" "$T/wild.json"
check "and the bytes are the same" same "$T/out/wild" "$T/out/short"
# some FIGURE: some row of the wild experiment has it above 0.
some() { grep -Eq "\"$1\":[1-9]" "$T/out/wild/results.jsonl"; }
for figure in claims_conflicting claims_refused claims_aborted losses tasks_failed tasks_abandoned \
    machine_events_drain machine_events_capacity final_gpu_used_milli check_above_limit; do
    check "the wild experiment has some $figure" some "$figure"
done

# ---- how the store is chosen ----

small=(tests/data/valid/smallest.json --quiet --out "$T/out/chosen")
stored() { # stored WORD SETTING...: the store that run.json names
    local word=$1
    shift
    "$OMEGA" run "${small[@]}" "$@" && grep -q "\"store\": \"$word\"" "$T/out/chosen/run.json" &&
        same "$T/out/smallest" "$T/out/chosen"
}
check "memory unless something is said" stored memory
check "a word" stored lmdb --set store=lmdb
check "a word in quotes" stored lmdb --set 'store="lmdb"'
check "a path" stored lmdb --set store.kind=lmdb --set store.mode=fast
check "the last word counts" stored memory --set store.kind=lmdb --set store=memory
check "a word that gets more keys" stored lmdb --set store=lmdb --set store.map_mib=64
sed '1s/{/{"store": "lmdb",/' tests/data/valid/smallest.json >"$T/word.json"
more() {
    "$OMEGA" run "$T/word.json" --quiet --out "$T/out/more" --set store.dir="$T/more" &&
        "$OMEGA" cell check "$T"/more/seed-*
}
check "also one of the file" more
check "an unknown one is refused" fails_with 1 "store: 'etcd' is unknown, expected 'memory' or" \
    "$OMEGA" run "${small[@]}" --set store=etcd

# ---- cells that stay ----

two='[{"name":"a"},{"name":"b"}]'
kept() {
    "$OMEGA" run tests/data/valid/smallest.json --quiet --out "$T/out/kept" \
        --set store.kind=lmdb --set store.dir="$T/cells/here" --set seeds='[1,2]' \
        --set variants="$two" >"$T/kept.out"
}
check "cells are kept where the experiment says" kept
check "one for each variant and seed" test "$(ls "$T/cells/here" | tr '\n' ' ')" = \
    "a-seed-1 a-seed-2 b-seed-1 b-seed-2 "
check "and no other" no_scratch
check "which the run says" \
    grep -q "^cells: 4 kept, the first: .* cell show $T/cells/here/a-seed-1$" "$T/kept.out"
rm -r "$T/cells/here/a-seed-1" "$T/cells/here/a-seed-2" "$T/cells/here/b-seed-1"
cp -r "$T/out/kept" "$T/out/kept-before"
check "one that is in the way is found before anything runs" fails_with 1 \
    "cells/here/b-seed-2: holds '.*' already, expected no such directory or an empty one" kept
check "nothing was made" test "$(ls "$T/cells/here")" = b-seed-2
check "the results of the run before are there" diff -r "$T/out/kept" "$T/out/kept-before"

# ---- what ends a run ----

# A pre-fill of 48,000 placements needs more room than there is.
too_large=("$OMEGA" run "$T/wild.json" --quiet --out "$T/out/full" --set store.kind=lmdb
    --set cell.prefill.cpu_milli=1 --set cell.prefill.mem_mib=1)
no_room='drains, seed 5: no room for the cell, expected a larger store\.map_mib, or a store\.dir or'
check "a map that is full ends the run" fails_with 1 "$no_room" \
    "${too_large[@]}" --set store.map_mib=1
check "with no cell left" no_scratch
check "and no results" test ! -e "$T/out/full"

# in_small_tmpfs COMMAND...: TMPDIR is a tmpfs of 3 MiB, in a mount namespace that ends with it.
how=()
unshare -m true 2>/dev/null && how=(unshare -m)
[ ${#how[@]} -gt 0 ] || { unshare -rm true 2>/dev/null && how=(unshare -rm); }
mkdir "$T/tiny"
in_small_tmpfs() {
    # shellcheck disable=SC2016
    TMPDIR=$T/tiny "${how[@]}" bash -c 'mount -t tmpfs -o size=3m tiny "$TMPDIR" || exit 99
        "$@"; code=$?
        [ -z "$(ls -A "$TMPDIR")" ] || { ls -A "$TMPDIR" >&2; exit 98; }
        exit $code' - "$@"
}
for mode in pwrite fast power; do
    if in_small_tmpfs true 2>/dev/null; then
        check "a full disk ends the run and leaves no cell, mode $mode" fails_with 1 "$no_room" \
            in_small_tmpfs "${too_large[@]}" --set store.mode="$mode"
    else
        skip "a full disk, mode $mode" "no tmpfs can be mounted"
    fi
done
nowhere() { TMPDIR=$T/nowhere "$OMEGA" run "${small[@]}" --set store=lmdb; }
check "a place that is not there is named" fails_with 1 \
    "nowhere: cannot make a directory for the cell here: No such file" nowhere

# Runs many seeds, and asks to stop when the first point is there.
stopped() {
    local pid rc=0
    "$OMEGA" run tests/data/valid/smallest.json --set store=lmdb --out "$T/out/stop" \
        --set "seeds=[$(seq -s, 1 9000)]" 2>"$T/progress" >"$T/stop.out" &
    pid=$!
    for _ in $(seq 600); do
        grep -q '^point 1 of' "$T/progress" && break
        sleep 0.05
    done
    kill -INT "$pid"
    wait "$pid" || rc=$?
    cat "$T/progress" >&2
    return "$rc"
}
check "Ctrl-C stops" fails_with 1 'stopped, [0-9]+ of 9000 points are finished and kept' stopped
check "with no cell left" no_scratch

# crash MODULE: the process ends by a signal, or by exit(), in the module.
crash() {
    "$OMEGA" run tests/data/valid/smallest.json --quiet --out "$T/out/crash" --set store=lmdb \
        --set "schedulers.0.module=$B/tests/modules/$1.so" && return 1
    no_scratch
}
if nm "$OMEGA" 2>/dev/null | grep -Eq '__asan_init|__ubsan_on_report|__tsan_init'; then
    skip "a module that crashes leaves no cell" "a sanitizer ends the process its own way"
else
    check "a module that crashes leaves no cell" crash crash_place
fi
check "nor does one that calls exit()" crash exit_place
finish
