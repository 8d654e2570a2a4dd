#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# omega run --live: an experiment by processes on a cell on disk. Its results account for every
# task, its log is proved, Ctrl-C and a process that is killed leave a sound cell and no process.
. "$(dirname "$0")/../support/shell.sh"

# Cells without a place of their own: seen if they stay.
mkdir "$T/scratch"
export TMPDIR=$T/scratch

cat >"$T/live.json" <<'JSON'
{
  "name": "live",
  "horizon_s": 60,
  "cell": { "machines": [ { "count": 20, "cpu_milli": 4000, "mem_mib": 16384, "platform": "a" },
                          { "count": 20, "cpu_milli": 4000, "mem_mib": 16384 } ],
            "prefill": { "cpu_utilisation": 0.2, "cpu_milli": 500, "mem_mib": 256,
                         "duration_s": { "type": "uniform", "min": 5, "max": 90 } } },
  "workloads": [
    { "name": "batch", "jobs": 80, "interarrival_s": 0.5,
      "tasks": { "type": "uniform", "min": 1, "max": 12 },
      "duration_s": { "type": "exponential", "mean": 10 }, "cpu_milli": 1000, "mem_mib": 512 },
    { "name": "service", "jobs": 8, "interarrival_s": 5, "tasks": 4, "user": "somebody",
      "constraints": "platform=a;different_machines", "pickiness": 0.8,
      "duration_s": 40, "cpu_milli": 500, "mem_mib": 512 } ],
  "architecture": "shared_state",
  "schedulers": [
    { "name": "batch", "module": "batch", "workloads": [ "batch" ], "instances": 2,
      "decision": { "job_s": 0.3, "task_s": 0.02 } },
    { "name": "service", "module": "service", "workloads": [ "service" ],
      "sync": { "interval_s": 2 }, "place": "start", "decision": { "job_s": 1 } } ],
  "record": [ "summary", "jobs", "series", "histograms", "conflicts", "refused", "machines" ]
}
JSON

live() { "$OMEGA" run --live --set live.speedup=40 --quiet "$@" "$T/live.json"; }

# sum FILE COLUMN: of a CSV file with a head.
column() {
    awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
                          { print $at[name] }' "$1"
}
sum() { column "$1" "$2" | awk '{ sum += $1 } END { print sum + 0 }'; }

check "a live run" live --log --out "$T/out" --set store.kind=lmdb --set store.dir="$T/cells"
check "the log is proved" "$OMEGA" check-log "$T/out"
check "a segment for each process" test "$(ls "$T/out/log" | wc -l)" -eq 6
check "the cell is sound" "$OMEGA" cell check "$T/cells/seed-1"
check "no endpoint stays" test "$(ls "$T/cells/seed-1" | grep -c wake)" -eq 0
check "all jobs came, each once" test "$(column "$T/out/jobs.csv" job | sort -nu | wc -l)" -eq 88
accounts() {
    local required
    "$OMEGA" run --quiet --out "$T/sim" "$T/live.json" >/dev/null || return 1
    required=$(sum "$T/sim/jobs.csv" tasks)
    [ "$(sum "$T/out/jobs.csv" tasks)" -eq "$required" ] &&
        [ "$(sum "$T/out/jobs.csv" placed)" -eq \
            "$((required - $(sum "$T/out/jobs.csv" unplaced)))" ]
}
check "the same tasks as in the simulator, each placed once or not" accounts
check "every kind of file" test -s "$T/out/series.csv" -a -s "$T/out/histograms.jsonl" -a \
    -s "$T/out/conflicts.csv" -a -s "$T/out/refused.csv" -a -s "$T/out/machines.csv"
check "what took real time" grep -q '"plan_mean_us"' "$T/out/run.json"
check "without emulated decisions" live --out "$T/quick" --set live.emulate_decisions=false

variants() {
    "$OMEGA" run --quiet --out "$T/both" --set live.speedup=40 --set horizon_s=10 --set \
        'variants=[{"name":"sim"},{"name":"live","set":{"driver":"live"}}]' --log "$T/live.json" &&
        "$OMEGA" check-log "$T/both"
}
too_fast() {
    "$OMEGA" run --live --quiet --set live.speedup=1000000 --out "$T/fast" "$T/live.json" \
        2>"$T/fast.err" && grep -q 'feeder: warning: jobs from .* s on came too late' "$T/fast.err"
}
check "a speed-up that is too high is told" too_fast
check "simulated and live in one experiment" variants

# ---- stopping ----

# children PID: how many processes it has started that are still there.
children() { ps -o pid= --ppid "$1" | wc -l; }

