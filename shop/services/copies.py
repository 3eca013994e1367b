"""The database's nodes one by one, for whoever compares what each of them holds.

A connection of its own for each question: it goes to the node itself, past the proxies that look
for the primary. It must never write, and never ask another node instead.
"""

from __future__ import annotations

import asyncio
from typing import TypeVar

import asyncpg

from .database import Work
from .failures import TimedOut, Unavailable
from .pool import AWAY, Connect, connecting
from .settings import Settings

WITHIN = 4.0
T = TypeVar("T")


class Copies:
    """Nodes by name, from DATABASE_NODE_URLS: `database1=postgresql://…,database2=…`."""

    def __init__(self, settings: Settings) -> None:
        named = (url.partition("=") for url in settings.urls.get("DATABASE_NODE_URLS", ()))
        self._connects: dict[str, Connect] = {
            name: connecting(url, settings.node, WITHIN) for name, _, url in named
        }

    def __contains__(self, name: str) -> bool:
        return name in self._connects

    async def ask(self, name: str, work: Work[T]) -> T:
        """What the node `name` answers; raises Unavailable when it does not."""
        try:
            async with asyncio.timeout(WITHIN):
                connection = await self._connects[name]()
                try:
                    return await work(connection)
                finally:
                    connection.terminate()
        except TimeoutError as late:
            raise TimedOut(f"{name}: not done within {WITHIN:g} s") from late
        except (*AWAY, asyncpg.PostgresError) as gone:
            raise Unavailable(f"{name}: {type(gone).__name__}: {gone}") from gone
