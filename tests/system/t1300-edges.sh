#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Edges of the command: closed streams, odd options, a seed against variants, an early Ctrl-C.
source "$(dirname "$0")/../support/shell.sh"

cat >"$T/edges.json" <<'END'
{"name": "edges", "horizon_s": 100,
 "cell": {"machines": [{"count": 2, "cpu_milli": 1000, "mem_mib": 100}]},
 "workloads": [{"name": "w", "interarrival_s": 1, "tasks": 1, "duration_s": 1, "cpu_milli": 10,
                "mem_mib": 1}],
 "architecture": "shared_state",
 "schedulers": [{"name": "s", "module": "batch"}],
 "variants": [{"name": "a", "set": {"seeds": [3, 4]}}]}
END

closed() {
    "$OMEGA" run "$T/edges.json" --out "$T/closed" >&- 2>&- <&- || return
    # every line is one whole object, and nothing but results
    ! grep -vE '^\{.*\}$' "$T/closed/results.jsonl"
    ! grep -q 'point 1 of' "$T/closed"/*
}
check "closed streams leave the results alone" closed
check "the command's seed: runs" "$OMEGA" run --quiet "$T/edges.json" --seed 7 --out "$T/seed"
check "and counts where a variant has seeds" test \
    "$(grep -o '"seed":[0-9]*' "$T/seed/results.jsonl" | sort -u)" = '"seed":7'
check "a short option is named" fails_with 2 "unknown option '-x'" \
    "$OMEGA" run -xy "$T/edges.json"
check "a value too many is named" fails_with 2 "'--quiet=5' takes no value" \
    "$OMEGA" run --quiet=5 "$T/edges.json"
check "a long option is named" fails_with 2 "unknown option '--bogus'" "$OMEGA" run --bogus

early() {
    local pid rc=0
    "$OMEGA" run "$T/edges.json" --out "$T/closed" --quiet --set horizon_s=1e9 \
        --set variants='[{"name": "a"}]' >/dev/null 2>"$T/early" &
    pid=$!
    sleep 0.3
    kill -INT "$pid"
    wait "$pid" || rc=$?
    cat "$T/early" >&2
    return "$rc"
}
cp "$T/closed/results.jsonl" "$T/before"
check "Ctrl-C before a point is finished" fails_with 1 'nothing is written' early
check "leaves earlier results alone" cmp "$T/before" "$T/closed/results.jsonl"

stands() {
    "$OMEGA" run "$T/edges.json" --out "$T/stands" --quiet --set workloads.0.cpu_milli=5000 \
        --set schedulers.0.decision.job_s=0 --set schedulers.0.decision.task_s=0 \
        --set 'schedulers.0.retry={"delay_s": 0, "attempts": 0, "attempts_unplaced": 0}'
}
check "time that stands still is an error" fails_with 1 'time stands still at 1000000 us' stands
finish
