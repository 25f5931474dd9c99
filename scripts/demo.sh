#!/usr/bin/env bash
# Two backends, one balancer, and what becomes of requests when a backend dies and comes back.
set -euo pipefail

usage() {
    cat <<'END'
usage: scripts/demo.sh

Starts two embedded backends and the balancer, asks six times, kills one backend, asks six times, restarts it, asks six
times, and checks that what came back is the expected picture. Ends whatever it started.

  PORT_BASE=N   backends on N and N+1, the balancer on N+2 (default 8080, 8081, and 5001 for the balancer)
  EVENKEEL=...  the binary (default: built, target/release/evenkeel)
END
}

if [[ $# -gt 0 ]]; then
    usage
    [[ $1 == -h || $1 == --help ]] && exit 0
    exit 2
fi

cd "$(dirname "$0")/.."
one=127.0.0.1:${PORT_BASE:-8080}
two=127.0.0.1:$((${PORT_BASE:-8080} + 1))
front=127.0.0.1:5001
[[ -n ${PORT_BASE:-} ]] && front=127.0.0.1:$((PORT_BASE + 2))

source scripts/common.sh

told() { grep -q "$1" "$scratch/balancer"; }

# Six requests, one line each; what came back goes to the file `round`.
ask() {
    : >"$scratch/round"
    for _ in 1 2 3 4 5 6; do
        answers "$front" >"$scratch/one" || fail "a request failed"
        tr -s '\r\n' ' ' <"$scratch/one" | sed 's/ *$//' >>"$scratch/round"
        echo >>"$scratch/round"
    done
    sed 's/^/    /' "$scratch/round"
}

# Fails unless that name came so many times in the last round.
expect() {
    local count
    count=$(grep -c -w "$1" "$scratch/round") || true
    [[ $count -eq $2 ]] || fail "expected $2 answers from $1, not $count"
}

for address in "$one" "$two" "$front"; do
    if curl --silent --max-time 2 --output "$scratch/taken" --noproxy '*' "http://$address/"; then
        echo "demo: something answers on $address already; set PORT_BASE to move" >&2
        exit 1
    fi
done

start one "$evenkeel" backend --listen "$one" --name larboard
start two "$evenkeel" backend --listen "$two" --name starboard
starboard=$latest
await "backend larboard" answers "$one"
await "backend starboard" answers "$two"
start balancer "$evenkeel" -l "$front" -b "$one" -b "$two" --admin off \
    --health-interval 200ms --health-fall 1 --health-rise 1
balancer=$latest
await "the balancer" told "listening on"

echo "Both backends are up: they take turns."
ask
expect larboard 3
expect starboard 3

{ kill -9 "$starboard" && wait "$starboard"; } 2>/dev/null || true # the shell's own word about it is not for here
echo "Backend starboard is killed: the other one answers everything."
ask
expect larboard 6
await "the exclusion of $two" told "$two is down"

start two "$evenkeel" backend --listen "$two" --name starboard
await "backend starboard" answers "$two"
await "the return of $two" told "$two is up again"
echo "Backend starboard is back: they take turns again."
ask
expect larboard 3
expect starboard 3

echo "What the balancer said about it:"
grep "$two" "$scratch/balancer" | sed 's/^/    /'

kill -TERM "$balancer"
wait "$balancer" || fail "the balancer did not leave cleanly"
echo "The picture is as expected."
