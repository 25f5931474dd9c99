#!/usr/bin/env bash
# What a request costs: evenkeel beside HAProxy and nginx, where they are installed, and a bare relay.
set -euo pipefail

usage() {
    cat <<'END'
usage: scripts/bench.sh [-r ROUNDS] [-d SECONDS] [--quick] [--alone] [SCENARIO...]

Every balancer has one thread and, where there are two, a processor for itself; all have the same load and the same origin
(both in tests/bench) and take turns within each round, so that a busy moment of the machine hits them all. Processor time
is that of the balancer alone, from the kernel's accounting. Markdown tables of medians over the rounds go to stdout, how
it goes to stderr. Every answer is checked; one that is wrong or missing ends the run, and nothing more is reported.

  -r ROUNDS    how many rounds (5)
  -d SECONDS   how long each balancer is measured in a round (0.75), after a quarter of it to warm up;
               the default takes about ten minutes
  --quick      one round of a tenth of a second, 500 connections at most: shows that it works, little else
  --alone      evenkeel and nobody else, for OTHER
  SCENARIO     what to measure by its name, or by how several names begin (default: all of them)
                 keep-1 keep-64 keep-1000 keep-8000   kept-alive connections, small answers
                 fresh-64                             a new connection for each request
                 down-1m down-100m up-1m up-100m      large bodies
                 tcp-64 tcp-100m                      TCP mode: small exchanges, and bulk
                 tail-64                              latency at 60 % of the slowest one's saturation, in four times as
                                                      many rounds; what a quarter of them stays below counts (quietly),
                                                      since the stops of a shared machine only ever add to a tail
                 fair-64                              small requests beside 64 large downloads
                 idle-16000                           memory of idle connections
  EVENKEEL=... the binary (default: built here)
  OTHER=...    another build, which takes turns with it: shows what a change does

System calls are counted by strace, in a short run of their own. The relay is no peer but the limit: a copier of bytes that
understands none (for fresh-64 a toy with pooled upstreams). What is not installed is left out with a word.
END
}

for argument; do
    case $argument in -h | --help) usage; exit 0 ;; esac
done
cd "$(dirname "$0")/.."
# Not by way of cargo, which would keep the signals that end it to itself.
program=$(cargo bench --quiet --no-run --bench peers --message-format=json | sed -n 's/.*"executable":"\([^"]*peers[^"]*\)".*/\1/p')
exec "$program" "$@"
