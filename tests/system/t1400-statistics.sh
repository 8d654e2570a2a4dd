#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Several seeds: omega statistics, omega compare, omega find, and the table of omega run.
source "$(dirname "$0")/../support/shell.sh"

"$OMEGA" run bench/experiments/compare.json --quiet --out "$T/all" >"$T/summary" || exit 1
# tell NAME COMMAND...: a check whose output is kept; said REGEX: it has such a line.
tell() { check "$@"; cp "$T/check.out" "$T/told"; }
said() { grep -Eq -- "$1" "$T/told"; }

check "omega run prints means over seeds" grep -Eq \
    '^same +10 +jobs .*0\.314  0\.0515' "$T/summary"
check "and that days are none" grep -q 'days are not' "$T/summary"
"$OMEGA" run bench/experiments/compare.json --seed 1 --quiet --out "$T/one" >"$T/summary"
check "but not of one" test "$(grep -c 'means over seeds' "$T/summary")" = 0

# ---- statistics ----

metric=scheduler:jobs.busyness
tell "statistics" "$OMEGA" statistics "$T/all"
check "have n, mean and half-width" said '^same +scheduler:jobs.busyness +10 +0\.314 +0\.0515'
check "count lower bounds" said '^same +workload:jobs.wait_first_mean_s +10 +> 0\.488 .* +[1-9]$'
check "say what n is" said 'n: seeds, each one value'
tell "as CSV" "$OMEGA" statistics "$T/all" --csv --metric $metric
check "with a head" said '^variant,parameters,metric,n,missing,mean,sd,half_width'
check "and rows" test "$(wc -l <"$T/told")" = 4
cp "$T/told" "$T/whole.csv"
tell "as JSON" "$OMEGA" statistics "$T/all" --json --metric $metric --confidence 99
check "with the confidence" said '"n":10,.*"confidence":0.99'
tell "of all figures" "$OMEGA" statistics "$T/all" --all
check "whatever is a number" said "scheduler:jobs\.queue_max"

# Parts of a run, in any order, are the whole.
mkdir "$T/a" "$T/b"
head -1 "$T/all/results.jsonl" | tee "$T/a/results.jsonl" >"$T/b/results.jsonl"
grep '"seed":[1-4],' "$T/all/results.jsonl" >>"$T/a/results.jsonl"
grep '"seed":\([5-9]\|10\),' "$T/all/results.jsonl" >>"$T/b/results.jsonl"
tell "parts of a run" "$OMEGA" statistics "$T/b" "$T/a" --csv --metric $metric
check "are the whole" cmp "$T/told" "$T/whole.csv"
check "twice the same is refused" fails_with 1 'results.jsonl:2: a second row of scheduler .jobs.' \
    "$OMEGA" statistics "$T/a" "$T/a"
check "other seeds are the same configurations, with a warning" fails_with 0 \
    'warning: the directories are of experiments that differ' eval \
    "'$OMEGA' run bench/experiments/compare.json --seed 11 --quiet --out '$T/more' >/dev/null &&
     '$OMEGA' statistics '$T/all' '$T/more' --csv --metric $metric"
check "and one more value" grep -q '^same,{},scheduler:jobs.busyness,11,' "$T/fails.out"
cp -r "$T/one" "$T/cut"
sed -i '$d' "$T/cut/results.jsonl"
check "rows that were cut at the end of a line" fails_with 1 \
    'cut/results.jsonl:[0-9]+: ends here, and was cut or changed' "$OMEGA" statistics "$T/cut"
check "no directory" fails_with 2 'at least one directory' "$OMEGA" statistics
check "an unknown metric" fails_with 1 'no such key' "$OMEGA" statistics "$T/all" --metric jobs.x
check "a bad confidence" fails_with 2 "'5' for --confidence, expected per" \
    "$OMEGA" statistics "$T/all" --confidence 5
check "no results" fails_with 1 'none/results.jsonl: ' "$OMEGA" statistics "$T/none"

# ---- compare ----

