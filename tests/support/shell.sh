# SPDX-License-Identifier: MIT
# What system tests share: sourced by tests/system/*.sh. Needs $B, the build folder.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
B=$(realpath "${B:-build}")
OMEGA=$B/omega
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
failures=0

ok() { printf 'ok - %s\n' "$1"; }
not_ok() { printf 'not ok - %s\n' "$1"; failures=$((failures + 1)); }
skip() { printf 'skip - %s (%s)\n' "$1" "$2"; }

# check NAME COMMAND...: the command succeeds.
check() {
    local name=$1
    shift
    if "$@" >"$T/check.out" 2>"$T/check.err"; then
        ok "$name"
    else
        not_ok "$name"
        sed 's/^/    /' "$T/check.out" "$T/check.err" | tail -n 40
    fi
}

# fails_with CODE REGEX COMMAND...: the command exits with CODE and its stderr matches REGEX.
fails_with() {
    local code=$1 regex=$2 rc=0
    shift 2
    "$@" >"$T/fails.out" 2>"$T/fails.err" || rc=$?
    if [ "$rc" -ne "$code" ]; then
        echo "exit code $rc, expected $code"
        cat "$T/fails.err"
        return 1
    fi
    if ! grep -Eq -- "$regex" "$T/fails.err"; then
        echo "stderr does not match '$regex':"
        cat "$T/fails.err"
        return 1
    fi
}

# only_plain NAME WHY: ends the script here, skipped, in all builds but the plain one: what it looks
# at does not depend on the compiler.
only_plain() {
    if [ "$B" != "$PWD/build" ]; then
        skip "$1" "only from the plain build: $2"
        exit 0
    fi
}

# finish: the last line of a test script.
finish() { [ "$failures" -eq 0 ]; }
