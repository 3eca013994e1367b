"""The shop's mechanisms one by one: breaker, attempts, limiter, bulkhead, pool, cache, settings."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "shop"))

from services import mechanisms, settings
from services.attempts import first_success
from services.breaker import Breaker
from services.bulkhead import Bulkhead, SharedHold
from services.cache import Cache
from services.database import Database, Patience
from services.failures import BreakerOpen, Full, TimedOut, Unavailable
from services.limiter import Limiter
from services.notice import Notice
from services.pool import Pool

SHOP = Path(__file__).parents[2] / "shop"


class Clock:
    """Time that moves when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def fail(breaker: Breaker) -> None:
    with pytest.raises(Unavailable), breaker.guard():
        raise Unavailable("gone")


def test_a_breaker_opens_lets_one_trial_through_and_closes() -> None:
    clock = Clock()
    breaker = Breaker("x", clock=clock)
    for _ in range(3):
        fail(breaker)
    assert breaker.is_open
    with pytest.raises(BreakerOpen), breaker.guard():
        pass
    clock.now += 1.0
    with breaker.guard(), pytest.raises(BreakerOpen), breaker.guard():
        pass  # the second one, while the trial is under way
    assert not breaker.is_open


def test_a_failed_trial_opens_for_longer_up_to_a_limit() -> None:
    clock = Clock()
    breaker = Breaker("x", longest=3.0, clock=clock)
    for _ in range(3):
        fail(breaker)
    for wait in (1.0, 2.0, 3.0, 3.0):
        clock.now += wait - 0.01
        with pytest.raises(BreakerOpen), breaker.guard():
            pass
        clock.now += 0.01
        fail(breaker)


def test_a_breaker_that_nobody_tried_closes_on_probation() -> None:
    clock = Clock()
    breaker = Breaker("x", clock=clock)
    for _ in range(3):
        fail(breaker)
    clock.now += 3.0
    with breaker.guard(), breaker.guard():
        assert not breaker.is_open
    for _ in range(3):
        fail(breaker)
    clock.now += 3.0
    fail(breaker)
    assert breaker.is_open


def test_a_cancelled_trial_leaves_room_for_another() -> None:
    clock = Clock()
    breaker = Breaker("x", clock=clock)
    for _ in range(3):
        fail(breaker)
    clock.now += 1.0
    with pytest.raises(asyncio.CancelledError), breaker.guard():
        raise asyncio.CancelledError
    with breaker.guard():
        pass
    assert not breaker.is_open


def test_refusals_and_late_failures_do_not_move_a_breaker() -> None:
    breaker = Breaker("x", threshold=1)
    with pytest.raises(ValueError, match="an answer"), breaker.guard():
        raise ValueError("an answer")
    assert not breaker.is_open
    assert not Breaker("y", enabled=False).is_open


class Place:
    """An endpoint that fails a number of times."""

    def __init__(self, failures: int) -> None:
        self.breaker = Breaker("place")
        self.left = failures
        self.calls = 0

    async def ask(self) -> str:
        self.calls += 1
        self.left -= 1
        if self.left >= 0:
            raise Unavailable("gone")
        return "done"


def test_attempts_go_to_the_next_endpoint_and_are_bounded() -> None:
    def run(places: list[Place], attempts: int) -> str:
        return asyncio.run(first_success(places, lambda place: place.ask(), attempts))

    first, second = Place(9), Place(0)
    assert run([first, second], 2) == "done"
    with pytest.raises(Unavailable):
        run([Place(9), Place(0)], 1)
    only = Place(1)
    assert run([only], 2) == "done"
    assert only.calls == 2


def test_open_breakers_are_skipped_without_counting_and_fail_at_once() -> None:
    async def check() -> None:
        dead, alive = Place(9), Place(0)
        for _ in range(3):
            fail(dead.breaker)
        assert await first_success([dead, alive], lambda place: place.ask(), 1) == "done"
        with pytest.raises(BreakerOpen):
            await first_success([dead], lambda place: place.ask(), 3)
        assert dead.calls == 0

    asyncio.run(check())


