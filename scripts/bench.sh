#!/usr/bin/env bash
# What a request costs: wrk against evenkeel, and against HAProxy and nginx where they are installed.
set -euo pipefail

usage() {
    cat <<'END'
usage: scripts/bench.sh [-r ROUNDS] [-d SECONDS] [-c CONNECTIONS] [-s BYTES] [-n]

Every balancer has one thread, the same client (wrk) and the same origin (nginx, or the embedded backend without it). The
balancers take turns within each round, so that a busy moment of the machine hits them all; the table gives medians over
the rounds. CPU time is that of the balancer alone, from the kernel's accounting. A run with a single failed request is
not reported.

  -r ROUNDS       how many rounds (5)
  -d SECONDS      how long each balancer is measured in a round (5); a second of warming up comes before
  -c CONNECTIONS  client connections (64)
  -s BYTES        size of the answer's body (100)
  -n              a new client connection per request
  EVENKEEL=...    the binary (default target/release/evenkeel, built if missing)
END
}

rounds=5 seconds=5 connections=64 size=100 fresh=
while getopts "r:d:c:s:nh" option; do
    case $option in
        r) rounds=$OPTARG ;;
        d) seconds=$OPTARG ;;
        c) connections=$OPTARG ;;
        s) size=$OPTARG ;;
        n) fresh=yes ;;
        h) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
done
shift $((OPTIND - 1))
for number in "$rounds" "$seconds" "$connections" "$size"; do
    [[ $number =~ ^[1-9][0-9]*$ ]] || { usage >&2; exit 2; }
