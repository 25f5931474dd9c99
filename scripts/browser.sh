#!/usr/bin/env bash
# Tests the pages in a real browser, having installed what that takes: node, Debian's Chromium, and two packages of npm
# below tests/browser. SHOTS=FOLDER keeps pictures of each page there. Further arguments go to cargo test. Ends with 77 where
# that cannot be installed.
#
# The pictures of the README are made anew, and nothing is tested, by: PICTURES=scripts/pictures scripts/browser.sh --release
set -euo pipefail
cd "$(dirname "$0")/.."

lacks() {
    echo "the pages are not tested in a browser: $1 is not installed, and cannot be had here" >&2
    exit 77
}

for tool in node:nodejs npm:npm chromium:chromium; do
    command -v "${tool%%:*}" >/dev/null && continue
    [[ $tool == chromium:* && -n ${CHROMIUM:-} ]] && continue
    if [[ $(id -u) -ne 0 ]] || ! command -v apt-get >/dev/null; then
        lacks "${tool%%:*}"
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${tool##*:}" >/dev/null ||
        lacks "${tool%%:*}"
done
(cd tests/browser && npm ci --silent --no-audit --no-fund) || lacks "what tests/browser/package.json names"
for name in SHOTS PICTURES; do
    [[ -n ${!name:-} ]] || continue
    mkdir -p "${!name}"
    export "$name=$(cd "${!name}" && pwd)"
done
EVENKEEL_BROWSER=1 cargo test --quiet --test browser "$@" -- --nocapture
