#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The test runner counts what passes, fails, crashes, hangs, skips and is missing, and says so.
source "$(dirname "$0")/../support/shell.sh"
only_plain "the runner" "it runs scripts only"

mkdir -p "$T/tree/tests/unit" "$T/tree/tests/fuzz" "$T/tree/tests/system" "$T/b/tests/unit" \
    "$T/b/tests/fuzz"
cp tests/run "$T/tree/tests/"

# unit NAME LINE...: a program that stands for a unit test.
unit() {
    local name=$1
    shift
    touch "$T/tree/tests/unit/check_$name.c"
    printf '%s\n' "#!$BASH" "$@" >"$T/b/tests/unit/check_$name"
    chmod +x "$T/b/tests/unit/check_$name"
}
run() { (cd "$T/tree" && env -u V -u WRAP -u JOBS B="$T/b" TEST_TIMEOUT=5 tests/run "$@"); }

# closes NAME CODE LINE ARGUMENT...: the runner's exit code and last line.
closes() {
    local name=$1 code=$2 line=$3 rc=0
    shift 3
    run "$@" >"$T/out" 2>&1 || rc=$?
    if [ "$rc" -eq "$code" ] && [ "$(tail -1 "$T/out")" = "$line" ]; then
        ok "$name"
    else
        not_ok "$name"
        sed 's/^/    /' "$T/out"
    fi
}

closes "no tests at all" 1 "0 passed, 0 failed"
unit good 'echo "100%: Checks: 5, Failures: 0, Errors: 0"'
closes "good" 0 "5 passed, 0 failed"
unit skips 'echo "skip - big file (not here)"; echo "100%: Checks: 2, Failures: 0, Errors: 0"'
closes "skipped" 0 "6 passed, 0 failed, 1 skipped"
check "skips are listed" grep -q '^  unit/check_skips: big file (not here)$' "$T/out"
unit bad 'echo "33%: Checks: 3, Failures: 1, Errors: 1"' 'echo the reason' 'exit 1'
closes "bad" 1 "1 passed, 2 failed" unit/check_bad
check "output of what failed is shown" grep -q 'the reason' "$T/out"
unit crash 'kill -SEGV $$'
closes "crash" 1 "0 passed, 1 failed" unit/check_crash
unit late 'echo "100%: Checks: 5, Failures: 0, Errors: 0"' 'exit 1'
closes "good checks, bad end (a leak)" 1 "5 passed, 1 failed" unit/check_late
unit silent 'exit 0'
closes "nothing checked" 1 "0 passed, 1 failed" unit/check_silent
unit hangs 'sleep 60'
closes "hangs" 1 "0 passed, 1 failed" unit/check_hangs
check "a time-out is named" grep -q 'timed out' "$T/out"
touch "$T/tree/tests/unit/check_unbuilt.c"
closes "not built" 1 "0 passed, 1 failed" unit/check_unbuilt
touch "$T/tree/tests/fuzz/fuzz_a.c" "$T/tree/tests/fuzz/fuzz_b.c"
printf '%s\n' "#!$BASH" 'echo "7 inputs"' >"$T/b/tests/fuzz/replay_a"
printf '%s\n' "#!$BASH" 'echo "0 inputs"' >"$T/b/tests/fuzz/replay_b"
chmod +x "$T/b/tests/fuzz/replay_a" "$T/b/tests/fuzz/replay_b"
closes "corpus" 0 "1 passed, 0 failed" fuzz/a
closes "empty corpus" 1 "0 passed, 1 failed" fuzz/b
printf '%s\n' 'echo "ok - a"' 'echo "not ok - b"' >"$T/tree/tests/system/t0001-x.sh"
closes "system script" 1 "1 passed, 1 failed" t0001
closes "several by name, each once" 1 "6 passed, 1 failed" t0001 unit/check_good system/t0001-x
closes "an unknown name" 2 "error: no test begins with 'nothing'" nothing
finish
