# shellcheck shell=bash
# What up.sh, down.sh and status.sh share: which project is meant, and how to ask about it. Sourced, never run.
# It must never change anything by being sourced.

SHOP_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export SHOP_PROJECT=${SHOP_PROJECT:-shop}
export SHOP_NET=${SHOP_NET:-10.77.0}
export SHOP_PORT=${SHOP_PORT:-18080}
export SHOP_PROXY_API=${SHOP_PROXY_API:-18474}
# The default of a minute is little for 22 containers on a busy machine.
export COMPOSE_HTTP_TIMEOUT=${COMPOSE_HTTP_TIMEOUT:-180}
export SHOP_IMAGE=${SHOP_IMAGE:-chaoskit-shop:latest}
# In one order, so that the same set of mechanisms is the same text.
SHOP_WITHOUT=$(tr -d ' ' <<<"${SHOP_WITHOUT:-}" | tr ',' '\n' | sed '/^$/d' | LC_ALL=C sort -u | paste -sd, -)
export SHOP_WITHOUT

# shellcheck disable=SC2034
STATE_FILE=$SHOP_DIR/.state/docker-$SHOP_PROJECT.json

say() { printf '%s: %s\n' "$SHOP_PROJECT" "$*"; }
die() { printf '%s: %s\n' "$SHOP_PROJECT" "$*" >&2; exit 1; }

need_engine() { docker version >/dev/null 2>&1 || die "no Docker engine answers (try: make engine)"; }

compose() {
    local command=(docker compose)
    docker compose version >/dev/null 2>&1 || command=(docker-compose)
    "${command[@]}" -p "$SHOP_PROJECT" -f "$SHOP_DIR/../docker-compose.yml" "$@"
}

# containers [FILTER…]: found by label, because the two Compose versions name them differently.
containers() {
    local filter=(--filter "label=com.docker.compose.project=$SHOP_PROJECT") each
    for each in "$@"; do filter+=(--filter "$each"); done
    docker ps --all --quiet "${filter[@]}"
}

# A paused container can neither be stopped nor become healthy.
unpause_all() {
    local paused
    mapfile -t paused < <(containers status=paused)
    ((${#paused[@]} == 0)) || docker unpause "${paused[@]}" >/dev/null
}

# Everything of this project, data included. Tried again, because an engine that is still removing a container, or
# still letting go of an address, refuses for a moment what it does gladly a moment later. What it said is kept.
take_down() {
    local log=$SHOP_DIR/.state/down-$SHOP_PROJECT.log
    mkdir -p "$SHOP_DIR/.state"
    : >"$log"
    for _ in {1..5}; do
        unpause_all >>"$log" 2>&1 || true
        if compose down --volumes --remove-orphans --timeout 1 >>"$log" 2>&1; then rm -f "$log"; return; fi
        sleep 2
    done
    tail -n 20 "$log" >&2
    die "docker compose could not take it down"
}

not_healthy() {
    docker ps --all --filter "label=com.docker.compose.project=$SHOP_PROJECT" \
        --format '{{.Label "com.docker.compose.service"}} {{.Status}}' | grep -v '(healthy)' | cut -d' ' -f1 | LC_ALL=C sort
}

entry_answers() { curl -fsS -m 2 -o /dev/null "http://127.0.0.1:$SHOP_PORT/health" 2>/dev/null; }

# One line for each thing that is missing; no line means full strength.
lacking() {
    local witness
    witness=$(containers label=com.docker.compose.service=etcd1 status=running)
    [[ -n $witness ]] || { echo "etcd1"; return; }
    not_healthy
    docker exec "$witness" /shop/nodes/strength.sh 2>&1 | LC_ALL=C sort -u
    entry_answers || echo "the shop answers on port $SHOP_PORT"
}
