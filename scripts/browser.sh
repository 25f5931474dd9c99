#!/usr/bin/env bash
# Tests the pages in a real browser, having installed what that takes: node, Debian's Chromium, and two packages of npm
# below tests/browser. SHOTS=FOLDER keeps pictures of each page there. Further arguments go to cargo test.
set -euo pipefail
cd "$(dirname "$0")/.."

for tool in node:nodejs npm:npm chromium:chromium; do
    command -v "${tool%%:*}" >/dev/null && continue
    [[ $tool == chromium:* && -n ${CHROMIUM:-} ]] && continue
    if [[ $(id -u) -ne 0 ]] || ! command -v apt-get >/dev/null; then
        echo "${tool%%:*} is wanted, and is not installed here" >&2
        exit 1
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${tool##*:}" >/dev/null
done
(cd tests/browser && npm ci --silent --no-audit --no-fund)
[[ -z ${SHOTS:-} ]] || { mkdir -p "$SHOTS" && SHOTS=$(cd "$SHOTS" && pwd) && export SHOTS; }
EVENKEEL_BROWSER=1 cargo test --quiet --test browser "$@" -- --nocapture
