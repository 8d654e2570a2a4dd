#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# omega trace: import, info, export and formats; round trips; bad input leaves nothing behind.
source "$(dirname "$0")/../support/shell.sh"
machines=machine,cpu_milli,mem_mib,gpu_devices,platform,domain,absent,attributes
jobs=job,submit_us,workload,user,precedence,group,tasks,optional,cpu_milli,mem_mib
jobs=$jobs,gpu_devices,gpu_milli,duration_us,constraints
cat >"$T/machines.csv" <<END
$machines
m0,4000,16384,0,x86,rack0,0,
"m,1",8000,32768,8,,,0,gpu_model=A;ssd
m2,1000,1024,0,,,1,
END
cat >"$T/jobs.csv" <<END
$jobs
7,50000000,batch,alice,100,0,3,0,100,200,0,0,1000000,
2,90000000,service,,200,0,2,1,100,200,1,500,1;;3,gpu_model=A|B
2,90000000,service,,200,1,1,0,7,0,2,1000,,ssd?;different_machines
END
cat >"$T/events.csv" <<END
time_us,machine,event,cpu_milli,mem_mib,gpu_devices
40000000,m2,add,,,
60000000,m0,drain,,,
END
inputs=("$T/jobs.csv" "$T/machines.csv" "$T/events.csv")

digest() { sed -n 's/.*digest *\([0-9a-f]\{32\}\).*/\1/p' "$1"; }
imports() { "$OMEGA" trace import --format csv --out "$T/a.trace" "${inputs[@]}" >"$T/import"; }
check "csv is imported" imports
check "import prints counts and digest" grep -Eq \
    'a\.trace: 2 jobs, 3 machines, 2 machine events, digest [0-9a-f]{32}$' "$T/import"

round_trip() {
    "$OMEGA" trace export --format csv --out "$T/out/deep" "$T/a.trace" >"$T/export" &&
        "$OMEGA" trace import --format csv --out "$T/b.trace" "$T/out/deep/jobs.csv" \
            "$T/out/deep/machines.csv" "$T/out/deep/events.csv" >"$T/import2" &&
        test -n "$(digest "$T/import")" &&
        test "$(digest "$T/import")" = "$(digest "$T/export")" &&
        test "$(digest "$T/import")" = "$(digest "$T/import2")"
}
check "exported and imported again it has the same digest" round_trip
check "machines come out as they went in" cmp "$T/machines.csv" "$T/out/deep/machines.csv"
check "events come out as they went in" cmp "$T/events.csv" "$T/out/deep/events.csv"
check "jobs come out as they went in" cmp "$T/jobs.csv" "$T/out/deep/jobs.csv"

says() { # says REGEX ARGUMENTS...
    local regex=$1
    shift
    "$OMEGA" trace "$@" >"$T/says" && grep -Eq -- "$regex" "$T/says"
}
check "info tells the tasks" says '^tasks +6 required, 1 optional, in 3 groups$' info "$T/a.trace"
check "info tells the demand" says '^gpu_milli +8000 +3000 +37\.50%$' info "$T/a.trace"
check "info --json has units in its keys" says '"duration_us_per_task": \{' info --json "$T/a.trace"
check "formats are listed with their inputs" says 'INPUT: NODE_LIST\.csv POD_LIST\.csv' formats
for verb in import info export formats; do
    check "$verb --help" says "^usage: omega trace $verb" "$verb" --help
done
check "--help" says '^usage: omega trace VERB' --help

usage() { # usage NAME REGEX ARGUMENTS...
    local name=$1 regex=$2
    shift 2
    check "usage: $name" fails_with 2 "$regex" "$OMEGA" trace "$@"
}
usage "no verb" "^usage: omega trace VERB"
usage "unknown verb" "unknown verb 'guess', expected import, info, export or formats" guess
usage "unknown option" "unknown option '--fast'" info --fast
usage "missing value" "option '--out' needs a value" import --out
usage "no input" "expected --format, --out and input files" import --format csv --out "$T/x"
usage "unknown format" "unknown format 'xml'" import --format xml --out "$T/x" a b
usage "two files" "2 files, expected one trace file" info a b

