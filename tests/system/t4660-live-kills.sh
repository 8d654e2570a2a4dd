#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A live run under load, with machines that fail, of which random processes are killed, and some
# stopped: 20 times, or 1,000 with OMEGA_SOAK. Nothing may be lost: the log is complete and proved,
# the cell is sound, and each job was submitted once, with each of its tasks placed once or not.
# Half of the victims are caught while they write, where a commit may be missing in the log.
. "$(dirname "$0")/../support/shell.sh"

export TMPDIR=$T
seed=${OMEGA_SEED:-$((RANDOM * 32768 + RANDOM))}
kills=20
seconds=8
if [ -n "${OMEGA_SOAK:-}" ]; then
    kills=1000
    seconds=400
fi
echo "seed $seed, $kills kills in $seconds s"

# Four instances on a cell that they fill, so that they meet; jobs come as quickly as they are
# planned. The horizon lies a little behind the last kill.
cat >"$T/load.json" <<JSON
{
  "name": "kills", "horizon_s": $((10 * seconds + 30)),
  "cell": { "machines": [ { "count": 60, "cpu_milli": 4000, "mem_mib": 16384, "platform": "a" },
                          { "count": 40, "cpu_milli": 8000, "mem_mib": 16384 } ],
            "prefill": { "cpu_utilisation": 0.1, "cpu_milli": 500, "mem_mib": 256,
                         "duration_s": { "type": "uniform", "min": 5, "max": 90 } } },
  "workloads": [
    { "name": "batch", "interarrival_s": { "type": "exponential", "mean": 0.06 },
      "tasks": { "type": "uniform", "min": 1, "max": 8 },
      "duration_s": { "type": "exponential", "mean": 3 }, "cpu_milli": 1000, "mem_mib": 512 },
    { "name": "service", "interarrival_s": { "type": "exponential", "mean": 0.5 }, "tasks": 4,
      "constraints": "platform=a;different_machines",
      "duration_s": 10, "cpu_milli": 500, "mem_mib": 512 } ],
  "architecture": "shared_state",
  "schedulers": [
    { "name": "batch", "module": "batch", "workloads": [ "batch" ], "instances": 3,
      "commit": { "detection": "coarse" }, "retry": { "delay_s": 0.1, "attempts": 20 },
      "decision": { "job_s": 0.02, "task_s": 0.002 } },
    { "name": "service", "module": "service", "workloads": [ "service" ],
      "commit": { "granularity": "gang" }, "decision": { "job_s": 0.05 } } ],
  "machine_events": { "time_to_failure_s": { "type": "exponential", "mean": 200 },
                      "time_to_repair_s": { "type": "uniform", "min": 1, "max": 10 } },
  "record": [ "summary", "jobs" ],
  "live": { "speedup": 10, "deadline_s": 1,
            "restart": { "delay_s": 0.01, "backoff": 2, "delay_max_s": 0.1, "limit": 1000000 } }
}
JSON

cell=$T/cells/seed-1
"$OMEGA" run --live --quiet --log --out "$T/out" --set store.kind=lmdb \
    --set store.dir="$T/cells" "$T/load.json" >"$T/run.out" 2>"$T/run.err" &
run=$!

begun() {
    for _ in $(seq 600); do
        kill -0 "$run" 2>/dev/null || return 1
        "$OMEGA" cell show "$cell" jobs --json 2>/dev/null | grep -q '"state":"running"' &&
            return 0
        sleep 0.05
    done
    return 1
}
check "a run under load" begun
killer() {
    "$B/tests/tools/kill_run" "$run" "$cell" "$kills" "$seconds" "$seed" >"$T/killed"
}
check "random processes are killed, and others commit" killer
cat "$T/killed"
ends() {
    local rc=0
    wait "$run" || rc=$?
    tail -n 5 "$T/run.err"
    [ "$rc" -eq 0 ]
}
check "the run comes to its end" ends
check "the cell is sound" "$OMEGA" cell check "$cell"
check "every acknowledged commit is there, and no other" "$OMEGA" check-log "$T/out"

told() {
    awk -F '[:,]' '/"(killed|failed|hung|flooded|blocked)"/ { sum += $2 } END { print sum + 0 }' \
        "$T/out/run.json"
}
all_told() {
    echo "$(told) restarts are told of, $kills kills"
    grep -c 'it starts again' "$T/run.err"
    [ "$(told)" -ge "$((kills * 9 / 10))" ]
}
check "run.json says how often which process was started again, and why" all_told

# Jobs, ids and task counts are those of the same experiment in the simulator, as far as they came.
same_jobs() {
    "$OMEGA" run --quiet --out "$T/sim" --set driver=sim "$T/load.json" >/dev/null || return 1
    jobs() {
        awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
                 { print $at["job"], $at["workload"], $at["tasks"] }' "$1" | sort -n
    }
    jobs "$T/out/jobs.csv" >"$T/live.jobs"
    jobs "$T/sim/jobs.csv" | head -n "$(wc -l <"$T/live.jobs")" >"$T/sim.jobs"
    echo "$(wc -l <"$T/live.jobs") jobs"
    [ -s "$T/live.jobs" ] && cmp "$T/live.jobs" "$T/sim.jobs"
}
check "no job is forgotten, and none comes twice" same_jobs
each_once() {
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
             $at["placed"] + $at["unplaced"] < $at["tasks"] { print; wrong++ }
             END { exit wrong > 0 }' "$T/out/jobs.csv"
}
check "each task is placed, or waits to be" each_once
check "no process stays" test "$(ps -o pid= --ppid "$run" | wc -l)" -eq 0
finish
