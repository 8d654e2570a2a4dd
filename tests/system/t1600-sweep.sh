#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Sweeps of 500 points: whole, with 1, 2 and 3 workers, in shards, interrupted and resumed: the same
# bytes. What a run that did not end leaves, and who may go on with it. Workers that crash.
source "$(dirname "$0")/../support/shell.sh"
ulimit -c 0

cat >"$T/sweep.json" <<'JSON'
{"name": "sweep", "horizon_s": 120,
 "cell": {"machines": [{"count": 20, "cpu_milli": 4000, "mem_mib": 16384}]},
 "workloads": [
  {"name": "batch", "interarrival_s": {"type": "exponential", "mean": 4}, "tasks": 10,
   "duration_s": {"type": "exponential", "mean": 30}, "cpu_milli": 900, "mem_mib": 512}],
 "architecture": "shared_state",
 "schedulers": [{"name": "batch", "module": "batch", "decision": {"job_s": 1}}],
 "record": ["summary", "histograms", "series", "jobs", "conflicts", "machines", "refused"],
 "sweep": {"schedulers.0.instances": [1, 2, 3, 4, 5],
           "schedulers.0.decision.job_s": {"from": 0.1, "to": 1, "step": 0.1}}}
JSON
sweep=$T/sweep.json
files="results.jsonl results.csv histograms.jsonl series.csv jobs.csv conflicts.csv machines.csv
    refused.csv experiment.json SHA256SUMS"

# same DIR: its files are those of the reference, and nothing else is there but run.json.
same() {
    local file
    for file in $files; do
        cmp "$T/whole/$file" "$1/$file" || return 1
    done
    [ "$(ls -A "$1" | wc -l)" -eq 11 ] || { ls -A "$1"; return 1; }
}
run() { "$OMEGA" run "$sweep" --quiet "$@"; }
parts() { find "$1/points" -name '0*.part' | wc -l; }

# ---- whole ----

check "500 points with one worker" run --out "$T/whole" --jobs 1
cp "$T/check.out" "$T/table"
# 5 x 10 assignments, 10 seeds; of each point a scheduler, a workload and the cell
check "have 1,500 rows" test "$(wc -l <"$T/whole/results.jsonl")" -eq 1501
order() { # of the cell rows: the parameters and the seed
    sed -n 's/.*"seed":\([0-9]*\),"parameters":{"schedulers.0.instances":\([0-9]\),'`
        `'"schedulers.0.decision.job_s":\([0-9.]*\)},"name":"cell".*/\2 \3 \1/p' \
        "$T/whole/results.jsonl" | sed -n '1p;11p;101p;500p' | tr '\n' ';'
}
check "in order, with parameters behind the seed" \
    test "$(order)" = "1 0.1 1;1 0.2 1;2 0.1 1;5 1 10;"
check "results.csv has a column for each" test "$(sed -n '1p;2p' "$T/whole/results.csv" |
    cut -d, -f1-6 | tr '\n' ';')" = "scope,variant,seed,schedulers.0.instances,\
schedulers.0.decision.job_s,name;scheduler,,1,1,0.1,batch;"
for file in series jobs conflicts machines refused; do
    check "$file.csv too" test "$(sed 1q "$T/whole/$file.csv" | cut -d, -f2-4)" \
        = "seed,schedulers.0.instances,schedulers.0.decision.job_s"
done
check "histograms.jsonl has them" test "$(grep -c '"seed":3,"parameters":{' \
    "$T/whole/histograms.jsonl")" -eq 400
check "the table has a line for each assignment" test "$(grep -Ec '^- .* 10 +batch' "$T/table")" \
    -eq 50
# The mean number of jobs of the first assignment, by the rows and by the table.
mean_of_rows() {
    sed 's/^scheduler,,[0-9]*,1,0.1,batch,\([0-9]*\),.*/\1/;t;d' "$T/whole/results.csv" |
        awk '{ sum += $1 } END { print NR, sum / NR }'
}
mean_of_table() { awk '$2 == 1 && $3 == 0.1 { print $4, $6 }' "$T/table"; }
check "with means over ten seeds" test "$(mean_of_rows)" = "$(mean_of_table)"
check "the mean is of this many jobs" test "$(mean_of_rows | cut -c1-3)" = "10 "
check "2 workers give the same bytes" run --out "$T/two" --jobs 2
check "all of them" same "$T/two"
check "3 workers too" run --out "$T/three" --jobs 3
check "all of them" same "$T/three"
check "run.json has the parameters of each point" test "$(grep -c '"schedulers.0.instances": ' \
    "$T/two/run.json")" -eq 500
check "--json prints the rows" eval 'run --out "$T/json" --json >"$T/json.out"'
check "as they are in the file" cmp <(sed 's/,$//' "$T/json.out" | grep '^{"scope"') \
    <(tail -n +2 "$T/whole/results.jsonl")

