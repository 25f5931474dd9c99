#!/usr/bin/env bash
# Whether what is here to be deployed still holds: the static binary, the image, the unit and the package.
set -euo pipefail

usage() {
    cat <<'END'
usage: scripts/deploy/check.sh

Builds and checks each of them as far as this machine can; what it cannot do it says.
END
}

if [[ $# -gt 0 ]]; then
    usage
    [[ $1 == -h || $1 == --help ]] && exit 0
    exit 2
fi

cd "$(dirname "$0")/../.."

# systemd's own opinion: nothing that it does not know, and little that the service may do beyond its work.
unit() {
    command -v systemd-analyze >/dev/null || { echo "unit: left out, systemd-analyze is not installed"; return; }
    local folder said exposure
    folder=$(mktemp -d)
    sed "s:/usr/bin/evenkeel:$PWD/target/deploy/evenkeel:" scripts/deploy/evenkeel.service >"$folder/evenkeel.service"
    cp scripts/deploy/evenkeel.socket "$folder"
    said=$(systemd-analyze verify --man=no "$folder"/evenkeel.{service,socket} 2>&1 | grep evenkeel) || true # others are not ours
    rm -rf "$folder"
    [[ -z $said ]] || { echo "unit: $said" >&2; return 1; }
    exposure=$(systemd-analyze security --offline=true --threshold=20 --no-pager scripts/deploy/evenkeel.service) || {
        echo "unit: ${exposure:-systemd-analyze is too old to judge a file}" >&2
        return 1
    }
    echo "unit: $(tail -n 1 <<<"$exposure" | sed 's/.*: //; s/ [^0-9A-Z ]*$//') of 10, where 0 is the safest"
}

scripts/deploy/build-static.sh
scripts/deploy/test-image.sh
unit
scripts/deploy/build-deb.sh