compare() { "$OMEGA" compare "$T/all:same" "$@"; }
tell "compare, 5 % planted" compare "$T/all:slower" --metric $metric
check "finds it" said 'busyness is 4\.9 % \(2\.29 to 7\.23 %\) more under .slower.'
check "with one metric nothing is corrected" said 'one metric, so p needs no correction'
tell "compare without pairs" compare "$T/all:slower" --metric $metric --unpaired
check "does not find it" said 'busyness does not differ beyond noise'
tell "compare by several metrics" compare "$T/all:slower"
check "says that they are corrected" said "corrected: p by Holm's method for 5 metrics"
check "refuses what lower bounds forbid" said 'wait_first_mean_s is not decided: values of .same.'
tell "dice make no difference" compare "$T/all:dice" --metric $metric
check "beyond noise" said 'does not differ beyond noise'
check "the preset has dice of its own" fails_with 1 "scheduler_stream: 3, expected 0 with preset" \
    "$OMEGA" validate tests/data/valid/preset.json --set scheduler_stream=3
tell "a configuration with itself" compare "$T/all:same" --metric $metric
check "is equal" said 'is equal in every seed'
tell "as JSON" compare "$T/all:slower" --json --metric $metric
check "with verdict and correction" eval \
    "said '\"correction\":\"none\",\"tests\":1' && said '\"verdict\":\"different\"'"
check "one of several has to be named" fails_with 1 "fits several .*'same', 'dice', 'slower'" \
    compare "$T/all"
check "one that is not there" fails_with 1 "fits no configuration, expected .* of 'same'" \
    compare "$T/all:x"
check "no seed in common" fails_with 1 'have no seed in common' compare "$T/more:same"
check "other jobs" fails_with 1 "workload 'jobs', seed 1: 162 jobs under 'same' and " eval \
    "'$OMEGA' run bench/experiments/compare.json --set workloads.0.rate_factor=2 --quiet \
     --out '$T/rate' >/dev/null && '$OMEGA' compare '$T/all:same' '$T/rate:same'"
check "one side" fails_with 2 'expected two configurations, got 1' compare

# In a sweep a configuration has parameters, too.
mkdir "$T/sweep"
head -1 "$T/all/results.jsonl" >"$T/sweep/results.jsonl"
for value in 3 '"x"' '{"c":1,"d":[2,3]}' '"x,y"'; do
    sed -n "/\"variant\":\"same\"/s/\(\"seed\":[0-9]*\)/\1,\"parameters\":{\"a.b\":$value}/p" \
        "$T/all/results.jsonl" >>"$T/sweep/results.jsonl"
done
tell "parameters choose" "$OMEGA" compare "$T/sweep:same,a.b=3" "$T/sweep:,a.b=x" --metric $metric
check "and name" said '^A: same a.b=3$'
tell "numbers in any form, and values with commas" "$OMEGA" compare \
    "$T/sweep:a.b=3.0,same" "$T/sweep:same,a.b={\"c\":1,\"d\":[2,3]}" --metric $metric
check "are found" said '^B: same a.b=\{"c":1,"d":\[2,3\]\}$'
tell "a text with a comma" "$OMEGA" compare --metric $metric \
    "$T/sweep:a.b=x,y,same" "$T/sweep:a.b=x"
check "is another one" said '^A: same a.b="x,y"$'
check "what is told to choose is what can be typed" fails_with 1 "one of 'same,a.b=3', 'same,a.b=" \
    "$OMEGA" compare "$T/sweep:same" "$T/sweep:same"
check "the start of a value is none" fails_with 1 'fits no configuration' \
    "$OMEGA" compare "$T/sweep:a.b=x,z" "$T/sweep:same,a.b=3"
tell "a metric that is named twice" compare "$T/all:slower" --metric $metric --metric "${metric#*:}"
check "needs no correction" said 'one metric, so p needs no correction'
tell "statistics of it" "$OMEGA" statistics "$T/all" --csv --metric $metric --metric $metric
check "say it once" cmp "$T/told" "$T/whole.csv"
check "CSV or JSON" fails_with 2 'exclude each other' "$OMEGA" statistics "$T/all" --csv --json

