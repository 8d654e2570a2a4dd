#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# omega replay: a recorded run is simulated again with its decision times, beside what was observed;
# and omega check-log on live runs whose segments are cut.
. "$(dirname "$0")/../support/shell.sh"

cat >"$T/live.json" <<'JSON'
{
  "name": "replayed",
  "horizon_s": 40,
  "warmup_s": 2,
  "cell": { "machines": [ { "count": 40, "cpu_milli": 4000, "mem_mib": 16384 } ],
            "prefill": { "cpu_utilisation": 0.2, "cpu_milli": 500, "mem_mib": 256 } },
  "workloads": [
    { "name": "batch", "interarrival_s": 0.25, "tasks": { "type": "uniform", "min": 1, "max": 9 },
      "duration_s": { "type": "exponential", "mean": 6 }, "cpu_milli": 1000, "mem_mib": 512 },
    { "name": "picky", "interarrival_s": 2, "tasks": 2, "pickiness": 0.3,
      "duration_s": 10, "cpu_milli": 500, "mem_mib": 512 } ],
  "architecture": "shared_state",
  "schedulers": [
    { "name": "batch", "module": "batch", "workloads": [ "batch" ], "instances": 2,
      "decision": { "job_s": 0.2, "task_s": 0.01 } },
    { "name": "picky", "module": "service", "workloads": [ "picky" ],
      "decision": { "job_s": 0.3 } } ],
  "seeds": [ 1, 2 ]
}
JSON

# ---- a simulated run: its own times give it again, byte for byte ----

same_again() {
    "$OMEGA" run --quiet --log --out "$T/sim" "$T/live.json" &&
        "$OMEGA" replay --out "$T/again" "$T/sim" >"$T/sim.txt" &&
        cmp "$T/sim/results.jsonl" "$T/again/results.jsonl" &&
        cmp "$T/sim/conflicts.csv" "$T/again/conflicts.csv"
}
# (attempts that the horizon cuts have no recorded time, and no end in the simulation either)
check "a simulated run comes out again" same_again
check "all ratios are 1" awk '/^conflict fraction:/ { on = 1; next } on && NF == 0 { exit !seen }
    on && $1 == "-" && $NF != "-" { seen = 1; if ($NF != "1.00") exit 1 }' "$T/sim.txt"
check "the results are a run's" test -s "$T/again/run.json" -a -s "$T/again/experiment.json"
check "no part stays" test -z "$(ls "$T/again" | grep part)"

# ---- the order of points, and what has no ratio ----

in_order() { # names of files come in another: seed-1, seed-10, seed-2
    "$OMEGA" run --quiet --log --out "$T/seeds" --set 'seeds=[1,2,10]' --set horizon_s=8 \
        --set workloads.0.interarrival_s=0.6 "$T/live.json" &&
        "$OMEGA" replay --out "$T/seeds.again" "$T/seeds" >"$T/seeds.txt" || return 1
    awk '/^busyness:/ { on = 1; next } on && NF == 0 { exit } on && $3 == "picky" { print $2 }' \
        "$T/seeds.txt" | tee "$T/seeds.order"
    cmp "$T/seeds.order" <(printf '%s\n' 1 2 10) &&
        cmp "$T/seeds/results.jsonl" "$T/seeds.again/results.jsonl" &&
        cmp "$T/seeds/results.csv" "$T/seeds.again/results.csv"
}
check "points come in the experiment's order" in_order
# of no point where nothing was observed; the line says how many these are
left_out() {
    "$OMEGA" replay --json "$T/seeds" >"$T/seeds.json"
    grep -q '^- *picky *conflict fraction *0 *3 *- *- *- *-$' "$T/seeds.txt" &&
        grep -q '^- *picky *busyness *3 *0 *1.00 *1.00 *1.00 *1.00$' "$T/seeds.txt" &&
        grep '"scheduler":"picky","figure":"conflict_fraction","points":0,' "$T/seeds.json" |
        grep -q '"points_left_out":3,"ratio_of_sums":null}'
}
check "points that have no ratio are counted" left_out
bounds() { # jobs still wait at the horizon: what they waited is a bound, here as in the run
    "$OMEGA" run --quiet --log --out "$T/long" --seed 1 --set schedulers.1.decision.job_s=15 \
        "$T/live.json" >"$T/long.run" && "$OMEGA" replay "$T/long" >"$T/long.txt" || return 1
    "$OMEGA" replay --json "$T/long" >"$T/long.json"
    grep '^- *picky .*> [0-9]' "$T/long.run" &&
        [ "$(grep -c '^- *1 *picky *> \([0-9.]*\) *> \1 *-$' "$T/long.txt")" -eq 3 ] &&
        grep -q '^- *picky *wait to the first attempt, mean \[s\] *0 *1 *- *- *- *-$' \
            "$T/long.txt" &&
        grep '"scheduler":"picky".*"wait_first_mean_s_ratio":null' "$T/long.json" |
        grep '"wait_first_mean_censored_predicted":true,"wait_first_mean_censored_observed":true'
}
check "a wait that is a bound only is shown as one, and has no ratio" bounds

