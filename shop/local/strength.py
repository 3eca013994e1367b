"""What the shop lacks of its full strength, asked of the parts themselves (the Docker shop's
strength.sh asks the same). It must never change anything."""

from __future__ import annotations

import csv
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import redis

from local.layout import Layout

WAIT_S = 2.0
SERVICE, BALANCER = (8080, "/health"), (8404, "/health")
HEALTH = {
    **dict.fromkeys(("web", "catalog", "order", "recommend"), SERVICE),
    **dict.fromkeys(("gateway", "dbproxy", "cacheproxy"), BALANCER),
    "database": (8008, "/readiness"),
    "etcd": (2379, "/health"),
}
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def lacking(layout: Layout, without: frozenset[str]) -> list[str]:
    """One line for each thing that is missing; none means full strength."""
    asking = Asking(layout, without)
    checks = (
        asking.nodes,
        asking.gateways,
        asking.web,
        asking.database,
        asking.cache,
        asking.sentinels,
    )

    def answer(check: Callable[[], Iterator[str]]) -> list[str]:
        return list(check())

    with ThreadPoolExecutor(len(checks)) as pool:
        return sorted({line for lines in pool.map(answer, checks) for line in lines})


def accepts(address: str, port: int) -> bool:
    """Whether somebody listens there."""
    try:
        with socket.create_connection((address, port), WAIT_S):
            return True
    except OSError:
        return False


def has_primary(layout: Layout) -> bool:
    """Whether each database proxy leads to a primary that has the shop's own database."""
    return all(
        _asked(node.address, layout, "shop", "select not pg_is_in_recovery()") == [True]
        for node in layout.nodes
        if node.tier == "dbproxy"
    )


class Asking:
    """The questions, one for each group."""

    def __init__(self, layout: Layout, without: frozenset[str]) -> None:
        self.layout, self.without = layout, without
        self.where = layout.addresses

    def nodes(self) -> Iterator[str]:
        """What the containers' own health checks ask; caches and Sentinels are asked below."""
        for node in self.layout.nodes:
            if asked := HEALTH.get(node.tier):
                port, path = asked
                if _get(f"{self._url(node.name, port)}{path}")[0] != 200:
                    yield f"{node.name} answers"

    def gateways(self) -> Iterator[str]:
        for name in self._members("gateway"):
            if not _all_up(self._servers(name, "web")):
                yield f"{name} sees every web node"
        for entry in self.layout.entries(self.without):
            if _get(f"{entry}/health")[0] != 200:
                yield f"the entry {entry} answers"

    def web(self) -> Iterator[str]:
        """More than once, because a web node asks its services in turn."""
        for name in self._members("web"):
            base = self._url(name, 8080)
            for item in (1, 2):
                status, headers, _ = _get(f"{base}/browse?item={item}")
                if status != 200 or "x-degraded" in headers:
                    yield f"{name} answers whole"
            if _get(f"{base}/orders/nobody")[0] != 404:
                yield f"{name} reaches the orders"

    def database(self) -> Iterator[str]:
        """Asked through each database proxy, so that the way there is checked too."""
        wanted = "async" if "sync-replication" in self.without else "sync"
        for name in self._members("dbproxy"):
            if self._standby(name) != [wanted]:
                yield f"the standby streams ({wanted})"
            if not _all_up(self._servers(name, "read-only")):
                yield f"{name} sees both databases"
        # PostgreSQL knows it first; until Patroni does, it would promote nobody.
        known = [_get(f"{self._url(n, 8008)}/synchronous")[0] for n in self._members("database")]
        if wanted == "sync" and 200 not in known:
            yield "Patroni knows the standby as synchronous"

    def cache(self) -> Iterator[str]:
        masters = 0
        for name in self._members("cache"):
            said = self._redis(name, 6379, "INFO", "replication")
            if said.get("role") == "master":
                masters += 1
                linked = said.get("slave0", {}).get("state") == "online"
            else:
                linked = said.get("master_link_status") == "up"
            if not linked:
                yield "the cache replica is linked"
        if masters != 1:
            yield f"exactly one cache master (there are {masters})"
        for name in self._members("cacheproxy"):
            if self._redis(name, 6379, "INFO", "replication").get("role") != "master":
                yield f"{name} leads to the master"

    def sentinels(self) -> Iterator[str]:
        named = set()
        for name in self._members("sentinel"):
            said = self._redis(name, 26379, "INFO", "sentinel").get("master0", {})
            seen = (said.get("status"), said.get("slaves"), said.get("sentinels"))
            if seen != ("ok", 1, 3):
                yield f"{name} sees a master, a replica, two others"
            named.add(said.get("address"))
        if len(named) != 1 or None in named:
            yield "the Sentinels agree"

    def _members(self, tier: str) -> list[str]:
        return [node.name for node in self.layout.nodes if node.tier == tier]

    def _url(self, name: str, port: int) -> str:
        return self.layout.url(self.where[name], port)

    def _servers(self, name: str, backend: str) -> list[str]:
        """What HAProxy on that node says of its servers."""
        text = _get(f"{self._url(name, 8404)}/stats;csv")[2].removeprefix("# ")
        rows = csv.DictReader(text.splitlines())
        inner = [row for row in rows if row["pxname"] == backend]
        return [r["status"] for r in inner if r["svname"] not in ("BACKEND", "FRONTEND")]

    def _standby(self, name: str) -> list[str]:
        question = "select sync_state from pg_stat_replication where state = 'streaming'"
        return _asked(self.where[name], self.layout, "postgres", question)

    def _redis(self, name: str, port: int, *question: str) -> dict:
        try:
            with redis.Redis(
                self.where[name], self.layout.ground.port(port),
                socket_timeout=WAIT_S, socket_connect_timeout=WAIT_S,
            ) as line:  # fmt: skip
                return line.execute_command(*question)
        except redis.RedisError:
            return {}


def _asked(address: str, layout: Layout, database: str, question: str) -> list:
    """The first column of the answer; nothing when there is none."""
    try:
        with psycopg.connect(
            host=address, port=layout.ground.port(5432), user="postgres", dbname=database,
            connect_timeout=2, autocommit=True,
        ) as line:  # fmt: skip
            return [row[0] for row in line.execute(question)]
    except psycopg.Error:
        return []


def _all_up(states: list[str]) -> bool:
    return bool(states) and all(s == "UP" or s == "no check" for s in states)


def _get(url: str) -> tuple[int, dict[str, str], str]:
    """Status, headers in lower case, body; status 0 when there is no answer."""
    try:
        with DIRECT.open(url, timeout=WAIT_S) as answer:
            found = {key.lower(): value for key, value in answer.headers.items()}
            return answer.status, found, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        error.close()
        return error.code, {}, ""
    except (OSError, ValueError):
        return 0, {}, ""
