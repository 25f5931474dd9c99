#!/usr/bin/env bash
# Sweeps simulated worlds, each decided by its seed, on all cores.
set -euo pipefail

usage() {
    cat <<'END'
usage: scripts/seeds.sh [N]     (default 100000)

Runs the balancer through N simulated worlds, one for each seed, in an optimised build. Prints seeds and calls per second
and stops at the first seed that fails, with what was wrong, made smaller where that is cheap, and the command that
replays it with a trace: virtual time, who, connection, call, asked, given, result.

  FIRST_SEED=n    begin there (default 0)
  KEEP_GOING=1    list every failing seed
END
}

case ${1:-100000} in
    -h | --help) usage; exit 0 ;;
    *[!0-9]* | '') usage >&2; exit 2 ;;
esac
cd "$(dirname "$0")/.."
export SEEDS=${1:-100000} FIRST_SEED=${FIRST_SEED:-0} RUST_BACKTRACE=0
if ! cargo test --quiet --profile sweep --test simulation --no-run; then
    exit 1
fi
# What cargo and the test harness say around it is left out.
cargo test --quiet --profile sweep --test simulation world -- --nocapture 2>&1 |
    sed -n '/^[0-9]* seeds in\|^seed \|^SEED=\|^ .* -> /p'
