#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Conflicts explained: conflicts.csv, counterfactuals.csv, machines.csv and refused.csv agree with
# the results, are the same on every store, and change nothing that happens.
source "$(dirname "$0")/../support/shell.sh"

not() { ! "$@"; }
# run OUT SETTING...
run() {
    local out=$1
    shift
    "$OMEGA" run tests/data/valid/eventful.json --quiet --out "$T/$out" "$@"
}
asked=(--set 'record=["summary","conflicts","machines","refused"]' --set counterfactuals=true)

check "a run explains its conflicts" run a "${asked[@]}" --log
cp "$T/check.out" "$T/table"
for file in conflicts counterfactuals machines refused; do
    check "$file.csv is there" test -s "$T/a/$file.csv"
done
check "the log proves all of it" "$OMEGA" check-log "$T/a"

# ---- tables and results agree ----

# results.csv without its lists and objects, whose commas would be in the way
sed 's/"\(\[[^"]*\]\|{\([^"]\|""\)*}\)"//g' "$T/a/results.csv" >"$T/plain.csv"

# agree TABLE PROGRAM [END]: an awk program over a table, with c[COLUMN] its columns by name, and
# r[VARIANT, SCHEDULER, COLUMN] the results. It counts in `compared`, and in `bad` what is wrong.
agree() {
    awk -F, '
        FNR == 1 { file++; for (i = 1; i <= NF; i++) { c[$i] = i; name[i] = $i } next }
        file == 1 && $1 == "scheduler" {
            rows[$2 SUBSEP $4] = 1
            for (i = 1; i <= NF; i++) { r[$2, $4, name[i]] = $i }
        }
        file == 1 { next }
        { key = $1 SUBSEP $c["scheduler"] }
        '"$2"'
        END {
            '"${3:-}"'
            if (bad || !compared) { print compared + 0, "compared,", bad + 0, "wrong"; exit 1 }
        }' "$T/plain.csv" "$T/a/$1"
}
check "time lost adds up exactly to the time of attempts in conflict" agree conflicts.csv \
    '{ lost[key] += $c["lost_us"] }' \
    'for (k in rows) { compared++; bad += sprintf("%.6f", lost[k] / 1e6) != \
        sprintf("%.6f", r[k, "busy_conflicting_s"]) }'
check "the matrix has every claim in conflict" agree conflicts.csv \
    '{ n[key] += $c["claims"]; s[key] += $c["spurious"]; m[key] += $c["sole_rival"] }
     $c["no_longer_fits"] + $c["seq_changed"] != $c["claims"] { bad++ }' \
    'for (k in rows) { compared++; bad += n[k] != r[k, "claims_conflicting"] ||
        s[k] != r[k, "claims_spurious"] || m[k] != r[k, "claims_sole_rival"] }'
check "nobody blocks itself" agree conflicts.csv '{ compared++ }
    $c["scheduler"] == $c["rival_scheduler"] && $c["instance"] == $c["rival"] { bad++ }'
check "refused claims are listed, each once" agree refused.csv \
    '$c["outcome"] == "seq_changed" { spurious[key] += !$c["other_refuses"] }
     $c["outcome"] ~ /no_longer_fits|seq_changed/ { n[key]++; next } { other[key]++ }' \
    'for (k in rows) { compared++; bad += n[k] != r[k, "claims_conflicting"] ||
        spurious[k] != r[k, "claims_spurious"] ||
        other[k] != r[k, "claims_refused"] }'
check "what does not fit lacks something, and what is stale has moved" agree refused.csv \
    '{ missing = $c["missing_cpu_milli"] + $c["missing_mem_mib"] + $c["missing_gpu_milli"]
       lacks = missing + $c["above_limit"] > 0 }
     $c["outcome"] == "no_longer_fits" { compared++; bad += !lacks }
     $c["detection"] == "coarse" && $c["outcome"] == "seq_changed" {
        bad += lacks != $c["other_refuses"] }
     $c["outcome"] == "seq_changed" { compared++; bad += $c["seq_found"] <= $c["seq_seen"] }
     $c["outcome"] ~ /no_longer_fits|seq_changed/ {
        bad += $c["rival_version"] <= $c["version"] - $c["view_age_versions"] }'
