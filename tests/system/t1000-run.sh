#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# omega run: what it writes, that it writes it whole or not at all, exit codes.
source "$(dirname "$0")/../support/shell.sh"

cat >"$T/small.json" <<'JSON'
{"name": "small", "seeds": [1, 2], "horizon_s": 2000, "warmup_s": 100,
 "cell": {"machines": [{"count": 50, "cpu_milli": 4000, "mem_mib": 16384}]},
 "workloads": [
  {"name": "batch", "interarrival_s": {"type": "exponential", "mean": 2}, "tasks": 10,
   "duration_s": {"type": "exponential", "mean": 30}, "cpu_milli": 900, "mem_mib": 512}],
 "architecture": "shared_state",
 "schedulers": [{"name": "batch", "module": "batch", "decision": {"job_s": 1}}],
 "record": ["summary", "histograms", "series", "jobs"],
 "variants": [
  {"name": "one"},
  {"name": "four", "set": {"schedulers": [
   {"name": "batch", "module": "batch", "instances": 4, "decision": {"job_s": 1}}]}}]}
JSON

no_temporaries() { [ -z "$(find "$1" -name '*tmp*')" ]; }
lines() { [ "$(wc -l <"$1")" -eq "$2" ]; }
not() { ! "$@"; }

# ---- what comes out ----

check "a run ends well" "$OMEGA" run "$T/small.json" --out "$T/a/b"
cp "$T/check.out" "$T/table"
for file in results.jsonl results.csv histograms.jsonl series.csv jobs.csv run.json; do
    check "$file is there" test -s "$T/a/b/$file"
done
check "no temporaries stay" no_temporaries "$T/a"
# 4 points, each a scheduler, a workload and the cell
check "results.jsonl has a line per row" lines "$T/a/b/results.jsonl" 13
check "results.csv too" lines "$T/a/b/results.csv" 13
check "the first line names the schema" grep -Eq \
    '^\{"schema":1,"omega":"[0-9.]+","experiment":"small","experiment_sha256":"[0-9a-f]{64}"' \
    "$T/a/b/results.jsonl"
check "20 histograms" lines "$T/a/b/histograms.jsonl" 20
check "run.json says it is complete" grep -q '"complete": true' "$T/a/b/run.json"
check "run.json has the command line" grep -q 'small.json"' "$T/a/b/run.json"
check "the table has a row per point" test "$(grep -Ec '^(one|four) +[12] +batch' "$T/table")" -eq 4
check "the table shows the check" grep -q 'A B I hold (50 machines, ' "$T/table"
jobs_agree() {
    local rows submitted
    rows=$(grep -c '^one,1,' "$T/a/b/jobs.csv")
    submitted=$(grep '"scope":"workload","variant":"one","seed":1,' "$T/a/b/results.jsonl" |
        sed 's/.*"jobs_submitted":\([0-9]*\),.*/\1/')
    [ "$rows" -gt 800 ] && [ "$rows" -eq "$submitted" ]
}
check "jobs.csv has every measured job" jobs_agree

# ---- the same bytes ----

cp -r "$T/a/b" "$T/reference"
same() { cmp "$T/reference/$1" "$2/$1"; }
mkdir "$T/elsewhere"
(cd "$T/elsewhere" && "$OMEGA" run ../small.json --quiet >"$T/out" 2>"$T/err")
for file in results.jsonl results.csv histograms.jsonl series.csv jobs.csv; do
    check "$file is the same from another directory" same "$file" "$T/elsewhere/omega-out/small"
done
check "--quiet says nothing on stderr" test ! -s "$T/err"
check "--seed runs one seed" "$OMEGA" run "$T/small.json" --seed 2 --out "$T/seed" --quiet
check "which gives the rows of that seed" cmp \
    <(grep '"seed":2' "$T/reference/results.jsonl") <(tail -n +2 "$T/seed/results.jsonl")
sed 's/{"name": "one"},//' "$T/small.json" >"$T/alone.json"
check "a variant alone runs" "$OMEGA" run "$T/alone.json" --out "$T/alone" --quiet
check "and gives the same rows" cmp \
    <(grep '"variant":"four"' "$T/reference/results.jsonl") <(tail -n +2 "$T/alone/results.jsonl")
check "--json prints the rows" "$OMEGA" run "$T/small.json" --json --out "$T/json" --quiet
cp "$T/check.out" "$T/json.out"
check "as JSON" cmp <(sed 's/,$//' "$T/json.out" | grep '^{"scope"') \
    <(tail -n +2 "$T/reference/results.jsonl")