done
[[ $# -eq 0 ]] || { usage >&2; exit 2; }

cd "$(dirname "$0")/.."
for tool in wrk curl; do
    command -v "$tool" >/dev/null || { echo "bench: $tool is not installed, nothing measured"; exit 0; }
done
if [[ ! -r /proc/self/stat ]]; then
    echo "bench: CPU time is read from /proc, which this system does not have; nothing measured"
    exit 0
fi

source scripts/common.sh

nginx=$(PATH=$PATH:/usr/sbin command -v nginx || true)
haproxy=$(PATH=$PATH:/usr/sbin command -v haproxy || true)

# With two processors the balancer has one for itself.
front_cpu=() rest_cpu=()
if command -v taskset >/dev/null && [[ $(nproc) -ge 2 ]]; then
    front_cpu=(taskset -c 0)
    rest_cpu=(taskset -c "1-$(($(nproc) - 1))")
fi

# Ports that nobody listens on now, below the range that outgoing connections use.
next=21000
free_port() {
    while (exec 3<>"/dev/tcp/127.0.0.1/$next") 2>/dev/null; do
        next=$((next + 1))
    done
    port=$next
    next=$((next + 1))
}

nginx_conf() {
    cat <<END
daemon off; master_process off; worker_processes 1; pid $scratch/$1.pid; error_log stderr crit;
worker_rlimit_nofile 20000;
events { worker_connections 8192; accept_mutex off; }
http {
    access_log off; keepalive_requests 1000000000; keepalive_timeout 1h; tcp_nodelay on; sendfile on;
    client_body_temp_path $scratch/$1.body; proxy_temp_path $scratch/$1.proxy;
    fastcgi_temp_path $scratch/$1.f; uwsgi_temp_path $scratch/$1.u; scgi_temp_path $scratch/$1.s;
$2
}
END
}

free_port
origin=127.0.0.1:$port
if [[ -n $nginx ]]; then
    mkdir "$scratch/www"
    head -c "$size" /dev/zero | tr '\0' x >"$scratch/www/index.html"
    nginx_conf origin "server { listen $origin backlog=4096; root $scratch/www; open_file_cache max=10; }" >"$scratch/origin.conf"
    start origin "${rest_cpu[@]}" "$nginx" -c "$scratch/origin.conf"
    origin_name="nginx"
else
    start origin "${rest_cpu[@]}" "$evenkeel" backend --listen "$origin" --name origin --body-size "$size"
    origin_name="the embedded backend"
fi
await "the origin" answers "$origin"

declare -A address process
names=()
contender() {
    names+=("$1")
    address[$1]=127.0.0.1:$port
    process[$1]=$latest
    await "$1" answers "127.0.0.1:$port"
}

free_port
start evenkeel "${front_cpu[@]}" "$evenkeel" -q -l "127.0.0.1:$port" -b "$origin" --admin off --health off
contender evenkeel

if [[ -n $haproxy ]]; then
    free_port
    cat >"$scratch/haproxy.cfg" <<END
global
    nbthread 1
    maxconn 8192
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    http-reuse always
listen front
    bind 127.0.0.1:$port
    option forwardfor
    http-request set-header X-Forwarded-Proto http
    server origin $origin
END
    start haproxy "${front_cpu[@]}" "$haproxy" -db -f "$scratch/haproxy.cfg"
    contender haproxy
else
    echo "bench: HAProxy is not installed, left out" >&2
fi

if [[ -n $nginx ]]; then
    free_port
    nginx_conf nginx "
    upstream origin { server $origin; keepalive 8192; keepalive_requests 1000000000; }
    server {
        listen 127.0.0.1:$port backlog=4096;
        location / {
            proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ''; proxy_set_header Host \$host;
            proxy_set_header X-Forwarded-For \$remote_addr; proxy_set_header X-Forwarded-Proto http;
        }
    }" >"$scratch/nginx.conf"
    start nginx "${front_cpu[@]}" "$nginx" -c "$scratch/nginx.conf"
    contender nginx
else
    echo "bench: nginx is not installed, left out" >&2
fi

# CPU time of a process so far, in nanoseconds: exact where the scheduler tells it, in clock ticks elsewhere.
cpu_time() {
    if [[ -r /proc/$1/schedstat ]]; then
        cat "/proc/$1/task/"*/schedstat | awk '{ sum += $1 } END { printf "%.0f", sum }'
    else
        awk -v tick="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); printf "%.0f", ($12 + $13) * 1e9 / tick }' "/proc/$1/stat"
    fi
}

load() { "${rest_cpu[@]}" wrk -t1 -c"$connections" -d"$1s" ${fresh:+-H "Connection: close"} "http://$2/"; }

# One measurement: "<requests per second> <CPU microseconds per request>" is added to the contender's file.
measure() {
    local name=$1 before after
    load 1 "${address[$name]}" >"$scratch/warm"
    before=$(cpu_time "${process[$name]}")
    load "$seconds" "${address[$name]}" >"$scratch/wrk"
    after=$(cpu_time "${process[$name]}")
    if grep -q "Socket errors\|Non-2xx" "$scratch/wrk"; then
        cat "$scratch/wrk" >&2
        fail "$name failed requests; no table from a run with errors"
    fi
    awk -v cpu="$((after - before))" '
        / requests in / { requests = $1 }
        /^Requests\/sec:/ { rate = $2 }
        END { if (requests == 0) exit 1; printf "%.0f %.3f\n", rate, cpu / 1000 / requests }
    ' "$scratch/wrk" >>"$scratch/$name.runs" || fail "$name answered nothing"
}

for ((round = 1; round <= rounds; round++)); do
    for name in "${names[@]}"; do
        measure "$name"
        echo "round $round: $name $(tail -n 1 "$scratch/$name.runs" | awk '{ print $1 " requests/s, " $2 " µs" }')" >&2
    done
done

# The median of one column.
median() { cut -d ' ' -f "$2" "$scratch/$1.runs" | sort -n | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }
version() {
    case $1 in
        evenkeel) "$evenkeel" --version | awk '{ print $2 }' ;;
        haproxy) "$haproxy" -v | awk 'NR == 1 { sub(/-.*/, "", $3); print $3 }' ;;
        nginx) "$nginx" -v 2>&1 | sed 's/.*nginx\///; s/ .*//' ;;
    esac
}

manner="kept alive"
[[ -n $fresh ]] && manner="a new one per request"
echo
echo "$connections client connections ($manner), bodies of $size bytes from $origin_name, medians of $rounds rounds of ${seconds} s"
echo
echo "| balancer | requests/s | CPU per request | against evenkeel |"
echo "|---|---:|---:|---:|"
ours=$(median evenkeel 2)
for name in "${names[@]}"; do
    cost=$(median "$name" 2)
    ratio=$(awk -v cost="$cost" -v ours="$ours" 'BEGIN { printf "%.2f", cost / ours }')
    echo "| $name $(version "$name") | $(median "$name" 1) | $cost µs | $ratio |"
done
