#!/usr/bin/env bash
# Chaos for as long as you like: tests/chaos.rs in release, with its report.
set -euo pipefail

usage() {
    cat <<'END'
usage: scripts/soak.sh MINUTES [SEED]

A balancer under steady mixed load while its backends (nginx where there is one, and strict ones of the tests) are
killed, stopped and started again and the wires between misbehave; then eight thousand slow clients, then a machine
without descriptors. Prints what was asked and answered, what clients suffered by cause, what the balancer cost at the
start and at the end, and every half minute in between. Fails on a GET that a second backend could have served, on a
wrong byte, on a POST sent twice, on descriptors that do not come back and on memory that grows.

SEED decides what chance decides (default: the time).
END
}

[[ $# -ge 1 && $# -le 2 && $1 =~ ^[1-9][0-9]*$ && ${2:-1} =~ ^[0-9]+$ ]] || { usage >&2; exit 2; }
cd "$(dirname "$0")/.."
export CHAOS_SECONDS=$(($1 * 60)) CHAOS_SEED=${2:-$(date +%s)} CHAOS_SLOW=${CHAOS_SLOW:-8000}
echo "soak: $1 min, seed $CHAOS_SEED"
cargo test --quiet --release --test chaos -- --nocapture --test-threads=1
