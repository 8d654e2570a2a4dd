#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A standing cell: the README's commands as they are printed there, a scheduler that is killed and
# started again, draining and stopping, and what wrong arguments are told.
. "$(dirname "$0")/../support/shell.sh"

# block NAME: the code block of the README that follows the line <!-- test: NAME -->.
block() {
    awk -v mark="<!-- test: $1 -->" '
        $0 == mark { found = 1; next }
        found && /^```/ { if (inside) { exit } inside = 1; next }
        found && inside' README.md
}

# number KEY: its values in lines of JSON.
number() { sed "s/.*\"$1\":\([0-9]*\).*/\1/"; }

block standing.sh | sed "s|build/omega|\"$OMEGA\"|; s|/tmp/standing|$T/standing|g" >"$T/standing.sh"
check "the README has commands" grep -q "kill -9" "$T/standing.sh"
echo wait >>"$T/standing.sh"
timeout 120 bash -eu "$T/standing.sh" >"$T/out" 2>"$T/err"
code=$?
check "they work" test "$code" -eq 0
[ "$code" -eq 0 ] || sed 's/^/    /' "$T/err"
check "one was killed, and came back with the jobs that it had" grep -q 'job 61 submitted to one' \
    "$T/out"
check "two schedulers were told of, then three processes" test \
    "$(grep -c '^executor ' "$T/out")" -eq 2
show() { "$OMEGA" cell show "$T/standing" --json; }
# 60 jobs of 20 tasks and one of 5: each task placed once, by whichever life of its scheduler
all_placed() {
    [ "$(show | grep -o '"submitted":[0-9]*' | head -1)" = '"submitted":1205' ] &&
        [ "$(show | grep -o '"pending":[0-9]*' | head -1)" = '"pending":0' ]
}
check "nothing is lost" all_placed
lives() { "$OMEGA" cell show "$T/standing" instances --json | number incarnation | sort | xargs; }
check "the second life of one is told apart" test "$(lives)" = "1 2"
check "no endpoint stays" test -z "$(find "$T/standing" -type s)"
check "the cell is sound" "$OMEGA" cell check "$T/standing"

# ---- draining, one by one ----

C=$T/cell
"$OMEGA" cell init "$C" --uniform 10 --cpu 8 --mem 32 >/dev/null
"$OMEGA" scheduler --cell "$C" --module batch --listen tcp://127.0.0.1:$((20000 + $$ % 20000)) \
    2>"$T/batch.err" &
P=$!
submit() { timeout 60 "$OMEGA" submit --cell "$C" "$@"; }
task='{"tasks":2,"cpu_milli":1000}'
first() {
    echo "$task" | submit --start-wait 50 --wait --json - |
        grep -q '"first":1,"jobs":1,"abandoned":0'
}
check "the only scheduler needs no name" first
drain() { "$OMEGA" control --cell "$C" drain batch --json | grep -q '"draining":true'; }
check "it drains" drain
check "jobs are kept meanwhile" submit - <<<"$task"
check "they wait" grep -q '"state":"pending"' <("$OMEGA" cell show "$C" jobs --job 2 --json)
status() {
    timeout 60 "$OMEGA" control --address "tcp://127.0.0.1:$((20000 + $$ % 20000))" "$1" --json
}
undrain() { status undrain | grep -q '"draining":false'; }
check "an address that was named answers" undrain
check "and jobs are placed" submit --wait - <<<"$task"
placed() { "$OMEGA" cell show "$C" jobs --job 2 --json | grep -q '"pending":0'; }
check "also those that came meanwhile" placed
columns=job,submit_us,workload,user,precedence,group,tasks,optional,cpu_milli,mem_mib
columns=$columns,gpu_devices,gpu_milli,duration_us,constraints
cat >"$T/jobs.csv" <<CSV
$columns
70,5,w,me,0,0,3,0,100,100,0,0,1000,different_machines
71,9,w,me,0,0,1,0,100,100,0,0,,
CSV
csv() { submit --wait "$T/jobs.csv" | grep -q '2 jobs submitted to batch: 4 to 5'; }
check "a table of jobs" csv

# ---- lost tasks, and an executor that dies ----

"$OMEGA" cell fail "$C" m0 m1 m2 m3 m4 >/dev/null
again() {
    for _ in $(seq 500); do
        [ "$("$OMEGA" cell show "$C" --json | grep -o '"pending":[0-9]*')" = '"pending":0' ] &&
            return 0
        sleep 0.02
    done
    return 1
}
check "tasks were lost" test "$("$OMEGA" cell show "$C" --json | number losses)" -gt 0
check "and are placed again" again
"$OMEGA" executor --cell "$C" 2>/dev/null &
E=$!
check "a long job, and one that ends" submit --wait - <<<'{"duration_us":900000000}
{"duration_us":1}'
# The one that has ended was seen with the other one: that is in the journal.
ended() {
    for _ in $(seq 500); do
        [ -z "$("$OMEGA" cell show "$C" jobs --json --job 7)" ] && return 0
        sleep 0.02
    done
    return 1
}
check "which it does" ended
kill -9 $E
wait $E 2>/dev/null
check "the executor's journal stays" test -s "$C/journal"
head -c 4194304 /dev/zero | tr '\0' '\377' >"$T/damage"
dd if="$T/damage" of="$C/journal" conv=notrunc 2>/dev/null # the long task counts anew then
"$OMEGA" executor --cell "$C" 2>/dev/null &
E=$!
check "its successor ends tasks" submit --wait - <<<'{"duration_us":1}'
stop_executor() {
    for _ in $(seq 500); do
        "$OMEGA" control --cell "$C" stop executor && return 0
        sleep 0.02
    done
    return 1
}
check "stops" stop_executor
wait $E
check "and the long task runs" test -n "$("$OMEGA" cell show "$C" jobs --json --job 6)"

# ---- who works dies, and is started again ----

worker() { "$OMEGA" control --cell "$C" status batch --json 2>/dev/null | number pid; }
first=$(worker)
kill -9 "$first"
check "its jobs are placed all the same" submit --wait - <<<"$task"
check "by another process" test "$(worker)" -ne "$first"
check "which was told" grep -q "process $first was ended by signal 9 .*; starts again in" \
    "$T/batch.err"

# ---- what is wrong ----

check "a second of its name" fails_with 1 "'batch' works on this cell already \(process [0-9]+\)" \
    "$OMEGA" scheduler --cell "$C" --module batch
mkdir "$T/no-cell"
check "events of what is no cell" fails_with 1 'is no cell, expected' timeout 20 \
    "$OMEGA" cell events "$T/no-cell"
check "control of what is no cell" fails_with 1 'is no cell, expected' \
    "$OMEGA" control --cell "$T/no-cell" status
check "no such scheduler" fails_with 1 "there is no scheduler 'x', expected one of: batch" \
    submit --to x - <<<"$task"
check "no number of seconds" fails_with 2 "'soon' is no number of seconds" \
    submit --start-wait soon -
check "an unknown key, with its line" fails_with 1 "standard input:2: 'cpu' is no key" \
    submit - <<<"$task
{\"cpu\":1}"
check "none of them was submitted" grep -q '^9$' "$C/jobs"
check "no job" fails_with 1 "the file is empty" submit - </dev/null
check "optional tasks" fails_with 1 "optional tasks, expected none" submit - \
    <<<'{"optional":2}'
check "no cell" fails_with 1 "nothing" "$OMEGA" executor --cell "$T/nothing"
check "an option of the module" fails_with 1 "has no option 'nope'" \
    "$OMEGA" scheduler --cell "$C" --module batch --name b --option nope=1
check "a key without a meaning here" fails_with 1 "instances: expected none on a standing cell" \
    "$OMEGA" scheduler --cell "$C" --module batch --set instances=2
echo '{"module":"batch","retry":{"delay_s":-1}}' >"$T/config.json"
check "a file" fails_with 1 "config.json:1: retry.delay_s" \
    "$OMEGA" scheduler --cell "$C" --config "$T/config.json"
check "nobody of that name" fails_with 1 "nobody is called 'x'" \
    "$OMEGA" control --cell "$C" status x
check "no address" fails_with 2 "expected tcp://HOST:PORT" \
    "$OMEGA" scheduler --cell "$C" --module batch --listen 7000
check "no request" fails_with 2 "expected status, drain, undrain or stop" \
    "$OMEGA" control --cell "$C" explode
for command in scheduler executor submit control "cell events"; do
    check "$command --help" sh -c "'$OMEGA' $command --help | grep -q usage:"
done

# ---- the end ----

kill -TERM $P
wait $P
check "SIGTERM ends it in order" test $? -eq 0
check "it is known, and does not work" fails_with 1 "does not work now" \
    "$OMEGA" control --cell "$C" status batch
check "that cell is sound, too" "$OMEGA" cell check "$C"
finish
