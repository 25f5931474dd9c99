#!/usr/bin/env bash
# What a body costs when it comes no faster than a link lets it.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: scripts/link.sh [-n ROUNDS] [RATE...]     (default -n 5, rates: 20mbit 100mbit 1gbit)

On loopback a sender is always ahead of us; on a link a body comes segment by segment, and who is woken for each pays for
each. Bodies of a MiB come over a link of each RATE (as tc-tbf(8) writes it, segments of 1500 bytes), one after the other,
to curl, through evenkeel and, where it is installed, HAProxy with its splice options, in turn: downloads from a backend
behind the link (down), uploads from a client behind it (up), downloads to a client behind it (out). Prints medians of the
rounds: what a MiB takes of a CPU, from the kernel's accounting, and how long a body is under way.

Everything is in two network namespaces that go away at the end. Needs to be root, with ip, tc and their tbf.

  EVENKEEL=...  the binary (default: built, target/release/evenkeel)
USAGE
}

inside=
rounds=5 rates=()
while [[ $# -gt 0 ]]; do
    case $1 in
        -n) rounds=${2:-}; shift ;;
        -h | --help) usage; exit 0 ;;
        --inside) inside=yes ;;
        *) [[ $1 =~ ^[1-9][0-9]*[kmg]?bit$ ]] || { usage >&2; exit 2; }; rates+=("$1") ;;
    esac
    shift
done
[[ $rounds =~ ^[1-9][0-9]*$ ]] || { usage >&2; exit 2; }
[[ ${#rates[@]} -gt 0 ]] || rates=(20mbit 100mbit 1gbit)

cd "$(dirname "$0")/.."
for tool in curl ip tc unshare nsenter; do
    command -v "$tool" >/dev/null || { echo "link: $tool is not installed, nothing measured"; exit 0; }
done
if [[ -z $inside ]]; then
    link='ip link add here type veth peer name there && ip link set there gso_max_segs 1'
    shaped='tc qdisc add dev there root tbf rate 1gbit burst 32k latency 50ms'
    unshare --net sh -c "$link && $shaped" 2>/dev/null || { echo "link: no links can be shaped here, nothing measured"; exit 0; }
    exec unshare --net scripts/link.sh --inside -n "$rounds" "${rates[@]}"
fi
source scripts/common.sh
counts_cpu_time || { echo "link: this kernel counts no CPU time by schedstat, nothing measured"; exit 0; }

# The link: 10.0.0.1 is here, 10.0.0.2 beyond it.
start beyond unshare --net sleep infinity
beyond=$latest
apart() { [[ $(readlink "/proc/$beyond/ns/net") != $(readlink /proc/self/ns/net) ]]; }
await "a namespace" apart
far=(nsenter --net="/proc/$beyond/ns/net") # runs a command there
ip link set lo up
ip link add here type veth peer name there netns "$beyond"
ip address add 10.0.0.1/24 dev here
ip link set here up
"${far[@]}" ip link set lo up
"${far[@]}" ip address add 10.0.0.2/24 dev there
"${far[@]}" ip link set there gso_max_segs 1 up # else half a body may come in one piece

# Balancers: evenkeel for each direction, and HAProxy for both.
head -c 1048576 /dev/zero >"$scratch/body"
bodies=$(printf "%.0s,$scratch/body" {1..10}) bodies=${bodies#,}
start source "${far[@]}" "$evenkeel" backend --listen 10.0.0.2:8000 --name source --body-size 1048576
start sink "$evenkeel" backend --listen 127.0.0.1:8000 --name sink --body-size 0
start near "$evenkeel" backend --listen 127.0.0.1:8001 --name near --body-size 1048576
await "the backends" eval 'listens source && listens sink && listens near'
ways=(down up out)
declare -A backends=([down]=10.0.0.2:8000 [up]=127.0.0.1:8000 [out]=127.0.0.1:8001)
declare -A pids=() fronts=([down.haproxy]=10.0.0.1:8001 [up.haproxy]=10.0.0.1:8002 [out.haproxy]=10.0.0.1:8003)
names=(evenkeel)
for way in "${ways[@]}"; do
    start "$way" "$evenkeel" --listen 10.0.0.1:0 --backend "${backends[$way]}" --admin 127.0.0.1:0 --health off
    pids[$way.evenkeel]=$latest
    await "the balancer" listens "$way"
    fronts[$way.evenkeel]=$(address "$way")
done
if command -v haproxy >/dev/null; then
    names+=(haproxy)
    cat >"$scratch/haproxy.cfg" <<'CONFIGURATION'
global
    nbthread 1
defaults
    mode http
    option splice-request
    option splice-response
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    http-reuse always
listen down
    bind 10.0.0.1:8001
    server source 10.0.0.2:8000
listen up
    bind 10.0.0.1:8002
    server sink 127.0.0.1:8000
listen out
    bind 10.0.0.1:8003
    server near 127.0.0.1:8001
CONFIGURATION
    start haproxy haproxy -db -f "$scratch/haproxy.cfg"
    for way in "${ways[@]}"; do pids[$way.haproxy]=$latest; done
    await "HAProxy" curl --silent --output /dev/null http://10.0.0.1:8001/
fi

# Ten bodies one after the other: microseconds of CPU and milliseconds for each, into a file.
window() {
    local way=$1 name=$2 before
    local front=http://${fronts[$way.$name]} curl=(curl --silent --fail --output /dev/null --write-out '%{time_total}\n')
    before=$(cpu_time "${pids[$way.$name]}")
    case $way in
        down) "${curl[@]}" "$front/[1-10]" ;;
        out) "${far[@]}" "${curl[@]}" "$front/[1-10]" ;;
        up) "${far[@]}" "${curl[@]}" --header Expect: --upload-file "{$bodies}" "$front/" ;;
    esac >"$scratch/times" || fail "a body did not come"
    [[ $(wc -l <"$scratch/times") -eq 10 ]] || fail "not every body came"
    awk -v cpu=$(($(cpu_time "${pids[$way.$name]}") - before)) -v time="$(median 1 "$scratch/times")" \
        'BEGIN { printf "%.0f %.2f\n", cpu / 1e4, time * 1e3 }' >>"$scratch/of.$rate.$way.$name"
}

echo "| link | bodies | balancer | CPU per MiB | under way |"
echo "|---|---|---|---:|---:|"
for rate in "${rates[@]}"; do
    tc qdisc replace dev here root tbf rate "$rate" burst 32k latency 50ms
    "${far[@]}" tc qdisc replace dev there root tbf rate "$rate" burst 32k latency 50ms
    for ((round = 0; round < rounds; round++)); do
        for way in "${ways[@]}"; do
            for name in "${names[@]}"; do window "$way" "$name"; done
        done
    done
    for way in "${ways[@]}"; do
        for name in "${names[@]}"; do
            file=$scratch/of.$rate.$way.$name
            echo "| $rate | $way | ${name/haproxy/HAProxy, spliced} | $(median 1 "$file") µs | $(median 2 "$file") ms |"
        done
    done
done
