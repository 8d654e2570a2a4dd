#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Modules that crash, hang or call exit() are named, with callback and job, and leave no files of
# theirs behind; Ctrl-C says who is running.
source "$(dirname "$0")/../support/shell.sh"
ulimit -c 0

experiment() { # experiment MODULE: one scheduler with that module, one job a second
    cat >"$T/$1.json" <<JSON
{
  "name": "$1", "horizon_s": 100, "record": ["summary", "jobs", "series"],
  "cell": {"machines": [{"count": 3, "cpu_milli": 1000, "mem_mib": 1000}]},
  "workloads": [{"name": "w", "interarrival_s": 1, "tasks": 1, "duration_s": 10, "cpu_milli": 600,
                 "mem_mib": 100}],
  "architecture": "shared_state",
  "schedulers": [{"name": "s", "module": "$B/tests/modules/$1.so", "workloads": ["w"]}]
}
JSON
}

no_leftovers() { # no_leftovers DIR
    [ -z "$(find "$1" -type f 2>/dev/null)" ] || { find "$1" -type f; return 1; }
}

# ends MODULE CODE REGEX: the run ends with CODE, and one line of stderr matches.
ends() {
    local module=$1 code=$2 regex=$3
    experiment "$module"
    check "$module is named" fails_with "$code" "$regex" \
        timeout 60 "$OMEGA" run "$T/$module.json" --quiet --out "$T/out-$module"
    check "$module leaves no files" no_leftovers "$T/out-$module"
}

signal_code=139 # 128 + SIGSEGV
place="in place\(\) of module '[a-z_]*' \(scheduler 's'\), job 1"
if nm "$OMEGA" 2>/dev/null | grep -Eq '__asan_init|__ubsan_on_report'; then
    signal_code=1 # the sanitizer takes over and ends the process its own way
elif nm "$OMEGA" 2>/dev/null | grep -q __tsan_init; then
    signal_code=66
fi
ends crash_place "$signal_code" "^omega: signal 11 $place$"
ends crash_init "$signal_code" \
    "^omega: signal (11|7) in init\(\) of module 'crash_init' \(scheduler 's'\)$"
ends exit_place 1 "^omega: exit\(\) called $place$"

# A hanging module: one SIGINT and then another. Ends by itself where neither helps.
experiment hang_place
interrupt() {
    local rc=0 pid watch
    "$OMEGA" run "$T/hang_place.json" --quiet --out "$T/out-hang" >"$T/hang.out" 2>"$T/hang.err" &
    pid=$!
    (sleep 30 && kill -KILL "$pid") 2>/dev/null &
    watch=$!
    for _ in $(seq 200); do
        ls "$T"/out-hang/points/*.tmp >/dev/null 2>&1 && break
        sleep 0.05
    done
    sleep 0.3
    ls "$T"/out-hang/points/*.tmp >/dev/null || return 1
    kill -INT "$pid"
    for _ in $(seq 200); do
        grep -q stopping "$T/hang.err" && break
        sleep 0.05
    done
    kill -INT "$pid"
    wait "$pid" || rc=$?
    kill "$watch" 2>/dev/null
    echo "exit code $rc"
    cat "$T/hang.err"
    [ "$rc" -eq 130 ]
}
if [ "$signal_code" -eq 66 ]; then
    skip "Ctrl-C in a module that hangs" "the thread sanitizer holds signals back there"
    finish
    exit
fi
check "the second Ctrl-C ends a module that hangs" interrupt
check "the first one says who is running" grep -Eq \
    "^omega: stopping after the current attempt \($place\); press Ctrl-C again to end at once$" \
    "$T/hang.err"
check "no files are left behind" no_leftovers "$T/out-hang"
finish