# all_gone PIDS: none of these processes, with commas between, is there a little later.
all_gone() {
    for _ in $(seq 100); do
        ps -p "$1" >/dev/null || return 0
        sleep 0.05
    done
    return 1
}

# begin NAME ARGUMENT...: a long live run in the background of which tasks run already: $run, $cell.
begin() {
    local name=$1
    shift
    cell=$T/$name/seed-1
    "$OMEGA" run --live --quiet --set horizon_s=3600 --set store.kind=lmdb "$@" \
        --set store.dir="$T/$name" --out "$T/$name.out" "$T/live.json" 2>"$T/$name.err" >/dev/null &
    run=$!
    for _ in $(seq 1200); do
        if [ "$(children "$run")" -eq 5 ] &&
            "$OMEGA" cell show "$cell" jobs --json 2>/dev/null | grep -q '"state":"running"'; then
            return 0
        fi
        sleep 0.05
    done
    echo "no task ran"
    kill "$run"
    return 1
}

ends_in_order() {
    local rc=0 signal=$1
    begin "$signal" || return 1
    local others
    others=$(ps -o pid= --ppid "$run" | tr -d ' ' | paste -sd,)
    kill -s "$signal" "$run"
    wait "$run" || rc=$?
    [ "$rc" -eq 1 ] && grep -q 'nothing is written' "$T/$signal.err" && [ ! -e "$T/$signal.out" ] &&
        "$OMEGA" cell check "$cell" && all_gone "$others"
}
check "SIGINT ends it in order" ends_in_order INT
check "SIGTERM, too" ends_in_order TERM

names_the_dead() {
    local rc=0
    begin dead --set live.restart.limit=0 || return 1
    kill -s KILL "$(ps -o pid= --ppid "$run" | tail -n 1)"
    wait "$run" || rc=$?
    cat "$T/dead.err"
    [ "$rc" -eq 1 ] && [ "$(children "$run")" -eq 0 ] && [ ! -e "$T/dead.out" ] &&
        grep -q "instance 0 of scheduler 'service' was ended by signal 9" "$T/dead.err" &&
        "$OMEGA" cell check "$cell"
}
check "a process that is killed is named, and ends the run where none is started again" \
    names_the_dead

# The second Ctrl-C ends it at once: the cell in $TMPDIR goes, and all processes.
ends_at_once() {
    local rc=0
    "$OMEGA" run --live --quiet --set horizon_s=3600 --out "$T/twice.out" \
        --set schedulers.0.module="$B/tests/modules/hang_place.so" "$T/live.json" 2>/dev/null &
    run=$!
    for _ in $(seq 1200); do # until one hangs in its module
        [ -z "$(ps -o cputimes= --ppid "$run" | grep -w 1)" ] || break
        sleep 0.05
    done
    kill -s TERM "$run"
    sleep 0.2
    local others
    others=$(ps -o pid= --ppid "$run" | tr -d ' ' | paste -sd,)
    [ -n "$others" ] || return 1
    kill -s TERM "$run"
    wait "$run" || rc=$?
    [ "$rc" -eq 143 ] && [ -z "$(ls "$T/scratch")" ] && all_gone "$others"
}
check "a second request ends it at once, and nothing stays" ends_at_once

cat >"$T/crash.json" <<JSON
{ "name": "crash", "horizon_s": 60,
  "cell": { "machines": [ { "count": 2, "cpu_milli": 4000, "mem_mib": 16384 } ] },
  "workloads": [ { "name": "w", "interarrival_s": 1, "tasks": 1, "duration_s": 1,
                   "cpu_milli": 1, "mem_mib": 1 } ],
  "architecture": "shared_state",
  "schedulers": [ { "name": "s", "module": "$B/tests/modules/MODULE.so" } ] }
JSON
crash() {
    sed "s/MODULE/$1/" "$T/crash.json" >"$T/$1.json"
    "$OMEGA" run --live --set live.speedup=20 --set live.restart.limit=0 --quiet --out "$T/$1" \
        "$T/$1.json"
}
# (a sanitizer makes an exit code of the signal)
check "a module that crashes" fails_with 1 \
    "instance 0 of scheduler 's' (was ended by signal|ended with exit code)" crash crash_place
check "a module that breaks its contract" fails_with 1 "instance 0 of scheduler 's': module" \
    crash breach_twice
check "nothing stays behind" test -z "$(ls "$T/scratch")"

check "no speed-up" fails_with 1 'live.speedup: 0 is out of range, expected' \
    live --set live.speedup=0
finish