fails() { # fails NAME REGEX ARGUMENTS...
    local name=$1 regex=$2
    shift 2
    check "$name" fails_with 1 "$regex" "$OMEGA" trace "$@"
}
sed 's/^2,90000000,service,,200,1/2,90000000,service,,200,3/' "$T/jobs.csv" >"$T/gap.csv"
fails "a bad row is named by file and line" "gap\.csv:4: group 3 of job 2, expected 1" \
    import --format csv --out "$T/x.trace" "$T/gap.csv" "$T/machines.csv"
fails "a missing file" "nowhere\.csv: cannot open: No such file" \
    import --format csv --out "$T/x.trace" "$T/nowhere.csv" "$T/machines.csv" "$T/nowhere.csv"
fails "a folder as input" "cannot read: Is a directory" \
    import --format csv --out "$T/x.trace" "$T/jobs.csv" "$T"
fails "an unwritable output" "cannot create a file in this directory" \
    import --format csv --out "$T/no/x.trace" "${inputs[@]}"
head -c 100 "$T/a.trace" >"$T/cut.trace"
fails "a truncated trace" "cut\.trace: block [0-9]+ \([a-z]+\), byte [0-9]+: the file ends" \
    info "$T/cut.trace"
cp "$T/a.trace" "$T/bad.trace"
printf 'X' | dd of="$T/bad.trace" bs=1 seek=60 conv=notrunc status=none
fails "a damaged trace" "bad\.trace: block [0-9]+ .*its checksum is another" info "$T/bad.trace"
cp "$T/a.trace" "$T/new.trace"
printf '\002' | dd of="$T/new.trace" bs=1 seek=8 conv=notrunc status=none
fails "a newer version" "is a trace file of version 2, expected version 1" info "$T/new.trace"
fails "another kind of file" "is not a trace file" info "$T/jobs.csv"
fails "a trace that is not there" "none\.trace: cannot open" info "$T/none.trace"

# RLIMIT_FSIZE stands for a full disk: 1 block of 1024 bytes, and SIGXFSZ ignored
full_disk() {
    (
        trap '' XFSZ
        for i in $(seq 5000); do
            echo "$i,1,w,,0,0,1,0,$i,1,0,0,$i,"
        done | cat <(echo "$jobs") - >"$T/many.csv"
        ulimit -f 1
        "$OMEGA" trace import --format csv --out "$T/x.trace" "$T/many.csv" "$T/machines.csv" \
            2>"$T/full.err"
        test $? = 1 && grep -q 'x\.trace: cannot write: File too large' "$T/full.err"
    )
}
check "a full disk" full_disk
check "failures left nothing behind" bash -c "! ls '$T' | grep -E '^x|tmp'"
no_stdout() { "$OMEGA" trace info "$T/a.trace" >/dev/full; }
check "output that cannot be written" fails_with 1 "cannot write" no_stdout
check "it is said once" test "$(wc -l <"$T/fails.err")" -eq 1
cat >"$T/up.csv" <<END
time_us,machine,event,cpu_milli,mem_mib,gpu_devices
60000000,m0,drain,,,
20000000,m0,add,,,
END
fails "an event that contradicts its machine's state is named by file and line" \
    "up\.csv:3: event 'add' of machine 'm0' at 20000000 us, which is up then" \
    import --format csv --out "$T/x.trace" "$T/jobs.csv" "$T/machines.csv" "$T/up.csv"

