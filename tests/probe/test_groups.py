"""Redis and Patroni groups: who leads, and what keeps the group from full strength."""

from __future__ import annotations

from typing import Any

import pytest

from chaoskit.ports import Answer
from tests.probe.conftest import ADDRESS, TIERS, Ask
from tests.probe.servers import Reply, free_port, http, http_json, redis, replica, sentinel

MASTER, OTHER = ADDRESS["cache1"], ADDRESS["cache2"]


class Cache:
    """A Redis group under test: tell the nodes what to say, then ask."""

    def __init__(self, ask: Ask, serve: Any) -> None:
        self._ask, self._serve = ask, serve
        self.port, self.sentinel_port = free_port(), free_port()

    def nodes(self, first: Reply | None, second: Reply | None) -> None:
        for name, reply in zip(TIERS["cache"], (first, second), strict=True):
            if reply:
                self._serve(name, self.port, reply)

    def sentinels(self, *named: str | None) -> None:
        for name, address in zip(TIERS["sentinel"], named, strict=True):
            if address:
                self._serve(name, self.sentinel_port, sentinel(address))

    def ask(self, role: str = "master") -> Answer:
        spec = {"tier": "cache", "sentinels": "sentinel", "master": "shop", "role": role}
        ports = {"port": str(self.port), "sentinel_port": str(self.sentinel_port)}
        return self._ask(redis=spec | ports)


@pytest.fixture
def cache(ask: Ask, serve: Any) -> Cache:
    return Cache(ask, serve)


def test_a_whole_redis_group(cache: Cache) -> None:
    cache.nodes(redis("master"), replica(MASTER))
    cache.sentinels(MASTER, MASTER, MASTER)
    assert cache.ask() == Answer(True, ("cache1",))
    assert cache.ask("replica") == Answer(True, ("cache2",))


def test_sentinels_that_speak_names(cache: Cache) -> None:
    cache.nodes(redis("master"), replica("cache1"))
    cache.sentinels("cache1", "cache1", "cache1")
    assert cache.ask() == Answer(True, ("cache1",))


def test_the_majority_is_of_all_sentinels_not_of_those_that_answer(cache: Cache) -> None:
    cache.nodes(redis("master"), replica(MASTER))
    cache.sentinels(MASTER, None, None)
    assert cache.ask() == Answer(False, (), "no majority of the 3 Sentinels names a master")


def test_two_of_three_sentinels_are_enough(cache: Cache) -> None:
    cache.nodes(replica(OTHER), redis("master"))
    cache.sentinels(OTHER, OTHER, MASTER)
    assert cache.ask() == Answer(True, ("cache2",))


def test_an_old_master_is_not_believed_and_the_group_not_whole(cache: Cache) -> None:
    cache.nodes(redis("master"), redis("master"))
    cache.sentinels(OTHER, OTHER, OTHER)
    assert cache.ask() == Answer(False, ("cache2",), "cache1 still says it is master")


def test_a_replica_without_its_link(cache: Cache) -> None:
    cache.nodes(redis("master"), replica(MASTER, "down"))
    cache.sentinels(MASTER, MASTER, MASTER)
    assert cache.ask() == Answer(False, ("cache1",), "cache2 is not linked to its master")
    assert cache.ask("replica").nodes == ()


def test_a_replica_of_somebody_else(cache: Cache) -> None:
    cache.nodes(redis("master"), replica("10.1.2.3"))
    cache.sentinels(MASTER, MASTER, MASTER)
    assert cache.ask().detail == "cache2 follows 10.1.2.3 instead of cache1"


def test_a_master_that_is_gone_is_still_the_one_that_is_named(cache: Cache) -> None:
    cache.nodes(None, replica(MASTER, "down"))
    cache.sentinels(MASTER, MASTER, MASTER)
    found = cache.ask()
    assert found.nodes == ("cache1",)
    assert found.detail == (
        "cache1 does not answer (Connection refused); cache2 is not linked to its master"
    )


def test_a_named_master_that_denies_it(cache: Cache) -> None:
    cache.nodes(replica(OTHER), replica(MASTER))
    cache.sentinels(MASTER, MASTER, MASTER)
    assert cache.ask().detail == "cache1 is named master and says it is not"


