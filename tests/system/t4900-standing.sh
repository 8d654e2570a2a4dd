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

block standing.sh | sed "s|build/omega|\"$OMEGA\"|; s|build/standing|$T/standing|g" \
    >"$T/standing.sh"
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
    echo "$task" | submit --start-wait 50 --wait --json - >"$T/first" &&
        sed 1q "$T/first" | grep -q '"first":1,"jobs":1}' &&
        [ "$(sed 1d "$T/first")" = '{"jobs":1,"placed":1,"abandoned":0,"unknown":0}' ]
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

worker() { "$OMEGA" control --cell "$1" status "$2" --json 2>/dev/null | number pid; }
first=$(worker "$C" batch)
kill -9 "$first"
check "its jobs are placed all the same" submit --wait - <<<"$task"
check "by another process" test "$(worker "$C" batch)" -ne "$first"
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

# ---- jobs that are given up ----

G=$T/given-up
"$OMEGA" cell init "$G" --uniform 10 --cpu 4 --mem 16 >/dev/null
nobody=$("$OMEGA" control --cell "$G" status 2>&1)
check "that nobody works there is told" test "$nobody" = "omega: no process works on the cell now"
"$OMEGA" scheduler --cell "$G" --module batch --name one --set retry.delay_s=0.01 \
    --set retry.attempts=3 2>/dev/null &
O=$!
gives_up() {
    timeout 60 "$OMEGA" submit --cell "$G" --to one --start-wait 50 --wait "$@" >"$T/given"
    [ $? -eq 1 ]
}
check "a job that fits nowhere: exit code 1" gives_up - \
    <<<'{"tasks":1,"cpu_milli":100000,"mem_mib":10}'
check "it is told that it was given up" test "$(sed 1d "$T/given")" = "1 of them given up"
check "one of two, too" gives_up --json - <<<'{"cpu_milli":100000}
{"cpu_milli":1}'
check "the other one is placed" grep -q '{"jobs":2,"placed":1,"abandoned":1,"unknown":0}' "$T/given"
check "neither that was given up is in the table" test -z \
    "$("$OMEGA" cell show "$G" jobs --job 2 --json)"

# ---- ids, before what becomes of the jobs ----

kill -TERM $O
wait $O
"$OMEGA" submit --cell "$G" --wait - <<<"$task" >"$T/early" 2>"$T/early.err" &
W=$!
told() {
    for _ in $(seq 500); do
        grep -q '^job 4 submitted to one$' "$T/early" && return 0
        sleep 0.02
    done
    return 1
}
check "an id is told while its job waits" told
check "that nobody works is told, once" test \
    "$(cat "$T/early.err")" = "omega: warning: 'one' does not work now, and is waited for"
kill $W
wait $W 2>/dev/null
check "and nothing of what became of it" test "$(wc -l <"$T/early")" -eq 1
"$OMEGA" cell init "$T/tiny" --uniform 1 --cpu 4 --mem 16 --map-size 2M >/dev/null
cp "$G/process-2" "$T/tiny/process-2"
yes '{"cpu_milli":1}' | head -n 20000 >"$T/many.jobs"
check "a cell that is full takes some" fails_with 1 "map" \
    timeout 60 "$OMEGA" submit --cell "$T/tiny" --wait "$T/many.jobs"
check "which are told, and not that they were placed" test \
    "$(grep -c 'jobs submitted' "$T/fails.out") $(wc -l <"$T/fails.out")" = "1 1"

# ---- how it is started, and how its terminal goes ----

env --ignore-signal=CHLD "$OMEGA" scheduler --cell "$G" --module batch --name one 2>/dev/null &
O=$!
check "it works where ends of processes are ignored" timeout 60 \
    "$OMEGA" submit --cell "$G" --start-wait 50 --wait - <<<"$task"
kill -HUP "$O" "$(worker "$G" one)"
ended() {
    for _ in $(seq 1000); do
        kill -0 "$1" 2>/dev/null || break
        sleep 0.02
    done
    kill -9 "$1" 2>/dev/null
    wait "$1"
}
check "SIGHUP ends it in order" ended $O
check "and leaves no endpoint" test -z "$(find "$G" -type s)"
check "the name of the executor is no scheduler's" fails_with 1 "is the name of a cell's executor" \
    timeout 60 "$OMEGA" scheduler --cell "$G" --module batch --name executor

# ---- who does not answer keeps nobody from anything ----

mkfifo "$C/process-9"
echo damage >"$C/process-8"
all() { timeout 60 "$OMEGA" control --cell "$C" "$@" >"$T/all" 2>"$T/all.err"; }
all status
check "a file that is none of a process: exit code 1" test $? -eq 1
check "is named" grep -q "omega: $C/process-8: describes no process, .*: remove it" "$T/all.err"
check "so is one that is no file" grep -q "omega: $C/process-9: is no file, " "$T/all.err"
check "the others answer" grep -q '^batch ' "$T/all"
all status nobody batch
check "nobody of one name: exit code 1" test $? -eq 1
check "the next one answers" grep -q '^batch ' "$T/all"
check "jobs are taken" submit --wait - <<<"$task"
check "one that is not there may be it" fails_with 1 "$C/process-8: describes no process" \
    submit --to x - <<<"$task"
rm "$C/process-8" "$C/process-9"
cp "$G/process-2" "$C/process-3"
check "which of several is not waited for" fails_with 1 "has several schedulers, .*: batch, one" \
    submit --start-wait 3600 - <<<"$task"
rm "$C/process-3"

# ---- who is killed, with its guard, while it is asked ----

# killed_while_asked REQUEST: the exit code of asking all, of whom there is one, which is killed
# when whoever asks has its socket, and so knows of it.
killed_while_asked() {
    "$OMEGA" executor --cell "$G" 2>/dev/null &
    local guard=$! asking pid=
    for _ in $(seq 500); do
        pid=$(worker "$G" executor)
        [ -n "$pid" ] && break
        sleep 0.02
    done
    kill -STOP "$pid"
    "$OMEGA" control --cell "$G" "$1" >/dev/null 2>"$T/gone.err" &
    asking=$!
    for _ in $(seq 500); do
        ls -l "/proc/$asking/fd" 2>/dev/null | grep -q socket: && break
        sleep 0.02
    done
    killed=$(date +%s%N)
    kill -9 "$guard"
    wait "$guard" 2>/dev/null
    wait "$asking"
}
check "of all that work it is none" killed_while_asked status
check "when it has been waited for" test $(($(date +%s%N) - killed)) -ge 1500000000
check "as is said" grep -q "^omega: no process works on the cell now$" "$T/gone.err"
killed_while_asked stop
check "what it was told may not have been done: exit code 1" test $? -eq 1
check "as is said, too" grep -q "^omega: 'executor' does not work now" "$T/gone.err"

# ---- the end ----

kill -TERM $P
wait $P
check "SIGTERM ends it in order" test $? -eq 0
check "it is known, and does not work" fails_with 1 "does not work now" \
    "$OMEGA" control --cell "$C" status batch
check "that cell is sound, too" "$OMEGA" cell check "$C"
finish
