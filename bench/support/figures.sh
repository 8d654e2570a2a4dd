# SPDX-License-Identifier: MIT
# What bench/conflicts and bench/mapreduce share: their options, reading results.csv, and the style
# of their figures, which is that of 'omega report' (core/report/figure.c). To be sourced with the
# options; sets here (bench/), B, omega, runs (DIR), run (yes or no) and options (for 'omega run').
name=$(basename "$0")
here=$(dirname "$(realpath "$0")")
B=$(realpath -m "${B:-$here/../build}")
omega=${OMEGA:-$B/omega}
runs=$B/bench/$name
run=yes
options=()
while [ $# -gt 0 ]; do
    case $1 in
    --runs) runs=${2:?--runs: expected a folder}; shift 2 ;;
    --no-run) run=no; shift ;;
    --set) options+=(--set "${2:?--set: expected PATH=VALUE}"); shift 2 ;;
    *)
        echo "usage: bench/$name [--runs DIR] [--no-run] [--set PATH=VALUE]..." >&2
        exit 2
        ;;
    esac
done

# need FILE: ends with an error if an earlier run has not left it.
need() {
    if [ ! -r "$1" ]; then
        echo "bench/$name: $1: not there, expected an earlier run" >&2
        exit 1
    fi
}

# results DIR: results.csv without lists and objects, whose commas would be in the way.
results() { sed 's/"\(\[[^"]*\]\|{\([^"]\|""\)*}\)"//g' "$1/results.csv"; }

# need_gnuplot: ends, with a word but no error, where there is none.
need_gnuplot() {
    if ! command -v gnuplot >/dev/null; then
        echo "no figure: gnuplot is not installed" >&2
        exit 0
    fi
}

# draw FILE WIDTH HEIGHT <SCRIPT: an SVG. Line styles 1 to 4 can be told apart in grey print, and by
# the colour-blind.
draw() {
    {
        cat <<GNUPLOT
set terminal svg size $2,$3 background "white"
set output "$1"
set style line 1 linecolor "#0072b2" linewidth 2 dashtype 1
set style line 2 linecolor "#e69f00" linewidth 2 dashtype (9,3)
set style line 3 linecolor "#000000" linewidth 2 dashtype (3,3)
set style line 4 linecolor "#cc79a7" linewidth 2 dashtype (9,3,2,3)
set grid linecolor "#d0d0d0" linewidth 0.5 dashtype 1
GNUPLOT
        cat
    } | gnuplot
    echo "figure: $1" >&2
}