def test_a_master_from_elsewhere(cache: Cache) -> None:
    cache.nodes(redis("master"), replica(MASTER))
    cache.sentinels("10.9.9.9", "10.9.9.9", "10.9.9.9")
    found = cache.ask()
    assert found == Answer(False, (), "the Sentinels name 10.9.9.9, which is no node of 'cache'")


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (b"-NOAUTH Authentication required.\r\n", "answered the error 'NOAUTH"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak the Redis protocol"),
        (b"$100\r\nhalf", "closed the connection in the middle of an answer"),
        (b"", "closed the connection"),
    ],
)
def test_a_node_that_answers_nonsense(cache: Cache, said: bytes, heard: str) -> None:
    cache.nodes(redis("master"), lambda asked: said)
    cache.sentinels(MASTER, MASTER, MASTER)
    found = cache.ask()
    assert not found.ok
    assert found.detail.startswith(f"cache2 {heard}")


def stream(node: str, state: str = "streaming", sync: str = "sync") -> dict[str, str]:
    return {
        "application_name": node,
        "client_addr": ADDRESS[node],
        "state": state,
        "sync_state": sync,
    }


PRIMARY = {"role": "master", "replication": [stream("db2")]}


class Database:
    """A Patroni group under test."""

    def __init__(self, ask: Ask, serve: Any) -> None:
        self._ask, self._serve, self.port = ask, serve, free_port()

    def nodes(self, first: Reply | None, second: Reply | None) -> None:
        for name, reply in zip(TIERS["db"], (first, second), strict=True):
            if reply:
                self._serve(name, self.port, reply)

    def ask(self, **more: str) -> Answer:
        return self._ask(patroni={"tier": "db", "port": str(self.port), **more})


@pytest.fixture
def database(ask: Ask, serve: Any) -> Database:
    return Database(ask, serve)


def test_a_whole_patroni_group(database: Database) -> None:
    database.nodes(http_json(200, PRIMARY), http_json(503, {"role": "replica"}))
    assert database.ask() == Answer(True, ("db1",))
    assert database.ask(role="standby") == Answer(True, ("db2",))


@pytest.mark.parametrize("replication", [[], [stream("db2", state="catchup")]])
def test_a_standby_that_does_not_stream(database: Database, replication: list[Any]) -> None:
    said = {"role": "master", "replication": replication}
    database.nodes(http_json(200, said), http_json(503, {}))
    found = database.ask()
    assert found.nodes == ("db1",)
    assert found.detail == "db2 does not stream from db1; db1 has no synchronous standby"
    assert database.ask(role="standby").nodes == ()


def test_a_standby_that_is_not_synchronous(database: Database) -> None:
    said = {"role": "master", "replication": [stream("db2", sync="async")]}
    database.nodes(http_json(200, said), http_json(503, {}))
    assert database.ask().detail == "db1 has no synchronous standby"
    assert database.ask(synchronous="false") == Answer(True, ("db1",))


def test_a_primary_alone(database: Database) -> None:
    database.nodes(http_json(200, {"role": "master"}), None)
    found = database.ask()
    assert found.nodes == ("db1",)
    assert found.detail.startswith("db2 does not answer (Connection refused)")


def test_two_primaries_are_both_named(database: Database) -> None:
    database.nodes(http_json(200, PRIMARY), http_json(200, PRIMARY))
    found = database.ask()
    assert found == Answer(False, ("db1", "db2"), "db1 and db2 answer as primary, one should")


def test_no_primary(database: Database) -> None:
    database.nodes(http_json(503, {}), http_json(503, {}))
    assert database.ask() == Answer(False, (), "no node answers as primary")


@pytest.mark.parametrize("body", ["<html>", "[]"])
def test_something_that_is_not_patroni(database: Database, body: str) -> None:
    database.nodes(http(200, body), http(404))
    found = database.ask()
    assert found.nodes == ()
    assert "db1 does not speak as Patroni does" in found.detail
    assert "db2 answered 404 to /primary" in found.detail
