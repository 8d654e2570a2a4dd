#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The figures that come out: waits of jobs that never start, attempts per job, job records, and
# scopes that add up.
source "$(dirname "$0")/../support/shell.sh"

# value FILE SCOPE NAME KEY: a figure of a row of results.jsonl.
value() {
    grep "^{\"scope\":\"$2\".*\"name\":\"$3\"" "$1" | grep -o "\"$4\":[^,}]*" | cut -d: -f2
}
# between LOW HIGH NUMBER
between() { awk -v a="$1" -v b="$2" -v x="$3" 'BEGIN { exit !(x != "null" && x >= a && x <= b) }'; }
is() { [ "$1" = "$2" ] || { echo "'$2', expected '$1'"; return 1; }; }

# ---- a scheduler that never gets beyond its first job ----

cat >"$T/stuck.json" <<'JSON'
{"name": "stuck", "horizon_s": 2000,
 "cell": {"machines": [{"count": 10, "cpu_milli": 4000, "mem_mib": 16384}]},
 "workloads": [{"name": "batch", "interarrival_s": 1, "tasks": 1, "duration_s": 10,
                "cpu_milli": 100, "mem_mib": 100, "jobs": 2000}],
 "architecture": "shared_state",
 "schedulers": [{"name": "only", "module": "batch", "decision": {"job_s": 1e4}}]}
JSON
stuck=$T/stuck/results.jsonl
check "a scheduler that is stuck" "$OMEGA" run "$T/stuck.json" --out "$T/stuck" --quiet
cp "$T/check.out" "$T/table"
of_stuck() { value "$stuck" scheduler only "$1"; }
check "the mean wait is at least what the jobs have waited" between 990 1000 \
    "$(of_stuck wait_first_mean_s)"
check "and is marked" is true "$(of_stuck wait_first_mean_censored)"
check "so is the quantile" between 1790 1801 "$(of_stuck wait_first_p90_s)"
check "and is marked too" is true "$(of_stuck wait_first_p90_censored)"
check "and the maximum" between 1990 2000 "$(of_stuck wait_first_max_s)"
check "which is marked" is true "$(of_stuck wait_first_max_censored)"
check "the wait until fully scheduled has bounds without one that was" between 990 1000 \
    "$(of_stuck wait_full_mean_s)"
check "attempts per job count the one that is cut" is 1 "$(of_stuck attempts_per_job)"
check "which no settled job had" is null "$(of_stuck attempts_settled_mean)"
check "the table shows bounds" \
    grep -Eq '^(-|only).*> (99[0-9]|1000) +> (179[0-9]|180[01])' "$T/table"
check "histograms have what the jobs have waited" grep -Eq \
    '"histogram":"wait_first".*"censored":[0-9]+,"buckets":\[\[0,0,1\]\],"censored_buckets":\[\[' \
    "$T/stuck/histograms.jsonl"

# ---- two schedulers, three workloads, conflicts, jobs that wait ----

cat >"$T/busy.json" <<'JSON'
{"name": "busy", "horizon_s": 1500, "warmup_s": 100, "record": ["summary", "jobs"],
 "cell": {"machines": [{"count": 40, "cpu_milli": 4000, "mem_mib": 16384}]},
 "workloads": [
  {"name": "a", "interarrival_s": {"type": "exponential", "mean": 3}, "tasks": 10,
   "duration_s": {"type": "exponential", "mean": 30}, "cpu_milli": 900, "mem_mib": 512},
  {"name": "b", "interarrival_s": {"type": "exponential", "mean": 20}, "tasks": 15,
   "duration_s": {"type": "exponential", "mean": 90}, "cpu_milli": 700, "mem_mib": 512},
  {"name": "c", "interarrival_s": {"type": "exponential", "mean": 30}, "tasks": 5,
   "duration_s": {"type": "exponential", "mean": 90}, "cpu_milli": 300, "mem_mib": 512}],
 "architecture": "shared_state",
 "schedulers": [
  {"name": "one", "module": "batch", "workloads": ["a", "b"], "instances": 3,
   "decision": {"job_s": 5}},
  {"name": "two", "module": "batch", "workloads": ["c"], "decision": {"job_s": 20}}]}
JSON
busy=$T/busy/results.jsonl
check "a cell with conflicts" "$OMEGA" run "$T/busy.json" --out "$T/busy" --quiet
cp "$T/check.out" "$T/busy.table"
check "there are some" between 1 1e9 "$(value "$busy" scheduler one transactions_conflicting)"
total() {
    local sum=0 name
    for name in $2; do
        sum="$sum+$(value "$busy" "$1" "$name" "$3")"
    done
    awk "BEGIN { printf \"%.4f\", $sum }"
}
adds_up() { is "$(total scheduler 'one two' "$1")" "$(total workload 'a b c' "$1")"; }
for figure in busy_useful_s busy_wasted_s busy_cut_s busy_redone_s \
    jobs_submitted jobs_begun attempts attempts_begun attempts_no_fit transactions \
    transactions_conflicting claims claims_accepted claims_conflicting busy_s busy_no_fit_s \
    busy_conflicting_s wait_first_never; do
    check "$figure of schedulers and workloads add up" adds_up "$figure"
done

lacks() { ! grep -q "$1" "$2"; }
of_one() { value "$busy" scheduler one "$1"; }
of_one_all() {
    local sum=0 part
    for part in useful wasted no_fit cut; do
        sum="$sum+$(of_one "busy_${part}_s")"
    done
    awk "BEGIN { printf \"%.12g\", $sum }"
}

# of_jobs FORMULA: a sum over the rows of jobs.csv, by $column.
of_jobs() {
    tail -n +2 "$T/busy/jobs.csv" |
        awk -F, "{ job = \$3; first = \$7; attempts = \$9; sum += $1 } END { print sum + 0 }"
}
jobs_rise() {
    tail -n +2 "$T/busy/jobs.csv" | cut -d, -f3 >"$T/ids"
    test -s "$T/ids" && sort -n -u -c "$T/ids"
}
check "busy time is the sum of its parts" is "$(of_one busy_s)" "$(of_one_all)"
check "and had there been no conflicts, less" between 0.01 "$(of_one busyness)" \
    "$(of_one busyness_no_conflicts)"
check "the table has no days where there is one" lacks busyness/day "$T/busy.table"
check "nor fragmentation unless it is asked for" lacks stranded "$T/busy.table"
check "the same for three days, with fragmentation" "$OMEGA" run "$T/busy.json" --out "$T/days" \
    --quiet --set horizon_s=200000 --set 'record=["summary"]' \
    --set 'fragmentation={"cpu_milli":2000,"mem_mib":8192}'
cp "$T/check.out" "$T/days.table"
check "its table has the days" grep -Eq '^- +one x3 +3( +[0-9.]+){9}$' "$T/days.table"
check "and what is stranded" grep -Eq '^-( +[0-9.]+ %){4} +- +-$' "$T/days.table"
of_days() { value "$T/days/results.jsonl" scheduler one "$1"; }
near() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a - b < 0.02 && b - a < 0.02) }'; }
check "the median day is about as busy as the whole" near "$(of_days busyness)" \
    "$(of_days busyness_day_median)"
check "jobs.csv rises by job" jobs_rise
check "its attempts are those begun" is "$(of_jobs attempts).0000" \
    "$(total scheduler 'one two' attempts_begun)"
check "its first attempts are the jobs begun" is "$(of_jobs '(first != "")').0000" \
    "$(total scheduler 'one two' jobs_begun)"
finish