# ---- shards ----

for i in 1 2 3; do
    check "shard $i of 3" run --out "$T/shard$i" --shard "$i/3" --jobs $((4 - i))
done
check "leaves its points only" test "$(ls -A "$T/shard1")" = points
check "167 of them" test "$(parts "$T/shard1")" -eq 167
check "merged, in any order" "$OMEGA" merge --out "$T/merged" "$T/shard3" "$T/shard1" "$T/shard2"
cp "$T/check.out" "$T/table2"
check "they give the same bytes" same "$T/merged"
check "and the same table" cmp <(head -n 51 "$T/table2") <(head -n 51 "$T/table")
check "the shards stay" test "$(parts "$T/shard2")" -eq 167
check "two of them are not enough" fails_with 1 'shard 2/3 is missing, expected all of them' \
    "$OMEGA" merge --out "$T/no" "$T/shard1" "$T/shard3"
check "nor the same one twice" fails_with 1 'shard1: is a second shard 1/3' \
    "$OMEGA" merge --out "$T/no" "$T/shard1" "$T/shard1"
check "nor one of another sweep" eval 'run --out "$T/other" --shard 2/3 --set horizon_s=119 &&
    fails_with 1 "other/points: holds points of another experiment, by its SHA-256" \
    "$OMEGA" merge --out "$T/no" "$T/shard1" "$T/other" "$T/shard3"'
mv "$T/shard1/points/000003.part" "$T/moved"
check "a missing point is named" fails_with 1 \
    'shard 1/3: schedulers.0.instances=1, schedulers.0.decision.job_s=0.1, seed 4$' \
    "$OMEGA" merge --out "$T/no" "$T/shard1" "$T/shard2" "$T/shard3"
cp "$T/shard1/points/000006.part" "$T/shard1/points/000003.part"
check "another one does not take its place" fails_with 1 \
    '000003.part: has the name of another point, expected that of point 6: --resume runs the miss' \
    "$OMEGA" merge --out "$T/no" "$T/shard1" "$T/shard2" "$T/shard3"
check "which --resume runs again" run --out "$T/shard1" --shard 1/3 --resume
mv "$T/shard1/points/000003.part" "$T/shard1/points/0000003.part"
check "nor does it go by a name that is none" fails_with 1 '^omega: 1 of 500 points are missing' \
    "$OMEGA" merge --out "$T/no" "$T/shard1" "$T/shard2" "$T/shard3"
check "it is run again, too" run --out "$T/shard1" --shard 1/3 --resume
rm "$T/shard1/points/0000003.part"
cp "$T/shard2/points/000001.part" "$T/shard1/points"
check "a point of another shard is not dropped" fails_with 1 \
    '000001.part: is a point of another shard, expected those of 1/3 only: move it away' \
    run --out "$T/shard1" --shard 1/3 --resume
rm "$T/shard1/points/000001.part"
cp "$T/other/points/000001.part" "$T/shard2/points"
check "nor one of another run" fails_with 1 '000001.part: is no point of this run.*: move it away' \
    run --out "$T/shard2" --shard 2/3 --resume
rm "$T/shard2/points/000001.part"
check "though one that was moved away runs again" run --out "$T/shard2" --shard 2/3 --resume
mv "$T/shard1/points/head.part" "$T/head"
check "a head that is missing is named, and how to get it" fails_with 1 \
    'shard1: has points but no points/head.part, expected it: .omega run --shard I/N --resume' \
    "$OMEGA" merge --out "$T/no" "$T/shard1" "$T/shard2" "$T/shard3"
mv "$T/head" "$T/shard1/points/head.part"
head -c 1000 "$T/moved" >"$T/shard1/points/000003.part"
check "a damaged point is found" fails_with 1 '000003.part: ' \
    "$OMEGA" merge --out "$T/no" "$T/shard1" "$T/shard2" "$T/shard3"
check "and run again with --resume" run --out "$T/shard1" --shard 1/3 --resume
check "which makes the shard whole" "$OMEGA" merge --out "$T/merged" "$T/shard1" "$T/shard2" \
    "$T/shard3"
check "and the run the same" same "$T/merged"
check "of its own shard only" fails_with 1 'holds points of shard 1/3, expected those of 2/3' \
    run --out "$T/shard1" --shard 2/3 --resume
check "nothing was written" test ! -e "$T/no"

# ---- interrupted ----