# ---- find ----

seek() {
    "$OMEGA" find --quiet --parameter workloads.0.rate_factor --set horizon_s=14000 --seeds 4 \
        --precision 20 "$@" bench/experiments/md1.json
}
tell "find" seek --from 0.4 --to 0.95 --condition 'jobs.wait_first_mean_s <= 1.1666667'
check "says how sure it is" said 'with 95 % confidence the boundary lies between, known to'
check "and what is taken for granted" said 'taken for granted: it holds on one side'
for jobs in 1 2 3; do
    seek --from 0.4 --to 0.95 --condition 'jobs.wait_first_mean_s <= 1.17' --json --jobs $jobs \
        >"$T/find-$jobs" 2>"$T/find.err"
done
check "one worker, two and three give the same answer" eval \
    "cmp '$T/find-1' '$T/find-2' && cmp '$T/find-1' '$T/find-3'"
if [ -e "$B/tests/modules/crash_place.so" ]; then
    check "a worker that dies is told" fails_with 1 \
        'schedulers.0.instances=\[1\], seed 1: its worker ended (by signal 11|with exit code)' \
        seek --from 1 --to 2 --parameter schedulers.0.instances --jobs 2 \
        --condition 'scheduler:server.busyness <= 0.3' \
        --set "schedulers.0.module=\"$B/tests/modules/crash_place.so\""
else
    skip "a worker that dies is told" "the test modules are not built"
fi
check "no workers" fails_with 2 "'0' for --jobs, expected a whole number from 1" seek --jobs 0
check "live is not looked for" fails_with 1 'driver is live, expected sim' \
    seek --from 0.4 --to 0.9 --condition 'jobs.wait_first_mean_s <= 1' --set driver=live
tell "whole numbers" seek --whole --from 1 --to 6 --parameter schedulers.0.instances \
    --condition 'scheduler:server.busyness <= 0.7'
check "end at neighbours" said '^holds at 2, fails at 1: .* lies between: they are neighbours$'
for number in 0.5 1e13 -1e300; do
    check "--whole of $number" fails_with 2 'expected whole numbers from -10\^12 to 10\^12' \
        seek --whole --from $number --to 9 --condition 'a.b < 1'
done
tell "as JSON" seek --from 0.4 --to 0.95 --condition 'jobs.wait_first_mean_s <= 1.17' --json
check "with its probes" said '"value":0.4,"seeds":4,"mean":0\.3'
check "nothing between is a failure" eval "! seek --from 0.1 --to 0.2 \
    --condition 'jobs.wait_first_mean_s <= 9' >'$T/told'"
check "that is told" said 'not found: it holds at both ends'
tell "a variant does not keep a parameter" seek --from 0.01 --to 2 --variant slow \
    --set 'variants=[{"name": "slow", "set": {"schedulers.0.decision.job_s": 3}}]' \
    --parameter schedulers.0.decision.job_s --condition 'scheduler:server.busyness <= 0.3'
check "from the values that are tried" said '^holds at 0\.[0-9]+, fails at '
check "seeds are not looked for" fails_with 1 'seed: is no field to sweep' \
    seek --parameter seed --from 1 --to 2 --condition 'scheduler:server.busyness < 0.3'
check "a condition is needed" fails_with 2 'expected --parameter, --from' seek --from 1 --to 2
check "of the right form" fails_with 2 'expected METRIC <= NUMBER' seek --from 1 --to 2 \
    --condition 'x'
check "seeds" fails_with 2 "'9..3' for --seeds" seek --from 1 --to 2 --condition 'a.b < 1' \
    --seeds 9..3
check "a range" fails_with 2 'are the same' seek --from 1 --to 1 --condition 'a.b < 1'
check "an experiment" fails_with 1 'none.json' "$OMEGA" find --parameter a --from 1 --to 2 \
    --condition 'a.b < 1' "$T/none.json"
finish
