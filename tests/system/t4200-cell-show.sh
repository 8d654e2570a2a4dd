#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# omega cell show: lists and filters against each other on a cell with real content, JSON that can
# be parsed.
source "$(dirname "$0")/../support/shell.sh"
helper=$B/tests/unit/core/workload/check_cell_load
cell=$T/cell
check "a cell with real content" env OMEGA_TEST_CELL="$cell" "$helper"

show() { "$OMEGA" cell show "$cell" "$@"; }
rows() { show "$@" | tail -n +2; }
# column NUMBER LIST FILTERS...: the distinct values of a column
column() {
    local number=$1
    shift
    rows "$@" | awk -v n="$number" '{ print $n }' | sort -u
}
is() { # is NAME WANTED GOT
    if [ "$2" = "$3" ]; then
        ok "$1"
    else
        not_ok "$1"
        printf '    expected %s\n    got %s\n' "$2" "$3"
    fi
}
count() { rows "$@" | wc -l; }

# JSON: every line an object, as many as the text has, and the summary one
for list in machines placements jobs instances changes; do
    check "$list --json is JSON" env OMEGA_TEST_JSON=1 "$helper" < <(show $list --json)
    is "$list --json has the lines of the text" "$(count $list)" "$(show $list --json | wc -l)"
    check "there are some $list" test "$(count $list)" -ge 3
    is "--limit of $list" 2 "$(count $list --limit 2)"
    is "--limit 0 of $list" 0 "$(count $list --limit 0)"
    is "--limit of $list, as JSON" 1 "$(show $list --limit 1 --json | wc -l)"
done
check "--json is JSON" env OMEGA_TEST_JSON=1 "$helper" < <(show --json)
is "--json is one object" 1 "$(show --json | wc -l)"
check "bytes that are no UTF-8 are shown in JSON" \
    grep -q '"domain":"rack ?"' <(show machines --json)

# the summary agrees with the lists
summary() { show | sed -n "s/$1/\\1/p"; }
is "placements are counted" "$(count placements)" "$(summary '^placements *\([0-9]*\),.*')"
is "those of no job" "$(column 2 placements | grep -cx 0)" 1
is "jobs are counted" \
    "$(rows jobs | awk '$2 != "over"' | wc -l)" "$(summary '^jobs *\([0-9]*\) .*')"
is "machines that are up" "$(count machines --state up)" \
    "$(summary '^machines *[0-9]*: \([0-9]*\) up.*')"
is "tasks that run" "$(rows jobs | awk '{ n += $7 } END { print n }')" \
    "$(summary '^tasks.* \([0-9]*\) running.*')"
is "tasks that wait" "$(rows jobs | awk '{ n += $6 } END { print n }')" \
    "$(summary '^tasks.* \([0-9]*\) pending.*')"
is "used CPU" "$(rows machines | awk '{ n += $3 } END { print n }')" \
    "$(summary '^cpu_milli *\([0-9]*\) .*')"
is "the newest change is the version" "$(rows changes | tail -1 | awk '{ print $1 }')" \
    "$(summary '^version *\([0-9]*\);.*')"
is "the oldest change begins the log" \
    "$(rows changes --limit 1000000 | head -1 | awk '{ print $1 }')" \
    "$(summary '^version.* from version \([0-9]*\)$')"

# filters
machine=$(rows placements | awk '$2 != 0 { print $NF; exit }')
job=$(rows placements | awk '$2 != 0 { print $2; exit }')
index=$(rows machines --machine "$machine" | awk '{ print $1 }')
is "machines by name" "$machine" "$(column 11 machines --machine "$machine")"
is "machines by index" "$machine" "$(column 11 machines --machine "$index")"
is "machines by state" draining "$(column 2 machines --state draining)"
is "machines by state and name" 0 "$(count machines --state down --machine "$machine")"
is "placements by machine" "$machine" "$(column 10 placements --machine "$machine")"
is "all of them" "$(rows placements | grep -c " $machine\$")" \
    "$(count placements --machine "$machine")"
is "placements by job" "$job" "$(column 2 placements --job "$job")"
is "as many as run" "$(rows jobs --job "$job" | awk '{ print $7 }')" \
    "$(count placements --job "$job")"
