#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every column of results.csv has exactly one row in the table of core/metrics/README.md, which has
# no other rows, in the same order, each with a definition and with where the figure is from.
source "$(dirname "$0")/../support/shell.sh"

# defines README COLUMNS: says what is wrong with the table, and fails then
defines() {
    awk -F' *\\| *' -v columns="$2" '
        function complain(text) { print FILENAME ":" FNR ": " text; bad++ }
        BEGIN { while ((getline column < columns) > 0) { wanted[++count] = column; known[column] } }
        /^## / { inside = $0 == "## The figures" }
        !inside || !/^\| `/ { next }
        { key = $2; gsub(/`/, "", key) }
        NF != 8 { complain(NF - 2 " cells, expected 6"); next }
        key in row { complain("\"" key "\" has a row in line " row[key] " already") }
        !(key in row) { row[key] = FNR; rows++ }
        !(key in known) { complain("\"" key "\" is no column of results.csv"); next }
        key in known && wanted[rows] != key {
            complain("\"" key "\" stands here, expected \"" wanted[rows] "\"") }
        $5 == "" { complain("\"" key "\" has no definition") }
        $5 in text { complain("\"" key "\" has the definition of \"" text[$5] "\"") }
        { text[$5] = key }
        $7 !~ /^(log|told|host)$/ { complain("\"" key "\" is from nowhere, expected log or so") }
        END {
            for (i = 1; i <= count; i++) {
                if (!(wanted[i] in row)) { complain("\"" wanted[i] "\" has no row"); }
            }
            exit bad > 0 || count == 0
        }' "$1"
}
not() { ! "$@"; }
# spoiled NAME REGEX PROGRAM: a table changed by sed has to be complained about
spoiled() {
    sed -E "$3" core/metrics/README.md >"$T/README.md"
    check "$1" not cmp -s core/metrics/README.md "$T/README.md"
    defines "$T/README.md" "$T/columns" >"$T/said"
    check "$1 is found" grep -Eq "$2" "$T/said"
}

check "a run" "$OMEGA" run tests/data/valid/mapreduce.json --quiet --out "$T/out"
head -1 "$T/out/results.csv" | tr ',' '\n' >"$T/columns"
check "each column is defined once, and nothing else" defines core/metrics/README.md "$T/columns"
head -2 "$T/out/results.jsonl" | tail -1 | sed -E 's/("counters":)[{][^}]*[}]/\10/' |
    grep -oE '[{,]"[a-z0-9_]+":' | tr -d '{,":' |
    grep -vxFf "$T/columns" >"$T/unknown"
check "results.jsonl has no key besides" test ! -s "$T/unknown"

spoiled "a column without a row" '"busy_cut_s" has no row' '/^\| `busy_cut_s`/d'
spoiled "a row of no column" '"busy_s2" is no column' 's/^(\| `busy_s)`/\12`/'
spoiled "a row that comes twice" '"losses" has a row in line' '/^\| `losses`/p'
spoiled "a row without a definition" '"claims" has no def' \
    's/^(\| `claims` \|[^|]*\|[^|]*\|)[^|]*/\1 /'
spoiled "a row from nowhere" '"events" is from' '/^\| `events`/s/ log \|$/ |/'
finish
