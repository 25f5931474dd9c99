#!/usr/bin/env bash
# A package for Debian and its kin, and what there is to say against it.
set -euo pipefail

usage() {
    cat <<'END'
usage: scripts/deploy/build-deb.sh

Builds target/deploy/evenkeel_VERSION_ARCH.deb: the binary, its unit, the configuration with every key explained (as a
conffile), manual pages and completions. Checks that they are in it and, where lintian is installed, what that says.
cargo-deb is installed to target/deploy/tools if there is none.
END
}

if [[ $# -gt 0 ]]; then
    usage
    [[ $1 == -h || $1 == --help ]] && exit 0
    exit 2
fi

cd "$(dirname "$0")/../.."
skip() {
    echo "package: left out, $1"
    exit 0
}
command -v dpkg-deb >/dev/null || skip "dpkg-deb is not installed"
PATH=$PATH:$PWD/target/deploy/tools/bin
if ! command -v cargo-deb >/dev/null; then
    mkdir -p target/deploy
    cargo install cargo-deb --locked --quiet --root target/deploy/tools >target/deploy/cargo-deb.log 2>&1 ||
        skip "cargo-deb cannot be installed: $(tail -n 1 target/deploy/cargo-deb.log)"
fi

unset EVENKEEL # what is packed is what is asked
source scripts/common.sh

version=$(cargo pkgid | sed 's/.*[#@]//')
made=target/deploy/man
rm -rf "$made"
cargo run --quiet --example man "$made"
mkdir -p target/deploy/completions
for shell in bash zsh fish; do
    "$evenkeel" completions "$shell" >"target/deploy/completions/$shell"
done
changed=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
cat >target/deploy/changelog <<END
evenkeel ($version-1) unstable; urgency=medium

  * Version $version.

 -- The evenkeel maintainers <maintainers@evenkeel.example>  $(LC_ALL=C date -R -d "@$changed")
END

rm -f target/deploy/*.deb
deb=$(cargo deb --no-build --strip --quiet --output target/deploy)
deb=${deb:-$(echo target/deploy/*.deb)}

dpkg-deb --contents "$deb" >"$scratch/contents"
for path in usr/bin/evenkeel etc/evenkeel/evenkeel.toml usr/share/man/man1/evenkeel.1.gz \
    usr/share/bash-completion/completions/evenkeel usr/share/zsh/vendor-completions/_evenkeel \
    usr/share/fish/vendor_completions.d/evenkeel.fish; do
    grep -q " \./$path\$" "$scratch/contents" || fail "$deb lacks $path"
done
for unit in service socket; do
    grep -q -E " \./(usr/)?lib/systemd/system/evenkeel\.$unit\$" "$scratch/contents" || fail "$deb lacks evenkeel.$unit"
done

dpkg-deb --raw-extract "$deb" "$scratch/package"
grep -q -x /etc/evenkeel/evenkeel.toml "$scratch/package/DEBIAN/conffiles" || fail "the configuration is no conffile"
grep -q '^Depends: .*libc6' "$scratch/package/DEBIAN/control" || fail "the package does not say which libc it needs"
grep -q 'systemctl.*daemon-reload' "$scratch/package/DEBIAN/postinst" || fail "systemd is not told of the unit"
"$scratch/package/usr/bin/evenkeel" check --config "$scratch/package/etc/evenkeel/evenkeel.toml" >"$scratch/check" ||
    fail "the package's binary refuses the package's configuration"

if command -v lintian >/dev/null; then
    # No package of Debian's own: nobody there asked for it by a bug, its summary is the crate's, and debhelper, which
    # does not know a hand-over, does not write its scripts.
    lintian --fail-on error --allow-root \
        --suppress-tags initial-upload-closes-no-bugs,description-synopsis-starts-with-article \
        --suppress-tags maintainer-script-calls-systemctl "$deb" >"$scratch/lintian" 2>&1 ||
        fail "lintian: $(cat "$scratch/lintian")"
    cat "$scratch/lintian" # warnings, which every release of Debian has others of
else
    echo "lintian is not installed, left out"
fi
echo "package: $deb, $(($(stat -c %s "$deb") / 1024)) KiB, $(wc -l <"$scratch/contents") entries"
