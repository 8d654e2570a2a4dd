#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Experiments that must do the same thing by different ways have equal digests.
. "$(dirname "$0")/../support/shell.sh"

cat >"$T/same.json" <<'END'
{
  "name": "same", "seed": 3, "horizon_s": 3600,
  "cell": {"machines": [{"count": 60, "cpu_milli": 4000, "mem_mib": 16384, "domains": 6}]},
  "machine_events": {"time_to_failure_s": {"type": "exponential", "mean": 3000},
                     "time_to_repair_s": {"type": "exponential", "mean": 60}},
  "workloads": [
    {"name": "batch", "interarrival_s": {"type": "exponential", "mean": 5},
     "tasks": {"type": "exponential", "mean": 8}, "duration_s": {"type": "exponential", "mean": 60},
     "cpu_milli": 1000, "mem_mib": 2048},
    {"name": "service", "interarrival_s": {"type": "exponential", "mean": 30},
     "tasks": 4, "duration_s": {"type": "exponential", "mean": 300},
     "cpu_milli": {"type": "uniform", "min": 500, "max": 2000}, "mem_mib": 2048,
     "constraints": "different_machines"}
  ],
  "architecture": "shared_state",
  "schedulers": [{"name": "all", "module": "batch", "workloads": ["batch", "service"]}],
  "variants": [
    {"name": "shared", "set": {}},
    {"name": "mono", "set": {"architecture": "monolithic_single_path"}},
    {"name": "private", "set": {"schedulers": [{"name": "all", "module": "batch",
      "workloads": ["batch", "service"], "sync": "private"}]}},
    {"name": "interval", "set": {"schedulers": [{"name": "all", "module": "batch",
      "workloads": ["batch", "service"], "sync": {"interval_s": 0.000001}}]}}
  ]
}
END

digests() { sed -n 's/.*"scope":"cell".*"digest":"\([0-9a-f]*\)".*/\1/p' "$1/results.jsonl"; }
one_digest_of_four() {
    [ "$(digests "$1" | wc -l)" -eq 4 ] && [ "$(digests "$1" | sort -u | wc -l)" -eq 1 ]
}
conflicts() { grep -o '"claims_conflicting":[0-9]*' "$1/results.jsonl" | sort -u; }
losses() { grep -o '"losses":[0-9]*' "$1/results.jsonl" | sort -u; }

check "one instance, four ways: runs" "$OMEGA" run --quiet "$T/same.json" --out "$T/same"
check "monolithic, shared state with one instance, private and live views: one digest" \
    one_digest_of_four "$T/same"
check "one instance meets no conflict" test "$(conflicts "$T/same")" = '"claims_conflicting":0'
check "though machines fail and tasks are lost" test "$(losses "$T/same")" != '"losses":0'

variants='[{"name": "a"},
  {"name": "b", "set": {"architecture": "monolithic_single_path"}},
  {"name": "c", "set": {"architecture": "monolithic_multi_path"}},
  {"name": "d", "set": {"lost_tasks": "return"}}]'
check "service module: runs" "$OMEGA" run --quiet "$T/same.json" --out "$T/service" \
    --set schedulers.0.module=service --set variants="$variants"
check "service module: one digest" one_digest_of_four "$T/service"

check "another seed: runs" "$OMEGA" run --quiet "$T/same.json" --seed 4 --out "$T/other"
check "another seed, another digest" \
    test "$(digests "$T/other" | head -1)" != "$(digests "$T/same" | head -1)"
check "the same again: runs" "$OMEGA" run --quiet "$T/same.json" --out "$T/again"
check "the same again: the same bytes" cmp "$T/same/results.jsonl" "$T/again/results.jsonl"
finish
