#!/usr/bin/env bash
# Make every image that the Docker shop needs (`make images`): the two published ones it stands on and its own.
#
# Where no image registry can be reached, the two published ones are made here, under the same names and with the
# same paths, so that nothing else has to know the difference. Running it again is quick: only what changed is built.
# It must never delete or replace an image that is already there, except the shop's own.
set -euo pipefail

BASE=debian:bookworm-slim
TOXIPROXY_VERSION=2.12.0
TOXIPROXY=ghcr.io/shopify/toxiproxy:$TOXIPROXY_VERSION
SHOP=${SHOP_IMAGE:-chaoskit-shop:latest}
PULL_TIMEOUT_S=${PULL_TIMEOUT_S:-60}

SHOP_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf 'images: %s\n' "$*"; }
die() { printf 'images: %s\n' "$*" >&2; exit 1; }

have() { docker image inspect "$1" >/dev/null 2>&1; }

pull() { timeout "$PULL_TIMEOUT_S" docker pull --quiet "$1" >/dev/null 2>&1; }

need_mmdebstrap() {
    command -v mmdebstrap >/dev/null && return
    [[ $EUID -eq 0 && -f /etc/debian_version ]] || die "$BASE cannot be pulled, and mmdebstrap is not installed to make it"
    say "installing mmdebstrap"
    apt-get -o DPkg::Lock::Timeout=300 -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq install -y mmdebstrap >/dev/null
}

make_base() {
    need_mmdebstrap
    say "no registry has $BASE: making it with mmdebstrap"
    # The excludes are those of the published slim image.
    mmdebstrap --quiet --variant=minbase \
        --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-exclude=/usr/share/info/*' \
        bookworm - | docker import --change 'CMD ["bash"]' - "$BASE" >/dev/null
}

find_go() {
    command -v go || { [[ -x /usr/local/go/bin/go ]] && echo /usr/local/go/bin/go; }
}

# One Go program of Toxiproxy, linked statically (it runs in an empty image) and told its version, as in the release.
go_install() {
    local go=$1 target=$2 program=$3
    CGO_ENABLED=0 GOBIN=$target "$go" install -trimpath \
        -ldflags "-s -w -X github.com/Shopify/toxiproxy/v2.Version=$TOXIPROXY_VERSION" \
        "github.com/Shopify/toxiproxy/v2/cmd/$program@v$TOXIPROXY_VERSION"
}

make_toxiproxy() {
    local go context
    go=$(find_go) || die "$TOXIPROXY cannot be pulled, and there is no Go (1.23 or later) to build it"
    say "no registry has $TOXIPROXY: building it with $("$go" env GOVERSION)"
    context=$(mktemp -d)
    go_install "$go" "$context" server
    go_install "$go" "$context" cli
    cat >"$context/Dockerfile" <<'DOCKERFILE'
FROM scratch
EXPOSE 8474
ENV LOG_LEVEL=info
COPY server /toxiproxy
COPY cli /toxiproxy-cli
ENTRYPOINT ["/toxiproxy"]
CMD ["-host=0.0.0.0"]
DOCKERFILE
    build --tag "$TOXIPROXY" "$context"
    rm -rf "$context"
}

# A client without the buildx component can only use the classic builder. What a build says is shown when it fails.
build() {
    local output
    docker buildx version >/dev/null 2>&1 || export DOCKER_BUILDKIT=0
    output=$(docker build --quiet "$@" 2>&1) || { printf '%s\n' "$output" >&2; die "docker build failed"; }
}

# ensure IMAGE MAKER: leave it, or pull it, or make it.
ensure() {
    have "$1" && return
    say "pulling $1"
    pull "$1" || "$2"
    have "$1" || die "there is still no $1"
}

main() {
    docker version >/dev/null 2>&1 || die "no Docker engine answers (try: make engine)"
    # Both at once: one waits for the network, the other compiles.
    ensure "$TOXIPROXY" make_toxiproxy &
    local toxiproxy_job=$!
    ensure "$BASE" make_base
    wait "$toxiproxy_job"
    build --tag "$SHOP" --file "$SHOP_DIR/docker/Dockerfile" "$SHOP_DIR"
    say "ready: $SHOP, $TOXIPROXY"
}

main "$@"
