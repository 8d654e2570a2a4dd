#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# MapReduce jobs: the shipped experiment shows what the Omega paper found, in kind; missing
# optional workers are neither conflict nor retry; what of it stands in which file; export, import
# and replay.
source "$(dirname "$0")/../support/shell.sh"

# ---- the paper's findings ----

run() { "$OMEGA" run bench/experiments/mapreduce.json --quiet --out "$T/out" "$@"; }
check "the shipped experiment runs" run

# value VARIANT KEY: of the workload mapreduce
value() {
    sed -n "/\"scope\":\"workload\",\"variant\":\"$1\".*\"name\":\"mapreduce\"/p" \
        "$T/out/results.jsonl" | sed "s/.*\"$2\":\([^,}]*\).*/\1/"
}
# is EXPRESSION: of awk, true
is() { awk "BEGIN { exit !($1) }"; }
gain() { echo "($(value "$1" mapreduce_gained) / $(value "$1" mapreduce_jobs))"; }
p80() { value "$1" speedup_p80; }

for cell in idle busy full; do
    check "$cell: nobody gains without a policy" is "$(gain $cell-none) == 0 &&
        $(value $cell-none speedup_max) == 1"
    check "$cell: half or more gain with max_parallelism" is "$(gain $cell-max) >= 0.5"
    check "$cell: the 80th percentile gains severalfold with it" is "$(p80 $cell-max) >= 3"
    check "$cell: relative_job_size is close behind" is \
        "$(p80 $cell-relative) > 2.5 && $(p80 $cell-relative) < $(p80 $cell-max)"
    check "$cell: and gives at most 4 times the workers" is \
        "$(value $cell-relative speedup_max) <= 4"
done
check "global_cap gains nearly as much in the idle cell" is \
    "$(gain idle-cap) >= 0.5 && $(p80 idle-cap) > 3"
check "and little in a busy one" is "$(gain busy-cap) < 0.05 && $(gain full-cap) < 0.05"

# spread VARIANT: mean and standard deviation of the cell's CPU use over the steps
spread() {
    awk -F, -v of="$1" 'NR == 1 { for (i = 1; i <= NF; i++) c[$i] = i; next }
        $c["variant"] == of && $c["scope"] == "cell" {
            n++; sum += $c["cpu_utilisation"]; squares += $c["cpu_utilisation"] ^ 2
        }
        END { mean = sum / n; print mean, sqrt(squares / n - mean * mean) }' "$T/out/series.csv"
}
for cell in idle busy full; do
    read -r mean deviation < <(spread $cell-none)
    read -r mean_max deviation_max < <(spread $cell-max)
    check "$cell: max_parallelism raises mean use and its variability" is \
        "$mean_max > $mean && $deviation_max > $deviation"
done

# ---- files ----

exact=$(awk -F, '
    NR == 1 { for (i = 1; i <= NF; i++) c[$i] = i; next }
    $c["variant"] == "idle-max" && $c["speedup"] != "" { print $c["speedup"] }' "$T/out/jobs.csv" |
    sort -g | awk '{ v[NR] = $1 } END { r = int(NR * 0.8); print v[r + (r < NR * 0.8)] }')
check "the quantiles are those of jobs.csv" is \
    "$(p80 idle-max) > 0.999 * $exact && $(p80 idle-max) < 1.001 * $exact"
check "only MapReduce jobs have speed-ups" awk -F, '
    NR == 1 { for (i = 1; i <= NF; i++) c[$i] = i; next }
    ($c["workload"] == "mapreduce") != ($c["speedup"] != "") && $c["fully_scheduled_us"] != "" {
        exit 1 }' "$T/out/jobs.csv"
check "a job runs as long as it says" awk -F, '
    NR == 1 { for (i = 1; i <= NF; i++) c[$i] = i; next }
    $c["speedup"] != "" &&
        int($c["speedup"] * $c["got_us"] / $c["asked_us"] * 1e6 + 0.5) != 1e6 ||
    $c["variant"] ~ /-none$/ && $c["placed"] > $c["tasks"] && $c["speedup"] != "" {
        exit 1 }' "$T/out/jobs.csv"