def test_a_limiter_refills_with_time() -> None:
    clock = Clock()
    limiter = Limiter(2, clock=clock)
    assert [limiter.admits() for _ in range(3)] == [True, True, False]
    clock.now += 0.5
    assert [limiter.admits() for _ in range(2)] == [True, False]
    assert all(Limiter(1, enabled=False, clock=clock).admits() for _ in range(5))


def test_a_bulkhead_gives_places_back() -> None:
    async def check() -> None:
        bulkhead, hold = Bulkhead("x", 1), SharedHold(1)
        for room, refusal in ((bulkhead, Full), (hold, TimedOut)):
            async with room.place(1):
                with pytest.raises(refusal):
                    async with room.place(0.01):
                        pass
            async with room.place(1):
                pass

    asyncio.run(check())


def test_a_flickering_condition_is_two_lines(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    notice = Notice("thing", clock)
    with caplog.at_level(logging.WARNING, "shop"):
        for _ in range(10):
            notice.happened("why")
            notice.passed()
        clock.now += 5
        notice.passed()
        notice.passed()
    assert [record.message for record in caplog.records] == ["thing: begun (why)", "thing: ended"]


class Line:
    """A fake database connection."""

    def __init__(self) -> None:
        self.closed = False

    async def fetch(self, query: str, *args: Any) -> list[Any]:
        if self.closed:
            raise asyncpg.InterfaceError("connection is closed")
        return [query]

    async def fetchrow(self, query: str, *args: Any) -> Any:
        return (await self.fetch(query))[0]

    async def execute(self, query: str, *args: Any) -> str:
        return str((await self.fetch(query))[0])

    def is_closed(self) -> bool:
        return self.closed

    def terminate(self) -> None:
        self.closed = True


class Server:
    """Where fake connections come from."""

    def __init__(self) -> None:
        self.up = True
        self.lines: list[Line] = []

    async def connect(self) -> Line:
        if not self.up:
            raise ConnectionResetError("accepted, then closed")
        self.lines.append(Line())
        return self.lines[-1]

    def crash(self) -> None:
        self.up = False
        for line in self.lines:
            line.closed = True


@asynccontextmanager
async def kept(server: Server, *, recovers: bool = True) -> AsyncIterator[Pool]:
    pool = Pool("db", server.connect, Breaker("db", threshold=99), size=2, recovers=recovers)
    keeper = asyncio.create_task(pool.keep())
    await asyncio.sleep(0.01)
    yield pool
    keeper.cancel()
    await asyncio.gather(keeper, return_exceptions=True)


async def ask(pool: Pool, limit: float = 0.2) -> list[Any]:
    async with pool.connection(0.6, limit) as line:
        return await line.fetch("one")


def test_a_pool_replaces_broken_connections() -> None:
    async def check(recovers: bool) -> list[Any]:
        server = Server()
        async with kept(server, recovers=recovers) as pool:
            assert len(server.lines) == 2
            assert await ask(pool) == ["one"]
            server.crash()
            server.up = True
            return await ask(pool)

    assert asyncio.run(check(True)) == ["one"]
    with pytest.raises(Unavailable, match="closed"):
        asyncio.run(check(False))


def test_a_pool_without_a_server_fails_within_its_patience() -> None:
    async def check() -> None:
        server = Server()
        async with kept(server) as pool:
            server.crash()
            with pytest.raises(Unavailable, match="no connection"):
                async with pool.connection(0.05, 1):
                    pass

    asyncio.run(check())


@pytest.mark.parametrize(
    ("error", "seen", "kept_open"),
    [
        (asyncpg.ReadOnlySQLTransactionError("demoted"), Unavailable, False),
        (asyncpg.AdminShutdownError("bye"), Unavailable, False),
        (ConnectionResetError("reset"), Unavailable, False),
        (asyncpg.CheckViolationError("sold out"), asyncpg.CheckViolationError, True),
    ],
)
def test_which_errors_condemn_a_connection(
    error: Exception, seen: type[Exception], kept_open: bool
) -> None:
    async def check() -> None:
        async with kept(Server()) as pool:
            with pytest.raises(seen):
                async with pool.connection(0.1, 1) as line:
                    raise error
            assert line.is_closed() is not kept_open

    asyncio.run(check())


def test_slow_work_is_cut_off_and_its_connection_dropped() -> None:
    async def check() -> None:
        async with kept(Server()) as pool:
            with pytest.raises(TimedOut):
                async with pool.connection(0.1, 0.02) as line:
                    await asyncio.sleep(5)
            assert line.is_closed()

    asyncio.run(check())


def test_a_database_asks_the_last_resort_and_keeps_to_its_time() -> None:
    patience = Patience(connection=0.05, statement=0.05, whole=0.12, attempts=3)

    async def check() -> None:
        dead, alive = Server(), Server()
        dead.up = False
        async with kept(dead) as first, kept(alive) as last:
            database = Database([first], patience, settings.Settings(), last_resort=[last])
            assert await database.run(lambda line: line.fetch("one")) == ["one"]
            with pytest.raises(TimedOut):
                await database.run(lambda line: asyncio.sleep(1))
            alone = Database([first], patience, settings.Settings())
            with pytest.raises(Unavailable):
                await alone.run(lambda line: line.fetch("one"))

    asyncio.run(check())


@pytest.mark.parametrize("mode", ["close", "hang", "refuse"])
def test_a_cache_that_is_away_is_unavailable_soon(mode: str) -> None:
    async def away(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if mode == "hang":
            await reader.read()
        writer.close()

    async def check() -> float:
        server = await asyncio.start_server(away, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        if mode == "refuse":
            server.close()
        cache = Cache([f"redis://127.0.0.1:{port}/0"], settings.Settings())
        begun = asyncio.get_running_loop().time()
        for _ in range(5):  # the later ones find the breaker open
            with pytest.raises(Unavailable):
                await cache.get("a", "b")
        with pytest.raises(Unavailable):
            await cache.put(1, {"a": 1})
        await cache.close()
        server.close()
        return asyncio.get_running_loop().time() - begun

    assert asyncio.run(check()) < 2.0


def test_settings_come_from_the_environment() -> None:
    given = {"SHOP_NODE": "n1", "PORT": "1", "SHOP_WITHOUT": " retries, timeouts ,"}
    read = settings.from_environ({**given, "ORDER_URLS": "http://a/, http://b"})
    assert (read.node, read.port, read.without) == ("n1", 1, {"retries", "timeouts"})
    assert read.endpoints("ORDER_URLS") == ("http://a", "http://b")
    assert (read.seconds(1.0), read.attempts(3)) == (60.0, 1)
    with pytest.raises(ValueError, match="CATALOG_URLS is not set"):
        read.endpoints("CATALOG_URLS")
    with pytest.raises(ValueError, match="no such mechanism"):
        read.has("retrys")


def test_unknown_mechanisms_are_all_named_with_the_known_ones() -> None:
    with pytest.raises(mechanisms.UnknownMechanism, match=r"bar, foo \(known: cache-fallback,"):
        mechanisms.parse("foo,retries,bar")
    infrastructure = "gateway-checks,gateway-failover,db-failover,cache-failover,sync-replication"
    assert len(mechanisms.parse(infrastructure)) == 5


def run(program: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"services.{program}"]
    return subprocess.run(command, cwd=SHOP, env=environ, capture_output=True, text=True)


def test_a_program_refuses_to_start_with_one_sentence() -> None:
    refused = run("recommend", SHOP_WITHOUT="nonsense")
    assert refused.returncode == 1
    assert refused.stderr.startswith("shop: SHOP_WITHOUT names no such mechanism: nonsense (known")
    assert refused.stderr.count("\n") == 1
    assert "CATALOG_URLS is not set" in run("web").stderr


def test_the_table_prints_itself() -> None:
    printed = run("mechanisms").stdout
    assert all(f"| `{one.name}` |" in printed for one in mechanisms.TABLE)
