"""The cache: Redis behind one or more endpoints, asked with very little patience.

A cache that answers late is worse than none, so every wait is short and a breaker opens soon. It
must never raise anything but Unavailable, and never be the only place where something is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as TooLate

from .attempts import Rotation, first_success
from .breaker import Breaker
from .failures import TimedOut, Unavailable
from .settings import Settings

T = TypeVar("T")
WITHIN = 0.25


class Entrance:
    """One endpoint of the cache."""

    def __init__(self, url: str, timeout: float, breaker: Breaker) -> None:
        self.breaker = breaker
        # The client's own retries would multiply the wait; ours go to another endpoint. Its socket
        # timeouts are used because cancelling a command from outside can desynchronise the
        # connections of older clients.
        self._client: Any = Redis.from_url(
            url,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )

    async def ask(self, command: Callable[[Any], Awaitable[T]]) -> T:
        """The answer to one command, with a new connection where the old one was closed."""
        try:
            try:
                return await _apart(command(self._client))
            except Disconnected as closed:
                if isinstance(closed, TooLate):
                    raise
                await self.forget()
                return await _apart(command(self._client))
        except (TooLate, TimeoutError) as late:
            raise TimedOut(f"{self.breaker.name}: no answer in time") from late
        except (RedisError, OSError, ValueError) as broken:
            # also a refusal: a demoted master must not be asked again on this connection
            await self.forget()
            raise Unavailable(f"{self.breaker.name}: {type(broken).__name__}") from broken

    async def forget(self) -> None:
        """Drop the connections that nobody uses just now: they share the fate of the failed one."""
        with contextlib.suppress(RedisError, OSError):
            await _apart(self._client.connection_pool.disconnect(inuse_connections=False))


async def _apart(call: Awaitable[T]) -> T:
    """Await `call` in a task of its own.

    Older clients end their waits by cancelling the task they run in without taking that back;
    a later `asyncio.timeout` in the same task would then let the cancellation out.
    """
    return await asyncio.ensure_future(call)


class Cache:
    """Values as JSON under keys."""

    def __init__(self, urls: Sequence[str], settings: Settings) -> None:
        breaking, timeout = settings.has("circuit-breaker"), settings.seconds(WITHIN)
        self._entrances = Rotation(
            [
                Entrance(url, timeout, Breaker(url.rpartition("@")[2], enabled=breaking))
                for url in urls
            ]
        )
        self._attempts = settings.attempts(2)

    async def get(self, *keys: str) -> list[Any]:
        """The values under some keys, None where there is none."""

        async def ask(entrance: Entrance) -> list[Any]:
            found = await entrance.ask(lambda client: client.mget(keys))
            return [None if text is None else json.loads(text) for text in found]

        return await first_success(self._entrances.turn(), ask, self._attempts)

    async def put(self, value: Any, seconds: dict[str, int]) -> None:
        """Keep one value under several keys, each for its own time, in one round trip."""
        text = json.dumps(value)

        async def store(client: Any) -> None:
            pipeline = client.pipeline(transaction=False)
            for key, lifetime in seconds.items():
                pipeline.set(key, text, ex=lifetime)
            await pipeline.execute()

        async def ask(entrance: Entrance) -> None:
            await entrance.ask(store)

        await first_success(self._entrances.turn(), ask, self._attempts)

    async def close(self) -> None:
        """Drop the idle connections."""
        for entrance in self._entrances.turn():
            await entrance.forget()
