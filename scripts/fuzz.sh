#!/usr/bin/env bash
# Fuzzes: invents inputs for the oracles of tests/fuzz, one target after the other.
set -euo pipefail

usage() {
    cat <<'END'
usage: scripts/fuzz.sh SECONDS [TARGET...]

Runs each target (all that there are, or those named) for so many seconds. Ends at the first finding and says where the
input lies and how to judge it again; the exit status is then not 0. What was learnt on the way stays in
target/fuzz-corpus and is the next run's beginning; the seeds in tests/fuzz/corpus are only read.

Needs cargo-fuzz (`cargo install cargo-fuzz --locked`) and a C++ compiler. The toolchain may be the stable one: the flags
that cargo-fuzz passes are let through by RUSTC_BOOTSTRAP, and no sanitizer is asked for, since there is no unsafe code
here for one to watch; what can go wrong is a panic, an overflow or an oracle's word.
END
}

[[ $# -ge 1 && $1 =~ ^[1-9][0-9]*$ ]] || { usage >&2; exit 2; }
seconds=$1
shift
cd "$(dirname "$0")/.."
cargo fuzz --version >/dev/null 2>&1 || { echo "fuzz: cargo-fuzz is not installed, nothing fuzzed"; exit 0; }

targets=("$@")
if [[ ${#targets[@]} -eq 0 ]]; then
    for file in tests/fuzz/targets/*.rs; do
        targets+=("$(basename "$file" .rs)")
    done
fi

export RUSTC_BOOTSTRAP=1
flags=(--fuzz-dir tests/fuzz --target-dir target/fuzz --sanitizer none)
for target in "${targets[@]}"; do
    cargo fuzz build "${flags[@]}" "$target"
done
for target in "${targets[@]}"; do
    learnt=target/fuzz-corpus/$target
    mkdir -p "$learnt"
    dictionary=() file=tests/fuzz/dictionaries/$target.txt
    [[ -f $file ]] && dictionary=("-dict=$file")
    printf '== %s, %d s\n' "$target" "$seconds"
    TIMEFORMAT="== $target: %U s of CPU time"
    time cargo fuzz run "${flags[@]}" "$target" "$learnt" "tests/fuzz/corpus/$target" -- \
        -max_total_time="$seconds" -max_len=4096 -timeout=10 \
        -rss_limit_mb=2048 -print_final_stats=1 "${dictionary[@]}" || {
        echo "fuzz: $target found something: see tests/fuzz/artifacts/$target, and judge it again with"
        echo "      FUZZ_INPUT=that-file cargo test --test fuzz_corpus ${target%s} -- --nocapture"
        exit 1
    }
done
