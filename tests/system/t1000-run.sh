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
check "32 histograms" lines "$T/a/b/histograms.jsonl" 32
check "run.json says it is complete" grep -q '"complete": true' "$T/a/b/run.json"
check "run.json has the command line" grep -q 'small.json"' "$T/a/b/run.json"
check "the table has a row per point" test \
    "$(sed '/^  wait:/q' "$T/table" | grep -Ec '^(one|four) +[12] +batch .* 0$')" -eq 4
check "and one per variant of both seeds" test \
    "$(sed '1,/^  wait:/d; /means over/q' "$T/table" | grep -Ec '^(one|four) +2 +batch ')" -eq 2
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

# ---- files that are not of a run ----

mkdir "$T/mine"
echo precious >"$T/mine/jobs.csv"
check "a file of somebody else is not replaced" fails_with 1 \
    "mine/jobs.csv: is there already, without the run.json of a run of omega: expected another" \
    "$OMEGA" run "$T/small.json" --out "$T/mine" --quiet
check "it is as it was" test "$(cat "$T/mine/jobs.csv")" = precious
check "and alone" test "$(ls "$T/mine")" = jobs.csv
echo '{"run": "mine"}' >"$T/mine/run.json"
check "a run.json of somebody else neither" fails_with 1 "jobs.csv: is there already" \
    "$OMEGA" run "$T/small.json" --out "$T/mine" --quiet
rm "$T/mine/jobs.csv"
check "even alone" fails_with 1 "run.json: is there already" \
    "$OMEGA" run "$T/small.json" --out "$T/mine" --quiet
rm "$T/mine/run.json"
echo keep >"$T/mine/notes"
check "other files do not matter" "$OMEGA" run "$T/small.json" --out "$T/mine" --quiet --seed 1
check "and stay" test "$(cat "$T/mine/notes")" = keep

# ---- the summary ----

modules_listed() {
    local sha
    sha=$(sha256sum "$B/schedulers/batch.so" | cut -c1-64)
    grep -A3 '"modules"' "$T/a/b/run.json" | grep -q 'schedulers/batch.so' &&
        grep -q "\"sha256\": \"$sha\"" "$T/a/b/run.json"
}
check "run.json has the modules with their SHA-256" modules_listed
check "the table has the use at the end" grep -Eq 'CPU use +at end +mem use +at end' "$T/table"
check "no line is longer than 150" test "$(wc -L <"$T/table")" -le 150
check "series.csv is named" grep -q 'over time: .*/series.csv' "$T/table"
check "a run with settings" "$OMEGA" run --set 'record=["summary"]' --seed=7 "$T/small.json" \
    --out "$T/next dir" --quiet
cp "$T/check.out" "$T/table2"
check "series.csv is not named where it is not recorded" \
    eval '! grep -q "over time:" "$T/table2"'
follow() {
    local line
    line=$(sed -n 's/^try next: //p' "$T/table2")
    [[ $line == *" --seed 8 "* ]] && eval "$line" && grep -q '"seed":8' "$T/next dir/results.jsonl"
}
check "the next command can be run as it is printed" follow

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
check "a wrong --set" fails_with 1 "--set nothing.here: nothing: unknown key" \
    "$OMEGA" run "$T/small.json" --out "$T/no" --set nothing.here=1
key_with_escape() {
    printf '{"name": "x", "a\\u001b[2J\\nb": 1}' >"$T/escape.json"
    fails_with 1 'a.x1b\[2J.nb: unknown key' "$OMEGA" validate "$T/escape.json" &&
        [ "$(wc -l <"$T/fails.err")" -eq 1 ]
}
check "control characters are shown, not sent" key_with_escape
check "a --set that a variant undoes is told" eval \
    '"$OMEGA" validate "$T/small.json" --set schedulers.0.instances=2 2>&1 >/dev/null |
    grep -q "warning: --set schedulers.0.instances: overwritten .* variant .four"'
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
disk_full_new() {
    mkdir "$T/new"
    (ulimit -f 8 && "$OMEGA" run "$T/small.json" --out "$T/new/x/y/" --quiet --seed 5)
}
check "and with a new directory" fails_with 1 'cannot write: File too large' disk_full_new
check "leaves no empty directory" test -z "$(ls -A "$T/new")"
if [ -e "$B/tests/modules/breach_twice.so" ]; then
    check "a module's breach ends the run" fails_with 1 'one, seed [12]: .*twice' \
        "$OMEGA" run "$T/small.json" --out "$T/a/b" --quiet \
        --set schedulers.0.module="$B/tests/modules/breach_twice.so"
    check "and leaves the earlier files alone" unchanged
else
    skip "a module's breach" "the test modules are not built"
fi
# talk SHOWN OPTION...: what a module tells is on stderr, one line for each message.
talk() {
    local shown=$1
    shift
    "$OMEGA" run "$T/small.json" --out "$T/talk" --quiet --seed 1 "$@" \
        --set 'variants=[{"name":"v"}]' \
        --set schedulers.0.module="$B/tests/modules/talker.so" 2>"$T/said" || return 1
    cat "$T/said"
    [ "$(grep -v '^last message repeated [0-9]* times$' "$T/said")" = "$shown" ] &&
        grep -q '^last message repeated [1-9][0-9][0-9]* times$' "$T/said" &&
        [ "$(wc -l <"$T/said")" -eq $(($(wc -l <<<"$shown") + 1)) ]
}
warning='batch: warning: places\nnothing'
if [ -e "$B/tests/modules/talker.so" ]; then
    check "a module's warnings are shown once, with a count" talk "$warning"
    check "its information with --verbose only" talk "batch: info: begins"$'\n'"$warning" --verbose
else
    skip "a module's messages" "the test modules are not built"
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
# of the first seed's points, which run side by side, whichever was finished first
check "what was finished is kept" grep -q '"seed":1,' "$T/stop/results.jsonl"
check "and said to be incomplete" grep -q '"complete": false' "$T/stop/run.json"
check "without temporaries" no_temporaries "$T/stop"
finish
