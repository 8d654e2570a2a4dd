#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every shipped experiment is valid; with OMEGA_SOAK=1 each also runs to its end.
source "$(dirname "$0")/../support/shell.sh"

traces=${OMEGA_TRACES:-../shared/traces}/openb2023
if [ -e "$traces/openb_pod_list_default.csv" ]; then
    check "openb can be imported" "$OMEGA" trace import --format openb --out "$T/openb.trace" \
        "$traces/openb_node_list_all_node.csv" "$traces/openb_pod_list_default.csv"
fi
# Two jobs are enough to see whether an experiment that replays the SWIM sample is valid, and runs.
printf 'job0\t49\t49\t740773000\t2339561000\t627471\njob1\t101\t52\t736346\t0\t0\n' >"$T/swim.tsv"
check "swim can be imported" \
    "$OMEGA" trace import --format swim --out "$T/swim.trace" "$T/swim.tsv"

for file in bench/experiments/*.json; do
    name=$(basename "$file" .json)
    if grep -q 'openb\.trace"' "$file" && [ ! -e "$T/openb.trace" ]; then
        skip "$name is valid" "no openb2023/ in OMEGA_TRACES"
        continue
    fi
    # A copy that finds the traces; shipped experiments name no other file.
    sed -E "s@\"[^\"]*(openb|swim)\.trace\"@\"$T/\\1.trace\"@g" "$file" >"$T/$name.json"
    check "$name is valid" "$OMEGA" validate "$T/$name.json"
    if [ -n "${OMEGA_SOAK:-}" ]; then
        check "$name runs" "$OMEGA" run "$T/$name.json" --quiet --out "$T/out/$name"
    fi
done
finish
