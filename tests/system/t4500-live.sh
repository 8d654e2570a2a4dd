#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Several processes that plan and commit on one cell at full speed: real conflicts, a sound cell.
source "$(dirname "$0")/../support/shell.sh"

live=$B/bench/live
export OMEGA_BENCH_DIR=$T/cells
mkdir "$T/cells"
if [ ! -x "$live" ]; then
    not_ok "bench/live is built"
    finish
    exit
fi

# value FILE KEY: a number of the object that sums all processes up.
value() {
    sed -n '/^ "all": {$/,/^ }/p' "$1" | sed -n "s/^  \"$2\": \([0-9.]*\),\{0,1\}$/\1/p"
}
# of_check FILE KEY: the same of what the check says.
of_check() {
    sed -n '/^ "check": {$/,/^ }/p' "$1" | sed -n "s/^  \"$2\": \([0-9.]*\),\{0,1\}$/\1/p"
}
above() { [ -n "$1" ] && [ "$1" -gt "$2" ]; }
sound() {
    [ "$(of_check "$1" violations)" = 0 ] && above "$(of_check "$1" placements)" 0 &&
        [ "$(of_check "$1" placements)" = "$(of_check "$1" placements_acknowledged)" ]
}
run() {
    "$live" --seconds 0.7 --machines 20 --fill 95 --detection coarse --json "$@"
}

check "three processes on a small, full cell" run --processes 3 --think 100
cp "$T/check.out" "$T/three"
check "they place tasks" above "$(value "$T/three" claims_accepted)" 100
check "they meet conflicts" above "$(value "$T/three" transactions_conflicting)" 0
check "and have successful transactions" above "$(value "$T/three" transactions_successful)" 0
check "placements were ended" above "$(value "$T/three" releases)" 0
check "the cell is sound and has what was acknowledged" sound "$T/three"
check "each process has its object" test "$(grep -c '"process": "[0-2]"' "$T/three")" -eq 3

check "one process alone" run --processes 1 --think 100
cp "$T/check.out" "$T/one"
check "it places tasks" above "$(value "$T/one" claims_accepted)" 100
check "it meets no conflict" test "$(value "$T/one" transactions_conflicting)" = 0
check "its cell is sound" sound "$T/one"

check "two modules, fine-grained, a writable map" run --processes 2 --detection fine --mode fast \
    --module batch --module service --seconds 0.4
cp "$T/check.out" "$T/two"
check "both are used" test "$(grep -c '"module": "\(batch\|service\)"' "$T/two")" -eq 2
check "their cell is sound" sound "$T/two"
check "the table" "$live" --seconds 0.1 --machines 20 --processes 2
cp "$T/check.out" "$T/table"
check "it tells the check" grep -q 'A B E I hold (20 machines, ' "$T/table"
check "no cell stays" test -z "$(ls -A "$T/cells")"
check "a wrong option is a usage error" fails_with 2 'wrong option or value' "$live" --processes 0
check "a missing module is told" fails_with 1 'none.so' "$live" --module ./none.so
check "and leaves no cell" test -z "$(ls -A "$T/cells")"
finish
