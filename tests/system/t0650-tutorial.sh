#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every file and every command of schedulers/TUTORIAL.md, in their order, in an empty folder.
source "$(dirname "$0")/../support/shell.sh"
unset MAKEFLAGS MAKELEVEL MFLAGS
tutorial=schedulers/TUTORIAL.md
export HOME=$T/home
mkdir "$HOME" "$T/steps"

# Each block behind a mark becomes a step: NUMBER.file with the file's name in the first line, or
# NUMBER.run, or NUMBER.fails.
awk -v steps="$T/steps" '
    /^<!-- test: / { mark = $0; gsub(/^<!-- test: | -->$/, "", mark); next }
    /^```/ && mark != "" && !inside {
        inside = 1
        kind = mark ~ /^file / ? "file" : mark ~ /^fails / ? "fails" : "run"
        step = sprintf("%s/%02d.%s", steps, ++count, kind)
        if (kind == "file") { print substr(mark, 6) >step }
        next
    }
    /^```/ && inside { inside = 0; mark = ""; close(step); next }
    inside { print >step }' "$tutorial"

check "every command of the tutorial is marked for this test" \
    test "$(grep -c '^```sh' "$tutorial")" = "$(ls "$T/steps" | grep -c '\.\(run\|fails\)$')"
check "so is every file" \
    test "$(grep -cE '^```(c|json)$' "$tutorial")" = "$(ls "$T/steps" | grep -c '\.file$')"
check "the first module is as short as it says" \
    test "$(($(wc -l <"$(ls "$T"/steps/*.file | head -1)") - 1))" -le 22

# The tutorial installs from the tree; here what is being tested is installed, whatever its folder.
here="(cd '$PWD' \&\& B='$B' PREFIX=\1 core/kit/install)"
sed -i "s|^make install PREFIX=\(.*\)|$here|" "$T"/steps/*.run

if ! command -v cc >/dev/null; then
    skip "the tutorial" "there is no cc"
    finish
    exit
fi
shown=$(grep '^claims  *FAILED' "$tutorial")
mkdir "$T/empty"
cd "$T/empty" || exit 1
: >"$T/state"
for step in "$T"/steps/*; do
    name=$(basename "$step")
    case $step in
    *.file)
        # where the commands before have left the shell
        (. "$T/state" && tail -n +2 "$step" >"$(head -1 "$step")")
        check "$name $(head -1 "$step")" test -s "$step"
        ;;
    *.run)
        {
            echo ". '$T/state'"
            cat "$step"
            echo "echo \"cd '\$PWD'; export PATH='\$PATH'\" >'$T/state'"
        } >"$T/now"
        check "$name: $(grep -v '^ ' "$step" | head -3 | tr '\n' ';')" bash -eu "$T/now"
        cat "$T/check.out" >>"$T/all"
        ;;
    *.fails)
        { echo ". '$T/state'"; cat "$step"; } >"$T/now"
        bash -eu "$T/now" >"$T/failed" 2>&1
        check "$name fails" test $? -eq 1
        ;;
    esac
done
# What the text says of what comes out.
check "the first fault is the one that is shown" \
    grep -qxF "$shown" "$T/failed"
fraction() {
    sed -n "s/^$1 .*four\.conflict_fraction  *5  *\([0-9.]*\) .*/\1/p" "$T/all" | head -1
}
check "packed has conflicts above 1, batch few, sampled between" awk -v batch="$(fraction batch)" \
    -v packed="$(fraction packed)" -v few="$(fraction sampled-8)" -v more="$(fraction sampled-32)" \
    'BEGIN { exit !(batch > 0 && batch < 0.2 && packed > 1 && few < more && more < packed) }'
check "quick does what batch does" grep -q '^ *2 "digest":"[0-9a-f]*"$' "$T/all"
finish
