#!/usr/bin/env bash
# Instructions that evenkeel itself executes for one kept-alive request, counted by callgrind: the same on a busy machine
# as on an idle one. Two runs of different length, so that starting and stopping cancel out.
#
# Usage: scripts/instructions.sh [REQUESTS]     default 5000; needs valgrind, ab (apache2-utils) and cargo
set -euo pipefail
cd "$(dirname "$0")/.."
requests=${1:-5000}
for tool in valgrind ab curl; do
    command -v "$tool" >/dev/null || { echo "$tool is not installed, left out"; exit 0; }
done
cargo build --release --quiet
work=$(mktemp -d)
pids=()
finish() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
    rm -rf "$work"
}
trap finish EXIT

# The address that a program says it listens on, once it does.
address() {
    for _ in $(seq 300); do
        sed -n 's/.*listening on \([0-9.:]*\) .*/\1/p' "$1" | head -n 1 | grep . && return
        sleep 0.1
    done
    echo "nothing listens: $(cat "$1")" >&2
    return 1
}

target/release/evenkeel backend --listen 127.0.0.1:0 2>"$work/backend" &
pids+=($!)
backend=$(address "$work/backend")

# Instructions of a whole run that serves $1 requests over 8 kept-alive connections, into $counted.
count() {
    valgrind --tool=callgrind --callgrind-out-file="$work/out.$1" target/release/evenkeel \
        -l 127.0.0.1:0 -b "$backend" --admin off --health off 2>"$work/log.$1" &
    local pid=$!
    pids+=("$pid")
    local at
    at=$(address "$work/log.$1")
    ab -q -l -k -c 8 -n "$1" "http://$at/" >"$work/ab.$1"
    grep -q 'Failed requests: *0$' "$work/ab.$1" || { echo "failed requests" >&2; return 1; }
    kill "$pid"
    wait "$pid" || true
    counted=$(sed -n 's/^summary: \([0-9]*\).*/\1/p; s/^totals: \([0-9]*\).*/\1/p' "$work/out.$1" | tail -n 1)
}

count "$requests"
few=$counted
count $((requests * 3))
many=$counted
echo "instructions per kept-alive request: $(((many - few) / (requests * 2)))"