# interrupted SIGNAL DIR OPTION...: ends a run when some points are there; the exit code is its own.
interrupted() {
    local signal=$1 dir=$2 pid rc=0
    shift 2
    "$OMEGA" run "$sweep" --out "$dir" "$@" 2>"$T/progress" >"$T/stopped.out" &
    pid=$!
    for _ in $(seq 2000); do
        [ "$(grep -c '^point ' "$T/progress")" -ge 20 ] && break
        sleep 0.005
    done
    kill "-$signal" "$pid"
    wait "$pid" 2>/dev/null || rc=$?
    cat "$T/progress" >&2
    return "$rc"
}
check "Ctrl-C stops" fails_with 1 \
    "stopped, [0-9]+ of 500 points are finished and kept in '.*': --resume goes on$" \
    interrupted INT "$T/stopped" --jobs 2
check "the files have what was finished" cmp "$T/whole/results.jsonl" "$T/stopped/results.jsonl" \
    -n 20000
check "run.json says that it is not all" grep -q '"complete": false' "$T/stopped/run.json"
check "who does not say how to go on is asked" fails_with 1 \
    'holds [0-9]+ finished points? of an earlier run, expected --resume to go on with it, or --fr' \
    run --out "$T/stopped"
check "other experiments do not go on with it" fails_with 1 'holds points of another experiment' \
    run --out "$T/stopped" --resume --set horizon_s=119
check "nor other seeds" fails_with 1 'holds points of another experiment' \
    run --out "$T/stopped" --resume --seed 1
check "nor other records" fails_with 1 "holds points of a run with another 'record'" \
    run --out "$T/stopped" --resume --set 'record=["jobs"]'
check "nor with a log" fails_with 1 'holds points of a run without logs, expected one with' \
    run --out "$T/stopped" --resume --log
before=$(parts "$T/stopped")
check "nor does it begin anew as well" fails_with 2 'resume and --fresh exclude each other' \
    run --out "$T/stopped" --resume --fresh
head -c 60 "$T/stopped/points/head.part" >"$T/cut"
mv "$T/cut" "$T/stopped/points/head.part"
check "other experiments do not go on without a head" fails_with 1 'is no point of this run' \
    run --out "$T/stopped" --resume --set horizon_s=119
check "--resume goes on" eval '"$OMEGA" run "$sweep" --out "$T/stopped" --resume --jobs 3 \
    2>"$T/progress" >"$T/table2"'
check "with what is missing only" test "$(grep -c '^point ' "$T/progress")" -eq $((500 - before))
check "and gives the same bytes" same "$T/stopped"
check "and the same table" cmp <(head -n 51 "$T/table2") <(head -n 51 "$T/table")
killed() { interrupted KILL "$@"; }
check "SIGKILL ends a run" fails_with 137 '' killed "$T/killed" --jobs 2
rm "$T/killed/points/head.part"
check "points are left" test "$(parts "$T/killed")" -ge 20
check "--resume goes on" fails_with 0 \
    '^([2-9][0-9]|[1-4][0-9][0-9]) of 500 points are finished already$' \
    eval '"$OMEGA" run "$sweep" --out "$T/killed" --resume --jobs 1 >"$T/check.out"'
check "and gives the same bytes" same "$T/killed"
check "a shard can be interrupted, too" fails_with 1 'stopped, [0-9]+ of 167 points' \
    interrupted INT "$T/part" --jobs 2 --shard 1/3
check "and resumed" run --out "$T/part" --shard 1/3 --resume
check "and merged" "$OMEGA" merge --out "$T/merged2" "$T/part" "$T/shard2" "$T/shard3"
check "to the same bytes" same "$T/merged2"
check "once more" fails_with 1 '' interrupted INT "$T/fresh"
check "--fresh begins anew" run --out "$T/fresh" --fresh
check "with the same bytes" same "$T/fresh"

# ---- logs and cells ----

logged() {
    "$OMEGA" run "$sweep" --quiet --log --set 'sweep=null' --sweep 'schedulers.0.instances=1,2' \
        --sweep 'schedulers.0.commit.detection=fine,coarse' --set 'seeds=[3,4]' \
        --set 'fragmentation={"cpu_milli":900,"mem_mib":512}' \
        --sweep 'fragmentation.cpu_milli=900,2000' --out "$T/log" --jobs 2
}
check "a sweep with logs" logged
check "whose names tell the assignment" test "$(ls "$T/log/log" | sed -n 1p)" = sweep-1-seed-3.omlog
check "there are 16" test "$(ls "$T/log/log" | wc -l)" -eq 16
check "check-log proves them" "$OMEGA" check-log "$T/log"
cp "$T/check.out" "$T/proved"
check "all of them" grep -q '^16 points, 16 segments: .*compared$' "$T/proved"
check "the tables of a sweep, too" grep -q '^compared, too: results.csv, ' "$T/proved"
sed -i '0,/"schedulers.0.instances":2/s//"schedulers.0.instances":7/' "$T/log/results.jsonl"
check "and finds another parameter" fails_with 1 '' "$OMEGA" check-log "$T/log"
seeded() {
    "$OMEGA" run tests/data/valid/mapreduce.json --quiet --log --seed 3 --out "$T/seeded" \
        --sweep 'workloads.1.interarrival_s=5,6' \
        --set 'record=["series","jobs","histograms","conflicts","machines","refused"]'
}
check "a sweep with the command's seed" seeded
check "and its log has the experiment that ran" "$OMEGA" check-log "$T/seeded"
sed -i '2s/^,3,5,/,3,6,/' "$T/seeded/jobs.csv"
check "and finds a row of another assignment" fails_with 1 '' "$OMEGA" check-log "$T/seeded"
listed() {
    run --set sweep=null --set horizon_s=20 --seed 1 --out "$T/listed" --sweep \
        'schedulers.0.decision={"job_s":1,"task_s":0.1},{"job_s":2,"task_s":0.1}'
}
check "objects with commas are listed, too" listed
check "each a value" test "$(grep -Ec '"schedulers.0.decision":\{"job_s":[12],"task_s":0.1\}' \
    "$T/listed/results.jsonl")" -eq 6
