#!/usr/bin/env bash
# Make sure that there is a Chromium for the tests of the console (`make chromium`).
#
# Where one is found, nothing is done. On Debian, as root, it is installed from Debian's packages; anywhere else this
# says what to do and fails. It must never take a browser from anywhere but the distribution.
set -euo pipefail

say() { printf 'chromium: %s\n' "$*"; }
die() { printf 'chromium: %s\n' "$*" >&2; exit 1; }

main() {
    local found
    if found=$(command -v chromium); then
        say "$found is there, nothing to do"
        return
    fi
    [[ $EUID -eq 0 && -f /etc/debian_version ]] || die "none found. Install it, or run this as root on Debian."
    say "will install with apt-get: chromium"
    export DEBIAN_FRONTEND=noninteractive
    # A lock held by another apt run is waited for instead of failing the whole setup.
    local apt=(apt-get -o DPkg::Lock::Timeout=300 -qq)
    "${apt[@]}" update
    "${apt[@]}" install -y --no-install-recommends chromium >/dev/null
    say "$(chromium --version) is there"
}

main "$@"
