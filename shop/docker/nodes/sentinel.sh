#!/usr/bin/env bash
# Entry of a Sentinel node.
# Its file is written only if there is none: Sentinel keeps in it whom it last agreed on, and writing it anew would
# make the old master the master again.
set -euo pipefail

CONFIG=/var/lib/redis/sentinel.conf

# Three Sentinels; a quorum of four is never reached, so a dead master is seen but never replaced (taken out).
quorum() { if [[ ",${SHOP_WITHOUT:-}," == *",cache-failover,"* ]]; then echo 4; else echo 2; fi; }

write_config() {
    cat >"$CONFIG" <<CONF
port 26379
dir /tmp
protected-mode no
sentinel resolve-hostnames no
sentinel announce-ip $SHOP_NET.6${SHOP_NODE#sentinel}
sentinel monitor shop $SHOP_NET.41 6379 $(quorum)
sentinel down-after-milliseconds shop 1000
sentinel failover-timeout shop 6000
sentinel parallel-syncs shop 1
CONF
    chown redis:redis "$CONFIG"
}

install -d -o redis -g redis -m 750 /var/lib/redis
[[ -s $CONFIG ]] || write_config
exec setpriv --reuid redis --regid redis --init-groups redis-server "$CONFIG" --sentinel
