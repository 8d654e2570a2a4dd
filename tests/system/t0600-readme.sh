#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The README's own module, experiment and commands work as they are printed there.
source "$(dirname "$0")/../support/shell.sh"

# block NAME: the code block of the README that follows the line <!-- test: NAME -->.
block() {
    awk -v mark="<!-- test: $1 -->" '
        $0 == mark { found = 1; next }
        found && /^```/ { if (inside) { exit } inside = 1; next }
        found && inside' README.md
}

block mine.c >"$T/mine.c"
block mine.json >"$T/mine.json"
# The README speaks of a plain build at $OMEGA/build.
block mine.sh | sed "s|\$OMEGA/build/omega|\"$OMEGA\"|; s|\$OMEGA|\"$PWD\"|" >"$T/mine.sh"
check "the README has a module" grep -q omega_scheduler_entry "$T/mine.c"
check "it is short" test "$(wc -l <"$T/mine.c")" -lt 60

(cd "$T" && bash -eu mine.sh) >"$T/out" 2>"$T/err"
code=$?
check "it builds, loads and runs" test "$code" -eq 0
[ "$code" -eq 0 ] || sed 's/^/    /' "$T/out" "$T/err"
check "both variants are in the table" awk '/^ *batch / { a = 1 } /^ *mine / { b = 1 }
    END { exit !(a && b) }' "$T/out"
check "results are where the README says" test -s "$T/omega-out/mine/results.jsonl"

# fraction VARIANT: the conflict fraction of its scheduler.
fraction() {
    grep '"scope":"scheduler"' "$T/omega-out/mine/results.jsonl" | grep "\"variant\":\"$1\"" |
        sed 's/.*"conflict_fraction":\([0-9.e+-]*\).*/\1/' | head -1
}
check "the same machines first means more conflicts" awk -v batch="$(fraction batch)" \
    -v mine="$(fraction mine)" 'BEGIN { exit !(batch != "" && mine > batch) }'
# One machine stays the emptiest whatever it holds: a module that tries no other one gets nowhere.
cat >"$T/spread.json" <<'JSON'
{
  "name": "spread", "horizon_s": 600,
  "cell": { "machines": [ { "count": 1, "cpu_milli": 64000, "mem_mib": 65536 },
                          { "count": 10, "cpu_milli": 4000, "mem_mib": 16384 } ] },
  "workloads": [
    { "name": "jobs", "interarrival_s": 10, "tasks": 4, "duration_s": 1000, "cpu_milli": 1000,
      "mem_mib": 1024, "constraints": "different_machines", "jobs": 5 } ],
  "architecture": "shared_state",
  "schedulers": [ { "name": "one", "module": "./mine.so", "workloads": [ "jobs" ] } ]
}
JSON
spread() {
    (cd "$T" && timeout 60 "$OMEGA" run spread.json --quiet --out spread >/dev/null) &&
        grep '"scope":"scheduler"' "$T/spread/results.jsonl" | grep '"jobs_scheduled":5\b'
}
check "tasks that must be on different machines get there" spread
check "the module obeys the rules of modules" test -z \
    "$(nm -D --undefined-only "$T/mine.so" 2>/dev/null | awk '$1 != "w"')"

block cell.sh | sed "s|build/omega|\"$OMEGA\"|; s|build/cell|$T/cell|g" >"$T/cell.sh"
check "the cell on disk is made, changed, exported and proved" bash -eu "$T/cell.sh"
check "its export holds a drained machine" grep -q '"state":"draining"' "$T/cell.json"
finish
