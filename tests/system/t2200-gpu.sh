#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# GPU models from an openb file to placements: a generated cell in which only the pods that the
# constraint lets through can run.
source "$(dirname "$0")/../support/shell.sh"

{
    echo "sn,cpu_milli,memory_mib,gpu,model"
    for i in 1 2 3; do echo "x$i,64000,262144,4,X"; done
    for i in 1 2; do echo "y$i,64000,262144,8,Y"; done
    echo "z1,64000,262144,2,Z"
    echo "c1,64000,262144,0,"
} >"$T/nodes.csv"
# 20 pods for X (12 devices), 20 for Y or Z (18 devices), 4 shares of 500 for Z (nothing left)
{
    printf 'name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,'
    printf 'creation_time,deletion_time,scheduled_time\n'
    for i in $(seq 1 20); do echo "px$i,1000,1024,1,1000,X,BE,Running,$i,9000,$i"; done
    for i in $(seq 101 120); do echo "py$i,1000,1024,1,1000,Y|Z,BE,Running,$i,9000,$i"; done
    for i in $(seq 301 304); do echo "pz$i,1000,1024,1,500,Z,LS,Running,$i,9000,$i"; done
} >"$T/pods.csv"
cat >"$T/gpu.json" <<'END'
{"name": "gpu", "cell": {"trace": "gpu.trace"}, "horizon_s": 8000,
 "workloads": [{"name": "pods", "trace": "gpu.trace", "duration_scale": 1}],
 "architecture": "shared_state", "record": ["summary", "jobs"],
 "schedulers": [{"name": "gpu", "module": "batch", "retry": {"attempts_unplaced": 3}}]}
END
check "the pods are imported" "$OMEGA" trace import --format openb --out "$T/gpu.trace" \
    "$T/nodes.csv" "$T/pods.csv"
for module in batch service first_fit; do
    check "$module: runs" "$OMEGA" run --quiet "$T/gpu.json" --out "$T/$module" \
        --set schedulers.0.module="$module"
    # job ids are the pods' rows: 1..20 want X, 21..40 want Y or Z, 41..44 shares of Z
    placed() {
        awk -F, -v from="$1" -v to="$2" '
            NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i }
            NR > 1 && $column["job"] >= from && $column["job"] <= to { n += $column["placed"] }
            END { print n + 0 }' "$T/$module/jobs.csv"
    }
    check "$module: 12 pods on the 12 devices of X" test "$(placed 1 20)" -eq 12
    check "$module: 18 pods on the 18 devices of Y and Z" test "$(placed 21 40)" -eq 18
    check "$module: no share is left on Z" test "$(placed 41 44)" -eq 0
done
finish
