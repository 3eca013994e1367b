#!/usr/bin/env bash
# Entry of the etcd node: one member, declared without redundancy (Patroni's failsafe mode covers its absence).
set -euo pipefail

OWN=http://$SHOP_NET.55

exec etcd --name "$SHOP_NODE" --data-dir "${SHOP_HOME:-/var/lib/etcd}/data" \
    --listen-client-urls "http://${HOST:-0.0.0.0}:2379" --advertise-client-urls "$OWN:2379" \
    --listen-peer-urls "$OWN:2380" --initial-advertise-peer-urls "$OWN:2380" \
    --initial-cluster "$SHOP_NODE=$OWN:2380" \
    --auto-compaction-mode periodic --auto-compaction-retention 5m \
    --log-level warn --logger zap
