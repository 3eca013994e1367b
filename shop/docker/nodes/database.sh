#!/usr/bin/env bash
# Entry of a database node: PostgreSQL, started and watched by Patroni, which asks etcd who may be the primary.
# It must never start PostgreSQL itself, nor remove its files.
set -euo pipefail

HOME_DIR=/var/lib/postgresql/patroni

without() { [[ ",${SHOP_WITHOUT:-}," == *",$1,"* ]]; }

synchronous=true
commit=on
# Taken out: a commit is acknowledged before it is on the standby, or even on the own disk.
if without sync-replication; then synchronous=false; commit=off; fi

nofailover=false
# Taken out: the second node is only ever a standby. Not both nodes, or none could become the first primary.
if without db-failover && [[ $SHOP_NODE == database2 ]]; then nofailover=true; fi

# PostgreSQL refuses a folder that others may read, and a fresh volume belongs to root.
install -d -o postgres -g postgres -m 700 "$HOME_DIR"
sed -e "s/@NODE@/$SHOP_NODE/" \
    -e "s/@OWN@/$SHOP_NET.5$((2 + ${SHOP_NODE#database}))/" \
    -e "s/@NET@/$SHOP_NET/" \
    -e "s/@SYNCHRONOUS@/$synchronous/" \
    -e "s/@COMMIT@/$commit/" \
    -e "s/@NOFAILOVER@/$nofailover/" \
    /shop/nodes/patroni.yml >/tmp/patroni.yml
exec setpriv --reuid postgres --regid postgres --init-groups patroni /tmp/patroni.yml
