"""Trying one piece of work on several endpoints, a bounded number of times.

It must never try for ever, nor count an endpoint that was skipped because its breaker is open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, Protocol, TypeVar

from .breaker import Breaker
from .failures import BreakerOpen, Unavailable

PAUSE = 0.05  # before an endpoint that has just failed is asked again


class Endpoint(Protocol):
    """Anything with a breaker."""

    @property
    def breaker(self) -> Breaker:
        """What is thought of it."""
        ...


E = TypeVar("E", bound=Endpoint)
T = TypeVar("T")


async def first_success(
    endpoints: Sequence[E], call: Callable[[E], Awaitable[T]], attempts: int
) -> T:
    """The first answer; after `attempts` failures the last of them is raised."""
    failure = Unavailable("nobody to ask")
    left = attempts
    for lap in range(attempts):
        if lap:
            await asyncio.sleep(PAUSE)
        for endpoint in endpoints:
            try:
                with endpoint.breaker.guard():
                    return await call(endpoint)
            except BreakerOpen as skipped:
                failure = skipped if left == attempts else failure
            except Unavailable as failed:
                failure, left = failed, left - 1
                if not left:
                    raise
        if left == attempts:
            break  # every breaker is open: failing at once is their point
    raise failure


class Rotation(Generic[E]):
    """Endpoints in turn: each use starts one further on, so that load spreads."""

    def __init__(self, endpoints: Sequence[E]) -> None:
        self._endpoints = tuple(endpoints)
        self._next = 0

    def turn(self) -> tuple[E, ...]:
        """The endpoints in the order to ask them this time."""
        start = self._next = (self._next + 1) % len(self._endpoints)
        return self._endpoints[start:] + self._endpoints[:start]