check "machines have every claim" agree machines.csv \
    '{ a[$1] += $c["accepted"]; n[$1] += $c["conflicting"]; o[$1] += $c["refused"]
       f[$1] += $c["aborted"] }' \
    'for (k in rows) { split(k, part, SUBSEP); v = part[1]; a[v] -= r[k, "claims_accepted"]
        n[v] -= r[k, "claims_conflicting"]; o[v] -= r[k, "claims_refused"]
        f[v] -= r[k, "claims_aborted"] }
     for (v in a) { compared++; bad += a[v] != 0 || n[v] != 0 || o[v] != 0 || f[v] != 0 }'

# ---- counterfactuals ----

check "that of the mode in use is what happened" agree counterfactuals.csv \
    '$c["in_use"] == 1 { compared++
        bad += $c["transactions"] != r[key, "transactions"] ||
               $c["would_conflict"] != r[key, "transactions_conflicting"] ||
               $c["claims_would_conflict"] != r[key, "claims_conflicting"] ||
               $c["claims_would_be_accepted"] != r[key, "claims_accepted"] }' \
    'bad += compared != length(rows)'
check "fine detection never finds more conflicts than coarse in one step" \
    agree counterfactuals.csv \
    '$c["detection"] == "fine" { of = key SUBSEP $c["granularity"]
        fine[of] = $c["would_conflict"]; claims[of] = $c["claims_would_conflict"] }
     $c["detection"] == "coarse" { of = key SUBSEP $c["granularity"]; compared++
        bad += fine[of] > $c["would_conflict"] || claims[of] > $c["claims_would_conflict"]
        more += fine[of] < $c["would_conflict"] }' 'bad += more < 10'
check "finer granularity never accepts less in one step" agree counterfactuals.csv \
    '$c["granularity"] == "task" { task = $c["claims_would_be_accepted"] }
     $c["granularity"] == "machine" { compared++; bad += $c["claims_would_be_accepted"] > task
        machine = $c["claims_would_be_accepted"] }
     $c["granularity"] == "all" { bad += $c["claims_would_be_accepted"] > machine
        all = $c["claims_would_be_accepted"] }
     $c["granularity"] == "gang" { bad += $c["claims_would_be_accepted"] > all }'
check "results name the same counts" agree counterfactuals.csv \
    '{ compared++
       bad += r[key, "would_conflict_" $c["detection"] "_" $c["granularity"]] != \
              $c["would_conflict"] }'
