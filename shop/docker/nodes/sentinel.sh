#!/usr/bin/env bash
# Entry of a Sentinel node.
# Its file is written only if there is none: Sentinel keeps in it whom it last agreed on, and writing it anew would
# make the old master the master again.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

HOME_DIR=${SHOP_HOME:-/var/lib/redis}
CONFIG=$HOME_DIR/sentinel.conf

# Three Sentinels; a quorum of four is never reached, so a dead master is seen but never replaced (taken out).
quorum() { if without cache-failover; then echo 4; else echo 2; fi; }

write_config() {
    cat >"$CONFIG" <<CONF
${HOST:+bind $HOST}
port 26379
dir "${SHOP_HOME:-/tmp}"
protected-mode no
sentinel resolve-hostnames no
sentinel announce-ip $SHOP_NET.6${SHOP_NODE#sentinel}
sentinel monitor shop $SHOP_NET.41 6379 $(quorum)
sentinel down-after-milliseconds shop 1000
sentinel failover-timeout shop 6000
sentinel parallel-syncs shop 1
CONF
    ((EUID)) || chown redis:redis "$CONFIG"
}

own_folder redis "$HOME_DIR"
[[ -s $CONFIG ]] || write_config
become redis redis-server "$CONFIG" --sentinel
