"""Calling another service of the shop over HTTP: several endpoints, one answer.

Each attempt has its own timeout and each endpoint its own breaker; a failed attempt goes to another
instance. A connection that was accepted proves nothing (a proxy accepts and then closes): only a
whole, readable answer below 500 is a success. It must never retry an answer that is a refusal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from .attempts import Rotation, first_success
from .breaker import Breaker
from .bulkhead import Bulkhead, Room, SharedHold
from .failures import TimedOut, Unavailable
from .settings import Settings

SHARED_PLACES = 10  # what all downstreams share where bulkheads were taken out


@dataclass(frozen=True)
class Reply:
    """A whole answer of another service."""

    status: int
    body: Any
    degraded: str = ""
    served_by: str = ""
    retry_after: str = ""


@dataclass(frozen=True)
class Address:
    """One instance and what we think of it."""

    url: str
    breaker: Breaker


@dataclass(frozen=True)
class Policy:
    """How one downstream is called."""

    timeout: float
    attempts: int = 2
    places: int = 48
    longest_open: float = 1.0


class Upstream:
    """One downstream service as this node sees it."""

    def __init__(
        self, name: str, urls: Sequence[str], policy: Policy, settings: Settings, room: Room
    ) -> None:
        breaking = settings.has("circuit-breaker")
        self.name = name
        self._rotation = Rotation(
            [
                Address(url, Breaker(url, enabled=breaking, longest=policy.longest_open))
                for url in urls
            ]
        )
        self._timeout = settings.seconds(policy.timeout)
        self._attempts = settings.attempts(policy.attempts)
        self._room = room
        self._session: aiohttp.ClientSession | None = None

    def use(self, session: aiohttp.ClientSession) -> None:
        """The connections to call through; they need a running loop, so they come later."""
        self._session = session

    async def call(self, method: str, path: str, body: Any = None) -> Reply:
        """One answer, from whichever instance gives it first."""

        async def ask(address: Address) -> Reply:
            return await self._ask(address.url, method, path, body)

        async with self._room.place(self._timeout):
            return await first_success(self._rotation.turn(), ask, self._attempts)

    async def _ask(self, url: str, method: str, path: str, body: Any) -> Reply:
        assert self._session is not None, "use() comes first"
        limit = aiohttp.ClientTimeout(total=self._timeout)
        try:
            async with self._session.request(method, url + path, json=body, timeout=limit) as got:
                return _read(self.name, got, await got.read())
        except TimeoutError as late:
            raise TimedOut(f"{self.name}: no answer within {self._timeout:g} s") from late
        except (aiohttp.ClientError, OSError, ValueError) as broken:
            raise Unavailable(f"{self.name}: {type(broken).__name__}") from broken


def _read(name: str, got: aiohttp.ClientResponse, content: bytes) -> Reply:
    marks = got.headers
    shed = "Retry-After" in marks
    if got.status >= 500 and not shed:
        raise Unavailable(f"{name}: answered {got.status}")
    return Reply(
        got.status,
        json.loads(content),
        degraded=marks.get("X-Degraded", ""),
        served_by=marks.get("X-Served-By", ""),
        retry_after=marks.get("Retry-After", ""),
    )


def upstreams(policies: Mapping[str, Policy], settings: Settings) -> list[Upstream]:
    """One upstream per downstream service, each in its own bulkhead, or all in one hold."""
    hold = SharedHold(SHARED_PLACES)
    made = []
    for name, policy in policies.items():
        room: Room = Bulkhead(name, policy.places) if settings.has("bulkhead") else hold
        urls = settings.endpoints(f"{name.upper()}_URLS")
        made.append(Upstream(name, urls, policy, settings, room))
    return made


def session() -> aiohttp.ClientSession:
    """Connections without a limit of their own (that is the bulkheads' work) and without cookies,
    which would tie requests to one instance."""
    connector = aiohttp.TCPConnector(limit=0)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
