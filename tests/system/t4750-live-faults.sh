#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What may go wrong in a live run: a process that hangs, floods or is stopped, also while it holds
# the lock of the writers; a module that crashes in each callback; a full disk, a full map, wake-ups
# that are lost. Each has a clear word, the cell stays sound, and the run goes on or ends in order.
. "$(dirname "$0")/../support/shell.sh"
ulimit -c 0

mkdir "$T/scratch"
export TMPDIR=$T/scratch

# experiment NAME MODULE [MORE]: two instances of a module, some twenty small jobs a second.
experiment() {
    cat >"$T/$1.json" <<JSON
{ "name": "$1", "horizon_s": ${horizon:-60},
  "cell": { "machines": [ { "count": 10, "cpu_milli": 4000, "mem_mib": 16384 } ] },
  "workloads": [ { "name": "w", "interarrival_s": { "type": "exponential", "mean": ${gap:-1} },
                   "tasks": 2, "duration_s": 5, "cpu_milli": ${cpu:-500}, "mem_mib": 64 } ],
  "architecture": "shared_state",
  "schedulers": [ { "name": "s", "module": "$2", "instances": 2,
                    "retry": { "delay_s": ${retry:-1} } } ],
  "store": { "kind": "lmdb", "dir": "${dir:-$T/$1.cells}", "map_mib": ${map:-64},
             "log_changes": ${ring:-16384} },
  "record": [ "summary", "jobs" ],
  "live": { "speedup": ${speedup:-20}, "deadline_s": ${deadline:-5}, "flood_per_s": ${flood:-0},
            "restart": { "delay_s": 0.01, "delay_max_s": 0.05, "limit": ${limit:-3} } } }
JSON
}
live() { "$OMEGA" run --live --quiet --log --out "$T/$1.out" "$T/$1.json"; }
sound() { "$OMEGA" cell check "${dir:-$T/$1.cells}/seed-1"; }
proved() { "$OMEGA" check-log "$T/$1.out"; }

# ends NAME MODULE REGEX: the run ends with an error that matches, and the cell is sound.
ends() {
    experiment "$1" "$2"
    check "$1 has a clear word" fails_with 1 "$3" live "$1"
    check "$1 leaves a sound cell" sound "$1"
}

# begin NAME: a run in the background in which jobs run: $run.
begin() {
    "$OMEGA" run --live --quiet --log --out "$T/$1.out" "$T/$1.json" 2>"$T/$1.err" >/dev/null &
    run=$!
    for _ in $(seq 600); do
        "$OMEGA" cell show "$T/$1.cells/seed-1" jobs --json 2>/dev/null |
            grep -q '"state":"running"' && return 0
        kill -0 "$run" || return 1
        sleep 0.05
    done
    return 1
}
# goes_on NAME REGEX: it comes to its end, has said this, and is proved.
goes_on() {
    local rc=0
    wait "$run" || rc=$?
    cat "$T/$1.err"
    [ "$rc" -eq 0 ] && { [ -z "$2" ] || grep -Eq "$2" "$T/$1.err"; } && proved "$1" && sound "$1"
}

# ---- modules ----

crashes="instance [01] of scheduler 's' (was ended by signal|ended with exit code).*after 1 restart"
limit=1 ends crash_place "$B/tests/modules/crash_place.so" "$crashes"
limit=1 experiment crash_init "$B/tests/modules/crash_init.so"
check "crash_init has a clear word, before there is a cell" fails_with 1 "$crashes" live crash_init
horizon=10 limit=1 ends crash_fini "$B/tests/modules/crash_fini.so" "$crashes"
limit=1 ends exit_place "$B/tests/modules/exit_place.so" \
    "instance [01] of scheduler 's' ended with exit code"
deadline=0.3 limit=1 ends hang_place "$B/tests/modules/hang_place.so" \
    "instance [01] of scheduler 's' showed no progress for .* s, and was killed"

# A job that fits nowhere is tried without a pause.
horizon=100 cpu=8000 retry=0 flood=50 limit=1 experiment flood batch
floods() {
    live flood 2>"$T/flood.err" && proved flood && sound flood || return 1
    cat "$T/flood.err"
    grep -Eq "instance [01] of scheduler 's' .* made [0-9]+ attempts a second and placed nothing" \
        "$T/flood.err" && grep -q '"flooded": [1-9]' "$T/flood.out/run.json"
}
check "who floods is named and slowed down, and the run goes on" floods

