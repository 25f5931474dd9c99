#!/usr/bin/env bash
# Builds the container image and asks what runs in it one request, by way of a backend that is given by name.
set -euo pipefail

usage() {
    cat <<'END'
usage: scripts/deploy/test-image.sh

Makes an image of target/deploy/evenkeel (built by scripts/deploy/build-static.sh if it is not there) with buildah, runs it
without any daemon, and asks it one request. Where that cannot be done it says so, and that is no failure.
END
}

if [[ $# -gt 0 ]]; then
    usage
    [[ $1 == -h || $1 == --help ]] && exit 0
    exit 2
fi

cd "$(dirname "$0")/../.."
skip() {
    echo "image: left out, $1"
    exit 0
}
for tool in buildah curl; do
    command -v "$tool" >/dev/null || skip "$tool is not installed"
done
[[ -x target/deploy/evenkeel ]] || scripts/deploy/build-static.sh

EVENKEEL=target/deploy/evenkeel
source scripts/common.sh

# Everything of buildah's stays in the scratch folder.
store=(buildah --storage-driver vfs --root "$scratch/store" --runroot "$scratch/run")
context=$scratch/context
mkdir "$context"
cp "$evenkeel" "$context/evenkeel"

bud() { "${store[@]}" bud --isolation chroot --quiet -f "$1" -t "$2" "$context" >"$scratch/bud" 2>&1; }
# Whether any image can be made here, so that what is wrong with ours is not taken for what is wrong with the place.
printf 'FROM scratch\nCOPY evenkeel /\n' >"$scratch/plain"
bud "$scratch/plain" plain || skip "no image can be made here: $(tail -n 1 "$scratch/bud")"
bud scripts/deploy/Dockerfile evenkeel || fail "no image: $(cat "$scratch/bud")"
container=$("${store[@]}" from --add-host backend.example:127.0.0.1 localhost/evenkeel)
entry=$("${store[@]}" inspect --format '{{.OCIv1.Config.Entrypoint}} {{.OCIv1.Config.User}}' "$container")
[[ $entry == "[/evenkeel] 65534:65534" ]] || fail "the image runs $entry"
inside() { "${store[@]}" run --isolation chroot "$container" -- /evenkeel "$@"; }
version=$(inside --version 2>"$scratch/run-said") || skip "no container runs here: $(tail -n 1 "$scratch/run-said")"

start backend "$evenkeel" backend --listen 127.0.0.1:0 --name larboard
await "the backend" listens backend
port=$(address backend | sed 's/.*://')
start balancer "${store[@]}" run --isolation chroot "$container" -- \
    /evenkeel --listen 127.0.0.1:0 --admin off --backend "backend.example:$port"
await "the balancer in its container" listens balancer
answers "$(address balancer)" | grep -q larboard || fail "no answer from the backend of that name"

echo "image: $version in $(du -k "$context/evenkeel" | cut -f 1) KiB, as nobody, answers for a backend given by name"
