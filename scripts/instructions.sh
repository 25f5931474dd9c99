#!/usr/bin/env bash
# Instructions that evenkeel itself executes for one kept-alive request.
set -euo pipefail

usage() {
    cat <<'END'
usage: scripts/instructions.sh [REQUESTS]

Counts by callgrind, which gives the same number on a busy machine as on an idle one. Two runs of different length
(REQUESTS, default 3000, and three times as many), so that starting and stopping cancel out. Needs valgrind and ab.

  EVENKEEL=...  the binary (default: built, target/release/evenkeel)
END
}

requests=${1:-3000}
[[ $requests =~ ^[1-9][0-9]*$ && $# -le 1 ]] || { usage; exit 2; }
cd "$(dirname "$0")/.."
for tool in valgrind ab; do
    command -v "$tool" >/dev/null || { echo "instructions: $tool is not installed, nothing counted"; exit 0; }
done
source scripts/common.sh

start origin "$evenkeel" backend --listen 127.0.0.1:0 --name origin
await "the backend" listens origin
origin=$(address origin)

# Instructions of a whole run that serves so many requests over 8 kept-alive connections, into `counted`.
count() {
    start "balancer.$1" valgrind --tool=callgrind --callgrind-out-file="$scratch/out.$1" \
        "$evenkeel" -l 127.0.0.1:0 -b "$origin" --admin off --health off
    local balancer=$latest
    await "the balancer" listens "balancer.$1"
    ab -q -l -k -c 8 -n "$1" "http://$(address "balancer.$1")/" >"$scratch/ab.$1"
    grep -q 'Failed requests: *0$' "$scratch/ab.$1" || fail "failed requests"
    kill "$balancer"
    wait "$balancer" || true
    counted=$(sed -n 's/^totals: \([0-9]*\).*/\1/p; s/^summary: \([0-9]*\).*/\1/p' "$scratch/out.$1" | tail -n 1)
}

count "$requests"
few=$counted
count $((requests * 3))
echo "instructions per kept-alive request: $(((counted - few) / (requests * 2)))"
