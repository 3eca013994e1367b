#!/usr/bin/env bash
# Says what the shop lacks of its full strength, one line each, and fails if there is anything. It runs inside any
# node that has this image, and asks the parts themselves, not Docker.
# It must never change anything.
set -uo pipefail

missing=0
lacks() { echo "$*"; missing=1; }
without() { [[ ",${SHOP_WITHOUT:-}," == *",$1,"* ]]; }

in_redis() { timeout 1 redis-cli -h "$SHOP_NET.$1" -p "$2" --raw "${@:3}" 2>/dev/null | tr -d '\r'; }

# What HAProxy on that address says of its servers: "backend server status" in a line each.
servers_of() {
    curl -fsS -m 1 "http://$SHOP_NET.$1:8404/stats;csv" 2>/dev/null \
        | awk -F, -v backend="$2" '$1 == backend && $2 != "BACKEND" && $2 != "FRONTEND" {print $18}'
}

all_up() { ! grep -qvE '^(UP|no check)' <<<"$1" && [[ -n $1 ]]; }

check_gateways() {
    local address
    for address in 11 12; do all_up "$(servers_of "$address" web)" || lacks "gateway${address#1} sees every web node"; done
    curl -fsS -m 1 -o /dev/null "http://$SHOP_NET.100:8080/health" 2>/dev/null || lacks "the virtual address answers"
}

# A whole answer, without the mark of a degraded one, from each web node, and through each to the order database. More
# than once, because a web node asks its services in turn.
check_web() {
    local address answer path
    for address in 21 22; do
        for path in "browse?item=1" "browse?item=2"; do
            answer=$(curl -sS -m 2 -i "http://$SHOP_NET.$address:8080/$path" 2>/dev/null)
            if [[ $answer != "HTTP/1.1 200"* ]] || grep -qi '^x-degraded:' <<<"$answer"; then
                lacks "web${address#2} answers whole"
            fi
        done
        [[ $(curl -sS -m 2 -o /dev/null -w '%{http_code}' "http://$SHOP_NET.$address:8080/orders/nobody") == 404 ]] \
            || lacks "web${address#2} reaches the orders"
    done
}

is_synchronous() { curl -fsS -m 1 -o /dev/null "http://$SHOP_NET.$1:8008/synchronous" 2>/dev/null; }

# Asked through each database proxy, so that the way there is checked too.
check_database() {
    local wanted=sync address state
    if without sync-replication; then wanted=async; fi
    for address in 51 52; do
        state=$(PGCONNECT_TIMEOUT=1 timeout 2 psql -h "$SHOP_NET.$address" -U postgres -d postgres -Atc \
            "select sync_state from pg_stat_replication where state = 'streaming'" 2>/dev/null)
        [[ $state == "$wanted" ]] || lacks "the standby streams ($wanted)"
        all_up "$(servers_of "$address" read-only)" || lacks "dbproxy${address#5} sees both databases"
    done
    # PostgreSQL knows it first; until Patroni does, it would promote nobody.
    [[ $wanted != sync ]] || is_synchronous 53 || is_synchronous 54 \
        || lacks "Patroni knows the standby as synchronous"
}

check_cache() {
    local address replication masters=0
    for address in 41 42; do
        replication=$(in_redis "$address" 6379 info replication)
        if grep -q '^role:master' <<<"$replication"; then
            masters=$((masters + 1))
            grep -q '^slave0:.*state=online' <<<"$replication" || lacks "the cache replica is linked"
        else
            grep -q '^master_link_status:up' <<<"$replication" || lacks "the cache replica is linked"
        fi
    done
    ((masters == 1)) || lacks "exactly one cache master (there are $masters)"
    for address in 43 44; do
        [[ $(in_redis "$address" 6379 role | head -n 1) == master ]] || lacks "a cache proxy leads to the master"
    done
}

check_sentinels() {
    local number named=() state
    for number in 1 2 3; do
        named+=("$(in_redis "6$number" 26379 sentinel get-master-addr-by-name shop | head -n 1)")
        state=$(in_redis "6$number" 26379 info sentinel | grep '^master0:')
        [[ $state == *status=ok,*slaves=1,sentinels=3* ]] || lacks "sentinel$number sees a master, a replica, two others"
    done
    [[ -n ${named[0]} && ${named[0]} == "${named[1]}" && ${named[1]} == "${named[2]}" ]] || lacks "the Sentinels agree"
}

check_gateways
check_web
check_database
check_cache
check_sentinels
exit "$missing"