# ---- a live run ----

check "a live run" "$OMEGA" run --live --set live.speedup=20 --quiet --log --out "$T/live" \
    --set store.kind=lmdb --set store.dir="$T/cells" "$T/live.json"
check "its replay" "$OMEGA" replay --json "$T/live"
cp "$T/check.out" "$T/live.replay"
count() { grep -o "\"$1\":[0-9]*" "$T/live.replay" | head -n 1 | cut -d: -f2; }
recorded() {
    [ "$(grep -c '"seed":' "$T/live.replay")" -eq 4 ] && [ "$(count times_recorded)" -gt 50 ] &&
        [ "$(count times_recorded)" -gt "$(count times_drawn)" ] &&
        [ "$(count times_of_formula)" -eq 0 ]
}
check "most times are recorded ones" recorded
# Where every job is placed at its first attempt and done long before the horizon, live and
# simulated, the simulator spends just the times that were recorded: however long they were. Many
# machines, so that attempts which overlap, as on a busy computer, do not conflict.
busy_alike() {
    "$OMEGA" run --live --quiet --log --out "$T/calm" --set store.kind=lmdb --set live.speedup=40 \
        --set horizon_s=400 --set warmup_s=0 --set workloads.0.jobs=40 --set workloads.1.jobs=5 \
        --set cell.machines.0.count=20000 "$T/live.json" &&
        "$OMEGA" replay --json "$T/calm" >"$T/calm.replay" || return 1
    grep -o '"times_drawn":[0-9]*\|"busyness_ratio":[-0-9.e]*' "$T/calm.replay" | sort | uniq -c |
        tee "$T/calm.counts"
    [ "$(awk '{ print $1, $2 }' "$T/calm.counts")" = '4 "busyness_ratio":1
4 "times_drawn":0' ]
}
check "schedulers are as busy as they were" busy_alike
check "intervals over the seeds" grep -q \
    '"scheduler":"batch","figure":"busyness","points":2,"ratio_mean":' "$T/live.replay"
# of_sums FIGURE: what is told of scheduler batch is the ratio of the sums over the seeds' rows.
of_sums() {
    grep "\"scheduler\":\"batch\".*\"\($1_predicted\|figure\":\"$1\)\"" "$T/live.replay" |
        awk -v key="$1" '
            function value(name) {
                match($0, "\"" name "\":[-0-9.e]*")
                return substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 3)
            }
            /"seed":/ { predicted += value(key "_predicted"); observed += value(key "_observed") }
            /"figure":/ { told = value("ratio_of_sums"); points = value("points") }
            /"figure":/ { points += value("points_left_out") }
            END {
                print predicted, observed, told, points
                off = told * observed - predicted
                exit !(points == 2 && observed > 0 && off < 1e-9 && off > -1e-9)
            }'
}
check "the ratio of the sums" of_sums busyness
check "twice the same" cmp "$T/live.replay" <("$OMEGA" replay --json "$T/live")

# ---- what is wrong ----

check "no log" fails_with 1 'log: holds no log, expected the outputs of' "$OMEGA" replay "$T"
check "no directory" fails_with 2 'expected one directory, got 0' "$OMEGA" replay
check "an unknown option" fails_with 2 "unknown option '--fast'" "$OMEGA" replay --fast "$T/live"
check "an option without its value" fails_with 2 "'--out' needs a value" "$OMEGA" replay --out
other_jobs() {
    printf '1\n' >"$T/tasks.txt"
    "$OMEGA" run --quiet --log --out "$T/other" --seed 1 --set \
        'workloads.0.tasks={"type":"empirical","file":"tasks.txt"}' "$T/live.json" &&
        "$OMEGA" replay --paths "$T" "$T/other" >/dev/null || return 1
    printf '2\n' >"$T/tasks.txt"
    fails_with 1 'jobs are not those that were recorded, expected the experiment.s inputs' \
        "$OMEGA" replay --paths "$T" --out "$T/none" "$T/other" && [ ! -e "$T/none" ]
}
check "inputs that have changed, and nothing is written" other_jobs

not_over_itself() {
    cp -r "$T/sim" "$T/itself"
    fails_with 1 '.*itself/\.: is the run that is replayed, expected another folder' \
        "$OMEGA" replay --out "$T/itself/." "$T/itself" && diff -r "$T/sim" "$T/itself"
}
check "a run is not replayed over itself" not_over_itself

