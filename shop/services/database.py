"""The database as a service sees it: several endpoints, each with a pool and a breaker.

Work is a function of a connection; it runs again on another endpoint when the first one fails, so
it must be safe to repeat (or its author accepts the weakness). It must never send a write to the
read pool: who builds a Database says which endpoints it has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from .attempts import Rotation, first_success
from .breaker import Breaker
from .failures import TimedOut
from .pool import Connection, Pool, connecting
from .settings import Settings

T = TypeVar("T")
Work = Callable[[Connection], Awaitable[T]]
CONNECT_WITHIN = 2.0


@dataclass(frozen=True)
class Patience:
    """How long to wait for a connection, for a statement, and in all."""

    connection: float
    statement: float
    whole: float
    attempts: int


READING = Patience(connection=0.15, statement=0.4, whole=0.6, attempts=3)
WRITING = Patience(connection=1.0, statement=1.5, whole=2.0, attempts=3)


class Database:
    """Endpoints asked in turn, and others only when those have failed."""

    def __init__(
        self,
        pools: Sequence[Pool],
        patience: Patience,
        settings: Settings,
        last_resort: Sequence[Pool] = (),
    ) -> None:
        self._first = Rotation(pools)
        self._last_resort = tuple(last_resort)
        self._connection = settings.seconds(patience.connection)
        self._statement = settings.seconds(patience.statement)
        self._whole = settings.seconds(patience.whole)
        self._attempts = settings.attempts(patience.attempts)

    async def run(self, work: Work[T]) -> T:
        """The outcome of the work on the first endpoint that can do it."""

        async def on(pool: Pool) -> T:
            async with pool.connection(self._connection, self._statement) as connection:
                return await work(connection)

        pools = self._first.turn() + self._last_resort
        try:
            async with asyncio.timeout(self._whole):
                return await first_success(pools, on, self._attempts)
        except TimeoutError as late:
            raise TimedOut(f"database: not done within {self._whole:g} s") from late


def pools(urls: Sequence[str], settings: Settings, size: int) -> list[Pool]:
    """One pool per endpoint."""
    breaking, recovers = settings.has("circuit-breaker"), settings.has("connection-recovery")
    made = []
    for url in urls:
        place = url.rpartition("@")[2]  # never a password in a log
        connect = connecting(url, settings.node, settings.seconds(CONNECT_WITHIN))
        breaker = Breaker(place, enabled=breaking, open_for=0.5, longest=0.5)
        made.append(Pool(place, connect, breaker, size=size, recovers=recovers))
    return made
