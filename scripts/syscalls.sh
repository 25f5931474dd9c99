#!/usr/bin/env bash
# System calls per request, counted by strace while the balancer serves kept-alive requests.
set -euo pipefail

usage() {
    cat <<'END'
usage: scripts/syscalls.sh [-n REQUESTS | -c CONNECTIONS [-f]]     (default -n 2000)

Starts an embedded backend and the balancer, attaches strace to the balancer and prints each of its system calls per
kept-alive request: for REQUESTS one after the other on one connection (curl), where every request pays for its own
waits, or for five seconds of CONNECTIONS at once (wrk; try 64), where several requests share one. Opening the
connections is counted too; it disappears in the average. With -f each request comes on a fresh connection.

  EVENKEEL=...  the binary (default target/release/evenkeel, built if missing)
END
}

requests=2000
connections=1
fresh=
while getopts "n:c:fh" option; do
    case $option in
        n) requests=$OPTARG ;;
        c) connections=$OPTARG ;;
        f) fresh=yes ;;
        h) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[[ $requests =~ ^[1-9][0-9]*$ && $connections =~ ^[1-9][0-9]*$ && $# -eq 0 ]] || { usage >&2; exit 2; }

cd "$(dirname "$0")/.."
tools=(strace curl)
[[ $connections -gt 1 ]] && tools+=(wrk)
for tool in "${tools[@]}"; do
    command -v "$tool" >/dev/null || { echo "syscalls: $tool is not installed, nothing counted"; exit 0; }
done

source scripts/common.sh

start origin "$evenkeel" backend --listen 127.0.0.1:0 --name origin
await "the backend" listens origin
origin=$(address origin)
start balancer "$evenkeel" -l 127.0.0.1:0 -b "$origin" --admin off --health off
balancer=$latest
await "the balancer" listens balancer
front=$(address balancer)

strace -f -c -o "$scratch/counts" -p "$balancer" 2>"$scratch/strace" &
tracer=$!
started+=("$tracer")
await "strace to attach" grep -q attached "$scratch/strace"

if [[ $connections -eq 1 ]]; then
    curl --silent --show-error --fail --noproxy '*' --output "$scratch/answer" "http://$front/[1-$requests]"
    served=$requests
else
    wrk -t1 -c"$connections" -d5s ${fresh:+-H "Connection: close"} "http://$front/" >"$scratch/wrk"
    if grep "Non-2xx\|Socket errors" "$scratch/wrk" >&2; then exit 1; fi
    served=$(sed -n 's/^ *\([0-9]*\) requests in.*/\1/p' "$scratch/wrk")
fi
kill -INT "$tracer"
wait "$tracer" 2>/dev/null || true

echo "$served requests on $connections connection(s), system calls of the balancer:"
awk -v served="$served" '
    $1 ~ /^[0-9.]+$/ && $NF != "total" { calls[$NF] = $4; total += $4 }
    END {
        for (name in calls) printf "%10.3f per request  %8d  %s\n", calls[name] / served, calls[name], name | "sort -rn"
        close("sort -rn")
        printf "%10.3f per request  %8d  in all\n", total / served, total
    }' "$scratch/counts"