# ---- processes that are stopped ----

horizon=160 deadline=0.5 experiment stopped batch
check "a run, one of whose processes is to be stopped" begin stopped
stop_one() { kill -s STOP "$(ps -o pid= --ppid "$run" | tail -n 1)"; }
check "a process is stopped" stop_one
check "it is named and killed, and another one goes on" goes_on stopped \
    "instance 1 of scheduler 's' \(start 1\) was stopped for .* s, and was killed; it starts again"
check "run.json says so" grep -q '"hung": 1' "$T/stopped.out/run.json"

horizon=600 speedup=100 experiment blocked batch
check "a run, one of whose writers is to be stopped" begin blocked
check "a writer is stopped" "$B/tests/tools/stop_writer" "$T/blocked.cells/seed-1"
check "it is named and killed, and the others go on" goes_on blocked \
    "was stopped while it held the lock of the writers for 0\.[0-9] s, and was killed"
check "run.json says so, too" grep -q '"blocked": 1' "$T/blocked.out/run.json"

# The executor sleeps until the change log has forgotten what it has not seen.
horizon=100 deadline=60 ring=16 gap=0.2 cpu=50 experiment behind batch
check "a run whose executor is to fall behind" begin behind
version() {
    "$OMEGA" cell show "$T/behind.cells/seed-1" --json | sed 's/.*"version":\([0-9]*\).*/\1/'
}
fall_behind() {
    local executor first
    executor=$(ps -o pid= --ppid "$run" | sed -n 2p)
    kill -s STOP "$executor"
    first=$(version)
    for _ in $(seq 600); do
        [ "$(version)" -le "$((first + 20))" ] || break
        sleep 0.05
    done
    kill -s CONT "$executor"
    [ "$(version)" -gt "$((first + 20))" ]
}
check "it falls behind" fall_behind
check "it looks at what runs, and the run goes on" goes_on behind ''
check "without another one" test "$(grep -c '"restarts": \[\]' "$T/behind.out/run.json")" -eq 1

# ---- bytes that end who reads them ----

# nanomsg 1.1.5 asserts the type of a message: whoever may write to the cell's directory can end a
# process that listens there.
horizon=100 experiment noise batch
check "a run that is sent hostile bytes" begin noise
hostile() {
    perl -MSocket -e '
        my $s;
        socket($s, PF_UNIX, SOCK_STREAM, 0) or die $!;
        connect($s, sockaddr_un($ARGV[0])) or die $!;
        syswrite $s, "\0SP\0\0\x50\0\0" . "\7" . "\0" x 7 . "\1x";
        1 while sysread $s, my $bytes, 100; # until its reader has ended
    ' "$T/noise.cells/seed-1/wake-$1"
}
check "at the wake-ups of the executor" hostile 1
check "and of a scheduler" hostile 2
check "they are named, and started again, and the run goes on" goes_on noise \
    "the executor \(start 1\) (was ended by signal 6|ended with exit code)"
check "both of them" grep -Eq \
    "instance 0 of scheduler 's' \(start 1\) (was ended|ended)" "$T/noise.err"

# ---- wake-ups ----

horizon=100 experiment asleep batch
check "a run whose wake-ups are to be lost" begin asleep
check "all wake-ups are lost" rm "$T/asleep.cells/seed-1"/wake-{1,2,3}
check "the run comes to its end" goes_on asleep ''
all_placed() {
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
             { jobs++; late += $at["placed"] == 0 } END { print jobs, late; exit late > 2 }' \
        "$T/asleep.out/jobs.csv"
}
check "jobs were found without" all_placed

# ---- room ----

map=1 horizon=600 speedup=100 gap=0.05 cpu=1 ends map batch "(map|MDB_MAP_FULL).*"
small_disk() {
    mkdir "$T/disk" && mount -t tmpfs -o size=1m none "$T/disk" 2>"$T/mount.err"
}
if small_disk; then
    trap 'umount "$T/disk"; rm -rf "$T"' EXIT
    dir=$T/disk/cells horizon=600 speedup=100 gap=0.05 cpu=1 ends disk batch \
        "(disk|[Nn]o space left)"
else
    skip "a full disk" "no tmpfs can be mounted here"
fi
check "nothing stays behind" test -z "$(ls "$T/scratch")"
finish
