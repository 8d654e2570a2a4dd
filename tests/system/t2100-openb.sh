#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The real openb trace ($OMEGA_TRACES/openb2023, by default ../shared/traces): counts, demand, round
# trip; GPU-model constraints on a list made from it, since the trace's own column is empty.
source "$(dirname "$0")/../support/shell.sh"
traces=${OMEGA_TRACES:-../shared/traces}/openb2023
nodes=$traces/openb_node_list_all_node.csv
pods=$traces/openb_pod_list_default.csv
if [ ! -r "$nodes" ] || [ ! -r "$pods" ]; then
    skip "the real openb trace" "not in '$traces'"
    finish
    exit
fi

digest() { sed -n 's/.*digest *\([0-9a-f]\{32\}\).*/\1/p' "$1"; }
says() { grep -Eq -- "$1" "$2"; }
import() { "$OMEGA" trace import --format openb --out "$1" "$nodes" "$2" >"$T/import"; }
check "it is imported" import "$T/openb.trace" "$pods"
check "jobs and machines" says ': 8152 jobs, 1523 machines, 0 machine events, ' "$T/import"
check "assumptions are counted" says '^ +897  pod without scheduled_time' "$T/import"
check "the digest is that of this trace" test "$(digest "$T/import")" = \
    aa6c0174f850d824bf9101f4975f7466
check "it is described" bash -c "'$OMEGA' trace info '$T/openb.trace' >'$T/info'"
check "98 % of the GPUs are asked for at once" \
    says '^gpu_milli +6212000 +6086800 +97\.98%' "$T/info"
check "the span is 149 days" says '^submitted +within 149\.3 d' "$T/info"

round_trip() {
    "$OMEGA" trace export --format csv --out "$T/csv" "$T/openb.trace" >"$T/export" &&
        "$OMEGA" trace import --format csv --out "$T/again.trace" "$T/csv/jobs.csv" \
            "$T/csv/machines.csv" >"$T/again" &&
        test "$(digest "$T/again")" = "$(digest "$T/import")"
}
check "exported as csv and imported again it has the same digest" round_trip

# every second pod of one GPU may use two models only, every third one only
awk -F, -v OFS=, 'NR > 1 && $4 > 0 && NR % 2 == 0 { $6 = "V100M16|V100M32" }
                  NR > 1 && $4 > 0 && NR % 3 == 0 { $6 = "T4" } { print }' "$pods" >"$T/spec.csv"
check "pods with GPU models are imported" import "$T/spec.trace" "$T/spec.csv"
wanted=$(awk -F, 'NR > 1 && $6 != ""' "$T/spec.csv" | wc -l)
check "each becomes a constraint" says "^ +$wanted  gpu_spec became a constraint" "$T/import"
finish
