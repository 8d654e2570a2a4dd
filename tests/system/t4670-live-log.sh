#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The log of a live run outlives the run: omega run itself is killed, and what its processes had
# told lies beside the parts, where omega check-log finds it: incomplete, since the horizon is
# missing, with every version there or made from the cell, and nothing in it breaks a rule.
. "$(dirname "$0")/../support/shell.sh"

export TMPDIR=$T
cat >"$T/live.json" <<'JSON'
{
  "name": "killed", "horizon_s": 3600,
  "cell": { "machines": [ { "count": 40, "cpu_milli": 4000, "mem_mib": 16384 } ],
            "prefill": { "cpu_utilisation": 0.2, "cpu_milli": 500, "mem_mib": 256,
                         "duration_s": { "type": "uniform", "min": 5, "max": 90 } } },
  "workloads": [
    { "name": "batch", "interarrival_s": { "type": "exponential", "mean": 0.1 },
      "tasks": { "type": "uniform", "min": 1, "max": 6 },
      "duration_s": { "type": "exponential", "mean": 3 }, "cpu_milli": 1000, "mem_mib": 512 } ],
  "architecture": "shared_state",
  "schedulers": [ { "name": "batch", "module": "batch", "instances": 2,
                    "decision": { "job_s": 0.02 } } ],
  "machine_events": { "time_to_failure_s": { "type": "exponential", "mean": 200 },
                      "time_to_repair_s": { "type": "uniform", "min": 1, "max": 10 } },
  "store": { "kind": "lmdb" },
  "live": { "speedup": 10 }
}
JSON

# versions NAME: of the cell of a run; 0 until there is one.
versions() {
    "$OMEGA" cell show "$T/$1/seed-1" --json 2>/dev/null | sed 's/.*"version":\([0-9]*\).*/\1/' |
        grep . || echo 0
}

# killed NAME [ARGUMENT...]: a run that has come to version 100 is killed, with what it has started.
killed() {
    local name=$1
    shift
    "$OMEGA" run --live --quiet --log --out "$T/$name.out" --set store.dir="$T/$name" "$@" \
        "$T/live.json" >/dev/null 2>"$T/$name.err" &
    run=$!
    for _ in $(seq 1200); do
        [ "$(versions "$name")" -lt 100 ] || break
        sleep 0.05
    done
    kill -s KILL "$run"
    wait "$run" 2>/dev/null
    [ "$(versions "$name")" -ge 100 ]
}
incomplete() {
    "$OMEGA" check-log --json "$@" >"$T/json" 2>"$T/told" && return 1
    cat "$T/json" "$T/told"
    grep -q '"verdict":"incomplete","unfinished":true' "$T/json" &&
        grep -q 'the horizon is missing' "$T/told"
}
count() { sed "s/.*\"$1\":\([0-9]*\).*/\1/" "$T/json"; }

check "omega run is killed" killed processes
check "a segment for each process stays" \
    test "$(ls "$T/processes.out/points" | grep -c omlog)" -eq 5
check "its log is incomplete, and sound" incomplete "$T/processes.out"
check "it tells of what happened" test "$(count transactions)" -gt 20
check "the cell has what it lacks" incomplete --cell "$T/processes" "$T/processes.out"
check "every version" test "$(count versions_missing)" -eq 0
check "the folder of the logs will do, too" incomplete "$T/processes.out/points"
"$OMEGA" check-log "$T/processes.out" >"$T/text" 2>/dev/null
check "it is said that there are no results" grep -q '^the run was ended before it was whole' \
    "$T/text"
check "the cell is sound" "$OMEGA" cell check "$T/processes/seed-1"

predicted() {
    "$OMEGA" replay "$T/processes.out" |
        grep -E 'seed 1: the log is incomplete: .* of the first [1-9][0-9.]* s of 3600.000 s'
}
check "what is there can be replayed" predicted

check "omega run is killed with all of its threads" killed threads --set live.threads=true
check "their log is incomplete, and sound" incomplete --cell "$T/threads" "$T/threads.out"
check "it tells of what they did" test "$(count transactions)" -gt 20

# What is in order leaves nothing half: a run that is asked to stop.
stopped() {
    local rc=0
    "$OMEGA" run --live --quiet --log --out "$T/stopped.out" --set store.dir="$T/stopped" \
        "$T/live.json" >/dev/null 2>&1 &
    run=$!
    for _ in $(seq 1200); do
        [ "$(versions stopped)" -lt 20 ] || break
        sleep 0.05
    done
    kill -s TERM "$run"
    wait "$run" || rc=$?
    [ "$rc" -eq 1 ] && [ ! -e "$T/stopped.out" ]
}
check "a run that is asked to stop leaves no log" stopped

again() {
    "$OMEGA" run --live --fresh --quiet --log --out "$T/processes.out" --set horizon_s=20 \
        --set store.dir="$T/again" "$T/live.json" && "$OMEGA" check-log "$T/processes.out" &&
        [ ! -e "$T/processes.out/points" ]
}
check "a run in the place of the killed one has its own log" again

# A finished point whose log lacks a segment is none.
shard() {
    "$OMEGA" run --live --quiet --log --shard 1/2 --out "$T/shard" --set horizon_s=10 \
        --set 'seeds=[1,2]' "$@" "$T/live.json"
}
check "a shard runs live" shard
check "with a segment for each process" test -e "$T/shard/points/000000-4.omlog"
rm "$T/shard/points/000000-2.omlog"
check "a point without one of them is not merged" \
    fails_with 1 'has the first 2 segments of the log of point 0, expected all 5' \
    "$OMEGA" merge --out "$T/merged" "$T/shard"
check "but runs again" shard --resume
check "and is whole" test -e "$T/shard/points/000000-2.omlog"
finish