check "unrecorded files of an earlier run go" "$OMEGA" run "$T/small.json" --out "$T/json" --quiet \
    --set 'record=["summary"]'
check "jobs.csv is gone" test ! -e "$T/json/jobs.csv"
check "results.jsonl is not" test -s "$T/json/results.jsonl"

# ---- usage ----

check "no file is a usage error" fails_with 2 'expected one experiment file' "$OMEGA" run
check "two files too" fails_with 2 'expected one experiment file, got 2' "$OMEGA" run a b
check "an unknown option too" fails_with 2 "unknown option '--frob'" "$OMEGA" run --frob a
check "a bad seed too" fails_with 2 "'-1' is no seed" "$OMEGA" run --seed -1 a
check "a missing value too" fails_with 2 "option '--out' needs a value" "$OMEGA" run a --out
check "help is no error" "$OMEGA" run --help
cp "$T/check.out" "$T/help"
check "it names the options" grep -q -- '--set PATH=VALUE' "$T/help"

# ---- failures leave nothing half-written ----

check "no such file" fails_with 1 "none.json: .*No such file" "$OMEGA" run "$T/none.json"
echo '{"name": "x",' >"$T/bad.json"
check "bad JSON" fails_with 1 'bad.json:2: not valid JSON' "$OMEGA" run "$T/bad.json" --out "$T/no"
check "a wrong value names line and path" fails_with 1 \
    "small.json:4: workloads\[0\].tasks: |--set workloads.0.tasks: " \
    "$OMEGA" run "$T/small.json" --out "$T/no" --set workloads.0.tasks=many
check "a wrong --set" fails_with 1 "there is no 'nothing'" \
    "$OMEGA" run "$T/small.json" --out "$T/no" --set nothing.here=1
check "a missing module" fails_with 1 'schedulers\[0\].module' \
    "$OMEGA" run "$T/small.json" --out "$T/no" --set 'variants=[{"name":"x"}]' \
    --set schedulers.0.module=./none.so
sed 's/"instances": 4/"instances": 4, "options": {"frob": 1}/' "$T/small.json" >"$T/option.json"
check "a wrong option of the last variant is found first" fails_with 1 \
    "option.json:[0-9]+: variants\[1\].set.schedulers\[0\].options: .*frob" \
    "$OMEGA" run "$T/option.json" --out "$T/no"
check "none of them made the directory" test ! -e "$T/no"
: >"$T/file"
check "an output directory that is a file" fails_with 1 "$T/file" \
    "$OMEGA" run "$T/small.json" --out "$T/file/x" --quiet
unchanged() {
    for file in results.jsonl results.csv histograms.jsonl series.csv jobs.csv; do
        same "$file" "$T/a/b" || return 1
    done
    no_temporaries "$T/a"
}
disk_full() {
    (ulimit -f 8 && "$OMEGA" run "$T/small.json" --out "$T/a/b" --quiet --seed 5)
}
check "a file that takes no more" fails_with 1 "$T/a/b/.*: cannot write: File too large" disk_full
check "leaves the earlier files alone" unchanged
if [ -e "$B/tests/modules/breach_twice.so" ]; then
    check "a module's breach ends the run" fails_with 1 'one, seed 1: .*twice' \
        "$OMEGA" run "$T/small.json" --out "$T/a/b" --quiet \
        --set schedulers.0.module="$B/tests/modules/breach_twice.so"
    check "and leaves the earlier files alone" unchanged
else
    skip "a module's breach" "the test modules are not built"
fi
full() { "$OMEGA" run "$T/small.json" --out "$T/full" --quiet >/dev/full; }
check "a full standard output" fails_with 1 'cannot write to standard output' full

# ---- stopping ----

# Runs many seeds, and asks to stop when the first point is there.
stopped() {
    local pid rc=0
    seeds=$(seq -s, 1 5000)
    "$OMEGA" run "$T/small.json" --out "$T/stop" --set "seeds=[$seeds]" 2>"$T/progress" \
        >"$T/stop.out" &
    pid=$!
    for _ in $(seq 200); do
        grep -q '^point 1 of' "$T/progress" && break
        sleep 0.05
    done
    kill -INT "$pid"
    wait "$pid" || rc=$?
    cat "$T/progress" >&2
    return "$rc"
}
check "Ctrl-C stops" fails_with 1 'stopped, [0-9]+ of 10000 points are finished and kept' stopped
check "what was finished is kept" grep -q '"variant":"one","seed":1,' "$T/stop/results.jsonl"
check "and said to be incomplete" grep -q '"complete": false' "$T/stop/run.json"
check "without temporaries" no_temporaries "$T/stop"
finish
