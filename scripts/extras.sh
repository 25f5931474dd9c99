#!/usr/bin/env bash
# What extras cost the balancer in CPU time: somebody who has its pages open, and access logs.
set -euo pipefail

usage() {
    cat <<'END'
usage: scripts/extras.sh [-f] [-n ROUNDS] [EXTRA...]     (default -n 5, all extras: watched text combined json)

Has balancers serve small kept-alive requests (wrk, 200 connections that pause: about 10,000 requests a second, or with -f
64 as fast as they can), in turn, four seconds each: a plain one, one with its pages open (one reader follows its state and
another its loop), and one for each format of the access log. Prints, from what the kernel counts, the share of one CPU
that all threads of a balancer take and what a request takes, medians of all rounds, and the middle of the rounds' ratios
to the plain one.

  EVENKEEL=...  the binary (default: built, target/release/evenkeel)
END
}

rounds=5 pause=15 connections=200 extras=()
while [[ $# -gt 0 ]]; do
    case $1 in
        -n) rounds=${2:-}; shift ;;
        -f) pause=0 connections=64 ;;
        -h | --help) usage; exit 0 ;;
        watched | text | combined | json) extras+=("$1") ;;
        *) usage >&2; exit 2 ;;
    esac
    shift
done
[[ $rounds =~ ^[1-9][0-9]*$ ]] || { usage >&2; exit 2; }
[[ ${#extras[@]} -gt 0 ]] || extras=(watched text combined json)

cd "$(dirname "$0")/.."
for tool in wrk curl; do
    command -v "$tool" >/dev/null || { echo "extras: $tool is not installed, nothing measured"; exit 0; }
done
source scripts/common.sh
counts_cpu_time || { echo "extras: this kernel counts no CPU time by schedstat, nothing measured"; exit 0; }

declare -A balancers fronts admins
begin() {
    local name=$1
    shift
    start "$name" "$evenkeel" -l 127.0.0.1:0 -b "$origin" --admin 127.0.0.1:0 --health off "$@"
    balancers[$name]=$latest
    await "the balancer" grep -q '(admin)' "$scratch/$name"
    fronts[$name]=$(address "$name")
    admins[$name]=$(sed -n 's/.*listening on \([0-9.:]*\) (admin).*/\1/p' "$scratch/$name")
}

# CPU time of all its threads so far, and the requests that it has finished: nanoseconds, number.
taken() {
    printf '%s ' "$(cpu_time "${balancers[$1]}")"
    curl --silent --fail "http://${admins[$1]}/api/state" | awk -F '[:,]' '/"finished"/ && !n { n = $2 } END { print n + 0 }'
}

# Four seconds of requests: the share of a CPU in percent, microseconds of CPU per request, requests per second.
window() {
    local before after load
    wrk -t1 -c$connections -d6s -s "$scratch/pause.lua" "http://${fronts[$1]}/" >"$scratch/wrk" & load=$!
    sleep 1
    before=$(taken "$1")
    sleep 4
    after=$(taken "$1")
    wait "$load"
    echo "$before $after" | awk '{ cpu = $3 - $1; n = $4 - $2; printf "%.2f %.2f %d\n", cpu / 4e7, cpu / 1e3 / n, n / 4 }'
}

# The middle one of the ratios to the plain balancer, each within its round.
ratio() { paste -d' ' "$scratch/of.$1" "$scratch/of.plain" | awk '{ printf "%.4f\n", $2 / $5 }' >"$scratch/ratios" && median 1 "$scratch/ratios"; }

echo "function delay() return $pause end" >"$scratch/pause.lua"
start origin "$evenkeel" backend --listen 127.0.0.1:0 --name origin --body-size 100
await "the backend" listens origin
origin=$(address origin)
begin plain
for extra in "${extras[@]}"; do
    if [[ $extra == watched ]]; then begin watched; else
        begin "$extra" --access-log "$scratch/$extra.log" --access-log-format "$extra"
    fi
done
for ((round = 0; round < rounds; round++)); do
    for name in plain "${extras[@]}"; do
        readers=()
        if [[ $name == watched ]]; then
            for of in state loop; do
                curl --silent --no-buffer --output "$scratch/$of" "http://${admins[watched]}/api/events?of=$of" &
                readers+=("$!")
            done
        fi
        window "$name" >>"$scratch/of.$name"
        if [[ $name == watched ]]; then
            kill "${readers[@]}"
            wait "${readers[@]}" 2>/dev/null || true
            [[ -s $scratch/state && -s $scratch/loop ]] || fail "nothing was told to those who watch"
        fi
        rm -f "$scratch/$name.log"
        kill -USR1 "${balancers[$name]}" # opens its log anew
    done
done
printf '%-10s %12s %12s %12s %10s\n' "" "requests/s" "CPU, %" "us/request" "of plain"
for name in plain "${extras[@]}"; do
    printf '%-10s %12s %12s %12s %10s\n' "$name" "$(median 3 "$scratch/of.$name")" "$(median 1 "$scratch/of.$name")" \
        "$(median 2 "$scratch/of.$name")" "$(ratio "$name")"
done
