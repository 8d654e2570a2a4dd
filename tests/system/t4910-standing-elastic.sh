#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Jobs with optional tasks, and MapReduce jobs, on a standing cell: a job commits once, its module
# says how long its tasks run, and they end then; as submitted, where its scheduler died before it
# had told, whether it comes back or not.
. "$(dirname "$0")/../support/shell.sh"

# starts NAME CELL OPTION...: a scheduler; its process is $P.
starts() {
    local name=$1 cell=$2
    shift 2
    "$OMEGA" scheduler --cell "$cell" --name "$name" "$@" 2>>"$T/$name.err" &
    P=$!
}
submit() { timeout 60 "$OMEGA" submit --cell "$1" --to "$2" --start-wait 50 --wait - >/dev/null; }
table() { "$OMEGA" cell show "$1" jobs --json; }
# empty CELL: the table of jobs is so before long.
empty() {
    for _ in $(seq 1000); do
        [ -z "$(table "$1")" ] && return 0
        sleep 0.02
    done
    return 1
}
total() { "$OMEGA" cell show "$1" --json | grep -o "\"$2\":[0-9]*" | head -1 | sed 's/.*://'; }

# ---- what a module says ----

C=$T/cell
"$OMEGA" cell init "$C" --uniform 200 --cpu 16 --mem 64 >/dev/null
starts elastic "$C" --module "$B/tests/modules/elastic_slow.so"
E=$P
starts mr "$C" --module mapreduce
M=$P
# alone 900 s, with all 899 further tasks 1 s
check "optional tasks are taken" submit "$C" elastic \
    <<<'{"tasks":1,"optional":899,"cpu_milli":1000,"duration_us":900000000}'
# 1,200 maps of 1 s by 2 workers take 600 s, by 1,200 1 s
maps='"mapreduce":{"map_activities":1200,"map_mean_us":1000000,"workers_asked":2}'
check "a MapReduce job, too" submit "$C" mr \
    <<<"{\"tasks\":2,\"optional\":1198,\"cpu_milli\":1000,\"duration_us\":600000000,$maps}"
check "with all that are of use" test "$(table "$C" | grep -c '"running":\(900\|1200\),')" -eq 2
check "in one commit each" test "$(table "$C" | grep -c '"attempt":1,')" -eq 2
check "which the cell counts" test "$(total "$C" submitted)" -eq 2100
check "the cell is sound" "$OMEGA" cell check "$C"
"$OMEGA" executor --cell "$C" 2>/dev/null &
X=$!
check "they end when their modules say" empty "$C"
check "all of them" test "$(total "$C" finished)" -eq 2100
# the executor sees the commit a while before it is told
check "with an executor at work" submit "$C" elastic \
    <<<'{"tasks":1,"optional":899,"cpu_milli":1000,"duration_us":900000000}'
check "one ends then, too" empty "$C"
kill $X
wait $X

# ---- room for some, and for too few ----

check "as many optional tasks as there is room for" submit "$C" elastic \
    <<<'{"tasks":3,"optional":9000,"cpu_milli":1000,"duration_us":90000000}'
check "neither all" test "$(table "$C" | sed 's/.*"running":\([0-9]*\),.*/\1/')" -le 3200
check "nor none" test "$(table "$C" | sed 's/.*"running":\([0-9]*\),.*/\1/')" -gt 3
check "a job is not tried again for those" test "$(table "$C" | grep -c '"pending":0,')" -eq 1
"$OMEGA" executor --cell "$C" 2>/dev/null &
X=$!
check "and it ends" empty "$C"
kill $X
wait $X
check "one that runs" submit "$C" elastic \
    <<<'{"tasks":1,"optional":899,"cpu_milli":1000,"duration_us":900000000}'
kill $E $M
wait $E $M

# ---- what was told, on another cell ----

"$OMEGA" cell export "$C" >"$T/told"
check "an export has it" grep -q '"started":true,"told_us":1000000,' "$T/told"
"$OMEGA" cell load "$T/told.cell" "$T/told" >/dev/null
check "and a cell of it" cmp <("$OMEGA" cell export "$T/told.cell") "$T/told"
"$OMEGA" executor --cell "$T/told.cell" 2>/dev/null &
X=$!
check "where it ends when its module has said" empty "$T/told.cell"
kill $X
wait $X

# ---- whose scheduler died before it had told ----

# A dump of which nobody has told, and where the job is a short one.
sed '$d; s/"told_us":[0-9]*,//; s/"duration_us":900000000/"duration_us":1000000/' "$T/told" \
    >"$T/dump"
printf '{"type":"end","lines":%d,"sha256":"%s"}\n' "$(wc -l <"$T/dump")" \
    "$(sha256sum <"$T/dump" | cut -d' ' -f1)" >"$T/end"
cat "$T/end" >>"$T/dump"
"$OMEGA" cell load "$T/orphan" "$T/dump" >/dev/null
"$OMEGA" executor --cell "$T/orphan" 2>/dev/null &
X=$!
check "nobody will tell: it ends as submitted" empty "$T/orphan"
kill $X
wait $X
"$OMEGA" cell load "$T/back" "$T/dump" >/dev/null
: >"$T/elastic.err"
starts elastic "$T/back" --module "$B/tests/modules/elastic.so" --instance 0
works() {
    for _ in $(seq 500); do
        grep -q 'works as instance 0' "$T/elastic.err" && return 0
        sleep 0.02
    done
    return 1
}
check "its scheduler comes back" works
"$OMEGA" executor --cell "$T/back" 2>/dev/null &
X=$!
check "and tells: the same" empty "$T/back"
kill $X $P
wait $X $P

# ---- lost tasks ----

"$OMEGA" cell load "$T/lost" "$T/dump" >/dev/null
for m in $(seq 0 199); do echo "m$m"; done | xargs "$OMEGA" cell fail "$T/lost" >/dev/null
check "tasks that are lost have failed" test "$(total "$T/lost" pending)" -eq 0
check "all of them" test "$(total "$T/lost" running)" -eq 0
finish
