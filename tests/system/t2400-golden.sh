#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Job by job what the published Omega simulator does: its golden cases, where they lie beside the
# traces, and in any case a small list of jobs. What is expected of that one (tests/data/golden) was
# worked out by a program of its own, which agrees with the published simulator on all golden cases.
# The list has a job that never fits, one that only fits in part, an attempt in progress at the
# horizon, and transactions that conflict in another way without the compatibility rules.
source "$(dirname "$0")/../support/shell.sh"
export OMEGA

# compare FOLDER: an `ok` line for each case, with the number of its jobs.
compare() {
    local line rc=0
    bench/golden "$1" >"$T/golden.out" 2>&1 || rc=$?
    while read -r line; do
        ok "$line"
    done < <(grep -E '^[a-z-]+ +[1-9][0-9]* jobs compared, 0 differ$' "$T/golden.out" | tr -s ' ')
    if [ "$rc" -ne 0 ]; then
        not_ok "every job of $1 is equal"
        sed 's/^/    /' "$T/golden.out" | tail -n 40
    fi
}

compare tests/data/golden
check "four cases were compared" test "$(wc -l <"$T/golden.out")" -eq 4

published=${OMEGA_TRACES:-../shared/traces}/../reference/golden
if ls "$published"/*.jobs.csv >/dev/null 2>&1; then
    compare "$published"
else
    skip "the published golden cases" "no reference/golden beside OMEGA_TRACES"
fi

# What the comparison itself must find.
cp -r tests/data/golden "$T/spoilt"
spoil() { # LINE-EDIT: the text for sed, on one result file
    cp tests/data/golden/omega-seq-all.result.csv "$T/spoilt/"
    sed -i "$1" "$T/spoilt/omega-seq-all.result.csv"
    bench/golden "$T/spoilt" >"$T/spoilt.out" && return 1
    grep -qE "$2" "$T/spoilt.out" && grep -q '^omega-seq-all .* 1 differ$' "$T/spoilt.out"
}
check "other attempts are found" spoil 's/^4,2,/4,3,/' '^  job 4: attempts is 2, expected 3$'
check "other task attempts are found" spoil 's/^4,2,78,/4,2,79,/' 'job 4: task attempts is 78'
check "other unplaced tasks are found" spoil 's/^26,101,202,2,/26,101,202,1,/' \
    'job 26: unplaced tasks is 2, expected 1'
check "a wait that is 3 us off is found" spoil 's/^6,1,40,0,0.577000,/6,1,40,0,0.577003,/' \
    'job 6: wait to the first attempt is 0.577 s'
check "one that is 1 us off is none" bash -c "
    cp tests/data/golden/* '$T/spoilt' &&
    sed -i 's/^6,1,40,0,0.577000,/6,1,40,0,0.577001,/' '$T/spoilt/omega-seq-all.result.csv' &&
    bench/golden '$T/spoilt'"
fewer() {
    sed -i 8d "$T/spoilt/omega-seq-all.jobs.csv"
    ! bench/golden "$T/spoilt" >"$T/spoilt.out" && grep -q ' differ$' "$T/spoilt.out"
}
check "another job list is found" fewer
check "nothing to compare is an error" fails_with 2 "no NAME.jobs.csv in it" bench/golden "$T/none"

# The rules come with the preset only.
cat >"$T/race.json" <<'END'
{"name": "race", "horizon_s": 200, "seed": 7, "record": ["jobs"],
 "cell": {"machines": [{"count": 20, "cpu_milli": 4000, "mem_mib": 16384}]},
 "workloads": [{"name": "w", "interarrival_s": 2, "tasks": 12, "duration_s": 10, "cpu_milli": 1000,
                "mem_mib": 1024}],
 "architecture": "shared_state",
 "schedulers": [{"name": "s", "module": "reference", "instances": 2, "assignment": "counted",
                 "decision": {"job_s": 3}, "retry": {"attempts": 1001, "attempts_unplaced": 101},
                 "commit": {"detection": "coarse"}}],
 "cut_attempts": "drop",
 "variants": [{"name": "with", "set": {"preset": "reference"}}, {"name": "without", "set": {}}]}
END
check "an experiment with and without the preset runs" \
    "$OMEGA" run "$T/race.json" --quiet --out "$T/race"
digest() { grep '"scope":"cell"' "$T/race/results.jsonl" | grep "\"variant\":\"$1\"" |
    grep -o '"digest":"[^"]*"'; }
check "without it the same options do something else" \
    bash -c "[ -n '$(digest with)' ] && [ '$(digest with)' != '$(digest without)' ]"
check "no key reaches one of the rules" \
    fails_with 1 "unknown key" "$OMEGA" run "$T/race.json" --set compat=7 --out "$T/none"
check "a cell on disk refuses the preset" \
    fails_with 1 "on disk, expected 'memory' with preset 'reference'" \
    "$OMEGA" run "$T/race.json" --set store=lmdb --out "$T/none"
finish
