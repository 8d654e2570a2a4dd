#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Live runs whose instances are threads of one process: eight of them, which conflict all the time,
# leave a sound cell and a log that is proved, also with Ctrl-C and where one fails. Under the
# thread sanitizer this is where races of the live driver are looked for.
. "$(dirname "$0")/../support/shell.sh"

mkdir "$T/scratch"
export TMPDIR=$T/scratch

cat >"$T/threads.json" <<'JSON'
{
  "name": "threads",
  "horizon_s": 60,
  "cell": { "machines": [ { "count": 30, "cpu_milli": 4000, "mem_mib": 16384 } ],
            "prefill": { "cpu_utilisation": 0.2, "cpu_milli": 500, "mem_mib": 256,
                         "duration_s": { "type": "uniform", "min": 5, "max": 90 } } },
  "workloads": [
    { "name": "batch", "interarrival_s": { "type": "exponential", "mean": 0.1 },
      "tasks": { "type": "uniform", "min": 1, "max": 6 },
      "duration_s": { "type": "exponential", "mean": 2 }, "cpu_milli": 400, "mem_mib": 512 },
    { "name": "service", "interarrival_s": 1, "tasks": 3, "constraints": "different_machines",
      "duration_s": 5, "cpu_milli": 500, "mem_mib": 512 } ],
  "architecture": "shared_state",
  "schedulers": [
    { "name": "batch", "module": "first_fit", "workloads": [ "batch" ], "instances": 6,
      "decision": { "job_s": 0.2, "task_s": 0.02 },
      "commit": { "detection": "coarse" } },
    { "name": "service", "module": "service", "workloads": [ "service" ], "instances": 2,
      "decision": { "job_s": 0.5 } } ],
  "record": [ "summary", "jobs", "conflicts", "refused" ]
}
JSON

live() {
    "$OMEGA" run --live --quiet --set live.threads=true --set live.speedup=20 "$@" \
        "$T/threads.json"
}

check "eight threads" live --log --out "$T/out" --set store.kind=lmdb --set store.dir="$T/cells"
check "the log is proved" "$OMEGA" check-log "$T/out"
check "a segment for each thread" test "$(ls "$T/out/log" | wc -l)" -eq 11
check "the cell is sound" "$OMEGA" cell check "$T/cells/seed-1"
check "no endpoint stays" test "$(ls "$T/cells/seed-1" | grep -c wake)" -eq 0
check "they met conflicts" test "$(wc -l <"$T/out/refused.csv")" -gt 50
check "run.json says threads" grep -q '"threads": true' "$T/out/run.json"

interrupted() {
    local run rc=0
    "$OMEGA" run --live --quiet --set live.threads=true --set horizon_s=600 --out "$T/int" \
        --set store.kind=lmdb --set store.dir="$T/int.cells" "$T/threads.json" \
        >/dev/null 2>"$T/int.err" &
    run=$!
    for _ in $(seq 1200); do # until a task runs
        "$OMEGA" cell show "$T/int.cells/seed-1" jobs --json 2>/dev/null |
            grep -q '"state":"running"' && break
        sleep 0.05
    done
    kill -INT "$run"
    wait "$run" || rc=$?
    [ "$rc" -eq 1 ] && grep -q 'nothing is written' "$T/int.err" &&
        "$OMEGA" cell check "$T/int.cells/seed-1"
}
check "Ctrl-C ends all of them" interrupted
check "a full cell is told by who met it" fails_with 1 'no room for the cell' live \
    --out "$T/full" --set store.kind=lmdb --set store.map_mib=1 \
    --set workloads.0.interarrival_s=0.001 --set horizon_s=2000
check "no cell stays" test -z "$(ls -A "$T/scratch")"
finish
