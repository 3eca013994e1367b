#!/usr/bin/env bash
# Start the shop under Docker and wait until it is at full strength (`chaoskit system up --runtime docker`).
# The environment says which: SHOP_PROJECT, SHOP_NET, SHOP_PORT, SHOP_PROXY_API, SHOP_WITHOUT (see docker-compose.yml).
# It must never report success before the standby streams, the replica is linked and the entry answers; and never
# carry data over from a shop that ran with other mechanisms taken out, or from another image.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=project.sh
source "$(dirname "${BASH_SOURCE[0]}")/project.sh"

WAIT_S=120

# What the nodes that exist were made from; empty when there are none.
present() {
    local nodes
    mapfile -t nodes < <(containers label=chaoskit.node)
    ((${#nodes[@]})) || return 0
    docker inspect --format '{{.Image}}{{range .Config.Env}}{{println}}{{.}}{{end}}' "${nodes[@]}" \
        | grep -E '^(sha256:|SHOP_(NET|WITHOUT)=)' | LC_ALL=C sort -u
}

wanted() {
    printf '%s\n' "SHOP_NET=$SHOP_NET" "SHOP_WITHOUT=$SHOP_WITHOUT"
    docker image inspect --format '{{.Id}}' "$SHOP_IMAGE"
}

# A misspelt name would be a weakness that is not there, and every verdict about it would be wrong.
check_without() {
    [[ -n $SHOP_WITHOUT ]] || return 0
    local said
    said=$(docker run --rm --network none "$SHOP_IMAGE" python3 -c \
        'import sys; from services.mechanisms import parse; parse(sys.argv[1])' "$SHOP_WITHOUT" 2>&1) \
        || die "${said##*Mechanism: }"
}

clear_other() {
    local now
    now=$(present)
    [[ -z $now || $now == "$(wanted)" ]] && return
    say "it runs with other mechanisms or another image: starting from a clean state"
    take_down
}

start() {
    local log=$SHOP_DIR/.state/up-$SHOP_PROJECT.log
    unpause_all
    compose up --detach --remove-orphans >"$log" 2>&1 || { tail -n 20 "$log" >&2; die "it did not start, see $log"; }
}

wait_for_strength() {
    local now before=
    until now=$(lacking | paste -sd, - | sed 's/,/, /g'); [[ -z $now ]]; do
        ((SECONDS < WAIT_S)) || die "after $WAIT_S s it still lacks: $now"
        [[ $now == "$before" ]] || say "waiting for: $now"
        before=$now
        sleep 0.5
    done
}

# Moved into place, so that a reader sees the whole file or none.
write_state() {
    local without
    without=$(sed -e '/^$/d' -e 's/[^,]*/"&"/g' <<<"$SHOP_WITHOUT")
    cat >"$STATE_FILE.new" <<JSON
{"system": "${SHOP_SYSTEM:-shop}", "runtime": "docker", "project": "$SHOP_PROJECT", "entry": "http://127.0.0.1:$SHOP_PORT", "proxies": "http://127.0.0.1:$SHOP_PROXY_API", "without": [$without]}
JSON
    mv "$STATE_FILE.new" "$STATE_FILE"
}

need_engine
mkdir -p "$SHOP_DIR/.state"
# Always, and quick when nothing changed: a shop that runs yesterday's code would be believed.
"$SHOP_DIR/docker/images.sh"
check_without
clear_other
start
wait_for_strength
write_state
say "at full strength after $SECONDS s: http://127.0.0.1:$SHOP_PORT${SHOP_WITHOUT:+ (without $SHOP_WITHOUT)}"