speedups() { grep '"histogram":"speedup","unit":"thousandths"' "$T/out/histograms.jsonl"; }
check "a histogram of speed-ups at each point" test "$(speedups | wc -l)" -eq 12
check "of their scheduler only" test "$(speedups | grep -vc '"scheduler":"mapreduce"')" -eq 0
check "rows of other workloads have no such keys" bash -c "
    ! grep '\"name\":\"batch\"' '$T/out/results.jsonl' | grep -q 'speedup\|mapreduce_'"

# ---- the figure ----

first_of() { # the first share of a curve: of jobs that have gained nothing
    sed -n "/^# $1: mapreduce: speedup, share of/{n;p}" "$T/report/figures/speedups.dat" |
        sed 's/^ *1 //'
}
if command -v gnuplot >/dev/null; then
    check "a report" "$OMEGA" report --format svg --out "$T/report" "$T/out"
    check "draws the speed-ups" test -s "$T/report/figures/speedups.svg"
    check "nobody's without a policy" test "$(first_of idle-none)" = 1
    # the histogram counts thousandths: jobs that gained less than one stand with those that did not
    check "with one, those of who gained" is "1 - $(first_of idle-max) < $(gain idle-max) + 1e-9 &&
        1 - $(first_of idle-max) > $(gain idle-max) - 0.01"
else
    skip "the report" "gnuplot is missing"
fi

# ---- logs ----

run --log --set horizon_s=7200 --set series_step_s=600 >/dev/null 2>&1
check "logs prove them" "$OMEGA" check-log "$T/out"
sed -i 's/"mapreduce_gained":[1-9][0-9]*/"mapreduce_gained":1/' "$T/out/results.jsonl"
check "and find a wrong one" fails_with 1 'mapreduce_gained is 1, expected [0-9]+ by the log' \
    "$OMEGA" check-log "$T/out"

cat >"$T/plain.json" <<'JSON'
{"name": "plain", "horizon_s": 100, "record": ["jobs", "histograms"],
 "cell": {"machines": [{"count": 4, "cpu_milli": 4000, "mem_mib": 8192}]},
 "workloads": [{"name": "w", "interarrival_s": 10, "tasks": 2, "duration_s": 5, "cpu_milli": 1,
                "mem_mib": 1, "optional_factor": 2}],
 "architecture": "shared_state", "schedulers": [{"name": "s", "module": "mapreduce"}]}
JSON
check "jobs without activities" "$OMEGA" run "$T/plain.json" --quiet --out "$T/plain"
check "have no speed-ups anywhere" bash -c "! grep -r 'speedup\|mapreduce_' '$T/plain' \
    --include=*.csv --include=*.jsonl"
check "and no further workers" grep -q '"tasks_submitted":18,' "$T/plain/results.jsonl"

# ---- missing optional workers ----

# Two schedulers plan at the same time on a cell that has room for what both ask for, and for the
# further workers of one of them.
cat >"$T/race.json" <<'JSON'
{"name": "race", "horizon_s": 1000, "record": ["jobs", "conflicts"],
 "cell": {"machines": [{"count": 40, "cpu_milli": 1000, "mem_mib": 1024}]},
 "workloads": [
  {"name": "a", "interarrival_s": 100, "jobs": 1, "cpu_milli": 1000, "mem_mib": 1, "mapreduce":
   {"workers": 5, "map_activities": 40, "reduce_activities": 0, "map_s": 10, "reduce_s": 0}},
  {"name": "b", "interarrival_s": 100, "jobs": 1, "cpu_milli": 1000, "mem_mib": 1, "mapreduce":
   {"workers": 5, "map_activities": 40, "reduce_activities": 0, "map_s": 10, "reduce_s": 0}}],
 "architecture": "shared_state",
 "schedulers": [
  {"name": "a", "module": "mapreduce", "workloads": ["a"],
   "options": {"policy": "relative_job_size"}, "decision": {"job_s": 1, "task_s": 0}},
  {"name": "b", "module": "mapreduce", "workloads": ["b"], "decision": {"job_s": 2, "task_s": 0}}]}