# an experiment's workload, exported and imported again
cat >"$T/generated.json" <<END
{
  "name": "generated",
  "seed": 3,
  "horizon_s": 3600,
  "cell": {"machines": [{"count": 20, "cpu_milli": 4000, "mem_mib": 16384, "domains": 4}]},
  "workloads": [
    {"name": "batch", "interarrival_s": {"type": "exponential", "mean": 10}, "tasks": 5,
     "duration_s": {"type": "exponential", "mean": 60}, "cpu_milli": 200, "mem_mib": 100},
    {"name": "service", "interarrival_s": {"type": "exponential", "mean": 100}, "tasks": 3,
     "duration_s": 500, "cpu_milli": 200, "mem_mib": 100, "constraints": "domain!=d0"}
  ],
  "architecture": "shared_state",
  "schedulers": [
    {"name": "b", "module": "batch", "workloads": ["batch"]},
    {"name": "s", "module": "batch", "workloads": ["service"]}
  ]
}
END
generated() {
    "$OMEGA" trace export --format csv --out "$T/gen" "$T/generated.json" >"$T/export" \
        2>"$T/gen.err" &&
        "$OMEGA" trace import --format csv --out "$T/gen.trace" "$T/gen/jobs.csv" \
            "$T/gen/machines.csv" >"$T/import" &&
        test -n "$(digest "$T/import")" &&
        test "$(digest "$T/import")" = "$(digest "$T/export")" &&
        grep -q ' 20 machines' "$T/import" &&
        test "$(grep -c ',service,' "$T/gen/jobs.csv")" -gt 10 &&
        test "$(grep -c ',batch,' "$T/gen/jobs.csv")" -gt 200
}
check "a generated workload is exported and imported again" generated
check "all of it is exported" test "$(grep -c 'not exported' "$T/gen.err")" -eq 0
sed -e 's/"seed": 3/"seeds": [3, 4, 5]/' \
    -e 's/"domains": 4}\]/&, "overcommit": {"cpu": 2}, "prefill": {"cpu_utilisation": 0.1,\
  "cpu_milli": 100, "mem_mib": 1}/' \
    -e 's/"constraints": "domain!=d0"/"pickiness": 0.5/' \
    -e 's/"architecture"/"machine_events": {"time_to_failure_s": 1e6,\
  "time_to_repair_s": 10},\
  "variants": [{"name": "a"}, {"name": "few", "set": {"horizon_s": 60}}],\
  &/' "$T/generated.json" >"$T/more.json"
more() { "$OMEGA" trace export --format csv --out "$T/more" "$@" >"$T/export" 2>"$T/more.err"; }
check "an experiment of more than a trace holds is exported" more "$T/more.json"
for what in 'pickiness \(of 1 workloads\)' over-commit pre-fill 'machine failures' \
    "other variants than 'a' \(1, " 'other seeds than 3 \(2, '; do
    check "not exported: $what" grep -Eq "^  $what" "$T/more.err"
done
check "another variant" more --variant few "$T/more.json"
check "it is that variant" bash -c "[ \$(wc -l <'$T/more/jobs.csv') -lt 20 ]"
check "its name is told" grep -q "other variants than 'few'" "$T/more.err"
check "another seed and setting" more --seed 4 --set 'workloads.0.interarrival_s=1800' \
    --set 'workloads.1.interarrival_s=3000' "$T/more.json"
check "that seed alone needs no word" bash -c "! grep -q seeds '$T/more.err'"
check "the setting holds" bash -c "[ \$(wc -l <'$T/more/jobs.csv') -lt 6 ]"
fails "an unknown variant" "more\.json: no variant 'b', expected one of its variants, such as 'a'" \
    export --format csv --out "$T/gen2" --variant b "$T/more.json"
usage "a seed for a trace" "expected a file whose name ends in .json" \
    export --format csv --out "$T/gen2" --seed 4 "$T/a.trace"
usage "no seed" "'x' is no seed" export --format csv --out "$T/gen2" --seed x "$T/more.json"
fails "a bad experiment" "expected" export --format csv --out "$T/gen2" "$T/jobs.csv"

# replaying that trace schedules the jobs of the experiment itself
replayed() {
    sed -e 's|"machines": \[[^]]*\]|"trace": "gen.trace"|' -e '/"workloads": \[$/,/^  \],/c\
  "workloads": [{"name": "batch", "trace": "gen.trace", "trace_workloads": ["batch"]},\
    {"name": "service", "trace": "gen.trace", "trace_workloads": ["service"]}],' \
        "$T/generated.json" >"$T/replayed.json" &&
        "$OMEGA" run "$T/generated.json" --out "$T/run1" --quiet >/dev/null &&
        "$OMEGA" run "$T/replayed.json" --out "$T/run2" --quiet >/dev/null &&
        run_digest "$T/run1" >"$T/d1" && run_digest "$T/run2" >"$T/d2" &&
        test -s "$T/d1" && cmp "$T/d1" "$T/d2"
}
run_digest() { grep -o '"digest": *"[0-9a-f]*"' "$1/results.jsonl"; }
check "a run that replays the exported workload has the digest of the run that drew it" replayed
finish
