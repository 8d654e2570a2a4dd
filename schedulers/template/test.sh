#!/bin/sh
# The test of my_scheduler: it does nothing wrong, and places what there is room for. 'make test'
# builds the module before.
set -eu
cd "$(dirname "$0")"
omega=${OMEGA:-omega}

"$omega" test-scheduler --quick ./my_scheduler.so

# A short run of the comparison, with a seed of its own: no job is given up.
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
"$omega" run experiment.json --seed 42 --set horizon_s=1800 --quiet --out "$out" >"$out/table"
waiting=$(grep '"scope":"scheduler"' "$out/results.jsonl" | grep '"variant":"my_scheduler"' |
    grep -vc '"jobs_abandoned":0' || true)
if [ "$waiting" -ne 0 ]; then
    cat "$out/table"
    echo "my_scheduler has given up jobs: see the table above" >&2
    exit 1
fi
echo "my_scheduler: all is well"
