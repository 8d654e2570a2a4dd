#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Experiments: validate, paths, machine events in all forms, architectures.
source "$(dirname "$0")/../support/shell.sh"

mkdir "$T/e" "$T/cwd"
cat >"$T/e/base.json" <<'JSON'
{"name": "base", "horizon_s": 1000,
 "cell": {"machines": [{"count": 20, "cpu_milli": 4000, "mem_mib": 8192, "domains": 4},
                       {"count": 5, "cpu_milli": 8000, "mem_mib": 8192, "gpu_devices": 2,
                        "attributes": "gpu_model=A", "name_prefix": "gpu"}]},
 "workloads": [
  {"name": "batch", "interarrival_s": {"type": "exponential", "mean": 3}, "tasks": 10,
   "duration_s": {"type": "exponential", "mean": 30}, "cpu_milli": 500, "mem_mib": 512},
  {"name": "gpu", "interarrival_s": 20, "tasks": 1, "duration_s": 40, "cpu_milli": 100,
   "mem_mib": 100, "gpu_milli": 500, "constraints": "gpu_model=A"}],
 "architecture": "shared_state",
 "schedulers": [{"name": "all", "module": "batch"}]}
JSON
run() { "$OMEGA" run "$T/e/base.json" --quiet --out "$T/out" "$@"; }
digest() { sed -n 's/.*"digest":"\([0-9a-f]*\)".*/\1/p' "$T/out/results.jsonl"; }
cell() { grep -Eq "\"scope\":\"cell\".*$1" "$T/out/results.jsonl"; }
scope() { grep -Eq "\"name\":\"$1\".*$2" "$T/out/results.jsonl"; }

check "validate says what is there" "$OMEGA" validate "$T/e/base.json"
cp "$T/check.out" "$T/said"
check "in one line" grep -q "base.json: ok: 'base', 1 variant, 1 point; the first: 25 machines, \
2 workloads, 1 scheduler, 1000 s$" "$T/said"
check "validate takes --set" fails_with 1 'horizon_s' \
    "$OMEGA" validate "$T/e/base.json" --set horizon_s=0
check "validate goes on after a bad file" fails_with 1 'none.json' \
    "$OMEGA" validate "$T/none.json" "$T/e/base.json"
check "and says so of the good one" grep -q 'base.json: ok' "$T/fails.out"
check "validate wants a file" fails_with 2 'at least one' "$OMEGA" validate
check "unknown commands" fails_with 2 "unknown command 'frob'" "$OMEGA" frob
check "omega help run" "$OMEGA" help run
check "omega --version" "$OMEGA" --version

check "it runs" run
check "no jobs are lost or left" scope gpu '"jobs_submitted":49,"jobs_scheduled":49'
check "A, B and I hold" cell '"check":"A B I hold","check_machines":25'
first=$(digest)

# ---- paths ----

cp "$B/schedulers/batch.so" "$T/e/mine.so"
check "a module beside the experiment" eval "cd '$T/cwd' && run --set schedulers.0.module=./mine.so"
check "does the same" test "$(digest)" = "$first"
cp "$T/e/mine.so" "$T/cwd/other.so"
check "a module is not looked for elsewhere" fails_with 1 'other.so' \
    eval "cd '$T/cwd' && run --set schedulers.0.module=./other.so"
printf '# samples\n5\n1\n\n9\n' >"$T/e/samples.txt"
check "samples beside the experiment" run \
    --set 'workloads.0.tasks={"type":"empirical","file":"samples.txt"}'
sha=$(sha256sum "$T/e/samples.txt" | cut -c1-64)
check "are inputs with their SHA-256" grep -q \
    "\"inputs\":\[{\"file\":\"samples.txt\",\"sha256\":\"$sha\"}\]" "$T/out/results.jsonl"
printf '5\n7\n' >"$T/cwd/here.txt"
check "samples in the current directory" eval \
    "cd '$T/cwd' && run --set 'workloads.0.tasks={\"type\":\"empirical\",\"file\":\"here.txt\"}'"
printf '5\nx\n' >"$T/e/bad.txt"
check "bad samples name file, line and key" fails_with 1 'bad.txt:2: .*workloads(\[0\]|.0).tasks' \
    run --set 'workloads.0.tasks={"type":"empirical","file":"bad.txt"}'

# ---- machine events ----

check "events as a list" run --set 'machine_events=[
    {"time_s": 600, "machine": "m-3", "event": "add"},
    {"time_s": 500, "machine": "m-3", "event": "remove"},
    {"time_s": 500, "machine": "gpu-20", "event": "drain"},
    {"time_s": 700, "machine": "gpu-20", "event": "undrain"},
    {"time_s": 700, "machine": "m-0", "event": "capacity", "cpu_milli": 100, "mem_mib": 8192}]'
counts='"machine_events_add":1,"machine_events_remove":1,"machine_events_drain":1,'
counts+='"machine_events_undrain":1,"machine_events_capacity":1,'
check "are counted" cell "$counts"
listed=$(digest)
cat >"$T/e/events.csv" <<'CSV'
time_us,machine,event,cpu_milli,mem_mib,gpu_devices
500000000,m-3,remove,,,
500000000,gpu-20,drain,,,
600000000,m-3,add,,,
700000000,gpu-20,undrain,,,
700000000,m-0,capacity,100,8192,0
CSV
check "events as a file" run --set machine_events=events.csv
check "are the same" test "$(digest)" = "$listed"
check "an unknown machine" fails_with 1 \
    "there is no machine 'm-99', expected a name such as 'm-0'" \
    run --set 'machine_events=[{"time_s": 1, "machine": "m-99", "event": "drain"}]'
check "validate refuses an impossible order" fails_with 1 \
    "machine_events\[1\]: 'drain' of machine 'm-3' at 2 s, which is draining then" \
    "$OMEGA" validate "$T/e/base.json" --set 'machine_events=[
    {"time_s": 1, "machine": "m-3", "event": "drain"},
    {"time_s": 2, "machine": "m-3", "event": "drain"}]'
check "events as distributions" run --set 'machine_events={
    "time_to_failure_s": {"type": "exponential", "mean": 500}, "time_to_repair_s": 50}'
check "lose tasks" cell '"losses":[1-9]'
check "and hold A, B and I" cell '"check":"A B I hold"'
check "lost tasks may fail" run --set lost_tasks=fail --set 'machine_events={
    "time_to_failure_s": {"type": "exponential", "mean": 500}, "time_to_repair_s": 50}'
check "and then have" cell '"tasks_failed":[1-9]'

# ---- architectures see the same jobs ----

check "monolithic" run --set architecture=monolithic_single_path
check "equals shared state with one instance" test "$(digest)" = "$first"
check "private views" run --set schedulers.0.sync=private
check "agree with live ones" test "$(digest)" = "$first"
check "a pre-filled cell" run \
    --set 'cell.prefill={"cpu_utilisation": 0.3, "cpu_milli": 100, "mem_mib": 64}'
check "is used from the beginning" cell '"cpu_utilisation":0\.[3-9]'
finish
