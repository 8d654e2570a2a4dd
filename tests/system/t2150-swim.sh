#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The real SWIM sample of Facebook's trace of 2009 ($OMEGA_TRACES/swim, by default
# ../shared/traces/swim): counts, round trip, and a replay under each policy.
source "$(dirname "$0")/../support/shell.sh"
sample=${OMEGA_TRACES:-../shared/traces}/swim/FB-2009_samples_24_times_1hr_0.tsv
if [ ! -r "$sample" ] && [ -r "$sample.zst" ]; then
    if ! command -v zstd >/dev/null; then
        skip "the real SWIM sample" "no zstd to unpack '$sample.zst'"
        finish
        exit
    fi
    zstd -dqo "$T/sample.tsv" "$sample.zst"
    sample=$T/sample.tsv
fi
if [ ! -r "$sample" ]; then
    skip "the real SWIM sample" "not at '$sample', nor '$sample.zst'"
    finish
    exit
fi

digest() { sed -n 's/.*digest *\([0-9a-f]\{32\}\).*/\1/p' "$1"; }
says() { grep -Eq -- "$1" "$2"; }
check "it is imported" bash -c "'$OMEGA' trace import --format swim --out '$T/swim.trace' \
    '$sample' >'$T/import'"
check "jobs" says ': 5894 jobs, 0 machines, 0 machine events, ' "$T/import"
check "assumptions are counted" says '^ +4448  job without shuffle has no reduce' "$T/import"
check "jobs without input, too" says '^ +86  job without input got one map activity$' "$T/import"
check "the digest is that of this sample" test "$(digest "$T/import")" = \
    782fb36442e573441ed27fb942fdd540
check "it is described" bash -c "'$OMEGA' trace info '$T/swim.trace' >'$T/info'"
check "a day" says '^submitted +within 23\.99 h, the first at 49 s$' "$T/info"
check "workers asked for, and of use beyond" says \
    '^tasks +120590 required, 177345 optional, in 5894 groups$' "$T/info"
check "activities" says '^map activities +68\.88 +1 +10 +1231 +112523$' "$T/info"
check "as JSON, too" bash -c "'$OMEGA' trace info --json '$T/swim.trace' |
    grep -A6 '\"reduce_activities_per_mapreduce_job\"' | grep -q '\"count\": 5894'"

round_trip() {
    "$OMEGA" trace export --format csv --out "$T/csv" "$T/swim.trace" >"$T/export" &&
        "$OMEGA" trace import --format csv --out "$T/again.trace" "$T/csv/jobs.csv" \
            "$T/csv/machines.csv" >"$T/again" &&
        test "$(digest "$T/again")" = "$(digest "$T/import")"
}
check "exported as csv and imported again it has the same digest" round_trip

check "it is replayed" "$OMEGA" run bench/experiments/mapreduce-swim.json --quiet --out "$T/out" \
    --set "workloads.0.trace=$T/swim.trace"
gained() {
    sed -n "/\"scope\":\"workload\",\"variant\":\"$1\"/s/.*\"mapreduce_gained\":\([0-9]*\).*/\1/p" \
        "$T/out/results.jsonl"
}
check "none gains without a policy" test "$(gained idle-none)" -eq 0
# 86 % of the jobs have no more than one block to read: one worker does all that can be done.
check "with max_parallelism every eighth does" test "$(gained idle-max)" -gt 700
check "with relative_job_size nearly as many" test "$(gained idle-relative)" -gt 700
check "with global_cap hardly any in a busy cell" test "$(gained busy-cap)" -lt \
    "$(($(gained busy-max) / 4))"
finish
