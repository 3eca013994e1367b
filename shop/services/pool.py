"""A few PostgreSQL connections to one endpoint, kept ready in the background.

Requests never connect: they take a live connection or wait a bounded time for one, so the price of
a slow or absent server is paid by the keeper alone. A connection that failed is thrown away, never
handed out again (without `connection-recovery` it is: that is the weakness). It must never decide
what to do instead: that is for its user.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol

import asyncpg

from .breaker import Breaker
from .failures import TimedOut, Unavailable
from .notice import Notice

PAUSE = 0.25  # between attempts to connect, and between looks at idle connections

# An error of these kinds says that the server or the way to it is away, read-only or in a hurry;
# all others are answers about the statement itself.
AWAY: tuple[type[BaseException], ...] = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.ReadOnlySQLTransactionError,
)


class Connection(Protocol):
    """What the shop uses of an asyncpg connection."""

    async def fetch(self, query: str, *args: Any) -> list[Any]: ...
    async def fetchrow(self, query: str, *args: Any) -> Any: ...
    async def execute(self, query: str, *args: Any) -> str: ...
    def is_closed(self) -> bool: ...
    def terminate(self) -> None: ...


Connect = Callable[[], Awaitable[Connection]]


def connecting(url: str, node: str, timeout: float) -> Connect:
    """How to open one connection; TLS is not asked for, it would cost a round trip each time."""

    async def connect() -> Connection:
        opened: Connection = await asyncpg.connect(
            url, ssl=False, timeout=timeout, server_settings={"application_name": node}
        )
        return opened

    return connect


class Pool:
    """Up to `size` connections to one endpoint."""

    def __init__(
        self, name: str, connect: Connect, breaker: Breaker, *, size: int = 4, recovers: bool = True
    ) -> None:
        self.name = name
        self.breaker = breaker
        self._connect = connect
        self._size = size
        self._recovers = recovers
        self._idle: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()
        self._open = 0
        self._unreachable = Notice(f"{name} does not accept connections", quiet_for=0)

    async def keep(self) -> None:
        """Keep the pool filled for as long as the program runs."""
        while self._recovers or self._open < self._size:
            if self._recovers:
                self._sweep()
            if self._open < self._size and await self._add():
                continue
            await asyncio.sleep(PAUSE)

    async def _add(self) -> bool:
        try:
            self._idle.put_nowait(await self._connect())
        except (asyncpg.PostgresError, *AWAY) as why:
            self._unreachable.happened(f"{type(why).__name__}: {why}")
            return False
        self._unreachable.passed()
        self._open += 1
        return True

    def _sweep(self) -> None:
        """Drop idle connections that the other side has closed."""
        waiting = [self._idle.get_nowait() for _ in range(self._idle.qsize())]
        for connection in reversed(waiting):
            self._give_back(connection)

    def _give_back(self, connection: Connection) -> None:
        if self._recovers and connection.is_closed():
            self._open -= 1
        else:
            self._idle.put_nowait(connection)

    async def _take(self, patience: float) -> Connection:
        try:
            async with asyncio.timeout(patience):
                while True:
                    connection = await self._idle.get()
                    if not (self._recovers and connection.is_closed()):
                        return connection
                    self._open -= 1
        except TimeoutError as late:
            raise Unavailable(f"{self.name}: no connection within {patience:g} s") from late

    @contextlib.asynccontextmanager
    async def connection(self, patience: float, limit: float) -> AsyncIterator[Connection]:
        """A connection for one piece of work that has to be done within `limit` seconds."""
        connection = await self._take(patience)
        clean = False
        try:
            async with asyncio.timeout(limit):
                yield connection
            clean = True
        except TimeoutError as late:
            raise TimedOut(f"{self.name}: not done within {limit:g} s") from late
        except AWAY as gone:
            raise Unavailable(f"{self.name}: {type(gone).__name__}: {gone}") from gone
        except asyncpg.PostgresError:
            clean = True  # the server answered: nothing is wrong with the connection
            raise
        finally:
            # interrupted work leaves a connection in an unknown state: closing it is cheaper
            # than finding out (and its statement may still be running on the server)
            if not clean:
                connection.terminate()
            self._give_back(connection)

    def close(self) -> None:
        """Cut all idle connections; the server rolls back what was not committed."""
        while not self._idle.empty():
            self._idle.get_nowait().terminate()