cells() {
    "$OMEGA" run "$sweep" --quiet --set sweep=null --sweep 'schedulers.0.instances=1,2' --seed 1 \
        --sweep "store.dir=[\"$T/cells-a\",\"$T/cells-b\"]" --set store.kind=lmdb \
        --set store.mode=fast --out "$T/stored"
}
check "a sweep that keeps its cells" cells
check "each in a directory of its own" test "$(echo "$T"/cells-*/*)" = "$T/cells-a/sweep-1-seed-1 \
$T/cells-a/sweep-3-seed-1 $T/cells-b/sweep-2-seed-1 $T/cells-b/sweep-4-seed-1"
check "which nobody overwrites" fails_with 1 'holds .* already' cells

# ---- workers that die ----

if [ -e "$B/tests/modules/crash_place.so" ]; then
    cat >"$T/crash.json" <<JSON
{"name": "crash", "horizon_s": 100, "seeds": [1, 2],
 "cell": {"machines": [{"count": 3, "cpu_milli": 1000, "mem_mib": 1000}]},
 "workloads": [{"name": "w", "interarrival_s": 1, "tasks": 1, "duration_s": 1, "cpu_milli": 600,
                "mem_mib": 100}],
 "architecture": "shared_state",
 "schedulers": [{"name": "s", "module": "batch"}],
 "sweep": {"schedulers.0.module": ["batch", "$B/tests/modules/crash_place.so"]}}
JSON
    crash() { "$OMEGA" run "$T/crash.json" --out "$T/crash" --jobs 1 "$@"; }
    check "a crash names the point" fails_with 1 \
        'schedulers.0.module=.*, seed 1: its worker ended (by signal 11|with exit code)' crash
    check "and the module" grep -q "in place() of module 'crash_place'" "$T/fails.err"
    check "what was finished is kept" grep -q '^2 of 4 points are finished and kept' "$T/fails.err"
    check "without temporaries" test -z "$(find "$T/crash" -name '*tmp*')"
    check "and not run again" eval 'fails_with 1 "its worker ended" crash --resume &&
        grep -q "^2 of 4 points are finished already" "$T/fails.err"'
else
    skip "a worker that crashes" "the test modules are not built"
fi

# ---- a field that is swept is not set, too ----

check "--set of a swept field has no effect, and is refused" fails_with 1 \
    "--set schedulers.0.instances: 'schedulers.0.instances' is swept, .* expected --sweep sch" \
    run --out "$T/no" --set 'schedulers[0].instances=7'
check "so is one within it" fails_with 1 "--set workloads.0.duration_s.mean: 'workloads.0.dura" \
    run --out "$T/no" --sweep 'workloads.0.duration_s={"type":"exponential","mean":2},3' \
    --set workloads.0.duration_s.mean=4
check "one that it lies within is not" "$OMEGA" validate "$sweep" \
    --set 'schedulers.0.decision={"job_s":1,"task_s":0.5}'

# ---- usage ----

check "no jobs" fails_with 2 "--jobs '0': expected a number from 1" run --jobs 0
check "a shard beyond the last" fails_with 2 "--shard '4/3': expected such as 1/3" run --shard 4/3
check "a shard of none" fails_with 2 "--shard '1': expected such as 1/3" run --shard 1
check "merge of nothing" fails_with 2 'expected the output directories of shards' "$OMEGA" merge
check "merge of a whole run" fails_with 1 \
    "whole: is no shard, expected a directory that 'omega run --shard I/N' has left" \
    "$OMEGA" merge "$T/whole"
check "merge of nothing that is there" fails_with 1 'nowhere: is no shard, expected a directory' \
    "$OMEGA" merge "$T/nowhere"
finish
