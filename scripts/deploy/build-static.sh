#!/usr/bin/env bash
# One binary that needs nothing of the system it runs on, and the proof that it does: in an empty folder as its root.
set -euo pipefail

usage() {
    cat <<'END'
usage: scripts/deploy/build-static.sh

Builds target/deploy/evenkeel, linked statically, and checks that it is: it runs in a root with nothing else in it, knows
localhost there, and, with an /etc/hosts, balances to a backend that is given by name.

  TARGET=...   what to build for (default: musl if the toolchain has it, as after `rustup target add
               x86_64-unknown-linux-musl`, and else the toolchain's own target with glibc)
END
}

if [[ $# -gt 0 ]]; then
    usage
    [[ $1 == -h || $1 == --help ]] && exit 0
    exit 2
fi

cd "$(dirname "$0")/../.."
host=$(rustc -vV | sed -n 's/^host: //p')
case $host in
    *-linux-*) ;;
    *) echo "build-static: nothing is static on $host" >&2 && exit 1 ;;
esac
musl=${host%%-*}-unknown-linux-musl
[[ -d $(rustc --print sysroot)/lib/rustlib/$musl/lib ]] || musl=$host
target=${TARGET:-$musl}

# Debian's glibc looks up files and DNS without loading libraries since 2.34. What else nsswitch.conf may name it would
# load, and musl does not know at all, so that musl is the better choice: it does the same everywhere.
export CARGO_PROFILE_RELEASE_STRIP=debuginfo
RUSTFLAGS="${RUSTFLAGS:-} -C target-feature=+crt-static" cargo build --release --quiet --target "$target"
mkdir -p target/deploy
install -m 755 "${CARGO_TARGET_DIR:-target}/$target/release/evenkeel" target/deploy/evenkeel

EVENKEEL=target/deploy/evenkeel
source scripts/common.sh

if command -v file >/dev/null; then
    file "$evenkeel" | grep -q -E 'static-pie linked|statically linked' || fail "this is not static: $(file "$evenkeel")"
fi
needed=$(ldd "$evenkeel" 2>&1 || true) # musl's own says it by failing
grep -q -E 'statically linked|not a (valid )?dynamic' <<<"$needed" || fail "this needs libraries: $needed"
echo "static: $evenkeel, $(($(stat -c %s "$evenkeel") / 1024)) KiB, $target"

root=$scratch/root
mkdir "$root"
cp "$evenkeel" "$root/evenkeel"
inside() { "${enter[@]}" "$root" /evenkeel "$@"; }
for enter in chroot "unshare --map-root-user chroot"; do
    read -r -a enter <<<"$enter"
    inside --version >/dev/null 2>&1 && break
    enter=()
done
if [[ ${#enter[@]} -eq 0 ]]; then
    echo "no right to change the root: how names are looked up in an empty one is left out"
    exit
fi

inside check --backend localhost:8080 >"$scratch/check" || fail "localhost is not known in an empty root"
echo "empty root: localhost is known"
mkdir "$root/etc"
echo "127.0.0.1 backend.example" >"$root/etc/hosts"
start backend "$evenkeel" backend --listen 127.0.0.1:0 --name larboard
await "the backend" listens backend
port=$(address backend | sed 's/.*://')
start balancer "${enter[@]}" "$root" /evenkeel --listen 127.0.0.1:0 --admin off --backend "backend.example:$port"
await "the balancer in its own root" listens balancer
if command -v curl >/dev/null; then
    answers "$(address balancer)" | grep -q larboard || fail "no answer from the backend of that name"
    echo "empty root with /etc/hosts: a backend given by name answers"
fi
