"""A bulkhead: the number of places one downstream may take up in this process.

It must never queue: waiting for a place is how one slow downstream sinks the whole ship. That ship
is here too, for when bulkheads were taken out: one hold with few places, shared by all.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from .failures import Full, TimedOut
from .notice import Notice


class Room(Protocol):
    """Where calls to a downstream have to find a place."""

    def place(self, patience: float) -> AbstractAsyncContextManager[None]:
        """Hold a place for one call."""
        ...


class Bulkhead:
    """Places for calls to one downstream."""

    def __init__(self, name: str, places: int) -> None:
        self._name = name
        self._places = places
        self._taken = 0
        self._shedding = Notice(f"bulkhead {name} sheds")

    @asynccontextmanager
    async def place(self, patience: float) -> AsyncIterator[None]:
        """Hold a place for one call; raises Full at once where none is free."""
        if self._taken >= self._places:
            self._shedding.happened(f"{self._taken} calls at once")
            raise Full(f"{self._name}: {self._places} calls at once are enough")
        self._shedding.passed()
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1


class SharedHold:
    """No bulkheads: every call to any downstream waits for one of a few places."""

    def __init__(self, places: int) -> None:
        self._places = asyncio.Semaphore(places)

    @asynccontextmanager
    async def place(self, patience: float) -> AsyncIterator[None]:
        """Hold a place for one call, after waiting for it behind everybody else."""
        try:
            async with asyncio.timeout(patience):
                await self._places.acquire()
        except TimeoutError as late:
            raise TimedOut(f"no place within {patience:g} s") from late
        try:
            yield
        finally:
            self._places.release()
