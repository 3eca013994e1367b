"""The shop's lines to its resources: the pool of connections, the database, the cache."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "shop"))

from services import settings
from services.breaker import Breaker
from services.cache import Cache
from services.database import Database, Patience
from services.failures import TimedOut, Unavailable
from services.pool import Pool


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
