#!/usr/bin/env bash
# Entry of a database node: PostgreSQL, started and watched by Patroni, which asks etcd who may be the primary.
# It must never start PostgreSQL itself, nor remove its files.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

HOME_DIR=${SHOP_HOME:-/var/lib/postgresql/patroni}
CONFIG=${SHOP_HOME:-/tmp}/patroni.yml

synchronous=true
commit=on
delay=200ms
# Taken out: a commit is acknowledged before it is on the standby, or even on the own disk, for as long as can be set.
if without sync-replication; then synchronous=false; commit=off; delay=10s; fi

nofailover=false
# Taken out: the second node is only ever a standby. Not both nodes, or none could become the first primary.
if without db-failover && [[ $SHOP_NODE == database2 ]]; then nofailover=true; fi

# PostgreSQL refuses a folder that others may read, and a fresh volume belongs to root.
own_folder postgres "$HOME_DIR"
sed -e "s/@NODE@/$SHOP_NODE/" \
    -e "s/@OWN@/$SHOP_NET.5$((2 + ${SHOP_NODE#database}))/" \
    -e "s/@NET@/$SHOP_NET/" \
    -e "s/@SYNCHRONOUS@/$synchronous/" \
    -e "s/@COMMIT@/$commit/" \
    -e "s/@DELAY@/$delay/" \
    -e "s/@NOFAILOVER@/$nofailover/" \
    "$NODES/patroni.yml" >"$CONFIG"
become postgres patroni "$CONFIG"