check "none of them is called a conflict fraction" not grep -Eq \
    'would[a-z_]*fraction|fraction[a-z_]*would|conflict_fraction_(fine|coarse)' \
    "$T"/a/*.csv "$T/a/results.jsonl"

# a scheduler that sends nothing: "at least" has no minimum, so that its value is unknown, not 0
cat >"$T/idle.json" <<'JSON'
{
  "name": "idle", "horizon_s": 1, "counterfactuals": true,
  "cell": {"machines": [{"count": 1, "cpu_milli": 1, "mem_mib": 1}]},
  "workloads": [{"name": "w", "interarrival_s": {"type": "constant", "value": 100}, "tasks": 1,
                 "duration_s": 1, "cpu_milli": 1, "mem_mib": 1}],
  "architecture": "shared_state", "schedulers": [{"name": "s", "module": "batch"}]
}
JSON
check "a run without a transaction" "$OMEGA" run "$T/idle.json" --quiet --log --out "$T/idle"
check "would have no conflict" grep -q '"would_conflict_fine_task":0,' "$T/idle/results.jsonl"
check "but nobody knows of at least" grep -q '"would_conflict_fine_at_least":null' \
    "$T/idle/results.jsonl"
check "nor in the table" grep -q '^[^,]*,1,s,fine,at_least,0,,,,,$' "$T/idle/counterfactuals.csv"
check "which its log proves" "$OMEGA" check-log "$T/idle"

# ---- asking changes nothing, and costs nothing unasked ----

check "a run that does not ask" run b --set 'record=["summary"]'
for file in conflicts counterfactuals machines refused; do
    check "has no $file.csv" not test -e "$T/b/$file.csv"
done
digests() { grep -o '"digest":"[0-9a-f]*"' "$T/$1/results.jsonl"; }
same_digests() { [ -n "$(digests a)" ] && diff <(digests a) <(digests b); }
check "and does the same" same_digests
check "nor has it counterfactuals" not grep -q would_conflict "$T/b/results.jsonl"
check "a run that asks again on disk" run c "${asked[@]}" \
    --set 'store={"kind":"lmdb","mode":"fast","map_mib":256}'
for file in results.jsonl conflicts.csv counterfactuals.csv machines.csv refused.csv; do
    check "$file is the same on disk" cmp "$T/a/$file" "$T/c/$file"
done
check "variants cannot differ in it" fails_with 1 'cannot differ between variants' \
    "$OMEGA" validate tests/data/valid/eventful.json --set 'variants.0.set={"counterfactuals":true}'
check "nor for the reference preset" fails_with 1 "expected false with preset 'reference'" \
    "$OMEGA" validate tests/data/valid/preset.json --set counterfactuals=true

# ---- refused claims are written while a point runs ----

cat >"$T/crowd.json" <<'JSON'
{
  "name": "crowd", "horizon_s": 30, "record": ["refused"],
  "cell": {"machines": [{"count": 20, "cpu_milli": 4000, "mem_mib": 20480}]},
  "workloads": [{"name": "w", "interarrival_s": {"type": "exponential", "mean": 0.2}, "tasks": 40,
                 "duration_s": 15, "cpu_milli": 50, "mem_mib": 10}],
  "architecture": "shared_state",
  "schedulers": [{"name": "s", "module": "batch", "instances": 16,
                  "commit": {"detection": "coarse"}, "decision": {"job_s": 1, "task_s": 0}}],
  "variants": [{"name": "short"}, {"name": "long", "set": {"horizon_s": 100000}}]
}
JSON
check "a point with many refused claims" "$OMEGA" run "$T/crowd.json" --quiet --out "$T/short" \
    --set 'variants=[{"name":"short"}]'
short=$(stat -c %s "$T/short/refused.csv")
written() { # bytes so far of the second point, to which its refused claims go while it runs
    find "$T/stopped/points" -name '000001.part.*' -printf '%s\n' | tail -1 | grep . || echo 0
}
# Asks to stop when the first point is finished and the second one, which would take minutes, has
# written some of its claims.
stopped() {
    local pid rc=0
    "$OMEGA" run "$T/crowd.json" --log --out "$T/stopped" 2>"$T/progress" >/dev/null &
    pid=$!
    for _ in $(seq 600); do
        [ -e "$T/stopped/points/000000.part" ] && [ "$(written)" -gt "$short" ] && break
        sleep 0.05
    done
    kill -INT "$pid"
    wait "$pid" || rc=$?
    cat "$T/progress" >&2
    return "$rc"
}
check "a point that is stopped on its way" \
    fails_with 1 'stopped, 1 of 2 points are finished' stopped
check "leaves none of its refused claims" cmp "$T/short/refused.csv" "$T/stopped/refused.csv"
check "and the log proves what there is" "$OMEGA" check-log "$T/stopped"

# ---- beside real runs ----

check "the table beside real runs" bench/conflicts --runs "$T/modes" --set horizon_s=9000
check "has each mode of both schedulers" test "$(grep -Ec '^  (fine|coarse)-' \
    "$T/modes/table.txt")" -eq 16
check "says that of the base run twice" grep -Eq \
    '^  fine-task \(base\) +([0-9]+ of [0-9]+) +([0-9.]+ %) +\1 +\2 ' "$T/modes/table.txt"
# what makes it worth a figure: another mode changes what follows
check "and others differ" awk -F'\t' '$3 == 0 && $4 / $5 != $6 / $7 { n++ } END { exit n < 8 }' \
    "$T/modes/figure.tsv"

# ---- the summary ----

check "the summary says who blocks whom" grep -Eq '^planned +least +batch +[0-9]+ +[0-9]+ %' \
    "$T/table"
check "and where" grep -Eq '^planned +[mg]-[0-9]+ \([0-9]+\)' "$T/table"

finish