is "placements of no job" 0 "$(column 2 placements --job 0)"
is "placements by instance" 2 "$(column 9 placements --instance 2)"
is "placements by user" "$(rows jobs --user alice | awk '{ n += $7 } END { print n }')" \
    "$(count placements --user alice)"
is "placements by user and machine" \
    "$(rows placements --user alice | grep -c " $machine\$")" \
    "$(count placements --user alice --machine "$machine")"
is "jobs by number" "$job" "$(column 1 jobs --job "$job")"
is "jobs by user" bob "$(column 13 jobs --user bob)"
is "jobs by instance" 3 "$(column 11 jobs --instance 3)"
on_machine=$(rows placements --machine "$machine" | awk '$2 != 0 { print $2 }' | sort -un)
is "jobs by machine" "$on_machine" "$(column 1 jobs --machine "$machine" | sort -n)"
is "jobs by machine and user" \
    "$(comm -12 <(sort <<<"$on_machine") <(column 1 jobs --user bob | sort) | sort)" \
    "$(column 1 jobs --machine "$machine" --user bob)"
is "jobs by number and another user" 0 "$(count jobs --job 3 --user bob)"
is "jobs that are not there" 0 "$(count jobs --job 999999)"
is "jobs of nobody" 0 "$(count jobs --user nobody)"
is "instances by number" "2" "$(column 1 instances --instance 2)"
is "instances are in the summary" "$(rows instances)" "$(show | tail -3)"
changed=$(rows changes | awk '$3 != 0 { print $3; exit }')
is "changes by job" "$changed" "$(column 3 changes --job "$changed")"
is "changes by instance" 1 "$(column 4 changes --instance 1)"
is "--limit of changes shows the newest" "$(rows changes | tail -2)" "$(rows changes --limit 2)"
is "also with a filter" "$(rows changes --instance 1 | tail -2)" \
    "$(rows changes --instance 1 --limit 2)"
check "no header before an error" test -z "$(show jobs --machine m99 2>/dev/null)"
check "an unknown machine" fails_with 1 "^omega: $cell: there is no machine 'm99'" \
    show jobs --machine m99

# a reader does not wait for a writer
"$OMEGA" cell init "$T/new" --uniform 2 --cpu 1 --mem 1 >/dev/null
coproc WRITER { OMEGA_TEST_WRITER="$T/new" exec "$helper"; }
read -r said <&"${WRITER[0]}"
is "somebody is writing" writing "$said"
check "show does not wait" grep -q '^machines    2: 2 up' <("$OMEGA" cell show "$T/new")
check "it names the writer" grep -Eq "^writer      process $WRITER_PID, " \
    <("$OMEGA" cell show "$T/new")
check "as JSON" grep -q "\"writer\":{\"pid\":$WRITER_PID," <("$OMEGA" cell show "$T/new" --json)
check "export does not wait" "$OMEGA" cell export "$T/new" "$T/new.dump"
check "check does not wait" "$OMEGA" cell check "$T/new"
"$OMEGA" cell drain "$T/new" m0 >"$T/drain.out" 2>"$T/drain.err" &
drain=$!
for _ in $(seq 600); do
    grep -q "waiting: process" "$T/drain.err" && break
    sleep 0.05
done
check "who waits is told for whom" \
    grep -Eq "^omega: $T/new: waiting: process $WRITER_PID( .*)? has been writing for [0-9]+ s$" \
    "$T/drain.err"
kill -STOP "$WRITER_PID"
for _ in $(seq 600); do
    grep -q "it is stopped" "$T/drain.err" && break
    sleep 0.05
done
kill -CONT "$WRITER_PID"
check "also that it is stopped, and what to do" \
    grep -q "; it is stopped: 'kill -CONT $WRITER_PID' lets it go on, 'kill -KILL $WRITER_PID'" \
    "$T/drain.err"
check "and has changed nothing" test ! -s "$T/drain.out"
input=${WRITER[1]}
exec {input}>&-
check "when the other one is done it goes on" wait "$drain"
is "as if nothing had been" "m0 (index 0): draining, version 1" "$(cat "$T/drain.out")"
finish
