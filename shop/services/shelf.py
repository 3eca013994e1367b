"""Where the catalog finds what it answers: cache, then database, then the last it knew.

Each step down marks the answer as degraded. It must never call a failure an empty answer: what no
source could say is Unavailable, what the database does not have is None.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .database import Work
from .failures import Unavailable
from .notice import Notice
from .settings import Settings

FRESH_FOR = 5
STALE_FOR = 24 * 3600


class Store(Protocol):
    """A cache."""

    async def get(self, *keys: str) -> Sequence[Any]: ...
    async def put(self, value: Any, seconds: dict[str, int]) -> None: ...


class Source(Protocol):
    """A database."""

    async def run(self, work: Work[Any]) -> Any: ...


@dataclass(frozen=True)
class Found:
    """A value and what is wrong with it."""

    value: Any
    degraded: tuple[str, ...] = ()


class Shelf:
    """Looks things up and remembers them."""

    def __init__(self, cache: Store, database: Source, settings: Settings) -> None:
        self._cache = cache
        self._database = database
        self._cacheless = settings.has("cache-fallback")
        self._staleness = settings.has("stale-answers")
        self._known: dict[str, Any] = {}
        self._without_cache = Notice("serving without the cache")
        self._serving_stale = Notice("serving stale answers")

    async def look_up(self, key: str, work: Work[Any]) -> Found:
        """The value of a key; `work` asks the database for it."""
        try:
            fresh, stale = await self._cache.get(f"fresh:{key}", f"stale:{key}")
        except Unavailable as gone:
            if not self._cacheless:
                raise Unavailable(f"cache: {gone}") from gone
            self._without_cache.happened(gone)
            return await self._read(key, work, self._known.get(key), ("cache unavailable",))
        self._without_cache.passed()
        if fresh is not None:
            return Found(fresh)
        known = stale if stale is not None else self._known.get(key)
        return await self._read(key, work, known, ())

    async def _read(self, key: str, work: Work[Any], known: Any, marks: tuple[str, ...]) -> Found:
        try:
            value = await self._database.run(work)
        except Unavailable as gone:
            if known is None or not self._staleness:
                raise
            self._serving_stale.happened(gone)
            return Found(known, (*marks, "stale"))
        self._serving_stale.passed()
        if value is not None:
            await self._remember(key, value, cached=not marks)
        return Found(value, marks)

    async def _remember(self, key: str, value: Any, *, cached: bool) -> None:
        self.learn({key: value})
        if not cached:
            return
        try:
            await self._cache.put(value, {f"fresh:{key}": FRESH_FOR, f"stale:{key}": STALE_FOR})
        except Unavailable as gone:
            self._without_cache.happened(gone)

    def learn(self, values: dict[str, Any]) -> None:
        """Know values without asking, as at the start of the program."""
        self._known.update(values)
