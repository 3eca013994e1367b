#!/usr/bin/env bash
# Entry of a cache node: Redis, as the master or as a replica of the one the Sentinels name.
# It must never come up as a second master beside the one that was promoted while this node was away.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

OWN=$SHOP_NET.4${SHOP_NODE#cache}
HOME_DIR=${SHOP_HOME:-/var/lib/redis}
CONFIG=$HOME_DIR/redis.conf

named_by() {
    timeout 1 redis-cli -h "$1" -p 26379 --raw sentinel get-master-addr-by-name shop 2>/dev/null | head -n 1
}

# The address that at least two Sentinels name; nothing when they cannot be asked or do not agree.
named_master() {
    local number
    for number in 1 2 3; do named_by "$SHOP_NET.6$number" & done | sort | uniq -c | awk '$1 >= 2 && $2 {print $2}'
}

# A node that was here before insists for a few seconds: its own memory of being the master may be out of date.
awaited_master() {
    local master
    for _ in {1..8}; do
        master=$(named_master)
        [[ -z $master ]] || { echo "$master"; return; }
        sleep 0.5
    done
}

# Written once: Redis keeps its role in this file, and that is what counts when no Sentinel answers.
write_config() {
    cp "$NODES/redis.conf" "$CONFIG"
    echo "replica-announce-ip $OWN" >>"$CONFIG"
    [[ $SHOP_NODE == cache1 ]] || echo "replicaof $SHOP_NET.41 6379" >>"$CONFIG"
    ((EUID)) || chown redis:redis "$CONFIG"
}

role_arguments() {
    local master
    master=$(awaited_master)
    case $master in
        "") ;;
        "$OWN") echo "--replicaof no one" ;;
        *) echo "--replicaof $master 6379" ;;
    esac
}

own_folder redis "$HOME_DIR"
role=()
if [[ -s $CONFIG ]]; then
    read -ra role <<<"$(role_arguments)"
else
    write_config
fi
become redis redis-server "$CONFIG" "${role[@]}"
