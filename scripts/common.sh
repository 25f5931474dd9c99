# What the scripts here share; sourced from the project's root, never run. It sets `evenkeel` (the binary, built unless
# EVENKEEL names one) and `scratch` (a folder that goes away at the end), and ends every process begun with `start`.
# shellcheck shell=bash disable=SC2034

evenkeel=${EVENKEEL:-target/release/evenkeel}
[[ -n ${EVENKEEL:-} ]] || cargo build --release --quiet

scratch=$(mktemp -d)
chmod 755 "$scratch" # nginx's worker may run as somebody else
started=()
latest=

finish() {
    for pid in "${started[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 130' INT TERM

fail() {
    echo "$(basename "$0" .sh): $1" >&2
    if [[ -s $scratch/balancer ]]; then
        echo "--- what the balancer said" >&2
        cat "$scratch/balancer" >&2
    fi
    exit 1
}

# Runs a command in the background: what it says goes to the file `$scratch/NAME`, its process id into `latest`.
start() {
    local name=$1
    shift
    "$@" >>"$scratch/$name" 2>&1 &
    latest=$!
    started+=("$latest")
}

# Waits until a command succeeds, a minute at most.
await() {
    local what=$1
    shift
    for _ in {1..600}; do
        "$@" >/dev/null 2>&1 && return
        sleep 0.1
    done
    fail "waited in vain for $what"
}

answers() { curl --silent --fail --max-time 5 --noproxy '*' "http://$1/"; }

# Whether the kernel counts CPU time, and that of all threads of a process so far, in nanoseconds.
counts_cpu_time() { [[ -r /proc/self/schedstat ]]; }
cpu_time() { cat /proc/"$1"/task/*/schedstat | awk '{ sum += $1 } END { printf "%.0f", sum }'; }

# The middle one of the numbers in this column of a file.
median() { cut -d' ' -f"$1" "$2" | sort -g | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }

# The address in the line `listening on ADDRESS ...` of what NAME said.
address() { sed -n 's/.*listening on \([0-9.:]*\).*/\1/p' "$scratch/$1" | head -n 1; }
listens() { [[ -n $(address "$1") ]]; }