JSON
check "two that race for further workers" "$OMEGA" run "$T/race.json" --quiet --out "$T/race" --log
row() { grep "\"scope\":\"scheduler\".*\"name\":\"$1\"" "$T/race/results.jsonl"; }
has() { row "$1" | grep -q "$2"; }
check "the first has got its four times" grep -q '^,1,1,a,.*,5,20,finished,' "$T/race/jobs.csv"
check "the second what was left, at once" grep -q '^,1,2,b,.*,1,20,5,20,finished,' \
    "$T/race/jobs.csv"
check "it lost claims" has b '"claims_conflicting":20,'
check "which is no conflict of its transaction" has b \
    '"transactions":1,"transactions_successful":1,"transactions_conflicting":0,'
check "nor a second attempt" has b '"attempts":1,"attempts_no_fit":0,"attempts_short":0,'
check "nor lost time" has b '"busy_s":2,"busy_useful_s":2,"busy_wasted_s":0,'
check "and it ran for as long as 20 workers take" has b '"speedup_max":4'
check "the log agrees" "$OMEGA" check-log "$T/race"

cp -r "$T/race" "$T/race-memory"
check "a cell on disk" "$OMEGA" run "$T/race.json" --quiet --out "$T/race" --set store=lmdb
check "makes no difference" bash -c "cmp '$T/race/jobs.csv' '$T/race-memory/jobs.csv' &&
    cmp '$T/race/conflicts.csv' '$T/race-memory/conflicts.csv'"

# In a cell without idle machines a job gets what it asks for and waits for no more.
check "no room for further workers" "$OMEGA" run "$T/race.json" --quiet --out "$T/race" \
    --set cell.machines.0.count=5 --set workloads.1.interarrival_s=5000
check "is no attempt more" has a '"attempts":1,"attempts_no_fit":0,"attempts_short":0,'
check "no conflict" has a '"transactions_successful":1,"transactions_conflicting":0,'
check "and no speed-up" has a '"mapreduce_jobs":1,"mapreduce_gained":0,"speedup_mean":1,'

# ---- export, import, replay ----

check "exported" "$OMEGA" trace export --format csv --out "$T/csv" "$T/race.json"
check "with its numbers" grep -q \
    '^1,100000000,a,,100,0,5,35,1000,1,0,0,80000000,,40,0,10000000,1,5$' "$T/csv/jobs.csv"
check "imported" "$OMEGA" trace import --format csv --out "$T/race.trace" "$T/csv/jobs.csv" \
    "$T/csv/machines.csv"
check "described" bash -c "'$OMEGA' trace info '$T/race.trace' | grep -q '70 optional'"
from() { echo '"trace": "race.trace", "trace_workloads": ["'"$1"'"]}'; }
sed -e '/^   {"workers"/d' -e "s/\"a\", \"inter.*/\"a\", $(from a),/" \
    -e "s/\"b\", \"inter.*/\"b\", $(from b)],/" "$T/race.json" >"$T/replay.json"
check "replayed" "$OMEGA" run "$T/replay.json" --quiet --out "$T/replay"
"$OMEGA" run "$T/race.json" --quiet --out "$T/race" >/dev/null 2>&1
check "with the same jobs" cmp "$T/race/jobs.csv" "$T/replay/jobs.csv"
check "a scaled duration is sped up all the same" "$OMEGA" run "$T/replay.json" --quiet \
    --out "$T/replay" --set workloads.0.duration_scale=0.5
check "in proportion" grep -q ',40000000,10000000,4$' "$T/replay/jobs.csv"
finish
