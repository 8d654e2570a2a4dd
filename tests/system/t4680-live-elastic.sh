#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Jobs with optional tasks, and MapReduce jobs, in live runs: the same file that is simulated runs
# live. A job commits once, its module says how long its tasks run, and they end then; optional
# tasks that find no room are neither a conflict nor tried again; also where processes are killed.
. "$(dirname "$0")/../support/shell.sh"

export TMPDIR=$T
cat >"$T/elastic.json" <<'JSON'
{
  "name": "elastic", "horizon_s": 120,
  "cell": { "machines": [ { "count": 20, "cpu_milli": 4000, "mem_mib": 16384 } ] },
  "workloads": [
    { "name": "mr", "interarrival_s": 1, "cpu_milli": 500, "mem_mib": 512, "jobs": 60,
      "mapreduce": { "workers": { "type": "uniform", "min": 1, "max": 6 }, "map_activities": 40,
                     "reduces_per_worker": 0.5, "map_s": 3, "reduce_s": 2, "workers_max": 40 } },
    { "name": "batch", "interarrival_s": 0.5, "tasks": 2, "duration_s": 4, "cpu_milli": 500,
      "mem_mib": 512, "jobs": 100 } ],
  "architecture": "shared_state",
  "schedulers": [
    { "name": "mr", "module": "mapreduce", "workloads": [ "mr" ], "decision": { "job_s": 0.1 } },
    { "name": "batch", "module": "batch", "workloads": [ "batch" ], "instances": 2,
      "decision": { "job_s": 0.1 } } ],
  "record": [ "summary", "jobs" ],
  "live": { "speedup": 40, "deadline_s": 1,
            "restart": { "delay_s": 0.01, "delay_max_s": 0.1, "limit": 1000 } }
}
JSON

# jobs FILE COLUMN...: of the MapReduce jobs, by id.
jobs() {
    local file=$1
    shift
    awk -F, -v names="$*" '
        NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; n = split(names, name, " "); next }
        $at["workload"] == "mr" {
            line = ""
            for (i = 1; i <= n; i++) line = line " " $at[name[i]]
            print line
        }' "$file" | sort -n
}

check "simulated" "$OMEGA" run --quiet --out "$T/sim" "$T/elastic.json"
check "and live" "$OMEGA" run --live --quiet --log --out "$T/out" --set store.kind=lmdb \
    --set store.dir="$T/cells" "$T/elastic.json"
check "the log is proved" "$OMEGA" check-log "$T/out"
check "the cell is sound" "$OMEGA" cell check "$T/cells/seed-1"
jobs "$T/sim/jobs.csv" job tasks >"$T/sim.jobs"
jobs "$T/out/jobs.csv" job tasks >"$T/out.jobs"
check "the same jobs" cmp "$T/sim.jobs" "$T/out.jobs"
more() {
    jobs "$T/out/jobs.csv" tasks placed | awk '{ n++; more += $2 > $1 }
        END { print n, more; exit !(n == 60 && more > 10) }'
}
check "many got optional tasks" more
sooner() {
    jobs "$T/out/jobs.csv" asked_us got_us | awk '$2 != "" { n++; less += $2 < $1 }
        END { print n, less; exit !(n > 50 && less > 10) }'
}
check "and ran shorter for it" sooner

# One scheduler alone meets no conflict, and commits once for each job (20, and one of the others):
# what is missing of the optional tasks is nothing to try again for. On a slow machine an attempt
# may find the tasks of the job before still there, and no room; but none may begin behind the
# commit, when no required task is unplaced.
once() {
    "$OMEGA" run --live --quiet --log --out "$T/one" --set store.kind=lmdb \
        --set workloads.1.jobs=1 \
        --set workloads.1.cpu_milli=1 --set workloads.0.mapreduce.workers_max=10000 \
        --set workloads.0.mapreduce.map_activities=900 --set workloads.0.mapreduce.map_s=0.1 \
        --set workloads.0.jobs=20 --set workloads.0.interarrival_s=5 "$T/elastic.json" &&
        "$OMEGA" check-log "$T/one" >"$T/one.log" && cat "$T/one.log" &&
        grep -q ' 21 transactions, ' "$T/one.log" &&
        jobs "$T/one/jobs.csv" tasks attempts task_attempts conflicts |
        awk '{ print; bad += $1 * $2 != $3 || $4 != 0 } END { exit !(NR == 20 && bad == 0) }'
}
check "without a rival each commits once, whatever is missing" once

# optional_factor, by a module that shortens jobs.
factor() {
    "$OMEGA" run --live --quiet --log --out "$T/factor" --set store.kind=lmdb \
        --set 'workloads.1.optional_factor=3' \
        --set schedulers.1.module="$B/tests/modules/elastic.so" "$T/elastic.json" &&
        "$OMEGA" check-log "$T/factor"
}
check "optional tasks of other jobs" factor

# ---- processes that die ----

"$OMEGA" run --live --quiet --log --out "$T/killed" --set store.kind=lmdb --set horizon_s=320 \
    --set store.dir="$T/killed.cells" --set workloads.0.jobs=1000 \
    --set workloads.0.mapreduce.workers_max=8 --set workloads.0.mapreduce.map_s=0.5 \
    --set workloads.1.jobs=100000 --set workloads.1.duration_s=1 \
    --set workloads.0.interarrival_s=0.5 --set workloads.1.interarrival_s=0.2 \
    "$T/elastic.json" >/dev/null 2>"$T/killed.err" &
run=$!
begun() {
    for _ in $(seq 600); do
        kill -0 "$run" 2>/dev/null || return 1
        "$OMEGA" cell show "$T/killed.cells/seed-1" jobs --json 2>/dev/null |
            grep -q '"state":"running"' && return 0
        sleep 0.05
    done
    return 1
}
check "a run under load" begun
check "processes are killed" "$B/tests/tools/kill_run" "$run" "$T/killed.cells/seed-1" 15 5 \
    "${OMEGA_SEED:-7}"
ends() {
    local rc=0
    wait "$run" || rc=$?
    tail -n 3 "$T/killed.err"
    [ "$rc" -eq 0 ] && grep -q 'it starts again' "$T/killed.err"
}
check "and started again" ends
check "nothing is lost" "$OMEGA" check-log "$T/killed"
check "the cell is sound, too" "$OMEGA" cell check "$T/killed.cells/seed-1"
finish
