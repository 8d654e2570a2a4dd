#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A wall clock that is set again and again, by years, forward and back: live runs and standing cells
# wait and count by the monotonic one, and do not notice.
. "$(dirname "$0")/../support/shell.sh"

export TMPDIR=$T
${CC:-cc} -std=c11 -O1 -Wall -Wextra -shared -fPIC -o "$T/jump.so" \
    tests/support/preload/jumping_clock.c || exit 1
# (who waits by the wrong clock waits for years)
jumping() { timeout 120 env LD_PRELOAD="$T/jump.so" "$@"; }
if ! jumping "$OMEGA" --help >/dev/null 2>&1; then # a sanitizer wants to be the first
    skip "a clock that jumps" "nothing can be loaded before this build"
    finish
    exit
fi
jumps() {
    local looks='print join "\n", map { int(time() / 1e7) } 1 .. 6'
    [ "$(jumping perl -e "$looks" | sort -u | wc -l)" -gt 3 ]
}
check "the clock jumps" jumps

cat >"$T/clock.json" <<'JSON'
{
  "name": "clock", "horizon_s": 100,
  "cell": { "machines": [ { "count": 20, "cpu_milli": 4000, "mem_mib": 16384 } ],
            "prefill": { "cpu_utilisation": 0.2, "cpu_milli": 500, "mem_mib": 256,
                         "duration_s": { "type": "uniform", "min": 5, "max": 90 } } },
  "workloads": [
    { "name": "batch", "jobs": 150, "interarrival_s": 0.5, "tasks": 3, "duration_s": 4,
      "cpu_milli": 1000, "mem_mib": 512 } ],
  "architecture": "shared_state",
  "schedulers": [ { "name": "batch", "module": "batch", "instances": 2,
                    "decision": { "job_s": 0.2 } } ],
  "machine_events": { "time_to_failure_s": { "type": "uniform", "min": 20, "max": 200 },
                      "time_to_repair_s": 5 },
  "record": [ "summary", "jobs" ],
  "store": { "kind": "lmdb" },
  "live": { "speedup": 25, "deadline_s": 5, "restart": { "limit": 0 } }
}
JSON
live() {
    jumping "$OMEGA" run --live --quiet --log --out "$T/$1" --set store.dir="$T/$1.cells" \
        --set live.threads="$2" "$T/clock.json"
}
# column FILE NAME
column() {
    awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
                          { print $at[name] }' "$1"
}
# whole NAME: all jobs were submitted, placed and ended; nobody was started again, or named.
whole() {
    [ "$(column "$T/$1/jobs.csv" job | sort -nu | wc -l)" -eq 150 ] &&
        [ "$(column "$T/$1/jobs.csv" outcome | sort | uniq -c | xargs)" = "150 finished" ]
}
for threads in false true; do
    name=threads-$threads
    check "a live run, $name" live "$name" "$threads"
    check "its log is proved, $name" jumping "$OMEGA" check-log "$T/$name"
    check "its cell is sound, $name" "$OMEGA" cell check "$T/$name.cells/seed-1"
    check "its result is whole, $name" whole "$name"
done

# ---- a standing cell ----

C=$T/cell
"$OMEGA" cell init "$C" --uniform 4 --cpu 8 --mem 32 >/dev/null
jumping "$OMEGA" executor --cell "$C" 2>"$T/executor.err" &
jumping "$OMEGA" scheduler --cell "$C" --module batch --name s 2>"$T/scheduler.err" &
submit() { jumping "$OMEGA" submit --cell "$C" --start-wait 60 --wait -; }
# more than the cell holds at once: the second half is placed when the first has ended
tasks() {
    for _ in $(seq 10); do
        submit <<<'{"tasks":8,"cpu_milli":1000,"duration_us":100000}' || return 1
    done
}
check "jobs are placed, and end, so that others are" tasks
stopped() { jumping "$OMEGA" control --cell "$C" stop; }
check "both stop when asked to" stopped
wait
check "nobody was started again" test ! -s "$T/executor.err" -o \
    -z "$(grep -h 'starts again' "$T/executor.err" "$T/scheduler.err")"
check "the cell is sound, too" "$OMEGA" cell check "$C"
finish
