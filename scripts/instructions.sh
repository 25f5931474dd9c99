#!/usr/bin/env bash
# Instructions that evenkeel itself executes for one request, on its main paths.
set -euo pipefail

usage() {
    cat <<'END'
usage: scripts/instructions.sh [--check] [-n REQUESTS] [PATH...]

Counts by callgrind, which gives nearly the same number on a busy machine as on an idle one. Two runs of different length
for each path (REQUESTS, default 2000, and three times as many), so that starting and stopping cancel out. How large the
pieces are in which a download comes is the kernel's affair, so one count of it in ten is off: a path that is above its
ceiling is counted four times more, and the median of the five stands. Paths:

  kept-alive    GET over kept-alive connections
  fresh         GET, each on a connection of its own
  upload        POST of 4 KiB over kept-alive connections
  download      GET of 256 KiB over kept-alive connections

With --check each is compared with its line in scripts/instructions.ceilings; ends with 1 if one is above. Needs valgrind
and ab.

  EVENKEEL=...  the binary (default: built, target/release/evenkeel)
END
}

requests=2000
check=
paths=()
while [[ $# -gt 0 ]]; do
    case $1 in
        --check) check=yes ;;
        -n) requests=${2:-}; shift ;;
        -h | --help) usage; exit 0 ;;
        kept-alive | fresh | upload | download) paths+=("$1") ;;
        *) usage >&2; exit 2 ;;
    esac
    shift
done
[[ $requests =~ ^[1-9][0-9]*$ ]] || { usage >&2; exit 2; }
[[ ${#paths[@]} -gt 0 ]] || paths=(kept-alive fresh upload download)

cd "$(dirname "$0")/.."
for tool in valgrind ab; do
    command -v "$tool" >/dev/null || { echo "instructions: $tool is not installed, nothing counted"; exit 0; }
done
source scripts/common.sh
head -c 4096 /dev/zero >"$scratch/upload"

# What ab does on each path, and the size of what the backend answers.
asks() {
    case $1 in
        kept-alive) echo "-k" ;;
        fresh) echo "" ;;
        upload) echo "-k -p $scratch/upload -T application/octet-stream" ;;
        download) echo "-k" ;;
    esac
}
size() { [[ $1 == download ]] && echo 262144 || echo 100; }

# Instructions of a whole run that serves so many requests over 8 connections at once, into `counted`.
count() {
    local path=$1 number=$2
    runs=$((runs + 1))
    local run="$path.$number.$runs"
    start "$run" valgrind --tool=callgrind --callgrind-out-file="$scratch/out.$run" \
        "$evenkeel" -l 127.0.0.1:0 -b "$origin" --admin 127.0.0.1:0 --health off
    local balancer=$latest
    await "the balancer" listens "$run"
    # shellcheck disable=SC2046 # several words on purpose
    ab -q -l $(asks "$path") -c 8 -n "$number" "http://$(address "$run")/" >"$scratch/ab.$run"
    grep -q 'Failed requests: *0$' "$scratch/ab.$run" || fail "$path: failed requests"
    kill "$balancer"
    wait "$balancer" || true
    counted=$(sed -n 's/^totals: \([0-9]*\).*/\1/p; s/^summary: \([0-9]*\).*/\1/p' "$scratch/out.$run" | tail -n 1)
}

# Instructions per request of a path, into `found`.
measure() {
    count "$1" "$requests"
    local few=$counted
    count "$1" $((requests * 3))
    found=$(((counted - few) / (requests * 2)))
}

above=0
runs=0
echo "instructions per request:"
for path in "${paths[@]}"; do
    start "origin.$path" "$evenkeel" backend --listen 127.0.0.1:0 --name origin --body-size "$(size "$path")"
    await "the backend" listens "origin.$path"
    origin=$(address "origin.$path")
    measure "$path"
    ceiling=$(awk -v path="$path" '$1 == path { print $2 }' scripts/instructions.ceilings)
    if [[ $found -gt $ceiling ]]; then
        all=("$found")
        for _ in 1 2 3 4; do
            measure "$path"
            all+=("$found")
        done
        found=$(printf '%s\n' "${all[@]}" | sort -n | sed -n 3p)
    fi
    printf '%-12s %8d   ceiling %8d\n' "$path" "$found" "$ceiling"
    [[ $found -le $ceiling ]] || above=1
done
[[ -z $check || $above -eq 0 ]] || fail "above the ceiling: see scripts/instructions.ceilings"
