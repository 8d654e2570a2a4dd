#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Invariant F: one experiment, one seed, the same bytes from gcc and clang, with and without
# optimisation, and on a CPU that seems to have neither FMA nor AVX2. Without optimisation only with
# OMEGA_FULL, in `make test-full`, which needs that build anyway: building takes most of the time.
source "$(dirname "$0")/../support/shell.sh"
unset MAKEFLAGS MAKELEVEL MFLAGS CC OPT SANITIZER CFLAGS
only_plain "determinism" "it builds its own variants"

# results NAME COMMAND...: runs two experiments by COMMAND into $T/NAME; $seed is an option.
seed=()
results() {
    local name=$1
    shift
    "$@" run bench/experiments/first.json --quiet --set horizon_s=7200 --set warmup_s=600 \
        --out "$T/$name/first" "${seed[@]}" &&
        "$@" run tests/data/valid/unruly.json --quiet --out "$T/$name/unruly" "${seed[@]}" \
            --set 'fragmentation={"cpu_milli":1000,"mem_mib":1024}'
}

# same NAME: what does not name the host is byte for byte that of the reference.
same() {
    local file
    for file in {first,unruly}/{results.jsonl,results.csv,histograms.jsonl,series.csv}; do
        cmp "$T/reference/$file" "$T/$1/$file" || return 1
    done
}

# variant FOLDER MAKE-VARIABLE...: builds and compares.
variant() {
    local folder=$1
    shift
    check "build with $*" make -s "-j$(nproc)" "$@" all
    check "run with $*" results "$folder" "build/$folder/omega"
    check "$* gives the same bytes" same "$folder"
}

check "the reference runs" results reference "$OMEGA"
check "it has one line per scheduler and more" \
    test "$(wc -l <"$T/reference/first/results.jsonl")" -gt 4
check "it runs again" results again "$OMEGA"
check "a second run gives the same bytes" same again
seed=(--seed 99)
check "another seed runs" results seed "$OMEGA"
seed=()
if same seed >"$T/cmp" 2>&1; then
    not_ok "another seed gives other bytes"
else
    ok "another seed gives other bytes"
fi

# Names of old and new C libraries; those unknown to this one are ignored.
tunables=glibc.cpu.hwcaps=-FMA,-FMA4,-AVX2,-FMA_Usable,-FMA4_Usable,-AVX2_Usable
check "runs with FMA and AVX2 hidden" results hidden env "GLIBC_TUNABLES=$tunables" "$OMEGA"
check "FMA and AVX2 hidden give the same bytes" same hidden

if ! command -v clang >/dev/null; then
    variant gcc-O0 OPT=-O0
    skip "clang gives the same bytes" "no clang"
elif [ -n "${OMEGA_FULL:-}" ]; then
    variant gcc-O0 OPT=-O0
    variant clang CC=clang
else
    variant clang CC=clang
fi
finish
