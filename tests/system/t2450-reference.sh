#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bench/reference: experiments and rows fit together, what it computes, and that it can miss. Two
# groups run for a quarter of an hour each, beside results made of their own; the published ones
# are only asked for their experiments, where they lie beside the traces.
source "$(dirname "$0")/../support/shell.sh"
export OMEGA
files=bench/experiments/reference
rows=$files/rows.csv

for file in "$files"/[A-Z].json; do
    check "$(basename "$file") is valid" "$OMEGA" validate "$file"
done

# ---- rows.csv ----

grep -oh '"name": "[A-Z]-[^"]*"' "$files"/[A-Z].json | cut -d'"' -f4 | sort >"$T/variants"
check "every experiment is there once" bash -c "test -s $T/variants && sort -uc $T/variants"
check "the rows have the right columns" test "$(head -n 1 "$rows")" = \
    "experiment,prefix,metric,verdict,why"
tail -n +2 "$rows" | grep -E '^[^,]*,[^,]*,[^,]*,compare' | cut -d, -f1 | sort -u >"$T/compared"
check "rows are compared of every experiment, and of no other" cmp "$T/variants" "$T/compared"
check "no row is there twice" bash -c "! cut -d, -f1-3 $rows | sort | uniq -d | grep ."
# all_match COLUMNS REGEX: these columns of every row match.
all_match() {
    tail -n +2 "$rows" | cut -d, -f"$1" >"$T/column"
    ! grep -vE -- "$2" "$T/column"
}
metrics='jobs|jobs_attempted|jobs_fully_scheduled|tasks_submitted|tasks_placed|attempts_mean'
metrics="$metrics|wait_first_mean|wait_first_p90|wait_full_mean|wait_full_p90"
known="(Batch|Service),($metrics)|(Omega(Batch|Service)|Monolithic),busy"
known="$known|Omega(Batch|Service),(task_)?conflict_frac|cell,cpu_util|[*],[*]"
check "prefixes and metrics are known ones" all_match 2,3 "^($known)\$"
rules='(preset|options|sound)([+](throughput|no-fit|pooled|queue-time))*'
check "verdicts are known ones, with a reason" all_match 4- \
    "^(compare|compare under rule $rules|not comparable: [^,]+),."

published=${OMEGA_TRACES:-../shared/traces}/../reference
if [ -r "$published/results.jsonl" ]; then
    grep -oh '^{"label": "[^"]*"' "$published/results.jsonl" \
        "$published/variant-seqrestored.jsonl" | cut -d'"' -f4 | sort -u >"$T/labels"
    tail -n +2 "$rows" | cut -d, -f1 | sort -u >"$T/named"
    check "the rows name every published experiment" cmp "$T/labels" "$T/named"
else
    skip "the rows name every published experiment" "no reference/ beside OMEGA_TRACES"
fi

# ---- a comparison with results made of ours ----

mkdir -p "$T/traces" "$T/reference"
export OMEGA_TRACES=$T/traces
: >"$T/reference/variant-seqrestored.jsonl"
table=$T/runs/table.txt
compare() { bench/reference --runs "$T/runs" "$@" A C; }

# published BUSY [JOBS]: our results as theirs would be written, busy multiplied by BUSY; JOBS are
# the batch jobs of A-mono-single-C0.1.
published() {
    cat "$T/runs/A/results.jsonl" "$T/runs/C/results.jsonl" | awk -v times="$1" -v jobs="${2:-}" '
        function field(key) {
            match($0, "\"" key "\":[^,}]*")
            return substr($0, RSTART + length(key) + 3, RLENGTH - length(key) - 3)
        }
        function add(list, text) { return list == "" ? text : list ", " text }
        { name = field("name") }
        field("scope") == "\"scheduler\"" {
            s = add(s, sprintf("%s: {\"busy\": %.15g, \"succ\": %s, \"fail\": %s, " \
                               "\"task_succ\": %s, \"task_fail\": %s}", name,
                               times * (field("busyness") - field("busyness_no_fit")),
                               field("transactions_successful"), field("transactions_conflicting"),
                               field("claims") - field("claims_conflicting"),
                               field("claims_conflicting")))
        }
        field("scope") == "\"workload\"" {
            is = jobs != "" && /C0\.1"/ && /mono-single/ && name ~ /Batch/
            w = add(w, sprintf("%s: {\"jobs\": %s, \"tasks_submitted\": %s, " \
                               "\"jobs_attempted\": %s, \"jobs_fully_scheduled\": %s, " \
                               "\"tasks_placed\": %s, \"wait_first_mean\": %s, " \
                               "\"wait_first_p90\": %s, \"wait_full_mean\": %s, " \
                               "\"wait_full_p90\": %s, \"attempts_mean\": %s}",
                               name, is ? jobs : field("jobs_submitted"), field("tasks_submitted"),
                               field("jobs_begun"), field("jobs_scheduled"),
                               field("claims_accepted"), field("wait_first_mean_s"),
                               field("wait_first_p90_s"), field("queued_mean_s"),
                               field("queued_p90_s"), field("attempts_per_job")))
        }
        field("scope") == "\"cell\"" {
            printf "{\"label\": %s, \"finished\": true, \"cpu_util\": %s, \"workloads\": {%s}, " \
                   "\"schedulers\": {%s}}\n", field("variant"), field("cpu_utilisation"), w, s
            w = s = ""
        }' >"$T/reference/results.jsonl"
}
last_line() { tail -n 1 "$table" | grep -Eq -- "$1"; }

check "without their results it says so" fails_with 2 "reference/results.jsonl: not there" compare
: >"$T/reference/results.jsonl"
check "without runs, too" fails_with 2 "runs/A/results.jsonl: not there, expected an earlier run" \
    compare --no-run
check "a wrong option is refused" fails_with 2 "unknown option '--seed'" bench/reference --seed 1
check "without their values no row is compared" fails_with 1 "5 values of ours, 0 of theirs" \
    compare --set horizon_s=900 --set 'seeds=[1,2,3,4,5]'
published 1
check "equal results" compare --no-run
check "agree, all of them" last_line ' compared, [1-9][0-9]+ agree, 0 outside \(0\.0 %\)$'
published 100
check "spoilt results are no error" compare --no-run
check "but miss the goal" last_line ' outside \([1-9][0-9.]* %\): MISSED, expected at most 1 %$'
check "in the rows that were spoilt" bash -c "grep -q ' busy .* OUTSIDE$' '$table' &&
    ! grep OUTSIDE '$table' | grep -qv ' busy '"

# Ours are 10 to 14: mean 12, variance 2.5; 8.610 sqrt(2.5 / 5 + 2.5 / 5) = 8.61.
for seed in 1 2 3 4 5; do
    row="\"workload\",\"variant\":\"A-mono-single-C0\.1\",\"seed\":$seed,\"name\":\"Batch\""
    sed -i "/$row/s/\"jobs_submitted\":[0-9]*/\"jobs_submitted\":$((seed + 9))/" \
        "$T/runs/A/results.jsonl"
done
row() { grep -Eq "^A-mono-single-C0\.1 +Batch +jobs +12 \+- 8\.61 +$1$" "$table"; }
published 1 20.6
check "within the interval" compare --no-run
check "agrees" row '20\.6 \(5\) +-41\.75 %  agrees'
published 1 20.7
check "beyond it" compare --no-run
check "is outside" row '20\.7 \(5\) +-42\.03 %  OUTSIDE'
check "and one row in a hundred is no miss" last_line ' 1 outside \(0\.[0-9] %\)$'
finish
