#!/usr/bin/env bash
# Entry of a gateway node: HAProxy and Keepalived side by side. HAProxy is restarted when it dies; when Keepalived
# dies the container ends, and its restart policy takes over.
# It must never start Keepalived over an old pid file: that ends with exit code 0, as if all were well.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

CONFIG=$NODES/gateway.cfg
OWN_NUMBER=${SHOP_NODE#gateway}
PEER_NUMBER=$((3 - OWN_NUMBER))

write_keepalived_config() {
    # The interface is looked up: it is not called eth0 any more after a network was disconnected and connected.
    local interface
    interface=$(ip -o -4 addr show | awk -v own="$SHOP_NET.1$OWN_NUMBER/" 'index($4, own) == 1 {print $2}')
    sed -e "s/@INTERFACE@/$interface/" \
        -e "s/@PRIORITY@/$((200 - 50 * OWN_NUMBER))/" \
        -e "s/@OWN@/$SHOP_NET.1$OWN_NUMBER/" \
        -e "s/@PEER@/$SHOP_NET.1$PEER_NUMBER/" \
        -e "s/@VIRTUAL@/$SHOP_NET.100/" \
        "$NODES/keepalived.conf" >/run/shop-keepalived.conf
}

start_keepalived() {
    # Process numbers repeat in a container, so a killed node's files look like a daemon that still runs.
    rm -f /run/keepalived.pid /run/vrrp.pid /run/keepalived/*.pid
    write_keepalived_config
    keepalived --dont-fork --log-console --vrrp --use-file /run/shop-keepalived.conf &
    keepalived=$!
}

keep_haproxy() {
    while true; do
        haproxy -db -f "$CONFIG" || echo "haproxy ended with $?, starting it again" >&2
        sleep 0.2
    done
}

end() {
    # Keepalived first: it hands the address over before the door closes.
    [[ -z ${keepalived:-} ]] || kill -TERM "$keepalived" 2>/dev/null || true
    kill -TERM "$haproxy_keeper" 2>/dev/null || true
    pkill -TERM -x haproxy || true
    exit 0
}

# HAProxy's configuration can only ask whether a variable is there.
if without gateway-checks; then export SHOP_UNCHECKED=yes; fi
# Without addresses that can move (shop/local) there is nothing to keep: clients fall back on the other gateway.
[[ -z ${SHOP_NO_ADDRESSES:-} ]] || exec haproxy -db -f "$CONFIG"
keepalived=
keep_haproxy &
haproxy_keeper=$!
trap end TERM INT

# Taken out: the first gateway has the address for good, nobody takes it over.
if without gateway-failover && [[ $OWN_NUMBER != 1 ]]; then
    wait "$haproxy_keeper"
else
    start_keepalived
    wait "$keepalived" || true
    echo "keepalived ended" >&2
    exit 1
fi
