#!/usr/bin/env bash
# What it costs the balancer that somebody has its pages open, in CPU time.
set -euo pipefail

usage() {
    cat <<'END'
usage: scripts/watching.sh [-n ROUNDS]     (default 5)

Has the balancer serve about 10,000 requests a second (wrk, 200 kept-alive connections that pause), and in turn, five
seconds each, nobody watches it, or one reader follows its state and another its loop, as the two pages do. Prints, from
what the kernel counts, the share of one CPU that it takes each way, what a request takes, and the medians of all rounds.

  EVENKEEL=...  the binary (default: built, target/release/evenkeel)
END
}

rounds=5
while getopts "n:h" option; do
    case $option in
        n) rounds=$OPTARG ;;
        h) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[[ $rounds =~ ^[1-9][0-9]*$ && $# -eq 0 ]] || { usage >&2; exit 2; }

cd "$(dirname "$0")/.."
for tool in wrk curl; do
    command -v "$tool" >/dev/null || { echo "watching: $tool is not installed, nothing measured"; exit 0; }
done
[[ -r /proc/self/schedstat ]] || { echo "watching: this kernel counts no CPU time by schedstat, nothing measured"; exit 0; }
source scripts/common.sh

start origin "$evenkeel" backend --listen 127.0.0.1:0 --name origin --body-size 100
await "the backend" listens origin
start balancer "$evenkeel" -l 127.0.0.1:0 -b "$(address origin)" --admin 127.0.0.1:0 --health off
balancer=$latest
await "the balancer" grep -q '(admin)' "$scratch/balancer"
front=$(address balancer)
admin=$(sed -n 's/.*listening on \([0-9.:]*\) (admin).*/\1/p' "$scratch/balancer")
echo 'function delay() return 15 end' >"$scratch/pause.lua"

# CPU time of all its threads so far, and the requests that it has finished: nanoseconds, number.
taken() {
    cat /proc/"$balancer"/task/*/schedstat | awk '{ sum += $1 } END { printf "%.0f ", sum }'
    curl --silent --fail "http://$admin/api/state" | awk -F '[:,]' '/"finished"/ && !n { n = $2 } END { print n + 0 }'
}

# One window: the share of a CPU in percent, microseconds of CPU per request, requests per second.
window() {
    local before after
    before=$(taken)
    sleep 5
    after=$(taken)
    echo "$before $after" |
        awk '{ cpu = ($3 - $1) / 5e7; n = $4 - $2; printf "%.2f %.2f %d\n", cpu, cpu * 5e4 / n, n / 5 }'
}

median() { sort -g | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }

wrk -t1 -c200 -d$((rounds * 12 + 10))s -s "$scratch/pause.lua" "http://$front/" >"$scratch/wrk" &
started+=("$!")
sleep 2
printf '%-10s %8s %12s %12s\n' "" "CPU, %" "us/request" "requests/s"
for _ in $(seq "$rounds"); do
    window | tee -a "$scratch/closed" | awk '{ printf "%-10s %8s %12s %12s\n", "closed", $1, $2, $3 }'
    curl --silent --no-buffer --output "$scratch/state" "http://$admin/api/events?of=state" & state=$!
    curl --silent --no-buffer --output "$scratch/loop" "http://$admin/api/events?of=loop" & loop=$!
    sleep 0.5
    window | tee -a "$scratch/open" | awk '{ printf "%-10s %8s %12s %12s\n", "open", $1, $2, $3 }'
    kill "$state" "$loop"
    wait "$state" "$loop" 2>/dev/null || true
done
[[ -s $scratch/state && -s $scratch/loop ]] || fail "nothing was told to those who watch"
for way in closed open; do
    printf '%-10s %8s %12s   medians of %d\n' "$way" "$(cut -d' ' -f1 "$scratch/$way" | median)" \
        "$(cut -d' ' -f2 "$scratch/$way" | median)" "$rounds"
done