# ---- cut segments ----

# cut SEGMENT BYTES: a copy of the live run, from whose segment so many bytes are cut.
cut_off() {
    rm -rf "$T/cut"
    cp -r "$T/live" "$T/cut"
    truncate -s "-$2" "$T/cut/log/seed-1.$1.omlog"
}
incomplete() {
    cut_off 2 2000
    fails_with 1 'seed-1.2.omlog: is cut behind record' "$OMEGA" check-log "$T/cut" &&
        grep -q 'versions\? [0-9]* .*\(is\|are\) missing' "$T/fails.err" &&
        grep -q '^incomplete: versions missing: [1-9]' "$T/fails.out"
}
check "a log that is cut is incomplete, and tells what is missing" incomplete
repaired() {
    "$OMEGA" check-log --cell "$T/cells" "$T/cut" && "$OMEGA" check-log --json --cell "$T/cells" \
        "$T/cut" | grep -q '"versions_repaired":[1-9].*"versions_missing":0,"verdict":"proved"'
}
check "the cell repairs it" repaired
of_executor() {
    cut_off 1 100
    "$OMEGA" check-log --cell "$T/cells" "$T/cut"
}
check "releases, too" of_executor
of_a_sweep() {
    "$OMEGA" run --live --quiet --log --out "$T/sweep" --set store.kind=lmdb \
        --set store.dir="$T/sweep.cells" --set horizon_s=10 --set live.speedup=20 --seed 1 \
        --set 'sweep={"schedulers.0.decision.job_s":[0.1,0.2]}' "$T/live.json" &&
        truncate -s -400 "$T/sweep/log/sweep-2-seed-1.2.omlog" &&
        "$OMEGA" check-log --json --cell "$T/sweep.cells" "$T/sweep" |
        grep -q '"versions_repaired":[1-9].*"versions_missing":0,"verdict":"proved"'
}
check "the cells of a sweep repair its logs" of_a_sweep
end_only() {
    cut_off 3 30
    "$OMEGA" check-log "$T/cut" | grep -q '^segments cut: 1'
}
check "an end that is missing, and nothing else" end_only
of_parent() {
    cut_off 5 100
    fails_with 1 'the horizon is missing' "$OMEGA" check-log --cell "$T/cells" "$T/cut" &&
        grep -q '^incomplete' "$T/fails.out"
}
check "without the horizon it stays incomplete" of_parent
gone() {
    cut_off 3 0
    rm "$T/cut/log/seed-1.3.omlog"
    fails_with 1 'segment 3 is missing' "$OMEGA" check-log "$T/cut" &&
        grep -q '^incomplete' "$T/fails.out"
}
check "a segment that is missing" gone
check "it is not replayed" fails_with 1 'seed 1: .*incomplete, and known until 0.000 s, expected' \
    "$OMEGA" replay "$T/cut"
part_of_it() {
    cut_off 2 2000
    "$OMEGA" replay "$T/cut" |
        grep 'seed 1: the log is incomplete: .* of the first .* s of 40.000 s' &&
        "$OMEGA" replay --json "$T/cut" >"$T/cut.replay" &&
        grep '"seed":1,' "$T/cut.replay" | head -1 | grep -q '"complete":false' &&
        grep '"seed":2,' "$T/cut.replay" | head -1 | grep '"until_s":40,"complete":true'
}
check "of a log that is cut, what is there before is replayed" part_of_it
# what is predicted of the part and observed is of the same time
alike() { # as many attempts, within a few
    grep '"seed":1,.*"scheduler":"batch"' "$T/cut.replay" |
        sed 's/.*"attempts_recorded":\([0-9]*\).*"times_recorded":\([0-9]*\).*/\1 \2/' |
        awk '{ print; exit !($1 > 20 && $2 > 0.5 * $1 && $2 <= $1) }'
}
check "and predicted is as much as was observed" alike
check "results of a part are not written" fails_with 1 'a whole one for results to be written' \
    "$OMEGA" replay --out "$T/none" "$T/cut"
check "and nothing stays" test ! -e "$T/none"
check "the cell of another run" fails_with 1 'expected the cell of the run|has another change' \
    "$OMEGA" check-log --cell "$T/cells/seed-2" "$T/cut"
damaged() {
    cut_off 2 0
    printf x | dd of="$T/cut/log/seed-1.2.omlog" bs=1 conv=notrunc \
        seek="$(($(stat -c %s "$T/cut/log/seed-1.2.omlog") - 1))" 2>/dev/null # in the last block
    fails_with 1 'the checksum of this block' "$OMEGA" check-log "$T/cut" &&
        grep -q '^illegal' "$T/fails.out"
}
check "a damaged block is illegal" damaged
finish
